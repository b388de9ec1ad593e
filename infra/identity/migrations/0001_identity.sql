-- Up Migration

create table account (
  id uuid primary key default gen_random_uuid(),
  username text not null unique check (username = lower(username)),
  email text not null unique check (email = lower(email)),
  name text not null,
  role text not null check (role in ('customer', 'seller', 'staff')),
  seller text check ((role = 'seller') = (seller is not null)),
  -- '$argon2id$v=19$m=…,t=…,p=…$salt$hash'
  password text not null,
  created_at timestamptz not null default now()
);

-- What oidc-provider keeps: sessions, grants, codes, refresh tokens, pushed requests, seen proofs.
-- The id is hashed and the payload sealed: a copy of this table opens no session (S1.2).
create table oidc_record (
  model text not null,
  id text not null,
  payload bytea not null,
  grant_id text,
  uid text,
  expires_at timestamptz,
  consumed_at timestamptz,
  primary key (model, id)
);
create index oidc_record_grant on oidc_record (grant_id) where grant_id is not null;
create index oidc_record_uid on oidc_record (uid) where uid is not null;
create index oidc_record_expiry on oidc_record (expires_at);

-- Leaky buckets of failed sign-ins (S11.1).
create table login_throttle (
  key bytea primary key,
  level double precision not null,
  at timestamptz not null
);

-- Generations of the token-signing key; the keys themselves are in the vault.
create table signing_key (
  generation integer primary key,
  label text not null unique,
  created_at timestamptz not null default now()
);

-- Down Migration

drop table signing_key;
drop table login_throttle;
drop table oidc_record;
drop table account;

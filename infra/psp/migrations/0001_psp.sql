-- Up Migration

-- What stands for an instrument: never its number. Worth one payment.
create table token (
  hash bytea primary key,
  method text not null check (method in ('card', 'bank-account')),
  behaviour text not null,
  hint text not null,
  expires_at timestamptz not null,
  payment_id text
);

create table payment (
  id text primary key,
  reference text not null,
  method text not null,
  behaviour text not null,
  status text not null check (status in ('authorized', 'declined', 'captured', 'voided')),
  decline_reason text check ((status = 'declined') = (decline_reason is not null)),
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null,
  refunded_minor bigint not null default 0 check (refunded_minor between 0 and amount_minor and (refunded_minor = 0 or status = 'captured')),
  settle_at timestamptz,
  settled_at timestamptz,
  created_at timestamptz not null default now()
);
create index payment_reference on payment (reference);
create index payment_settlement on payment (settle_at) where settled_at is null and settle_at is not null;

create table ledger (
  id bigserial primary key,
  at timestamptz not null default now(),
  payment_id text not null references payment,
  reference text not null,
  entry text not null check (entry in ('authorized', 'captured', 'voided', 'refunded', 'settled')),
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null
);
create function refuse_change() returns trigger language plpgsql as $$ begin raise exception 'the ledger is append-only'; end $$;
create trigger ledger_append_only before update or delete or truncate on ledger for each statement execute function refuse_change();

create table idempotency (
  key text primary key,
  request_hash text not null,
  status integer,
  -- As it was sent, byte for byte.
  body text,
  created_at timestamptz not null default now()
);

-- One row a delivery; the same event may have two.
create table webhook (
  id bigserial primary key,
  payload text not null,
  attempts integer not null default 0,
  next_at timestamptz not null default now(),
  delivered_at timestamptz
);
create index webhook_due on webhook (next_at) where delivered_at is null;

-- Down Migration

drop table webhook;
drop table idempotency;
drop table ledger;
drop function refuse_change;
drop table payment;
drop table token;

-- Up Migration
-- What every service's database has besides its own tables: events to send, events seen, answers given.

create table outbox (
  id uuid primary key default gen_random_uuid(),
  position bigint generated always as identity,
  topic text not null,
  subject text not null,
  data jsonb not null,
  traceparent text,
  created_at timestamptz not null default clock_timestamp(),
  published_at timestamptz
);
create index outbox_waiting on outbox (position) where published_at is null;

create table inbox (
  event_id uuid primary key,
  topic text not null,
  handled_at timestamptz not null default now()
);
create index inbox_age on inbox (handled_at);

create table idempotency (
  subject text not null,
  key text not null,
  request_hash text not null,
  status int,
  headers jsonb,
  body json,
  created_at timestamptz not null default now(),
  primary key (subject, key)
);
create index idempotency_age on idempotency (created_at);

-- Down Migration
drop table idempotency;
drop table inbox;
drop table outbox;

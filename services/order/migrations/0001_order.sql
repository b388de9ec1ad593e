-- Up Migration
-- One row a cart: whoever changes a cart locks it.
create table carts (
  subject text primary key,
  touched_at timestamptz not null default now()
);
create index carts_age on carts (touched_at) where subject like 'guest:%';

create table cart_lines (
  subject text not null references carts on delete cascade,
  product_id uuid not null,
  quantity int not null check (quantity between 1 and 99),
  position bigint generated always as identity,
  primary key (subject, product_id)
);

create table profiles (
  subject text primary key,
  name text not null,
  addresses jsonb not null,
  version int not null default 1
);

create sequence order_numbers start 100001;

create table orders (
  id uuid primary key default gen_random_uuid(),
  number text not null unique default 'ORD-' || nextval('order_numbers'),
  subject text not null,
  name text not null,
  address jsonb not null,
  lines jsonb not null,
  total_minor bigint not null check (total_minor > 0),
  currency text not null,
  method text not null,
  -- worth one payment; forgotten as soon as that is decided
  payment_token text,
  placed_at timestamptz not null default now(),
  traceparent text,
  status text not null default 'placed',
  history jsonb not null default '[]',
  version int not null default 1,
  -- the saga (domain/saga.ts) and who works on it
  saga jsonb not null,
  due_at timestamptz default now(),
  leased_by text,
  leased_until timestamptz,
  attempts int not null default 0
);
create index orders_subject on orders (subject, placed_at desc, id);
create index orders_placed on orders (placed_at desc, id);
create index orders_due on orders (due_at) where due_at is not null;

-- Down Migration
drop table orders;
drop sequence order_numbers;
drop table profiles;
drop table cart_lines;
drop table carts;

-- Up Migration
create table sellers (
  id text primary key,
  name text not null,
  -- product numbers: prefix and a running number
  prefix text not null unique,
  last_number int not null default 0
);

create table products (
  id uuid primary key default gen_random_uuid(),
  position bigint generated always as identity,
  number text not null unique,
  seller text not null references sellers,
  name text not null,
  description text not null,
  category text not null,
  price_minor bigint not null check (price_minor > 0),
  currency text not null default 'EUR' check (currency = 'EUR'),
  -- what may still be sold: held stock is already taken off
  stock int not null check (stock >= 0),
  version int not null default 1
);
create index products_position on products (position);
create index products_seller on products (seller);
create index products_category on products (category);

create table reservations (
  order_id uuid primary key,
  state text not null check (state in ('held', 'committed', 'released', 'expired')),
  -- [{productId, number, name, seller, quantity, unitPriceMinor, currency}] as answered
  lines jsonb not null,
  expires_at timestamptz not null,
  changed_at timestamptz not null default now()
);
create index reservations_due on reservations (expires_at) where state = 'held';

-- Down Migration
drop table reservations;
drop table products;
drop table sellers;

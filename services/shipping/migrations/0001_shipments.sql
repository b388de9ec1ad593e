-- Up Migration
create sequence shipment_number;

create table shipments (
  id uuid primary key default gen_random_uuid(),
  number text not null unique default 'SH-' || lpad(nextval('shipment_number')::text, 6, '0'),
  order_id uuid not null unique,
  -- Null where an order was cancelled before its shipment was asked for: the row then only says that none will be made.
  customer_id text,
  status text not null check (status in ('created', 'dispatched', 'in-transit', 'delivered', 'cancelled')),
  priority text not null check (priority in ('standard', 'express')),
  address jsonb,
  packages jsonb,
  next_step_at timestamptz
);
create index shipments_due on shipments (next_step_at) where next_step_at is not null;

create table tracking (
  shipment_id uuid not null references shipments (id),
  position int generated always as identity,
  status text not null,
  at timestamptz not null default now(),
  primary key (shipment_id, position)
);

-- Down Migration
drop table tracking;
drop table shipments;
drop sequence shipment_number;

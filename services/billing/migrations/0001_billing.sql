-- Up Migration
create table payments (
  order_id uuid primary key,
  status text not null check (status in ('requested', 'authorized', 'declined', 'capturing', 'captured', 'voiding', 'cancelled', 'refunding', 'refunded')),
  -- Set for good when the order was given up: from then on the goal is 'cancel', whoever asks for what.
  is_cancelled boolean not null default false,
  -- Null where an order was cancelled before its payment was asked for.
  customer_id text,
  name text,
  address jsonb,
  amount_minor bigint check (amount_minor > 0),
  currency text,
  method text check (method in ('card', 'bank-account')),
  -- The provider's own token for the card or account; worthless without the merchant key.
  instrument text,
  lines jsonb,
  provider_id text,
  decline_reason text,
  settled_at timestamptz,
  updated_at timestamptz not null default now()
);

create table invoice_years (year int primary key, last_number int not null);

create table invoices (
  number text primary key,
  order_id uuid not null unique references payments (order_id),
  issued_at timestamptz not null default now()
);

create table ledger (
  id bigint generated always as identity primary key,
  posting uuid not null,
  order_id uuid not null references payments (order_id),
  kind text not null check (kind in ('captured', 'refunded')),
  account text not null check (account in ('receivable', 'clearing', 'revenue')),
  amount_minor bigint not null,
  currency text not null,
  at timestamptz not null default now()
);
create index ledger_order on ledger (order_id);

-- The database holds the rule as well: a posting that does not add up to zero cannot commit.
create function ledger_balances() returns trigger language plpgsql as $$
begin
  if (select sum(amount_minor) from ledger where posting = new.posting) <> 0 then
    raise exception 'posting % does not balance', new.posting;
  end if;
  return null;
end $$;
create constraint trigger ledger_balances after insert or update on ledger deferrable initially deferred for each row execute function ledger_balances();

create table provider_events (id text primary key, received_at timestamptz not null default now());

-- Down Migration
drop table provider_events;
drop table ledger;
drop function ledger_balances;
drop table invoices;
drop table invoice_years;
drop table payments;

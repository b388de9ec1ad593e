-- Up Migration
-- Spans of sampled requests, one partition a day (UTC), dropped by age like events and sooner: they explain slowness, not attacks.
create table spans (
  day date not null default (now() at time zone 'utc')::date,
  received_at timestamptz not null default now(),
  -- The workload in the producer's certificate. Part of the key: nobody takes another's place by sending its ids first.
  producer text not null,
  trace_id text not null,
  span_id text not null,
  parent_id text,
  process text not null,
  version text not null,
  name text not null,
  kind text not null,
  started_at timestamptz not null,
  duration_ms double precision not null,
  is_error boolean not null,
  attributes jsonb not null,
  primary key (trace_id, span_id, producer, day)
) partition by range (day);

create index spans_roots on spans (received_at) where parent_id is null;

create function tend_span_days() returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
  today date := (now() at time zone 'utc')::date;
  wanted date;
  old text;
begin
  perform pg_advisory_xact_lock(hashtext('tend_span_days'));
  foreach wanted in array array[today, today + 1] loop
    execute format('create table if not exists %I partition of spans for values from (%L) to (%L)', 'spans_' || to_char(wanted, 'YYYYMMDD'), wanted, wanted + 1);
  end loop;
  for old in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.spans'::regclass and to_date(right(c.relname, 8), 'YYYYMMDD') < today - 3
  loop
    execute format('drop table %I', old);
  end loop;
end
$$;
select tend_span_days();

-- Down Migration
drop function tend_span_days();
drop table spans;

-- Up Migration
-- Security events, one partition a day (UTC). The run-time role reads and writes rows; days come and go by the one
-- function below, which takes no argument: whoever takes over the monitor cannot drop the past with it (S5.1).
create sequence event_seq;

create table events (
  id uuid not null,
  day date not null default (now() at time zone 'utc')::date,
  -- Order of commit: writers take turns.
  seq bigint not null default nextval('event_seq'),
  received_at timestamptz not null default now(),
  -- The workload in the producer's certificate, not what the event says of itself.
  producer text not null,
  event jsonb not null,
  primary key (id, day)
) partition by range (day);

create index events_seq on events (seq);
create index events_received_at on events (received_at);
create index events_trace on events ((event #>> '{data,traceId}'));

create function tend_event_days() returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
  today date := (now() at time zone 'utc')::date;
  wanted date;
  old text;
begin
  perform pg_advisory_xact_lock(hashtext('tend_event_days'));
  foreach wanted in array array[today, today + 1] loop
    execute format('create table if not exists %I partition of events for values from (%L) to (%L)', 'events_' || to_char(wanted, 'YYYYMMDD'), wanted, wanted + 1);
  end loop;
  for old in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.events'::regclass and to_date(right(c.relname, 8), 'YYYYMMDD') < today - 14
  loop
    execute format('drop table %I', old);
  end loop;
end
$$;
select tend_event_days();

-- Down Migration
drop function tend_event_days();
drop table events;
drop sequence event_seq;

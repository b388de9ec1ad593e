-- Up Migration
-- Whoever keeps a copy of a session hears at once that it is not what it was (S10.1). One that only lives longer is.
-- What is told is the hash of its row, which opens nothing and names nobody; nothing, when it may be any.

create function tell_session_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('sessions', case tg_level when 'ROW' then encode(old.hash, 'base64') else '' end);
  return null;
end $$;

create trigger session_changed after update of hash, sealed, ends_at on sessions for each row execute function tell_session_changed();
create trigger session_shortened after update of expires_at on sessions for each row when (new.expires_at < old.expires_at) execute function tell_session_changed();
create trigger session_ended after delete on sessions for each row execute function tell_session_changed();
create trigger sessions_emptied after truncate on sessions for each statement execute function tell_session_changed();

-- Down Migration
drop trigger sessions_emptied on sessions;
drop trigger session_ended on sessions;
drop trigger session_shortened on sessions;
drop trigger session_changed on sessions;
drop function tell_session_changed();

-- Up Migration
-- Browser sessions (S10.1). Neither column is worth anything without the other half: the handle is known to the browser
-- alone, the sealing key to the edge alone, and a row copied over another does not open.

create table sessions (
  -- SHA-256 of the handle
  hash bytea primary key check (octet_length(hash) = 32),
  -- AES-256-GCM over the session's data, bound to `hash`
  sealed bytea not null,
  -- moves with use
  expires_at timestamptz not null,
  -- never moves
  ends_at timestamptz not null
);
create index sessions_expiry on sessions (expires_at);

-- Down Migration
drop table sessions;

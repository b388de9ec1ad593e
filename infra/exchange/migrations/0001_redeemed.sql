-- Up Migration
-- Single-use tokens that were used: the key makes "first" atomic (S1.1, S8.3).
create table redeemed (
  jti uuid primary key,
  expires_at timestamptz not null
);
create index redeemed_expires_at on redeemed (expires_at);

-- Down Migration
drop table redeemed;

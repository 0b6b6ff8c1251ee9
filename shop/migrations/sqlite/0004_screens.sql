-- Screens on a wall, where nobody signs in. One that waits shows its code; an administrator's approval gives it a name
-- and takes the code away. Revoking deletes the row.

CREATE TABLE screens (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  -- SHA-256 of what the screen keeps; the secret itself is nowhere.
  secret_hash TEXT NOT NULL UNIQUE,
  -- Only while it waits.
  code TEXT UNIQUE,
  code_until BIGINT NOT NULL,
  name TEXT,
  created_at BIGINT NOT NULL,
  approved_at BIGINT,
  last_seen BIGINT
);

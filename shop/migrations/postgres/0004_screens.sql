-- Screens on a wall, where nobody signs in. One that waits shows its code; an administrator's approval gives it a name
-- and takes the code away. Revoking deletes the row.

CREATE TABLE screens (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  -- SHA-256 of what the screen keeps; the secret itself is nowhere.
  secret_hash TEXT COLLATE "C" NOT NULL UNIQUE,
  -- Only while it waits.
  code TEXT COLLATE "C" UNIQUE,
  code_until BIGINT NOT NULL,
  name TEXT COLLATE "C",
  created_at BIGINT NOT NULL,
  approved_at BIGINT,
  last_seen BIGINT
);

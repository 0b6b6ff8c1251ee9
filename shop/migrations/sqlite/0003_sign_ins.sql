-- Sign-ins that outlive their tokens: one row each, for as long as its refresh tokens follow one another. Only hashes are
-- kept. `password_mark` is of the password's hash: with another password none of its sign-ins goes on, whoever changed it.
CREATE TABLE sign_ins (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  token_hash TEXT NOT NULL,
  previous_hash TEXT,
  password_mark TEXT NOT NULL,
  began_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX sign_ins_by_user ON sign_ins (user_id, used_at);
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);

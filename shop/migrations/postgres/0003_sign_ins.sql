-- Sign-ins that outlive their tokens: one row each, for as long as its refresh tokens follow one another. Only hashes are
-- kept. `password_mark` is of the password's hash: with another password none of its sign-ins goes on, whoever changed it.
CREATE TABLE sign_ins (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  token_hash TEXT COLLATE "C" NOT NULL,
  previous_hash TEXT COLLATE "C",
  password_mark TEXT COLLATE "C" NOT NULL,
  began_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX sign_ins_by_user ON sign_ins (user_id, used_at);
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);

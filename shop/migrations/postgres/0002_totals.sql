-- What the statistics show, kept beside the rows that it is made of, so that no statistic has to read them all. Orders keep
-- it up in store/totals.rs; only the counts of people are kept by a trigger, since everything else about a person stands in
-- the person's own row.

-- Of clients: all their orders, and what they paid for delivered ones.
ALTER TABLE users ADD COLUMN total_orders BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN total_spent BIGINT NOT NULL DEFAULT 0;
-- Of technicians: completed details, and the open orders that they evaluate.
ALTER TABLE users ADD COLUMN done_details BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN done_revenue BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN open_orders BIGINT NOT NULL DEFAULT 0;
CREATE INDEX users_by_spending ON users (role, total_spent DESC, total_orders DESC, name, id);

ALTER TABLE services ADD COLUMN total_details BIGINT NOT NULL DEFAULT 0;
ALTER TABLE services ADD COLUMN total_revenue BIGINT NOT NULL DEFAULT 0;

-- These rows change with every order. Room on their pages lets a new version stay beside the old one without a new entry in
-- any index, and whoever reads the page next sweeps the old ones away.
ALTER TABLE users SET (fillfactor = 80);
ALTER TABLE services SET (fillfactor = 50);

CREATE TABLE order_totals (
  status TEXT COLLATE "C" PRIMARY KEY,
  orders BIGINT NOT NULL,
  cost BIGINT NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE user_totals (
  role TEXT COLLATE "C" PRIMARY KEY,
  people BIGINT NOT NULL,
  active BIGINT NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
INSERT INTO user_totals VALUES ('User', 0, 0), ('Technician', 0, 0), ('Admin', 0, 0);

CREATE FUNCTION users_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    UPDATE user_totals SET people = people - 1, active = active - OLD.active WHERE role = OLD.role;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    UPDATE user_totals SET people = people + 1, active = active + NEW.active WHERE role = NEW.role;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER users_counted AFTER INSERT OR DELETE OR UPDATE OF role, active ON users
  FOR EACH ROW EXECUTE FUNCTION users_counted();

-- The next start makes the totals of a shop that was here before them.
INSERT INTO settings (name, value) VALUES ('totals', 'unknown');

-- What the statistics show, kept beside the rows that it is made of, so that no statistic has to read them all. Orders keep
-- it up in store/totals.rs; only the counts of people are kept by triggers, since everything else about a person stands in
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

CREATE TABLE order_totals (
  status TEXT PRIMARY KEY,
  orders BIGINT NOT NULL,
  cost BIGINT NOT NULL
);

CREATE TABLE user_totals (
  role TEXT PRIMARY KEY,
  people BIGINT NOT NULL,
  active BIGINT NOT NULL
);
INSERT INTO user_totals VALUES ('User', 0, 0), ('Technician', 0, 0), ('Admin', 0, 0);

CREATE TRIGGER users_counted_in AFTER INSERT ON users BEGIN
  UPDATE user_totals SET people = people + 1, active = active + NEW.active WHERE role = NEW.role;
END;
CREATE TRIGGER users_counted_out AFTER DELETE ON users BEGIN
  UPDATE user_totals SET people = people - 1, active = active - OLD.active WHERE role = OLD.role;
END;
CREATE TRIGGER users_counted_again AFTER UPDATE OF role, active ON users BEGIN
  UPDATE user_totals SET people = people - 1, active = active - OLD.active WHERE role = OLD.role;
  UPDATE user_totals SET people = people + 1, active = active + NEW.active WHERE role = NEW.role;
END;

-- The next start makes the totals of a shop that was here before them.
INSERT INTO settings (name, value) VALUES ('totals', 'unknown');

-- The shop. Ids are UUIDs as text, times are milliseconds since 1970, money is cents; `seq` grows with every row and
-- breaks ties of "newest first".

CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE users (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL CHECK (role IN ('User', 'Technician', 'Admin')),
  name TEXT NOT NULL,
  last_name TEXT,
  email TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  phone TEXT,
  address TEXT,
  -- Of technicians.
  specialty TEXT,
  experience_years BIGINT NOT NULL DEFAULT 0,
  is_evaluator BIGINT NOT NULL DEFAULT 0,
  active BIGINT NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX users_by_role ON users (role, active);

CREATE TABLE equipments (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  brand TEXT NOT NULL,
  model TEXT NOT NULL,
  serial_number TEXT,
  current_status TEXT NOT NULL DEFAULT 'AVAILABLE',
  created_at BIGINT NOT NULL
);
CREATE INDEX equipments_by_user ON equipments (user_id);

CREATE TABLE services (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  service_name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  base_price BIGINT NOT NULL,
  type TEXT NOT NULL,
  estimated_time_minutes BIGINT,
  requires_parts BIGINT NOT NULL DEFAULT 0,
  image_urls TEXT,
  active BIGINT NOT NULL DEFAULT 1,
  notes TEXT
);

CREATE TABLE spare_parts (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  stock BIGINT NOT NULL CHECK (stock >= 0),
  unit_price BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE repair_orders (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  equipment_id TEXT NOT NULL REFERENCES equipments (id),
  evaluated_by TEXT REFERENCES users (id),
  problem_description TEXT NOT NULL,
  image_urls TEXT,
  diagnosis TEXT,
  estimated_cost BIGINT,
  final_cost BIGINT NOT NULL DEFAULT 0,
  warranty_start TEXT,
  warranty_end TEXT,
  status TEXT NOT NULL,
  delivered_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX orders_by_status ON repair_orders (status, final_cost);
CREATE INDEX orders_by_age ON repair_orders (created_at, seq);
CREATE INDEX orders_by_equipment ON repair_orders (equipment_id, status, final_cost);
CREATE INDEX orders_by_evaluator ON repair_orders (evaluated_by);

CREATE TABLE order_details (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  order_id TEXT NOT NULL REFERENCES repair_orders (id) ON DELETE CASCADE,
  service_id TEXT NOT NULL REFERENCES services (id),
  technician_id TEXT NOT NULL REFERENCES users (id),
  unit_price BIGINT NOT NULL,
  discount BIGINT NOT NULL DEFAULT 0,
  sub_total BIGINT NOT NULL,
  status TEXT NOT NULL DEFAULT 'PENDING',
  image_url TEXT,
  notes TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX details_by_order ON order_details (order_id);
CREATE INDEX details_by_service ON order_details (service_id, sub_total);
CREATE INDEX details_by_technician ON order_details (technician_id, status, sub_total);

CREATE TABLE order_parts (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  order_id TEXT NOT NULL REFERENCES repair_orders (id) ON DELETE CASCADE,
  part_id TEXT NOT NULL REFERENCES spare_parts (id),
  quantity BIGINT NOT NULL,
  sub_total BIGINT NOT NULL,
  img_url TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX parts_by_order ON order_parts (order_id);

-- Every change of status, the first one included. It cannot be made up later: turnaround and "stuck for days" come from here.
CREATE TABLE order_status_changes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  order_id TEXT NOT NULL REFERENCES repair_orders (id) ON DELETE CASCADE,
  from_status TEXT,
  to_status TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE INDEX changes_by_order ON order_status_changes (order_id, changed_at);

CREATE TABLE repair_order_reviews (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  order_id TEXT NOT NULL UNIQUE REFERENCES repair_orders (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES users (id),
  rating BIGINT NOT NULL CHECK (rating BETWEEN 1 AND 5),
  comment TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX reviews_by_user ON repair_order_reviews (user_id);

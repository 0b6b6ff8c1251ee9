-- The shop. Ids are UUIDs as text, times are milliseconds since 1970, money is cents; `seq` grows with every row and
-- breaks ties of "newest first".

CREATE TABLE settings (
  name TEXT COLLATE "C" PRIMARY KEY,
  value TEXT COLLATE "C" NOT NULL
);

CREATE TABLE users (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  role TEXT COLLATE "C" NOT NULL CHECK (role IN ('User', 'Technician', 'Admin')),
  name TEXT COLLATE "C" NOT NULL,
  last_name TEXT COLLATE "C",
  email TEXT COLLATE "C" NOT NULL UNIQUE,
  password_hash TEXT COLLATE "C" NOT NULL,
  phone TEXT COLLATE "C",
  address TEXT COLLATE "C",
  -- Of technicians.
  specialty TEXT COLLATE "C",
  experience_years BIGINT NOT NULL DEFAULT 0,
  is_evaluator BIGINT NOT NULL DEFAULT 0,
  active BIGINT NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX users_by_role ON users (role, active);

CREATE TABLE equipments (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  name TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  brand TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  serial_number TEXT COLLATE "C",
  current_status TEXT COLLATE "C" NOT NULL DEFAULT 'AVAILABLE',
  created_at BIGINT NOT NULL
);
CREATE INDEX equipments_by_user ON equipments (user_id);

CREATE TABLE services (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  service_name TEXT COLLATE "C" NOT NULL UNIQUE,
  description TEXT COLLATE "C" NOT NULL,
  base_price BIGINT NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  estimated_time_minutes BIGINT,
  requires_parts BIGINT NOT NULL DEFAULT 0,
  image_urls TEXT COLLATE "C",
  active BIGINT NOT NULL DEFAULT 1,
  notes TEXT COLLATE "C"
);

CREATE TABLE spare_parts (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  name TEXT COLLATE "C" NOT NULL UNIQUE,
  description TEXT COLLATE "C" NOT NULL,
  stock BIGINT NOT NULL CHECK (stock >= 0),
  unit_price BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE repair_orders (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  equipment_id TEXT COLLATE "C" NOT NULL REFERENCES equipments (id),
  evaluated_by TEXT COLLATE "C" REFERENCES users (id),
  problem_description TEXT COLLATE "C" NOT NULL,
  image_urls TEXT COLLATE "C",
  diagnosis TEXT COLLATE "C",
  estimated_cost BIGINT,
  final_cost BIGINT NOT NULL DEFAULT 0,
  warranty_start TEXT COLLATE "C",
  warranty_end TEXT COLLATE "C",
  status TEXT COLLATE "C" NOT NULL,
  delivered_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX orders_by_status ON repair_orders (status, final_cost);
CREATE INDEX orders_by_age ON repair_orders (created_at, seq);
CREATE INDEX orders_by_equipment ON repair_orders (equipment_id, status, final_cost);
CREATE INDEX orders_by_evaluator ON repair_orders (evaluated_by);

CREATE TABLE order_details (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  order_id TEXT COLLATE "C" NOT NULL REFERENCES repair_orders (id) ON DELETE CASCADE,
  service_id TEXT COLLATE "C" NOT NULL REFERENCES services (id),
  technician_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  unit_price BIGINT NOT NULL,
  discount BIGINT NOT NULL DEFAULT 0,
  sub_total BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL DEFAULT 'PENDING',
  image_url TEXT COLLATE "C",
  notes TEXT COLLATE "C",
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX details_by_order ON order_details (order_id);
CREATE INDEX details_by_service ON order_details (service_id, sub_total);
CREATE INDEX details_by_technician ON order_details (technician_id, status, sub_total);

CREATE TABLE order_parts (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  order_id TEXT COLLATE "C" NOT NULL REFERENCES repair_orders (id) ON DELETE CASCADE,
  part_id TEXT COLLATE "C" NOT NULL REFERENCES spare_parts (id),
  quantity BIGINT NOT NULL,
  sub_total BIGINT NOT NULL,
  img_url TEXT COLLATE "C",
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX parts_by_order ON order_parts (order_id);

-- Every change of status, the first one included. It cannot be made up later: turnaround and "stuck for days" come from here.
CREATE TABLE order_status_changes (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id TEXT COLLATE "C" NOT NULL REFERENCES repair_orders (id) ON DELETE CASCADE,
  from_status TEXT COLLATE "C",
  to_status TEXT COLLATE "C" NOT NULL,
  changed_by TEXT COLLATE "C" NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE INDEX changes_by_order ON order_status_changes (order_id, changed_at);

CREATE TABLE repair_order_reviews (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  order_id TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES repair_orders (id) ON DELETE CASCADE,
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  rating BIGINT NOT NULL CHECK (rating BETWEEN 1 AND 5),
  comment TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX reviews_by_user ON repair_order_reviews (user_id);

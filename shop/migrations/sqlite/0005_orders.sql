-- Lists of orders in pages: each sort, over all orders and within each status, is a range of an index.
CREATE INDEX orders_by_change ON repair_orders (updated_at, seq);
CREATE INDEX orders_by_cost ON repair_orders (final_cost, seq);
CREATE INDEX orders_by_status_and_age ON repair_orders (status, created_at, seq);
CREATE INDEX orders_by_status_and_change ON repair_orders (status, updated_at, seq);
CREATE INDEX orders_by_status_and_cost ON repair_orders (status, final_cost, seq);
-- The last one does all that this one did.
DROP INDEX orders_by_status;

-- Whether a part was ever used is a look into an index.
CREATE INDEX parts_by_part ON order_parts (part_id);

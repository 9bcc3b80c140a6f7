-- The columns of their conditions too, though they are the same in every entry: SQLite reads the
-- row for what it does not find in the index.
DROP INDEX tickets_for_sale;
CREATE INDEX tickets_for_sale ON tickets (show_id, price_cents, listing_id, position, order_id, withdrawn)
    WHERE listing_id IS NOT NULL AND order_id IS NULL AND withdrawn = 0;
-- What one has on the market, by show: what is of a show that is over does not count.
DROP INDEX tickets_listed;
CREATE INDEX tickets_listed ON tickets (user_id, show_id, listing_id, withdrawn, sold)
    WHERE listing_id IS NOT NULL AND withdrawn = 0 AND sold = 0;

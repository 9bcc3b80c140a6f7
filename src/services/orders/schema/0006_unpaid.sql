-- How many orders one buyer, or one network, holds without having paid. The network is kept for as
-- long as that lasts.
ALTER TABLE orders ADD COLUMN held_from TEXT NOT NULL DEFAULT '';
CREATE INDEX orders_unpaid ON orders (user_id) WHERE status IN ('created', 'awaiting:payment');
CREATE INDEX orders_unpaid_from ON orders (held_from) WHERE held_from <> '';

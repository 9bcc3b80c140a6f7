-- How often the order was cancelled or completed, as far as is known here. After once, no event of it
-- that came again would do harm to a ticket, and the row may go. After more (money that came late, or
-- went back) one might: those few rows stay.
ALTER TABLE order_versions ADD COLUMN ends BIGINT NOT NULL DEFAULT 0;
UPDATE order_versions SET ends = 1
    WHERE order_id NOT IN (SELECT order_id FROM tickets WHERE order_id IS NOT NULL AND sold = 0);

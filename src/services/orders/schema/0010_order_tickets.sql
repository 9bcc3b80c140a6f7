-- The tickets of orders of listings: one row each, in the listing's order. An order of a ticket of no
-- listing has none: its ticket is in its own row, and orders_live guards it.
CREATE TABLE order_tickets (
    ticket_id   TEXT   NOT NULL,
    order_id    TEXT   NOT NULL,
    position    BIGINT NOT NULL,            -- in the order, from 0; the first is in the order's row, too
    title       TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    price_cents BIGINT NOT NULL CHECK (price_cents > 0),
    held        BIGINT NOT NULL,            -- 1: its order is not cancelled
    PRIMARY KEY (ticket_id, order_id)
);

-- No ticket is sold twice, even if the code were wrong: one order that is not cancelled a ticket.
CREATE UNIQUE INDEX order_tickets_held ON order_tickets (ticket_id) WHERE held = 1;
CREATE INDEX order_tickets_of_order ON order_tickets (order_id, position);

ALTER TABLE orders ADD COLUMN listing_id TEXT;      -- NULL: of a ticket of none
UPDATE orders SET listing_id = (SELECT c.listing_id FROM ticket_copies c WHERE c.id = orders.ticket_id);
INSERT INTO order_tickets (ticket_id, order_id, position, title, version, price_cents, held)
    SELECT ticket_id, id, 0, ticket_title, ticket_version, price_cents,
        CASE WHEN status = 'cancelled' THEN 0 ELSE 1 END
    FROM orders WHERE listing_id IS NOT NULL;

-- Whether a ticket is of a seat, so that those of one order have to be neighbours; and how many tickets a
-- listing was made with: until that many are known here, what is left of it is not.
ALTER TABLE ticket_copies  ADD COLUMN has_seat BIGINT NOT NULL DEFAULT 1;
ALTER TABLE listing_copies ADD COLUMN quantity BIGINT NOT NULL DEFAULT 0;

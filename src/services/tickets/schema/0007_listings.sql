-- Tickets of one seller for one show, offered together under one split rule.
CREATE TABLE listings (
    id               TEXT   PRIMARY KEY,       -- 24 hex digits; grows with time
    version          BIGINT NOT NULL,          -- raised by one with every change
    user_id          TEXT   NOT NULL,          -- who sells it
    show_id          TEXT   NOT NULL,
    section          TEXT   NOT NULL,          -- empty: not said
    place_row        TEXT   NOT NULL,
    split            TEXT   NOT NULL CHECK (split IN ('any', 'pairs', 'all', 'no_single')),
    price_cents      BIGINT NOT NULL CHECK (price_cents > 0),
    face_value_cents BIGINT NOT NULL,          -- 0: not said
    restrictions     TEXT   NOT NULL,          -- one a line
    delivery         TEXT   NOT NULL CHECK (delivery IN ('issued', 'upload')),
    quantity         BIGINT NOT NULL,          -- tickets it was made with
    withdrawn        BIGINT NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1)),
    created_at_ms    BIGINT NOT NULL
);

-- What one sells, and what is sold of a show, newest first.
CREATE INDEX listings_of_seller ON listings (user_id, id);
CREATE INDEX listings_of_show ON listings (show_id, id);

-- Its tickets: in its order, and where they are. NULL: a ticket of no listing.
ALTER TABLE tickets ADD COLUMN listing_id TEXT;
ALTER TABLE tickets ADD COLUMN position   BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tickets ADD COLUMN seat       TEXT   NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN show_id    TEXT;
-- Section and row, and the seat, as they are compared (text_label_key). NULL: none is named, or the
-- ticket was taken down and no order can have it any more.
ALTER TABLE tickets ADD COLUMN area_key   TEXT;
ALTER TABLE tickets ADD COLUMN seat_key   TEXT;

-- A seat of a show stands on the market once, even if the code were wrong.
CREATE UNIQUE INDEX tickets_seat ON tickets (show_id, area_key, seat_key) WHERE seat_key IS NOT NULL;
CREATE INDEX tickets_of_listing ON tickets (listing_id, position) WHERE listing_id IS NOT NULL;
-- What one has on the market.
CREATE INDEX tickets_listed ON tickets (user_id) WHERE listing_id IS NOT NULL AND withdrawn = 0 AND sold = 0;

-- This service's own copy of each show, kept by its events.
CREATE TABLE show_copies (
    id                TEXT   PRIMARY KEY,
    version           BIGINT NOT NULL,
    title             TEXT   NOT NULL,
    status            TEXT   NOT NULL,
    starts_at_ms      BIGINT NOT NULL,
    max_per_buyer     BIGINT NOT NULL,         -- tickets; 0: any number
    max_over_face_bps BIGINT NOT NULL,         -- hundredths of a per cent; -1: any price
    merged_into       TEXT,
    on_sale           BIGINT NOT NULL CHECK (on_sale IN (0, 1))
);

-- What starts next, and what was put off again.
CREATE INDEX show_copies_starting ON show_copies (starts_at_ms) WHERE on_sale = 1;
CREATE INDEX show_copies_started ON show_copies (starts_at_ms) WHERE on_sale = 0;

-- What entries knows of venues, shows, listings and tickets of listings, kept by their events.
CREATE TABLE venue_copies (
    id        TEXT   PRIMARY KEY,
    version   BIGINT NOT NULL,
    name      TEXT   NOT NULL,
    city      TEXT   NOT NULL,
    country   TEXT   NOT NULL,
    time_zone TEXT   NOT NULL            -- IANA, "Europe/Berlin"
);
CREATE TABLE show_copies (
    id           TEXT   PRIMARY KEY,
    version      BIGINT NOT NULL,
    title        TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    venue_id     TEXT   NOT NULL,
    starts_at_ms BIGINT NOT NULL,        -- UTC …
    starts_local TEXT   NOT NULL,        -- … and as clocks at the venue show it, with their offset
    doors_at_ms  BIGINT NOT NULL,        -- 0 and empty: not said
    doors_local  TEXT   NOT NULL,
    merged_into  TEXT
);
CREATE TABLE listing_copies (
    id           TEXT   PRIMARY KEY,
    version      BIGINT NOT NULL,
    show_id      TEXT   NOT NULL,
    section      TEXT   NOT NULL,        -- this and row may be empty
    row_label    TEXT   NOT NULL,
    restrictions TEXT   NOT NULL,        -- one a line
    delivery     TEXT   NOT NULL         -- issued: our code opens the door; upload: the organiser's file
);
-- Which listing a ticket is of, and its seat; neither changes. Tickets of no listing are not here.
CREATE TABLE ticket_copies (
    id         TEXT PRIMARY KEY,
    listing_id TEXT NOT NULL,
    seat       TEXT NOT NULL             -- empty: a place without one
);

-- How far each order of a listing has come here: its latest completion or end that was applied.
CREATE TABLE orders_heard (
    order_id TEXT   PRIMARY KEY,
    version  BIGINT NOT NULL             -- -1: it is about to be told
);

-- The right to get in that belongs to one sold ticket. One that is void stays so: a ticket that is sold
-- again, or an order that comes back to life, gets another one.
CREATE TABLE entries (
    id            TEXT   PRIMARY KEY,    -- 24 hex digits; grows with time
    version       BIGINT NOT NULL,       -- raised by one with every change
    serial        TEXT   NOT NULL UNIQUE, -- what people read out: 8 letters and digits, drawn
    status        TEXT   NOT NULL CHECK (status IN ('valid', 'void')),
    holder_id     TEXT   NOT NULL,       -- whose it is: at first the buyer
    ticket_id     TEXT   NOT NULL,
    order_id      TEXT   NOT NULL,
    show_id       TEXT   NOT NULL,       -- as it was issued: what was printed stays right …
    now_show_id   TEXT   NOT NULL,       -- … though that show may be merged into another one
    created_at_ms BIGINT NOT NULL
);

-- No ticket opens the door twice, even if the code were wrong.
CREATE UNIQUE INDEX entries_valid ON entries (ticket_id) WHERE status = 'valid';
CREATE INDEX entries_of_order ON entries (order_id);
CREATE INDEX entries_of_holder ON entries (holder_id, id);
CREATE INDEX entries_of_show ON entries (now_show_id);

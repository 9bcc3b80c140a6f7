-- What orders knows of listings and shows, kept by their events.
CREATE TABLE listing_copies (
    id        TEXT   PRIMARY KEY,
    version   BIGINT NOT NULL,
    show_id   TEXT   NOT NULL,
    seller_id TEXT   NOT NULL,
    split     TEXT   NOT NULL,
    withdrawn BIGINT NOT NULL
);
CREATE TABLE show_copies (
    id            TEXT   PRIMARY KEY,
    version       BIGINT NOT NULL,
    status        TEXT   NOT NULL,
    starts_at_ms  BIGINT NOT NULL,
    max_per_buyer BIGINT NOT NULL,         -- tickets; 0: any number
    merged_into   TEXT
);

-- The listing that a ticket is of, and its place in the order of that. NULL: of none.
ALTER TABLE ticket_copies ADD COLUMN listing_id TEXT;
ALTER TABLE ticket_copies ADD COLUMN position   BIGINT NOT NULL DEFAULT 0;
CREATE INDEX ticket_copies_of_listing ON ticket_copies (listing_id, position)
    WHERE listing_id IS NOT NULL;

-- What is of a listing is known for good: late money asks what became of that and of its show.
DROP INDEX ticket_copies_sold;
CREATE INDEX ticket_copies_sold ON ticket_copies (id) WHERE sold = 1 AND withdrawn = 0 AND listing_id IS NULL;

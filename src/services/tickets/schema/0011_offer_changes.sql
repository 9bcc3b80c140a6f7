-- Tickets of listings that are offered now and were not, or were and are not any more: of which show, whose
-- and at which price. What is left of a show is what it was, and these; then they go.
CREATE TABLE offer_changes (
    place       {{serial}},
    show_id     TEXT   NOT NULL,
    user_id     TEXT   NOT NULL,
    price_cents BIGINT NOT NULL,
    more        BIGINT NOT NULL            -- less than 0: so many fewer
);
CREATE INDEX offer_changes_of_show ON offer_changes (show_id);
-- Those of which it is to be counted anew: their sellers, or the lowest price that counts, have changed.
CREATE INDEX changed_shows_of_show ON changed_shows (show_id);

-- What was left when it was told of in that version; of one that was told of by an older program it is
-- counted anew.
ALTER TABLE show_offers ADD COLUMN available BIGINT NOT NULL DEFAULT 0;
ALTER TABLE show_offers ADD COLUMN counted_version BIGINT NOT NULL DEFAULT -2;

-- This service's own copy of who has which address, kept by auth's events.
CREATE TABLE people (
    user_id TEXT   PRIMARY KEY,
    version BIGINT NOT NULL,
    email   TEXT   NOT NULL
);

-- Who sells which ticket; that never changes.
CREATE TABLE sellers (
    ticket_id TEXT PRIMARY KEY,
    user_id   TEXT NOT NULL
);

-- What is told of an order; none of it changes.
CREATE TABLE orders (
    id          TEXT   PRIMARY KEY,
    user_id     TEXT   NOT NULL,
    ticket_id   TEXT   NOT NULL,
    title       TEXT   NOT NULL,
    price_cents BIGINT NOT NULL
);

-- Letters: one a kind and cause, whatever comes twice. What a letter says is worked out from the row
-- when it is sent, so no link that opens something is kept.
CREATE TABLE mails (
    id           TEXT   PRIMARY KEY
                        CHECK (length(id) = 24),
    kind         TEXT   NOT NULL,
    cause_id     TEXT   NOT NULL,     -- of what happened: a link, a change, an order, a payment
    about_id     TEXT   NOT NULL,     -- what its button leads to: the order, the link
    user_id      TEXT   NOT NULL,     -- whose it is: it goes to the account's address of that moment
    title        TEXT   NOT NULL,
    amount_cents BIGINT NOT NULL,
    made_at_ms   BIGINT NOT NULL,
    -- waiting; sending: handed to the server, whose answer is not known yet; sent; refused: by the
    -- server, for good; expired: not taken within two days; uncertain: nobody will know whether the
    -- server has it
    status       TEXT   NOT NULL
                        CHECK (status IN ('waiting', 'sending', 'sent', 'refused', 'expired',
                                          'uncertain')),
    tries        BIGINT NOT NULL,
    due_at_ms    BIGINT NOT NULL,     -- waiting: next try; sending: not known until then: uncertain
    sent_to      TEXT   NOT NULL,     -- of the latest try
    reply        TEXT   NOT NULL      -- what the server said to it
);

CREATE UNIQUE INDEX mails_by_cause ON mails (kind, cause_id);
-- What is to be done next.
CREATE INDEX mails_due ON mails (status, due_at_ms) WHERE status IN ('waiting', 'sending');
-- What did not arrive, as far as anybody knows.
CREATE INDEX mails_lost ON mails (id) WHERE status IN ('refused', 'expired', 'uncertain');
-- One person's.
CREATE INDEX mails_of_user ON mails (user_id, id);

-- Money that went back to buyers, refund by refund: by us or at the processor, all or a part. A refund
-- that came back from the buyer's bank has failed for good; what it gave is with us again.
CREATE TABLE refunds (
    id           TEXT   PRIMARY KEY,        -- the processor's name for it
    charge_id    TEXT   NOT NULL,
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0),
    failed       BIGINT NOT NULL CHECK (failed IN (0, 1))
);
CREATE INDEX refunds_of_charge ON refunds (charge_id);

-- What buyers' banks took or want back. Won and lost are for good.
CREATE TABLE disputes (
    id           TEXT   PRIMARY KEY,        -- the processor's name for it
    charge_id    TEXT   NOT NULL,
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0),
    status       TEXT   NOT NULL CHECK (status IN ('open', 'won', 'lost'))
);
CREATE INDEX disputes_of_charge ON disputes (charge_id);

ALTER TABLE charges ADD COLUMN given_back_cents BIGINT NOT NULL DEFAULT 0;   -- refunds that hold
ALTER TABLE charges ADD COLUMN charged_back_cents BIGINT NOT NULL DEFAULT 0; -- disputes lost
ALTER TABLE charges ADD COLUMN notices BIGINT NOT NULL DEFAULT 0;            -- told of its refund
-- The gateway is being asked just now: what nobody waits for any more after a restart.
ALTER TABLE charges ADD COLUMN asking BIGINT NOT NULL DEFAULT 0 CHECK (asking IN (0, 1));

-- The processor's name of a charge that an event was about and nobody knew (yet).
ALTER TABLE webhook_events ADD COLUMN unknown_charge TEXT;
CREATE INDEX webhook_events_unknown ON webhook_events (unknown_charge)
    WHERE unknown_charge IS NOT NULL;

UPDATE charges SET given_back_cents = amount_cents, notices = 1 WHERE status = 'refunded';
UPDATE charges SET asking = 1 WHERE status = 'pending';
INSERT INTO refunds (id, charge_id, amount_cents, failed)
    SELECT COALESCE(refund_id, id), id, amount_cents, 0 FROM charges WHERE status = 'refunded';

-- A movement is made once a charge, kind and part: the refund or dispute it is about, or ''.
--   bounce      buyer -> refund       a refund came back: owed again (or -> held, revenue: only a
--                                     part had been given, and is owed to nobody)
--   chargeback  chargeback -> buyer   a dispute is lost: the bank took it; a loss
--   cover       refund -> chargeback  what was owed, the bank has taken
CREATE TABLE ledger_grown (
    charge_id    TEXT   NOT NULL,
    kind         TEXT   NOT NULL CHECK (kind IN ('capture', 'earn', 'owe', 'refund', 'bounce',
        'chargeback', 'cover')),
    part         TEXT   NOT NULL DEFAULT '',
    account      TEXT   NOT NULL CHECK (account IN ('buyer', 'held', 'revenue', 'refund',
        'chargeback')),
    amount_cents BIGINT NOT NULL CHECK (amount_cents <> 0),
    at_ms        BIGINT NOT NULL,
    PRIMARY KEY (charge_id, kind, part, account)
);
INSERT INTO ledger_grown (charge_id, kind, account, amount_cents, at_ms)
    SELECT charge_id, kind, account, amount_cents, at_ms FROM ledger;
DROP TABLE ledger;
ALTER TABLE ledger_grown RENAME TO ledger;
{{unchecked ledger}}

-- Devices at the doors of a show. A gate's key is nowhere but there.
CREATE TABLE gates (
    id            TEXT   PRIMARY KEY,    -- 24 hex digits; grows with time
    show_id       TEXT   NOT NULL,       -- as it is now: of a merged show it is the other one
    name          TEXT   NOT NULL,
    key_hash      TEXT   NOT NULL UNIQUE, -- the SHA-256 of its key
    created_by    TEXT   NOT NULL,       -- the user's id
    created_at_ms BIGINT NOT NULL,
    revoked_at_ms BIGINT NOT NULL        -- 0: its key is good
);
CREATE INDEX gates_of_show ON gates (show_id, id);

-- Who was let in. An entry is let in once, ever: that is its key.
CREATE TABLE admissions (
    entry_id TEXT   PRIMARY KEY,
    gate_id  TEXT   NOT NULL,
    scan_id  TEXT   NOT NULL,            -- the gate's own name for the scan
    at_ms    BIGINT NOT NULL,            -- by our clock, as nearly as it is known
    offline  BIGINT NOT NULL             -- 1: the gate let in by itself, and told of it later
);
CREATE INDEX admissions_of_gate ON admissions (gate_id, at_ms);

-- What gates have read, and what they were told of it.
CREATE TABLE scans (
    gate_id        TEXT   NOT NULL,
    scan_id        TEXT   NOT NULL,      -- drawn by the gate: the same again is the same scan
    entry_id       TEXT,                 -- NULL: nobody knows whose it is
    answer         TEXT   NOT NULL,
    reason         TEXT   NOT NULL,      -- empty: the answer says all
    wrong          BIGINT NOT NULL,      -- 1: the gate let in by itself what was not to be let in
    at_ms          BIGINT NOT NULL,      -- by our clock, as nearly as it is known
    gate_at_ms     BIGINT NOT NULL,      -- as the gate's clock had it; 0: it did not say
    received_at_ms BIGINT NOT NULL,
    PRIMARY KEY (gate_id, scan_id)
);
CREATE INDEX scans_wrong ON scans (gate_id, received_at_ms) WHERE wrong = 1;
CREATE INDEX scans_received ON scans (received_at_ms);

-- Which entries gates without a network have to know more of than their codes say: void, changed hands,
-- let in. The latest change of each: seq grows with it.
CREATE TABLE door_changes (
    seq      {{serial}},
    entry_id TEXT NOT NULL,
    show_id  TEXT NOT NULL               -- as it is now
);
CREATE INDEX door_changes_of_entry ON door_changes (entry_id);
CREATE INDEX door_changes_of_show ON door_changes (show_id, seq);
INSERT INTO door_changes (entry_id, show_id)
    SELECT id, now_show_id FROM entries WHERE status = 'void' OR version > 0 ORDER BY id;

-- The shows that went into one, whose codes its gates take.
CREATE INDEX show_copies_merged ON show_copies (merged_into) WHERE merged_into IS NOT NULL;

-- The number of a dead letter never comes again, whatever was dropped: who retries number 7 means the
-- letter that was shown as such. PostgreSQL's identities keep to that by themselves.
/*sqlite CREATE TABLE bus_dead_kept (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    source     TEXT   NOT NULL,
    seq        BIGINT NOT NULL,
    subject    TEXT   NOT NULL,
    payload    TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    dead_at_ms BIGINT NOT NULL,
    trace      TEXT
);
INSERT INTO bus_dead_kept (id, source, seq, subject, payload, reason, dead_at_ms, trace)
    SELECT id, source, seq, subject, payload, reason, dead_at_ms, trace FROM bus_dead ORDER BY id;
DROP TABLE bus_dead;
ALTER TABLE bus_dead_kept RENAME TO bus_dead;
*/

-- How many bytes the payloads of a subject's events have, counted like the events.
ALTER TABLE bus_channels ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
UPDATE bus_channels SET bytes = kept.bytes FROM (
    SELECT subject, SUM({{bytes payload}}) AS bytes FROM outbox
    WHERE seq <= (SELECT COALESCE(MAX(last_seq), 0) FROM bus_channels) GROUP BY subject) AS kept
WHERE bus_channels.subject = kept.subject;

-- The trace an event belongs to: a traceparent (W3C Trace Context) whose span is the piece of work
-- that published the event.
ALTER TABLE outbox ADD COLUMN trace TEXT;
ALTER TABLE bus_waiting ADD COLUMN trace TEXT;
ALTER TABLE bus_dead ADD COLUMN trace TEXT;

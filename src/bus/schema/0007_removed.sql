-- The newest event of a subject that was removed from the outbox because its time was over; 0: none
-- was.
ALTER TABLE bus_channels ADD COLUMN removed_seq BIGINT NOT NULL DEFAULT 0;

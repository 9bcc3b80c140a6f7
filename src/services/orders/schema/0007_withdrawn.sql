-- Tickets that their sellers have taken down cannot be ordered.
ALTER TABLE ticket_copies ADD COLUMN withdrawn BIGINT NOT NULL DEFAULT 0;

-- Copies of tickets that are sold: needed again only when the money goes back, which its event says with
-- all there is to know. One that was taken down meanwhile is known for good.
ALTER TABLE ticket_copies ADD COLUMN sold BIGINT NOT NULL DEFAULT 0;
UPDATE ticket_copies SET sold = 1 WHERE id IN (SELECT ticket_id FROM orders WHERE status = 'complete');
CREATE INDEX ticket_copies_sold ON ticket_copies (id) WHERE sold = 1 AND withdrawn = 0;

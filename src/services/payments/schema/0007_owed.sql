-- Money that is owed, and disputes that are open, are counted every second.
CREATE INDEX charges_owed ON charges (status) WHERE status IN ('refund_pending', 'refund_failed');
CREATE INDEX disputes_open ON disputes (status) WHERE status = 'open';

-- Tickets that Zoho lists no more: deleted, or archived. A full run finds them, so the first two
-- columns say between which runs they went.
SELECT _seen_at AS last_seen, _deleted_seen_at AS found_gone, id, ticketNumber, subject, status
FROM tickets
WHERE _deleted
ORDER BY _deleted_seen_at DESC, id

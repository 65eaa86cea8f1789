-- What the runs of one UTC day brought, a row for each time a ticket was read. Athena reads the
-- formats jsonl and jsonl.gz here, not the arrays of json.
SELECT id, ticketNumber, status, modifiedTime
FROM tickets_runs
WHERE dt = substr(CAST(current_timestamp AS varchar), 1, 10)
ORDER BY modifiedTime DESC, id

-- Tickets that came in, and how many of them are closed by now. Deleted ones count: they came in.
SELECT
  date_trunc('week', t.createdTime) AS week,
  d.name AS department,
  count(*) AS created,
  count_if(t.statusType = 'Closed') AS closed
FROM tickets t
LEFT JOIN departments d ON d.id = t.departmentId
GROUP BY date_trunc('week', t.createdTime), d.name
ORDER BY week DESC, department

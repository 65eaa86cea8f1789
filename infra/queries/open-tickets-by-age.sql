-- Tickets that are not closed, by department and age.
SELECT
  d.name AS department,
  count(*) AS open_tickets,
  count_if(date_diff('day', t.createdTime, current_timestamp) < 1) AS under_1_day,
  count_if(date_diff('day', t.createdTime, current_timestamp) BETWEEN 1 AND 6) AS under_7_days,
  count_if(date_diff('day', t.createdTime, current_timestamp) BETWEEN 7 AND 29) AS under_30_days,
  count_if(date_diff('day', t.createdTime, current_timestamp) >= 30) AS older
FROM tickets t
LEFT JOIN departments d ON d.id = t.departmentId
WHERE t.statusType <> 'Closed' AND NOT t._deleted
GROUP BY d.name
ORDER BY open_tickets DESC, department

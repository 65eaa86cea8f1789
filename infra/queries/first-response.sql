-- How long customers waited for the first answer to the tickets of each month.
WITH answers AS (
  SELECT ticketId, min(createdTime) AS answered
  FROM threads
  WHERE direction = 'out' AND NOT _deleted
  GROUP BY ticketId
),
waits AS (
  SELECT
    date_trunc('month', t.createdTime) AS opened_month,
    date_diff('minute', t.createdTime, a.answered) AS minutes
  FROM tickets t
  LEFT JOIN answers a ON a.ticketId = t.id
  WHERE NOT t._deleted
)
SELECT
  opened_month,
  count(*) AS tickets,
  count(minutes) AS answered,
  round(avg(minutes), 1) AS average_minutes,
  count_if(minutes <= 60) AS within_1_hour,
  count_if(minutes <= 1440) AS within_1_day
FROM waits
GROUP BY opened_month
ORDER BY opened_month DESC

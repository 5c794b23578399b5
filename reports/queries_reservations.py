"""Reservations: what there is too little of, and how long readers wait. Definitions: docs/reports.md."""

from reports.queries_books import HELD
from reports.queries_now import AUTHOR
from reports.registry import Asked, Query

RATIO = f"""
    SELECT book.id, book.uid AS book, book.title, {AUTHOR} AS author, waiting, copies, on_order, longest, price,
           round(waiting::numeric / nullif(copies, 0), 1) AS ratio,
           greatest(0, ceil(waiting::numeric / %(per_copy)s)::int - copies - on_order) AS to_buy
    FROM (SELECT awaited.book_id, awaited.waiting, awaited.longest,
                 count(copy.id) FILTER (WHERE {HELD} AND copy.status <> 'damaged' AND NOT copy.is_reference_only)
                     AS copies,
                 count(copy.id) FILTER (WHERE copy.status = 'on_order') AS on_order, max(copy.price) AS price
          FROM (SELECT reservation.book_id, count(*) AS waiting,
                       max((%(now)s AT TIME ZONE branch.time_zone)::date
                           - (reservation.placed_at AT TIME ZONE branch.time_zone)::date) AS longest
                FROM reservations_reservation reservation
                JOIN policies_branch branch ON branch.id = reservation.pickup_branch_id
                WHERE reservation.state = 'waiting'
                  AND (%(branch)s::bigint IS NULL OR reservation.pickup_branch_id = %(branch)s)
                GROUP BY reservation.book_id) AS awaited
          LEFT JOIN catalog_copy copy ON copy.book_id = awaited.book_id
          GROUP BY awaited.book_id, awaited.waiting, awaited.longest) AS awaited
    JOIN catalog_book book ON book.id = awaited.book_id
"""
"""Copies of all branches: they are sent to where somebody waits."""
WAITING = """
    SELECT branch.id, branch.name AS branch, count(*) AS ready,
           count(*) FILTER (WHERE state = 'collected') AS collected,
           count(*) FILTER (WHERE state = 'expired') AS expired,
           round(avg(days), 1) AS mean,
           round((percentile_cont(0.5) WITHIN GROUP (ORDER BY days))::numeric, 1) AS median,
           round((percentile_cont(0.9) WITHIN GROUP (ORDER BY days))::numeric, 1) AS most,
           round(max(days), 1) AS longest
    FROM (SELECT reservation.pickup_branch_id, reservation.state, reservation.ready_at,
                 extract(epoch FROM reservation.ready_at - reservation.placed_at) / 86400 AS days
          FROM reservations_reservation reservation
          LEFT JOIN accounts_reader reader ON reader.id = reservation.reader_id
          WHERE reservation.ready_at >= %(from_at)s AND reservation.ready_at < %(to_at)s
            AND (%(branch)s::bigint IS NULL OR reservation.pickup_branch_id = %(branch)s)
            AND (%(category)s::bigint IS NULL OR reader.category_id = %(category)s)) AS waited
    JOIN policies_branch branch ON branch.id = waited.pickup_branch_id
    WHERE (waited.ready_at AT TIME ZONE branch.time_zone)::date BETWEEN %(since)s AND %(until)s
    GROUP BY branch.id, branch.name
"""


def ratio(asked: Asked) -> Query:
    """Books that readers wait for, with how many copies there are for them."""
    return Query(RATIO, asked.parameters())


def waiting_times(asked: Asked) -> Query:
    """Days from a reservation to its copy on the hold shelf."""
    return Query(WAITING, asked.parameters())

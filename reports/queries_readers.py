"""Readers: who borrows most, who is new, who comes back. Definitions: docs/reports.md.

Readers who were merged into another are one with them and not counted; those who were erased were there.
"""

from reports.queries_loans import LENT
from reports.registry import Asked, Query

ACTIVE = f"""
    SELECT reader.id, reader.full_name AS reader, reader.uid AS reader_uid, reader.card_number,
           category.name AS category, branch.name AS branch, lent.loans, lent.renewals, lent.last_lent,
           (SELECT count(*) FROM circulation_loan loan
            WHERE loan.reader_id = reader.id AND loan.returned_at IS NULL) AS on_loan
    FROM (SELECT loan.reader_id, count(*) AS loans, sum(loan.renewals)::bigint AS renewals,
                 max((loan.checked_out_at AT TIME ZONE branch.time_zone)::date) AS last_lent
          {LENT} AND loan.reader_id IS NOT NULL GROUP BY loan.reader_id) AS lent
    JOIN accounts_reader reader ON reader.id = lent.reader_id
    JOIN policies_readercategory category ON category.id = reader.category_id
    JOIN policies_branch branch ON branch.id = reader.home_branch_id
"""
NEW = """
    SELECT month::date AS month, count(reader.id) AS new_readers,
           count(reader.id) FILTER (WHERE EXISTS (
               SELECT FROM circulation_loan loan WHERE loan.reader_id = reader.id AND loan.undone_at IS NULL
           )) AS borrowed
    FROM generate_series(date_trunc('month', %(since)s::timestamp), %(until)s::timestamp, '1 month') AS month
    LEFT JOIN accounts_reader reader
           ON date_trunc('month', reader.registered_on::timestamp) = month AND reader.merged_into_id IS NULL
          AND reader.registered_on BETWEEN %(since)s AND %(until)s
          AND (%(branch)s::bigint IS NULL OR reader.home_branch_id = %(branch)s)
          AND (%(category)s::bigint IS NULL OR reader.category_id = %(category)s)
    GROUP BY month
"""
RETENTION = """
    WITH lent AS (
        SELECT loan.reader_id, (loan.checked_out_at AT TIME ZONE branch.time_zone)::date AS day
        FROM circulation_loan loan JOIN policies_branch branch ON branch.id = loan.branch_id
        WHERE loan.reader_id IS NOT NULL AND loan.undone_at IS NULL
          AND loan.checked_out_at >= %(from_at)s - interval '1 year 1 day' AND loan.checked_out_at < %(to_at)s
          AND (%(branch)s::bigint IS NULL OR loan.branch_id = %(branch)s)
    ), readers AS (
        SELECT reader_id, bool_or(day BETWEEN %(since)s::date - interval '1 year'
                                          AND %(until)s::date - interval '1 year') AS came,
               bool_or(day BETWEEN %(since)s AND %(until)s) AS comes
        FROM lent GROUP BY reader_id
    )
    SELECT category.id, category.name AS category, count(*) FILTER (WHERE came) AS came,
           count(*) FILTER (WHERE came AND comes) AS stayed,
           round(100.0 * count(*) FILTER (WHERE came AND comes) / nullif(count(*) FILTER (WHERE came), 0), 1)
               AS retention,
           count(*) FILTER (WHERE comes) AS comes,
           count(*) FILTER (WHERE comes AND reader.registered_on BETWEEN %(since)s AND %(until)s) AS joined
    FROM readers
    JOIN accounts_reader reader ON reader.id = readers.reader_id
    JOIN policies_readercategory category ON category.id = reader.category_id
    WHERE (came OR comes) AND (%(category)s::bigint IS NULL OR category.id = %(category)s)
    GROUP BY category.id, category.name
"""
"""Of those who borrowed on the same days a year before, who did so again. Only loans that name their reader tell."""


def active(asked: Asked) -> Query:
    """Readers by loans of the period."""
    return Query(ACTIVE, asked.parameters())


def new(asked: Asked) -> Query:
    """Registrations by month, and how many of these readers have borrowed."""
    return Query(NEW, asked.parameters())


def retention(asked: Asked) -> Query:
    """Who borrowed a year before and borrowed again, by category."""
    return Query(RETENTION, asked.parameters())

"""The library now: what is on loan, what is overdue. Definitions: docs/reports.md."""

from reports.registry import Asked, Query

AUTHOR = """
    (SELECT author.name FROM catalog_contribution part JOIN catalog_author author ON author.id = part.author_id
     WHERE part.book_id = book.id AND part.role = 'author' ORDER BY part.position, part.id LIMIT 1)
"""
"""The first author of a `book`."""
OPEN_LOANS = f"""
    SELECT loan.id, loan.uid AS loan, copy.inventory_number, book.title, {AUTHOR} AS author, book.uid AS book,
           copy.shelf_mark, reader.full_name AS reader, reader.uid AS reader_uid, reader.card_number,
           reader.phone, reader.email, category.name AS category, branch.name AS branch,
           reader.language, branch.address AS branch_address, branch.phone AS branch_phone,
           loan.checked_out_at AT TIME ZONE branch.time_zone AS lent_at,
           loan.due_at AT TIME ZONE branch.time_zone AS due_at,
           loan.checked_out_at AS lent, loan.due_at AS due, loan.renewals, copy.price,
           (%(now)s AT TIME ZONE branch.time_zone)::date - (loan.due_at AT TIME ZONE branch.time_zone)::date
               AS days_late,
           CASE WHEN loan.claimed_returned_at IS NOT NULL
                     AND (loan.lost_at IS NULL OR loan.claimed_returned_at > loan.lost_at) THEN 'claimed'
                WHEN loan.lost_at IS NOT NULL THEN 'lost'
                WHEN loan.due_at < %(now)s THEN 'overdue'
                ELSE 'in_time' END AS standing
    FROM circulation_loan loan
    LEFT JOIN catalog_copy copy ON copy.id = loan.copy_id
    LEFT JOIN catalog_book book ON book.id = copy.book_id
    LEFT JOIN accounts_reader reader ON reader.id = loan.reader_id
    LEFT JOIN policies_readercategory category ON category.id = reader.category_id
    LEFT JOIN policies_branch branch ON branch.id = loan.branch_id
    WHERE loan.returned_at IS NULL
      AND (%(branch)s::bigint IS NULL OR loan.branch_id = %(branch)s)
      AND (%(category)s::bigint IS NULL OR reader.category_id = %(category)s)
      AND (%(item_type)s::bigint IS NULL OR copy.item_type_id = %(item_type)s)
"""
"""An open loan always has its reader, so no loan of the present is anonymous; one that was undone is over."""
OVERDUE = f"""
    SELECT * FROM ({OPEN_LOANS} AND loan.due_at < %(now)s) AS late WHERE days_late >= %(days)s
"""
OVERDUE_BY_BRANCH = f"""
    SELECT branch, category, count(*) AS loans, count(DISTINCT reader_uid) AS readers,
           count(*) FILTER (WHERE days_late <= 7) AS week, count(*) FILTER (WHERE days_late BETWEEN 8 AND 30) AS month,
           count(*) FILTER (WHERE days_late BETWEEN 31 AND 90) AS quarter,
           count(*) FILTER (WHERE days_late > 90) AS longer, sum(price) AS value,
           branch || ' ' || category AS both
    FROM ({OPEN_LOANS} AND loan.due_at < %(now)s) AS late
    GROUP BY branch, category
"""


def on_loan(asked: Asked) -> Query:
    """Open loans."""
    return Query(OPEN_LOANS, asked.parameters())


def overdue(asked: Asked) -> Query:
    """Open loans past their due instant, by so many days at least."""
    return Query(OVERDUE, asked.parameters())


def overdue_by_branch(asked: Asked) -> Query:
    """How many loans are late for how long, by branch and category of readers."""
    return Query(OVERDUE_BY_BRANCH, asked.parameters())

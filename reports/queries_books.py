"""What is read much, and what is not read at all. Definitions: docs/reports.md."""

from reports.queries_loans import LENT
from reports.queries_now import AUTHOR
from reports.registry import Asked, Query

HELD = "copy.status NOT IN ('withdrawn', 'lost', 'on_order')"
"""Copies that the library has."""
POPULAR = f"""
    SELECT book.id, book.uid AS book, book.title, {AUTHOR} AS author, book.year, lent.loans, lent.readers,
           (SELECT count(*) FROM catalog_copy copy WHERE copy.book_id = book.id AND {HELD}) AS copies,
           (SELECT count(*) FROM reservations_reservation waiting
            WHERE waiting.book_id = book.id AND waiting.state = 'waiting') AS waiting
    FROM (SELECT copy.book_id, count(*) AS loans, count(DISTINCT loan.reader_id) AS readers {LENT}
          GROUP BY copy.book_id) AS lent
    JOIN catalog_book book ON book.id = lent.book_id
"""
"""`readers` are those whom the loans still name: whoever is forgotten cannot be told from others."""
TURNOVER = f"""
    SELECT branch.name AS branch, item_type.name AS item_type, stock.copies, coalesce(lent.loans, 0) AS loans,
           round(coalesce(lent.loans, 0)::numeric / nullif(stock.copies, 0), 2) AS turnover,
           stock.copies - coalesce(lent.copies, 0) AS idle,
           round(100.0 * (stock.copies - coalesce(lent.copies, 0)) / nullif(stock.copies, 0), 1) AS idle_share,
           branch.id || '.' || item_type.id AS id
    FROM (SELECT branch_id, item_type_id, count(*) AS copies FROM catalog_copy copy WHERE {HELD} GROUP BY 1, 2) AS stock
    LEFT JOIN (
        SELECT branch_id, item_type_id, sum(loans)::bigint AS loans, count(*) FILTER (WHERE {HELD}) AS copies
        FROM (SELECT loan.copy_id, count(*) AS loans
              FROM circulation_loan loan JOIN policies_branch desk ON desk.id = loan.branch_id
              WHERE loan.undone_at IS NULL AND loan.checked_out_at >= %(from_at)s AND loan.checked_out_at < %(to_at)s
                AND (loan.checked_out_at AT TIME ZONE desk.time_zone)::date BETWEEN %(since)s AND %(until)s
              GROUP BY loan.copy_id) AS lent
        JOIN catalog_copy copy ON copy.id = lent.copy_id
        GROUP BY 1, 2) AS lent USING (branch_id, item_type_id)
    JOIN policies_branch branch ON branch.id = branch_id
    JOIN policies_itemtype item_type ON item_type.id = item_type_id
    WHERE (%(branch)s::bigint IS NULL OR branch_id = %(branch)s)
      AND (%(item_type)s::bigint IS NULL OR item_type_id = %(item_type)s)
"""
"""Of the branch that owns the copy, whichever desk lent it; loans of copies that are gone count, too."""
DEAD = f"""
    SELECT copy.id, copy.inventory_number, book.title, {AUTHOR} AS author, book.year, book.uid AS book, copy.shelf_mark,
           branch.name AS branch, copy.acquired_on, copy.price,
           (SELECT max((loan.checked_out_at AT TIME ZONE desk.time_zone)::date)
            FROM circulation_loan loan JOIN policies_branch desk ON desk.id = loan.branch_id
            WHERE loan.copy_id = copy.id AND loan.undone_at IS NULL) AS last_lent,
           (SELECT count(*) FROM circulation_loan loan
            WHERE loan.copy_id = copy.id AND loan.undone_at IS NULL) AS loans
    FROM catalog_copy copy
    JOIN catalog_book book ON book.id = copy.book_id
    JOIN policies_branch branch ON branch.id = copy.branch_id
    WHERE copy.status IN ('available', 'damaged') AND NOT copy.is_reference_only
      AND coalesce(copy.acquired_on, (book.created_at AT TIME ZONE branch.time_zone)::date)
          <= (%(now)s AT TIME ZONE branch.time_zone)::date - make_interval(years => %(years)s)
      AND NOT EXISTS (SELECT FROM circulation_loan loan WHERE loan.copy_id = copy.id AND loan.undone_at IS NULL
                      AND loan.checked_out_at >= %(now)s - make_interval(years => %(years)s))
      AND NOT EXISTS (SELECT FROM circulation_reading reading WHERE reading.copy_id = copy.id
                      AND reading.at >= %(now)s - make_interval(years => %(years)s))
      AND (%(branch)s::bigint IS NULL OR copy.branch_id = %(branch)s)
      AND (%(item_type)s::bigint IS NULL OR copy.item_type_id = %(item_type)s)
      AND (%(language)s::text IS NULL OR book.language = %(language)s)
"""
"""Held as long as that, on the shelf, and neither lent nor read in the library since."""


def popular(asked: Asked) -> Query:
    """Books by how often copies of them were lent."""
    return Query(POPULAR, asked.parameters())


def turnover(asked: Asked) -> Query:
    """Loans for each copy, by owning branch and item type."""
    return Query(TURNOVER, asked.parameters())


def dead_stock(asked: Asked) -> Query:
    """Copies that nobody wanted for so many years."""
    return Query(DEAD, asked.parameters())

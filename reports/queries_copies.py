"""What the library has: by status, value and age. Definitions: docs/reports.md."""

from reports.queries_books import HELD
from reports.registry import Asked, Query

OF_FILTERS = """
    (%(branch)s::bigint IS NULL OR copy.branch_id = %(branch)s)
    AND (%(item_type)s::bigint IS NULL OR copy.item_type_id = %(item_type)s)
"""
BY_STATUS = f"""
    SELECT copy.status, count(*) AS copies, sum(copy.price) AS value,
           round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS share
    FROM catalog_copy copy WHERE {OF_FILTERS}
    GROUP BY copy.status
"""
BY_VALUE = f"""
    SELECT stock.id, branch.name AS branch, item_type.name AS item_type, titles, copies, priced, value,
           round(value / nullif(priced, 0), 2) AS mean_price
    FROM (SELECT copy.branch_id || '.' || copy.item_type_id AS id, copy.branch_id, copy.item_type_id,
                 count(DISTINCT copy.book_id) AS titles, count(*) AS copies, count(copy.price) AS priced,
                 sum(copy.price) AS value
          FROM catalog_copy copy WHERE {HELD} AND {OF_FILTERS} GROUP BY copy.branch_id, copy.item_type_id) AS stock
    JOIN policies_branch branch ON branch.id = stock.branch_id
    JOIN policies_itemtype item_type ON item_type.id = stock.item_type_id
"""
BY_AGE = f"""
    SELECT age, count(DISTINCT book_id) AS titles, count(*) AS copies, sum(price) AS value,
           round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS share
    FROM (SELECT copy.book_id, copy.price,
                 CASE WHEN book.year IS NULL THEN NULL
                      WHEN book.year >= %(this_year)s - 1 THEN 1 WHEN book.year >= %(this_year)s - 5 THEN 2
                      WHEN book.year >= %(this_year)s - 10 THEN 3 WHEN book.year >= %(this_year)s - 20 THEN 4
                      WHEN book.year >= %(this_year)s - 50 THEN 5 ELSE 6 END AS age
          FROM catalog_copy copy JOIN catalog_book book ON book.id = copy.book_id
          WHERE {HELD} AND {OF_FILTERS}) AS aged
    GROUP BY age
"""


def by_status(asked: Asked) -> Query:
    """All copies ever entered, by what has become of them."""
    return Query(BY_STATUS, asked.parameters())


def by_value(asked: Asked) -> Query:
    """Copies that the library has, and their prices."""
    return Query(BY_VALUE, asked.parameters())


def by_age(asked: Asked) -> Query:
    """Copies that the library has, by how long ago they were published."""
    return Query(BY_AGE, {**asked.parameters(), "this_year": asked.until.year})

"""Loans over time and by what they are of. Definitions: docs/reports.md.

A loan counts on the day, and in the hour, of the desk that lent it, by that branch's clock; one whose reader is
forgotten counts like any other; one that was undone counts nowhere. What days are enough for comes from the figures of
days (`reports.figures`), hours, genres and books from the loans themselves.
"""

from dataclasses import replace
from datetime import date

from reports.figures import DAYS
from reports.registry import Asked, Query

READER_CATEGORY = "coalesce(loan.reader_category_id, reader.category_id)"
"""Kept with the loan once its reader is forgotten, the reader's own until then."""
OF_FILTERS = f"""
    AND (%(branch)s::bigint IS NULL OR branch.id = %(branch)s)
    AND (%(category)s::bigint IS NULL OR {READER_CATEGORY} = %(category)s)
    AND (%(item_type)s::bigint IS NULL OR copy.item_type_id = %(item_type)s)
"""
LENT = f"""
    FROM circulation_loan loan
    JOIN policies_branch branch ON branch.id = loan.branch_id
    LEFT JOIN accounts_reader reader ON reader.id = loan.reader_id
    LEFT JOIN catalog_copy copy ON copy.id = loan.copy_id
    WHERE loan.undone_at IS NULL AND loan.checked_out_at >= %(from_at)s AND loan.checked_out_at < %(to_at)s
      AND (loan.checked_out_at AT TIME ZONE branch.time_zone)::date BETWEEN %(since)s AND %(until)s
      {OF_FILTERS}
"""
"""Loans of the period, with their branch, reader and copy."""
RETURNED = f"""
    FROM circulation_loan loan
    JOIN policies_branch branch ON branch.id = loan.return_branch_id
    LEFT JOIN accounts_reader reader ON reader.id = loan.reader_id
    LEFT JOIN catalog_copy copy ON copy.id = loan.copy_id
    WHERE loan.undone_at IS NULL AND loan.returned_at >= %(from_at)s AND loan.returned_at < %(to_at)s
      AND (loan.returned_at AT TIME ZONE branch.time_zone)::date BETWEEN %(since)s AND %(until)s
      {OF_FILTERS}
"""
READ = """
    FROM circulation_reading reading
    JOIN policies_branch branch ON branch.id = reading.branch_id
    LEFT JOIN catalog_copy copy ON copy.id = reading.copy_id
    WHERE reading.at >= %(from_at)s AND reading.at < %(to_at)s
      AND (reading.at AT TIME ZONE branch.time_zone)::date BETWEEN %(since)s AND %(until)s
      AND (%(branch)s::bigint IS NULL OR branch.id = %(branch)s)
      AND %(category)s::bigint IS NULL
      AND (%(item_type)s::bigint IS NULL OR copy.item_type_id = %(item_type)s)
"""
"""Of a reading nobody knows the reader: with a category asked for, none counts."""
HAPPENED = f"""
    SELECT loan.checked_out_at AT TIME ZONE branch.time_zone AS at,
           1 AS loans, 0 AS returns, 0 AS readings {LENT}
    UNION ALL SELECT loan.returned_at AT TIME ZONE branch.time_zone, 0, 1, 0 {RETURNED}
    UNION ALL SELECT reading.at AT TIME ZONE branch.time_zone, 0, 0, 1 {READ}
"""
SUMS = """
    coalesce(sum(loans), 0)::bigint AS loans, coalesce(sum(renewals), 0)::bigint AS renewals,
    coalesce(sum(returns), 0)::bigint AS returns, coalesce(sum(readings), 0)::bigint AS readings
"""
COUNTED = f"""
    SELECT * FROM {DAYS} AS days
    WHERE (%(branch)s::bigint IS NULL OR branch_id = %(branch)s)
      AND (%(category)s::bigint IS NULL OR category_id = %(category)s)
      AND (%(item_type)s::bigint IS NULL OR item_type_id = %(item_type)s)
"""
"""What happened on the days of the period, as far as the filters let it through."""
BY_MONTH = f"""
    SELECT month::date AS month, {SUMS}
    FROM generate_series(date_trunc('month', %(since)s::timestamp), %(until)s::timestamp, '1 month') AS month
    LEFT JOIN ({COUNTED}) AS counted ON date_trunc('month', counted.day::timestamp) = month
    GROUP BY month
"""
BY_DAY = f"""
    SELECT each::date AS day, extract(isodow FROM each)::int AS weekday, {SUMS}
    FROM generate_series(%(since)s::timestamp, %(until)s::timestamp, '1 day') AS each
    LEFT JOIN ({COUNTED}) AS counted ON counted.day = each::date
    GROUP BY each
"""
BY_WEEKDAY = f"""
    SELECT week.weekday, {SUMS}, week.days, round(coalesce(sum(loans), 0)::numeric / week.days, 1) AS loans_a_day
    FROM (SELECT extract(isodow FROM each)::int AS weekday, count(*) AS days
          FROM generate_series(%(since)s::timestamp, %(until)s::timestamp, '1 day') AS each GROUP BY 1) AS week
    LEFT JOIN ({COUNTED}) AS counted ON extract(isodow FROM counted.day) = week.weekday
    GROUP BY week.weekday, week.days
"""
BY_HOUR = f"""
    WITH happened AS (SELECT extract(hour FROM at)::int AS hour, sum(loans) AS loans, sum(returns) AS returns,
                             sum(readings) AS readings
                      FROM ({HAPPENED}) AS moments GROUP BY 1)
    SELECT hour, coalesce(loans, 0)::bigint AS loans, coalesce(returns, 0)::bigint AS returns,
           coalesce(readings, 0)::bigint AS readings
    FROM generate_series((SELECT min(hour) FROM happened), (SELECT max(hour) FROM happened)) AS hour
    LEFT JOIN happened USING (hour)
"""
YEARS = f"""
    SELECT month, CASE WHEN month <= %(this_month)s THEN this_year END AS this_year, last_year, year_before,
           CASE WHEN month < %(this_month)s AND last_year > 0
                THEN round(100.0 * (this_year - last_year) / last_year, 1) END AS change
    FROM (SELECT month, coalesce(sum(loans) FILTER (WHERE year = %(year)s), 0)::bigint AS this_year,
                 coalesce(sum(loans) FILTER (WHERE year = %(year)s - 1), 0)::bigint AS last_year,
                 coalesce(sum(loans) FILTER (WHERE year = %(year)s - 2), 0)::bigint AS year_before
          FROM generate_series(1, 12) AS month
          LEFT JOIN (SELECT loans, extract(month FROM day) AS in_month, extract(year FROM day) AS year
                     FROM ({COUNTED}) AS counted) AS lent
                 ON lent.in_month = month
          GROUP BY month) AS months
"""
LENT_AND_RENEWED = f"""
    sum(loans)::bigint AS loans, round(100.0 * sum(loans) / nullif(sum(sum(loans)) OVER (), 0), 1) AS share,
    sum(renewals)::bigint AS renewals
    FROM ({COUNTED}) AS counted GROUP BY 1 HAVING sum(loans) <> 0 OR sum(renewals) <> 0
"""
"""To stand after SELECT and the column that loans are told apart by."""
BY_BRANCH = f"""
    SELECT branch.id, branch.name AS branch, loans, share, renewals
    FROM (SELECT branch_id AS id, {LENT_AND_RENEWED}) AS lent JOIN policies_branch branch USING (id)
"""
BY_CATEGORY = f"""
    SELECT lent.id, category.name AS category, loans, share, renewals
    FROM (SELECT category_id AS id, {LENT_AND_RENEWED}) AS lent LEFT JOIN policies_readercategory category USING (id)
"""
BY_AGE = f"SELECT nullif(age_group, '') AS age_group, {LENT_AND_RENEWED}"
BY_ITEM_TYPE = f"""
    SELECT item_type.id, item_type.name AS item_type, loans, share, renewals
    FROM (SELECT item_type_id AS id, {LENT_AND_RENEWED}) AS lent JOIN policies_itemtype item_type USING (id)
"""
BY_LANGUAGE = f"SELECT nullif(language, '') AS language, {LENT_AND_RENEWED}"
BY_BOOK = f"SELECT copy.book_id, count(*) AS loans, sum(loan.renewals)::bigint AS renewals {LENT} GROUP BY copy.book_id"
BY_GENRE = f"""
    WITH lent AS ({BY_BOOK})
    SELECT genre.id, genre.name AS genre, sum(loans)::bigint AS loans,
           round(100.0 * sum(loans) / (SELECT sum(loans) FROM lent), 1) AS share, sum(renewals)::bigint AS renewals
    FROM lent
    LEFT JOIN catalog_book_genres tagged ON tagged.book_id = lent.book_id
    LEFT JOIN catalog_genre genre ON genre.id = tagged.genre_id
    GROUP BY genre.id, genre.name
"""
"""A loan of a book of two genres counts for both: the shares are of all loans and come to more than a hundred."""


def by_month(asked: Asked) -> Query:
    """Every month of the period, also those with nothing."""
    return Query(BY_MONTH, asked.parameters())


def by_day(asked: Asked) -> Query:
    """Every day of the period, also those with nothing."""
    return Query(BY_DAY, asked.parameters())


def by_weekday(asked: Asked) -> Query:
    """The weekdays of the period, with the mean of one such day."""
    return Query(BY_WEEKDAY, asked.parameters())


def by_hour(asked: Asked) -> Query:
    """The hours of the day from the first to the last in which anything happened."""
    return Query(BY_HOUR, asked.parameters())


def year_on_year(asked: Asked) -> Query:
    """The months of the year of the last day asked for, beside those of the two years before."""
    year = asked.until.year
    three_years = replace(asked, since=date(year - 2, 1, 1), until=date(year, 12, 31))
    return Query(YEARS, {**three_years.parameters(), "year": year, "this_month": asked.until.month})


def by_branch(asked: Asked) -> Query:
    """By the branch that lent."""
    return Query(BY_BRANCH, asked.parameters())


def by_category(asked: Asked) -> Query:
    """By category of readers."""
    return Query(BY_CATEGORY, asked.parameters())


def by_age(asked: Asked) -> Query:
    """By age of readers at check-out."""
    return Query(BY_AGE, asked.parameters())


def by_item_type(asked: Asked) -> Query:
    """By item type of copies."""
    return Query(BY_ITEM_TYPE, asked.parameters())


def by_language(asked: Asked) -> Query:
    """By language of books."""
    return Query(BY_LANGUAGE, asked.parameters())


def by_genre(asked: Asked) -> Query:
    """By genre of books."""
    return Query(BY_GENRE, asked.parameters())

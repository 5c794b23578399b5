"""How much each book is borrowed, for ranking and sorting: counted once a day, not at every check-out.

Nobody waits for an index at the desk, and a day's delay changes no ranking.
"""

from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import Count

from catalog.models import Copy, SearchEntry
from catalog.search import CHUNK, MUCH_BORROWED

PERIOD = timedelta(days=365)
"""How far back loans count."""

WRITE = """
UPDATE catalog_searchentry entry
SET popularity = loans,
    words = CASE WHEN (popularity >= %(much)s) = (loans >= %(much)s) THEN words
                 WHEN loans >= %(much)s THEN words || array_to_tsvector(ARRAY['@top'])
                 ELSE ts_delete(words, '@top') END
FROM (SELECT book_id FROM catalog_searchentry WHERE book_id = ANY(%(ids)s) ORDER BY book_id FOR NO KEY UPDATE) locked,
     unnest(%(ids)s::bigint[], %(loans)s::int[]) AS fresh(id, loans)
WHERE entry.book_id = fresh.id AND locked.book_id = fresh.id
"""


def count_loans(*, now: datetime) -> dict[str, Any]:
    """Bring `SearchEntry.popularity` up to date; how many entries changed. Safe to repeat and to stop half-way."""
    lent = Copy.objects.filter(loans__checked_out_at__gte=now - PERIOD, loans__undone_at=None).order_by()
    counts: dict[int, int] = dict(lent.values("book").annotate(times=Count("loans")).values_list("book", "times"))
    former = dict(SearchEntry.objects.filter(popularity__gt=0).values_list("book_id", "popularity"))
    changed = iter(sorted(pk for pk in counts.keys() | former.keys() if counts.get(pk, 0) != former.get(pk, 0)))
    done = 0
    while ids := list(islice(changed, CHUNK)):
        facts: dict[str, Any] = {"ids": ids, "loans": [counts.get(pk, 0) for pk in ids], "much": MUCH_BORROWED}
        with connection.cursor() as cursor:
            cursor.execute(WRITE, facts)
        done += len(ids)
    return {"books": done}

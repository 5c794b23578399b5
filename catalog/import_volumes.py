"""Volumes and issues put under their sets, as their records say; a set may come before its volumes or after them."""

from django.db import connection

from catalog.models import Book, ImportRun
from catalog.search import index_books
from library.core.transactions import one_commit

BATCH = 1000
"""Volumes of one commit."""

_PAIRS = """
WITH pairs AS (
    SELECT source.book_id AS volume_id, min(whole.book_id) AS whole_id
    FROM catalog_sourcerecord source JOIN catalog_sourcerecord whole ON whole.key = source.whole_key
    WHERE source.whole_key <> '' AND whole.key <> '' AND whole.book_id <> source.book_id
          AND %(run)s IN (source.run_id, whole.run_id)
    GROUP BY source.book_id HAVING count(*) = 1)
SELECT pairs.volume_id, pairs.whole_id
FROM pairs JOIN catalog_book volume ON volume.id = pairs.volume_id JOIN catalog_book whole ON whole.id = pairs.whole_id
WHERE volume.parent_id IS NULL AND whole.parent_id IS NULL AND pairs.whole_id NOT IN (SELECT volume_id FROM pairs)
      AND NOT EXISTS (SELECT FROM catalog_book below WHERE below.parent_id = volume.id)
ORDER BY pairs.volume_id
"""
"""Volumes without a set and the one book whose record has the number that theirs name. A set has one level."""


def link_volumes(run: ImportRun) -> int:
    """Put the volumes that this import brought, or whose sets it brought, under their sets; how many there were.

    Safe to repeat. What a person put elsewhere stays there. Raises Busy.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS, {"run": run.pk})
        pairs = cursor.fetchall()
    linked = 0
    for start in range(0, len(pairs), BATCH):
        batch = pairs[start : start + BATCH]
        with one_commit():
            keys = {key for pair in batch for key in pair}
            free = set(Book.objects.locked().filter(pk__in=keys, parent=None).values_list("pk", flat=True))
            volumes = [Book(pk=volume, parent_id=whole) for volume, whole in batch if {volume, whole} <= free]
            Book.objects.bulk_update(volumes, ["parent"])
            index_books(volume.pk for volume in volumes)
            linked += len(volumes)
    return linked

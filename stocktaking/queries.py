"""What is read of stocktakes: expected copies, findings with their outcome, counts."""

from collections.abc import Sequence
from typing import Any

from django.core.cache import cache
from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.db.models.functions import Collate, Lower

from catalog.models import Copy
from library.core.scanning import readings
from stocktaking.models import Finding, Outcome, Stocktake
from stocktaking.rules import LAST_LETTER

ABSENT_SECONDS = 60
"""How old the number of absent copies may be that the scanning page reckons with."""
ON_SHELVES = (Copy.Status.AVAILABLE, Copy.Status.DAMAGED, Copy.Status.LOANED)
"""How copies stand that a stocktake expects, those on loan as on loan."""


def shelf_order(field: str = "shelf_mark") -> Collate:
    """Marks by the order of their letters, whatever the database's own order is; as `rules.is_within` compares them."""
    return Collate(field, "C")


def expected_copies(stocktake: Stocktake) -> QuerySet[Copy]:
    """The copies that stand, or would stand if they were not on loan, on the shelves of a stocktake."""
    copies = Copy.objects.filter(branch=stocktake.branch_id, status__in=ON_SHELVES)
    copies = copies.alias(mark=shelf_order())
    if stocktake.shelf_from:
        copies = copies.filter(mark__gte=stocktake.shelf_from)
    if stocktake.shelf_to:
        copies = copies.filter(mark__lte=stocktake.shelf_to + LAST_LETTER)
    return copies


def findings_of(stocktake: Stocktake) -> QuerySet[Any]:
    """The findings, each with its `result`: the outcome, or for what nobody has scanned what it would be now."""
    unscanned = [
        When(copy__status=Copy.Status.LOANED, then=Value(Outcome.ON_LOAN)),
        When(~Q(copy__branch=stocktake.branch_id), then=Value(Outcome.LEFT)),
        When(copy__status__in=[Copy.Status.AVAILABLE, Copy.Status.DAMAGED], then=Value(Outcome.MISSING)),
    ]
    result = Case(
        When(~Q(outcome=""), then=F("outcome")),
        *unscanned,
        default=Value(Outcome.LEFT),
        output_field=CharField(),
    )
    return Finding.objects.filter(stocktake=stocktake).annotate(result=result)


def listed(findings: QuerySet[Any]) -> QuerySet[Any]:
    """With what lists show, along the shelves."""
    return findings.select_related("copy__book", "copy__branch", "scanned_by", "corrected_by").order_by(
        Collate("copy__shelf_mark", "C"), "copy__inventory_number", "code"
    )


def page_along_the_shelves(findings: QuerySet[Any], *, start: int, end: int) -> list[Any]:
    """These findings out of all, as `listed` gives them: the keys are sorted first, and only a page of them is read."""
    order = (Collate("copy__shelf_mark", "C"), "copy__inventory_number", "code")
    keys = list(findings.order_by(*order).values_list("pk", flat=True)[start:end])
    return list(listed(Finding.objects.filter(pk__in=keys)))


def progress_of(stocktake: Stocktake) -> dict[str, int]:
    """How far the count is, cheaply, because every scan asks: scanned by outcome, and still `missing`.

    Which of the copies that nobody has scanned are on loan or gone is looked up once in `ABSENT_SECONDS`.
    """
    rows = Finding.objects.filter(stocktake=stocktake).order_by().values_list("outcome").annotate(count=Count("*"))
    counts = {str(outcome): 0 for outcome in Outcome} | dict(rows)
    absent = cache.get_or_set(f"stocktake_absent_{stocktake.uid}", lambda: _absent(stocktake), ABSENT_SECONDS)
    counts[Outcome.MISSING] += max(counts.pop("", 0) - (absent or 0), 0)
    return counts


def _absent(stocktake: Stocktake) -> int:
    unscanned = findings_of(stocktake).filter(outcome="")
    return unscanned.filter(result__in=[Outcome.ON_LOAN, Outcome.LEFT]).count()


def counts_of(stocktake: Stocktake) -> dict[str, int]:
    """How many findings of each outcome, and how many of them are not put right yet (`open_…`)."""
    rows = (
        findings_of(stocktake)
        .order_by()
        .values("result")
        .annotate(count=Count("pk"), left=Count("pk", filter=Q(correction="")))
    )
    counts: dict[str, int] = {str(outcome): 0 for outcome in Outcome} | {f"open_{outcome}": 0 for outcome in Outcome}
    for row in rows:
        counts[row["result"]], counts[f"open_{row['result']}"] = row["count"], row["left"]
    return counts


def latest_scans(stocktake: Stocktake, *, by: Any, count: int) -> list[Finding]:
    """The latest scans of one librarian, the last first."""
    scans = Finding.objects.filter(stocktake=stocktake, scanned_by=by, scanned_at__isnull=False)
    return list(scans.select_related("copy__book", "copy__branch").order_by("-scanned_at", "-pk")[:count])


def copies_by_code(codes: Sequence[str]) -> dict[str, Copy]:
    """Code as scanned -> the copy that bears it as barcode, else as inventory number; two statements for all."""
    meant = {code: readings(code) for code in codes}
    every = {reading for readings_of_one in meant.values() for reading in readings_of_one}
    rows = Copy.objects.select_related("book", "branch").only(
        "uid", "inventory_number", "barcode", "shelf_mark", "status", "branch", "branch__name", "book", "book__title"
    )
    barcodes = rows.alias(lower=Lower("barcode")).filter(lower__in={reading.lower() for reading in every})
    by_barcode: dict[str, Copy] = {copy.barcode.lower(): copy for copy in barcodes}
    cases = {case for reading in every for case in (reading, reading.upper(), reading.lower())}
    by_number: dict[str, Copy] = {copy.inventory_number: copy for copy in rows.filter(inventory_number__in=cases)}
    found: dict[str, Copy] = {}
    for code, variants in meant.items():
        copies = [by_barcode.get(reading.lower()) for reading in variants]
        copies += [by_number.get(case) for reading in variants for case in (reading, reading.upper(), reading.lower())]
        if copy := next(filter(None, copies), None):
            found[code] = copy
    return found

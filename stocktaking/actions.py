"""Starting, scanning, putting right, closing: the only place where stocktakes are written.

Each action locks the stocktake first and then what the catalogue's own actions lock; nobody locks in the other order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import User
from catalog import actions as catalog_actions
from catalog.copy_actions import restore_copies, withdraw_copies
from catalog.models import Copy, Withdrawal
from library.core import audit
from library.core.errors import Invalid
from library.core.transactions import one_commit
from policies.models import Branch
from stocktaking import rules
from stocktaking.models import CODE_LENGTH, Correction, Finding, Outcome, Stocktake
from stocktaking.queries import copies_by_code, expected_copies, findings_of, latest_scans

MOST_SCANS = 5000
"""Codes that come in at once, by a file or a hand scanner."""
MOST_CORRECTED = 500
"""Findings that one click puts right."""
REMEDIES = {
    Outcome.MISSING: Correction.MARKED_LOST,
    Outcome.OTHER_BRANCH: Correction.MOVED_HERE,
    Outcome.FOUND_LOST: Correction.RESTORED,
    Outcome.FOUND_WITHDRAWN: Correction.RESTORED,
    Outcome.OUT_OF_PLACE: Correction.RESHELVED,
}
"""What can be put right, and how. A copy on loan is taken back at the desk, an unknown one is entered."""


@dataclass(slots=True)
class Scan:
    """What one code came to."""

    finding: Finding
    is_repeated: bool = False
    """Whether it was counted before; then nothing has changed."""
    blamed: Finding | None = None
    """The copy scanned before, if this scan shows that it is that one which stands wrong."""


def start(
    *, branch: Branch, shelf_from: str = "", shelf_to: str = "", note: str = "", by: User | None, now: datetime
) -> Stocktake:
    """Begin a stocktake: every copy that should stand there is expected from now on. Raises Invalid (`shelf_to`)."""
    if shelf_to and shelf_to + rules.LAST_LETTER < shelf_from:
        raise Invalid({"shelf_to": [_("The last shelf mark comes before the first.")]})
    with one_commit():
        stocktake = Stocktake.objects.create(
            branch=branch, shelf_from=shelf_from, shelf_to=shelf_to, note=note, started_at=now, started_by=by
        )
        chosen, params = expected_copies(stocktake).order_by().values_list("pk").query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                INSERT INTO stocktaking_finding (stocktake_id, copy_id, is_expected, code, outcome, correction, before)
                SELECT %s, chosen.copy_id, true, '', '', '', '{{}}' FROM ({chosen}) chosen(copy_id)
                """,  # noqa: S608 # a query of Django's, its values apart
                [stocktake.pk, *params],
            )
            detail = {"expected": cursor.rowcount}
        audit.record(action="stocktaking.start", subject=stocktake, by=by, now=now, detail=detail)
        return stocktake


def record_scans(
    *, stocktake_id: int, codes: Sequence[str], by: User | None, now: datetime, is_new_shelf: bool = False
) -> list[Scan]:
    """Count the codes, in the order in which they stand on the shelf; what each came to, a repeated one once only.

    Neighbours are compared with the librarian's own last scans, unless a new shelf begins. Raises Invalid (`codes`)
    for a closed stocktake and for too many, Stocktake.DoesNotExist, Busy.
    """
    codes = [code[:CODE_LENGTH] for line in codes if (code := line.strip())]
    if len(codes) > MOST_SCANS:
        raise Invalid({"codes": [_("Send %(most)d numbers at most at once.") % {"most": MOST_SCANS}]})
    with one_commit():
        stocktake = _open(stocktake_id)
        copies = copies_by_code(codes)
        there = _findings(stocktake, copies.values(), codes)
        walk = [] if is_new_shelf else latest_scans(stocktake, by=by, count=2)[::-1]
        scans, fresh, changed = [], [], {}
        for number, code in enumerate(codes):
            copy = copies.get(code)
            key = copy.pk if copy else code
            finding = there.get(key)
            if finding and finding.scanned_at:
                finding.copy = copy
                scans.append(Scan(finding, is_repeated=True))
                continue
            if finding:
                changed[finding.pk] = finding
            else:
                finding = Finding(stocktake=stocktake, copy=copy)
                fresh.append(finding)
            finding.copy, finding.code = copy, code
            finding.scanned_at, finding.scanned_by = now + timedelta(microseconds=number), by
            finding.outcome = _outcome(stocktake, copy)
            there[key] = finding
            blamed = _compare(walk, finding)
            if blamed and blamed.pk:
                changed[blamed.pk] = blamed
            walk = [*walk[-1:], finding]
            scans.append(Scan(finding, blamed=blamed))
        _write_scans(list(changed.values()))
        Finding.objects.bulk_create(fresh, batch_size=500)
        return scans


def correct(
    *, stocktake_id: int, outcome: Outcome, finding_ids: Collection[int] | None = None, by: User | None, now: datetime
) -> int:
    """Put right findings of one kind by its remedy, chosen ones or all (`MOST_CORRECTED` at a time); how many.

    A copy that has changed since, so that the remedy makes no sense any more, is passed over. Raises Invalid for a kind
    without a remedy, Stocktake.DoesNotExist, Busy.
    """
    remedy = REMEDIES.get(outcome)
    if remedy is None:
        raise Invalid({"outcome": [_("This is put right elsewhere.")]})
    with one_commit():
        stocktake = Stocktake.objects.locked().get(pk=stocktake_id)
        found = findings_of(stocktake).filter(result=outcome, correction="", copy__isnull=False)
        if finding_ids is not None:
            found = found.filter(pk__in=finding_ids)
        done = 0
        for finding in found.select_related("copy").order_by("copy__book_id", "copy_id")[:MOST_CORRECTED]:
            before = _apply(remedy, finding, stocktake, by=by, now=now)
            if before is None:
                continue
            finding.outcome, finding.correction, finding.before = outcome, remedy, before
            finding.corrected_at, finding.corrected_by = now, by
            finding.save(update_fields=["outcome", "correction", "before", "corrected_at", "corrected_by"])
            done += 1
        detail = {"outcome": str(outcome), "correction": str(remedy), "count": done}
        audit.record(action="stocktaking.correct", subject=stocktake, by=by, now=now, detail=detail)
        return done


def undo(*, stocktake_id: int, finding_id: int, by: User | None, now: datetime) -> Finding:
    """Take a correction back. Raises Invalid when the copy has changed since, Finding.DoesNotExist, Busy."""
    with one_commit():
        stocktake = Stocktake.objects.locked().get(pk=stocktake_id)
        finding = Finding.objects.select_related("copy").exclude(correction="").get(stocktake=stocktake, pk=finding_id)
        _revert(finding, stocktake, by=by, now=now)
        detail = {"correction": finding.correction, "copy": str(finding.copy)}
        if finding.scanned_at is None and stocktake.is_open:
            finding.outcome = ""
        finding.correction, finding.before, finding.corrected_at, finding.corrected_by = "", {}, None, None
        finding.save(update_fields=["outcome", "correction", "before", "corrected_at", "corrected_by"])
        audit.record(action="stocktaking.undo", subject=stocktake, by=by, now=now, detail=detail)
        return finding


def close(*, stocktake_id: int, by: User | None, now: datetime) -> Stocktake:
    """Take no more scans, and fix what became of the copies that nobody scanned. Raises Invalid, Busy."""
    with one_commit():
        stocktake = _open(stocktake_id)
        counts = {}
        for outcome in (Outcome.ON_LOAN, Outcome.LEFT, Outcome.MISSING):
            left = findings_of(stocktake).filter(outcome="", result=outcome).values("pk")
            counts[str(outcome)] = Finding.objects.filter(pk__in=left).update(outcome=outcome)
        stocktake.closed_at, stocktake.closed_by = now, by
        stocktake.save(update_fields=["closed_at", "closed_by"])
        audit.record(action="stocktaking.close", subject=stocktake, by=by, now=now, detail=counts)
        return stocktake


# --- Parts of the actions, under their locks -------------------------------------------------------------------------


def _open(stocktake_id: int) -> Stocktake:
    stocktake = Stocktake.objects.locked().get(pk=stocktake_id)
    if not stocktake.is_open:
        raise Invalid({"codes": [_("This stocktake is closed.")]})
    return stocktake


def _findings(stocktake: Stocktake, copies: Collection[Copy], codes: Sequence[str]) -> dict[int | str, Finding]:
    """What there is already about these copies (by key) and unknown codes (by code)."""
    of_copies = Finding.objects.filter(stocktake=stocktake, copy__in=[copy.pk for copy in copies])
    unknown = Finding.objects.filter(stocktake=stocktake, copy=None, code__in=codes)
    return {finding.copy_id or finding.code: finding for finding in (*of_copies, *unknown)}


def _write_scans(findings: Sequence[Finding]) -> None:
    """One statement for thousands of scans."""
    if not findings:
        return
    columns = zip(
        *((each.pk, each.code, each.scanned_at, each.scanned_by_id, each.outcome) for each in findings), strict=True
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE stocktaking_finding finding
            SET code = scan.code, scanned_at = scan.scanned_at, scanned_by_id = scan.scanned_by, outcome = scan.outcome
            FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::bigint[], %s::text[])
                AS scan(id, code, scanned_at, scanned_by, outcome)
            WHERE finding.id = scan.id
            """,
            [list(column) for column in columns],
        )


def _outcome(stocktake: Stocktake, copy: Copy | None) -> Outcome:
    if copy is None:
        return Outcome.UNKNOWN
    scanned = rules.Scanned(
        status=copy.status,
        is_of_branch=copy.branch_id == stocktake.branch_id,
        shelf_mark=copy.shelf_mark,
        shelf_from=stocktake.shelf_from,
        shelf_to=stocktake.shelf_to,
    )
    return Outcome(rules.outcome_of(scanned))


def _compare(walk: list[Finding], finding: Finding) -> Finding | None:
    """Mark whichever of two neighbours stands wrong; the one before if it is that one."""
    marks = [known.copy.shelf_mark if known.copy else "" for known in (*walk, finding)]
    before_last = marks[-3] if len(marks) > 2 else None
    match rules.misplaced(before_last, marks[-2] if len(marks) > 1 else None, marks[-1]):
        case "this" if finding.outcome == Outcome.FOUND:
            finding.outcome = Outcome.OUT_OF_PLACE
        case "last" if walk[-1].outcome == Outcome.FOUND and not walk[-1].correction:
            walk[-1].outcome = Outcome.OUT_OF_PLACE
            return walk[-1]
    return None


def _apply(
    remedy: Correction, finding: Finding, stocktake: Stocktake, *, by: User | None, now: datetime
) -> dict[str, Any] | None:
    """Change the copy; how it stood before, or None if there is nothing to put right any more."""
    copy = finding.copy
    assert copy is not None
    match remedy:
        case Correction.MARKED_LOST:
            if copy.status not in (Copy.Status.AVAILABLE, Copy.Status.DAMAGED):
                return None
            catalog_actions.set_copy_status(copy_id=copy.pk, status=Copy.Status.LOST, by=by, now=now)
            return {"status": copy.status}
        case Correction.MOVED_HERE:
            if copy.branch_id == stocktake.branch_id:
                return None
            catalog_actions.update_copy(copy_id=copy.pk, fields={"branch": stocktake.branch}, by=by, now=now)
            return {"branch": copy.branch_id}
        case Correction.RESTORED:
            return _restore(copy, by=by, now=now)
    return {}


def _restore(copy: Copy, *, by: User | None, now: datetime) -> dict[str, Any] | None:
    """Make a lost or withdrawn copy available."""
    if copy.status == Copy.Status.LOST:
        catalog_actions.set_copy_status(copy_id=copy.pk, status=Copy.Status.AVAILABLE, by=by, now=now)
        return {"status": Copy.Status.LOST}
    if copy.status != Copy.Status.WITHDRAWN:
        return None
    act = Withdrawal.objects.filter(copy=copy, restored_at=None).select_related("act").first()
    restore_copies(copy_ids=[copy.pk], by=by, now=now)
    if act is None:
        return {"status": Copy.Status.WITHDRAWN}
    return {
        "status": Copy.Status.WITHDRAWN,
        "act_number": act.act.number,
        "dated_on": act.act.dated_on.isoformat(),
        "reason": act.reason,
        "note": act.note,
    }


def _revert(finding: Finding, stocktake: Stocktake, *, by: User | None, now: datetime) -> None:
    """Bring the copy back to how it stood before its correction."""
    copy, before = finding.copy, dict(finding.before)
    assert copy is not None
    changed = Invalid({"finding": [_("%(copy)s has changed since. Correct it on its own page.") % {"copy": copy}]})
    match finding.correction:
        case Correction.MARKED_LOST:
            if copy.status != Copy.Status.LOST:
                raise changed
            catalog_actions.set_copy_status(copy_id=copy.pk, status=Copy.Status(before["status"]), by=by, now=now)
        case Correction.MOVED_HERE:
            if copy.branch_id != stocktake.branch_id:
                raise changed
            former = Branch.objects.get(pk=before["branch"])
            catalog_actions.update_copy(copy_id=copy.pk, fields={"branch": former}, by=by, now=now)
        case Correction.RESTORED:
            status = before.pop("status")
            if copy.status == Copy.Status.LOANED or (status == Copy.Status.WITHDRAWN and not before):
                raise changed
            if status == Copy.Status.LOST:
                catalog_actions.set_copy_status(copy_id=copy.pk, status=Copy.Status.LOST, by=by, now=now)
            else:
                dated_on = date.fromisoformat(before.pop("dated_on"))
                withdraw_copies(copy_ids=[copy.pk], dated_on=dated_on, by=by, now=now, **before)

"""History that is forgotten: what a reader brought back long ago no longer tells who it was.

A loan, or a reservation that has ended, is parted from its reader; category, branch and age group stay for the
statistics. What else holds the same goes with it: notices and letters, names and persons in the audit, reasons of
suspensions, the records of merges. The ledger is kept as the law asks; while something is owed for a loan, the loan
keeps its reader.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

import accounts.actions
from accounts.models import Consent, Reader, ReaderBlock, User
from cashdesk.models import DEBITS, Entry
from circulation.models import AgeGroup, Loan
from library.core import audit
from library.core.models import AuditEntry, IdempotencyKey
from library.core.transactions import one_commit
from notifications.models import Event, Letter, Notice
from readership.models import ReaderMerge
from reservations.models import Reservation

BATCH_SIZE = 500
"""Loans, or reservations, of one commit."""
OF_A_TITLE = (Event.CHARGE, Event.PAYMENT, Event.SUSPENSION)
"""Notices that name the book and not the loan."""
GONE = "—"
"""What stands where a name was."""


@dataclass(slots=True)
class Forgotten:
    """What one run did, or would do."""

    loans: int = 0
    reservations: int = 0
    owed_for: int = 0
    """Loans that keep their reader because something is owed for them."""

    def as_json(self) -> dict[str, Any]:
        """As it is kept with the job's run."""
        return asdict(self)


def forget_old_history(*, now: datetime, days: int | None = None, dry_run: bool = False) -> Forgotten:
    """Forget what came back more than `days` ago (HISTORY_DAYS unless given; 0: nothing is forgotten).

    Readers who want to keep their history are passed over. A commit for each `BATCH_SIZE`: it may be interrupted, run
    twice at once and repeated. With `dry_run` nothing is written.
    """
    days = settings.HISTORY_DAYS if days is None else days
    if not days:
        return Forgotten()
    before = now - timedelta(days=days)
    loans = Loan.objects.filter(returned_at__lt=before, reader__isnull=False).exclude(reader__keeps_history=True)
    ended = Reservation.objects.filter(ended_at__lt=before, reader__isnull=False).exclude(reader__keeps_history=True)
    return _forget(loans, ended, dry_run=dry_run)


def forget_history_of(*, reader_id: int, by: User | None, now: datetime) -> Forgotten:
    """Forget all that a reader brought back until now, as they ask. Raises Busy."""
    done = forget_all_of([reader_id])
    with one_commit():
        reader = Reader.objects.locked().get(pk=reader_id)
        forget_answers(reader)
        audit.record(action="readership.forget_history", subject=reader, by=by, now=now, detail=done.as_json())
    return done


def forget_all_of(reader_ids: Collection[int]) -> Forgotten:
    """Forget all that these readers brought back, and their reservations that have ended."""
    return _forget(
        Loan.objects.filter(reader__in=reader_ids, returned_at__isnull=False),
        Reservation.objects.filter(reader__in=reader_ids, ended_at__isnull=False),
    )


def choose_history(*, reader_id: int, is_kept: bool, by: User | None, now: datetime) -> Reader:
    """Keep a reader's history beyond HISTORY_DAYS, or no longer: their consent, with its days. Raises Busy."""
    with one_commit():
        reader = Reader.objects.locked().get(pk=reader_id)
        if reader.keeps_history != is_kept:
            reader.keeps_history = is_kept
            reader.save(update_fields=["keeps_history"])
            accounts.actions.set_consent(reader_id=reader.pk, kind=Consent.Kind.HISTORY, is_given=is_kept, now=now)
            detail = {"is_kept": is_kept}
            audit.record(action="readership.choose_history", subject=reader, by=by, now=now, detail=detail)
        return reader


def forget_answers(reader: Reader) -> None:
    """Answers of the API kept for repeated calls that are of the reader, or tell of them."""
    IdempotencyKey.objects.filter(answer__contains=str(reader.uid)).delete()
    if reader.user_id:
        IdempotencyKey.objects.filter(user=reader.user_id).delete()


# --- Parts ---------------------------------------------------------------------------------------------------------


def _forget(loans: QuerySet[Loan], ended: QuerySet[Reservation], *, dry_run: bool = False) -> Forgotten:
    owed = Exists(Entry.objects.filter(loan_uid=OuterRef("uid"), kind__in=DEBITS).open())
    done = Forgotten(owed_for=loans.filter(owed).count())
    free = loans.exclude(owed)
    if dry_run:
        return Forgotten(loans=free.count(), reservations=ended.count(), owed_for=done.owed_for)
    while count := _forget_loans(free):
        done.loans += count
    while count := _forget_reservations(ended):
        done.reservations += count
    return done


def _forget_loans(loans: QuerySet[Loan]) -> int:
    """One batch, one commit; what somebody is working with is left for the next time."""
    with one_commit():
        batch = list(
            loans.order_by("returned_at")
            .select_related("copy__book", "reader")
            .select_for_update(of=("self",), no_key=True, skip_locked=True)[:BATCH_SIZE]
        )
        users = _users(batch)
        names = {loan.pk: str(loan.copy) for loan in batch}
        readers = {loan.reader.pk for loan in batch}
        for loan in batch:
            reader = loan.reader
            loan.reader_category_id, loan.reader_branch_id = reader.category_id, reader.home_branch_id
            loan.age_group = AgeGroup.of(reader.age_on(loan.checked_out_at.date()))
            loan.checked_out_by_id = None if loan.checked_out_by_id in users else loan.checked_out_by_id
            loan.returned_by_id = None if loan.returned_by_id in users else loan.returned_by_id
        Loan.objects.bulk_update(
            batch, ["reader_category", "reader_branch", "age_group", "checked_out_by", "returned_by"]
        )
        Loan.objects.filter(pk__in=names).update(reader=None)
        _forget_suspensions(batch)
        _forget_in_audit("circulation.loan", names, users)
        _forget_notices("loan", [str(loan.uid) for loan in batch], readers)
        _forget_notices("title", [loan.copy.book.title for loan in batch], readers, events=OF_A_TITLE)
        _forget_in_merges("circulation.loan", set(names), readers)
        return len(batch)


def _forget_reservations(ended: QuerySet[Reservation]) -> int:
    with one_commit():
        batch = list(
            ended.order_by("ended_at")
            .select_related("book", "reader")
            .select_for_update(of=("self",), no_key=True, skip_locked=True)[:BATCH_SIZE]
        )
        users = _users(batch)
        names = {one.pk: str(one.book) for one in batch}
        readers = {one.reader.pk for one in batch}
        for one in batch:
            one.placed_by_id = None if one.placed_by_id in users else one.placed_by_id
            one.ended_by_id = None if one.ended_by_id in users else one.ended_by_id
            one.why = ""
        Reservation.objects.bulk_update(batch, ["placed_by", "ended_by", "why"])
        Reservation.objects.filter(pk__in=names).update(reader=None)
        _forget_in_audit("reservations.reservation", names, users)
        _forget_notices("reservation", [str(one.uid) for one in batch], readers)
        _forget_in_merges("", set(names), readers)
        return len(batch)


def _users(rows: Sequence[Loan] | Sequence[Reservation]) -> set[int]:
    """Keys of the users that the readers sign in as."""
    return {row.reader.user_id for row in rows if row.reader.user_id}


def _forget_in_audit(kind: str, names: dict[int, str], users: Collection[int]) -> None:
    """The deeds stay, without the reader: neither as a name, nor as who did it, nor in notes and reasons."""
    entries = list(AuditEntry.objects.filter(subject_type=kind, subject_id__in=names))
    for entry in entries:
        entry.subject_name = names[entry.subject_id][:300]
        entry.actor_id = None if entry.actor_id in users else entry.actor_id
        entry.detail |= {name: GONE for name in ("note", "why", "reader") if name in entry.detail}
        if overridden := entry.detail.get("overridden"):
            entry.detail["overridden"] = [{"reason": one["reason"]} for one in overridden]
    AuditEntry.objects.bulk_update(entries, ["subject_name", "actor", "detail"], batch_size=BATCH_SIZE)


def _forget_notices(name: str, values: Sequence[str], readers: Collection[int], events: Sequence[str] = ()) -> None:
    """What readers were told of it, and letters that told of nothing else."""
    notices = Notice.objects.filter(reader__in=readers, **{f"data__{name}__in": values})
    if events:
        notices = notices.filter(event__in=events)
    letters = set(notices.exclude(letter=None).values_list("letter", flat=True))
    notices.delete()
    Letter.objects.filter(pk__in=letters, notices=None).delete()


def _forget_suspensions(loans: Sequence[Loan]) -> None:
    """The reason of a suspension names the copy; the block itself stays. So does its entry in the audit."""
    for loan in loans:
        if loan.due_at >= (loan.returned_at or loan.due_at):
            continue
        start = f"{loan.copy.inventory_number} · "
        of_loan = ReaderBlock.objects.filter(
            reader=loan.reader.pk, kind=ReaderBlock.Kind.SUSPENSION, reason__startswith=start
        )
        for key in of_loan.values_list("pk", flat=True):
            made = AuditEntry.objects.filter(subject_type="accounts.reader", subject_id=loan.reader.pk)
            for entry in made.filter(action__in=["accounts.block", "accounts.lift_block"], detail__block=key):
                entry.detail["reason"] = GONE
                entry.save(update_fields=["detail"])
        of_loan.update(reason=GONE)


def _forget_in_merges(label: str, keys: set[int], readers: Collection[int]) -> None:
    """What a merge moved and would move back."""
    for merge in ReaderMerge.objects.select_for_update().filter(survivor__in=readers, record__has_key="moved"):
        record = merge.record
        if label:
            record["moved"] = [
                (kind, column, former, [key for key in moved if kind != label or key not in keys])
                for kind, column, former, moved in record["moved"]
            ]
        else:
            for name in ("moved", "cancelled"):
                record["reservations"][name] = [row for row in record["reservations"][name] if row[0] not in keys]
        merge.save(update_fields=["record"])

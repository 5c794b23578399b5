"""Charge, pay, waive, give back, reverse: the only place where the ledger is written.

Each action locks the Reader (after Book and Copy, where its caller has locked those), reads the account, asks the
rules, and writes the entry, what covers what, the receipt number and the audit in one commit; or raises `Refused` with
every reason, `Invalid` for what makes no sense, `Busy`. The counter of receipts is locked after the reader, always.

A `uid` given by the caller makes an action repeatable: the second time changes nothing and gives the first entry.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Reader, User
from cashdesk import queries, rules
from cashdesk.models import CHARGES, MAX_REASON, REVERSALS, TRANSFERS, Allocation, Entry, Kind, Method
from cashdesk.rules import NOTHING, Account, Open, Share
from catalog.models import Copy
from library.core import audit
from library.core.errors import Invalid, Refusal, Refused
from library.core.transactions import one_commit
from notifications.actions import enqueue
from notifications.letters import money_line
from notifications.models import Event
from policies.models import Branch


def charge(
    *,
    reader_id: int,
    kind: Kind,
    amount: Decimal,
    branch_id: int,
    by: User | None,
    now: datetime,
    reason: str = "",
    copy_id: int | None = None,
    loan_uid: UUID | None = None,
    overdue_days: int | None = None,
    job: str = "",
    uid: UUID | None = None,
) -> Entry:
    """Make a reader owe `amount`; credit that they have covers it at once. `job` names what did it where nobody did.

    Seven queries, two more where credit covers it, one or two to write the letter. Raises Invalid (`amount`, `reason`,
    `kind`), Busy.
    """
    if kind not in CHARGES:
        raise Invalid({"kind": [_("This is no charge.")]})
    _check(amount, reason, is_explained=kind == Kind.MANUAL)
    with one_commit():
        reader = _lock(reader_id)
        if known := _known(uid, reader):
            return known
        entry = _write(
            uid, reader, kind, amount, reason, branch_id=branch_id, by=by, job=job, now=now, copy_id=copy_id,
            loan_uid=loan_uid, overdue_days=overdue_days,
        )  # fmt: skip
        _settle(entry)
        _record("charge", entry)
        _pass_on(reader, entry)
        _tell(Event.CHARGE, entry)
        return entry


def pay(
    *,
    reader_id: int,
    amount: Decimal,
    method: Method,
    branch_id: int,
    by: User,
    now: datetime,
    charges: Collection[UUID] = (),
    keeps_rest: bool = False,
    reason: str = "",
    uid: UUID | None = None,
) -> Entry:
    """Take money from a reader at the desk of a branch: for the oldest debts first, or for the `charges` chosen only.

    `keeps_rest`: what is left over stays as credit for later charges. Ten queries. Raises Refused (`nothing_owed`,
    `more_than_owed`), Invalid (`amount`, `charges`), Busy.
    """
    _check(amount, reason)
    with one_commit():
        reader = _lock(reader_id)
        if known := _known(uid, reader):
            return known
        account = queries.account_of(reader_id)
        chosen = _chosen(account, reader, charges)
        owed = sum((debit.left for debit in chosen), NOTHING)
        _refuse(rules.payment_refusals(amount=amount, owed=owed, keeps_rest=keeps_rest))
        entry = _write(
            uid, reader, Kind.PAYMENT, amount, reason, branch_id=branch_id, by=by, now=now, method=method
        )  # fmt: skip
        rest = [debit for debit in account.debits if debit not in chosen]
        _allocate(rules.settle([Open(entry.pk, amount)], [*chosen, *rest]), cause=entry)
        _record("pay", entry)
        _tell(Event.PAYMENT, entry)
        return entry


def waive(
    *,
    charge_uid: UUID,
    reason: str,
    by: User,
    now: datetime,
    amount: Decimal | None = None,
    uid: UUID | None = None,
) -> Entry:
    """Forgive what is left of a charge, or a part of it. Eight queries.

    Raises Refused (`nothing_owed`, `more_than_owed`), Invalid (`amount`, `reason`, `charge`), Busy.
    """
    _check(amount, reason, is_explained=True)
    with one_commit():
        found, reader = _lock_of(charge_uid)
        if known := _known(uid, reader):
            return known
        if not found.is_debit:
            raise Invalid({"charge": [_("This is no charge.")]})
        left = _left(found)
        amount = left if amount is None else amount
        _refuse(rules.waiver_refusals(amount=amount, left=left))
        entry = _write(uid, reader, Kind.WAIVER, amount, reason, branch_id=found.branch_id, by=by, now=now)
        _allocate([Share(entry.pk, found.pk, amount)], cause=entry)
        _record("waive", entry, of=found)
        return entry


def refund(
    *,
    reader_id: int,
    amount: Decimal,
    method: Method,
    reason: str,
    branch_id: int,
    by: User,
    now: datetime,
    uid: UUID | None = None,
) -> Entry:
    """Give money back to a reader who has it to their good, at the desk of a branch. Ten queries.

    Raises Refused (`no_credit`, `more_than_credit`), Invalid (`amount`, `reason`), Busy.
    """
    _check(amount, reason, is_explained=True)
    with one_commit():
        reader = _lock(reader_id)
        if known := _known(uid, reader):
            return known
        account = queries.account_of(reader_id)
        _refuse(rules.refund_refusals(amount=amount, credit=account.credit))
        entry = _write(uid, reader, Kind.REFUND, amount, reason, branch_id=branch_id, by=by, now=now, method=method)
        _allocate(rules.settle(account.credits, [Open(entry.pk, amount)]), cause=entry)
        _record("refund", entry)
        _tell(Event.PAYMENT, entry)
        return entry


def reverse(
    *,
    entry_uid: UUID,
    reason: str,
    branch_id: int,
    by: User | None,
    now: datetime,
    amount: Decimal | None = None,
    job: str = "",
    uid: UUID | None = None,
) -> Entry:
    """Undo an entry by its opposite, once: all of it, or `amount` of a charge.

    What had been paid for a charge becomes credit, which other debts take at once; what was waived of it is not money.
    What a payment or waiver had covered is owed again. Where money moves, the reversal has a receipt of its own, at the
    desk of `branch_id`. Raises Refused (`already_reversed`, `not_reversible`, `charge_is_reversed`, `nothing_owed`,
    `more_than_owed`), Invalid (`amount`, `reason`), Busy.
    """
    _check(amount, reason, is_explained=True)
    with one_commit():
        found, reader = _lock_of(entry_uid)
        if known := _known(uid, reader):
            return known
        covers = queries.covers_of(found)
        waived = sum((cover.amount for cover in covers if cover.is_waiver), NOTHING) if found.is_debit else NOTHING
        reversible = found.amount - waived
        _refuse(
            rules.reversal_refusals(
                is_reversal=found.kind in (*REVERSALS, *TRANSFERS),
                is_reversed=Entry.objects.filter(reverses=found).exists(),
                is_waiver_of_reversed=found.kind == Kind.WAIVER
                and Entry.objects.filter(reverses__in=[cover.debit_id for cover in covers]).exists(),
                reversible=reversible,
            )
        )
        amount = reversible if amount is None or not found.is_debit else amount
        _refuse(rules.waiver_refusals(amount=amount, left=reversible))
        entry = _write(
            uid,
            reader,
            Kind.CHARGE_REVERSAL if found.is_debit else Kind.PAYMENT_REVERSAL,
            amount,
            reason,
            branch_id=branch_id if found.method else found.branch_id,
            by=by,
            job=job,
            now=now,
            method=found.method,
            copy_id=found.copy_id,
            loan_uid=found.loan_uid,
            reverses=found,
        )
        if found.is_debit:
            left = found.amount - sum((cover.amount for cover in covers), NOTHING)
            shares = [*rules.releases(max(amount - left, NOTHING), covers), Share(entry.pk, found.pk, amount)]
        else:
            shares = [Share(found.pk, cover.debit_id, -cover.amount) for cover in covers]
            shares.append(Share(found.pk, entry.pk, amount))
        _allocate(shares, cause=entry)
        _settle(entry)
        _record("reverse", entry, of=found)
        _pass_on(reader, entry)
        return entry


# --- Between accounts ----------------------------------------------------------------------------------------------


def hand_over(*, from_id: int, to_id: int, reason: str, by: User | None, now: datetime, job: str = "") -> int:
    """Under the caller's locks of both readers: move all that is open of one account into another; how many entries.

    A debt leaves by a credit that covers it and arrives as an equal debit, money to one's good the other way round;
    each pair shares its `transfer_uid` and comes to nothing. What is covered already stays where it was.
    """
    entries = list(Entry.objects.filter(reader=from_id).open().select_related("branch"))
    for one in entries:
        pair: dict[str, Any] = {
            "branch_id": one.branch_id, "by": by, "job": job, "now": now, "copy_id": one.copy_id,
            "loan_uid": one.loan_uid, "transfer_uid": uuid4(),
        }  # fmt: skip
        words = f"{reason}: {one.reason or one.get_kind_display()}"[:MAX_REASON]
        leaves, arrives = Kind.TRANSFER_CREDIT, Kind.TRANSFER_DEBIT
        if not one.is_debit:
            leaves, arrives = arrives, leaves
        left = _write(None, Reader(pk=from_id), leaves, one.left, words, **pair)
        came = _write(None, Reader(pk=to_id), arrives, one.left, words, **pair)
        credit, debit = (left, one) if one.is_debit else (one, left)
        _allocate([Share(credit.pk, debit.pk, one.left)], cause=left)
        _settle(came)
    return len(entries)


def take_back(*, from_id: int, to_id: int, reason: str, by: User, now: datetime) -> int:
    """Under the caller's locks of both readers: undo all that `hand_over` moved between them; how many transfers.

    What was paid for it meanwhile stays to the good of who paid. Raises Refused (`transfer_is_settled`) when a part of
    it was waived or given back as money since.
    """
    arrived = Entry.objects.filter(reader=to_id, kind__in=TRANSFERS, reversal=None).values("transfer_uid")
    moved = Entry.objects.filter(reader=from_id, kind__in=TRANSFERS, transfer_uid__in=arrived).values("transfer_uid")
    halves = Entry.objects.filter(transfer_uid__in=moved, kind__in=TRANSFERS).order_by("transfer_uid", "pk")
    uids = {half.transfer_uid: uuid4() for half in halves}
    for half in halves:
        covers = queries.covers_of(half)
        others = Entry.objects.filter(pk__in=[one.credit_id if half.is_debit else one.debit_id for one in covers])
        if half.reader_id == to_id and others.filter(kind__in=[Kind.WAIVER, Kind.REFUND]).exists():
            _refuse([Refusal(rules.Reason.TRANSFER_IS_SETTLED, {"amount": half.amount})])
        entry = _write(
            None, Reader(pk=half.reader_id), Kind.CHARGE_REVERSAL if half.is_debit else Kind.PAYMENT_REVERSAL,
            half.amount, reason[:MAX_REASON], branch_id=half.branch_id, by=by, now=now, copy_id=half.copy_id,
            loan_uid=half.loan_uid, reverses=half, transfer_uid=uids[half.transfer_uid],
        )  # fmt: skip
        shares = [Share(cover.credit_id, cover.debit_id, -cover.amount) for cover in covers]
        pair = (entry.pk, half.pk) if half.is_debit else (half.pk, entry.pk)
        _allocate([*shares, Share(*pair, half.amount)], cause=entry)
        _settle(entry)
    return len(uids)


def _pass_on(reader: Reader, cause: Entry) -> None:
    """What comes up on the account of a reader who was merged into another is the other's at once."""
    if reader.merged_into_id:
        words = _("Merged readers")
        hand_over(
            from_id=reader.pk, to_id=reader.merged_into_id, reason=words, by=cause.by, job=cause.job, now=cause.at
        )  # fmt: skip


# --- Parts of the actions ------------------------------------------------------------------------------------------


def _check(amount: Decimal | None, reason: str, *, is_explained: bool = False) -> None:
    """Form only: an amount of whole hundredths above nothing, and a reason where one is due."""
    errors = {}
    if amount is not None and (amount <= 0 or amount > rules.LARGEST or amount != amount.quantize(Decimal("0.01"))):
        errors["amount"] = [_("Give an amount above zero, with two decimals at most.")]
    if is_explained and not reason.strip():
        errors["reason"] = [_("Say why, so that colleagues can explain it to the reader.")]
    if len(reason.strip()) > MAX_REASON:
        errors["reason"] = [_("Say it in %(count)d characters.") % {"count": MAX_REASON}]
    if errors:
        raise Invalid(errors)


def _lock(reader_id: int) -> Reader:
    """The reader, and whoever they were merged into: what comes up here is passed on there."""
    reader = Reader.objects.locked().get(pk=reader_id)
    if reader.merged_into_id:
        Reader.objects.locked().get(pk=reader.merged_into_id)
    return reader


def _lock_of(entry_uid: UUID) -> tuple[Entry, Reader]:
    """An entry, which never changes, and its reader locked."""
    found = Entry.objects.select_related("reader").get(uid=entry_uid)
    return found, _lock(found.reader_id)


def _known(uid: UUID | None, reader: Reader) -> Entry | None:
    """What the same call has written before."""
    return Entry.objects.filter(uid=uid, reader=reader).first() if uid else None


def _chosen(account: Account, reader: Reader, charges: Collection[UUID]) -> Sequence[Open]:
    """The open debits to be paid, the oldest first: all of them unless some are named."""
    if not charges:
        return account.debits
    named = set(Entry.objects.filter(uid__in=charges, reader=reader).values_list("pk", flat=True))
    if len(named) != len(set(charges)):
        raise Invalid({"charges": [_("One of the charges chosen is not there.")]})
    return [debit for debit in account.debits if debit.entry_id in named]


def _left(entry: Entry) -> Decimal:
    return sum((-cover.amount for cover in queries.covers_of(entry)), entry.amount)


def _refuse(refusals: Sequence[Refusal]) -> None:
    if refusals:
        raise Refused(refusals)


def _write(
    uid: UUID | None, reader: Reader, kind: Kind, amount: Decimal, reason: str, *, branch_id: int, by: User | None,
    now: datetime, job: str = "", method: str = "", **more: Any,
) -> Entry:  # fmt: skip
    """A line of the ledger, with the next receipt number of the branch where money moves."""
    branch = Branch.objects.get(pk=branch_id)
    receipt = {}
    if method:
        year = now.astimezone(branch.zone).year
        receipt = {"receipt_year": year, "receipt_number": _next_receipt(branch, year)}
    return Entry.objects.create(
        uid=uid or uuid4(),
        reader=reader,
        kind=kind,
        amount=amount,
        reason=reason.strip(),
        branch=branch,
        by=by,
        job="" if by else job,
        at=now,
        method=method,
        **receipt,
        **more,
    )


def _next_receipt(branch: Branch, year: int) -> int:
    """Count up; the row stays locked until the commit, so that a number once given is used."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO cashdesk_receiptcounter (branch_id, year, last) VALUES (%s, %s, 1)
            ON CONFLICT (branch_id, year) DO UPDATE SET last = cashdesk_receiptcounter.last + 1
            RETURNING last
            """,
            [branch.pk, year],
        )
        return int(cursor.fetchone()[0])


def _settle(cause: Entry) -> None:
    """Let whatever credit the reader has cover whatever they owe."""
    account = queries.account_of(cause.reader_id)
    _allocate(rules.settle(account.credits, account.debits), cause=cause)


def _allocate(shares: Iterable[Share], *, cause: Entry) -> None:
    Allocation.objects.bulk_create(
        [
            Allocation(credit_id=share.credit_id, debit_id=share.debit_id, amount=share.amount, cause=cause)
            for share in shares
        ]
    )


def _tell(event: Event, entry: Entry) -> None:
    """Write the reader a notice about an entry; one query more where it is for a copy."""
    titles = Copy.objects.filter(pk=entry.copy_id).values_list("book__title", flat=True) if entry.copy_id else []
    with translation.override(entry.reader.language):
        what = str(entry.get_kind_display())
    line = money_line(
        entry=entry.uid,
        what=what,
        title=next(iter(titles), ""),
        reason=entry.reason,
        amount=entry.amount,
        receipt=entry.receipt,
    )
    enqueue(key=f"{event}:{entry.uid}", event=event, reader=entry.reader, data=line, now=entry.at)


def _record(deed: str, entry: Entry, *, of: Entry | None = None) -> None:
    detail: dict[str, Any] = {"amount": entry.amount, "kind": entry.kind, "reader": str(entry.reader.uid)}
    if entry.reason:
        detail["reason"] = entry.reason
    if entry.receipt:
        detail["receipt"] = entry.receipt
    if entry.job:
        detail["job"] = entry.job
    if of:
        detail["of"] = str(of.uid)
    audit.record(action=f"cashdesk.{deed}", subject=entry, by=entry.by, now=entry.at, detail=detail)

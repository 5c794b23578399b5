"""What doors and actions ask of the ledger."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Min, Q, Sum

from accounts.models import Reader, User
from cashdesk.models import DEBITS, Allocation, Entry, EntryQuerySet, Kind
from cashdesk.rules import NOTHING, Account, Cover, Open


def balance_of(reader_id: int) -> Decimal:
    """What a reader owes; less than nothing: what they have to their good. One query of an index."""
    return balances_of([reader_id]).get(reader_id, NOTHING)


def balances_of(reader_ids: Collection[int]) -> dict[int, Decimal]:
    """The balances of readers who have any entries."""
    sums = Entry.objects.filter(reader__in=reader_ids).order_by().values("reader").annotate(sum=Sum("effect"))
    return dict(sums.values_list("reader", "sum"))


def account_of(reader_id: int) -> Account:
    """What is open on either side, the oldest first. One query."""
    debits: list[Open] = []
    credits: list[Open] = []
    for entry in Entry.objects.filter(reader=reader_id).open():
        (debits if entry.is_debit else credits).append(Open(entry.pk, entry.left))
    return Account(debits=tuple(debits), credits=tuple(credits))


def open_debits_of(reader_id: int) -> EntryQuerySet:
    """What a reader still owes for, the oldest first, each with what is `left` of it."""
    return Entry.objects.filter(reader=reader_id, kind__in=DEBITS).open().in_full()


def ledger_of(reader_id: int) -> EntryQuerySet:
    """A reader's entries, the latest first, with what is `left` of each and the `balance` after it."""
    return Entry.objects.filter(reader=reader_id).with_left().with_balance().in_full().order_by("-at", "-pk")


def entries_visible_to(user: User | AnonymousUser) -> EntryQuerySet:
    """A reader's own entries; all of them for staff who may view charges and payments; none for anybody else."""
    if user.has_perm("cashdesk.view_charge") and user.has_perm("cashdesk.view_payment"):
        return Entry.objects.all()
    if not user.is_authenticated:
        return Entry.objects.none()
    former = Reader.objects.filter(merged_into__user=user).values("pk")
    return Entry.objects.filter(reader__in=Reader.objects.filter(user=user).values("pk").union(former))


def covers_of(entry: Entry) -> list[Cover]:
    """What covers a debit, or what a credit covers, the latest first. One query."""
    side = {"debit": entry} if entry.is_debit else {"credit": entry}
    rows = (
        Allocation.objects.filter(**side)
        .order_by()
        .values("credit", "debit", "credit__kind")
        .annotate(sum=Sum("amount"), since=Min("pk"))
        .filter(sum__gt=0)
        .order_by("-since")
        .values_list("credit", "debit", "sum", "credit__kind")
    )
    return [Cover(credit, debit, amount, kind == Kind.WAIVER) for credit, debit, amount, kind in rows]


def reversible_of(charge_uid: UUID) -> Decimal:
    """How much of a charge can be reversed: what was not waived, nothing once it was or if there is none."""
    entry = Entry.objects.filter(uid=charge_uid, reversal__isnull=True).first()
    if entry is None:
        return NOTHING
    return entry.amount - sum((cover.amount for cover in covers_of(entry) if cover.is_waiver), NOTHING)


class ReceiptLine(NamedTuple):
    """What the money of a receipt was for."""

    entry: Entry | None
    """None: it stays as credit."""
    amount: Decimal


def receipt_lines(entry: Entry) -> list[ReceiptLine]:
    """What a payment covered when it was made, and what was left over as credit. Two queries.

    Of money given back, and of reversals, the receipt says what they are; there are no lines.
    """
    if entry.kind != Kind.PAYMENT:
        return []
    shares = Allocation.objects.filter(cause=entry, credit=entry).select_related("debit__copy__book").order_by("pk")
    lines = [ReceiptLine(share.debit, share.amount) for share in shares]
    rest = sum((-line.amount for line in lines), entry.amount)
    return [*lines, ReceiptLine(None, rest)] if rest else lines


class Paid(NamedTuple):
    """So much of a charge was paid then."""

    at: datetime
    amount: Decimal


def paid_for(entry_id: int) -> list[Paid]:
    """When how much of a charge was paid; what was waived, moved to another account or set free again is not told.

    One query.
    """
    rows = (
        Allocation.objects.filter(debit=entry_id)
        .exclude(credit__kind__in=[Kind.WAIVER, Kind.TRANSFER_CREDIT])
        .order_by()
        .values("credit")
        .annotate(sum=Sum("amount"), at=Min("cause__at"))
        .filter(sum__gt=0)
        .values_list("at", "sum")
    )
    return [Paid(at, amount) for at, amount in rows]


def charges_of_loan(loan_uid: UUID, *kinds: Kind) -> EntryQuerySet:
    """The charges of these kinds for a loan, the oldest first, each with what is `left` of it, and `is_reversed`."""
    return Entry.objects.filter(loan_uid=loan_uid, kind__in=kinds).with_left().order_by("at", "pk")


def charged_for(loan_uids: Collection[UUID], kind: Kind) -> dict[UUID, Decimal]:
    """What loans were charged with, by public id, without what was reversed. One query."""
    charged = Entry.objects.filter(loan_uid__in=loan_uids).filter(Q(kind=kind) | Q(reverses__kind=kind))
    sums = charged.order_by().values_list("loan_uid").annotate(Sum("effect"))
    return {loan_uid: amount for loan_uid, amount in sums if loan_uid}

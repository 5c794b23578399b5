"""The money ledger: what readers owe and why, what came in, and which money covers which debt. Only ever added to."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Sum, When, Window
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Reader
from cashdesk.rules import NOTHING
from catalog.models import Copy
from policies.models import Branch

MAX_REASON = 300


class Kind(models.TextChoices):
    """What an entry is. The first five make a reader owe something; see `DEBITS` for the side of each."""

    OVERDUE = "overdue", _("fine")
    REPLACEMENT = "replacement", _("replacement")
    PROCESSING = "processing", _("processing fee")
    RESERVATION = "reservation", _("reservation fee")
    MANUAL = "manual", _("other charge")
    PAYMENT = "payment", _("payment")
    WAIVER = "waiver", _("waiver")
    REFUND = "refund", _("money given back")
    CHARGE_REVERSAL = "charge_reversal", _("reversal of a charge")
    PAYMENT_REVERSAL = "payment_reversal", _("reversal of a payment")
    TRANSFER_DEBIT = "transfer_debit", _("transfer between accounts: owed")
    TRANSFER_CREDIT = "transfer_credit", _("transfer between accounts: credited")


CHARGES = (Kind.OVERDUE, Kind.REPLACEMENT, Kind.PROCESSING, Kind.RESERVATION, Kind.MANUAL)
"""What readers are charged."""
DEBITS = (*CHARGES, Kind.REFUND, Kind.PAYMENT_REVERSAL, Kind.TRANSFER_DEBIT)
"""What makes a reader owe more; all other kinds are credits."""
REVERSALS = (Kind.CHARGE_REVERSAL, Kind.PAYMENT_REVERSAL)
"""What undoes another entry: of a debit, of a credit."""
MONEY_MOVES = (Kind.PAYMENT, Kind.REFUND)
"""What goes through the till, by a method and with a receipt; so do their reversals."""
TRANSFERS = (Kind.TRANSFER_DEBIT, Kind.TRANSFER_CREDIT)
"""The two halves of what goes from one account into another, as when two readers turn out to be one person."""
EXPLAINED = (Kind.MANUAL, Kind.WAIVER, Kind.REFUND, *REVERSALS, *TRANSFERS)
"""What has to say why."""


class Method(models.TextChoices):
    """How money changes hands."""

    CASH = "cash", _("cash")
    CARD = "card", _("bank card")
    OTHER = "other", _("another way")


class EntryQuerySet(models.QuerySet["Entry"]):
    """Entries of the ledger."""

    def in_full(self) -> "EntryQuerySet":
        """With the reader, the branch, the author and the copy: what a line of the ledger shows."""
        return self.select_related("reader", "branch", "by", "copy__book", "reverses").defer("copy__book__description")

    def with_left(self) -> "EntryQuerySet":
        """`left`: what of the entry is not covered (a debit) or covers nothing (a credit); `is_reversed`."""
        shares = Allocation.objects.order_by()
        of_credit = shares.filter(credit=OuterRef("pk")).values("credit").annotate(sum=Sum("amount")).values("sum")
        of_debit = shares.filter(debit=OuterRef("pk")).values("debit").annotate(sum=Sum("amount")).values("sum")
        return self.annotate(
            left=F("amount") - Coalesce(Subquery(of_credit), NOTHING) - Coalesce(Subquery(of_debit), NOTHING),
            is_reversed=Exists(Entry.objects.filter(reverses=OuterRef("pk"))),
        )

    def with_balance(self) -> "EntryQuerySet":
        """`balance`: what the reader owed after the entry. Of one reader's whole ledger only."""
        return self.annotate(balance=Window(Sum("effect"), order_by=[F("at").asc(), F("pk").asc()]))

    def open(self) -> "EntryQuerySet":
        """Those with something left, the oldest first."""
        return self.with_left().filter(Q(left__gt=0)).order_by("at", "pk")

    def charges(self) -> "EntryQuerySet":
        """What readers were charged."""
        return self.filter(kind__in=CHARGES)

    def payments(self) -> "EntryQuerySet":
        """Payments, waivers, money given back, and reversals of anything."""
        return self.exclude(kind__in=CHARGES)


class Entry(models.Model):
    """One line of the ledger: a charge, a payment, a waiver, money given back, or the reversal of one of these.

    Written by `cashdesk.actions` only; never changed, never deleted: triggers of the database refuse it. What was wrong
    is reversed. A reader's balance is the sum of `effect`. Invariants by constraint: see below.
    """

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    """Chosen by the caller, it makes an action repeatable: the second time finds the entry of the first."""
    reader = models.ForeignKey(Reader, models.PROTECT, related_name="entries", verbose_name=_("reader"), db_index=False)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    amount = models.DecimalField(_("amount"), max_digits=10, decimal_places=2)
    """Always more than nothing; which way it counts follows from the kind."""
    effect = models.GeneratedField(
        expression=Case(When(kind__in=DEBITS, then=F("amount")), default=-F("amount")),
        output_field=models.DecimalField(_("effect on what is owed"), max_digits=10, decimal_places=2),
        db_persist=True,
    )
    """What the entry adds to the balance: a credit takes away."""
    reason = models.CharField(_("reason"), max_length=MAX_REASON, blank=True)
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="+", verbose_name=_("branch"))
    """Whose desk or rules it comes from; its receipts are numbered by it."""
    at = models.DateTimeField(_("when"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("who")
    )
    job = models.CharField(_("job"), max_length=60, blank=True)
    """Where nobody did it by hand: the name of what did. One of `by` and `job` is always there."""
    copy = models.ForeignKey(
        Copy, models.PROTECT, null=True, blank=True, related_name="entries", verbose_name=_("copy")
    )
    loan_uid = models.UUIDField(_("loan"), null=True, blank=True)
    """Public id of the loan it is for. Loans live on a floor above; like entries they are never deleted."""
    overdue_days = models.PositiveIntegerField(_("overdue days"), null=True, blank=True)
    """Of a fine: how many days late it is for."""
    method = models.CharField(_("method"), max_length=10, choices=Method.choices, blank=True)
    receipt_year = models.PositiveSmallIntegerField(_("receipt year"), null=True, blank=True)
    receipt_number = models.PositiveIntegerField(_("receipt number"), null=True, blank=True)
    """Without gaps for each branch and year, the year of its own clock."""
    transfer_uid = models.UUIDField(_("transfer"), null=True, blank=True)
    """The same for both halves of a transfer, and for both of what takes it back: together they come to nothing."""
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversal", verbose_name=_("reverses")
    )

    objects = EntryQuerySet.as_manager()
    left: Decimal
    is_reversed: bool
    balance: Decimal
    """Given by queries only: `with_left`, `with_balance`."""

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger")
        ordering = ["-at", "-pk"]
        default_permissions = ()
        permissions = [
            ("add_charges", "Can charge readers"),
            ("take_payments", "Can take payments"),
            ("waive_charges", "Can waive charges"),
            ("give_refunds", "Can give money back"),
            ("reverse_entries", "Can reverse charges and payments"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="amount_is_more_than_nothing"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="kind_of_entry_is_known"),
            models.CheckConstraint(
                condition=Q(by__isnull=False, job="") | (Q(by__isnull=True) & ~Q(job="")), name="entry_has_one_author"
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=EXPLAINED) | ~Q(reason=""), name="entry_says_why_where_it_must"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=REVERSALS, reverses__isnull=False)
                | (~Q(kind__in=REVERSALS) & Q(reverses__isnull=True)),
                name="reversal_names_what_it_reverses",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=TRANSFERS) | Q(transfer_uid__isnull=False), name="transfer_names_its_other_half"
            ),
            models.UniqueConstraint(
                fields=["transfer_uid", "kind"],
                condition=Q(transfer_uid__isnull=False),
                name="transfer_has_one_half_of_a_kind",
            ),
            models.CheckConstraint(
                condition=Q(method="", receipt_year__isnull=True, receipt_number__isnull=True)
                | Q(
                    method__in=Method.values,
                    receipt_year__isnull=False,
                    receipt_number__isnull=False,
                    kind__in=[*MONEY_MOVES, *REVERSALS],
                ),
                name="money_has_method_and_receipt",
            ),
            models.CheckConstraint(condition=~Q(kind__in=MONEY_MOVES) | ~Q(method=""), name="no_money_without_method"),
            models.UniqueConstraint(
                fields=["branch", "receipt_year", "receipt_number"], name="receipt_number_is_unique"
            ),
            models.UniqueConstraint(
                fields=["loan_uid", "kind"],
                condition=Q(kind__in=[Kind.REPLACEMENT, Kind.PROCESSING]),
                name="one_replacement_per_loan",
            ),
        ]
        indexes = [
            models.Index(fields=["reader", "at", "id"], include=["effect"], name="ledger_of_a_reader"),
            models.Index(fields=["loan_uid"], condition=Q(loan_uid__isnull=False), name="entries_of_a_loan"),
            models.Index(fields=["-at", "-id"], name="ledger_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount} · {self.reader}"

    @property
    def is_debit(self) -> bool:
        """Whether it makes the reader owe more."""
        return self.kind in DEBITS

    @property
    def receipt(self) -> str:
        """The receipt's number as printed: centre-2026-000017; empty where no money moved."""
        if self.receipt_number is None:
            return ""
        return f"{self.branch.code}-{self.receipt_year}-{self.receipt_number:06d}"


class ChargeManager(models.Manager.from_queryset(EntryQuerySet)):  # type: ignore[misc] # a class made by a call
    """Entries that are charges."""

    def get_queryset(self) -> EntryQuerySet:
        """Charges only."""
        found: EntryQuerySet = super().get_queryset()
        return found.charges()


class Charge(Entry):
    """An entry that a reader owes for: a view of the ledger."""

    objects = ChargeManager()  # type: ignore[misc] # narrower than that of Entry

    class Meta:
        proxy = True
        verbose_name = _("charge")
        verbose_name_plural = _("charges")
        default_permissions = ("view",)


class PaymentManager(models.Manager.from_queryset(EntryQuerySet)):  # type: ignore[misc] # a class made by a call
    """Entries that are no charges."""

    def get_queryset(self) -> EntryQuerySet:
        """All but charges."""
        found: EntryQuerySet = super().get_queryset()
        return found.payments()


class Payment(Entry):
    """An entry that is no charge: what was paid, waived, given back or reversed. A view of the ledger."""

    objects = PaymentManager()  # type: ignore[misc] # narrower than that of Entry

    class Meta:
        proxy = True
        verbose_name = _("payment")
        verbose_name_plural = _("payments and waivers")
        default_permissions = ("view",)


class Allocation(models.Model):
    """So much of a credit covers a debit; a negative amount takes back what one before had covered.

    Only ever added to. A trigger at commit keeps every debit and credit within its amount, and both of one reader.
    """

    credit = models.ForeignKey(Entry, models.PROTECT, related_name="covering", verbose_name=_("credit"))
    debit = models.ForeignKey(Entry, models.PROTECT, related_name="covered_by", verbose_name=_("debit"))
    amount = models.DecimalField(_("amount"), max_digits=10, decimal_places=2)
    cause = models.ForeignKey(Entry, models.PROTECT, related_name="caused", verbose_name=_("made with"))
    """The entry in whose action it was made: its receipt lists it, its instant is when the debt was covered."""

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="allocation_moves_something")]

    def __str__(self) -> str:
        return f"{self.credit_id} → {self.debit_id}: {self.amount}"


class ReceiptCounter(models.Model):
    """The last receipt number of a branch in a year: counted up in the transaction of the receipt, so without gaps."""

    branch = models.ForeignKey(Branch, models.PROTECT, related_name="+", verbose_name=_("branch"))
    year = models.PositiveSmallIntegerField(_("year"))
    last = models.PositiveIntegerField(_("last number"))

    class Meta:
        verbose_name = _("receipt counter")
        verbose_name_plural = _("receipt counters")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["branch", "year"], name="one_counter_per_branch_and_year")]

    def __str__(self) -> str:
        return f"{self.branch} {self.year}: {self.last}"

"""Loans: a copy in a reader's hands, from check-out to return."""

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Reader, User
from catalog.models import Copy
from policies.models import Branch, ReaderCategory
from reservations.models import Reservation

IS_CLAIMED_RETURNED = Q(claimed_returned_at__isnull=False) & (
    Q(lost_at__isnull=True) | Q(claimed_returned_at__gt=F("lost_at"))
)
"""Of an open loan: a loss declared after the claim has settled it."""


class LoanQuerySet(models.QuerySet["Loan"]):
    """Loans."""

    def open(self) -> "LoanQuerySet":
        """Loans whose copy has not come back."""
        return self.filter(returned_at__isnull=True)

    def claimed_returned(self) -> "LoanQuerySet":
        """Open loans whose reader says that the copy is back, where that is not settled yet."""
        return self.open().filter(IS_CLAIMED_RETURNED)

    def unclaimed(self) -> "LoanQuerySet":
        """Open loans that nobody says to have brought back."""
        return self.open().exclude(IS_CLAIMED_RETURNED)

    def in_full(self) -> "LoanQuerySet":
        """With the reader, the book and the branches: what a line about a loan shows and its rules need.

        The heavy columns of the book stay behind.
        """
        return self.select_related("copy__book", "copy__branch", "branch", "reader__category").defer(
            "copy__book__description"
        )

    def locked(self) -> "LoanQuerySet":
        """The rows themselves locked for update, in the order of their keys."""
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class AgeGroup(models.TextChoices):
    """What the statistics keep of a reader's age, in the groups of Russian library statistics."""

    CHILD = "0-14", _("up to 14")
    YOUNG = "15-35", _("15 to 35")
    MIDDLE = "36-59", _("36 to 59")
    SENIOR = "60+", _("60 and older")

    @classmethod
    def of(cls, age: int | None) -> str:
        """The group of an age in whole years; empty: unknown."""
        if age is None:
            return ""
        groups = ((14, cls.CHILD), (35, cls.YOUNG), (59, cls.MIDDLE))
        return next((group for last, group in groups if age <= last), cls.SENIOR)


class Loan(models.Model):
    """A copy in a reader's hands. Written by `circulation.actions` only; never deleted.

    Invariants: `one_open_loan_per_copy`, `due_after_check_out`, `returned_not_before_check_out`,
    `claimed_not_before_check_out`, `return_is_whole`, `undone_loan_is_over`,
    `open_loan_has_its_reader`.
    """

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    copy = models.ForeignKey(Copy, models.PROTECT, related_name="loans", verbose_name=_("copy"))
    reader: "models.ForeignKey[Reader, Reader]" = models.ForeignKey(  # type: ignore[misc] # an open loan has one
        Reader, models.PROTECT, null=True, related_name="loans", verbose_name=_("reader")
    )
    """Null once the history is forgotten (`readership.forgetting`): then only what follows tells who it was."""
    reader_category = models.ForeignKey(
        ReaderCategory, models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("reader's category")
    )
    reader_branch = models.ForeignKey(
        Branch, models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("reader's branch")
    )
    age_group = models.CharField(_("age group"), max_length=5, choices=AgeGroup.choices, blank=True, editable=False)
    """At check-out; empty while the reader is known, and where the birth date was not."""
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="+", verbose_name=_("lent at"))
    """The desk that lent it."""
    checked_out_at = models.DateTimeField(_("lent"))
    checked_out_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("lent by"))
    due_at = models.DateTimeField(_("due"))
    """The last instant at which the loan is in time."""
    terms = models.JSONField(_("terms"))
    """`policies.terms.Terms.as_json()` at check-out: later changes of rules never rewrite the past."""
    renewals = models.PositiveSmallIntegerField(_("renewals"), default=0)
    last_renewed_at = models.DateTimeField(_("last renewed"), null=True, blank=True)
    overdue_since = models.DateTimeField(_("marked overdue"), null=True, blank=True)
    """When the daily check found it overdue; renewal clears it."""
    lost_at = models.DateTimeField(_("declared lost"), null=True, blank=True)
    """When it was declared lost: from then on lateness costs no more. Stays for the record when the copy is found."""
    claimed_returned_at = models.DateTimeField(_("claimed returned"), null=True, blank=True)
    """When the reader said that the copy is back: from then on lateness costs no more and the copy is searched for."""
    auto_renewal_on = models.DateField(_("automatic renewal tried"), null=True, blank=True)
    """The last day, of its branch, on which the library tried to renew it by itself."""
    returned_at = models.DateTimeField(_("returned"), null=True, blank=True)
    returned_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("taken back by")
    )
    return_branch = models.ForeignKey(
        Branch, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("returned at")
    )

    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)
    """When its check-out was undone: it was a slip of the hand, is over, and counts nowhere."""

    objects = LoanQuerySet.as_manager()

    class Meta:
        verbose_name = _("loan")
        verbose_name_plural = _("loans")
        ordering = ["-checked_out_at", "-pk"]
        permissions = [
            ("check_out_copies", "Can check out copies"),
            ("renew_loans", "Can renew readers' loans"),
            ("return_copies", "Can take back copies"),
            ("declare_lost", "Can declare copies lost"),
            ("settle_claims", "Can record that a reader claims to have returned a copy, and settle it"),
            ("record_damage", "Can record damage and repair of copies"),
            ("move_due_dates", "Can move due dates and pick-up deadlines off closed days"),
            ("override_card_expired", "Can lend and renew on an expired card"),
            ("override_reader_blocked", "Can lend and renew to a blocked reader"),
            ("override_reader_suspended", "Can lend and renew to a suspended reader"),
            ("override_debt_limit", "Can lend and renew to a reader who owes too much"),
            ("override_overdue_limit", "Can lend and renew to a reader with too many overdue loans"),
            ("override_age_restricted", "Can lend to a reader below the age"),
            ("override_copy_lost", "Can lend a copy that was lost"),
            ("override_copy_damaged", "Can lend a damaged copy"),
            ("override_not_for_loan", "Can lend what the rules do not lend"),
            ("override_loaned_to_another", "Can lend a copy that is on loan to somebody else"),
            ("override_loan_limit", "Can lend beyond the limit of loans"),
            ("override_kept_for_another", "Can lend a copy that is kept for another reader"),
            ("override_reserved_by_another", "Can lend a copy that another reader waits for"),
            ("override_in_transit", "Can lend a copy that is on its way to another branch"),
            ("override_same_book_on_loan", "Can lend another copy of the same book"),
            ("override_renewal_limit", "Can renew beyond the limit of renewals"),
            ("override_too_soon", "Can renew before renewal opens"),
            ("undo_steps_of_others", "Can undo what colleagues did at the desk"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["copy"], condition=Q(returned_at__isnull=True), name="one_open_loan_per_copy"
            ),
            models.CheckConstraint(condition=Q(due_at__gt=F("checked_out_at")), name="due_after_check_out"),
            models.CheckConstraint(
                condition=Q(returned_at__isnull=True) | Q(returned_at__gte=F("checked_out_at")),
                name="returned_not_before_check_out",
            ),
            models.CheckConstraint(
                condition=Q(claimed_returned_at__isnull=True) | Q(claimed_returned_at__gte=F("checked_out_at")),
                name="claimed_not_before_check_out",
            ),
            models.CheckConstraint(
                condition=Q(returned_at__isnull=True, return_branch__isnull=True)
                | Q(returned_at__isnull=False, return_branch__isnull=False),
                name="return_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | Q(returned_at__isnull=False), name="undone_loan_is_over"
            ),
            models.CheckConstraint(
                condition=Q(reader__isnull=False) | Q(returned_at__isnull=False), name="open_loan_has_its_reader"
            ),
        ]
        indexes = [
            models.Index(
                fields=["returned_at"],
                condition=Q(reader__isnull=False, returned_at__isnull=False),
                name="returned_loans_of_readers",
            ),
            models.Index(
                fields=["returned_at"],
                condition=Q(reader__isnull=True, returned_at__isnull=False),
                name="returned_loans_of_nobody",
            ),
            models.Index(fields=["reader"], condition=Q(returned_at__isnull=True), name="open_loans_of_a_reader"),
            models.Index(fields=["due_at"], condition=Q(returned_at__isnull=True), name="open_loans_by_due"),
            models.Index(
                fields=["claimed_returned_at"],
                condition=Q(returned_at__isnull=True, claimed_returned_at__isnull=False),
                name="copies_to_search_for",
            ),
            models.Index(fields=["reader", "-checked_out_at"], name="history_of_a_reader"),
            models.Index(fields=["copy", "-checked_out_at"], name="history_of_a_copy"),
            models.Index(fields=["-checked_out_at", "-id"], name="loans_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.copy} → {self.reader or '—'}"

    @property
    def ruling_branch_id(self) -> int:
        """Key of `ruling_branch`."""
        return self.copy.branch_id if settings.LENDING_BRANCH == "copy" else self.branch_id

    @property
    def ruling_branch(self) -> Branch:
        """Whose rules, calendar and time zone the loan follows, by the setting LENDING_BRANCH."""
        return self.copy.branch if settings.LENDING_BRANCH == "copy" else self.branch

    @property
    def is_claimed_returned(self) -> bool:
        """Whether the reader says that it is back, and that is not settled yet."""
        claimed_at, lost_at = self.claimed_returned_at, self.lost_at
        return self.returned_at is None and claimed_at is not None and (lost_at is None or claimed_at > lost_at)

    def late_until(self, instant: datetime) -> datetime:
        """Until when lateness counts at `instant`: no longer than until its loss, or the claim that it is back."""
        return min(filter(None, (instant, self.lost_at, self.claimed_returned_at)))

    @property
    def due_local(self) -> datetime:
        """`due_at` on the clock of the ruling branch."""
        return self.due_at.astimezone(self.ruling_branch.zone)

    @property
    def lent_local(self) -> datetime:
        """`checked_out_at` on the clock of the ruling branch."""
        return self.checked_out_at.astimezone(self.ruling_branch.zone)

    @property
    def claimed_local(self) -> datetime | None:
        """`claimed_returned_at` on the clock of the ruling branch."""
        return self.claimed_returned_at and self.claimed_returned_at.astimezone(self.ruling_branch.zone)

    @property
    def returned_local(self) -> datetime | None:
        """`returned_at` on the clock of the ruling branch; None while the copy is out."""
        return self.returned_at and self.returned_at.astimezone(self.ruling_branch.zone)


class Reading(models.Model):
    """A copy that was read in the library without being lent. Written by `circulation.actions.return_copy` only."""

    copy = models.ForeignKey(Copy, models.PROTECT, related_name="readings", db_index=False, verbose_name=_("copy"))
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="+", verbose_name=_("branch"))
    at = models.DateTimeField(_("when"))
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("counted by"))

    class Meta:
        verbose_name = _("reading in the library")
        verbose_name_plural = _("readings in the library")
        ordering = ["-at", "-pk"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["copy", "-at"], name="readings_of_a_copy"),
            models.Index(fields=["-at", "copy"], name="readings_newest_first"),
        ]

    def __str__(self) -> str:
        return str(self.copy)


class Closing(models.Model):
    """Due dates and pick-up deadlines moved off days on which branches are closed after all.

    Written by `circulation.closings`, never deleted. `loans_behind` and `pickups_behind` are the last keys looked at:
    whatever interrupts the work, those are done and the rest is not. Invariants: `closing_days_in_order`,
    `closing_state_is_known`.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    branch = models.ForeignKey(
        Branch, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("branch")
    )
    """None: every branch."""
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.RUNNING)
    made_at = models.DateTimeField(_("begun"))
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    total = models.PositiveIntegerField(_("to look at"), default=0)
    loans = models.PositiveIntegerField(_("loans moved"), default=0)
    pickups = models.PositiveIntegerField(_("pick-up deadlines moved"), default=0)
    loans_behind = models.BigIntegerField(default=0)
    pickups_behind = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    undone_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("undone by"))

    class Meta:
        verbose_name = _("closing")
        verbose_name_plural = _("closings")
        ordering = ["-made_at", "-pk"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="closing_days_in_order"),
            models.CheckConstraint(
                condition=Q(state__in=["running", "done", "undoing", "undone"]), name="closing_state_is_known"
            ),
        ]

    def __str__(self) -> str:
        days = f"{self.starts_on}" if self.starts_on == self.ends_on else f"{self.starts_on} – {self.ends_on}"
        return f"{self.branch}: {days}" if self.branch else days

    @property
    def is_working(self) -> bool:
        """Whether it is not finished yet."""
        return self.state in (self.State.RUNNING, self.State.UNDOING)


class MovedDate(models.Model):
    """What a closing has moved: the due date of a loan, or the last day for a reservation (as the end of that day).

    Invariants: `moved_once_by_a_closing`, `moved_pickup_once_by_a_closing`, `moved_is_a_loan_or_a_pickup`.
    """

    closing = models.ForeignKey(Closing, models.PROTECT, related_name="moved", db_index=False)
    loan = models.ForeignKey(Loan, models.PROTECT, null=True, related_name="moved_dates")
    reservation = models.ForeignKey(Reservation, models.PROTECT, null=True, related_name="moved_dates")
    was_at = models.DateTimeField(_("before"))
    moved_to = models.DateTimeField(_("after"))

    class Meta:
        verbose_name = _("moved date")
        verbose_name_plural = _("moved dates")
        ordering = ["pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["closing", "loan"], name="moved_once_by_a_closing"),
            models.UniqueConstraint(fields=["closing", "reservation"], name="moved_pickup_once_by_a_closing"),
            models.CheckConstraint(
                condition=Q(loan__isnull=True, reservation__isnull=False)
                | Q(loan__isnull=False, reservation__isnull=True),
                name="moved_is_a_loan_or_a_pickup",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loan or self.reservation}"

    @property
    def was_local(self) -> datetime:
        """`was_at` on the clock of the branch."""
        return self.was_at.astimezone(self._zone)

    @property
    def moved_local(self) -> datetime:
        """`moved_to` on the clock of the branch."""
        return self.moved_to.astimezone(self._zone)

    @property
    def _zone(self) -> ZoneInfo:
        if self.loan:
            return self.loan.ruling_branch.zone
        assert self.reservation is not None
        return self.reservation.pickup_branch.zone

"""Loans: a copy in a reader's hands, from check-out to return."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Reader, User
from catalog.models import Copy
from policies.models import Branch


class LoanQuerySet(models.QuerySet["Loan"]):
    """Loans."""

    def open(self) -> "LoanQuerySet":
        """Loans whose copy has not come back."""
        return self.filter(returned_at__isnull=True)

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


class Loan(models.Model):
    """A copy in a reader's hands. Written by `circulation.actions` only; never deleted.

    Invariants: `one_open_loan_per_copy`, `due_after_check_out`, `returned_not_before_check_out`, `return_is_whole`.
    """

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    copy = models.ForeignKey(Copy, models.PROTECT, related_name="loans", verbose_name=_("copy"))
    reader = models.ForeignKey(Reader, models.PROTECT, related_name="loans", verbose_name=_("reader"))
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
    returned_at = models.DateTimeField(_("returned"), null=True, blank=True)
    returned_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("taken back by")
    )
    return_branch = models.ForeignKey(
        Branch, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("returned at")
    )

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
                condition=Q(returned_at__isnull=True, return_branch__isnull=True)
                | Q(returned_at__isnull=False, return_branch__isnull=False),
                name="return_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["reader"], condition=Q(returned_at__isnull=True), name="open_loans_of_a_reader"),
            models.Index(fields=["due_at"], condition=Q(returned_at__isnull=True), name="open_loans_by_due"),
            models.Index(fields=["reader", "-checked_out_at"], name="history_of_a_reader"),
            models.Index(fields=["copy", "-checked_out_at"], name="history_of_a_copy"),
            models.Index(fields=["-checked_out_at", "-id"], name="loans_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.copy} → {self.reader}"

    @property
    def ruling_branch_id(self) -> int:
        """Key of `ruling_branch`."""
        return self.copy.branch_id if settings.LENDING_BRANCH == "copy" else self.branch_id

    @property
    def ruling_branch(self) -> Branch:
        """Whose rules, calendar and time zone the loan follows, by the setting LENDING_BRANCH."""
        return self.copy.branch if settings.LENDING_BRANCH == "copy" else self.branch

    @property
    def due_local(self) -> datetime:
        """`due_at` on the clock of the ruling branch."""
        return self.due_at.astimezone(self.ruling_branch.zone)

    @property
    def lent_local(self) -> datetime:
        """`checked_out_at` on the clock of the ruling branch."""
        return self.checked_out_at.astimezone(self.ruling_branch.zone)

    @property
    def returned_local(self) -> datetime | None:
        """`returned_at` on the clock of the ruling branch; None while the copy is out."""
        return self.returned_at and self.returned_at.astimezone(self.ruling_branch.zone)

"""The lending rules: one matrix of reader category x item type x branch, of which `policies.terms` makes terms."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from policies.terms import NULLABLE, PARAMETERS


def _are_days(array: str) -> Func:
    """Whether every element of an array column is 0 or more."""
    return Func(F(array), template="0 <= ALL(%(expressions)s)", output_field=models.BooleanField())


class LendingRuleQuerySet(models.QuerySet["LendingRule"]):
    """Lending rules."""

    def default(self) -> "LendingRuleQuerySet":
        """The one rule for any x any x any, or nothing before `manage.py setup_library`."""
        return self.filter(category=None, item_type=None, branch=None)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete, unless the default rule is among them: then ProtectedError, and nothing is deleted."""
        if default := self.default().first():
            raise _default_rule_stays(default)
        return super().delete()


def _default_rule_stays(rule: "LendingRule") -> models.ProtectedError:
    return models.ProtectedError("The default lending rule always exists.", {rule})


class LendingRule(models.Model):
    """The terms for one reader category x item type x branch, each of which may be «any».

    A null parameter inherits from the next more general row; `policies.terms` resolves value by value. One row is for
    any x any x any: it cannot be deleted or turned into another, and it is complete, save for the parameters whose
    blank means «none» (`policies.terms.NULLABLE`). Changed by administrators on the panel.

    Invariants: `one_rule_per_combination`, `default_rule_is_complete`, `set_replacement_has_its_amount`,
    `rule_amounts_are_not_negative`, `rule_periods_are_positive`, `rule_choices_are_known`, `rule_reminders_are_days`.
    """

    class PeriodUnit(models.TextChoices):
        DAYS = "days", _("days")
        HOURS = "hours", _("hours")

    class FixedDueMode(models.TextChoices):
        AT_LATEST = "at_latest", _("not later than this day")
        EXACTLY = "exactly", _("exactly on this day")

    class DueOnClosed(models.TextChoices):
        KEEP = "keep", _("stays on the closed day")
        NEXT_OPEN = "next_open", _("next open day")
        PREVIOUS_OPEN = "previous_open", _("previous open day")

    class PeriodCounts(models.TextChoices):
        ALL_DAYS = "all_days", _("all days")
        OPEN_DAYS = "open_days", _("open days only")

    class RenewFrom(models.TextChoices):
        DUE = "due", _("from the due date")
        NOW = "now", _("from the day of renewal")

    class OnShelf(models.TextChoices):
        ALWAYS = "always", _("always")
        WHEN_ALL_OUT = "when_all_out", _("only when all copies are out")

    class ReplacementFee(models.TextChoices):
        COPY_PRICE = "copy_price", _("the copy's price")
        SET_AMOUNT = "set_amount", _("a set amount")

    category = models.ForeignKey(
        "policies.ReaderCategory",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reader category"),
        help_text=_("Empty: readers of every category."),
    )
    item_type = models.ForeignKey(
        "policies.ItemType",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("item type"),
        help_text=_("Empty: copies of every type."),
    )
    branch = models.ForeignKey(
        "policies.Branch",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("branch"),
        help_text=_("Empty: copies of every branch."),
    )

    # loans
    loanable = models.BooleanField(
        _("may be lent"), null=True, blank=True, help_text=_("No: such copies stay in the library.")
    )
    loan_period = models.PositiveSmallIntegerField(
        _("loan period"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How long a loan lasts, in the unit beside."),
    )
    loan_period_unit = models.CharField(
        _("unit of the loan period"),
        max_length=5,
        choices=PeriodUnit.choices,
        null=True,
        blank=True,
        help_text=_("Day loans end with the day; hour loans end to the minute, while the branch is open."),
    )
    fixed_due_on = models.DateField(
        _("fixed due day"),
        null=True,
        blank=True,
        help_text=_(
            "Everything is back by this day, the end of the school year say. A day that has passed no longer counts."
        ),
    )
    fixed_due_mode = models.CharField(
        _("fixed due day means"),
        max_length=10,
        choices=FixedDueMode.choices,
        null=True,
        blank=True,
        help_text=_("“Not later” shortens loans that would last longer; “exactly” sets the day for all."),
    )
    max_loans = models.PositiveSmallIntegerField(
        _("loans at once under this rule"),
        null=True,
        blank=True,
        help_text=_("Counts the reader's loans that fall under the same categories, types and branches as this rule."),
    )
    minimum_age = models.PositiveSmallIntegerField(
        _("from age"),
        null=True,
        blank=True,
        help_text=_("In years. Readers below this age, by their birth date, may not borrow."),
    )

    # closed days
    due_on_closed = models.CharField(
        _("when due on a closed day"),
        max_length=13,
        choices=DueOnClosed.choices,
        null=True,
        blank=True,
        help_text=_("A loan that would fall due when the branch is closed."),
    )
    period_counts = models.CharField(
        _("the period counts"),
        max_length=9,
        choices=PeriodCounts.choices,
        null=True,
        blank=True,
        help_text=_("Whether closed days use up the loan period."),
    )

    # renewals
    max_renewals = models.PositiveSmallIntegerField(
        _("renewals"), null=True, blank=True, help_text=_("How many times a loan may be renewed. 0: never.")
    )
    renewal_period = models.PositiveSmallIntegerField(
        _("renewal period"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("In the unit of the loan period. Empty everywhere: as long as the loan."),
    )
    renew_from = models.CharField(
        _("renewal counts"),
        max_length=3,
        choices=RenewFrom.choices,
        null=True,
        blank=True,
        help_text=_("Where the new period starts."),
    )
    renew_not_before_days = models.PositiveSmallIntegerField(
        _("renewal opens, days before due"),
        null=True,
        blank=True,
        help_text=_(
            "For example 3: renewal is possible from three days before the due day. Empty everywhere: at any time."
        ),
    )
    auto_renew = models.BooleanField(
        _("renew automatically"),
        null=True,
        blank=True,
        help_text=_("Renews by itself on the first day on which renewal is possible."),
    )

    # fines
    fine_amount = models.DecimalField(
        _("fine"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("What an overdue copy costs for each fine period. 0: no fines."),
    )
    fine_period_days = models.PositiveSmallIntegerField(
        _("fine is per, days"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("1: the fine is for each day; 7: for each week begun."),
    )
    grace_days = models.PositiveSmallIntegerField(
        _("days of grace"), null=True, blank=True, help_text=_("Up to so many days overdue cost nothing.")
    )
    grace_is_charged = models.BooleanField(
        _("grace is charged afterwards"),
        null=True,
        blank=True,
        help_text=_("Yes: once the days of grace are over they are charged too."),
    )
    fine_cap = models.DecimalField(
        _("fine at most"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("The fine for one loan never exceeds this. Empty everywhere: no limit."),
    )
    cap_at_copy_price = models.BooleanField(
        _("fine at most the copy's price"),
        null=True,
        blank=True,
        help_text=_("Yes: nobody owes more for lateness than the copy cost."),
    )
    fine_counts_closed_days = models.BooleanField(
        _("closed days are fined"),
        null=True,
        blank=True,
        help_text=_("No: days on which the branch is closed cost nothing."),
    )
    suspension_days_per_day = models.PositiveSmallIntegerField(
        _("days of suspension per overdue day"),
        null=True,
        blank=True,
        help_text=_("For so many days after the return the reader borrows nothing. 0: no suspension."),
    )
    max_suspension_days = models.PositiveSmallIntegerField(
        _("suspension at most, days"), null=True, blank=True, help_text=_("Empty everywhere: no limit.")
    )

    # loss
    lost_after_days = models.PositiveSmallIntegerField(
        _("lost after, days overdue"),
        null=True,
        blank=True,
        help_text=_("After so many days overdue the copy counts as lost."),
    )
    replacement_fee = models.CharField(
        _("replacement fee is"),
        max_length=10,
        choices=ReplacementFee.choices,
        null=True,
        blank=True,
        help_text=_("What a lost copy costs the reader."),
    )
    replacement_amount = models.DecimalField(
        _("replacement amount"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("The set amount; also what a copy without a price costs."),
    )
    processing_fee = models.DecimalField(
        _("processing fee"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("Charged on top of the replacement."),
    )
    refund_within_days = models.PositiveSmallIntegerField(
        _("refund when found within, days"),
        null=True,
        blank=True,
        help_text=_("A lost copy that comes back so many days after the payment, or sooner, is refunded."),
    )

    # reservations
    reservable = models.BooleanField(
        _("may be reserved"), null=True, blank=True, help_text=_("No: readers cannot reserve such copies.")
    )
    on_shelf = models.CharField(
        _("reserve what is on the shelf"),
        max_length=12,
        choices=OnShelf.choices,
        null=True,
        blank=True,
        help_text=_("Whether a reader may reserve a book while a copy stands on the shelf."),
    )
    max_reservations = models.PositiveSmallIntegerField(
        _("reservations in all"), null=True, blank=True, help_text=_("How many reservations a reader may have at once.")
    )
    max_reservations_per_book = models.PositiveSmallIntegerField(
        _("reservations per book"), null=True, blank=True, help_text=_("How many of them for the same book.")
    )
    max_reservations_per_day = models.PositiveSmallIntegerField(
        _("reservations per day"),
        null=True,
        blank=True,
        help_text=_("How many new ones a day. Empty everywhere: no limit."),
    )
    reservation_fee = models.DecimalField(
        _("reservation fee"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("Charged when the reservation is made. 0: free."),
    )
    pickup_open_days = models.PositiveSmallIntegerField(
        _("kept for pick-up, open days"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("For so many open days the copy waits on the hold shelf."),
    )

    # reminders
    remind_before_days = ArrayField(
        models.PositiveSmallIntegerField(),
        verbose_name=_("remind before due, days"),
        null=True,
        blank=True,
        size=20,
        help_text=_(
            "Days before the due day, with commas: 3, 0 is three days before and on the day. A dash: no reminders."
        ),
    )
    remind_overdue_days = ArrayField(
        models.PositiveSmallIntegerField(),
        verbose_name=_("remind when overdue, days"),
        null=True,
        blank=True,
        size=20,
        help_text=_("Days after the due day, with commas: 1, 7, 14, 30. A dash: no reminders."),
    )
    remind_from_day = models.PositiveSmallIntegerField(
        _("remind from day of the loan"),
        null=True,
        blank=True,
        help_text=_(
            "Reminds from this day of the loan on, overdue or not, for example 10. Empty everywhere or 0: off."
        ),
    )
    remind_every_days = models.PositiveSmallIntegerField(
        _("then every, days"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Repeats that reminder until the return. Empty everywhere: once."),
    )

    objects = LendingRuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("lending rule")
        verbose_name_plural = _("lending rules")
        ordering = [
            F("branch").asc(nulls_first=True),
            F("category").asc(nulls_first=True),
            F("item_type").asc(nulls_first=True),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["category", "item_type", "branch"],
                name="one_rule_per_combination",
                nulls_distinct=False,
                violation_error_message=_("There is a rule for this combination already."),
            ),
            models.CheckConstraint(
                condition=Q(category__isnull=False)
                | Q(item_type__isnull=False)
                | Q(branch__isnull=False)
                | Q(**{f"{name}__isnull": False for name in PARAMETERS if name not in NULLABLE}),
                name="default_rule_is_complete",
                violation_error_message=_("The default rule must give every value: nothing is left to inherit from."),
            ),
            models.CheckConstraint(
                condition=~Q(replacement_fee="set_amount") | Q(replacement_amount__isnull=False),
                name="set_replacement_has_its_amount",
                violation_error_message=_("Give the replacement amount, or let the copy's price count."),
            ),
            models.CheckConstraint(
                condition=Q(
                    fine_amount__gte=0,
                    fine_cap__gte=0,
                    replacement_amount__gte=0,
                    processing_fee__gte=0,
                    reservation_fee__gte=0,
                ),
                name="rule_amounts_are_not_negative",
                violation_error_message=_("Amounts cannot be negative."),
            ),
            models.CheckConstraint(
                condition=Q(
                    loan_period__gte=1,
                    renewal_period__gte=1,
                    fine_period_days__gte=1,
                    pickup_open_days__gte=1,
                    remind_every_days__gte=1,
                ),
                name="rule_periods_are_positive",
                violation_error_message=_("Periods are 1 or longer."),
            ),
            models.CheckConstraint(
                condition=Q(
                    loan_period_unit__in=["days", "hours"],
                    fixed_due_mode__in=["at_latest", "exactly"],
                    due_on_closed__in=["keep", "next_open", "previous_open"],
                    period_counts__in=["all_days", "open_days"],
                    renew_from__in=["due", "now"],
                    on_shelf__in=["always", "when_all_out"],
                    replacement_fee__in=["copy_price", "set_amount"],
                ),
                name="rule_choices_are_known",
            ),
            models.CheckConstraint(
                condition=Q(_are_days("remind_before_days")) & Q(_are_days("remind_overdue_days")),
                name="rule_reminders_are_days",
                violation_error_message=_("Days of reminders are whole numbers, 0 or more."),
            ),
        ]

    def __str__(self) -> str:
        return " × ".join(str(part) if part else str(_("any")) for part in (self.category, self.item_type, self.branch))

    @property
    def is_default(self) -> bool:
        """Whether this is the rule for any x any x any, from which all others inherit."""
        return self.category_id is None and self.item_type_id is None and self.branch_id is None

    def clean(self) -> None:
        """Keep the default rule complete and in its place."""
        if self.is_default:
            missing = [name for name in PARAMETERS if name not in NULLABLE and getattr(self, name) is None]
            if missing:
                raise ValidationError(dict.fromkeys(missing, _("The default rule must give this value.")))
        elif self.pk and LendingRule.objects.default().filter(pk=self.pk).exists():
            raise ValidationError(_("The default rule stays for everyone and everything. Add a new rule instead."))

    def delete(self, using: Any = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        """Delete; raises ProtectedError for the default rule."""
        if self.is_default:
            raise _default_rule_stays(self)
        return super().delete(using=using, keep_parents=keep_parents)

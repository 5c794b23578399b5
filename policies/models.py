"""How this library works: branches and their days, reader categories, item types and the lending rules."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Extract, Greatest, Least
from django.utils.translation import gettext_lazy as _

from policies.calendar import ClosedRange, end_of_quiet
from policies.lending import LendingRule

__all__ = [
    "Branch", "ClosedDay", "ItemType", "LendingRule", "OpeningHours", "ReaderCategory", "Revision", "Weekday",
]  # fmt: skip


class Branch(models.Model):
    """A place with opening hours, copies and a desk. Changed by administrators on the panel."""

    code = models.SlugField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=200)
    address = models.CharField(_("address"), max_length=300, blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    time_zone = models.CharField(
        _("time zone"), max_length=50, default="Europe/Moscow", help_text=_("For example Europe/Moscow, Asia/Omsk.")
    )
    quiet_from = models.TimeField(
        _("quiet from"),
        default=time(21),
        null=True,
        blank=True,
        help_text=_("From then on readers of this branch get no messages on their telephone; e-mail does not wait."),
    )
    quiet_until = models.TimeField(_("quiet until"), default=time(8), null=True, blank=True)

    class Meta:
        verbose_name = _("branch")
        verbose_name_plural = _("branches")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Accept the names of the IANA time-zone database only."""
        if self.time_zone not in available_timezones():
            message = _("“%(name)s” is not a time zone, for example Europe/Moscow.")
            raise ValidationError({"time_zone": ValidationError(message, params={"name": self.time_zone})})
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValidationError({"quiet_until": _("Give both ends of the quiet hours, or neither.")})

    @property
    def zone(self) -> ZoneInfo:
        """The time zone as an object."""
        return ZoneInfo(self.time_zone)

    def quiet_ends(self, now: datetime) -> datetime | None:
        """When the quiet hours end in which `now` lies, on the branch's clock; None: nobody sleeps now."""
        if self.quiet_from is None or self.quiet_until is None:
            return None
        return end_of_quiet(now.astimezone(self.zone), starts=self.quiet_from, ends=self.quiet_until)


class Weekday(models.IntegerChoices):
    """Days as `date.weekday()` counts them."""

    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class OpeningHours(models.Model):
    """One stretch of a weekday on which a branch is open; a day without any is closed every week.

    A branch without any opening hours at all counts as open every day, all day.
    """

    branch = models.ForeignKey(Branch, models.CASCADE, related_name="opening_hours", verbose_name=_("branch"))
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=Weekday.choices)
    opens_at = models.TimeField(_("opens"))
    closes_at = models.TimeField(_("closes"))

    class Meta:
        verbose_name = _("opening hours")
        verbose_name_plural = _("opening hours")
        ordering = ["branch", "weekday", "opens_at"]
        constraints = [
            ExclusionConstraint(
                name="opening_hours_do_not_overlap",
                expressions=[
                    (Func(F("branch"), F("branch"), Value("[]"), function="int8range"), RangeOperators.OVERLAPS),
                    (Func(F("weekday"), F("weekday"), Value("[]"), function="int4range"), RangeOperators.OVERLAPS),
                    (
                        Func(
                            Extract(Least("opens_at", "closes_at"), "epoch"),
                            Extract(Greatest("opens_at", "closes_at"), "epoch"),
                            function="numrange",
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                violation_error_message=_("These opening hours overlap others of the same day."),
            ),
            models.CheckConstraint(
                condition=Q(closes_at__gt=F("opens_at")),
                name="closes_after_opening",
                violation_error_message=_("Closing time must come after opening time."),
            ),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="weekday_of_the_week"),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens_at:%H:%M}–{self.closes_at:%H:%M}"


class ClosedDay(models.Model):
    """A day or a range of days on which a branch, or every branch, is closed."""

    branch = models.ForeignKey(
        Branch,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="closed_days",
        verbose_name=_("branch"),
        help_text=_("Empty: every branch."),
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    repeats_yearly = models.BooleanField(_("every year"), default=False)
    reason = models.CharField(_("reason"), max_length=200)

    class Meta:
        verbose_name = _("closed day")
        verbose_name_plural = _("closed days")
        ordering = ["-starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="closed_range_in_order",
                violation_error_message=_("The last day must not be before the first."),
            ),
            models.CheckConstraint(
                condition=Q(repeats_yearly=False) | Q(ends_on__lt=F("starts_on") + timedelta(days=365)),
                name="yearly_closure_is_within_a_year",
                violation_error_message=_("What repeats every year must be shorter than a year."),
            ),
        ]

    def __str__(self) -> str:
        days = f"{self.starts_on}" if self.starts_on == self.ends_on else f"{self.starts_on} – {self.ends_on}"
        return f"{days}: {self.reason}"

    def covers(self, day: date) -> bool:
        """Whether the branch is closed on `day` for this reason."""
        return ClosedRange(self.starts_on, self.ends_on, self.repeats_yearly).covers(day)


class ReaderCategory(models.Model):
    """Who a reader is to the library (adult, child, student), with the limits that hold for the person as a whole."""

    code = models.SlugField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=100)
    is_default = models.BooleanField(
        _("default"), default=False, help_text=_("Given to readers who register on the site.")
    )
    card_months = models.PositiveSmallIntegerField(
        _("card is valid for, months"), default=12, validators=[MinValueValidator(1), MaxValueValidator(600)]
    )
    self_renewal_days = models.PositiveSmallIntegerField(
        _("readers extend their card themselves, days"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text=_("From so many days before it expires until as many days after. Empty: at the desk only."),
    )
    minimum_age = models.PositiveSmallIntegerField(_("minimum age, years"), null=True, blank=True)
    maximum_age = models.PositiveSmallIntegerField(_("maximum age, years"), null=True, blank=True)
    max_total_loans = models.PositiveSmallIntegerField(
        _("loans at once, at most"),
        null=True,
        blank=True,
        help_text=_("Over all item types and branches. Empty: no limit."),
    )
    max_overdue_loans = models.PositiveSmallIntegerField(
        _("overdue loans tolerated"),
        null=True,
        blank=True,
        help_text=_("With more overdue loans than this the reader borrows nothing. Empty: no limit."),
    )
    max_balance = models.DecimalField(
        _("debt tolerated"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("With a larger debt the reader borrows nothing. Empty: no limit."),
    )

    class Meta:
        verbose_name = _("reader category")
        verbose_name_plural = _("reader categories")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="one_default_category"),
            models.CheckConstraint(
                condition=Q(minimum_age__isnull=True)
                | Q(maximum_age__isnull=True)
                | Q(maximum_age__gte=F("minimum_age")),
                name="category_ages_in_order",
                violation_error_message=_("The maximum age must not be below the minimum age."),
            ),
            models.CheckConstraint(condition=Q(card_months__gte=1), name="card_lasts_at_least_a_month"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **kwargs: Any) -> None:
        """Save; a new default takes the mark from the category that had it."""
        with transaction.atomic():
            if self.is_default:
                ReaderCategory.objects.filter(is_default=True).exclude(pk=self.pk).update(is_default=False)
            super().save(**kwargs)

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """All constraints but the one of a single default, which `save` sees to."""
        super().validate_constraints(exclude={*(exclude or ()), "is_default"})


class ItemType(models.Model):
    """What kind of thing a copy is for the rules: book, textbook, disc, board game."""

    code = models.SlugField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=100)

    class Meta:
        verbose_name = _("item type")
        verbose_name_plural = _("item types")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Revision(models.Model):
    """The one row that says which rules, hours, closed days and branches these are: `policies.queries.Policies`.

    The database itself gives it a new stamp, at random, with every change of one of them, whoever makes it.
    """

    stamp = models.UUIDField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.stamp)

"""Figures kept by day, so that years are summed up quickly, and visits, which nothing but staff can count."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from policies.models import Branch, ItemType, ReaderCategory


class DayFigures(models.Model):
    """What happened on one local day of a branch, by what readers and copies were. Written by `reports.figures` only.

    No row says «nothing»; a day is counted when it is not later than `FiguresState.counted_until`.
    """

    day = models.DateField()
    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+", db_index=False)
    """The desk that lent, renewed, took back, or counted a reading."""
    category = models.ForeignKey(ReaderCategory, models.CASCADE, null=True, related_name="+", db_index=False)
    """Null: of readings, whose reader nobody knows."""
    age_group = models.CharField(max_length=5)
    """A value of `circulation.models.AgeGroup`, or empty."""
    item_type = models.ForeignKey(ItemType, models.CASCADE, related_name="+", db_index=False)
    material = models.CharField(max_length=10)
    language = models.CharField(max_length=3)
    loans = models.IntegerField(default=0)
    renewals = models.IntegerField(default=0)
    """Less those undone that day."""
    returns = models.IntegerField(default=0)
    readings = models.IntegerField(default=0)

    class Meta:
        verbose_name = _("figures of a day")
        verbose_name_plural = _("figures of days")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["day", "branch", "category", "age_group", "item_type", "material", "language"],
                name="one_figure_of_a_kind_a_day",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.loans}"


class FiguresState(models.Model):
    """How far the figures of days are counted: one row, or none before the first run."""

    counted_until = models.DateField()
    """The last counted day; what is later is counted when it is asked for."""
    counted_at = models.DateTimeField()
    """When the last run began: changes to counted days are known up to then."""

    class Meta:
        verbose_name = _("state of the figures")
        verbose_name_plural = _("state of the figures")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.counted_until)


class Visits(models.Model):
    """How many came to a branch on a day, as staff counted them. Written by `reports.visits` only."""

    branch = models.ForeignKey(Branch, models.PROTECT, related_name="+", db_index=False, verbose_name=_("branch"))
    day = models.DateField(_("day"))
    visits = models.PositiveIntegerField(_("visits"), default=0)
    """All of them, those to events included."""
    children = models.PositiveIntegerField(_("of them children"), default=0)
    events = models.PositiveIntegerField(_("events"), default=0)
    event_visits = models.PositiveIntegerField(_("visits to events"), default=0)
    remote = models.PositiveIntegerField(_("remote visits"), default=0)
    """Calls at the site and by telephone; not part of `visits`."""
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("counted by"))
    at = models.DateTimeField(_("written down"))

    class Meta:
        verbose_name = _("visits of a day")
        verbose_name_plural = _("visits of days")
        ordering = ["-day", "branch"]
        default_permissions = ()
        permissions = [("count_visits", "Can write down visits")]
        constraints = [
            models.UniqueConstraint(fields=["day", "branch"], name="visits_of_a_day_once"),
            models.CheckConstraint(
                condition=Q(event_visits__lte=models.F("visits")) & Q(children__lte=models.F("visits")),
                name="visits_contain_their_parts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day}, {self.branch}: {self.visits}"

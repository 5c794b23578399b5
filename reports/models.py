"""Saved reports, and the schedules that send them to staff."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from reports.builder.models import BuiltReport
from reports.day_models import DayFigures, FiguresState, Visits

__all__ = ["BuiltReport", "DayFigures", "Dispatch", "FiguresState", "SavedReport", "Schedule", "Visits"]


class SavedReport(models.Model):
    """A report with its filters, under a name of its own. Written by `reports.actions`.

    Periods like “last month” are kept as such: they mean another month each time.
    """

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120)
    report = models.SlugField(_("report"), max_length=60)
    """Key of `reports.index.REPORTS`."""
    filters = models.JSONField(_("filters"), default=dict)
    """What the form of filters says, by field, as in the address of the page; `sort` besides."""
    owner = models.ForeignKey(User, models.CASCADE, related_name="saved_reports", verbose_name=_("owner"))
    is_shared = models.BooleanField(
        _("shared"), default=False, help_text=_("All staff who may see the report find it under theirs.")
    )
    saved_at = models.DateTimeField(_("saved"))

    class Meta:
        verbose_name = _("saved report")
        verbose_name_plural = _("saved reports")
        ordering = ["name", "pk"]
        default_permissions = ()
        permissions = [
            ("view_reports", "Can view reports"),
            ("schedule_reports", "Can have reports sent by e-mail"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="one_saved_report_of_a_name",
                violation_error_message=_("You have a saved report of this name already."),
            ),
            models.CheckConstraint(condition=~Q(name=""), name="saved_report_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Schedule(models.Model):
    """A saved report that is sent by e-mail again and again. Written by `reports.actions`."""

    class Every(models.TextChoices):
        DAY = "day", _("every day")
        WEEK = "week", _("every Monday")
        MONTH = "month", _("on the first of every month")

    class Form(models.TextChoices):
        CSV = "csv", _("CSV attached")
        XLSX = "xlsx", _("Excel (XLSX) attached")
        LINK = "link", _("a link only")

    saved = models.OneToOneField(SavedReport, models.CASCADE, related_name="schedule", verbose_name=_("saved report"))
    every = models.CharField(_("when"), max_length=5, choices=Every.choices, default=Every.WEEK)
    form = models.CharField(_("as"), max_length=4, choices=Form.choices, default=Form.XLSX)
    recipients = models.ManyToManyField(User, related_name="+", verbose_name=_("to"))
    since = models.DateField(_("since"))
    """The local day on which it was made: the first letter goes on a later day."""

    class Meta:
        verbose_name = _("schedule of a report")
        verbose_name_plural = _("schedules of reports")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(every__in=["day", "week", "month"]), name="schedule_rhythm_is_known"),
            models.CheckConstraint(condition=Q(form__in=["csv", "xlsx", "link"]), name="schedule_form_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.saved}: {self.get_every_display()}"


class Dispatch(models.Model):
    """One report to one recipient for one day: written once, claimed by conditional UPDATE, sent once.

    Written by `reports.sending`.
    """

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    """Part of the letter's Message-ID: sent twice after a crash, it is recognised."""
    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="dispatches", verbose_name=_("schedule"))
    recipient = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False, verbose_name=_("to"))
    day = models.DateField(_("for the day"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    held_until = models.DateTimeField(null=True)
    """While a worker sends it nobody else does; a worker that dies leaves a time that passes."""
    sent_at = models.DateTimeField(_("sent"), null=True)
    failure = models.CharField(_("last failure"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("sent report")
        verbose_name_plural = _("sent reports")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["schedule", "recipient", "day"], name="one_report_a_day_for_a_recipient")
        ]
        indexes = [models.Index(fields=["id"], condition=Q(sent_at__isnull=True), name="reports_to_send")]

    def __str__(self) -> str:
        return f"{self.schedule} {self.day}"

"""Saved reports, and the schedules that send them to staff."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User


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

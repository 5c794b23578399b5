"""Reports that staff built themselves, kept under a name."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class BuiltReport(models.Model):
    """A built report. Written by `reports.builder.actions`; what it shows is decided by who opens it."""

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120)
    subject = models.SlugField(_("subject"), max_length=30)
    """Key of `reports.builder.subjects.SUBJECTS`."""
    definition = models.JSONField(_("definition"))
    """Columns, figures and filters by the names of `BuilderForm`'s fields."""
    owner = models.ForeignKey(
        User, models.CASCADE, related_name="built_reports", db_index=False, verbose_name=_("owner")
    )
    is_shared = models.BooleanField(_("shared with all staff"), default=False)
    saved_at = models.DateTimeField(_("saved"))

    class Meta:
        verbose_name = _("built report")
        verbose_name_plural = _("built reports")
        ordering = ["name", "pk"]
        default_permissions = ()
        permissions = [("build_reports", "Can build reports")]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_built_report_of_a_name"),
            models.CheckConstraint(condition=~Q(name=""), name="built_report_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

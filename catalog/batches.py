"""What is kept of a change to many books or copies at once: what was asked, and every value before. Models only."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class BatchChange(models.Model):
    """One change of one field in many books or copies. Written by `catalog.batch_changes`, never deleted.

    `position` counts the targets that are behind it: whatever interrupts the work, those are done and the rest is not.
    """

    class Kind(models.TextChoices):
        BOOK = "book", _("books")
        COPY = "copy", _("copies")

    class State(models.TextChoices):
        DRAFT = "draft", _("not started")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")

    class Deed(models.TextChoices):
        SET = "set", _("set to")
        CLEAR = "clear", _("clear")
        REPLACE = "replace", _("find and replace")
        ADD = "add", _("add")
        REMOVE = "remove", _("remove")

    kind = models.CharField(_("what"), max_length=4, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.DRAFT)
    target_ids = ArrayField(models.BigIntegerField())
    """Primary keys of the chosen rows, in order."""
    field = models.CharField(_("field"), max_length=30, blank=True)
    deed = models.CharField(_("change"), max_length=7, choices=Deed.choices, blank=True)
    value = models.CharField(_("value"), max_length=1000, blank=True)
    """A text, a code, the key of a branch or item type, the name of a genre, subject, publisher or series."""
    find = models.CharField(_("text to find"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("begun"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    position = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)
    finished_at = models.DateTimeField(_("finished"), null=True)
    undone_at = models.DateTimeField(_("undone"), null=True)

    class Meta:
        verbose_name = _("batch change")
        verbose_name_plural = _("batch changes")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["book", "copy"]), name="batch_kind_is_known"),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "running", "done", "undoing", "undone"]), name="batch_state_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.field} {self.get_deed_display()} {self.value}".strip()[:200]


class BatchRow(models.Model):
    """One book or copy of a batch change: the value before and after, or why it was left."""

    batch = models.ForeignKey(BatchChange, models.CASCADE, db_index=False, related_name="rows")
    object_id = models.BigIntegerField()
    name = models.CharField(max_length=300)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    is_changed = models.BooleanField()
    is_undone = models.BooleanField(default=False)
    problem = models.TextField(blank=True)
    """Why it was not changed, or not changed back, in words."""

    class Meta:
        verbose_name = _("row of a batch change")
        verbose_name_plural = _("rows of batch changes")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["batch", "object_id"], name="one_row_once_per_batch")]
        indexes = [models.Index(fields=["batch", "id"], name="rows_of_a_batch")]

    def __str__(self) -> str:
        return self.name

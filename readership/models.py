"""What was done with readers as a whole: merged, told apart, given their data, erased."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Reader, User


class ReaderMerge(models.Model):
    """Several entries of one person made one, with all that it takes to undo it. Written by `readership.merges`."""

    survivor = models.ForeignKey(Reader, models.PROTECT, related_name="merges", verbose_name=_("what stays"))
    names = models.JSONField(_("what was merged into it"), default=list)
    """Names and cards of the others as they were."""
    at = models.DateTimeField(_("merged"))
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    record = models.JSONField(default=dict, editable=False)
    """`readership.merges.Record`."""
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)
    undone_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("undone by")
    )

    class Meta:
        verbose_name = _("merge of readers")
        verbose_name_plural = _("merges of readers")
        ordering = ["-at", "-pk"]
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return f"{', '.join(self.names)} → {self.survivor}"


class DistinctReaders(models.Model):
    """Two readers who look the same and are not: they are not offered as duplicates again."""

    first = models.ForeignKey(Reader, models.CASCADE, related_name="+")
    second = models.ForeignKey(Reader, models.CASCADE, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("readers told apart")
        verbose_name_plural = _("readers told apart")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="readers_are_told_apart_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="readers_told_apart_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} ≠ {self.second_id}"


class DataFile(models.Model):
    """All that the library knows of one reader, as a zip, for a few days. Written by `readership.data_files`."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        READY = "ready", _("ready")

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    reader = models.ForeignKey(Reader, models.CASCADE, related_name="data_files", verbose_name=_("reader"))
    asked_at = models.DateTimeField(_("asked for"))
    asked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("asked for by"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    claimed_at = models.DateTimeField(null=True, blank=True)
    """When a worker took it up; after some minutes another one may."""
    ready_at = models.DateTimeField(_("ready since"), null=True, blank=True)
    expires_at = models.DateTimeField(_("kept until"), null=True, blank=True)
    content = models.BinaryField(default=b"", editable=False)
    """The zip. In the database, so that web server and worker need no common disk, and it goes with its row."""
    size = models.PositiveIntegerField(_("bytes"), default=0)

    class Meta:
        verbose_name = _("file of a reader's data")
        verbose_name_plural = _("files of readers' data")
        ordering = ["-asked_at", "-pk"]
        default_permissions = ()
        permissions = [("give_reader_data", "Can give out all data of a reader")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting") | Q(state="ready", ready_at__isnull=False, expires_at__isnull=False),
                name="file_is_ready_until_a_day",
            ),
        ]
        indexes = [
            models.Index(fields=["asked_at"], condition=Q(state="waiting"), name="data_files_to_make"),
            models.Index(fields=["expires_at"], condition=Q(state="ready"), name="data_files_to_sweep"),
        ]

    def __str__(self) -> str:
        return f"{self.reader}, {self.asked_at:%Y-%m-%d}"


class ErasureRequest(models.Model):
    """A reader's wish to be erased, and what became of it. Written by `readership.erasure`."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("erased")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("taken back")

    reader = models.ForeignKey(Reader, models.CASCADE, related_name="erasure_requests", verbose_name=_("reader"))
    asked_at = models.DateTimeField(_("asked for"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )
    why = models.CharField(_("why"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("wish to be erased")
        verbose_name_plural = _("wishes to be erased")
        ordering = ["-asked_at", "-pk"]
        default_permissions = ("view",)
        permissions = [("erase_readers", "Can erase readers")]
        constraints = [
            models.UniqueConstraint(fields=["reader"], condition=Q(state="waiting"), name="one_live_wish_to_be_erased"),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at__isnull=True)
                | Q(state__in=["done", "declined", "withdrawn"], decided_at__isnull=False),
                name="wish_is_decided_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reader}, {self.asked_at:%Y-%m-%d}"

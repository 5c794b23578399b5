"""Letters on paper: the batches in which they were printed."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from notifications.models import Letter


class Batch(models.Model):
    """Letters that are printed in one file. Written by `post.actions`.

    Its letters wait until somebody says that they are posted; until then the batch can be taken apart again.
    """

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    made_at = models.DateTimeField(_("made"))
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    posted_at = models.DateTimeField(_("posted"), null=True, blank=True)
    posted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("posted by"))
    letters: "models.ManyToManyField[Letter, BatchLetter]" = models.ManyToManyField(
        Letter, through="BatchLetter", related_name="batches", verbose_name=_("letters")
    )

    class Meta:
        verbose_name = _("batch of letters")
        verbose_name_plural = _("batches of letters")
        ordering = ["-made_at", "-pk"]
        default_permissions = ()
        permissions = [("print_letters", "Can print letters and say that they are posted")]
        constraints = [
            models.CheckConstraint(
                condition=Q(posted_at__isnull=True, posted_by__isnull=True)
                | Q(posted_at__isnull=False, posted_by__isnull=False),
                name="somebody_posted_it",
            )
        ]

    def __str__(self) -> str:
        return f"{self.made_at:%Y-%m-%d %H:%M}"


class BatchLetter(models.Model):
    """A letter's place in its batch; a letter is in one batch."""

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="lines", verbose_name=_("batch"))
    letter = models.OneToOneField(Letter, models.CASCADE, related_name="batch_line", verbose_name=_("letter"))
    place = models.PositiveSmallIntegerField(_("place"))

    class Meta:
        default_permissions = ()
        ordering = ["place"]

    def __str__(self) -> str:
        return str(self.letter)

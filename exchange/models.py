"""What harvesters are told of each book: when it last changed, which sets it is in, whether it is gone."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models import Book


class PublishedRecord(models.Model):
    """A book as harvesters know it; stays as a tombstone when the book is gone. Written by database triggers alone.

    Triggers, because a book is changed by many doors (API, panel, import by COPY, merging, renamed authors) and must
    not be forgotten by the next one; they are in the first migration of this app (docs/exchange.md says how).
    """

    uid = models.UUIDField(_("public id"), unique=True, editable=False)
    book = models.OneToOneField(
        Book,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="published",
        verbose_name=_("book"),
    )
    """Null: deleted. Without a constraint of the database: the trigger behind the deletion clears it."""
    changed_at = models.DateTimeField(_("changed"))
    """The OAI datestamp, in whole seconds: when what is exported of the book last changed."""
    sets = ArrayField(models.TextField(), verbose_name=_("sets"))
    """setSpecs of the sets it is in, a tombstone's at the end: material:book, language:rus, branch:main."""
    former_sets = ArrayField(models.TextField(), default=list, verbose_name=_("former sets"))
    """Those it was in before: whoever harvests one of them is told that the record is gone from it."""

    class Meta:
        verbose_name = _("published record")
        verbose_name_plural = _("published records")
        ordering = ["changed_at", "pk"]
        indexes = [models.Index(fields=["changed_at", "id"], name="published_by_datestamp")]

    def __str__(self) -> str:
        return str(self.uid)

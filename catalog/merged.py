"""What remains of merged books and authors, and which books are known not to be the same. Models only."""

from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from library.core.text import fold


class Merge(models.Model):
    """One merging of two or more books or authors into one. Written by `catalog.merges`, never deleted.

    The row that stays is named by its key and not by a foreign key: it may be merged away itself later.
    """

    class Kind(models.TextChoices):
        BOOK = "book", _("book")
        AUTHOR = "author", _("author")

    kind = models.CharField(_("what"), max_length=6, choices=Kind.choices)
    survivor_id = models.BigIntegerField(_("number"))
    survivor_name = models.CharField(_("what stays"), max_length=300)
    names = models.JSONField(_("what was merged into it"))
    """Titles or names of the rows that went, in the order of their keys."""
    at = models.DateTimeField(_("when"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    undone_at = models.DateTimeField(_("undone"), null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("undone by")
    )
    record = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    """All that undoing needs: see `catalog.merges.Record`."""

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        ordering = ["-at", "-pk"]
        constraints = [models.CheckConstraint(condition=Q(kind__in=["book", "author"]), name="merge_kind_is_known")]
        indexes = [models.Index(fields=["kind", "survivor_id"], name="merges_into_one")]

    def __str__(self) -> str:
        return f"{', '.join(self.names)} → {self.survivor_name}"[:300]


class FormerAddress(models.Model):
    """Where a merged book or author is found now: their old pages lead there. Written by `catalog.merges`."""

    kind = models.CharField(max_length=6, choices=Merge.Kind.choices)
    key = models.CharField(max_length=40)
    """The public id of a book, the number of an author."""
    former_id = models.BigIntegerField()
    """The primary key that the row had."""
    into_id = models.BigIntegerField()
    """The primary key of what stands for it today."""
    merge = models.ForeignKey(Merge, models.CASCADE, related_name="addresses")

    class Meta:
        verbose_name = _("former address")
        verbose_name_plural = _("former addresses")
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="one_new_address_for_a_former_one"),
            models.CheckConstraint(condition=Q(kind__in=["book", "author"]), name="address_kind_is_known"),
        ]
        indexes = [models.Index(fields=["kind", "into_id"], name="former_addresses_of_one")]

    def __str__(self) -> str:
        return self.key


class DistinctBooks(models.Model):
    """Two books that look alike and of which somebody said that they are not the same, by `catalog.duplicates`."""

    first = models.ForeignKey("catalog.Book", models.CASCADE, db_index=False, related_name="+")
    second = models.ForeignKey("catalog.Book", models.CASCADE, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("distinct books")
        verbose_name_plural = _("distinct books")
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="two_books_are_told_apart_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="distinct_books_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} ≠ {self.second_id}"


class AuthorName(models.Model):
    """Another form of an author's name, in any script: «Tolstoy, Leo» for «Толстой, Лев Николаевич».

    `Author.name` is the preferred form; books are found by every one. Written on the panel and by merging.
    """

    author = models.ForeignKey("catalog.Author", models.CASCADE, related_name="variants", verbose_name=_("author"))
    name = models.CharField(_("name"), max_length=300)
    folded_name = models.CharField(max_length=300, editable=False)
    """`folded_name(name)`."""

    class Meta:
        verbose_name = _("other form of the name")
        verbose_name_plural = _("other forms of the name")
        ordering = ["folded_name"]
        constraints = [models.UniqueConstraint(fields=["author", "folded_name"], name="one_variant_once_per_author")]
        indexes = [models.Index(fields=["folded_name"], name="authors_by_variant")]

    def __str__(self) -> str:
        return self.name

    def save(self, **kwargs: Any) -> None:
        """With its folded form."""
        self.folded_name = fold(self.name)[:300] or self.name.casefold()
        super().save(**kwargs)

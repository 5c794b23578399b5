"""What the library knows (books, people, subjects) and owns (copies)."""

import re
import uuid
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Collate, Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog import lookups as lookups
from catalog.batches import BatchChange as BatchChange
from catalog.batches import BatchRow as BatchRow
from catalog.holdings import CopyPhoto as CopyPhoto
from catalog.holdings import Withdrawal as Withdrawal
from catalog.holdings import WithdrawalAct as WithdrawalAct
from catalog.merged import AuthorName as AuthorName
from catalog.merged import DistinctBooks as DistinctBooks
from catalog.merged import FormerAddress as FormerAddress
from catalog.merged import Merge as Merge
from catalog.titles import LONGEST_VOLUME, sort_title, volume_key
from library.core.text import fold
from policies.models import Branch, ItemType

NAME_LENGTH = 300


@lru_cache(1 << 16)
def folded_name(name: str) -> str:
    """What makes two names the same: case, ё, diacritics, punctuation do not count; a name of signs alone is itself."""
    return (fold(name) or name.casefold())[:NAME_LENGTH]


words_of_name = SearchVector("folded_name", config="simple")
"""The words of a name, indexed for suggestions (`catalog.suggestions`)."""


class NamedThing(models.Model):
    """A name that many books share, found again by its folded form."""

    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    folded_name = models.CharField(max_length=NAME_LENGTH, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    def save(self, **kwargs: Any) -> None:
        self.folded_name = folded_name(self.name)
        if (fields := kwargs.get("update_fields")) is not None and "name" in fields:
            kwargs["update_fields"] = {*fields, "folded_name"}
        super().save(**kwargs)


class Author(NamedThing):
    """A person or body that made books, named as in an index: «Толстой, Лев Николаевич»."""

    dates = models.CharField(_("years of life"), max_length=60, blank=True)

    class Meta:
        verbose_name = _("author")
        verbose_name_plural = _("authors")
        ordering = ["folded_name", "pk"]
        constraints = [models.UniqueConstraint(fields=["folded_name", "dates"], name="one_author_per_name_and_dates")]
        indexes = [GinIndex(words_of_name, name="authors_by_word")]


class Genre(NamedThing):
    """What sort of reading a book is: novel, fairy tale, textbook."""

    class Meta:
        verbose_name = _("genre")
        verbose_name_plural = _("genres")
        ordering = ["folded_name"]
        constraints = [models.UniqueConstraint(fields=["folded_name"], name="one_genre_per_name")]


class Subject(NamedThing):
    """What a book is about."""

    class Meta:
        verbose_name = _("subject")
        verbose_name_plural = _("subjects")
        ordering = ["folded_name"]
        constraints = [models.UniqueConstraint(fields=["folded_name"], name="one_subject_per_name")]
        indexes = [GinIndex(words_of_name, name="subjects_by_word")]


class Publisher(NamedThing):
    """Who published a book."""

    class Meta:
        verbose_name = _("publisher")
        verbose_name_plural = _("publishers")
        ordering = ["folded_name"]
        constraints = [models.UniqueConstraint(fields=["folded_name"], name="one_publisher_per_name")]


class Series(NamedThing):
    """A series that books appear in."""

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = pgettext_lazy("several", "series")
        ordering = ["folded_name"]
        constraints = [models.UniqueConstraint(fields=["folded_name"], name="one_series_per_name")]


class MaterialType(models.TextChoices):
    """What a record describes."""

    BOOK = "book", _("book")
    JOURNAL = "journal", _("journal")
    ARTICLE = "article", _("article")
    MUSIC = "music", _("printed music")
    MAP = "map", _("map")
    AUDIO = "audio", _("audio recording")
    VIDEO = "video", _("film, video")
    IMAGE = "image", _("picture")
    ELECTRONIC = "electronic", _("electronic resource")
    MANUSCRIPT = "manuscript", _("manuscript")
    GAME = "game", _("game, object")
    OTHER = "other", _("other")


class BookQuerySet(models.QuerySet["Book"]):
    """Books."""

    def locked(self) -> "BookQuerySet":
        """The rows themselves locked for update, in the order of their keys."""
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Book(models.Model):
    """One bibliographic record of any material. Written by `catalog.actions`, by imports and on the panel.

    Whoever changes one, or anything it is found by, calls `catalog.search.index_books` in the same transaction.
    """

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    title = models.CharField(_("title"), max_length=1000)
    subtitle = models.CharField(_("subtitle"), max_length=1000, blank=True)
    sort_title = models.CharField(max_length=300, editable=False)
    """`sort_title(title, language)`: dictionary order of titles in both alphabets, «The hobbit» under H."""
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, db_index=False, related_name="volumes", verbose_name=_("part of")
    )
    """The set or journal that this is a volume or issue of: one level only (`catalog.volumes`)."""
    volume = models.CharField(
        _("volume or issue"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("As on the cover: Т. 2; 2024, № 3; Vol. IV."),
    )
    volume_key = models.CharField(max_length=LONGEST_VOLUME, blank=True, default="", db_default="", editable=False)
    """`volume_key(volume)`: natural order, «Т. 2» before «Т. 10»."""
    other_titles = models.TextField(
        _("other titles"),
        blank=True,
        help_text=_("One per line: of the original, parallel, on the cover, in the original script."),
    )
    year = models.SmallIntegerField(_("year"), null=True, blank=True)
    year_note = models.CharField(
        _("year as printed"), max_length=60, blank=True, help_text=_("When unsure: 19--, [1934?], 1998–2003.")
    )
    place = models.CharField(_("place of publication"), max_length=300, blank=True)
    publisher = models.ForeignKey(
        Publisher, models.PROTECT, null=True, blank=True, related_name="books", verbose_name=_("publisher")
    )
    language = models.CharField(
        _("language"), max_length=3, blank=True, help_text=_("Three letters of ISO 639-2/B: rus, eng.")
    )
    edition = models.CharField(_("edition"), max_length=300, blank=True)
    pages = models.CharField(_("extent"), max_length=200, blank=True, help_text=_("As printed: 320 с., xii, 240 p."))
    series = models.ForeignKey(
        Series, models.PROTECT, null=True, blank=True, related_name="books", verbose_name=_("series")
    )
    series_number = models.CharField(_("number in series"), max_length=100, blank=True)
    call_number = models.CharField(
        _("call number"),
        max_length=100,
        blank=True,
        help_text=_(
            "Class and author mark as on the spine: 84(2Рос=Рус)6 А68. New copies take it as their shelf mark."
        ),
    )
    description = models.TextField(_("description"), blank=True)
    material_type = models.CharField(
        _("material"), max_length=10, choices=MaterialType.choices, default=MaterialType.BOOK
    )
    authors = models.ManyToManyField(Author, through="Contribution", related_name="books", verbose_name=_("authors"))
    genres = models.ManyToManyField(Genre, blank=True, related_name="books", verbose_name=_("genres"))
    subjects = models.ManyToManyField(Subject, blank=True, related_name="books", verbose_name=_("subjects"))
    cover = models.ImageField(_("cover"), upload_to="covers/", blank=True)
    created_at = models.DateTimeField(_("entered"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = BookQuerySet.as_manager()

    class Meta:
        verbose_name = _("book")
        verbose_name_plural = _("books")
        permissions = [("import_book", "Can import books"), ("export_book", "Can export books")]
        ordering = ["sort_title", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(title=""), name="book_has_a_title"),
            models.CheckConstraint(
                condition=Q(year__isnull=True) | Q(year__range=(-3000, 2200)),
                name="book_year_is_plausible",
                violation_error_message=_("The year must lie between -3000 and 2200."),
            ),
            models.CheckConstraint(condition=Q(material_type__in=MaterialType.values), name="book_material_is_known"),
            models.CheckConstraint(condition=Q(parent=None) | ~Q(parent=F("id")), name="book_is_no_volume_of_itself"),
        ]
        indexes = [
            models.Index(fields=["sort_title", "id"], name="books_by_title"),
            models.Index(fields=["-created_at", "-id"], name="books_newest_first"),
            models.Index(
                fields=["parent", "volume_key", "sort_title", "id"],
                condition=Q(parent__isnull=False),
                name="volumes_of_a_book",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}. {self.volume}" if self.volume else self.title

    def save(self, **kwargs: Any) -> None:
        self.sort_title = sort_title(self.title, self.language)
        self.volume_key = volume_key(self.volume)
        if (fields := kwargs.get("update_fields")) is not None and not {"title", "language"}.isdisjoint(fields):
            kwargs["update_fields"] = fields = {*fields, "sort_title"}
        if fields is not None and "volume" in fields:
            kwargs["update_fields"] = {*fields, "volume_key"}
        super().save(**kwargs)

    @property
    def own_series(self) -> Series | None:
        """The series, unless it is only the set under another name: records tell a set as a series too."""
        if self.series and self.parent and folded_name(self.series.name) == folded_name(self.parent.title):
            return None
        return self.series


class SearchEntry(models.Model):
    """What the search knows of one book: a narrow row of its own, so that neither disturbs the other.

    Written by `catalog.search.index_books`; `branches` and `on_shelf` also by the trigger `copies_changed` on copies,
    whoever changes them; `popularity` by `catalog.popularity`. Why and how: docs/search.md.
    """

    book = models.OneToOneField(Book, models.CASCADE, primary_key=True, related_name="search_entry")
    words = SearchVectorField()
    """All it is found by: words, names as they sound, numbers, and a lexeme with @ for each value to narrow by."""
    sort_title = models.CharField(max_length=300)
    sort_author = models.CharField(max_length=300)
    """What a card catalogue files the book under: the first author, folded, else the title."""
    language = models.CharField(max_length=3)
    material_type = models.CharField(max_length=10)
    year = models.SmallIntegerField(null=True)
    created_at = models.DateTimeField()
    genres = ArrayField(models.BigIntegerField())
    subjects = ArrayField(models.BigIntegerField())
    authors = ArrayField(models.BigIntegerField())
    branches = ArrayField(models.BigIntegerField())
    """Branches with a copy that is neither lost nor withdrawn."""
    on_shelf = ArrayField(models.BigIntegerField())
    """Branches with a copy that a reader can take home now."""
    popularity = models.PositiveIntegerField(default=0)
    """How often copies of it were lent in the last year (`catalog.popularity`)."""
    facet_values = models.GeneratedField(
        expression=Func(
            *map(F, ("language", "material_type", "year", "genres", "subjects", "authors", "branches", "on_shelf")),
            function="catalog_facet_values",
        ),
        output_field=models.TextField(),
        db_persist=True,
    )
    """What facets count, as one text: `=book/1990/rus g5 s17 a9 +1,4/4`, at last the branches and those on the shelf.

    Thousands of these are joined and counted faster than arrays are taken apart; what many books share is one word."""

    class Meta:
        verbose_name = _("search entry")
        verbose_name_plural = _("search entries")
        indexes = [
            GinIndex(fields=["words"], name="books_full_text", gin_pending_list_limit=1024),
            models.Index(fields=["sort_title", "book"], name="entries_by_title"),
            models.Index(fields=["sort_author", "sort_title", "book"], name="entries_by_author"),
            models.Index(F("year").desc(nulls_last=True), F("book").desc(), name="entries_by_year"),
            models.Index(fields=["-created_at", "-book"], name="entries_newest_first"),
            models.Index(fields=["-popularity", "-book"], name="entries_by_popularity"),
        ]

    def __str__(self) -> str:
        return str(self.book_id)


class SearchWord(models.Model):
    """A word of titles, names and topics as somebody might mistype it; `catalog.spelling` looks corrections up here.

    Words are only added, in the transaction that first uses them. One that no book has any more does no harm:
    corrections are counted before they are offered. Nor does one that two transactions added at the same time, which
    is why nothing makes them unique: then one would have to wait for the other.
    """

    word = models.CharField(max_length=60)
    keys = ArrayField(models.CharField(max_length=8))
    """`catalog.words.spelling_keys` of it."""

    class Meta:
        verbose_name = _("search word")
        verbose_name_plural = _("search words")
        indexes = [
            models.Index(fields=["word"], name="search_words_by_word"),
            GinIndex(fields=["keys"], name="search_words_by_key"),
        ]

    def __str__(self) -> str:
        return self.word


class ImportRun(models.Model):
    """One import of one file: what was asked, what came of it. Written by `catalog.imports` and `catalog.import_runs`.

    Kept for good, but for an upload that nobody started within a day. Its counts and the books are one commit, batch by
    batch: whatever interrupts it, `read` records are in and the rest is not.
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("to be checked")
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        FINISHED = "finished", _("finished")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("stopped")
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")

    file_name = models.CharField(_("file"), max_length=300)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.RUNNING)
    """An import by command that was killed stays `running`; importing the file again goes on where it stopped."""
    upload = models.FileField(_("uploaded file"), upload_to="imports/", max_length=300, blank=True)
    """The file until the import is finished; empty for an import by command, which reads the operator's own."""
    options = models.JSONField(_("options"), default=dict)
    """What the operator chose: format, encoding, branch, item type, copies."""
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    """Null: by a command."""
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    size = models.BigIntegerField(_("size"), default=0)
    """Bytes of the file; 0: unknown."""
    position = models.BigIntegerField(default=0)
    """Bytes of the file that are behind us."""
    reached = models.PositiveIntegerField(default=0)
    """The number of the last record that is behind us; in a table the numbers are those of its rows."""
    resumed_at = models.DateTimeField(null=True)
    """When the present stretch of work began: an import may be stopped and go on."""
    read_before = models.PositiveIntegerField(default=0)
    """Records read before the present stretch."""
    heard_of_at = models.DateTimeField(null=True)
    """When the last batch was committed."""
    failure = models.TextField(_("reason"), blank=True)
    """Why it failed, in words."""
    read = models.PositiveIntegerField(_("read"), default=0)
    created = models.PositiveIntegerField(_("created"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    remarked = models.PositiveIntegerField(_("with remarks"), default=0)
    """Records that went in with something to say about them."""
    copies_created = models.PositiveIntegerField(_("copies created"), default=0)
    names_before = models.JSONField(default=dict)
    """The last key of authors, genres, subjects, publishers and series before the import, by model: later ones that
    nothing uses are removed when it is undone."""
    to_undo = models.PositiveIntegerField(default=0)
    """Books that the undoing has to bring back to what they were."""
    undone = models.PositiveIntegerField(default=0)
    """Books that it has brought back."""

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(read=F("created") + F("updated") + F("unchanged") + F("rejected")),
                name="every_record_is_accounted_for",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["uploaded", "waiting", "running", "finished", "failed", "cancelled", "undoing", "undone"]
                ),
                name="import_state_is_known",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name


class ImportedBook(models.Model):
    """What an import did to a book: enough to take it back (`catalog.import_undo`)."""

    run = models.ForeignKey(
        ImportRun,
        models.CASCADE,
        db_index=False,
        db_constraint=False,
        related_name="books",
        verbose_name=_("import"),
    )
    book = models.ForeignKey(Book, models.CASCADE, db_index=False, related_name="imports", verbose_name=_("book"))
    at = models.DateTimeField()
    """When it last did something to the book."""
    before = models.JSONField(null=True)
    """Null: it made the book. Else {"fields": what it changed, as it was; "source": the record kept before or null}."""
    copies = ArrayField(models.BigIntegerField(), default=list)
    """Keys of the copies that it made."""

    class Meta:
        verbose_name = _("imported book")
        verbose_name_plural = _("imported books")
        constraints = [models.UniqueConstraint(fields=["book", "run"], name="one_entry_per_book_and_import")]
        indexes = [models.Index(fields=["run", "id"], name="books_of_an_import")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.book_id}"


class ImportRemark(models.Model):
    """One refusal or warning about one record of an import, kept as a code with data (`catalog.problems`)."""

    run = models.ForeignKey(ImportRun, models.CASCADE, db_index=False, related_name="remarks", verbose_name=_("import"))
    record = models.PositiveIntegerField(_("record"))
    """Counted from 1 in the order of the file."""
    is_refusal = models.BooleanField(default=False)
    """Whether the record was rejected for this reason."""
    problem = models.CharField(_("remark"), max_length=40)
    data = models.JSONField(default=dict)
    raw = models.BinaryField(null=True)
    """The bytes of a rejected MARC record, to be mended and imported again."""

    class Meta:
        verbose_name = _("remark")
        verbose_name_plural = _("remarks")
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["run", "id"], name="remarks_of_an_import"),
            models.Index(fields=["run", "id"], condition=Q(is_refusal=True), name="refusals_of_an_import"),
        ]

    def __str__(self) -> str:
        return f"{self.record}: {self.problem}"


class SourceRecord(models.Model):
    """The record a book was imported from, kept whole: nothing unmapped is lost and a repeat changes nothing."""

    class Format(models.TextChoices):
        MARC21 = "marc21", "MARC21"
        UNIMARC = "unimarc", "UNIMARC"
        RUSMARC = "rusmarc", "RUSMARC"
        TABLE = "table", _("table row")

    book = models.OneToOneField(Book, models.CASCADE, related_name="source", verbose_name=_("book"))
    format = models.CharField(_("format"), max_length=8, choices=Format.choices)
    key = models.CharField(_("key"), max_length=200, blank=True)
    """The control number with its agency: finds the book that a newer version of the record describes.

    Not unique: libraries merge files in which different records share a number (docs/import.md).
    """
    whole_key = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)
    """The key of the set or journal that the record names as its whole (`catalog.import_volumes`)."""
    digest = models.CharField(max_length=64)
    """SHA-256 of the content in its canonical form: equal means the same record, which is never imported twice."""
    content = models.JSONField(_("content"))
    """The record whole: MARC-in-JSON ({"leader": …, "fields": […]}) or the cells of a table row by column."""
    run = models.ForeignKey(
        ImportRun,
        models.PROTECT,
        null=True,
        db_constraint=False,
        related_name="records",
        verbose_name=_("import"),
    )
    """The import that last wrote it. The database does not watch it: an import with records is never deleted."""
    imported_at = models.DateTimeField(_("imported"))

    class Meta:
        verbose_name = _("source record")
        verbose_name_plural = _("source records")
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="one_book_per_source_record"),
            models.CheckConstraint(
                condition=Q(format__in=["marc21", "unimarc", "rusmarc", "table"]), name="source_format_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["key"], condition=~Q(key=""), name="source_records_by_key"),
            models.Index(fields=["whole_key"], condition=~Q(whole_key=""), name="source_records_of_volumes"),
        ]

    def __str__(self) -> str:
        return f"{self.get_format_display()} {self.key}".strip()


class Contribution(models.Model):
    """One person's part in a book, in the order of the title page."""

    class Role(models.TextChoices):
        AUTHOR = "author", _("author")
        EDITOR = "editor", _("editor")
        TRANSLATOR = "translator", _("translator")
        ILLUSTRATOR = "illustrator", _("illustrator")
        COMPILER = "compiler", _("compiler")
        COMPOSER = "composer", _("composer")
        NARRATOR = "narrator", _("narrator")
        ARTIST = "artist", _("artist")
        FOREWORD = "foreword", _("author of the foreword")
        BODY = "body", _("organisation")
        OTHER = "other", _("contributor")

    book = models.ForeignKey(Book, models.CASCADE, db_index=False, related_name="contributions", verbose_name=_("book"))
    author = models.ForeignKey(Author, models.PROTECT, related_name="contributions", verbose_name=_("author"))
    role = models.CharField(_("role"), max_length=12, choices=Role.choices, default=Role.AUTHOR)
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("contribution")
        verbose_name_plural = _("contributions")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["book", "author", "role"], name="one_contribution_per_role"),
            models.CheckConstraint(
                condition=Q(
                    role__in=[
                        "author",
                        "editor",
                        "translator",
                        "illustrator",
                        "compiler",
                        "composer",
                        "narrator",
                        "artist",
                        "foreword",
                        "body",
                        "other",
                    ]
                ),
                name="contribution_role_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author}, {self.get_role_display()}"


class Isbn(models.Model):
    """One ISBN of a book, always as 13 digits; an ISBN-10 is converted (`catalog.isbn`)."""

    book = models.ForeignKey(Book, models.CASCADE, db_index=False, related_name="isbns", verbose_name=_("book"))
    value = models.CharField(_("ISBN"), max_length=13)
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("ISBN")
        verbose_name_plural = _("ISBNs")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["book", "value"], name="one_isbn_once_per_book"),
            models.CheckConstraint(condition=Q(value__regex=r"^97[89][0-9]{10}$"), name="isbn_is_thirteen_digits"),
        ]
        indexes = [models.Index(fields=["value"], name="books_by_isbn")]

    def __str__(self) -> str:
        return self.value


class CopyQuerySet(models.QuerySet["Copy"]):
    """Copies."""

    def locked(self) -> "CopyQuerySet":
        """The rows themselves locked for update, in the order of their keys."""
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Copy(models.Model):
    """One physical item with an inventory number and a barcode.

    `status` follows the copy's life and is changed by actions only: `loaned` agrees with its open loan,
    `on_hold_shelf` with the reservation it is kept for, `in_transit` with its open transfer.
    """

    class Status(models.TextChoices):
        AVAILABLE = "available", _("available")
        LOANED = "loaned", _("on loan")
        ON_HOLD_SHELF = "on_hold_shelf", _("on the hold shelf")
        IN_TRANSIT = "in_transit", _("in transit")
        ON_ORDER = "on_order", _("on order")
        DAMAGED = "damaged", _("damaged")
        LOST = "lost", _("lost")
        WITHDRAWN = "withdrawn", _("withdrawn")

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    book = models.ForeignKey(Book, models.PROTECT, db_index=False, related_name="copies", verbose_name=_("book"))
    inventory_number = models.CharField(_("inventory number"), max_length=40)
    barcode = models.CharField(_("barcode"), max_length=40)
    branch = models.ForeignKey(Branch, models.PROTECT, db_index=False, related_name="copies", verbose_name=_("branch"))
    item_type = models.ForeignKey(ItemType, models.PROTECT, related_name="copies", verbose_name=_("item type"))
    shelf_mark = models.CharField(_("shelf mark"), max_length=100, blank=True)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.AVAILABLE)
    is_reference_only = models.BooleanField(_("for use in the library only"), default=False)
    price = models.DecimalField(_("price"), max_digits=10, decimal_places=2, null=True, blank=True)
    acquired_on = models.DateField(_("acquired"), null=True, blank=True)
    note = models.TextField(_("note"), blank=True)

    objects = CopyQuerySet.as_manager()

    class Meta:
        verbose_name = _("copy")
        verbose_name_plural = _("copies")
        permissions = [("import_copy", "Can import copies"), ("export_copy", "Can export copies")]
        ordering = ["inventory_number"]
        constraints = [
            models.UniqueConstraint(
                fields=["inventory_number"],
                name="inventory_number_is_unique",
                violation_error_message=_("There is a copy with this inventory number already."),
            ),
            models.UniqueConstraint(
                Lower("barcode"),
                name="barcode_is_unique",
                violation_error_message=_("There is a copy with this barcode already."),
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "available",
                        "loaned",
                        "on_hold_shelf",
                        "in_transit",
                        "on_order",
                        "damaged",
                        "lost",
                        "withdrawn",
                    ]
                ),
                name="copy_status_is_known",
            ),
            models.CheckConstraint(
                condition=Q(price__isnull=True) | Q(price__gte=0),
                name="copy_price_is_not_negative",
                violation_error_message=_("The price cannot be negative."),
            ),
        ]
        indexes = [
            models.Index(fields=["book", "branch", "status"], name="copies_of_a_book"),
            models.Index("branch", Collate("shelf_mark", "C"), name="copies_along_the_shelves"),
        ]

    def __str__(self) -> str:
        return self.inventory_number


_STATUS = re.compile(r"[0-9a-z]=\S{1,20} (available|damaged|lost|withdrawn|reference)")


def _pattern(name: Any, **options: Any) -> "models.CharField[str, str]":
    """A column that names subfields: «p», «hi» (joined), «a/b» (the first that says something)."""
    syntax = RegexValidator(
        r"^[0-9a-z]+(/[0-9a-z]+)*\Z", _("Write codes of subfields: p, hi (joined) or a/b (a, else b).")
    )
    return models.CharField(name, max_length=20, blank=True, validators=[syntax], **options)


class CopyFieldMapping(models.Model):
    """A field of MARC records in which copies stand, and which subfield says what (`catalog.marc.items`)."""

    FORMATS = [choice for choice in SourceRecord.Format.choices if choice[0] != SourceRecord.Format.TABLE]

    name = models.CharField(_("name"), max_length=60, help_text=_("The system that writes such records."))
    format = models.CharField(_("format"), max_length=8, choices=FORMATS)
    tag = models.CharField(_("field"), max_length=3, validators=[RegexValidator(r"^[0-9]{3}\Z", _("Three digits."))])
    position = models.PositiveSmallIntegerField(
        _("order"), default=0, help_text=_("Of several mappings for one field the first that fits is used.")
    )
    must_have = _pattern(
        _("told by"),
        help_text=_("Subfields of which one copy of the record must have some; empty: any record will do."),
    )
    barcode = _pattern(_("barcode"))
    inventory_number = _pattern(_("inventory number"))
    branch = _pattern(_("branch"))
    item_type = _pattern(_("item type"))
    shelf_mark = _pattern(_("shelf mark"))
    price = _pattern(_("price"))
    acquired_on = _pattern(_("acquired"))
    note = _pattern(_("note"))
    statuses = models.TextField(
        _("status"),
        blank=True,
        help_text=_(
            "A line each: “1=* lost” means that anything but 0 in $1 is a lost copy, “a=6 withdrawn” that 6 in $a is a "
            "withdrawn one. States: available, damaged, lost, withdrawn, reference (for use in the library only)."
        ),
    )

    class Meta:
        verbose_name = _("copy field")
        verbose_name_plural = _("copy fields")
        ordering = ["format", "position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(format__in=["marc21", "unimarc", "rusmarc"]), name="copy_field_format_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(barcode="") | ~Q(inventory_number=""),
                name="copy_field_has_a_number",
                violation_error_message=_("Say in which subfield the barcode or the inventory number stands."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_format_display()} {self.tag} ({self.name})"

    def clean(self) -> None:
        """Lines of `statuses` that say nothing are refused."""
        for line in filter(str.strip, self.statuses.splitlines()):
            if not _STATUS.fullmatch(line.strip()):
                raise ValidationError({"statuses": _("“%(line)s” says no status.") % {"line": line[:60]}})

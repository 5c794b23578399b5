"""Books and copies for django-import-export: the panel's upload with its preview, and tables to take away.

Books only leave by it: they come in through `catalog.import_runs`. Copies are written by `catalog.actions`.
"""

import io
import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from import_export import fields, resources, widgets
from import_export.formats.base_formats import CSV, XLSX, Format
from tablib import Dataset

from catalog import actions, copy_numbers, isbn, tables
from catalog.bookdata import BookData, Person
from catalog.cleaning import price
from catalog.models import Book, Copy, Isbn
from catalog.stored import read_books
from library.core.text import fold
from policies.models import Branch, ItemType

BATCH = 500
"""Books of one query for a table."""
MOST_ROWS_OF_COPIES = 2000
"""Rows of a table of copies, which are entered one by one."""
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_NOT_IN_XLSX = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


# --- Files ---------------------------------------------------------------------------------------------------------
class CopyFile(Format):
    """A CSV or Excel table whose columns may have Russian or English names; its encoding is found out."""

    def __init__(self, encoding: str | None = None) -> None:
        super().__init__()

    def can_import(self) -> bool:
        """Yes."""
        return True

    def get_title(self) -> str:
        """What the form calls it."""
        return _("Table (CSV, Excel)")

    def create_dataset(self, in_stream: bytes) -> Dataset:
        """The table with the columns called as in `tables.COLUMNS`; unknown columns keep their names."""
        name = "table.xlsx" if in_stream[:2] == b"PK" else "table.csv"
        rows = [[tables.unescaped(cell) for cell in row] for row in tables.read(io.BytesIO(in_stream), name)]
        if not rows:
            return Dataset()
        header = list(map(copy_column, rows[0]))
        width = len(header)
        return Dataset(*(tuple((row + [""] * width)[:width]) for row in rows[1:]), headers=header)


class SafeCSV(CSV):
    """CSV that Excel opens without running what looks like a formula, and with its letters right."""

    def export_data(self, dataset: Dataset, **kwargs: Any) -> str:
        """The table with a byte order mark."""
        return "\ufeff" + str(dataset.export("csv", **kwargs))


class SafeXLSX(XLSX):
    """An Excel workbook without formulas."""

    def export_data(self, dataset: Dataset, **kwargs: Any) -> Any:
        """The workbook's bytes."""
        return dataset.export("xlsx", **kwargs)


def escaped(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before = + - @, unless it is a number."""
    text = _NOT_IN_XLSX.sub("", "" if value is None else str(value))
    return f"'{text}" if tables.FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


# --- Books ---------------------------------------------------------------------------------------------------------
BOOK_COLUMNS = (
    "uid",
    "title",
    "subtitle",
    "other_titles",
    "people",
    "isbn",
    "year",
    "place",
    "publisher",
    "language",
    "edition",
    "pages",
    "series",
    "series_number",
    "call_number",
    "material_type",
    "genres",
    "subjects",
    "description",
)
"""The columns of an exported table; imported again, each row finds its book by `uid`."""


class BookResource(resources.Resource):
    """Books with their people, ISBNs, genres and subjects as lists in a cell: a table to take away."""

    def export(self, queryset: Iterable[Book] | None = None, **kwargs: Any) -> Dataset:
        """A table of the books in `BOOK_COLUMNS`, safe to open in a spreadsheet."""
        books = list(Book.objects.all() if queryset is None else queryset)
        table = Dataset(headers=list(BOOK_COLUMNS))
        for start in range(0, len(books), BATCH):
            some = books[start : start + BATCH]
            described = read_books([book.pk for book in some])
            for book in some:
                table.append([escaped(cell) for cell in book_row(book.uid, described[book.pk])])
        return table


def book_row(uid: UUID, book: BookData) -> list[str]:
    """The cells of a book in the order of `BOOK_COLUMNS`."""
    cells = {
        "uid": str(uid),
        "people": joined(map(_person_cell, book.people)),
        "isbn": joined(book.isbns),
        "year": book.year_note or ("" if book.year is None else str(book.year)),
        "other_titles": "\n".join(book.other_titles),
        "genres": joined(book.genres),
        "subjects": joined(book.subjects),
    }
    return [cells[name] if name in cells else str(getattr(book, name)) for name in BOOK_COLUMNS]


def joined(values: Iterable[str]) -> str:
    """The values in one cell: between semicolons, or a line each where a value has one itself."""
    listed = list(values)
    return ("\n" if any(re.search("[;|]", value) for value in listed) else "; ").join(listed)


def _person_cell(person: Person) -> str:
    dates = f" [{person.dates}]" if person.dates else ""
    return f"{person.name}{dates} ({person.role})"


# --- Copies --------------------------------------------------------------------------------------------------------
_COPY_COLUMNS = frozenset(
    {"inventory_number", "barcode", "branch", "item_type", "shelf_mark", "price", "acquired_on", "note"}
)
_BOOK_NAMES = frozenset({"book", "uid", "isbn", "isbn13", "книга", "id книги"})


def copy_column(name: str) -> str:
    """What a column of a table of copies is; an unknown one keeps its name."""
    if fold(name) in _BOOK_NAMES:
        return "book"
    column = tables.column(name)
    return column if column in _COPY_COLUMNS else fold(name).replace(" ", "_")


class TextWidget(widgets.CharWidget):
    """Text; an empty cell of a workbook is empty text, not NULL."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        """The text without spaces around it."""
        return tables.cell_text(value).strip()


class CodeWidget(widgets.ForeignKeyWidget):
    """A branch or item type by its code or its name."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """The row; raises ValueError, whose words the row's error shows, when there is none of that code or name."""
        text = tables.cell_text(value).strip()
        by_name = {fold(name): thing for thing in self.model.objects.all() for name in (thing.name, thing.code)}
        if thing := by_name.get(fold(text)):
            return thing
        raise ValueError(
            _("“%(value)s” is unknown. There are: %(codes)s.")
            % {"value": text, "codes": ", ".join(sorted({thing.code for thing in by_name.values()}))[:500]}
        )


class BookWidget(widgets.ForeignKeyWidget):
    """A book by its public id, or by an ISBN that only one book has."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Book:
        """The book; raises ValueError, whose words the row's error shows, when it cannot be told."""
        text = tables.cell_text(value).strip()
        try:
            found = list(Book.objects.filter(uid=UUID(text)))
        except ValueError:
            with_isbn = Isbn.objects.filter(value__in=isbn.find(text)).values("book")
            found = list(Book.objects.filter(pk__in=with_isbn)[:2])
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(_("Several books have this ISBN. Give the book's id instead."))
        raise ValueError(_("No book has this id or ISBN."))

    def render(self, value: Book | None, obj: Copy | None = None, **kwargs: Any) -> str:
        """The book's public id."""
        return str(value.uid) if value else ""


class PriceWidget(widgets.DecimalWidget):
    """An amount, with or without the name of its currency."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Decimal | None:
        """The amount; raises ValueError, whose words the row's error shows, when it is none."""
        text = tables.cell_text(value).strip()
        amount = price(text)[0]
        if text and amount is None:
            raise ValueError(_("“%(value)s” is no price.") % {"value": text})
        return amount


class DayWidget(widgets.DateWidget):
    """A day as 31.12.2026 or 2026-12-31."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> date | None:
        """The day; raises ValueError, whose words the row's error shows, when it is none."""
        text = tables.cell_text(value).strip()
        day = tables.day(text)
        if text and day is None:
            raise ValueError(_("“%(value)s” is no date. Write it like 31.12.2026.") % {"value": text})
        return day

    def render(self, value: date | None, obj: Copy | None = None, **kwargs: Any) -> str:
        """The day as ISO 8601 writes it."""
        return value.isoformat() if value else ""


class PlainDiff(resources.Diff):
    """The fields of a row that change, as data: the page draws them itself, without inline styles."""

    def as_html(self) -> list[tuple[str, str, str]]:
        """Name of the column, what it was (nothing for a new copy), what it will be."""
        return [
            (name, "" if self.new else str(before), str(after))
            for name, before, after in zip(CopyResource.Meta.import_order, self.left, self.right, strict=True)
            if name != "status" and (after not in ("", "0") if self.new else before != after)
        ]


class CopyResource(resources.ModelResource):
    """Copies by inventory number. `status` is told and never imported: it follows the copy's life."""

    inventory_number = fields.Field("inventory_number", "inventory_number", widget=TextWidget())
    barcode = fields.Field("barcode", "barcode", widget=TextWidget())
    book = fields.Field("book", "book", widget=BookWidget(Book))
    branch = fields.Field("branch", "branch", widget=CodeWidget(Branch, "code"))
    item_type = fields.Field("item_type", "item_type", widget=CodeWidget(ItemType, "code"))
    shelf_mark = fields.Field("shelf_mark", "shelf_mark", widget=TextWidget())
    price = fields.Field("price", "price", widget=PriceWidget())
    acquired_on = fields.Field("acquired_on", "acquired_on", widget=DayWidget())
    note = fields.Field("note", "note", widget=TextWidget())
    is_reference_only = fields.Field("is_reference_only", "is_reference_only", widget=widgets.BooleanWidget())
    status = fields.Field("status", "status", readonly=True)

    class Meta:
        model = Copy
        import_id_fields = ("inventory_number",)
        fields = (*sorted(_COPY_COLUMNS), "book", "is_reference_only", "status")
        import_order = export_order = (
            "inventory_number",
            "barcode",
            "book",
            "branch",
            "item_type",
            "shelf_mark",
            "status",
            "price",
            "acquired_on",
            "is_reference_only",
            "note",
        )
        skip_unchanged = True
        report_skipped = True
        clean_model_instances = True
        use_transactions = True

    _by: Any = None

    def get_diff_class(self) -> type[resources.Diff]:
        """Differences as data."""
        return PlainDiff

    def before_import(self, dataset: Dataset, **kwargs: Any) -> None:
        """Refuse tables that would take too long, or that lack what tells copies apart.

        Their rows are dropped: the package goes on with them after a refusal.
        """
        self._by = kwargs.get("user")
        problem = ""
        if len(dataset) > MOST_ROWS_OF_COPIES:
            problem = _("The table has more than %(count)s rows. Split it.") % {"count": MOST_ROWS_OF_COPIES}
        elif "inventory_number" not in (dataset.headers or []):
            problem = _("No column is called “inventory number” or “инвентарный номер”.")
        if problem:
            del dataset[:]
            raise ValidationError(problem)

    def import_instance(self, instance: Copy, row: dict[str, Any], **kwargs: Any) -> None:
        """The row's values; a new copy without a barcode gets one to print."""
        super().import_instance(instance, row, **kwargs)
        if not instance.barcode:
            instance.barcode = copy_numbers.take(1)[0].barcode

    def validate_instance(
        self, instance: Copy, import_validation_errors: dict[str, Any] | None = None, validate_unique: bool = True
    ) -> None:
        """As the model says; and a copy never moves to another book."""
        errors = dict(import_validation_errors or {})
        if instance.pk and Copy.objects.filter(pk=instance.pk).exclude(book=instance.book_id).exists():
            errors["book"] = ValidationError(_("This inventory number belongs to a copy of another book."))
        super().validate_instance(instance, errors, validate_unique)

    def do_instance_save(self, instance: Copy, is_create: bool) -> None:
        """By the same actions as every other door, each with its audit entry."""
        names = (*_COPY_COLUMNS, "is_reference_only")
        now = timezone.now()
        if is_create:
            values = {name: getattr(instance, name) for name in names}
            if not values["shelf_mark"]:
                del values["shelf_mark"]
            instance.pk = actions.create_copy(book_id=instance.book_id, fields=values, by=self._by, now=now).pk
            return
        before = Copy.objects.get(pk=instance.pk)
        changed = {name: getattr(instance, name) for name in names if getattr(instance, name) != getattr(before, name)}
        if changed:
            actions.update_copy(copy_id=instance.pk, fields=changed, by=self._by, now=now)

    def export(self, queryset: QuerySet[Copy] | None = None, **kwargs: Any) -> Dataset:
        """A table of the copies, safe to open in a spreadsheet."""
        copies = Copy.objects.all() if queryset is None else queryset
        raw = super().export(copies.select_related("book", "branch", "item_type"), **kwargs)
        return Dataset(*(tuple(escaped(cell) for cell in row) for row in raw), headers=raw.headers)

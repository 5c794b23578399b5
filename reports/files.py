"""Reports as files: CSV and XLSX, row by row through a temporary file, so that memory stays flat."""

import csv
import io
from collections.abc import Sequence
from tempfile import TemporaryFile
from typing import IO, Any

from django.db.models import TextChoices
from django.utils.text import slugify
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.workbook.child import INVALID_TITLE_REGEX

from catalog.resources import escaped
from library.core.errors import LibraryError
from library.core.jobs import local_day
from reports.cells import plain
from reports.registry import Asked, Column, Kind, Report
from reports.tables import count_up_to, every_row


class Format(TextChoices):
    """What a report is taken away as."""

    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel (XLSX)"


CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_ROWS = {Format.CSV: 500_000, Format.XLSX: 100_000}
"""Rows of one file: what can be made while somebody waits."""
NUMBER_FORMATS = {
    Kind.MONEY: "#,##0.00",
    Kind.DAY: "dd.mm.yyyy",
    Kind.MONTH: "mmmm yyyy",
    Kind.MOMENT: "dd.mm.yyyy hh:mm",
}
LONGEST_COLUMN = 60


class TooLong(LibraryError):
    """The report has more rows than a file of this format may have: `most`."""

    def __init__(self, most: int) -> None:
        super().__init__(str(most))
        self.most = most


def make(
    report: Report, asked: Asked, columns: Sequence[Column], *, sort: str, format: Format
) -> tuple[IO[bytes], int]:
    """The whole report as a temporary file, at its beginning, and its number of rows. Raises TooLong and TooSlow."""
    most = MOST_ROWS[format]
    if count_up_to(report, asked, most=most) > most:
        raise TooLong(most)
    rows = every_row(report, asked, sort=sort, most=most)
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115 # whoever reads it closes it
    count = (_write_csv if format == Format.CSV else _write_xlsx)(file, report, columns, rows)
    file.seek(0)
    return file, count


def name_of(report: Report, asked: Asked, format: Format) -> str:
    """What the file is called: `loans-by-month-2026-03-01.csv`, by the day it was made for."""
    return f"{slugify(report.key)}-{local_day(asked.now)}.{format}"


def _write_csv(file: IO[bytes], report: Report, columns: Sequence[Column], rows: Any) -> int:
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=False)
    text.write("\ufeff")
    writer = csv.writer(text)
    writer.writerow([escaped(column.title) for column in columns])
    count = 0
    for row in rows:
        writer.writerow([_csv_cell(column, plain(column, row[column.key])) for column in columns])
        count += 1
    text.flush()
    text.detach()
    return count


def _csv_cell(column: Column, value: Any) -> Any:
    if isinstance(value, str):
        return escaped(value)
    if column.kind == Kind.MONTH:
        return f"{value:%Y-%m}"
    if column.kind == Kind.DAY:
        return f"{value:%Y-%m-%d}"
    return f"{value:%Y-%m-%d %H:%M}" if column.kind == Kind.MOMENT else value


def _write_xlsx(file: IO[bytes], report: Report, columns: Sequence[Column], rows: Any) -> int:
    """One sheet with a fixed first line and filters; texts are texts, whatever they begin with."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(INVALID_TITLE_REGEX.sub("", str(report.title))[:31])
    sheet.freeze_panes = "A2"
    for number, column in enumerate(columns, 1):
        width = {Kind.TEXT: 30}.get(column.kind, 16)
        sheet.column_dimensions[get_column_letter(number)].width = max(
            width, min(len(str(column.title)) + 3, LONGEST_COLUMN)
        )
    head = [WriteOnlyCell(sheet, str(column.title)) for column in columns]
    for cell in head:
        cell.font, cell.alignment = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    sheet.append(head)
    count = 0
    for row in rows:
        sheet.append([_xlsx_cell(sheet, column, plain(column, row[column.key])) for column in columns])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{count + 1}"
    book.save(file)
    return count


def _xlsx_cell(sheet: Any, column: Column, value: Any) -> Any:
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
        cell.data_type = "s"
        return cell
    cell = WriteOnlyCell(sheet, value)
    if column.kind in NUMBER_FORMATS:
        cell.number_format = NUMBER_FORMATS[column.kind]
    elif column.kind == Kind.PERCENT:
        cell.number_format = "0.0" if column.digits else "0"
    return cell

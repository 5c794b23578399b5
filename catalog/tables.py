"""CSV and Excel tables of books: whatever the columns are called, in Russian or English, one book or copy a row."""

import codecs
import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any, BinaryIO
from uuid import UUID

from django.utils.translation import gettext as _

from catalog import cleaning, isbd, isbn, languages, names
from catalog.bookdata import DESCRIBING, BookData, CopyData, Incoming, Person
from catalog.cleaning import mended, tidy, unique
from catalog.marc import encodings
from catalog.models import Contribution, MaterialType, SourceRecord
from catalog.problems import Problem, Remark, each_once
from library.core.errors import Invalid
from library.core.text import fold

LONGEST_CELL = 1 << 20
"""Characters of one cell."""
MOST_ROWS = 1_000_000
"""Rows of one table: what Excel holds."""
LARGEST_WORKBOOK = 500 << 20
"""Bytes of a workbook once unpacked: a small file can be packed to fill any disk."""
DELIMITERS = ",;\t|"

COLUMNS: Mapping[str, str] = {
    "uid": "uid, id книги в системе",
    "key": "id, id book, record, record number, control number, номер записи, no записи, код записи, рег номер",
    "isbd": "name book, bibliographic description, isbd, библиографическое описание, библиографическая запись, бо",
    "title": "title, book, book title, name, заглавие, название, название книги, наименование, книга, заголовок",
    "subtitle": "subtitle, подзаголовок, сведения к заглавию, сведения относящиеся к заглавию",
    "other_titles": "other titles, original title, другие заглавия, параллельное заглавие, оригинальное название",
    "author": "author, authors, writer, автор, авторы, автор ы, фио автора",
    "editor": "editor, editors, редактор, редакторы",
    "translator": "translator, translators, переводчик, переводчики",
    "illustrator": "illustrator, illustrators, иллюстратор, художник",
    "compiler": "compiler, compilers, составитель, составители",
    "people": "contributors, people, участники, ответственность",
    "isbn": "isbn, isbns, isbn13, isbn 13, isbn10, isbn 10",
    "year": "year, published, publication year, год, год издания, год выпуска",
    "place": "place, city, place of publication, место издания, город, место",
    "publisher": "publisher, издательство, издатель, изд во",
    "language": "language, lang, язык",
    "edition": "edition, издание, сведения об издании",
    "pages": "pages, extent, страницы, страниц, объем, количество страниц, кол во страниц, число страниц, стр",
    "series": "series, серия",
    "series_number": "series number, volume, номер в серии, том",
    "genres": "genre, genres, жанр, жанры",
    "subjects": "subject, subjects, keywords, tags, тема, темы, тематика, рубрики, ключевые слова, предметные рубрики",
    "call_number": "call number, classification, bbk, ббк, шифр, индекс ббк, удк, udc, полочный индекс, шифр хранения",
    "description": "description, annotation, summary, аннотация, описание",
    "material_type": "material, material type, type, format, вид, вид издания, тип издания, тип документа",
    "copies": "copies, number of copies, quantity, qty, экземпляров, экземпляры, количество, кол во, кол экз, экз",
    "inventory_number": "inventory number, inventory no, accession number, инвентарный номер, инв номер, инв no, "
    "инвентарный no, инв",
    "barcode": "barcode, bar code, штрихкод, штрих код",
    "branch": "branch, location, library, филиал, отдел, место хранения, библиотека, сигла",
    "item_type": "item type, тип экземпляра, вид экземпляра",
    "shelf_mark": "shelf mark, shelf, расстановочный шифр, полка, место на полке",
    "price": "price, cost, цена, стоимость, цена руб",
    "acquired_on": "acquired, date acquired, acquired on, дата поступления, поступил, поступление",
    "note": "note, notes, примечание, примечания",
}
"""What a column means, and the folded names it goes by."""
_BY_NAME = {name.strip(): column for column, names_ in COLUMNS.items() for name in names_.split(",")}
_ROLES = {
    "author": Contribution.Role.AUTHOR,
    "editor": Contribution.Role.EDITOR,
    "translator": Contribution.Role.TRANSLATOR,
    "illustrator": Contribution.Role.ILLUSTRATOR,
    "compiler": Contribution.Role.COMPILER,
}
_FIELDS_OF = {
    "isbd": ("title", "subtitle", "people", "year", "pages"),
    "title": ("title", "series", "series_number"),
    "isbn": ("isbns",),
    "year": ("year", "year_note"),
    "people": ("people",),
    **dict.fromkeys(_ROLES, ("people",)),
}
"""The fields of BookData that a column speaks of, where they are not called like the column."""
_MATERIALS = {
    "книга": MaterialType.BOOK,
    "брошюра": MaterialType.BOOK,
    "журнал": MaterialType.JOURNAL,
    "газета": MaterialType.JOURNAL,
    "статья": MaterialType.ARTICLE,
    "ноты": MaterialType.MUSIC,
    "карта": MaterialType.MAP,
    "аудио": MaterialType.AUDIO,
    "аудиокнига": MaterialType.AUDIO,
    "диск": MaterialType.ELECTRONIC,
    "видео": MaterialType.VIDEO,
    "электронный ресурс": MaterialType.ELECTRONIC,
    "рукопись": MaterialType.MANUSCRIPT,
    "игра": MaterialType.GAME,
    **{value: value for value in MaterialType.values},
}
_IN_SERIES = re.compile(r"(?P<title>.*\S)\s+\((?P<series>[^()#]+?),?\s+#(?P<number>[\d.,&\s–-]+)(?:;[^()]*)?\)")
"""«The Hunger Games (The Hunger Games, #1)», as book sites write it."""
_PERSON = re.compile(r"(?P<name>.*?)\s*(?:\[(?P<dates>[^\]]*)\])?\s*\((?P<role>[a-z]+)\)")
"""A cell of our own exports: «Маршак, Самуил [1887-1964] (translator)»."""

FORMULA = re.compile(r"[=+\-@\t]")
"""How a cell begins that a spreadsheet takes for a formula."""


# --- Reading -------------------------------------------------------------------------------------------------------
def read(stream: BinaryIO, file_name: str) -> Iterator[list[str]]:
    """The rows of a table, the header first, every cell as text. Raises Invalid when the file is no table."""
    if file_name.lower().endswith((".xlsx", ".xlsm")):
        yield from _rows_of_workbook(stream)
    elif file_name.lower().endswith(".xls"):
        raise Invalid({"file": [_("Old .xls workbooks cannot be read. Save the table as .xlsx or CSV.")]})
    else:
        yield from _rows_of_csv(stream)


def _rows_of_csv(stream: BinaryIO) -> Iterator[list[str]]:
    encoding = csv_encoding(stream)
    text = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")
    head = text.readline()
    text.seek(0)
    csv.field_size_limit(LONGEST_CELL)
    lines = (line.replace("\0", "") for line in text)
    try:
        yield from csv.reader(lines, delimiter=delimiter(head))
    except csv.Error as error:
        raise Invalid({"file": [_("The table cannot be read: %(detail)s") % {"detail": error}]}) from error
    finally:
        if not stream.closed:
            text.detach()


def csv_encoding(stream: BinaryIO) -> str:
    """The encoding of a whole CSV file: by its mark, else UTF-8 when it is valid, else the likeliest code page."""
    head = stream.read(4)
    stream.seek(0)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while chunk := stream.read(1 << 20):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        stream.seek(0)
        return encodings.guess_single_byte(stream.read(1 << 20))
    finally:
        stream.seek(0)
    return "utf-8-sig"


def delimiter(header: str) -> str:
    """What divides the columns: the sign that the header has most of, outside quotation marks."""
    plain = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=plain.count)


def _rows_of_workbook(stream: BinaryIO) -> Iterator[list[str]]:
    import openpyxl

    try:
        with zipfile.ZipFile(stream) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_WORKBOOK:
                raise Invalid({"file": [_("The workbook is too large. Split it, or save it as CSV.")]})
        stream.seek(0)
        workbook = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        for row in workbook.worksheets[0].iter_rows(values_only=True):
            yield [cell_text(value) for value in row]
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise Invalid({"file": [_("This is not an Excel workbook (.xlsx).")]}) from error


def cell_text(value: Any) -> str:
    """A cell as a person sees it: whole numbers without «.0», days as ISO dates, nothing as «»."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat()
    return str(value)


def unescaped(text: str) -> str:
    """The cell without the apostrophe that our own exports put before a formula."""
    return text[1:] if text[:1] == "'" and FORMULA.match(text[1:2]) else text


# --- Understanding -------------------------------------------------------------------------------------------------
def column(name: str) -> str | None:
    """What a column of this name is, one of `COLUMNS`; None when nobody knows."""
    return _BY_NAME.get(fold(name))


def columns(header: Sequence[str]) -> dict[str, int]:
    """Which column is where. Raises Invalid when no column names the book."""
    found: dict[str, int] = {}
    for position, name in enumerate(header):
        if known := column(name):
            found.setdefault(known, position)
    if not {"title", "isbd", "uid", "isbn"} & found.keys():
        raise Invalid(
            {
                "file": [
                    _("No column is called “title” or “Заглавие”. The columns are: %(names)s.")
                    % {"names": ", ".join(filter(None, header))[:500]}
                ]
            }
        )
    return found


def books(rows: Iterable[Sequence[str]]) -> Iterator[Incoming]:
    """The books of a table, whose first row is the header; numbers are those that a spreadsheet shows."""
    numbered = enumerate(rows, start=1)
    for _number, header in numbered:
        if any(cell.strip() for cell in header):
            break
    else:
        raise Invalid({"file": [_("The table is empty.")]})
    positions = columns(header)
    for number, row in numbered:
        if number > MOST_ROWS:
            raise Invalid({"file": [_("The table has more than a million rows. Split it.")]})
        cells = {column: row[at].strip() for column, at in positions.items() if at < len(row) and row[at].strip()}
        if cells:
            yield understand(cells, number, frozenset(positions))


def book_of_row(cells: Mapping[str, str]) -> BookData:
    """The book of a row stored by column."""
    return _book(cells)[0]


def understand(cells: Mapping[str, str], number: int, present: frozenset[str]) -> Incoming:
    """One row by column, without its blank cells; `present` are the columns of the table."""
    book, remarks = _book(cells)
    fields = frozenset(field for column in present for field in _FIELDS_OF.get(column, (column,))) & {*DESCRIBING}
    uid = None
    if "uid" in cells:
        try:
            uid = UUID(cells["uid"])
        except ValueError:
            return Incoming(number=number, refusal=Remark(Problem.UNKNOWN_BOOK, {"id": cells["uid"][:40]}))
    if not book.title and not (uid and "title" not in present):
        return Incoming(number=number, refusal=Remark(Problem.NO_TITLE), remarks=tuple(remarks))
    if uid:
        return Incoming(number=number, book=book, remarks=tuple(remarks), uid=uid, fields=fields)
    key = table_key(cells["key"]) if "key" in cells else f"isbn:{book.isbns[0]}" if book.isbns else ""
    return Incoming(
        number=number,
        book=book,
        remarks=tuple(remarks),
        format=SourceRecord.Format.TABLE,
        key=key,
        is_key_trusted=True,
        digest=_digest(key, book),
        content=partial(json.dumps, dict(cells), ensure_ascii=False),
        fields=fields,
    )


def _digest(key: str, book: BookData) -> str:
    """SHA-256 of what the row says of the book; its copies do not count."""
    said = [key, *(getattr(book, name) for name in DESCRIBING if name != "people")]
    said += [[person.name, person.dates, person.role] for person in book.people]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def _book(cells: Mapping[str, str]) -> tuple[BookData, list[Remark]]:
    remarks: list[Remark] = []
    text = {column: _clean(value, remarks) for column, value in cells.items()}
    book = isbd.parse(text["isbd"]) if "isbd" in text else BookData()
    title, series, series_number = text.get("title", book.title), text.get("series", ""), text.get("series_number", "")
    if not series and (match := _IN_SERIES.fullmatch(title)):
        title, series, series_number = match["title"], match["series"], match["number"].strip()
    people = list(book.people)
    for column, role in _ROLES.items():
        people += [Person(name=names.inverted(name), role=role) for name in names.split(text.get(column, ""))]
    people += [_person(entry) for entry in split(text.get("people", ""))]
    isbns = isbn.find(text.get("isbn", ""))
    if "isbn" in text and not isbns:
        remarks.append(Remark(Problem.BAD_ISBN, {"value": text["isbn"][:100]}))
    year, year_note = _year(text.get("year", ""), remarks) if "year" in text else (book.year, "")
    call_number = text.get("call_number", "") or _call_number_of_key(text.get("key", ""))
    book = replace(
        book,
        title=title,
        subtitle=text.get("subtitle", book.subtitle),
        other_titles=unique(split(text.get("other_titles", ""))),
        people=tuple(dict.fromkeys(people)),
        isbns=tuple(isbns),
        year=year,
        year_note=year_note,
        place=text.get("place", ""),
        publisher=text.get("publisher", ""),
        language=languages.code(text.get("language", "")),
        edition=text.get("edition", ""),
        pages=_pages(text.get("pages", book.pages)),
        series=series,
        series_number=series_number,
        call_number=call_number,
        description=text.get("description", ""),
        material_type=_MATERIALS.get(fold(text.get("material_type", "")), MaterialType.BOOK),
        genres=unique(split(text.get("genres", ""))),
        subjects=unique(split(text.get("subjects", ""))),
        copies=tuple(_copies(text, call_number, remarks)),
    )
    return book, each_once(remarks)


def _clean(value: str, remarks: list[Remark]) -> str:
    if (mended_value := mended(value)) != value:
        remarks.append(Remark(Problem.TEXT_REPAIRED))
    if cleaning.has_odd_signs(mended_value.replace("\n", " ").replace("\t", " ")):
        remarks.append(Remark(Problem.ODD_CHARACTERS))
    if "\ufffd" in mended_value:
        remarks.append(Remark(Problem.UNREADABLE_BYTES, {"count": mended_value.count("\ufffd")}))
    return "\n".join(line for line in map(tidy, mended_value.splitlines()) if line)


def split(text: str) -> list[str]:
    """The values of a cell: one a line where there are several lines, else between semicolons or bars."""
    return [part.strip() for part in re.split(r"\n" if "\n" in text else "[;|]", text) if part.strip()]


def _person(entry: str) -> Person:
    match = _PERSON.fullmatch(entry)
    if match is None or match["role"] not in Contribution.Role.values:
        return Person(name=entry)
    return Person(name=match["name"], dates=match["dates"] or "", role=match["role"])


def _year(text: str, remarks: list[Remark]) -> tuple[int | None, str]:
    if re.fullmatch(r"-?[0-9]{1,4}", text) and -3000 <= int(text) <= 2200:
        return int(text), ""
    year, note = cleaning.year(text)
    if year is None:
        remarks.append(Remark(Problem.BAD_YEAR, {"value": text[:60]}))
    return year, note


def _pages(text: str) -> str:
    return f"{text} с." if text.isdigit() else text


def table_key(key: str) -> str:
    """The `SourceRecord.key` of a row that its table knows by `key`."""
    return f"table:{key}"


def _call_number_of_key(key: str) -> str:
    """The call number in keys like «616.0/Т370-074570»: class and author mark before the number of the record."""
    match = re.fullmatch(r"([\w().=*:+\"'\s-]+/[A-ZА-ЯЁ]\d{1,4})-\d{4,8}", key)
    return match[1] if match else ""


def _copies(text: Mapping[str, str], call_number: str, remarks: list[Remark]) -> Iterator[CopyData]:
    """The copies of a row: those whose numbers it lists, else as many as it counts, else one where it names a place."""
    amount, _currency = cleaning.price(text.get("price", ""))
    if "price" in text and amount is None:
        remarks.append(Remark(Problem.BAD_PRICE, {"value": text["price"][:60]}))
    common = CopyData(
        branch=text.get("branch", ""),
        item_type=text.get("item_type", ""),
        shelf_mark=text.get("shelf_mark", "") or call_number,
        price=amount,
        acquired_on=_day(text.get("acquired_on", ""), remarks),
        note=text.get("note", ""),
    )
    inventory_numbers = _numbers(text.get("inventory_number", ""))
    barcodes = _numbers(text.get("barcode", ""))
    if inventory_numbers or barcodes:
        for at in range(max(len(inventory_numbers), len(barcodes))):
            yield common._replace(
                inventory_number=inventory_numbers[at] if at < len(inventory_numbers) else "",
                barcode=barcodes[at] if at < len(barcodes) else "",
            )
        return
    counted = re.match(r"\d{1,3}", text.get("copies", ""))
    yield from [common] * min(int(counted[0]), 200) if counted else ()


def _numbers(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[;,|\n]", text) if part.strip()]


def _day(text: str, remarks: list[Remark]) -> date | None:
    found = day(text)
    if text and found is None:
        remarks.append(Remark(Problem.BAD_DATE, {"value": text[:60]}))
    return found


def day(text: str) -> date | None:
    """The day of «2026-12-31», «31.12.2026», «31.12.26» or «31/12/2026»; None when it is none."""
    for pattern in ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y"):
        try:
            return datetime.strptime(text.strip(), pattern).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    return None

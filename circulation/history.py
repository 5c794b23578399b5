"""Past loans taken over from a former system: a table of who had what, from when, until when.

The statistics of years are worth keeping when a library changes its software. Rows name a card, a copy (or only the
call number of a title, or its key in the table that its book was imported from) and a day; the day of return may be
unknown and then counts as the due day. Only loans that are over are written, so nothing here touches the status of a
copy. docs/import.md says what the columns may be called.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Max, Min, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from accounts.actions import card_expiry
from accounts.models import Reader, User
from catalog.models import Book, Copy, SourceRecord
from catalog.tables import table_key
from circulation.models import Loan
from library.core import audit
from library.core.errors import Invalid
from library.core.text import fold
from library.core.transactions import one_commit
from policies.models import Branch, ItemType, ReaderCategory
from policies.queries import calendar_of, effective_terms
from policies.terms import Terms, due_at

COLUMNS = {
    "card": ("card", "card_number", "reader", "id", "билет", "номер билета", "читательский билет"),
    "item": ("item", "barcode", "inventory_number", "call_number", "id_book", "штрихкод", "инвентарный номер", "шифр"),
    "lent": ("lent", "checked_out_on", "checked_out_at", "date", "дата выдачи", "выдано"),
    "returned": ("returned", "returned_on", "returned_at", "дата возврата", "возвращено"),
}
"""What each column may be called, in any case of letters."""
BATCH_SIZE = 1000
"""Rows per INSERT."""
FAR = datetime(9999, 1, 1, tzinfo=UTC)
"""Until when a copy is lent whose loan is not over."""
NOON = time(12)
"""The hour given to events of which only the day is known."""


class Flaw(StrEnum):
    """Why a row was rejected."""

    NO_CARD = "no_card"
    NO_ITEM = "no_item"
    BAD_DATE = "bad_date"
    UNKNOWN_ITEM = "unknown_item"
    NOT_OVER = "not_over"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What rows do not tell: where the loans took place, and what new readers and copies are."""

    branch: Branch
    category: ReaderCategory
    item_type: ItemType


@dataclass(slots=True)
class Tally:
    """What came of the table: `read` = `created` + `unchanged` + `rejected`."""

    read: int = 0
    created: int = 0
    unchanged: int = 0
    rejected: list[tuple[int, Flaw]] = field(default_factory=list)
    """Row numbers, the first below the heading being 2, with the flaw."""
    readers_created: int = 0
    copies_created: int = 0


class Row(NamedTuple):
    """One past loan as the table has it; `returned` None: unknown."""

    number: int
    card: str
    item: str
    lent: date
    returned: date | None


def sentence(flaw: Flaw) -> str:
    """The flaw in words."""
    return {
        Flaw.NO_CARD: _("There is no card number in the row."),
        Flaw.NO_ITEM: _("There is no barcode, inventory number or call number in the row."),
        Flaw.BAD_DATE: _("The days are not dates like 2021-09-30, or the return comes before the loan."),
        Flaw.UNKNOWN_ITEM: _("No copy and no book has this number. Import the books first."),
        Flaw.NOT_OVER: _("The loan is not over yet: lend it at the desk."),
    }[flaw]


def read_rows(path: Path, tally: Tally, today: date) -> Iterator[Row]:
    """The sound rows of a UTF-8 CSV file; flawed ones go to `tally`. Raises Invalid (`file`) when a column lacks."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = csv.DictReader(file)
        names = _columns(cells.fieldnames or [])
        for number, cell in enumerate(cells, start=2):
            tally.read += 1
            found = {name: (cell[column] or "").strip() for name, column in names.items()}
            row = _row(number, found, today)
            if isinstance(row, Flaw):
                tally.rejected.append((number, row))
            else:
                yield row


def import_loans(rows: Iterable[Row], *, tally: Tally, defaults: Defaults, by: User | None, now: datetime) -> None:
    """Write the loans that are not there yet, with the readers and copies that they need, in one commit.

    A loan is there already when reader, title and day of lending agree, as often as the table has it. A call number
    or key stands for the title's first copy that was in on the day; when none was, a copy is added.
    """
    ordered = sorted(rows, key=lambda row: (row.lent, row.number))
    with one_commit():
        shelf = _Shelf(defaults, {row.item for row in ordered})
        books = {row.item: book for row in ordered if (book := shelf.book_of(row.item)) is not None}
        known = [row for row in ordered if row.item in books]
        tally.rejected += [(row.number, Flaw.UNKNOWN_ITEM) for row in ordered if row.item not in books]
        readers = _readers(known, defaults, tally)
        there = _loans_there(readers.values(), defaults.branch.zone)
        past = _Past(defaults)
        loans = []
        for row in known:
            reader = readers[row.card.casefold()]
            signature = (reader.pk, books[row.item], row.lent)
            if there[signature] > 0:
                there[signature] -= 1
                tally.unchanged += 1
                continue
            loan = past.loan(row, reader)
            assert loan.returned_at is not None
            if loan.returned_at > now:
                tally.rejected.append((row.number, Flaw.NOT_OVER))
                continue
            loan.copy = shelf.take(row.item, loan.checked_out_at, loan.returned_at)
            loans.append(loan)
        tally.copies_created = shelf.save_added()
        Loan.objects.bulk_create(loans, batch_size=BATCH_SIZE)
        tally.created = len(loans)
        tally.rejected.sort()
        detail = asdict(tally) | {"rejected": len(tally.rejected)}
        audit.record(action="circulation.import_loans", subject=defaults.branch, by=by, now=now, detail=detail)


class _Past:
    """Loans as the library's present rules would have made them."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self._calendar = calendar_of(defaults.branch)
        self._terms: dict[int, Terms] = {}

    def loan(self, row: Row, reader: Reader) -> Loan:
        """The row as a loan without its copy."""
        lent_at = self._noon(row.lent)
        terms = self._terms_for(reader.category_id)
        due = due_at(
            start=lent_at,
            terms=terms,
            calendar=self._calendar,
            card_expires_on=None,
            hour_loan_after_closing=settings.HOUR_LOAN_AFTER_CLOSING,
        )
        return Loan(
            reader=reader,
            branch=self._defaults.branch,
            return_branch=self._defaults.branch,
            checked_out_at=lent_at,
            due_at=due,
            returned_at=due if row.returned is None else self._noon(row.returned),
            terms=terms.as_json(),
        )

    def _noon(self, day: date) -> datetime:
        return datetime.combine(day, NOON, self._defaults.branch.zone)

    def _terms_for(self, category_id: int) -> Terms:
        if category_id not in self._terms:
            self._terms[category_id] = effective_terms(
                category_id=category_id,
                item_type_id=self._defaults.item_type.pk,
                branch_id=self._defaults.branch.pk,
            ).terms
        return self._terms[category_id]


def _columns(headings: Sequence[str]) -> dict[str, str]:
    by_name = {heading.strip().casefold(): heading for heading in headings}
    found = {
        name: next((by_name[spelling] for spelling in spellings if spelling in by_name), None)
        for name, spellings in COLUMNS.items()
    }
    if missing := [name for name in ("card", "item", "lent") if found[name] is None]:
        raise Invalid(
            {"file": [_("The table lacks a column for: %(names)s.") % {"names": ", ".join(missing)}]},
        )
    return {name: column for name, column in found.items() if column is not None}


def _row(number: int, found: Mapping[str, str], today: date) -> Row | Flaw:
    if not found["card"]:
        return Flaw.NO_CARD
    if not found["item"]:
        return Flaw.NO_ITEM
    try:
        lent = date.fromisoformat(found["lent"][:10])
        returned = date.fromisoformat(found["returned"][:10]) if found.get("returned") else None
    except ValueError:
        return Flaw.BAD_DATE
    if returned is not None and returned < lent:
        return Flaw.BAD_DATE
    if (returned or lent) >= today:
        return Flaw.NOT_OVER
    return Row(number, found["card"], found["item"], lent, returned)


class _Shelf:
    """The copies that rows can mean, and until when each was lent."""

    def __init__(self, defaults: Defaults, items: set[str]) -> None:
        self._defaults = defaults
        self._added: list[Copy] = []
        self._lent_until: dict[str, datetime] = {}
        self._copies_by_code = {
            code.casefold(): copy
            for copy in Copy.objects.filter(Q(inventory_number__in=items) | Q(barcode__in=items))
            for code in (copy.barcode, copy.inventory_number)
        }
        self._titles = {
            title["call_number"].casefold(): title["book_id"]
            for title in Book.objects.filter(call_number__in=items).values("call_number").annotate(book_id=Min("pk"))
        }
        keys = {table_key(item): item for item in items}
        imported = SourceRecord.objects.filter(format=SourceRecord.Format.TABLE, key__in=keys)
        self._titles |= {keys[key].casefold(): book for key, book in imported.values_list("key", "book_id")}
        self._copies_of_title: dict[int, list[Copy]] = defaultdict(list)
        for copy in Copy.objects.filter(book_id__in=self._titles.values()).order_by("pk"):
            self._copies_of_title[copy.book_id].append(copy)
        known = {copy.pk for copies in self._copies_of_title.values() for copy in copies}
        known |= {copy.pk for copy in self._copies_by_code.values()}
        past = Loan.objects.filter(copy_id__in=known).values_list("copy__inventory_number")
        self._lent_until = {number: until or FAR for number, until in past.annotate(until=Max("returned_at"))}

    def book_of(self, item: str) -> int | None:
        """The book that `item` is a copy or the call number of."""
        code = item.casefold()
        copy = self._copies_by_code.get(code)
        return copy.book_id if copy else self._titles.get(code)

    def take(self, item: str, lent_at: datetime, returned_at: datetime) -> Copy:
        """The copy that went out under `item` for this time; a new one when all the title's copies were out."""
        code = item.casefold()
        copy = self._copies_by_code.get(code) or self._free_copy(self._titles[code], lent_at)
        number = copy.inventory_number
        self._lent_until[number] = max(self._lent_until.get(number, returned_at), returned_at)
        return copy

    def save_added(self) -> int:
        """Write the copies that had to be added; how many."""
        Copy.objects.bulk_create(self._added, batch_size=BATCH_SIZE)
        return len(self._added)

    def _free_copy(self, book_id: int, lent_at: datetime) -> Copy:
        copies = self._copies_of_title[book_id]
        for copy in copies:
            if self._lent_until.get(copy.inventory_number, lent_at) <= lent_at:
                return copy
        number = f"L{book_id}/{len(copies) + 1}"
        added = Copy(
            book_id=book_id,
            inventory_number=number,
            barcode=number,
            branch=self._defaults.branch,
            item_type=self._defaults.item_type,
        )
        copies.append(added)
        self._added.append(added)
        return added


def _readers(rows: Sequence[Row], defaults: Defaults, tally: Tally) -> dict[str, Reader]:
    """The readers of the rows by folded card number; unknown ones are written, named by their card."""
    cards: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        cards[row.card.casefold()].append(row)
    readers: dict[str, Reader] = {
        reader.card_number.casefold(): reader
        for reader in Reader.objects.annotate(card=Lower("card_number")).filter(card__in=cards)
    }
    added = []
    for card, of_card in cards.items():
        if card not in readers:
            expires_on = card_expiry(registered_on=of_card[-1].lent, category=defaults.category)
            reader = Reader(
                card_number=of_card[0].card,
                full_name=of_card[0].card,
                folded_name=fold(of_card[0].card),
                category=defaults.category,
                home_branch=defaults.branch,
                registered_on=of_card[0].lent,
                expires_on=expires_on,
            )
            readers[card] = reader
            added.append(reader)
    Reader.objects.bulk_create(added, batch_size=BATCH_SIZE)
    tally.readers_created = len(added)
    return readers


def _loans_there(readers: Iterable[Reader], zone: ZoneInfo) -> Counter[tuple[int, int, date]]:
    """How often each reader had each book from each day on, by what is written already."""
    loans = Loan.objects.filter(reader__in=readers).values_list("reader_id", "copy__book_id", "checked_out_at")
    return Counter((reader, book, lent.astimezone(zone).date()) for reader, book, lent in loans.iterator())

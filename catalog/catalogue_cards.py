"""Catalogue cards: of which books, which cards of each, and what every card says."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count, Prefetch, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog import descriptions, isbn
from catalog.citations import Cited, Person, dashed
from catalog.copy_forms import keys
from catalog.copy_numbers import consecutive
from catalog.labels import LARGEST
from catalog.linked_data import cited
from catalog.marc.record import Record
from catalog.models import Book, Contribution, Copy, ImportedBook, SourceRecord
from catalog.queries import GONE
from printing.catalogue_card import CatalogueCard, Holding
from printing.faces import Face
from printing.forms import LayoutForm
from printing.sheets import MOST_LABELS
from printing.stocks import Use

KINDS = [
    ("main", gettext_lazy("main cards")),
    ("title", gettext_lazy("cards under the title")),
    ("subjects", gettext_lazy("cards under each subject")),
    ("names", gettext_lazy("cards under further authors, editors, compilers, translators")),
]
MOST_COPIES = 200
"""Copies of a book whose numbers a card has room for at the very most."""
ROMAN = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


class CatalogueCardsForm(LayoutForm):
    """Whose cards, which of them, on which paper. Books come from a list or an import."""

    uses = (Use.CATALOGUE,)

    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("What to print"), choices=KINDS, widget=forms.CheckboxSelectMultiple, initial=["main"]
    )
    books = forms.CharField(widget=forms.HiddenInput, max_length=20 * MOST_LABELS, required=False)
    run = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1, max_value=LARGEST)
    part = forms.TypedChoiceField(
        label=gettext_lazy("Which of them"),
        coerce=int,
        empty_value="",
        error_messages={
            name: gettext_lazy("These are more cards than one file holds. Choose which of them.")
            for name in ("required", "invalid_choice")
        },
    )

    field_order = ("kinds", "part", "stock", "start", "offset_x", "offset_y", "has_outlines")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chosen = self._chosen()
        self._ends = self._parts()
        if len(self._ends) > 1:
            words = _("books %(first)d–%(last)d")
            choices = [(start, words % {"first": start + 1, "last": end}) for start, end in self._ends.items()]
            self.fields["part"].choices = choices  # type: ignore[attr-defined] # a ChoiceField
        else:
            del self.fields["part"]

    def _chosen(self) -> QuerySet[Book]:
        """The books as a card catalogue has them: by the name or title they are entered under."""
        books = Book.objects.order_by("search_entry__sort_author", "search_entry__sort_title", "pk")
        run = str(self["run"].value() or "")
        if run.isascii() and run.isdigit() and len(run) <= 18:
            return books.filter(pk__in=ImportedBook.objects.filter(run=int(run)).values("book"))
        return books.filter(pk__in=keys(str(self["books"].value() or ""))[:MOST_LABELS])

    def _parts(self) -> dict[int, int]:
        """Where each file begins among the books, and where it ends: so that no file has more cards than allowed."""
        kinds = {kind for kind, _name in KINDS}.intersection(self["kinds"].value() or ())
        if kinds.isdisjoint({"subjects", "names"}):
            count = self.chosen.count()
            step = MOST_LABELS // max(len(kinds), 1)
            return {start: min(start + step, count) for start in range(0, count, step)}
        rows = self.chosen.annotate(
            subject_count=Count("subjects", distinct=True), name_count=Count("contributions__author", distinct=True)
        )
        ends: dict[int, int] = {}
        start = cards = 0
        for number, (subjects, names) in enumerate(rows.values_list("subject_count", "name_count").iterator()):
            more = len(kinds & {"main", "title"})
            more += (subjects if "subjects" in kinds else 0) + (names if "names" in kinds else 0)
            if cards + more > MOST_LABELS and number > start:
                start, cards = number, 0
            cards += more
            ends[start] = number + 1
        return ends

    def clean(self) -> dict[str, Any]:
        """There are books, and cards of the kinds asked for."""
        cleaned: dict[str, Any] = super().clean()
        if not self.errors:
            if not self._ends:
                raise ValidationError(_("There are no such books."))
            start = cleaned.get("part") or 0
            self.cards = list(self._cards(start, self._ends[start]))
            if not self.cards:
                self.add_error("kinds", _("These books have no such cards."))
        return cleaned

    def faces(self) -> Iterable[Face]:
        """The cards book by book."""
        return self.cards

    def _cards(self, start: int, end: int) -> Iterator[CatalogueCard]:
        for book in described(self.chosen)[start:end]:
            yield from cards_of(book, set(self.cleaned_data["kinds"]))


def described(books: QuerySet[Book]) -> QuerySet[Book]:
    """The books with everything that a card says, in seven queries."""
    copies = Copy.objects.exclude(status__in=GONE).select_related("branch").order_by("branch__name", "inventory_number")
    return (
        books.select_related("parent", "publisher", "series")
        .prefetch_related(
            Prefetch("contributions", Contribution.objects.select_related("author")),
            Prefetch("copies", copies.only("book", "inventory_number", "shelf_mark", "branch__name")),
            Prefetch("source", SourceRecord.objects.only("book", "format", "content")),
            "isbns",
            "subjects",
        )
        .defer("other_titles")
    )


def cards_of(book: Book, kinds: set[str]) -> Iterator[CatalogueCard]:
    """The cards of a book that `described` read: the main one, then the added ones, all with the same description."""
    facts = _facts(book)
    heading = descriptions.heading(facts)
    subjects = [subject.name for subject in book.subjects.all()]
    names = descriptions.added_names(facts)
    copies = list(book.copies.all()[:MOST_COPIES])
    mark = book.call_number or next((copy.shelf_mark for copy in copies if copy.shelf_mark), "")
    card = CatalogueCard(
        description=descriptions.description(facts),
        heading=_stopped(heading),
        annotation=_annotation(book, facts),
        tracings=tracings(subjects, names, title=_TITLE[facts.is_cyrillic] if heading else ""),
        classes=class_marks(book),
        shelf_mark=mark,
        holdings=holdings(copies, mark),
    )
    if "main" in kinds:
        yield card
    if "title" in kinds and heading:
        yield replace(card, filed_under=str(book))
    if "subjects" in kinds:
        yield from (replace(card, filed_under=subject) for subject in subjects)
    if "names" in kinds:
        yield from (replace(card, filed_under=_stopped(name)) for name in names)


def _facts(book: Book) -> Cited:
    """What citations are made of, with years of life behind the names and hyphens in the ISBNs."""
    people = [Person(_dated(part), part.role) for part in book.contributions.all()]
    return replace(cited(book), people=people, isbns=[isbn.hyphenated(one.value) for one in book.isbns.all()])


def _dated(part: Contribution) -> str:
    name, dates = part.author.name, part.author.dates.strip(" ()")
    return f"{name} ({dashed(dates)})" if dates and dates not in name else name


def _stopped(name: str) -> str:
    return f"{name}." if name and not name.endswith(".") else name


def _annotation(book: Book, facts: Cited) -> str:
    """What the book is about; of an article without the line that says what it appeared in."""
    text = book.description
    if facts.host:
        text = text.partition("\n")[2]
    return " ".join(text.split())


_TITLE = {True: "Заглавие.", False: "Title."}
"""The tracing of a card under the title: a card speaks the language of its book, whoever prints it."""


def tracings(subjects: Iterable[str], names: Iterable[str], *, title: str) -> str:
    """What other cards there are: subjects by Arabic numbers; names and `title`, unless it is empty, by Roman ones."""
    others = [*map(_stopped, names), *([title] if title else [])]
    parts = [f"{number}. {_stopped(subject)}" for number, subject in enumerate(subjects, 1)]
    return " ".join([*parts, *(f"{roman(number)}. {other}" for number, other in enumerate(others, 1))])


def roman(number: int) -> str:
    """4 -> «IV»."""
    letters = ""
    for value, sign in ROMAN:
        letters += sign * (number // value)
        number %= value
    return letters


def class_marks(book: Book) -> str:
    """УДК and ББК as the imported record says them, a line each; «» for a book entered by hand."""
    source: SourceRecord | None = getattr(book, "source", None)
    if source is None or source.format == SourceRecord.Format.TABLE:
        return ""
    record = Record.from_json(source.content)
    tag, other = ("080", "084") if source.format == SourceRecord.Format.MARC21 else ("675", "686")
    library = next((field.first("a") for field in record.all(other) if field.first("2").startswith("rubbk")), "")
    marks = (("УДК", record.first(tag, "a").strip()), ("ББК", library.strip()))
    return "\n".join(f"{name} {mark}" for name, mark in marks if mark)


def holdings(copies: Iterable[Copy], mark: str) -> list[Holding]:
    """The copies of each branch, apart where their shelf mark is not `mark`; consecutive numbers as ranges."""
    found = []
    for (branch, other), those in groupby(copies, key=lambda copy: (copy.branch.name, copy.shelf_mark)):
        numbers = list(ranges(copy.inventory_number for copy in those))
        found.append(Holding(branch=branch, numbers=numbers, shelf_mark="" if other in ("", mark) else other))
    return found


def ranges(numbers: Iterable[str]) -> Iterator[str]:
    """«ИНВ-9, ИНВ-10, ИНВ-11, 7» -> «ИНВ-9–ИНВ-11», «7»; two neighbours stay apart."""
    run: list[str] = []
    for number in [*numbers, ""]:
        if run and consecutive(run[-1], 2)[1:] != [number]:
            yield from [f"{run[0]}–{run[-1]}"] if len(run) > 2 else run
            run = []
        run.append(number)

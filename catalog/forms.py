"""What visitors type into the search form, and what librarians enter on the panel."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog import isbn, languages
from catalog.copy_numbers import take
from catalog.cover_images import read_cover
from catalog.duplicates import Description, Likeness, candidates
from catalog.models import Author, Book, Copy, Isbn
from catalog.queries import CAP, SearchQuery, Sort
from catalog.query_language import LONGEST_QUERY, clean
from catalog.search import MAIN_ROLES
from catalog.volumes import problem_with_parent
from library.core.text import fold

MOST_CHOICES = 20
"""Values of one filter that an address may name."""
SORTS = [
    (Sort.RELEVANCE, _("Best match")),
    (Sort.POPULAR, _("Most borrowed")),
    (Sort.NEWEST, _("New in the library")),
    (Sort.YEAR, _("Year, latest first")),
    (Sort.TITLE, _("Title")),
    (Sort.AUTHOR, _("Author")),
]


class SearchText(forms.CharField):
    """Text that is never refused: cut and freed of what PostgreSQL does not hold."""

    widget = forms.TextInput

    def __init__(self, *, label: Any) -> None:
        super().__init__(label=label, required=False, empty_value="")
        self.widget.attrs["maxlength"] = LONGEST_QUERY

    def clean(self, value: Any) -> str:
        """The text, bounded."""
        return clean(value or "").strip()


class SearchForm(forms.Form):
    """The fields of the advanced search."""

    q = SearchText(label=_("All words"))
    title = SearchText(label=_("Title"))
    author = SearchText(label=_("Author"))
    isbn = SearchText(label=_("ISBN"))
    year_from = forms.IntegerField(label=_("Year from"), required=False, min_value=-3000, max_value=2200)
    year_to = forms.IntegerField(label=_("Year to"), required=False, min_value=-3000, max_value=2200)
    sort = forms.ChoiceField(label=_("Order"), choices=SORTS, required=False)

    def clean_isbn(self) -> str:
        """An ISBN or nothing."""
        text: str = self.cleaned_data["isbn"]
        return isbn.clean(text) if text else ""

    def query(self, params: QueryDict, *, is_typing: bool = False) -> SearchQuery:
        """The search that the address asks for; fields with errors and unknown values are left out."""
        self.full_clean()
        given = self.cleaned_data
        return SearchQuery(
            text=given.get("q", ""),
            title=given.get("title", ""),
            author=given.get("author", ""),
            isbn=given.get("isbn", ""),
            year_from=given.get("year_from"),
            year_to=given.get("year_to"),
            sort=Sort(given.get("sort") or Sort.RELEVANCE),
            decades=numbers(params.getlist("decade")),
            languages=tuple(map(clean, params.getlist("language")[:MOST_CHOICES])),
            materials=tuple(map(clean, params.getlist("material")[:MOST_CHOICES])),
            genres=numbers(params.getlist("genre")),
            subjects=numbers(params.getlist("subject")),
            authors=numbers(params.getlist("by")),
            publishers=numbers(params.getlist("publisher")),
            series=numbers(params.getlist("series")),
            branches=numbers(params.getlist("branch")),
            is_available="available" in params,
            page=page_number(params),
            is_typing=is_typing,
        )


def numbers(values: Iterable[str]) -> tuple[int, ...]:
    """The whole numbers among the values, each once, at most `MOST_CHOICES`."""
    plain = (value for value in values if value.removeprefix("-").isascii() and value.removeprefix("-").isdigit())
    return tuple(dict.fromkeys(int(value) for value in plain if len(value) <= 18))[:MOST_CHOICES]


def page_number(params: QueryDict) -> int:
    """The page asked for, 1 when it is none."""
    return min(max(next(iter(numbers([params.get("page", "")])), 1), 1), CAP)


# --- On the panel --------------------------------------------------------------------------------------------------


class BookForm(forms.ModelForm):
    """A book's description, with a cover to upload."""

    new_cover = forms.FileField(
        label=_("Upload a cover"), required=False, help_text=_("JPEG, PNG or WebP, 10 MB at most.")
    )
    remove_cover = forms.BooleanField(label=_("Remove the uploaded cover"), required=False)

    class Meta:
        model = Book
        fields = (
            "title",
            "subtitle",
            "other_titles",
            "parent",
            "volume",
            "material_type",
            "language",
            "year",
            "year_note",
            "place",
            "publisher",
            "edition",
            "pages",
            "series",
            "series_number",
            "call_number",
            "genres",
            "subjects",
            "description",
        )
        widgets = {
            "title": forms.TextInput(attrs={"class": "vLargeTextField"}),
            "subtitle": forms.TextInput(attrs={"class": "vLargeTextField"}),
            "other_titles": forms.Textarea(attrs={"rows": 2}),
        }

    def clean_language(self) -> str:
        """A language by code or name: «ru», «deu», «Russian»."""
        text: str = self.cleaned_data["language"]
        found = languages.code(text)
        if text and not found:
            raise forms.ValidationError(_("This is not a language. Use three letters of ISO 639-2: rus, eng, ger."))
        return found

    def clean_parent(self) -> Book | None:
        """A set that may have this book as its volume."""
        parent: Book | None = self.cleaned_data["parent"]
        if parent and (words := problem_with_parent(book_id=self.instance.pk, parent_id=parent.pk)):
            raise forms.ValidationError(words)
        return parent

    def clean(self) -> dict[str, Any]:
        """Before a book is entered twice: what looks like it, and a box to save it all the same."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        wanted = self._description(cleaned)
        is_same = bool(self.instance.pk) and not {"title", "subtitle", "year", "volume"} & {*self.changed_data}
        if self.errors or (is_same and set(wanted.isbns) <= {row.value for row in self.instance.isbns.all()}):
            return cleaned
        found = candidates(wanted, book_id=self.instance.pk)
        self.alike = [book for book, _likeness in found]
        seen = ",".join(str(book.pk) for book in self.alike)
        if found and self.data.get("save_anyway") != seen:
            self.add_error(None, _like_these(found, seen))
        return cleaned

    def _description(self, cleaned: dict[str, Any]) -> Description:
        """What was typed, people and ISBNs of the other forms of the page too."""
        people = []
        for number in range(MOST_CHOICES):
            key = self.data.get(f"contributions-{number}-author", "")
            if key.isdecimal() and self.data.get(f"contributions-{number}-role") in MAIN_ROLES:
                people.append(int(key[:18]))
        isbns = [
            isbn.normalise(self.data.get(f"isbns-{number}-value", ""))
            for number in range(MOST_CHOICES)
            if f"isbns-{number}-DELETE" not in self.data
        ]
        names = Author.objects.in_bulk(people)
        return Description(
            title=cleaned.get("title", ""),
            subtitle=cleaned.get("subtitle", ""),
            volume=cleaned.get("volume", ""),
            year=cleaned.get("year"),
            names=[names[key].name for key in people if key in names],
            isbns=[value for value in isbns if value],
        )

    def clean_new_cover(self) -> Any:
        """The upload as a picture, None when there is none."""
        upload = self.cleaned_data["new_cover"]
        return read_cover(upload) if upload else None


def _like_these(found: Iterable[tuple[Book, Likeness]], seen: str) -> SafeString:
    """The books that a new one looks like, each with a link and why, and the box that saves it all the same."""
    reasons = {Likeness.ISBN: _("the same ISBN"), Likeness.TITLE: _("the same title, author and year")}
    rows = format_html_join(
        "",
        '<li><a href="{}" target="_blank">{}</a>{} ({})</li>',
        (
            (
                reverse("admin:catalog_book_change", args=[book.pk]),
                book,
                "" if book.year is None else f", {book.year}",
                reasons[likeness],
            )
            for book, likeness in found
        ),
    )
    return format_html(
        '{}<ul class="alike">{}</ul>'
        '<label class="alike__save"><input type="checkbox" name="save_anyway" value="{}"> {}</label>',
        gettext("The catalogue probably has this book already:"),
        rows,
        seen,
        gettext("It is another book, save it"),
    )


class IsbnForm(forms.ModelForm):
    """An ISBN as printed, kept as 13 digits."""

    value = forms.CharField(label=_("ISBN"), max_length=40)

    class Meta:
        model = Isbn
        fields = ("value", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.value:
            self.initial["value"] = isbn.hyphenated(self.instance.value)

    def clean_value(self) -> str:
        """13 digits, whatever was typed."""
        return isbn.clean(self.cleaned_data["value"])


class CopyForm(forms.ModelForm):
    """A copy; without numbers it gets the library's next ones."""

    class Meta:
        model = Copy
        fields = (
            "book",
            "inventory_number",
            "barcode",
            "branch",
            "item_type",
            "shelf_mark",
            "is_reference_only",
            "price",
            "acquired_on",
            "note",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("inventory_number", "barcode"):
            if name in self.fields:
                self.fields[name].required = False
                self.fields[name].help_text = _("Empty: the next free number.")

    def clean(self) -> dict[str, Any]:
        """Give out numbers where none were typed."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        missing = [name for name in ("inventory_number", "barcode") if name in cleaned and not cleaned[name]]
        if missing and not self.errors:
            fresh = take(1)[0]
            cleaned |= {name: getattr(fresh, name) for name in missing}
        return cleaned


class NamedThingForm(forms.ModelForm):
    """A name that is told from the others by its folded form."""

    def clean(self) -> dict[str, Any]:
        """Refuse a name that is there already, however it is spelled, and one without letters."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        folded = fold(cleaned.get("name", ""))
        if "name" in cleaned and (not folded or len(folded) > 300):
            self.add_error("name", _("Type a name of letters or digits, not longer than 300."))
        elif folded:
            same = self._meta.model._default_manager.filter(folded_name=folded).exclude(pk=self.instance.pk)
            if self._meta.model is Author:
                same = same.filter(dates=cleaned.get("dates", ""))
            if (found := same.first()) is not None:
                self.add_error("name", _("There is “%(name)s” already.") % {"name": found})
        return cleaned

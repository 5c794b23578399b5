"""What programs read in the page of a book: schema.org as JSON-LD, and what its citations are made of.

Terms: https://schema.org/Book, https://schema.org/Offer, https://schema.org/Library.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from catalog.citations import Cited, Person
from catalog.cover_images import WIDTHS, cover_digest
from catalog.languages import two_letters
from catalog.models import Book, Contribution, Copy, MaterialType
from policies.models import Branch

_TYPES = {
    MaterialType.BOOK: "Book",
    MaterialType.JOURNAL: "Periodical",
    MaterialType.ARTICLE: "Article",
    MaterialType.MUSIC: "SheetMusic",
    MaterialType.MAP: "Map",
    MaterialType.AUDIO: "AudioObject",
    MaterialType.VIDEO: "VideoObject",
    MaterialType.IMAGE: "ImageObject",
    MaterialType.ELECTRONIC: "Book",
    MaterialType.MANUSCRIPT: "Manuscript",
    MaterialType.GAME: "Game",
}
_PROPERTIES = {
    Contribution.Role.AUTHOR: "author",
    Contribution.Role.COMPOSER: "author",
    Contribution.Role.EDITOR: "editor",
    Contribution.Role.TRANSLATOR: "translator",
}
"""The properties of schema.org for roles; everybody else is a `contributor`."""
_BOOK_ROLES = {Contribution.Role.ILLUSTRATOR: "illustrator", Contribution.Role.NARRATOR: "readBy"}
LEND = "http://purl.org/goodrelations/v1#LeaseOut"
_IN_SCRIPT = str.maketrans({"<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def absolute(path: str) -> str:
    """The public address of a path."""
    return f"{settings.LIBRARY_URL}{path}"


def script_json(data: Any) -> SafeString:
    """JSON that may stand inside <script>: nothing in it can end the element."""
    return mark_safe(json.dumps(data, ensure_ascii=False).translate(_IN_SCRIPT))  # noqa: S308 # escaped just now


def preview_image(book: Book) -> str:
    """The address of the uploaded cover at its largest, for previews of links; «» for a drawn one, which is SVG."""
    if not book.cover:
        return ""
    return absolute(f"{reverse('cover_image', args=[book.uid, max(WIDTHS)])}?v={cover_digest(book)}")


def cited(book: Book) -> Cited:
    """The book as citations need it.

    Uses `parent`, `publisher`, `series`, `isbns` and `contributions` with their authors.
    """
    return Cited(
        title=book.title,
        subtitle=book.subtitle,
        people=[Person(part.author.name, part.role) for part in book.contributions.all()],
        material=book.material_type,
        place=book.place,
        publisher=book.publisher.name if book.publisher else "",
        year=book.year,
        year_note=book.year_note,
        edition=book.edition,
        pages=book.pages,
        series=book.own_series.name if book.own_series else "",
        series_number="" if book.series and not book.own_series else book.series_number,
        isbns=[isbn.value for isbn in book.isbns.all()],
        language=book.language,
        volume=book.volume,
        whole=book.parent.title if book.parent else "",
        host=_host(book),
        url=absolute(reverse("book", args=[book.uid])),
    )


def _host(book: Book) -> str:
    """What an imported article appeared in: records say so in a description that begins with «// »."""
    is_part = book.material_type == MaterialType.ARTICLE and book.description.startswith("// ")
    return book.description.removeprefix("// ").partition("\n")[0] if is_part else ""


def as_schema(
    book: Book, copies: Iterable[tuple[Branch, Sequence[Copy]]], volumes: Iterable[Book] = ()
) -> dict[str, Any]:
    """The book as schema.org tells it, with an offer to lend for each branch. `copies` and `volumes` as on the page."""
    url = absolute(reverse("book", args=[book.uid]))
    kind = _TYPES.get(MaterialType(book.material_type), "CreativeWork")
    found: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": _volume_type(book, kind),
        "@id": url,
        "url": url,
        "name": ": ".join(filter(None, (book.title, book.subtitle))),
        **_designation(book),
        **_people(book, is_book=kind == "Book"),
        "inLanguage": two_letters(book.language) or book.language,
        "datePublished": "" if book.year is None else str(book.year),
        "publisher": {"@type": "Organization", "name": book.publisher.name} if book.publisher else "",
        "genre": [genre.name for genre in book.genres.all()],
        "about": [{"@type": "Thing", "name": subject.name} for subject in book.subjects.all()],
        "description": book.description,
        "image": preview_image(book),
        "isPartOf": _wholes(book),
        "hasPart": [_part(volume) for volume in volumes],
        "offers": [_offer(branch, kept) for branch, kept in copies],
    }
    if kind == "Book":
        extent = re.search(r"\d+", book.pages)
        found |= {
            "isbn": [isbn.value for isbn in book.isbns.all()],
            "bookEdition": book.edition,
            "numberOfPages": int(extent[0][:5]) if extent else "",
        }
    return {name: value for name, value in found.items() if value not in ("", [])}


def _volume_type(book: Book, kind: str) -> str | list[str]:
    """Volumes and issues have a type of their own: a journal's are issues, a book remains one besides."""
    if not book.volume:
        return kind
    if book.material_type == MaterialType.JOURNAL:
        return "PublicationIssue"
    return [kind, "PublicationVolume"]


def _designation(book: Book) -> dict[str, str]:
    name = "issueNumber" if book.material_type == MaterialType.JOURNAL else "volumeNumber"
    return {name: book.volume}


def _part(book: Book) -> dict[str, Any]:
    """A volume on the page of its set."""
    url = absolute(reverse("book", args=[book.uid]))
    kind = _TYPES.get(MaterialType(book.material_type), "CreativeWork")
    named = {"@type": _volume_type(book, kind), "@id": url, "url": url, "name": book.title}
    return {**named, **({} if not book.volume else _designation(book))}


def _wholes(book: Book) -> Any:
    """The set or journal, and the series; one alone stands without a list."""
    wholes: list[dict[str, str]] = []
    if book.parent:
        url = absolute(reverse("book", args=[book.parent.uid]))
        kind = _TYPES.get(MaterialType(book.parent.material_type), "CreativeWork")
        wholes.append({"@type": kind, "@id": url, "url": url, "name": book.parent.title})
    if book.own_series:
        wholes.append({"@type": "CreativeWorkSeries", "name": book.own_series.name})
    return wholes[0] if len(wholes) == 1 else wholes


def _people(book: Book, *, is_book: bool) -> dict[str, list[dict[str, str]]]:
    names = {**_PROPERTIES, **_BOOK_ROLES} if is_book else _PROPERTIES
    found: dict[str, list[dict[str, str]]] = {}
    for part in book.contributions.all():
        surname, comma, given = part.author.name.partition(", ")
        person = {
            "@type": "Person" if comma else "Organization" if part.role == Contribution.Role.BODY else "Person",
            "name": f"{given} {surname}" if comma else surname,
            "url": absolute(reverse("author", args=[part.author_id])),
        }
        found.setdefault(names.get(Contribution.Role(part.role), "contributor"), []).append(person)
    return found


def _offer(branch: Branch, copies: Sequence[Copy]) -> dict[str, Any]:
    """What a branch lends: how many stand on the shelf, or that one can be read there."""
    there = [copy for copy in copies if copy.status == Copy.Status.AVAILABLE]
    to_take = [copy for copy in there if not copy.is_reference_only]
    state = "InStock" if to_take else "InStoreOnly" if there else "OutOfStock"
    library = {"@type": "Library", "name": branch.name, "address": branch.address, "telephone": branch.phone}
    return {
        "@type": "Offer",
        "availability": f"https://schema.org/{state}",
        "businessFunction": LEND,
        "price": "0",
        "priceCurrency": settings.LIBRARY_CURRENCY,
        "inventoryLevel": {"@type": "QuantitativeValue", "value": len(to_take or there)},
        "availableAtOrFrom": {name: value for name, value in library.items() if value},
        "seller": {"@type": "Library", "name": settings.LIBRARY_NAME, "url": settings.LIBRARY_URL},
    }

"""The catalogue in the chat: search, a book with its shelves, reserved by a button."""

import secrets

from django.core.cache import cache
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.availability import Availability, BookCard, book_cards
from catalog.models import Book
from catalog.queries import SearchQuery, search_books
from catalog.templatetags.catalog import natural_names
from library.core.errors import Busy, Invalid, Refused
from policies.models import Branch
from reservations import actions
from reservations.queries import expected_at, waiting_for
from reservations.wording import sentence
from telegram.people import Person
from telegram.replies import Button, Reply, bold, joined, long, on_site, plain, short, shortened

PER_PAGE = 5
REMEMBERED = 24 * 3600
"""Seconds for which the pages of a search can be turned."""
MOST_PAGES = 200
MOST_BRANCHES = 40
"""Buttons of branches to collect at."""


def ask_for_words() -> Reply:
    """How to search."""
    return Reply(
        _("Send me a title, an author or an ISBN, with or without typing errors, and I look in the catalogue.")
    )


def search(person: Person, text: str) -> Reply:
    """The first page of what the catalogue has; its words are remembered for the other pages."""
    token = secrets.token_urlsafe(6)
    cache.set(_key(person, token), text, timeout=REMEMBERED)
    return _page(token, text, 1)


def turn(person: Person, token: str, page: str) -> Reply:
    """Another page of a search."""
    text = cache.get(_key(person, token))
    if text is None:
        return Reply(_("This search is too old. Send me the words again."))
    number = int(page) if page.isdecimal() and len(page) < 4 else 1
    return _page(token, text, min(max(number, 1), MOST_PAGES))


def show(person: Person, which: str, back: str = "") -> Reply:
    """A book with its shelves; `back` is the search that led here, as a button carries it."""
    card = _card(which)
    if card is None:
        return Reply(_("This book is no longer in the catalogue."))
    book, availability = card.book, card.availability
    lines = [_headed(card), *_shelves(availability)]
    if waiting := waiting_for(book):
        text = ngettext("%(count)d reader is waiting for it.", "%(count)d readers are waiting for it.", waiting)
        lines.append(text % {"count": waiting})
    buttons = on_site(reverse("book", args=[book.uid]))
    if person.reader and availability.total:
        buttons.insert(0, [Button(_("Reserve"), f"reserve:{short(book.uid)}")])
    if back:
        buttons.append([Button(_("Back to the list"), f"page:{back}")])
    return Reply("\n".join(lines), buttons)


def reserve(person: Person, which: str) -> Reply:
    """Reserve a book: at once where there is but one branch, else ask where to collect it, the reader's own first."""
    assert person.reader is not None
    card = _card(which)
    if card is None:
        return Reply(_("This book is no longer in the catalogue."))
    branches = list(Branch.objects.all()[:MOST_BRANCHES])
    if len(branches) == 1:
        return place(person, which, str(branches[0].pk))
    branches.sort(key=lambda branch: branch.pk != person.reader.home_branch_id)  # type: ignore[union-attr] # above
    days = expected_at(card.book, person.reader, branches, now=person.now)
    buttons = []
    for branch in branches:
        text = branch.name
        if expected := days.get(branch.pk):
            text = _("%(branch)s, around %(day)s") % {
                "branch": shortened(branch.name, 20),
                "day": date_format(expected, "j E"),
            }
        buttons.append([Button(text, f"place:{short(card.book.uid)}:{branch.pk}")])
    buttons.append([Button(_("Do not reserve"), f"book:{short(card.book.uid)}")])
    return Reply(_("Where would you like to collect %(title)s?") % {"title": bold(card.book)}, buttons)


def place(person: Person, which: str, branch: str) -> Reply:
    """Put the reader in the queue of a book."""
    assert person.reader is not None
    card = _card(which)
    if card is None or not branch.isdecimal() or len(branch) > 9:
        return Reply(_("This book is no longer in the catalogue."))
    mine = [[Button(_("My reservations"), "reservations")]]
    try:
        done = actions.reserve(
            book_id=card.book.pk,
            reader_id=person.reader.pk,
            pickup_branch_id=int(branch),
            by=person.user,
            now=person.now,
        )
    except Refused as error:
        reasons = " ".join(sentence(refusal) for refusal in error.refusals)
        return Reply(f"{bold(card.book)}\n{plain(reasons)}", mine)
    except Invalid as error:
        return Reply(plain(" ".join(str(message) for said in error.errors.values() for message in said)), mine)
    except Busy:
        text = _("“%(title)s” is being worked with. Try again in a moment.")
        return Reply(plain(text % {"title": card.book}), mine)
    text = _("%(title)s is reserved for you, to be collected at %(branch)s. We shall write to you when it is ready.")
    values = {"title": bold(card.book), "branch": plain(done.reservation.pickup_branch.name)}
    return Reply(text % values, mine)


def _page(token: str, text: str, page: int) -> Reply:
    result = search_books(SearchQuery(text=text, page=page, per_page=PER_PAGE))
    asked = _("Search: %(text)s") % {"text": bold(text)}
    if not result.total:
        hint = _("Nothing was found. Try fewer words, or only the surname of the author.")
        return Reply(f"{asked}\n\n{hint}")
    parts = [asked]
    if result.corrected:
        parts.append(
            _("Nothing had these words; this is what was found for %(text)s.") % {"text": bold(result.corrected)}
        )
    count = f"{result.total}+" if result.is_capped else str(result.total)
    parts[0] += "\n" + _("Found: %(count)s, page %(page)d of %(pages)d") % {
        "count": count,
        "page": page,
        "pages": min(result.pages, MOST_PAGES),
    }
    cards = book_cards(result.book_ids)
    first = (page - 1) * PER_PAGE + 1
    parts += [
        f"{number}. {_headed(card)}\n{plain(_where(card.availability))}" for number, card in enumerate(cards, first)
    ]
    numbers = [
        Button(str(number), f"book:{short(card.book.uid)}:{token}:{page}") for number, card in enumerate(cards, first)
    ]
    turns = []
    if page > 1:
        turns.append(Button("‹ " + _("Back"), f"page:{token}:{page - 1}"))
    if page < min(result.pages, MOST_PAGES):
        turns.append(Button(_("Next") + " ›", f"page:{token}:{page + 1}"))
    return Reply(joined(parts), [row for row in (numbers, turns) if row])


def _headed(card: BookCard) -> str:
    """Title, year and names."""
    year = f", {card.book.year}" if card.book.year else ""
    names = natural_names(card.names)
    return f"{bold(card.book)}{year}" + (f"\n{plain(names)}" if names else "")


def _where(availability: Availability) -> str:
    """Whether it can be taken home now, in one line."""
    if not availability.total:
        return _("no copies")
    if availability.on_shelf:
        at = next(shelf.name for shelf in availability.branches if shelf.on_shelf)
        return _("on the shelf: %(count)d (%(branch)s)") % {"count": availability.on_shelf, "branch": at}
    if availability.reading_room:
        return _("in the reading room only")
    return _("all copies are out")


def _shelves(availability: Availability) -> list[str]:
    """How many copies each branch has, and how many can be taken home."""
    if not availability.total:
        return [plain(_("no copies"))]
    text = _("%(branch)s: %(on_shelf)d on the shelf of %(total)d")
    return [
        plain(text % {"branch": shelf.name, "on_shelf": shelf.on_shelf, "total": shelf.total})
        + (f" ({plain(_('some in the reading room'))})" if shelf.reading_room else "")
        for shelf in availability.branches[:MOST_BRANCHES]
    ]


def _card(which: str) -> BookCard | None:
    uid = long(which)
    pk = Book.objects.filter(uid=uid).values_list("pk", flat=True).first() if uid else None
    return book_cards([pk])[0] if pk else None


def _key(person: Person, token: str) -> str:
    return f"telegram:search:{person.chat_id}:{token[:12]}"

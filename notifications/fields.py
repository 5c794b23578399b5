"""The fields that the words of each event may use, and an example of each for looking at them."""

from collections.abc import Mapping
from typing import Any, NamedTuple, get_type_hints

from django.utils.translation import gettext_lazy as _

from notifications import letters
from notifications.models import Event

LINES: Mapping[Event, type] = {
    Event.WELCOME: letters.Welcome,
    Event.CARD_EXPIRING: letters.CardExpiring,
    Event.LOAN_RECEIPT: letters.LoanLine,
    Event.DUE_SOON: letters.LoanLine,
    Event.OVERDUE: letters.LoanLine,
    Event.LOAN_REMINDER: letters.LoanLine,
    Event.AUTO_RENEWAL: letters.LoanLine,
    Event.AUTO_RENEWAL_REFUSED: letters.LoanLine,
    Event.DUE_DATE_MOVED: letters.LoanLine,
    Event.RESERVATION_READY: letters.ReservationLine,
    Event.RESERVATION_EXPIRING: letters.ReservationLine,
    Event.RESERVATION_EXPIRED: letters.ReservationLine,
    Event.RESERVATION_CANCELLED: letters.ReservationLine,
    Event.PICKUP_MOVED: letters.ReservationLine,
    Event.QUEUE_MOVED: letters.ReservationLine,
    Event.BRANCH_CLOSED: letters.ClosedLine,
    Event.CHARGE: letters.MoneyLine,
    Event.PAYMENT: letters.MoneyLine,
    Event.SUSPENSION: letters.SuspensionLine,
    Event.NEW_BOOKS: letters.NewBooks,
}
"""Events whose words may be edited, with what stands in each of their lines."""
HIDDEN = {"loan", "reservation", "entry"}
"""Public ids, of no use in words."""
COMMON = {
    "reader_name": "text",
    "library_name": "text",
    "library_url": "link",
    "loans_url": "link",
    "reservations_url": "link",
    "charges_url": "link",
    "profile_url": "link",
    "letters_url": "link",
    "search_url": "link",
    "count": "number",
    "stage": "number",
    "tone": "text",
}
NAMES = {
    "reader_name": _("the reader's name"),
    "library_name": _("the library's name"),
    "library_url": _("address of the catalogue"),
    "loans_url": _("address of the reader's loans"),
    "reservations_url": _("address of the reader's reservations"),
    "charges_url": _("address of the reader's charges"),
    "profile_url": _("address of the reader's card"),
    "letters_url": _("address of the choice of letters"),
    "search_url": _("address of the search"),
    "count": _("how many there are"),
    "stage": _("days before, after or of the loan"),
    "tone": _("tone of the reminder: gentle, firm, last"),
    "title": _("title"),
    "authors": _("authors"),
    "inventory_number": _("inventory number"),
    "branch": _("branch"),
    "due_on": _("due day"),
    "due_time": _("time of day it is due; empty for day loans"),
    "why": _("what there is to say of it"),
    "until_on": _("last day"),
    "from_on": _("first day"),
    "place": _("place in the queue"),
    "card_number": _("card number"),
    "expires_on": _("last good day of the card"),
    "is_renewed_online": _("the reader can extend the card"),
    "what": _("what it is for"),
    "reason": _("what staff said"),
    "total_amount": _("amount"),
    "receipt": _("number of the receipt"),
    "search": _("name of the search"),
    "address": _("the search, after “search_url?”"),
    "books": _("books found"),
    "more": _("how many more were found"),
    "book": _("number of the book in its address"),
}
FILTER_OF = {"date": "|day", "time": "|clock", "money": "|money"}
"""What a field of a kind is passed through."""


class Insertable(NamedTuple):
    """A field to put into words by a click."""

    source: str
    name: Any


def fields_of(event: Event) -> dict[str, Any]:
    """Name to kind, as `notifications.sandbox` takes it."""
    line = _of_line(event)
    return {**COMMON, "first": line, "lines": [line]}


def insertable(event: Event) -> list[Insertable]:
    """Every field, as it is written: those of the letter, then those of a line."""
    common = [Insertable(f"{{{{ {name} }}}}", NAMES[name]) for name in COMMON]
    line = [
        Insertable(f"{{{{ line.{name}{FILTER_OF.get(kind, '')} }}}}", NAMES[name])
        for name, kind in _of_line(event).items()
        if isinstance(kind, str)
    ]
    loop = Insertable("{% for line in lines %}\n\n{% endfor %}", _("all lines, one after another"))
    return [*common, loop, *line]


def _of_line(event: Event) -> dict[str, Any]:
    """What a line of this event has; a place in the queue only where it is what is told."""
    kinds = _kinds(LINES[event])
    if event != Event.QUEUE_MOVED:
        kinds.pop("place", None)
    return kinds


def _kinds(line: type) -> dict[str, Any]:
    return {name: _kind(name, hint) for name, hint in get_type_hints(line).items() if name not in HIDDEN}


def _kind(name: str, hint: Any) -> Any:
    if name.endswith("_on"):
        return "date"
    if name.endswith("_time"):
        return "time"
    if name.endswith("_amount"):
        return "money"
    if name == "books":
        return [_kinds(letters.BookLine)]
    return "number" if hint in (int, bool) else "text"


LOAN = {
    "loan": "", "title": "Война и мир", "authors": "Толстой Л. Н.", "inventory_number": "A-17",
    "branch": "Центральная библиотека", "due_on": "2026-11-23", "due_time": "", "why": "",
}  # fmt: skip
RESERVATION = {
    "reservation": "", "title": "Мастер и Маргарита", "authors": "Булгаков, Михаил", "branch": "Центральная библиотека",
    "until_on": "2026-11-30", "why": "", "place": 2,
}  # fmt: skip
MONEY = {
    "entry": "", "what": "пеня", "title": "Война и мир", "reason": "", "total_amount": "12.50", "receipt": "M-2026-17",
}  # fmt: skip
CARD = {"card_number": "R000017", "expires_on": "2027-11-20", "is_renewed_online": True}
BY_TYPE: dict[type, dict[str, Any]] = {
    letters.LoanLine: LOAN,
    letters.ReservationLine: RESERVATION,
    letters.MoneyLine: MONEY,
    letters.Welcome: {"card_number": "R000017", "expires_on": "2027-11-20"},
    letters.CardExpiring: CARD,
    letters.SuspensionLine: {"title": "Война и мир", "until_on": "2026-11-30"},
    letters.ClosedLine: {
        "title": "Мать", "branch": "Центральная библиотека", "from_on": "2026-12-28", "until_on": "2027-01-08",
        "why": "Ремонт",
    },
    letters.NewBooks: {
        "search": "Толстой", "address": "q=толстой", "more": 3,
        "books": [{"book": "", "title": "Хаджи-Мурат", "authors": "Толстой, Лев"}],
    },
}  # fmt: skip


def example(event: Event) -> list[dict[str, Any]]:
    """Two lines such as a letter of this event has, where no real one is at hand; as kept on notices."""
    line = {name: value for name, value in BY_TYPE[LINES[event]].items() if name in _of_line(event)}
    return [line, line] if "title" in line else [line]

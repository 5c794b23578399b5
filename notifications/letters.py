"""What the templates of letters are given: built where the cause is known, kept as JSON on the notice."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import NotRequired, TypedDict
from zoneinfo import ZoneInfo

from accounts.models import Reader

END_OF_DAY = time(23, 59, 59)
"""The time of day at which day loans fall due; letters then name the day alone."""


class LoanLine(TypedDict):
    """One loan in a letter."""

    loan: str
    """Public id of the loan."""
    title: str
    authors: str
    """Names separated by commas; may be empty."""
    inventory_number: str
    branch: str
    """Name of the branch that it belongs to."""
    due_on: str
    """ISO date in the branch's time zone."""
    due_time: str
    """HH:MM in the branch's time zone for hour loans; empty for day loans."""
    why: NotRequired[str]
    """What there is to say of this loan, in the language of the reader."""


def loan_line(
    *,
    loan: object,
    title: str,
    authors: str = "",
    inventory_number: str,
    branch: str,
    due_at: datetime,
    zone: ZoneInfo,
    why: str = "",
) -> LoanLine:
    """The data of a notice about one loan; `loan` is its public id, `zone` the time zone of its due date."""
    due = due_at.astimezone(zone)
    line = LoanLine(
        loan=str(loan),
        title=title,
        authors=authors,
        inventory_number=inventory_number,
        branch=branch,
        due_on=due.date().isoformat(),
        due_time="" if due.time().replace(microsecond=0) == END_OF_DAY else f"{due:%H:%M}",
    )
    if why:
        line["why"] = why
    return line


class ReservationLine(TypedDict):
    """One reservation in a letter."""

    reservation: str
    """Public id."""
    title: str
    authors: str
    """As in an index, separated by semicolons; may be empty."""
    branch: str
    """Name of the branch where it is collected."""
    until_on: str
    """ISO date: the last day on which it is kept; empty when none was set aside."""
    why: str
    """Of a cancellation, what staff said; of days that are closed, the reason; else empty."""
    place: NotRequired[int]
    """In the queue, from 1, where that is what is told."""


def reservation_line(
    *, reservation: object, title: str, authors: str, branch: str, until_on: date | None, why: str = "", place: int = 0
) -> ReservationLine:
    """The data of a notice about one reservation, given by its public id."""
    line = ReservationLine(
        reservation=str(reservation),
        title=title,
        authors=authors,
        branch=branch,
        until_on=until_on.isoformat() if until_on else "",
        why=why,
    )
    if place:
        line["place"] = place
    return line


class ClosedLine(TypedDict):
    """Something of a reader's at a branch that is closed on some days."""

    title: str
    """Of the book that is ready there, or falls due then."""
    branch: str
    from_on: str
    """ISO date: the first day."""
    until_on: str
    """ISO date: the last day."""
    why: str
    """The reason; may be empty."""


class BookLine(TypedDict):
    """A book that is new in the catalogue."""

    book: str
    """Public id."""
    title: str
    authors: str
    """As in an index, separated by semicolons; may be empty."""


class NewBooks(TypedDict):
    """What a saved search found."""

    search: str
    """Its name."""
    address: str
    """The parameters of its page of results."""
    books: list[BookLine]
    more: int
    """How many there are besides."""


class MessageData(TypedDict):
    """What staff wrote."""

    message: str
    """Public id."""
    subject: str
    text: str


class Welcome(TypedDict):
    """What a new reader needs to know."""

    card_number: str
    expires_on: str
    """ISO date: the last day on which the card is good."""


def welcome_data(reader: Reader) -> Welcome:
    """The data of a welcome."""
    return Welcome(card_number=reader.card_number, expires_on=reader.expires_on.isoformat())


class CardExpiring(TypedDict):
    """What a reader needs to know whose card is about to expire."""

    card_number: str
    expires_on: str
    """ISO date: the last day on which the card is good."""
    is_renewed_online: bool
    """They sign in, and their category lets them extend it themselves."""


class MoneyLine(TypedDict):
    """A charge or payment in a letter."""

    entry: str
    """Public id."""
    what: str
    """The kind of entry, in the language of the reader."""
    title: str
    """Of the book it is for; may be empty."""
    reason: str
    """What staff said; may be empty."""
    total_amount: str
    receipt: str
    """Number of the receipt; empty where no money moved."""


def money_line(*, entry: object, what: str, title: str, reason: str, amount: Decimal, receipt: str) -> MoneyLine:
    """The data of a notice about an entry of the ledger, given by its public id."""
    return MoneyLine(entry=str(entry), what=what, title=title, reason=reason, total_amount=str(amount), receipt=receipt)


class SuspensionLine(TypedDict):
    """A suspension in a letter."""

    title: str
    """Of the book that came back late."""
    until_on: str
    """ISO date: the last day on which the reader may not borrow."""


def suspension_line(*, title: str, until_on: date) -> SuspensionLine:
    """The data of a notice about a suspension."""
    return SuspensionLine(title=title, until_on=until_on.isoformat())

"""What templates say about loans: the words of `circulation.wording`."""

from datetime import date, datetime

from django import template

from catalog.models import Book
from circulation import wording
from circulation.models import Loan
from circulation.rules import Happened
from library.core import dates
from library.core.errors import Refusal

register = template.Library()


@register.filter
def say(told: Refusal | Happened) -> str:
    """A reason or happening as a sentence."""
    return wording.sentence(told)


@register.filter
def due(loan: Loan) -> str:
    """When a loan is due, on the clock of its branch."""
    return dates.moment(loan.due_local)


@register.filter
def day(value: date) -> str:
    """A day."""
    return dates.day(value)


@register.filter
def moment(local: datetime) -> str:
    """An instant that is on its own clock already."""
    return dates.moment(local)


@register.filter
def time_left(days: int) -> str:
    """How long a loan still has: due in 5 days."""
    return wording.time_left(days)


@register.filter
def late(days: int) -> str:
    """How late: 3 days late."""
    return wording.late(days)


@register.filter
def author_names(book: Book) -> list[str]:
    """The authors of a book that came `with_authors()`, as in an index."""
    return [contribution.author.name for contribution in book.contributions.all()]

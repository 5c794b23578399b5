"""What goes wrong in the world outside, as sentences."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lookup.findings import Source
from lookup.trouble import Trouble, Unavailable

SOURCE_NAMES: Mapping[Source, str] = {Source.OPEN_LIBRARY: "Open Library", Source.GOOGLE_BOOKS: "Google Books"}
"""Proper names: the same in every language."""

_SENTENCES: Mapping[Trouble, Any] = {
    Trouble.UNREACHABLE: gettext_lazy("%(name)s cannot be reached. Is this library connected to the internet?"),
    Trouble.TIMED_OUT: gettext_lazy("%(name)s did not answer in time."),
    Trouble.RATE_LIMITED: gettext_lazy("%(name)s answers no more questions for now. Try again later."),
    Trouble.FAILED: gettext_lazy("%(name)s answered with an error (%(status)s)."),
    Trouble.TOO_LARGE: gettext_lazy("The answer of %(name)s is too large."),
    Trouble.UNREADABLE: gettext_lazy("The answer of %(name)s cannot be understood."),
    Trouble.FORBIDDEN_ADDRESS: gettext_lazy("%(name)s leads to an address that may not be asked: %(host)s."),
}


def sentence(name: str, failure: Unavailable) -> str:
    """Why the server called `name` gave no answer."""
    return str(_SENTENCES[failure.trouble]) % {"status": "", "host": "", **failure.data, "name": name}


def nothing_found(isbn: str) -> str:
    """Nobody knows the book."""
    return _("Nobody knows the ISBN %(isbn)s. Check the digits, or describe the book by hand.") % {"isbn": isbn}


def nobody_answered() -> str:
    """The rest of the page works all the same."""
    return _("Describe the book by hand, or try again later.")


def too_often() -> str:
    """The user asked more than `LOOKUP_PER_MINUTE`."""
    return _("Too many questions in one minute. Wait a little, then go on.")

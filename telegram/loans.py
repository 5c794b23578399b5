"""A reader's loans in the chat: what is at home, until when, renewed by a button."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.templatetags.catalog import natural_names
from circulation import queries
from circulation.actions import renew
from circulation.models import Loan
from circulation.queries import LoanState
from circulation.wording import late, sentence, time_left
from library.core.dates import moment
from library.core.errors import Busy, Refused
from library.core.money import money
from telegram.people import Person
from telegram.replies import Button, Reply, bold, joined, long, on_site, plain, short

MOST_BUTTONS = 20
"""Loans with a button of their own; the page has the rest."""


def my_loans(person: Person, *, toast: str = "") -> Reply:
    """What is at home, the most urgent first."""
    assert person.reader is not None
    loans = queries.with_authors(queries.open_loans_of(person.reader))
    states = queries.loan_states(loans, now=person.now)
    if not states:
        return Reply(_("You have nothing from the library now."), toast=toast)
    count = len(states)
    head = ngettext(
        "%(count)d thing from the library is with you.", "%(count)d things from the library are with you.", count
    )
    renewable = [state for state in states if not state.renewal_refusals]
    buttons = [
        [Button(_("Renew: %(title)s") % {"title": state.loan.copy.book.title}, f"renew:{short(state.loan.uid)}")]
        for state in renewable[:MOST_BUTTONS]
    ]
    if len(renewable) > 1:
        buttons.insert(0, [Button(_("Renew all that can be"), "renew:all")])
    text = joined([head % {"count": count}, *map(_told, states)], more=_("The rest is on the page of your loans."))
    return Reply(text, [*buttons, *on_site(reverse("my_loans"))], toast=toast)


def renew_one(person: Person, which: str) -> Reply:
    """Renew one of the reader's own loans, or each that may be; then the list as it is now."""
    assert person.reader is not None
    loans = queries.open_loans_of(person.reader)
    if which == "all":
        states = queries.loan_states(loans, now=person.now)
        wanted = [state.loan for state in states if not state.renewal_refusals]
    else:
        uid = long(which)
        wanted = list(loans.filter(uid=uid)) if uid else []
    if not wanted:
        return my_loans(person, toast=_("There is nothing to renew: the list is up to date now."))
    told = [_renewed(loan, person) for loan in wanted]
    if len(told) == 1:
        return my_loans(person, toast=told[0])
    return my_loans(person, toast=_("Done. The list shows the new days."))


def _renewed(loan: Loan, person: Person) -> str:
    """Renew it and say what came of it."""
    title = loan.copy.book.title
    try:
        renewed = renew(loan_id=loan.pk, by=person.user, now=person.now)
    except Refused as error:
        reasons = " ".join(sentence(refusal) for refusal in error.refusals)
        return _("“%(title)s” was not renewed. %(reasons)s") % {"title": title, "reasons": reasons}
    except Busy:
        return _("“%(title)s” is being worked with. Try again in a moment.") % {"title": title}
    text = _("“%(title)s” is yours until %(due)s.") % {"title": title, "due": moment(renewed.loan.due_local)}
    if renewed.fine:
        text += " " + _("The fine is %(amount)s.") % {"amount": money(renewed.fine)}
    return text


def _told(state: LoanState) -> str:
    """One loan: title and authors, when it is due, why it cannot be renewed."""
    loan, book = state.loan, state.loan.copy.book
    lines = [bold(book.title)]
    if names := natural_names([contribution.author.name for contribution in book.contributions.all()]):
        lines.append(plain(names))
    lines.append(_("Until %(due)s (%(state)s)") % {"due": moment(loan.due_local), "state": _state(state)})
    if state.charge_so_far:
        lines.append(_("If you bring it back today, the fine is %(amount)s.") % {"amount": money(state.charge_so_far)})
    if state.renewal_refusals:
        reasons = " ".join(sentence(refusal) for refusal in state.renewal_refusals)
        lines.append(f"<i>{plain(_('Cannot be renewed now.'))} {plain(reasons)}</i>")
    return "\n".join(lines)


def _state(state: LoanState) -> str:
    if state.loan.is_claimed_returned:
        return _("you say that it is back: we are searching for it")
    if state.loan.lost_at:
        return _("declared lost")
    if state.is_overdue:
        return late(state.overdue_days) if state.overdue_days else _("overdue")
    return time_left(max(state.days_left, 0))

"""A reader's reservations in the chat: place in the queue, where to collect, given up by a button."""

from django.urls import reverse
from django.utils.translation import gettext as _

from library.core.dates import day
from library.core.errors import Busy, Refused
from reservations import actions, queries
from reservations.models import Reservation
from reservations.queries import Standing
from reservations.wording import sentence
from telegram.people import Person
from telegram.replies import Button, Reply, bold, joined, long, on_site, plain, short

MOST_BUTTONS = 20


def my_reservations(person: Person, *, toast: str = "") -> Reply:
    """What the reader waits for and can collect."""
    assert person.reader is not None
    standings = queries.standings(list(queries.active_of(person.reader)), now=person.now)
    if not standings:
        text = _("You have reserved nothing. Send me a title or an author, and reserve what you like.")
        return Reply(text, toast=toast)
    buttons = [
        [Button(_("Cancel: %(title)s") % {"title": one.reservation.book.title}, f"drop:{short(one.reservation.uid)}")]
        for one in standings[:MOST_BUTTONS]
    ]
    text = joined(list(map(_told, standings)), more=_("The rest is on the page of your reservations."))
    return Reply(text, [*buttons, *on_site(reverse("my_reservations"))], toast=toast)


def ask_to_cancel(person: Person, which: str) -> Reply:
    """Whether the reader means it."""
    mine = _mine(person, which)
    if mine is None:
        return my_reservations(person, toast=_("This reservation is over."))
    text = _("Give up the reservation of %(title)s?") % {"title": bold(mine.book)}
    yes = Button(_("Yes, cancel it"), f"drop!:{short(mine.uid)}")
    return Reply(text, [[yes, Button(_("No, keep it"), "reservations")]])


def cancel(person: Person, which: str) -> Reply:
    """Give a reservation up; then the list as it is now."""
    mine = _mine(person, which)
    if mine is None:
        return my_reservations(person, toast=_("This reservation is over."))
    try:
        actions.cancel(reservation_id=mine.pk, by=person.user, now=person.now)
    except Refused as error:
        return my_reservations(person, toast=" ".join(sentence(refusal) for refusal in error.refusals))
    except Busy:
        text = _("“%(title)s” is being worked with. Try again in a moment.")
        return my_reservations(person, toast=text % {"title": mine.book})
    told = _("The reservation of “%(title)s” is cancelled.") % {"title": mine.book}
    return my_reservations(person, toast=told)


def _mine(person: Person, which: str) -> Reservation | None:
    """The reader's own active reservation: also staff have only their own here."""
    assert person.reader is not None
    return queries.active_of(person.reader).filter(uid=uid).first() if (uid := long(which)) else None


def _told(one: Standing) -> str:
    reservation = one.reservation
    values = {"branch": reservation.pickup_branch.name}
    match reservation.state:
        case Reservation.State.READY:
            assert reservation.pickup_until is not None
            values["until"] = day(reservation.pickup_until)
            lines = [_("Ready: collect it at %(branch)s until %(until)s.") % values]
        case Reservation.State.IN_TRANSIT:
            lines = [_("On its way to %(branch)s.") % values]
        case _waiting:
            place = {"place": one.place, "waiting": one.waiting, **values}
            lines = [_("You are number %(place)d of %(waiting)d in the queue; to be collected at %(branch)s.") % place]
            if one.is_suspended:
                assert reservation.suspended_until is not None
                lines.append(_("You are passed over until %(day)s.") % {"day": day(reservation.suspended_until)})
            elif one.expected_on:
                lines.append(_("Expected around %(day)s.") % {"day": day(one.expected_on)})
    return "\n".join([bold(reservation.book), *map(plain, lines)])

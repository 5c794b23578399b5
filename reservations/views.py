"""A reader's own reservations: placed, suspended, resumed and cancelled with one click each."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Reader, User
from accounts.queries import reader_of
from catalog.models import Book
from library.core.dates import day
from library.core.errors import Busy, Invalid, Refused
from reservations import actions, queries
from reservations.forms import PlaceForm, SuspendForm
from reservations.models import Reservation
from reservations.wording import sentence

PAST_SHOWN = 10
"""Reservations that are over and still told of."""


@require_safe
@login_required
def my_reservations(request: HttpRequest) -> HttpResponse:
    """What the reader waits for and can collect, with place and expected date; and how the latest ones ended."""
    reader = _reader_of(request)
    now = timezone.now()
    active = list(queries.with_authors(queries.active_of(reader))) if reader else []
    past = queries.past_of(reader)[:PAST_SHOWN] if reader else []
    context = {
        "reader": reader,
        "standings": queries.standings(active, now=now),
        "ready": sum(one.state == Reservation.State.READY for one in active),
        "past": past,
        "today": timezone.localdate(now),
    }
    return render(request, "reservations/my_reservations.html", context)


@require_POST
@login_required
def place(request: HttpRequest) -> HttpResponse:
    """Reserve a book for the reader who is signed in."""
    form = PlaceForm(request.POST)
    reader = _reader_of(request)
    if reader is None or not form.is_valid():
        raise Http404
    book = get_object_or_404(Book.objects.only("title", "volume", "uid"), uid=form.cleaned_data["book"])
    done = _try(
        request,
        book,
        lambda by: actions.reserve(
            book_id=book.pk,
            reader_id=reader.pk,
            pickup_branch_id=form.cleaned_data["branch"].pk,
            by=by,
            now=timezone.now(),
        ),
        _("“%(title)s” is reserved for you. We shall write to you when it is ready."),
    )
    return redirect("my_reservations") if done else redirect("book", book.uid)


@require_POST
@login_required
def cancel(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Give a reservation up."""
    mine = _mine(request, uid)
    _try(
        request,
        mine.book,
        lambda by: actions.cancel(reservation_id=mine.pk, by=by, now=timezone.now()),
        _("The reservation of “%(title)s” is cancelled."),
    )
    return redirect("my_reservations")


@require_POST
@login_required
def suspend(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Be passed over until a day, without losing one's place."""
    mine = _mine(request, uid)
    form = SuspendForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a day from today on, within a year."))
        return redirect("my_reservations")
    until = form.cleaned_data["until"]
    told = _("You are passed over for “%(title)s” until %(day)s and keep your place.")
    _try(
        request,
        mine.book,
        lambda by: actions.suspend(reservation_id=mine.pk, until=until, by=by, now=timezone.now()),
        told.replace("%(day)s", day(until)),
    )
    return redirect("my_reservations")


@require_POST
@login_required
def resume(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take part in the queue again."""
    mine = _mine(request, uid)
    _try(
        request,
        mine.book,
        lambda by: actions.resume(reservation_id=mine.pk, by=by, now=timezone.now()),
        _("You are waiting for “%(title)s” again."),
    )
    return redirect("my_reservations")


def _try(request: HttpRequest, book: Book, deed: Callable[[User], Any], told: str) -> bool:
    """Do it and tell the reader what came of it; whether it was done."""
    assert isinstance(request.user, User)
    try:
        deed(request.user)
    except Refused as error:
        reasons = " ".join(sentence(refusal) for refusal in error.refusals)
        messages.warning(request, f"“{book}”: {reasons}")
    except Invalid as error:
        messages.error(request, " ".join(message for said in error.errors.values() for message in said))
    except Busy:
        messages.error(request, _("“%(title)s” is being worked with. Try again in a moment.") % {"title": book})
    else:
        messages.success(request, told % {"title": book})
        return True
    return False


def _mine(request: HttpRequest, uid: UUID) -> Reservation:
    """The reader's own reservation: also staff have only their own here."""
    reader = _reader_of(request)
    if reader is None:
        raise Http404
    return get_object_or_404(Reservation.objects.filter(reader=reader).in_full(), uid=uid)


def _reader_of(request: HttpRequest) -> Reader | None:
    assert isinstance(request.user, User)
    return reader_of(request.user)

"""A reader's own pages: the card extended, the history kept or forgotten, the data taken away, the entry erased."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import Reader, User
from accounts.queries import reader_of
from library.core.dates import day
from library.core.errors import Busy, Refused
from readership.cards import renew_own_card
from readership.wording import sentence


@require_POST
@login_required
def renew_my_card(request: HttpRequest) -> HttpResponse:
    """Extend one's own card, or say every reason why not."""
    reader, user = _own(request)
    try:
        renewed = renew_own_card(reader_id=reader.pk, by=user, now=timezone.now())
    except Refused as error:
        for refusal in error.refusals:
            messages.error(request, sentence(refusal))
    except Busy:
        messages.error(request, _busy())
    else:
        messages.success(request, _("Your card is valid until %(day)s.") % {"day": day(renewed.expires_on)})
    return redirect("profile")


def _busy() -> str:
    return _("Somebody is working with your card just now. Try again in a moment.")


def _own(request: HttpRequest) -> tuple[Reader, User]:
    """The card of whoever is signed in; staff without one find nothing here."""
    assert isinstance(request.user, User)
    reader = reader_of(request.user)
    if reader is None:
        raise Http404
    return reader, request.user

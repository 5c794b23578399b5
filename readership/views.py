"""A reader's own pages: the card extended, the history kept or forgotten, the data taken away, the entry erased."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Reader, User
from accounts.queries import reader_of
from library.core.dates import day
from library.core.errors import Busy, Refused
from readership import data_files, erasure, rules
from readership.cards import renew_own_card
from readership.forgetting import choose_history, forget_history_of
from readership.models import DataFile, ErasureRequest
from readership.tasks import make_files_soon
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


@require_POST
@login_required
def choose_my_history(request: HttpRequest) -> HttpResponse:
    """Keep one's own history for longer than the library does, or no longer."""
    reader, user = _own(request)
    is_kept = request.POST.get("keep") == "yes"
    try:
        choose_history(reader_id=reader.pk, is_kept=is_kept, by=user, now=timezone.now())
    except Busy:
        messages.error(request, _busy())
    else:
        messages.success(request, _("Your history is kept.") if is_kept else _("Your history is no longer kept."))
    return redirect("my_history")


@require_POST
@login_required
def forget_my_history(request: HttpRequest) -> HttpResponse:
    """Forget at once what one has brought back."""
    reader, user = _own(request)
    try:
        done = forget_history_of(reader_id=reader.pk, by=user, now=timezone.now())
    except Busy:
        messages.error(request, _busy())
    else:
        messages.success(request, _("Your history is forgotten."))
        if done.owed_for:
            messages.warning(request, _("What something is owed for stays until it is paid."))
    return redirect("my_history")


@require_safe
@login_required
def my_data(request: HttpRequest) -> HttpResponse:
    """What one may take away, and the wish to be erased with all that stands against it."""
    reader, user = _own(request)
    context = {
        "reader": reader,
        "files": data_files.files_visible_to(user, now=timezone.now()).filter(reader=reader),
        "wish": reader.erasure_requests.first(),
        "refusals": rules.erasure_refusals(erasure.erasure_facts(reader)),
        "is_at_once": settings.READER_ERASURE == "at_once",
    }
    return render(request, "readership/my_data.html", context)


@require_POST
@login_required
def ask_for_my_data(request: HttpRequest) -> HttpResponse:
    """Make the file: at once if it is small, else a worker does."""
    reader, user = _own(request)
    try:
        file = data_files.ask_for_data(reader_id=reader.pk, by=user, now=timezone.now())
    except Busy:
        messages.error(request, _busy())
        return redirect("my_data")
    make_or_leave(file)
    return redirect("my_data")


def make_or_leave(file: DataFile) -> None:
    """Make a small file now, leave a big one to a worker."""
    if file.state == DataFile.State.WAITING:
        if data_files.is_small(file.reader_id):
            data_files.make(file_id=file.pk, now=timezone.now())
        else:
            make_files_soon()


@require_safe
@login_required
def fetch_data(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The zip: of one's own data, or, with the permission, of anybody's."""
    assert isinstance(request.user, User)
    now = timezone.now()
    ready = data_files.files_visible_to(request.user, now=now).filter(state=DataFile.State.READY)
    return zip_response(get_object_or_404(ready, uid=uid), by=request.user)


def zip_response(file: DataFile, *, by: User) -> HttpResponse:
    """The file as a download that nothing keeps on its way."""
    headers = {"Content-Disposition": 'attachment; filename="reader-data.zip"', "Cache-Control": "no-store"}
    content = data_files.fetch(file, by=by, now=timezone.now())
    return HttpResponse(content, content_type="application/zip", headers=headers)


@require_POST
@login_required
def ask_to_be_erased(request: HttpRequest) -> HttpResponse:
    """Wish to be erased: with the password, since nothing brings it back."""
    reader, user = _own(request)
    if user.has_usable_password() and not user.check_password(request.POST.get("password", "")[:200]):
        messages.error(request, _("This is not your password. Nothing was changed."))
        return redirect("my_data")
    try:
        wish = erasure.ask(reader_id=reader.pk, by=user, now=timezone.now())
    except Refused as error:
        for refusal in error.refusals:
            messages.error(request, sentence(refusal))
    except Busy:
        messages.error(request, _busy())
    else:
        if wish.state == ErasureRequest.State.DONE:
            logout(request)
            messages.success(request, _("Your data is erased. Goodbye."))
            return redirect("home")
        messages.success(request, _("The library has your wish, and decides on it soon."))
    return redirect("my_data")


@require_POST
@login_required
def stay(request: HttpRequest) -> HttpResponse:
    """Take the wish to be erased back."""
    reader, user = _own(request)
    erasure.withdraw(reader_id=reader.pk, by=user, now=timezone.now())
    messages.success(request, _("You stay with us."))
    return redirect("my_data")


def _busy() -> str:
    return _("Somebody is working with your card just now. Try again in a moment.")


def _own(request: HttpRequest) -> tuple[Reader, User]:
    """The card of whoever is signed in; staff without one find nothing here."""
    assert isinstance(request.user, User)
    reader = reader_of(request.user)
    if reader is None:
        raise Http404
    return reader, request.user

"""The photo of a reader: shown to staff at the desk, put and taken away there."""

from io import BytesIO
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe
from PIL import Image, ImageOps

from accounts.models import Reader, ReaderPhoto
from accounts.photos import drop_photo, put_photo
from catalog.cover_images import read_cover
from circulation.desk import DeskRequest, readers_served, staff_who_may
from circulation.forms import PhotoForm
from library.core.errors import Busy

SIDE = 400
"""Pixels of the square that is kept."""
QUALITY = 82


@require_safe
@staff_who_may("check_out_copies", "return_copies")
@cache_control(private=True, max_age=3600)
def photo(request: DeskRequest, uid: UUID) -> HttpResponse:
    """The picture itself."""
    if not request.user.has_perm("accounts.view_reader"):
        raise PermissionDenied
    found = get_object_or_404(ReaderPhoto, reader__uid=uid)
    return HttpResponse(bytes(found.image), content_type="image/webp")


@require_http_methods(["GET", "POST"])
@staff_who_may("check_out_copies", "return_copies")
def change_photo(request: DeskRequest, uid: UUID) -> HttpResponse:
    """Take a photo of a reader, choose one, or take it away."""
    if not request.user.has_perm("accounts.change_reader"):
        raise PermissionDenied
    reader: Reader = get_object_or_404(readers_served(), uid=uid)
    form = PhotoForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            if upload := form.cleaned_data["photo"]:
                put_photo(reader_id=reader.pk, image=_square(read_cover(upload)), by=request.user, now=timezone.now())
                messages.success(request, _("The photo is kept."))
            else:
                drop_photo(reader_id=reader.pk, by=request.user, now=timezone.now())
                messages.success(request, _("The photo is taken away."))
        except ValidationError as problem:
            form.add_error("photo", problem)
        except Busy:
            form.add_error(None, _("Somebody else is working with this copy or reader. Send it again in a moment."))
        else:
            return redirect("desk_reader", reader.uid)
    context = {"form": form, "reader": reader, "title": _("Photo of a reader")}
    return render(request, "admin/desk/photo.html", admin.site.each_context(request) | context)


def _square(picture: Image.Image) -> bytes:
    content = BytesIO()
    ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.LANCZOS, centering=(0.5, 0.35)).save(
        content, "WEBP", quality=QUALITY, method=4
    )
    return content.getvalue()

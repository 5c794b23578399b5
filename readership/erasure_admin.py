"""The panel's pages for readers' data: the file given out, the wish to be erased decided on."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Reader
from library.core.admin import ReadOnlyAdmin
from library.core.errors import Busy, Invalid, Refused
from library.core.templatetags.design import status
from readership import data_files, erasure, rules
from readership.models import ErasureRequest
from readership.views import make_or_leave
from readership.wording import sentence

SIGNS = {"waiting": "warn", "done": "good", "declined": "bad", "withdrawn": "quiet"}


@admin.register(ErasureRequest)
class ErasureRequestAdmin(ReadOnlyAdmin):
    """Who wishes to be erased, and what became of it."""

    list_display = ("asked_at", "reader_link", "standing", "decided_at", "decided_by")
    list_filter = ("state",)
    list_select_related = ("reader", "decided_by")
    search_fields = ("reader__folded_name", "reader__card_number")
    fields = ("reader_link", "asked_at", "standing", "decided_at", "decided_by", "why")
    readonly_fields = ("reader_link", "asked_at", "standing", "decided_at", "decided_by", "why")

    def get_urls(self) -> list[URLPattern]:
        """The page of one reader's data besides Django's own."""
        view = self.admin_site.admin_view
        return [
            path("reader/<int:pk>/", view(require_safe(self.data_view)), name="readership_data"),
            path("reader/<int:pk>/file/", view(require_POST(self.file_view)), name="readership_data_file"),
            path("reader/<int:pk>/erase/", view(require_POST(self.erase_view)), name="readership_erase"),
            path("reader/<int:pk>/decline/", view(require_POST(self.decline_view)), name="readership_decline"),
            *super().get_urls(),
        ]

    def data_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What may be done with one reader's data."""
        if not _may_any(request):
            raise PermissionDenied
        reader = _reader(pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Data of the reader"),
            "reader": reader,
            "files": reader.data_files.defer("content"),
            "wish": reader.erasure_requests.first(),
            "refusals": rules.erasure_refusals(erasure.erasure_facts(reader)),
            "now": timezone.now(),
        }
        return TemplateResponse(request, "admin/readership/data.html", context)

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make the file with all data of a reader."""
        _require(request, "readership.give_reader_data")
        try:
            make_or_leave(data_files.ask_for_data(reader_id=_reader(pk).pk, by=request.user, now=timezone.now()))  # type: ignore[arg-type] # staff
        except Busy:
            messages.error(request, _("Somebody else is changing the same just now. Try it again."))
        return redirect("admin:readership_data", pk)

    def erase_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Erase the reader whose card number was typed once more."""
        _require(request, "readership.erase_readers")
        reader = _reader(pk)
        if request.POST.get("card_number", "").strip().lower() != reader.card_number.lower():
            messages.error(request, _("This is not the number of the card. Nothing was erased."))
            return redirect("admin:readership_data", pk)
        try:
            erasure.erase(reader_id=pk, by=request.user, now=timezone.now())  # type: ignore[arg-type] # staff
        except Refused as error:
            for refusal in error.refusals:
                messages.error(request, sentence(refusal))
            return redirect("admin:readership_data", pk)
        except Busy:
            messages.error(request, _("Somebody else is changing the same just now. Try it again."))
            return redirect("admin:readership_data", pk)
        messages.success(request, _("The reader is erased."))
        return redirect("admin:accounts_reader_changelist")

    def decline_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Do not erase, and say why."""
        _require(request, "readership.erase_readers")
        try:
            erasure.decline(
                reader_id=_reader(pk).pk,
                why=request.POST.get("why", "")[:1000],
                by=request.user,  # type: ignore[arg-type] # staff
                now=timezone.now(),
            )
        except Invalid as error:
            for words in error.errors.values():
                messages.error(request, " ".join(map(str, words)))
        else:
            messages.success(request, _("The wish is declined."))
        return redirect("admin:readership_data", pk)

    @admin.display(description=gettext_lazy("reader"))
    def reader_link(self, wish: ErasureRequest) -> SafeString | str:
        """Leading to where it is decided, while the reader is there."""
        if wish.reader.erased_at:
            return str(wish.reader)
        return format_html('<a href="{}">{}</a>', reverse("admin:readership_data", args=[wish.reader_id]), wish.reader)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def standing(self, wish: ErasureRequest) -> SafeString:
        """As a sign."""
        return status(SIGNS[wish.state], wish.get_state_display())


def _reader(pk: int) -> Reader:
    return get_object_or_404(Reader.objects.current().select_related("user", "category", "home_branch"), pk=pk)


def _may_any(request: HttpRequest) -> bool:
    permissions = ("readership.give_reader_data", "readership.erase_readers")
    return any(request.user.has_perm(permission) for permission in permissions)


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied

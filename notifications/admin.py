"""Letters and notices on the panel: what readers were told, what could not be delivered, and sending that again."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, linebreaks
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from library.core.admin import ReadOnlyAdmin
from notifications import actions
from notifications.message_pages import message_page
from notifications.models import Letter, LetterTemplate, Message, Notice
from notifications.reader_pages import reader_letters, unbounce
from notifications.rendering import Rendered, Unrenderable, render
from notifications.words_pages import all_words, edit_words, preview_words, reset_words_view


class NoticeInline(admin.TabularInline):
    """What a letter carries."""

    model = Notice
    fields = ("key", "created_at")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin):
    """Every letter with its fate; those given up can be sent again."""

    list_display = ("created_at", "reader", "event", "channel", "address", "status", "attempts", "sent_at")
    list_filter = ("status", "channel", "event", "language")
    list_select_related = ("reader",)
    search_fields = ("address", "reader__folded_name", "reader__card_number")
    search_help_text = _("Address, name or card number")
    date_hierarchy = "created_at"
    actions = ("resend",)
    inlines = (NoticeInline,)
    fieldsets = (
        (None, {"fields": ("subject", "text", "preview_link")}),
        (_("Address"), {"fields": ("reader", "channel", "address", "language", "tried")}),
        (
            _("Delivery"),
            {
                "fields": (
                    ("event", "stage"),
                    ("status", "attempts"),
                    ("created_at", "sent_at"),
                    ("claimed_at", "next_attempt_at", "expires_at"),
                    "last_error",
                )
            },
        ),
    )
    readonly_fields = ("subject", "text", "preview_link")

    @admin.display(description=_("subject"))
    def subject(self, letter: Letter) -> str:
        """In the reader's language."""
        rendered = self._rendered(letter)
        return rendered.subject if rendered else "—"

    @admin.display(description=_("text"))
    def text(self, letter: Letter) -> str:
        """The plain text that mail programs without HTML show."""
        rendered = self._rendered(letter)
        return linebreaks(rendered.text, autoescape=True) if rendered else gettext("The letter cannot be rendered.")

    @admin.display(description=_("as it looks"))
    def preview_link(self, letter: Letter) -> SafeString:
        """Opens the HTML of the letter."""
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:notifications_letter_preview", args=[letter.pk]), _("Open the letter")
        )

    @admin.action(description=_("Send again (letters given up)"), permissions=["resend"])
    def resend(self, request: HttpRequest, letters: QuerySet[Letter]) -> None:
        """Give the chosen dead letters a new set of attempts, to the present addresses of their readers."""
        assert isinstance(request.user, User)
        chosen = list(letters.values_list("pk", flat=True))
        count = actions.resend(letter_ids=chosen, by=request.user, now=timezone.now())
        if count:
            text = ngettext(
                "%(count)d letter will leave within a minute.", "%(count)d letters will leave within a minute.", count
            )
            messages.success(request, text % {"count": count})
        if left := len(chosen) - count:
            text = ngettext(
                "%(count)d letter was not given up, or its reader has no address: nothing to do.",
                "%(count)d letters were not given up, or their readers have no address: nothing to do.",
                left,
            )
            messages.warning(request, text % {"count": left})

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Whether this user may send letters again."""
        return request.user.has_perm("notifications.resend_letters")

    def get_urls(self) -> list[URLPattern]:
        preview = path(
            "<int:pk>/preview/", self.admin_site.admin_view(self.preview), name="notifications_letter_preview"
        )
        view = self.admin_site.admin_view
        return [
            preview,
            path("reader/<int:pk>/", view(reader_letters), name="notifications_reader"),
            path("reader/<int:pk>/trust-address/", view(unbounce), name="notifications_reader_unbounce"),
            *super().get_urls(),
        ]

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The HTML of a letter, its style allowed by the nonce of this page."""
        letter = get_object_or_404(Letter.objects.select_related("reader__home_branch"), pk=pk)
        if not self.has_view_permission(request, letter):
            raise PermissionDenied
        try:
            return HttpResponse(render(letter, nonce=str(request.csp_nonce)).html)  # type: ignore[attr-defined] # django-csp
        except Unrenderable as error:
            return HttpResponse(str(error), content_type="text/plain", status=500)

    def _rendered(self, letter: Letter) -> Rendered | None:
        try:
            return render(letter)
        except Unrenderable:
            return None


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """Every notice and the letter that carries it."""

    list_display = ("created_at", "reader", "event", "stage", "ready_at", "letter_link")
    list_filter = ("event", ("letter", admin.EmptyFieldListFilter))
    list_select_related = ("reader", "letter")
    search_fields = ("key", "reader__folded_name", "reader__card_number")
    search_help_text = _("Name, card number or key")
    date_hierarchy = "created_at"
    fields = ("key", "event", "stage", "reader", "created_at", "ready_at", "letter_link", "data")
    readonly_fields = ("letter_link",)

    @admin.display(description=_("letter"))
    def letter_link(self, notice: Notice) -> str:
        """The state of the letter, leading to it."""
        if notice.letter is None:
            return gettext("not yet written")
        url = reverse("admin:notifications_letter_change", args=[notice.letter.pk])
        return format_html('<a href="{}">{}</a>', url, notice.letter.get_status_display())


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """What staff wrote to readers, and writing."""

    list_display = ("written_at", "subject", "readers", "written_by")
    list_select_related = ("written_by",)
    search_fields = ("subject", "text")
    date_hierarchy = "written_at"
    fields = ("subject", "text", "readers", "written_by", "written_at")

    def get_urls(self) -> list[URLPattern]:
        write = path("write/", self.admin_site.admin_view(message_page), name="notifications_message")
        return [write, *super().get_urls()]


@admin.register(LetterTemplate)
class LetterTemplateAdmin(ReadOnlyAdmin):
    """The words of letters; the pages are those of `notifications.words_pages`."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Every event, instead of a list of rows."""
        return all_words(request)

    def get_urls(self) -> list[URLPattern]:
        view, place = self.admin_site.admin_view, "<str:event>/<str:language>/<str:kind>/"
        return [
            path(f"words/{place}", view(edit_words), name="notifications_words"),
            path(f"words/{place}preview/", view(preview_words), name="notifications_preview_words"),
            path(f"words/{place}reset/", view(reset_words_view), name="notifications_reset_words"),
            *super().get_urls(),
        ]

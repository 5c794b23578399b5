"""Reservations and transfers on the panel: looked at and searched; what is done to them is done on their own pages."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.queries import reader_by_scan
from catalog.copy_numbers import copy_by_scan
from library.core.admin import ReadOnlyAdmin
from library.core.dates import day, moment
from library.core.models import AuditEntry
from library.core.templatetags.design import status
from library.core.text import fold
from reservations.models import Reservation, Transfer

SIGNS = {
    Reservation.State.WAITING: "info",
    Reservation.State.IN_TRANSIT: "info",
    Reservation.State.READY: "good",
    Reservation.State.COLLECTED: "quiet",
    Reservation.State.CANCELLED: "quiet",
    Reservation.State.EXPIRED: "warn",
}
DEEDS = {
    "reservations.reserve": gettext_lazy("reserved"),
    "reservations.suspend": gettext_lazy("suspended"),
    "reservations.resume": gettext_lazy("resumed"),
    "reservations.move": gettext_lazy("moved in the queue"),
    "reservations.set_aside": gettext_lazy("copy set aside"),
    "reservations.pass_over": gettext_lazy("copy lent to somebody else"),
    "reservations.collect": gettext_lazy("collected"),
    "reservations.cancel": gettext_lazy("cancelled"),
    "reservations.expire": gettext_lazy("not collected in time"),
}
"""The audit's codes about a reservation, in words."""


def matching(queryset: QuerySet[Any], term: str, *, book: str, reader: str | None) -> QuerySet[Any]:
    """Rows by a scanned code of their copy or reader, or by words of the title and the reader's name."""
    copy, card = copy_by_scan(term), reader_by_scan(term) if reader else None
    if copy or card:
        found = Q(copy=copy) if copy else Q()
        return queryset.filter(found | Q(**{reader: card}) if reader and card else found)
    words = Q()
    for word in fold(term).split():
        one = Q(**{f"{book}__sort_title__contains": word})
        words &= one | Q(**{f"{reader}__folded_name__contains": word}) if reader else one
    return queryset.filter(words) if words else queryset.none()


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    """Every reservation, active and over."""

    list_display = ("title", "reader_link", "standing", "pickup_branch", "placed", "queue_link")
    list_display_links = ("title",)
    list_filter = ("state", "pickup_branch", ("placed_at", admin.DateFieldListFilter))
    list_select_related = ("book", "reader", "pickup_branch")
    list_per_page = 50
    search_fields = ("reader__card_number",)
    search_help_text = gettext_lazy("Barcode, inventory number, card number, a reader's name or a title")
    fieldsets = (
        (None, {"fields": ("title", "reader_link", "standing", "queue_link")}),
        (
            gettext_lazy("Queue"),
            {"fields": (("placed_at", "placed_by"), ("pickup_branch", "suspended_until"))},
        ),
        (gettext_lazy("Hold shelf"), {"fields": (("copy", "ready_at", "pickup_until"),)}),
        (gettext_lazy("End"), {"fields": (("ended_at", "ended_by", "why"),)}),
        (gettext_lazy("What happened"), {"fields": ("story",)}),
    )
    readonly_fields = ("title", "reader_link", "standing", "queue_link", "story")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Reservation], search_term: str
    ) -> tuple[QuerySet[Reservation], bool]:
        """A scanned code finds by index; anything else is part of a name or title."""
        term = search_term.strip()
        return (matching(queryset, term, book="book", reader="reader") if term else queryset), False

    @admin.display(description=gettext_lazy("title"), ordering="book__sort_title")
    def title(self, reservation: Reservation) -> str:
        """Of the book."""
        return str(reservation.book)

    @admin.display(description=gettext_lazy("reader"), ordering="reader__folded_name")
    def reader_link(self, reservation: Reservation) -> SafeString:
        """The reader, leading to the desk."""
        reader = reservation.reader
        if not reservation.reader_id:
            return format_html('<span class="soft">{}</span>', _("forgotten"))
        return format_html('<a href="{}">{}</a>', reverse("desk_reader", args=[reader.uid]), reader.full_name)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def standing(self, reservation: Reservation) -> SafeString:
        """As a sign; with the last day of what is ready."""
        words = reservation.get_state_display()
        if reservation.state == Reservation.State.READY and reservation.pickup_until:
            words = _("kept until %(day)s") % {"day": day(reservation.pickup_until)}
        return status(SIGNS[Reservation.State(reservation.state)], words)

    @admin.display(description=gettext_lazy("placed"), ordering="placed_at")
    def placed(self, reservation: Reservation) -> str:
        """The day, on the clock of the branch."""
        return day(reservation.local(reservation.placed_at))

    @admin.display(description=gettext_lazy("queue"))
    def queue_link(self, reservation: Reservation) -> SafeString:
        """Where it is moved and cancelled."""
        return format_html(
            '<a href="{}">{}<span class="visually-hidden"> {}</span></a>',
            reverse("queue", args=[reservation.book.uid]),
            _("queue"),
            reservation.book,
        )

    @admin.display(description=gettext_lazy("deeds"))
    def story(self, reservation: Reservation) -> SafeString:
        """Who did what with the reservation, with the notes and reasons."""
        entries = AuditEntry.objects.filter(
            subject_type=reservation._meta.label_lower, subject_id=reservation.pk, action__in=DEEDS
        ).select_related("actor")
        return format_html_join(
            "",
            "<p>{}: {}, {}{}</p>",
            (
                (
                    moment(reservation.local(entry.at)),
                    DEEDS[entry.action],
                    entry.actor or _("the library itself"),
                    f" — {said}" if (said := entry.detail.get("why") or entry.detail.get("note")) else "",
                )
                for entry in reversed(entries)
            ),
        )


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    """Every way of a copy between branches."""

    list_display = ("title", "copy", "from_branch", "to_branch", "why", "sent_at", "arrived_at")
    list_display_links = ("title",)
    list_filter = (("arrived_at", admin.EmptyFieldListFilter), "to_branch", "from_branch", "why")
    list_select_related = ("copy__book", "from_branch", "to_branch")
    list_per_page = 50
    search_fields = ("copy__barcode",)
    search_help_text = gettext_lazy("Barcode, inventory number or a title")
    fields = (
        "title",
        "copy",
        ("from_branch", "to_branch", "why"),
        ("sent_at", "sent_by"),
        ("arrived_at", "arrived_by", "arrival_branch"),
    )
    readonly_fields = ("title",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Transfer], search_term: str
    ) -> tuple[QuerySet[Transfer], bool]:
        """A scanned code finds by index; anything else is part of a title."""
        term = search_term.strip()
        return (matching(queryset, term, book="copy__book", reader=None) if term else queryset), False

    @admin.display(description=gettext_lazy("title"), ordering="copy__book__sort_title")
    def title(self, transfer: Transfer) -> str:
        """Of the book."""
        return str(transfer.copy.book)

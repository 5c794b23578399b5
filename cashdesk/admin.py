"""Lists of charges and of payments on the panel: looked at, searched, exported; never added, changed or deleted."""

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.queries import reader_by_scan
from cashdesk.models import CHARGES, Charge, Entry, EntryQuerySet, Kind, Payment
from cashdesk.wording import title
from library.core.admin import ReadOnlyAdmin
from library.core.money import money
from library.core.templatetags.design import status
from library.core.text import fold


class OpenFilter(admin.SimpleListFilter):
    """What is still to be paid."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", _("to be paid")), ("settled", _("settled"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        match self.value():
            case "open":
                return queryset.filter(Q(left__gt=0))
            case "settled":
                return queryset.filter(Q(left=0))
        return queryset


class KindFilter(admin.SimpleListFilter):
    """The kinds of one side of the ledger."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        is_of_charges = model_admin.model is Charge
        return [(kind.value, kind.label) for kind in Kind if (kind in CHARGES) == is_of_charges]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class EntryAdmin(ReadOnlyAdmin):
    """One side of the ledger."""

    list_display_links = ("what",)
    list_per_page = 50
    date_hierarchy = "at"
    search_fields = ("reader__card_number",)
    search_help_text = gettext_lazy("Card number, a reader's name or a receipt")
    actions = ("export",)
    fields = (
        "what", "reader_link", "sum", "left_over", "reason", "branch", "at", "author", "copy", "receipt_number_shown",
        "method",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> EntryQuerySet:
        """With all that a line shows."""
        entries: Any = super().get_queryset(request)
        found: EntryQuerySet = entries.with_left().in_full()
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        """A scanned card finds its reader's entries by index, a receipt's number its entry; else parts of a name."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if reader := reader_by_scan(term):
            return queryset.filter(reader=reader), False
        branch, _sep, numbers = term.partition("-")
        year, _sep, number = numbers.partition("-")
        if year.isdecimal() and number.isdecimal() and len(year) == 4 and len(number) < 10:
            return queryset.filter(branch__code=branch, receipt_year=int(year), receipt_number=int(number)), False
        words = Q()
        for word in fold(term).split():
            words &= Q(reader__folded_name__contains=word)
        return queryset.filter(words) if words else queryset.none(), False

    @admin.display(description=gettext_lazy("what"), ordering="kind")
    def what(self, entry: Entry) -> str:
        """In words."""
        return title(entry)

    @admin.display(description=gettext_lazy("reader"), ordering="reader__folded_name")
    def reader_link(self, entry: Entry) -> SafeString:
        """The reader, leading to their money."""
        address = reverse("reader_money", args=[entry.reader.uid])
        return format_html('<a href="{}">{}</a>', address, entry.reader.full_name)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def sum(self, entry: Entry) -> str:
        """With the currency."""
        return money(entry.amount)

    @admin.display(description=gettext_lazy("left"))
    def left_over(self, entry: Entry) -> SafeString | str:
        """What is to be paid, or is credit."""
        if entry.is_reversed:
            return status("quiet", _("reversed"), "return")
        if not entry.left:
            return status("good", _("settled"))
        return money(entry.left)

    @admin.display(description=gettext_lazy("who"))
    def author(self, entry: Entry) -> str:
        """Who wrote it."""
        return str(entry.by or _("the library itself"))

    @admin.display(description=gettext_lazy("receipt"))
    def receipt_number_shown(self, entry: Entry) -> SafeString | str:
        """The number, leading to the receipt."""
        if not entry.receipt:
            return "—"
        address = reverse("receipt", args=[entry.uid])
        return format_html('<a class="number" href="{}">{}</a>', address, entry.receipt)

    @admin.action(description=gettext_lazy("Take the chosen lines away as a table (CSV)"), permissions=["view"])
    def export(self, request: HttpRequest, entries: QuerySet[Entry]) -> StreamingHttpResponse:
        """A table that spreadsheets open; amounts with a point, for every language alike."""
        response = StreamingHttpResponse(_lines(entries), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self.opts.model_name}s.csv"'
        return response


@admin.register(Charge)
class ChargeAdmin(EntryAdmin):
    """What readers were charged."""

    list_display = ("what", "reader_link", "sum", "left_over", "at", "branch", "author")
    list_filter = (OpenFilter, KindFilter, "branch", ("at", admin.DateFieldListFilter))


@admin.register(Payment)
class PaymentAdmin(EntryAdmin):
    """Payments, waivers, money given back and reversals."""

    list_display = ("what", "reader_link", "sum", "method", "receipt_number_shown", "branch", "at", "author")
    list_filter = (KindFilter, "method", "branch", ("at", admin.DateFieldListFilter))


class _Echo:
    """A file that gives back each line."""

    def write(self, line: str) -> str:
        return line


def _lines(entries: QuerySet[Entry]) -> Iterator[str]:
    table = csv.writer(_Echo())
    yield "\ufeff" + table.writerow(
        [_("When"), _("What"), _("Reader"), _("Card number"), _("Amount"), _("Effect"), _("Left"), _("Reason"),
         _("Branch"), _("Who"), _("Method"), _("Receipt")]
    )  # fmt: skip
    for entry in entries.order_by("at", "pk").iterator(chunk_size=500):
        local = entry.at.astimezone(entry.branch.zone)
        yield table.writerow(
            [
                f"{local:%Y-%m-%d %H:%M}", title(entry), _safe(entry.reader.full_name), _safe(entry.reader.card_number),
                entry.amount, entry.effect, entry.left, _safe(entry.reason), _safe(entry.branch.name),
                _safe(str(entry.by or "")), entry.get_method_display(), entry.receipt,
            ]
        )  # fmt: skip


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text

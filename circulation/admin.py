"""Loans on the panel: looked at, searched, renewed and taken back; never added, edited or deleted there."""

from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from accounts.queries import reader_by_scan
from catalog.copy_numbers import copy_by_scan
from circulation import actions, claims, queries
from circulation.models import IS_CLAIMED_RETURNED, Loan
from circulation.wording import late, sentence
from library.core.admin import ReadOnlyAdmin
from library.core.dates import day, moment
from library.core.errors import Busy, Refused
from library.core.models import AuditEntry
from library.core.money import money
from library.core.templatetags.design import status
from library.core.text import fold

DEEDS = {
    "circulation.check_out": gettext_lazy("lent"),
    "circulation.renew": gettext_lazy("renewed"),
    "circulation.return": gettext_lazy("taken back"),
    "circulation.declare_lost": gettext_lazy("declared lost"),
    "circulation.claim_returned": gettext_lazy("claimed returned"),
    "circulation.withdraw_claim": gettext_lazy("claim withdrawn"),
    "circulation.move_due_date": gettext_lazy("due date moved"),
    "circulation.undo_check_out": gettext_lazy("check-out undone"),
    "circulation.undo_renew": gettext_lazy("renewal undone"),
    "circulation.undo_return": gettext_lazy("return undone"),
}
"""The audit's codes about a loan, in words."""


class StandingFilter(admin.SimpleListFilter):
    """How loans stand now."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("open", _("on loan")),
            ("today", _("due today")),
            ("overdue", _("overdue")),
            ("claimed", _("claimed returned")),
            ("lost", _("lost")),
            ("returned", _("returned")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Loan]) -> QuerySet[Loan]:
        match self.value():
            case "open":
                return queryset.filter(returned_at__isnull=True)
            case "today":
                starts = timezone.make_aware(datetime.combine(timezone.localdate(), time.min))
                return queryset.filter(
                    returned_at__isnull=True, due_at__gte=starts, due_at__lt=starts + timedelta(days=1)
                )
            case "overdue":
                return queryset.filter(returned_at__isnull=True, due_at__lt=timezone.now())
            case "claimed":
                return queryset.filter(IS_CLAIMED_RETURNED, returned_at__isnull=True)
            case "lost":
                return queryset.filter(returned_at__isnull=True, lost_at__isnull=False)
            case "returned":
                return queryset.filter(returned_at__isnull=False)
        return queryset


@admin.register(Loan)
class LoanAdmin(ReadOnlyAdmin):
    """Every loan, open and past."""

    list_display = ("title", "number", "reader_link", "due", "standing", "branch", "lent")
    list_display_links = ("title",)
    list_filter = (StandingFilter, "branch", ("checked_out_at", admin.DateFieldListFilter))
    list_select_related = ("copy__book", "copy__branch", "branch", "reader__category")
    list_per_page = 50
    search_fields = ("copy__barcode", "copy__inventory_number", "reader__card_number")
    search_help_text = gettext_lazy("Barcode, inventory number, card number, a reader's name or a title")
    actions = ("renew", "take_back", "declare_lost", "claim_returned", "withdraw_claim")
    fieldsets = (
        (None, {"fields": ("title", "number", "reader_link", "standing", "so_far")}),
        (
            gettext_lazy("Dates"),
            {"fields": (("checked_out_at", "checked_out_by", "branch"), ("due", "renewals", "last_renewed_at"))},
        ),
        (gettext_lazy("Return"), {"fields": (("returned_at", "returned_by", "return_branch"),)}),
        (gettext_lazy("What happened"), {"fields": ("story",)}),
    )
    readonly_fields = ("title", "number", "reader_link", "due", "standing", "so_far", "story")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Loan], search_term: str
    ) -> tuple[QuerySet[Loan], bool]:
        """A scanned code finds its copy's or reader's loans by index; anything else is part of a name or title."""
        term = search_term.strip()
        if not term:
            return queryset, False
        copy, reader = copy_by_scan(term), reader_by_scan(term)
        if copy or reader:
            return queryset.filter(Q(copy=copy) | Q(reader=reader)), False
        words = Q()
        for word in fold(term).split():
            words &= Q(reader__folded_name__contains=word) | Q(copy__book__sort_title__contains=word)
        return queryset.filter(words) if words else queryset.none(), False

    @admin.display(description=gettext_lazy("title"), ordering="copy__book__sort_title")
    def title(self, loan: Loan) -> str:
        """Of the book."""
        return loan.copy.book.title

    @admin.display(description=gettext_lazy("inventory number"), ordering="copy__inventory_number")
    def number(self, loan: Loan) -> SafeString:
        """Of the copy."""
        return format_html('<span class="number">{}</span>', loan.copy.inventory_number)

    @admin.display(description=gettext_lazy("reader"), ordering="reader__folded_name")
    def reader_link(self, loan: Loan) -> SafeString:
        """The reader, leading to the desk; of a forgotten loan, that it has none."""
        if not loan.reader_id:
            return format_html('<span class="soft">{}</span>', _("forgotten"))
        return format_html('<a href="{}">{}</a>', reverse("desk_reader", args=[loan.reader.uid]), loan.reader.full_name)

    @admin.display(description=gettext_lazy("lent"), ordering="checked_out_at")
    def lent(self, loan: Loan) -> str:
        """The day of the check-out, on the clock of the branch."""
        return day(loan.lent_local)

    @admin.display(description=gettext_lazy("due"), ordering="due_at")
    def due(self, loan: Loan) -> str:
        """On the clock of the branch."""
        return moment(loan.due_local)

    @admin.display(description=gettext_lazy("state"))
    def standing(self, loan: Loan) -> SafeString:
        """In time, overdue or returned, as a sign."""
        if loan.undone_at:
            return status("quiet", _("undone"), "return")
        if loan.returned_local:
            return status("quiet", _("returned on %(day)s") % {"day": day(loan.returned_local)}, "return")
        if loan.is_claimed_returned:
            return status("warn", _("claimed returned"), "search")
        if loan.lost_at:
            return status("bad", _("lost"), "alert")
        if loan.due_at < timezone.now():
            return status("bad", _("overdue"), "clock")
        return status("good", _("in time"))

    @admin.display(description=gettext_lazy("if it came back now"))
    def so_far(self, loan: Loan) -> str:
        """Lateness and fine of an open loan."""
        if loan.returned_at:
            return "—"
        (state,) = queries.loan_states([loan], now=timezone.now())
        if not state.overdue_days:
            return _("nothing to pay")
        return f"{late(state.overdue_days)}, {money(state.charge_so_far)}"

    @admin.display(description=gettext_lazy("deeds"))
    def story(self, loan: Loan) -> SafeString:
        """Who did what with the loan, with the notes of overrides."""
        entries = AuditEntry.objects.filter(
            subject_type=loan._meta.label_lower, subject_id=loan.pk, action__in=DEEDS
        ).select_related("actor")
        return format_html_join(
            "",
            "<p>{}: {}, {}{}</p>",
            (
                (
                    moment(entry.at.astimezone(loan.ruling_branch.zone)),
                    DEEDS[entry.action],
                    entry.actor or _("the library itself"),
                    f" — {entry.detail['note']}" if entry.detail.get("note") else "",
                )
                for entry in reversed(entries)
            ),
        )

    @admin.action(description=gettext_lazy("Renew the chosen loans"), permissions=["renew"])
    def renew(self, request: HttpRequest, loans: QuerySet[Loan]) -> None:
        """Renew each loan that the rules let renew; tell about every other."""
        by = _staff(request)
        self._do_each(
            request,
            loans,
            lambda loan: actions.renew(loan_id=loan.pk, by=by, now=timezone.now()),
            lambda count: ngettext("%(count)d loan is renewed.", "%(count)d loans are renewed.", count),
        )

    @admin.action(description=gettext_lazy("Take the chosen copies back"), permissions=["return"])
    def take_back(self, request: HttpRequest, loans: QuerySet[Loan]) -> None:
        """Take back every copy that is still out, as if at its own branch."""
        by = _staff(request)
        self._do_each(
            request,
            loans.filter(returned_at__isnull=True),
            lambda loan: actions.return_copy(
                copy_id=loan.copy_id, by=by, branch_id=loan.copy.branch_id, now=timezone.now()
            ),
            lambda count: ngettext("%(count)d copy is taken back.", "%(count)d copies are taken back.", count),
        )

    @admin.action(description=gettext_lazy("Declare the chosen copies lost, and charge"), permissions=["declare_lost"])
    def declare_lost(self, request: HttpRequest, loans: QuerySet[Loan]) -> None:
        """Give up copies that do not come back; their readers are charged by the terms of the loans."""
        by = _staff(request)
        self._do_each(
            request,
            loans,
            lambda loan: actions.declare_lost(loan_id=loan.pk, by=by, now=timezone.now()),
            lambda count: ngettext("%(count)d copy is declared lost.", "%(count)d copies are declared lost.", count),
        )

    @admin.action(description=gettext_lazy("Record that readers claim to have returned"), permissions=["settle_claims"])
    def claim_returned(self, request: HttpRequest, loans: QuerySet[Loan]) -> None:
        """Readers say that the chosen copies are back: they are searched for."""
        by = _staff(request)
        self._do_each(
            request,
            loans,
            lambda loan: claims.claim_returned(loan_id=loan.pk, by=by, now=timezone.now()),
            lambda count: ngettext(
                "%(count)d copy is to be searched for.", "%(count)d copies are to be searched for.", count
            ),
        )

    @admin.action(description=gettext_lazy("Withdraw claims to have returned"), permissions=["settle_claims"])
    def withdraw_claim(self, request: HttpRequest, loans: QuerySet[Loan]) -> None:
        """The readers have the chosen copies after all."""
        by = _staff(request)
        self._do_each(
            request,
            loans,
            lambda loan: claims.withdraw_claim(loan_id=loan.pk, by=by, now=timezone.now()),
            lambda count: ngettext("%(count)d claim is withdrawn.", "%(count)d claims are withdrawn.", count),
        )

    def has_settle_claims_permission(self, request: HttpRequest) -> bool:
        """Whether this user may record and settle claims of readers to have returned."""
        return request.user.has_perm("circulation.settle_claims")

    def has_declare_lost_permission(self, request: HttpRequest) -> bool:
        """Whether this user may declare copies lost."""
        return request.user.has_perm("circulation.declare_lost")

    def has_renew_permission(self, request: HttpRequest) -> bool:
        """Whether this user may renew."""
        return request.user.has_perm("circulation.renew_loans")

    def has_return_permission(self, request: HttpRequest) -> bool:
        """Whether this user may take copies back."""
        return request.user.has_perm("circulation.return_copies")

    def _do_each(
        self, request: HttpRequest, loans: Iterable[Loan], deed: Callable[[Loan], Any], done: Callable[[int], str]
    ) -> None:
        count = 0
        for loan in loans:
            try:
                deed(loan)
            except Refused as error:
                reasons = " ".join(sentence(refusal) for refusal in error.refusals)
                messages.warning(request, f"{loan.copy.book.title}, {loan.copy}: {reasons}")
            except Busy:
                text = _("%(copy)s is being worked with. Try again in a moment.")
                messages.error(request, text % {"copy": loan.copy})
            else:
                count += 1
        if count:
            messages.success(request, done(count) % {"count": count})


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user

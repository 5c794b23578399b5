"""The panel's pages for readers entered twice: duplicates, merging, and taking a merge back."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

import cashdesk.wording
from accounts.models import Reader
from cashdesk.queries import balances_of
from catalog.forms import numbers
from catalog.merges import MOST_MERGED
from catalog.query_language import clean
from library.core.admin import ReadOnlyAdmin
from library.core.errors import Busy, Invalid, Refused
from readership import duplicates, merges
from readership.duplicates import Likeness
from readership.merge_forms import ReaderChoice
from readership.models import ReaderMerge

BUSY = gettext_lazy("Somebody else is changing the same just now. Try it again.")


@admin.register(ReaderMerge)
class ReaderMergeAdmin(ReadOnlyAdmin):
    """Which readers were merged, by whom; the way to duplicates and to undoing."""

    list_display = ("at", "survivor", "merged_names", "by", "is_undone")
    list_display_links = ("at", "survivor")
    list_select_related = ("by", "survivor")
    list_per_page = 50
    search_fields = ("survivor__folded_name", "survivor__card_number", "names")
    fields = ("survivor_link", "merged_names", ("at", "by"), ("undone_at", "undone_by"))
    readonly_fields = ("survivor_link", "merged_names", "at", "by", "undone_at", "undone_by")
    change_form_template = "admin/readership/readermerge/change_form.html"
    change_list_template = "admin/readership/readermerge/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """The pages besides Django's own."""
        view = self.admin_site.admin_view
        return [
            path("merge/", view(self.merge_view), name="readership_merge"),
            path("duplicates/", view(require_safe(self.duplicates_view)), name="readership_duplicates"),
            path("distinct/", view(require_POST(self.distinct_view)), name="readership_distinct"),
            path("<int:pk>/undo/", view(require_POST(self.undo_view)), name="readership_undo_merge"),
            *super().get_urls(),
        ]

    def merge_view(self, request: HttpRequest) -> HttpResponse:
        """Readers side by side, and merging them."""
        _require(request, "readership.add_readermerge")
        sent = request.POST if request.method == "POST" else None
        keys = numbers((sent if sent is not None else request.GET).getlist("id"))
        if not keys:
            raise Http404
        chosen = self._side_by_side(list(keys))
        if len(chosen) < 2:
            messages.error(request, _("There is nothing to merge any more: somebody has merged or erased it."))
            return HttpResponseRedirect(reverse("admin:readership_duplicates"))
        choice = ReaderChoice(chosen, sent)
        errors: list[str] = []
        if sent is not None and "merge" in sent:
            try:
                merge = merges.merge_readers(
                    survivor_id=choice.survivor_id,
                    merged_ids=[key for key in keys if key != choice.survivor_id],
                    choices=choice.choices,
                    by=request.user,
                    now=timezone.now(),
                )
            except Busy:
                errors.append(str(BUSY))
            except Invalid as refusal:
                errors += [text for texts in refusal.errors.values() for text in texts]
            else:
                messages.success(request, _("Merged. It can be undone on this page."))
                return HttpResponseRedirect(reverse("admin:readership_readermerge_change", args=[merge.pk]))
        context = {"choice": choice, "errors": errors, "title": _("Merge readers")}
        return self._page(request, "merge", context)

    def duplicates_view(self, request: HttpRequest) -> HttpResponse:
        """Readers who are probably one person."""
        _require(request, "readership.view_readermerge")
        asked = request.GET.get("by", "")
        kind = Likeness(asked) if asked in set(Likeness) else Likeness.NAME
        groups, following = duplicates.probable_duplicates(kind, after=clean(request.GET.get("after", "")))
        context = {"kind": kind, "groups": groups, "next": following, "title": _("Readers entered twice")}
        return self._page(request, "duplicates", context)

    def distinct_view(self, request: HttpRequest) -> HttpResponse:
        """Remember that readers are not the same."""
        _require(request, "readership.add_readermerge")
        merges.tell_apart(reader_ids=numbers(request.POST.getlist("id")), by=request.user, now=timezone.now())
        messages.success(request, _("Remembered: these are different readers."))
        back = {name: request.POST[name] for name in ("by", "after") if request.POST.get(name)}
        return HttpResponseRedirect(f"{reverse('admin:readership_duplicates')}?{urlencode(back)}")

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a merge back and tell what could not be."""
        _require(request, "readership.change_readermerge")
        get_object_or_404(ReaderMerge, pk=pk)
        try:
            problems = merges.undo_merge(merge_id=pk, by=request.user, now=timezone.now())
            messages.success(request, _("The merge is undone."))
            for problem in problems[:20]:
                messages.warning(request, problem)
        except Busy:
            messages.error(request, BUSY)
        except Refused as error:
            for refusal in error.refusals:
                messages.error(request, cashdesk.wording.sentence(refusal))
        except Invalid as invalid:
            for texts in invalid.errors.values():
                for text in texts:
                    messages.error(request, text)
        return HttpResponseRedirect(reverse("admin:readership_readermerge_change", args=[pk]))

    def _side_by_side(self, keys: list[int]) -> list[Any]:
        """Readers in the order asked, each with what they have and owe."""
        readers = Reader.objects.current().select_related("category", "home_branch", "user")
        found = readers.annotate(
            open_loans=Count("loans", filter=Q(loans__returned_at=None), distinct=True),
            past_loans=Count("loans", filter=Q(loans__returned_at__isnull=False), distinct=True),
            waiting=Count("reservations", filter=Q(reservations__ended_at=None), distinct=True),
        ).in_bulk(keys[:MOST_MERGED])
        balances = balances_of(found)
        for reader in found.values():
            reader.balance = balances.get(reader.pk, 0)  # type: ignore[attr-defined] # for the template
        return [found[key] for key in keys if key in found]

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"admin/readership/readermerge/{name}.html", shared | context)

    @admin.display(description=gettext_lazy("what was merged into it"))
    def merged_names(self, merge: ReaderMerge) -> SafeString:
        """One a line."""
        names = format_html_join("", "<li>{}</li>", ((name,) for name in merge.names))
        return format_html("<ul class='merged-names'>{}</ul>", names)

    @admin.display(description=gettext_lazy("what stays"))
    def survivor_link(self, merge: ReaderMerge) -> SafeString:
        """Leading to the reader's page."""
        url = reverse("admin:accounts_reader_change", args=[merge.survivor_id])
        return format_html('<a href="{}">{}</a>', url, merge.survivor)

    @admin.display(description=gettext_lazy("undone"), boolean=True)
    def is_undone(self, merge: ReaderMerge) -> bool:
        """Whether it was taken back."""
        return merge.undone_at is not None


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied

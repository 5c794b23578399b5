"""The panel's pages for duplicates, merging, and taking a merge back."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Prefetch, QuerySet
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

from catalog import author_merges, book_merges, duplicates
from catalog.duplicates import Likeness
from catalog.forms import numbers
from catalog.merge_forms import MergeChoice
from catalog.merges import MOST_MERGED
from catalog.models import Author, Book, Contribution, ImportRun, Merge
from catalog.query_language import clean
from library.core.admin import ReadOnlyAdmin
from library.core.errors import Busy, Invalid

BUSY = gettext_lazy("Somebody else is changing the same just now. Try it again.")


class Merging:
    """The action of the lists of books and authors that leads to the merge page."""

    def has_merge_permission(self, request: HttpRequest) -> bool:
        """Merging is a right of its own."""
        return request.user.has_perm("catalog.add_merge")

    @admin.action(description=gettext_lazy("Compare and merge"), permissions=["merge"])
    def merge(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseRedirect | None:
        """On to the page that shows them side by side."""
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST_MERGED + 1])
        if not 2 <= len(keys) <= MOST_MERGED:
            messages.error(request, _("Choose from 2 to %(most)d of them.") % {"most": MOST_MERGED})
            return None
        return HttpResponseRedirect(merge_url(queryset.model._meta.model_name or "", keys))


def merge_url(kind: str, keys: list[int]) -> str:
    """The address of the merge page for these books or authors."""
    return reverse(f"admin:catalog_merge_{kind}s") + "?" + urlencode({"id": keys}, doseq=True)


@admin.register(Merge)
class MergeAdmin(ReadOnlyAdmin):
    """What was merged, by whom; the way to duplicates and to undoing."""

    list_display = ("at", "kind", "survivor_name", "merged_names", "by", "is_undone")
    list_display_links = ("at", "survivor_name")
    list_filter = ("kind",)
    list_select_related = ("by",)
    list_per_page = 50
    search_fields = ("survivor_name", "names")
    fields = ("kind", "survivor_link", "merged_names", ("at", "by"), ("undone_at", "undone_by"))
    readonly_fields = ("kind", "survivor_link", "merged_names", "at", "by", "undone_at", "undone_by")
    change_form_template = "admin/catalog/merge/change_form.html"
    change_list_template = "admin/catalog/merge/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """The pages besides Django's own."""
        view = self.admin_site.admin_view
        return [
            path("books/", view(self.books_view), name="catalog_merge_books"),
            path("authors/", view(self.authors_view), name="catalog_merge_authors"),
            path("duplicates/", view(require_safe(self.duplicates_view)), name="catalog_merge_duplicates"),
            path("distinct/", view(require_POST(self.distinct_view)), name="catalog_merge_distinct"),
            path("<int:pk>/undo/", view(require_POST(self.undo_view)), name="catalog_merge_undo"),
            *super().get_urls(),
        ]

    def books_view(self, request: HttpRequest) -> HttpResponse:
        """Books side by side, and merging them."""
        parts = Prefetch("contributions", Contribution.objects.select_related("author"))
        books = Book.objects.select_related("publisher", "series", "parent", "source").prefetch_related(
            parts, "isbns", "genres", "subjects"
        )
        counted = books.annotate(
            copy_count=Count("copies", distinct=True), volume_count=Count("volumes", distinct=True)
        )
        return self._merge_page(request, counted, Merge.Kind.BOOK)

    def authors_view(self, request: HttpRequest) -> HttpResponse:
        """Authors side by side, and merging them."""
        authors = Author.objects.annotate(book_count=Count("contributions__book", distinct=True))
        return self._merge_page(request, authors.prefetch_related("variants"), Merge.Kind.AUTHOR)

    def duplicates_view(self, request: HttpRequest) -> HttpResponse:
        """Books that are probably the same: of the whole catalogue, or those that the import `run` has to do with."""
        _require(request, "catalog.view_merge")
        kind = Likeness.ISBN if request.GET.get("by") == Likeness.ISBN else Likeness.TITLE
        asked = numbers(request.GET.getlist("run"))
        run = get_object_or_404(ImportRun, pk=asked[0]) if asked else None
        groups, following = duplicates.probable_duplicates(
            kind, after=clean(request.GET.get("after", "")), run_id=run.pk if run else None
        )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Probable duplicates"),
            "kind": kind,
            "run": run,
            "groups": groups,
            "next": following,
            "may_merge": request.user.has_perm("catalog.add_merge"),
        }
        return TemplateResponse(request, "admin/catalog/merge/duplicates.html", context)

    def distinct_view(self, request: HttpRequest) -> HttpResponse:
        """Remember that books are not the same."""
        _require(request, "catalog.add_merge")
        keys = numbers(request.POST.getlist("id"))
        try:
            duplicates.tell_apart(book_ids=keys, by=request.user, now=timezone.now())
            messages.success(request, _("Remembered: these are different books."))
        except Busy:
            messages.error(request, BUSY)
        back = {name: request.POST[name] for name in ("by", "after", "run") if request.POST.get(name)}
        return HttpResponseRedirect(f"{reverse('admin:catalog_merge_duplicates')}?{urlencode(back)}")

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a merge back and tell what could not be."""
        _require(request, "catalog.change_merge")
        merge = get_object_or_404(Merge, pk=pk)
        undo = book_merges.undo_book_merge if merge.kind == Merge.Kind.BOOK else author_merges.undo_author_merge
        try:
            problems = undo(merge_id=pk, by=request.user, now=timezone.now())
            messages.success(request, _("The merge is undone."))
            for problem in problems[:20]:
                messages.warning(request, problem)
        except Busy:
            messages.error(request, BUSY)
        except Invalid as refusal:
            _tell(request, refusal)
        return HttpResponseRedirect(reverse("admin:catalog_merge_change", args=[pk]))

    def has_undo_permission(self, request: HttpRequest) -> bool:
        """Undoing is the right to change merges."""
        return request.user.has_perm("catalog.change_merge")

    def _merge_page(self, request: HttpRequest, rows: QuerySet[Any], kind: Merge.Kind) -> HttpResponse:
        _require(request, "catalog.add_merge")
        sent = request.POST if request.method == "POST" else None
        keys = numbers((request.POST if sent is not None else request.GET).getlist("id"))
        found = rows.in_bulk(keys)
        chosen = [found[key] for key in keys if key in found]
        errors: list[str] = []
        if len(chosen) < 2:
            if not keys:
                raise Http404
            messages.error(request, _("There is nothing to merge any more: somebody has merged or deleted it."))
            return HttpResponseRedirect(reverse("admin:catalog_merge_duplicates"))
        choice = MergeChoice(chosen[:MOST_MERGED], sent)
        if sent is not None and "merge" in sent:
            try:
                merge = self._merge(request, choice, list(keys), kind)
            except Busy:
                errors.append(str(BUSY))
            except Invalid as refusal:
                errors += [text for texts in refusal.errors.values() for text in texts]
            else:
                messages.success(request, _("Merged. It can be undone on this page."))
                return HttpResponseRedirect(reverse("admin:catalog_merge_change", args=[merge.pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Merge books") if kind == Merge.Kind.BOOK else _("Merge authors"),
            "choice": choice,
            "errors": errors,
        }
        return TemplateResponse(request, "admin/catalog/merge/merge.html", context)

    def _merge(self, request: HttpRequest, choice: MergeChoice, keys: list[int], kind: Merge.Kind) -> Merge:
        common: dict[str, Any] = {
            "survivor_id": choice.survivor_id,
            "merged_ids": [key for key in keys if key != choice.survivor_id],
            "choices": choice.choices,
            "by": request.user,
            "now": timezone.now(),
        }
        if kind == Merge.Kind.BOOK:
            return book_merges.merge_books(**common, parts=choice.parts)
        return author_merges.merge_authors(**common)

    @admin.display(description=gettext_lazy("what was merged into it"))
    def merged_names(self, merge: Merge) -> SafeString:
        """One a line."""
        return format_html(
            "<ul class='merged-names'>{}</ul>", format_html_join("", "<li>{}</li>", ((n,) for n in merge.names))
        )

    @admin.display(description=gettext_lazy("what stays"))
    def survivor_link(self, merge: Merge) -> SafeString | str:
        """Leading to its page, while it is there."""
        model = Book if merge.kind == Merge.Kind.BOOK else Author
        if not model._default_manager.filter(pk=merge.survivor_id).exists():
            return merge.survivor_name
        url = reverse(f"admin:catalog_{merge.kind}_change", args=[merge.survivor_id])
        return format_html('<a href="{}">{}</a>', url, merge.survivor_name)

    @admin.display(description=gettext_lazy("undone"), boolean=True)
    def is_undone(self, merge: Merge) -> bool:
        """Whether it was taken back."""
        return merge.undone_at is not None


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _tell(request: HttpRequest, refusal: Invalid) -> None:
    for texts in refusal.errors.values():
        for text in texts:
            messages.error(request, text)

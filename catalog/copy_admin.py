"""The panel's pages about many copies: entering a block, labels, withdrawing by act and the list of acts."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from catalog import copy_actions, copy_photos
from catalog.copy_actions import MOST_WITHDRAWN
from catalog.copy_forms import AddCopiesForm, PhotoForm, PhotoTextForm, WithdrawForm, keys
from catalog.copy_photos import MOST_PHOTOS
from catalog.holdings import Withdrawal, WithdrawalAct, WithdrawalReason
from catalog.labels import LabelsForm
from catalog.models import Book, Copy
from library.core.admin import ReadOnlyAdmin
from library.core.errors import Busy, Invalid
from library.core.money import money
from library.core.templatetags.design import status
from printing.sheets import MOST_LABELS, as_pdf

BUSY = gettext_lazy("Somebody else is changing a copy right now. Try it again.")
PRINTED = 1000
"""Lines of an act on one page of the panel, which is one printed list."""


def tell_invalid(form: forms.Form, error: Invalid) -> None:
    """Put the action's complaints beside the fields they are about, or above the form."""
    for name, texts in error.errors.items():
        is_shown = name in form.fields and not form.fields[name].widget.is_hidden
        for text in texts:
            form.add_error(name if is_shown else None, text)


def page(request: HttpRequest, model: Any, template: str, *, title: Any, **context: Any) -> TemplateResponse:
    """A page of the panel about a model's rows."""
    context |= admin.site.each_context(request) | {"opts": model._meta, "title": title}
    return TemplateResponse(request, template, context)


def pdf_response(content: bytes, name: str) -> HttpResponse:
    """A PDF to save and print."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type="application/pdf", headers=headers)


class AddsCopies:
    """For the list of books: the page that enters a block of copies."""

    admin_site: admin.AdminSite

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.add_copies_view)
        return [
            path("<int:pk>/add-copies/", view, name="catalog_book_add_copies"),
            *super().get_urls(),  # type: ignore[misc] # of ModelAdmin
        ]

    def add_copies_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The form, then the numbers to look at, then the copies; what was looked at is entered or nothing is."""
        if not request.user.has_perm("catalog.add_copy"):
            raise PermissionDenied
        book = get_object_or_404(Book, pk=pk)
        form = AddCopiesForm(request.POST or None, initial=_like_the_latest(book))
        numbers = []
        if request.method == "POST" and form.is_valid():
            numbers = form.numbers()
            seen = f"{numbers[0].inventory_number} {numbers[0].barcode}"
            if request.POST.get("confirm") == seen:
                try:
                    copies = copy_actions.add_copies(
                        book_id=book.pk,
                        numbers=numbers,
                        is_from_counter=form.is_from_counter,
                        fields=form.shared(),
                        by=request.user,
                        now=timezone.now(),
                    )
                except Invalid as error:
                    tell_invalid(form, error)
                    numbers = []
                except Busy:
                    form.add_error(None, BUSY)
                else:
                    return _added(request, book, copies)
            elif "confirm" in request.POST:
                form.add_error(None, _("Somebody else has taken numbers meanwhile. These are the next ones."))
        return page(
            request,
            Book,
            "admin/catalog/add_copies.html",
            title=_("Add copies"),
            book=book,
            form=form,
            numbers=numbers,
            seen=f"{numbers[0].inventory_number} {numbers[0].barcode}" if numbers else "",
        )


def _like_the_latest(book: Book) -> dict[str, Any]:
    """New copies are like the book's latest."""
    latest = book.copies.order_by("-pk").first()
    if latest is None:
        return {"shelf_mark": book.call_number}
    return {
        "branch": latest.branch_id,
        "item_type": latest.item_type_id,
        "shelf_mark": latest.shelf_mark,
        "price": latest.price,
        "is_reference_only": latest.is_reference_only,
    }


def _added(request: HttpRequest, book: Book, copies: list[Copy]) -> HttpResponse:
    """Tell what was entered; on to their labels."""
    words = ngettext(
        "%(count)d copy is entered: %(first)s.", "%(count)d copies are entered: %(first)s – %(last)s.", len(copies)
    )
    messages.success(request, words % {"count": len(copies), "first": copies[0], "last": copies[-1]})
    numbers = {"first": copies[0].inventory_number, "last": copies[-1].inventory_number}
    return redirect(reverse("admin:catalog_copy_labels", query=numbers))


class ManyCopies:
    """For the list of copies: labels, withdrawing and restoring the chosen ones."""

    admin_site: admin.AdminSite

    def get_urls(self) -> list[URLPattern]:
        return [
            path("<int:pk>/photos/", self.admin_site.admin_view(self.photos_view), name="catalog_copy_photos"),
            path("labels/", self.admin_site.admin_view(self.labels_view), name="catalog_copy_labels"),
            path("withdraw/", self.admin_site.admin_view(self.withdraw_view), name="catalog_copy_withdraw"),
            *super().get_urls(),  # type: ignore[misc] # of ModelAdmin
        ]

    @admin.action(description=gettext_lazy("Print labels…"), permissions=["view"])
    def print_labels(self, request: HttpRequest, queryset: QuerySet[Copy]) -> TemplateResponse:
        """On to paper and kind."""
        form = LabelsForm(initial={"copies": _chosen(queryset, MOST_LABELS)}, session=request.session)
        return _labels_page(request, form)

    def labels_view(self, request: HttpRequest) -> HttpResponseBase:
        """Which labels, on which paper; then the PDF."""
        if not request.user.has_perm("catalog.view_copy"):
            raise PermissionDenied
        if request.method != "POST":
            given = {name: request.GET[name][:40] for name in ("book", "run", "first", "last") if name in request.GET}
            return _labels_page(request, LabelsForm(initial=given, session=request.session))
        form = LabelsForm(request.POST, session=request.session)
        if not form.is_valid():
            return _labels_page(request, form)
        return pdf_response(as_pdf(form.faces(), form.layout(), title=_("Labels")), "labels.pdf")

    def photos_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """A copy's photos: add, describe, put first, delete."""
        if not request.user.has_perm("catalog.change_copy"):
            raise PermissionDenied
        copy = get_object_or_404(Copy.objects.select_related("book"), pk=pk)
        form = PhotoForm()
        if request.method == "POST":
            try:
                form = _photo_deed(request, copy)
            except Busy:
                messages.error(request, BUSY)
            if not form.errors:
                return redirect("admin:catalog_copy_photos", pk)
        photos = list(copy.photos.all())
        context = {"copy": copy, "photos": photos, "form": form if len(photos) < MOST_PHOTOS else None}
        return page(request, Copy, "admin/catalog/copy_photos.html", title=_("Photos"), most=MOST_PHOTOS, **context)

    @admin.action(description=gettext_lazy("Withdraw…"), permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Copy]) -> TemplateResponse:
        """On to the act."""
        return _withdraw_page(request, WithdrawForm(initial={"copies": _chosen(queryset, MOST_WITHDRAWN)}))

    def withdraw_view(self, request: HttpRequest) -> HttpResponseBase:
        """The act of the chosen copies."""
        if not request.user.has_perm("catalog.change_copy"):
            raise PermissionDenied
        form = WithdrawForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                act = copy_actions.withdraw_copies(
                    copy_ids=given["copies"],
                    act_number=given["act_number"],
                    dated_on=given["dated_on"],
                    reason=given["reason"],
                    note=given["note"],
                    by=request.user,
                    now=timezone.now(),
                )
            except Invalid as error:
                tell_invalid(form, error)
            except Busy:
                form.add_error(None, BUSY)
            else:
                count = len(given["copies"])
                words = ngettext(
                    "%(count)d copy is withdrawn by act %(act)s.",
                    "%(count)d copies are withdrawn by act %(act)s.",
                    count,
                )
                messages.success(request, words % {"count": count, "act": act})
                return redirect("admin:catalog_withdrawalact_change", act.pk)
        return _withdraw_page(request, form)

    @admin.action(description=gettext_lazy("Restore the withdrawn"), permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Copy]) -> None:
        """Take the chosen copies out of their acts."""
        restore_chosen(request, list(queryset.order_by("pk").values_list("pk", flat=True)[:MOST_WITHDRAWN]))


def _photo_deed(request: HttpRequest, copy: Copy) -> PhotoForm:
    """Do what the page asks for; the form for a new photo, with what is wrong."""
    by, now = request.user, timezone.now()
    number = request.POST.get("id", "")
    if number.isdecimal():
        photo = get_object_or_404(copy.photos, pk=int(number[:18]))
        text = PhotoTextForm(request.POST)
        match request.POST.get("deed"):
            case "first":
                copy_photos.put_photo_first(photo_id=photo.pk, by=by, now=now)
            case "delete":
                copy_photos.delete_photo(photo_id=photo.pk, by=by, now=now)
                messages.success(request, _("The photo is deleted."))
            case _ if text.is_valid():
                copy_photos.change_photo(photo_id=photo.pk, fields=text.cleaned_data, by=by, now=now)
                messages.success(request, _("The photo is changed."))
            case _:
                messages.error(request, _("Say what the photo shows."))
        return PhotoForm()
    form = PhotoForm(request.POST, request.FILES)
    if form.is_valid():
        given = form.cleaned_data
        try:
            copy_photos.add_photo(
                copy_id=copy.pk,
                picture=given["photo"],
                alt_text=given["alt_text"],
                is_public=given["is_public"],
                by=by,
                now=now,
            )
        except Invalid as error:
            tell_invalid(form, error)
        else:
            messages.success(request, _("The photo is added."))
    return form


def restore_chosen(request: HttpRequest, copy_ids: list[int]) -> None:
    """Restore the copies and tell how many it were."""
    try:
        count = copy_actions.restore_copies(copy_ids=copy_ids, by=request.user, now=timezone.now())
    except Busy:
        messages.error(request, BUSY)
        return
    words = ngettext("%(count)d copy is restored.", "%(count)d copies are restored.", count)
    messages.success(request, words % {"count": count})


def _chosen(copies: QuerySet[Copy], most: int) -> str:
    return ",".join(map(str, copies.order_by("inventory_number").values_list("pk", flat=True)[:most]))


def _labels_page(request: HttpRequest, form: LabelsForm) -> TemplateResponse:
    value = form["copies"].value() or ""
    context = {"form": form, "count": len(value.split(",")) if value else 0}
    if (book := str(form["book"].value() or "")).isdecimal() and len(book) <= 18:
        context["book"] = get_object_or_404(Book, pk=book)
    return page(request, Copy, "admin/catalog/labels.html", title=_("Print labels"), **context)


def _withdraw_page(request: HttpRequest, form: WithdrawForm) -> TemplateResponse:
    value = form["copies"].value() or ""
    copies = Copy.objects.filter(pk__in=keys(value)).select_related("book").order_by("inventory_number")
    context = {"form": form, "count": copies.count(), "copies": copies[:20]}
    return page(request, Copy, "admin/catalog/withdraw.html", title=_("Withdraw copies"), **context)


@admin.register(WithdrawalAct)
class WithdrawalActAdmin(ReadOnlyAdmin):
    """The acts by which copies were withdrawn, each a list to print. Seen by whoever sees copies."""

    list_display = ("number", "dated_on", "copies", "total", "created_by")
    list_select_related = ("created_by",)
    list_per_page = 50
    search_fields = ("number",)
    search_help_text = gettext_lazy("Act number")
    date_hierarchy = "dated_on"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("catalog.view_copy")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WithdrawalAct]:
        """With the number of copies that are still withdrawn by the act, and their price."""
        acts: QuerySet[WithdrawalAct] = super().get_queryset(request)
        standing = Q(withdrawals__restored_at=None)
        return acts.annotate(
            copy_count=Count("withdrawals", filter=standing),
            price_sum=Sum("withdrawals__copy__price", filter=standing),
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.restore_view)
        return [
            path("<int:pk>/restore/", view, name="catalog_withdrawalact_restore"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The act's list, as it is printed and signed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        act = self.get_object(request, object_id)
        if act is None:
            return redirect("admin:catalog_withdrawalact_changelist")
        lines = Withdrawal.objects.filter(act=act).select_related("copy__book", "restored_by")
        shown = Paginator(lines.order_by("copy__inventory_number"), PRINTED).get_page(request.GET.get("page"))
        standing = lines.filter(restored_at=None).order_by()
        total = standing.aggregate(total=Sum("copy__price"))["total"]
        return page(
            request,
            WithdrawalAct,
            "admin/catalog/withdrawal_act.html",
            title=_("Withdrawal act %(number)s") % {"number": act},
            act=act,
            lines=shown,
            start=shown.start_index(),
            count=standing.count(),
            total=money(total) if total is not None else "",
            reasons=[
                (WithdrawalReason(reason).label, count)
                for reason, count in standing.values_list("reason").annotate(count=Count("pk")).order_by("-count")
            ],
            may_restore=request.user.has_perm("catalog.change_copy"),
        )

    def restore_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take one copy, or every one, out of the act."""
        if not request.user.has_perm("catalog.change_copy"):
            raise PermissionDenied
        act = get_object_or_404(WithdrawalAct, pk=pk)
        if request.method == "POST":
            copies = act.withdrawals.filter(restored_at=None)
            if (copy := request.POST.get("copy", "")).isdecimal():
                copies = copies.filter(copy=int(copy[:18]))
            restore_chosen(request, list(copies.values_list("copy", flat=True)[:MOST_WITHDRAWN]))
        return redirect("admin:catalog_withdrawalact_change", act.pk)

    @admin.display(description=gettext_lazy("copies"), ordering="copy_count")
    def copies(self, act: Any) -> SafeString:
        """How many copies are withdrawn by it."""
        return status("quiet" if act.copy_count else "info", str(act.copy_count), "copy")

    @admin.display(description=gettext_lazy("price"), ordering="price_sum")
    def total(self, act: Any) -> str:
        """The sum of the prices that are known."""
        return money(act.price_sum) if act.price_sum is not None else "—"

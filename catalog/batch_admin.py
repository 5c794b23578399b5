"""The panel's pages for changing many books or copies at once."""

from typing import Any, TypeAlias

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from catalog import batch_changes, languages
from catalog.batch_changes import CHOSEN, FIELDS, MOST_TARGETS, QUICK
from catalog.models import BatchChange, Book, Copy, MaterialType
from catalog.tasks import work_on_batches_soon
from library.core.admin import ReadOnlyAdmin
from library.core.errors import Busy, Invalid

ROWS = 100
"""Rows of one page of the preview."""
Deed: TypeAlias = BatchChange.Deed


class ChangingMany:
    """The action of the lists of books and copies: the chosen ones, or all that the list found."""

    def has_change_many_permission(self, request: HttpRequest) -> bool:
        """Changing many at once is a right of its own."""
        return request.user.has_perm("catalog.add_batchchange")

    @admin.action(description=gettext_lazy("Change a field in all of these"), permissions=["change_many"])
    def change_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseRedirect | None:
        """On to the choice of what to change."""
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST_TARGETS + 1])
        kind = BatchChange.Kind.BOOK if queryset.model is Book else BatchChange.Kind.COPY
        try:
            batch = batch_changes.draft(kind=kind, target_ids=keys, by=request.user, now=timezone.now())
        except Invalid as refusal:
            messages.error(request, str(refusal.errors["__all__"][0]))
            return None
        return HttpResponseRedirect(reverse("admin:catalog_batchchange_prepare", args=[batch.pk]))


class BatchForm(forms.Form):
    """What to do with the field."""

    deed = forms.ChoiceField(label=gettext_lazy("What to do"))
    find = forms.CharField(label=gettext_lazy("Text to find"), max_length=300, required=False, strip=False)
    value = forms.CharField(label=gettext_lazy("Value"), max_length=1000, required=False)

    def __init__(self, *args: Any, batch: BatchChange, field: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batch, self.field = batch, field
        deeds = FIELDS[batch.kind][field]
        self.fields["deed"] = forms.ChoiceField(
            label=_("What to do"), choices=[(deed.value, capfirst(deed.label)) for deed in deeds]
        )
        if Deed.REPLACE not in deeds:
            del self.fields["find"]
        if model := CHOSEN.get(field):
            choices = [(str(row.pk), str(row)) for row in model.objects.all()]
            self.fields["value"] = forms.ChoiceField(label=_("Value"), choices=choices)
        elif field == "material_type":
            self.fields["value"] = forms.ChoiceField(label=_("Value"), choices=MaterialType.choices)

    def clean(self) -> dict[str, Any]:
        """Whether it makes sense."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.field == "language" and cleaned.get("value"):
            cleaned["value"] = languages.code(cleaned["value"]) or cleaned["value"]
        for name in ("deed", "find", "value"):
            setattr(self.batch, name, cleaned.get(name, "").replace("\0", ""))
        self.batch.field = self.field
        if not self.errors:
            try:
                batch_changes.check(self.batch)
            except Invalid as refusal:
                for name, texts in refusal.errors.items():
                    self.add_error(name if name in self.fields else None, list(texts))
        return cleaned


@admin.register(BatchChange)
class BatchChangeAdmin(ReadOnlyAdmin):
    """Changes to many records: how far they are, what they did, and undoing them."""

    list_display = ("created_at", "kind", "field_name", "deed", "value", "state", "changed", "by")
    list_filter = ("kind", "state")
    list_select_related = ("by",)
    list_per_page = 50
    fields = ("kind", "state")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BatchChange]:
        """Without the keys of the targets."""
        batches: QuerySet[BatchChange] = super().get_queryset(request)
        return batches.defer("target_ids").exclude(state=BatchChange.State.DRAFT)

    def get_urls(self) -> list[URLPattern]:
        """The pages besides Django's own."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/prepare/", view(self.prepare_view), name="catalog_batchchange_prepare"),
            path("<int:pk>/undo/", view(require_POST(self.undo_view)), name="catalog_batchchange_undo"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Progress, outcome, every row before and after."""
        _require(request, "catalog.view_batchchange")
        key = int(object_id) if object_id.isdecimal() and len(object_id) < 19 else 0
        batch = BatchChange.objects.filter(pk=key).first()
        if batch is None:
            return super().change_view(request, object_id, form_url, extra_context)
        if batch.state == BatchChange.State.DRAFT:
            return HttpResponseRedirect(reverse("admin:catalog_batchchange_prepare", args=[batch.pk]))
        page = Paginator(batch.rows.all(), ROWS).get_page(request.GET.get("page"))
        context = {
            **self._context(request, str(batch)),
            "batch": batch,
            "field_label": _label(batch.kind, batch.field),
            "page": page,
            "rows": batch_changes.shown_rows(batch, list(page)),
            "summary": batch_changes.summary(batch),
            "total": len(batch.target_ids),
            "is_working": batch.state in (BatchChange.State.RUNNING, BatchChange.State.UNDOING),
            "may_undo": batch.state == BatchChange.State.DONE and request.user.has_perm("catalog.change_batchchange"),
        }
        return TemplateResponse(request, "admin/catalog/batch/batch.html", context)

    def prepare_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Choose field and value, look at before and after, and start."""
        _require(request, "catalog.add_batchchange")
        batch = get_object_or_404(BatchChange, pk=pk, state=BatchChange.State.DRAFT, by=request.user)
        _require(request, f"catalog.change_{batch.kind}")
        given = request.POST if request.method == "POST" else request.GET
        field = given.get("field", "")
        form = None
        if field in FIELDS[batch.kind]:
            form = BatchForm(given if "deed" in given else None, batch=batch, field=field)
        context = {
            **self._context(request, _("Change many at once")),
            "batch": batch,
            "fields": [(name, _label(batch.kind, name)) for name in FIELDS[batch.kind]],
            "field": field,
            "form": form,
            "chosen": _count(batch),
        }
        if form is not None and form.is_bound and form.is_valid():
            if request.method == "POST":
                return self._start(request, batch)
            page = Paginator(batch_changes.changing(batch), ROWS).get_page(request.GET.get("page"))
            context |= {"page": page, "rows": batch_changes.preview(batch, list(page)), "sent": form.cleaned_data}
        return TemplateResponse(request, "admin/catalog/batch/prepare.html", context)

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Change everything back that was not changed since."""
        _require(request, "catalog.change_batchchange")
        batch = get_object_or_404(BatchChange, pk=pk)
        try:
            batch_changes.start_undoing(batch_id=batch.pk, by=request.user, now=timezone.now())
        except Invalid as refusal:
            messages.error(request, str(refusal.errors["__all__"][0]))
        else:
            self._work(request, batch)
        return HttpResponseRedirect(reverse("admin:catalog_batchchange_change", args=[pk]))

    def _start(self, request: HttpRequest, batch: BatchChange) -> HttpResponse:
        said = {"field": batch.field, "deed": batch.deed, "value": batch.value, "find": batch.find}
        try:
            batch_changes.start(batch_id=batch.pk, **said, by=request.user, now=timezone.now())
        except Invalid as refusal:
            messages.error(request, "; ".join(text for texts in refusal.errors.values() for text in texts))
            return HttpResponseRedirect(reverse("admin:catalog_batchchange_prepare", args=[batch.pk]))
        self._work(request, batch)
        return HttpResponseRedirect(reverse("admin:catalog_batchchange_change", args=[batch.pk]))

    def _work(self, request: HttpRequest, batch: BatchChange) -> None:
        """A little at once, the rest by a worker."""
        try:
            if batch_changes.work(batch_id=batch.pk, now=timezone.now(), most=QUICK):
                return
        except Busy:
            messages.info(request, _("Somebody is at work on these records. It goes on within a minute."))
        work_on_batches_soon()

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": title}

    @admin.display(description=gettext_lazy("field"))
    def field_name(self, batch: BatchChange) -> str:
        """The field as its form calls it."""
        return _label(batch.kind, batch.field)


def _label(kind: str, name: str) -> str:
    model: Any = Book if kind == BatchChange.Kind.BOOK else Copy
    return capfirst(str(model._meta.get_field(name).verbose_name)) if name in FIELDS[kind] else name


def _count(batch: BatchChange) -> str:
    count = len(batch.target_ids)
    if batch.kind == BatchChange.Kind.BOOK:
        return ngettext("%(count)d book chosen", "%(count)d books chosen", count) % {"count": count}
    return ngettext("%(count)d copy chosen", "%(count)d copies chosen", count) % {"count": count}


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied

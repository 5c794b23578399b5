"""The panel's list of other catalogues."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from library.core import audit
from lookup.forms import TargetForm
from lookup.models import Target


@admin.register(Target)
class TargetAdmin(admin.ModelAdmin):
    """Catalogues to copy from: where they are, and what their indexes are called."""

    form = TargetForm
    list_display = ("name", "url", "version", "record_schema", "format", "is_enabled")
    list_per_page = 50
    fieldsets = (
        (None, {"fields": ("name", "url", "is_enabled", "position")}),
        (_("Records"), {"fields": (("version", "record_schema", "format"),)}),
        (_("Indexes"), {"fields": ("title_index", "author_index", "isbn_index", "any_index")}),
    )

    def save_model(self, request: HttpRequest, obj: Target, form: Any, change: bool) -> None:
        """Also write down who changed what."""
        super().save_model(request, obj, form, change)
        verb = "update" if change else "create"
        self._record(request, verb, obj, {"changed": form.changed_data, "address": obj.url})

    def delete_model(self, request: HttpRequest, obj: Target) -> None:
        """Also write it down."""
        self._record(request, "delete", obj, {"address": obj.url})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Also write each down."""
        for target in queryset:
            self._record(request, "delete", target, {"address": target.url})
        super().delete_queryset(request, queryset)

    def _record(self, request: HttpRequest, verb: str, target: Target, detail: dict[str, Any]) -> None:
        audit.record(action=f"lookup.{verb}_target", subject=target, by=request.user, now=timezone.now(), detail=detail)

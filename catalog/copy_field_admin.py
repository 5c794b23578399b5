"""The mapping of copies on the panel."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.widgets import AdminTextInputWidget
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.copy_fields import PATTERNS
from catalog.models import CopyFieldMapping
from library.core import audit


@admin.register(CopyFieldMapping)
class CopyFieldMappingAdmin(admin.ModelAdmin):
    """Where copies stand in MARC records: seen by all librarians, changed with care."""

    list_display = ("tag", "name", "format", "position", "barcode", "inventory_number", "branch", "shelf_mark", "price")
    list_display_links = ("tag", "name")
    list_filter = ("format",)
    list_per_page = 50
    fieldsets = (
        (None, {"fields": ("name", ("format", "tag", "position"), "must_have")}),
        (
            _("Subfields"),
            {
                "fields": (
                    ("barcode", "inventory_number", "branch", "item_type"),
                    ("shelf_mark", "price", "acquired_on", "note"),
                    "statuses",
                ),
                "description": _("p: the first $p; hi: $h and $i joined; a/b: $a or, where it is empty, $b."),
            },
        ),
    )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Codes of subfields are short: their inputs are too."""
        if db_field.name in (*PATTERNS, "tag"):
            options["widget"] = AdminTextInputWidget(attrs={"class": "vIntegerField"})
        return super().formfield_for_dbfield(db_field, request, **options)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write, with an audit entry."""
        super().save_model(request, obj, form, change)
        self._record(request, "update" if change else "create", obj, {"changed": form.changed_data})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Take away, with an audit entry."""
        self._record(request, "delete", obj, {"name": str(obj)})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """As `delete_model`, for several."""
        for row in queryset:
            self._record(request, "delete", row, {"name": str(row)})
        super().delete_queryset(request, queryset)

    def _record(self, request: HttpRequest, verb: str, row: CopyFieldMapping, detail: dict[str, Any]) -> None:
        audit.record(
            action=f"catalog.{verb}_copy_field", subject=row, by=request.user, now=timezone.now(), detail=detail
        )

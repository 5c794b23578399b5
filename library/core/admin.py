"""Housekeeping on the panel, and the base of all lists that nobody edits there."""

import json
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from library.core.models import AuditEntry, JobRun


class ReadOnlyAdmin(admin.ModelAdmin):
    """A list to look at: nothing is added, changed or deleted on the panel."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what to which object, when."""

    list_display = ("at", "actor", "action", "object_link")
    list_filter = (("at", admin.DateFieldListFilter), "action")
    list_select_related = ("actor",)
    search_fields = ("subject_name", "action", "actor__full_name", "actor__email", "request_id")
    search_help_text = _("Object, action, person or request")
    fields = ("at", "actor", "action", "object_link", "detail_text", "request_id")

    @admin.display(description=_("object"), ordering="subject_name")
    def object_link(self, entry: AuditEntry) -> SafeString | str:
        """The object's name, leading to its page where the panel has one."""
        try:
            url = reverse(f"admin:{entry.subject_type.replace('.', '_')}_change", args=(entry.subject_id,))
        except NoReverseMatch:
            return entry.subject_name
        return format_html('<a href="{}">{}</a>', url, entry.subject_name)

    @admin.display(description=_("detail"))
    def detail_text(self, entry: AuditEntry) -> SafeString | str:
        """The JSON of the detail, laid out to read."""
        if not entry.detail:
            return "—"
        return format_html("<pre>{}</pre>", json.dumps(entry.detail, ensure_ascii=False, indent=2))


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    """Which daily jobs ran on which day, how long they took and what they did."""

    list_display = ("day", "job", "started_at", "duration", "outcome")
    list_filter = ("job",)
    date_hierarchy = "day"

    @admin.display(description=_("duration"))
    def duration(self, run: JobRun) -> timedelta | None:
        """Whole seconds; nothing while it runs or if it was interrupted."""
        if run.finished_at is None:
            return None
        return timedelta(seconds=round((run.finished_at - run.started_at).total_seconds()))

    @admin.display(description=_("summary"))
    def outcome(self, run: JobRun) -> str:
        """The numbers that are not zero: `open_loans 1200, overdue 7`."""
        return ", ".join(f"{name} {count}" for name, count in _flat(run.summary) if count)


def _flat(summary: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        pair
        for name, value in summary.items()
        if not isinstance(value, list)
        for pair in (_flat(value) if isinstance(value, dict) else [(name, value)])
    ]

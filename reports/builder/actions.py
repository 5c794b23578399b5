"""Keeping built reports: saved under a name, shared, deleted, by their owner."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from library.core import audit
from library.core.errors import Invalid
from library.core.transactions import one_commit
from reports.builder.models import BuiltReport
from reports.builder.subjects import SUBJECTS

MOST_KEPT = 200
"""Built reports of one person."""


def built_reports_of(user: User) -> QuerySet[BuiltReport]:
    """Their own and those that colleagues share."""
    return BuiltReport.objects.filter(Q(owner=user) | Q(is_shared=True), subject__in=SUBJECTS).select_related("owner")


def save_built(
    *, name: str, subject: str, definition: Mapping[str, Any], is_shared: bool, by: User, now: datetime
) -> BuiltReport:
    """Keep a report under a name; one of the same name of theirs is replaced. Raises Invalid (`name`), Busy."""
    name = name.strip()
    if not 1 <= len(name) <= 120:
        raise Invalid({"name": [_("Give it a name of 120 characters at most.")]})
    with one_commit():
        User.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=by.pk)
        if by.built_reports.exclude(name=name).count() >= MOST_KEPT:
            raise Invalid({"name": [_("You keep %(most)d reports already. Delete some first.") % {"most": MOST_KEPT}]})
        saved, is_new = BuiltReport.objects.update_or_create(
            owner=by,
            name=name,
            defaults={"subject": subject, "definition": dict(definition), "is_shared": is_shared, "saved_at": now},
        )
        detail = {"subject": subject, "is_shared": is_shared, "is_new": is_new}
        audit.record(action="reports.save_built", subject=saved, by=by, now=now, detail=detail)
        return saved


def delete_built(*, uid: UUID, by: User, now: datetime) -> None:
    """Delete one's own. Raises BuiltReport.DoesNotExist."""
    with one_commit():
        saved = BuiltReport.objects.select_for_update().get(uid=uid, owner=by)
        audit.record(action="reports.delete_built", subject=saved, by=by, now=now)
        saved.delete()

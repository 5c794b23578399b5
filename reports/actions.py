"""Saving reports with their filters, sharing and deleting them, and having them sent."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from library.core import audit
from library.core.errors import Invalid
from library.core.jobs import local_day
from library.core.transactions import one_commit
from reports.index import REPORTS, report_for
from reports.models import SavedReport, Schedule
from reports.registry import VIEW_REPORTS

MOST_SAVED = 100
"""Saved reports of one user."""


def saved_reports_visible_to(user: User) -> list[SavedReport]:
    """One's own and those shared, of reports that one may see; two queries."""
    saved = SavedReport.objects.filter(Q(owner=user) | Q(is_shared=True)).select_related("owner", "schedule")
    return [one for one in saved if report_for(one.report, user=user)]


def save_report(
    *, report: str, name: str, filters: Mapping[str, str], is_shared: bool, by: User, now: datetime
) -> SavedReport:
    """Save the report under this name; a report of one's own with the same name and key is written over.

    `filters` are those of a valid form. Raises Invalid: the name is taken by another report, or there are too many.
    """
    with one_commit():
        mine = SavedReport.objects.filter(owner=by)
        there = mine.select_for_update().filter(name=name).first()
        if there and there.report != report:
            raise Invalid({"name": [_("You have a saved report of this name already.")]})
        if not there and mine.count() >= MOST_SAVED:
            raise Invalid({"name": [_("You have saved %(most)d reports. Delete one first.") % {"most": MOST_SAVED}]})
        said = {"filters": dict(filters), "is_shared": is_shared, "saved_at": now}
        saved, _is_new = SavedReport.objects.update_or_create(owner=by, name=name, report=report, defaults=said)
        audit.record(
            action="reports.save", subject=saved, by=by, now=now, detail={"report": report, "shared": is_shared}
        )
    return saved


def delete_saved_report(*, saved_id: int, by: User, now: datetime) -> None:
    """Delete a saved report of one's own, with its schedule."""
    with one_commit():
        saved = SavedReport.objects.select_for_update().get(pk=saved_id, owner=by)
        audit.record(action="reports.delete", subject=saved, by=by, now=now, detail={"report": saved.report})
        saved.delete()


def schedule_report(
    *, saved_id: int, every: str, form: str, recipients: Collection[User], by: User, now: datetime
) -> Schedule:
    """Have a saved report of one's own sent to staff from the next due day on.

    Raises Invalid: nobody is to get it, or somebody may not see it.
    """
    with one_commit():
        saved = SavedReport.objects.select_for_update().get(pk=saved_id, owner=by)
        if not recipients:
            raise Invalid({"recipients": [_("Choose somebody.")]})
        blind = [str(user) for user in recipients if not REPORTS[saved.report].may_be_seen_by(user)]
        if blind:
            raise Invalid({"recipients": [_("May not see this report: %(names)s.") % {"names": ", ".join(blind)}]})
        said = {"every": every, "form": form, "since": local_day(now)}
        schedule, _is_new = Schedule.objects.update_or_create(saved=saved, defaults=said)
        schedule.recipients.set(recipients)
        told = {"every": every, "form": form, "recipients": [user.pk for user in recipients]}
        audit.record(action="reports.schedule", subject=saved, by=by, now=now, detail=told)
    return schedule


def stop_schedule(*, saved_id: int, by: User, now: datetime) -> None:
    """Send it no more."""
    with one_commit():
        saved = SavedReport.objects.select_for_update().get(pk=saved_id, owner=by)
        deleted, _each = Schedule.objects.filter(saved=saved).delete()
        if deleted:
            audit.record(action="reports.stop_schedule", subject=saved, by=by, now=now)


def staff_who_view_reports() -> QuerySet[User]:
    """Whom a report can be sent to: active users of the panel with the permission."""
    app, codename = VIEW_REPORTS.split(".")
    by_group = Q(groups__permissions__content_type__app_label=app, groups__permissions__codename=codename)
    by_hand = Q(user_permissions__content_type__app_label=app, user_permissions__codename=codename)
    staff = User.objects.filter(role__in=["librarian", "admin"], is_active=True)
    return staff.filter(by_group | by_hand | Q(is_superuser=True)).distinct().order_by("full_name", "pk")

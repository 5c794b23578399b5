"""Saved reports on their way to staff: each once to each recipient for each due day, whatever is interrupted.

Once a day `write_dispatches` writes who is to get what; `send_dispatches` claims one after another by conditional
UPDATE. Each recipient gets the columns that they may see, in their language.
"""

import smtplib
from datetime import date, datetime, timedelta
from email.utils import parseaddr
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from library.core import audit
from library.core.jobs import local_day
from reports import files
from reports.forms import FilterForm
from reports.index import report_for
from reports.models import Dispatch, SavedReport, Schedule
from reports.tables import TooSlow, column_to_sort_by

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)
MOST_ATTEMPTS = 12
MOST_BYTES = 8 * 1024 * 1024
"""A larger file is not attached: mail servers refuse it."""


def due_day(every: str, *, today: date) -> date:
    """The last day up to `today` on which a schedule of this rhythm is due."""
    match every:
        case Schedule.Every.WEEK:
            return today - timedelta(days=today.weekday())
        case Schedule.Every.MONTH:
            return today.replace(day=1)
    return today


def write_dispatches(*, now: datetime) -> dict[str, Any]:
    """Write what is due today, or was due on a day that was missed; safe to repeat. How many are new."""
    today, written = local_day(now), 0
    for schedule in Schedule.objects.prefetch_related("recipients"):
        day = due_day(schedule.every, today=today)
        if day <= schedule.since:
            continue
        known = set(schedule.dispatches.filter(day=day).values_list("recipient", flat=True))
        new = [Dispatch(schedule=schedule, recipient=user, day=day) for user in schedule.recipients.all()]
        new = [dispatch for dispatch in new if dispatch.recipient_id not in known]
        Dispatch.objects.bulk_create(new, ignore_conflicts=True)
        written += len(new)
    return {"written": written}


def send_dispatches(*, now: datetime) -> dict[str, int]:
    """Send what is written and not sent; counts by outcome. A report that fails is tried again by a later call.

    Those that failed come last, so that one that cannot be made at all keeps nobody waiting.
    """
    outcomes = {"sent": 0, "failed": 0, "dropped": 0}
    waiting = Dispatch.objects.filter(sent_at=None, attempts__lt=MOST_ATTEMPTS).order_by("attempts", "pk")
    for key, attempts in waiting.values_list("pk", "attempts"):
        free = Q(held_until=None) | Q(held_until__lt=now)
        is_mine = Dispatch.objects.filter(free, pk=key, sent_at=None, attempts=attempts).update(
            held_until=timezone.now() + LEASE, attempts=attempts + 1
        )
        if is_mine:
            dispatch = Dispatch.objects.select_related("schedule__saved", "recipient").get(pk=key)
            outcomes[_send(dispatch, now=now)] += 1
    return outcomes


def address_of(saved: SavedReport) -> str:
    """The page of a saved report with its filters, on the panel."""
    return f"{reverse('report', args=[saved.report])}?{urlencode(saved.filters)}"


def _send(dispatch: Dispatch, *, now: datetime) -> str:
    user = dispatch.recipient
    if not (user.is_active and report_for(dispatch.schedule.saved.report, user=user)):
        dispatch.delete()
        return "dropped"
    try:
        with translation.override(user.language):
            _letter(dispatch, now=now).send()
    except (OSError, smtplib.SMTPException) as error:
        dispatch.failure, dispatch.held_until = str(error)[:300], None
        dispatch.save(update_fields=["failure", "held_until"])
        log.warning("report_not_sent", dispatch=dispatch.pk, error=str(error))
        return "failed"
    dispatch.sent_at, dispatch.failure = timezone.now(), ""
    dispatch.save(update_fields=["sent_at", "failure"])
    return "sent"


def _letter(dispatch: Dispatch, *, now: datetime) -> EmailMessage:
    """In the language in use; what cannot be attached is said, and linked."""
    saved, user = dispatch.schedule.saved, dispatch.recipient
    report = report_for(saved.report, user=user)
    assert report is not None
    form = FilterForm(report, saved.filters, now=now)
    link = f"{settings.LIBRARY_URL}{address_of(saved)}"
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    letter = EmailMessage(
        subject=f"{settings.LIBRARY_NAME}: {saved.name}",
        to=[user.email],
        headers={"Message-ID": f"<report-{dispatch.uid}@{host}>", "Auto-Submitted": "auto-generated"},
    )
    said = [str(report.title), *(f"{name}: {value}" for name, value in (form.in_words() if form.is_valid() else ()))]
    if not form.is_valid():
        said += ["", _("Its filters name something that is there no more. Save the report again.")]
    elif dispatch.schedule.form != Schedule.Form.LINK:
        columns, format = report.columns_for(user), files.Format(dispatch.schedule.form)
        sort = saved.filters.get("sort", "")
        sort = sort if column_to_sort_by(columns, sort) else report.sort
        try:
            file, count = files.make(report, form.asked(), columns, sort=sort, format=format)
        except (files.TooLong, TooSlow):
            said += ["", _("The report is too long to be attached. Choose a shorter period or a branch.")]
        else:
            with file:
                content = file.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                said += ["", _("The report is too long to be attached. Choose a shorter period or a branch.")]
            else:
                letter.attach(
                    files.name_of(report, form.asked(), format), content, files.CONTENT_TYPES[format].partition(";")[0]
                )
                told = {"report": report.key, "format": str(format), "rows": count, "sent": True}
                audit.record(action="reports.export", subject=user, by=None, now=now, detail=told)
    letter.body = "\n".join([*said, "", link, "", _("%(name)s has this report sent to you.") % {"name": saved.owner}])
    return letter

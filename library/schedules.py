"""When the tasks of all apps run: created once by the set-up, from then on the librarians' to change on the panel."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask


@dataclass(frozen=True, slots=True)
class Schedule:
    """One task and how often the scheduler calls it."""

    task: str
    """The Celery name."""
    name: Promise
    description: Promise
    every: timedelta
    """A minute, or half an hour: on the hour and at half past, also for daily jobs (`library.core.jobs`)."""


MINUTE, HALF_HOUR = timedelta(minutes=1), timedelta(minutes=30)

SCHEDULES = (
    Schedule(
        task="notifications.deliver",
        name=gettext_lazy("Send letters"),
        description=gettext_lazy("Puts notices into letters and sends those that are due."),
        every=MINUTE,
    ),
    Schedule(
        task="notifications.remind_of_cards",
        name=gettext_lazy("Remind of cards"),
        description=gettext_lazy("Tells readers whose card expires soon: once a day, and once for each card."),
        every=HALF_HOUR,
    ),
    Schedule(
        task="notifications.read_bounces",
        name=gettext_lazy("Read bounced letters"),
        description=gettext_lazy("Marks the e-mail addresses from which letters come back."),
        every=HALF_HOUR,
    ),
    Schedule(
        task="readership.make_data_files",
        name=gettext_lazy("Make files of readers' data"),
        description=gettext_lazy("Makes the files that readers asked for, and deletes old ones."),
        every=MINUTE,
    ),
    Schedule(
        task="readership.forget_history",
        name=gettext_lazy("Forget old history"),
        description=gettext_lazy("Parts loans brought back long ago from their readers: once a day."),
        every=HALF_HOUR,
    ),
    Schedule(
        task="circulation.check_due_dates",
        name=gettext_lazy("Check due dates"),
        description=gettext_lazy("Marks overdue loans and writes reminders: once a day, a missed day catches up."),
        every=HALF_HOUR,
    ),
    Schedule(
        task="reports.count_days",
        name=gettext_lazy("Count the figures of reports"),
        description=gettext_lazy("Loans and returns of the days that are over: once a day, changed days again."),
        every=HALF_HOUR,
    ),
    Schedule(
        task="circulation.work_on_closings",
        name=gettext_lazy("Go on with closings"),
        description=gettext_lazy("Moves due dates and pick-up deadlines off days on which the library is closed."),
        every=MINUTE,
    ),
    Schedule(
        task="reservations.expire_uncollected",
        name=gettext_lazy("End uncollected reservations"),
        description=gettext_lazy("What was not collected in time goes to the next reader: once a day, on open days."),
        every=HALF_HOUR,
    ),
    Schedule(
        task="reservations.remind",
        name=gettext_lazy("Remind of reservations"),
        description=gettext_lazy("Tells of pick-ups that end soon and of places in queues that changed: once a day."),
        every=HALF_HOUR,
    ),
    Schedule(
        task="notifications.tell_of_new_books",
        name=gettext_lazy("Tell of new books"),
        description=gettext_lazy("Tells readers what their saved searches find anew: once a day."),
        every=HALF_HOUR,
    ),
    Schedule(
        task="catalog.work_on_imports",
        name=gettext_lazy("Go on with imports"),
        description=gettext_lazy("Imports uploaded files; an import whose worker was killed goes on."),
        every=MINUTE,
    ),
    Schedule(
        task="catalog.work_on_batches",
        name=gettext_lazy("Change many records"),
        description=gettext_lazy("Carries on changes to many records that were interrupted."),
        every=MINUTE,
    ),
    Schedule(
        task="catalog.count_loans",
        name=gettext_lazy("Count loans"),
        description=gettext_lazy("Counts how much each book is borrowed, for the order of search results: once a day."),
        every=HALF_HOUR,
    ),
    Schedule(
        task="reports.send_scheduled",
        name=gettext_lazy("Send reports"),
        description=gettext_lazy("Sends saved reports to staff on the days that they chose."),
        every=HALF_HOUR,
    ),
    Schedule(
        task="core.check_integrity",
        name=gettext_lazy("Check that everything adds up"),
        description=gettext_lazy("Verifies loans, reservations, money and notices against each other: once a day."),
        every=HALF_HOUR,
    ),
    Schedule(
        task="core.sweep",
        name=gettext_lazy("Housekeeping"),
        description=gettext_lazy("Forgets expired sign-ins and answers kept for repeated API calls: once a day."),
        every=HALF_HOUR,
    ),
)


def create_schedules() -> list[str]:
    """Create the schedules that are missing, in the library's language; tells which, in sentences.

    A schedule that exists stays as it is, renamed, rescheduled or disabled. One of the steps of `setup_library`.
    """
    existing = set(PeriodicTask.objects.values_list("task", flat=True))
    missing = [schedule for schedule in SCHEDULES if schedule.task not in existing]
    with translation.override(settings.LANGUAGE_CODE):
        for schedule in missing:
            PeriodicTask.objects.create(
                task=schedule.task, name=str(schedule.name), description=str(schedule.description), **_timing(schedule)
            )
    return [_("Schedule: %(name)s.") % {"name": schedule.name} for schedule in missing]


def _timing(schedule: Schedule) -> dict[str, object]:
    """A call that no worker took before the next one is due expires, so that calls do not pile up."""
    expire_seconds = int(schedule.every.total_seconds()) - 5
    if schedule.every == MINUTE:
        interval, _is_new = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.MINUTES)
        return {"interval": interval, "expire_seconds": expire_seconds}
    crontab, _is_new = CrontabSchedule.objects.get_or_create(
        minute="0,30", hour="*", day_of_week="*", day_of_month="*", month_of_year="*", timezone=settings.TIME_ZONE
    )
    return {"crontab": crontab, "expire_seconds": expire_seconds}

"""The schedules that the set-up creates."""

from io import StringIO

import pytest
from django.core.management import call_command
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from library.celery import app
from library.schedules import SCHEDULES, create_schedules

pytestmark = pytest.mark.django_db


def timings():
    tasks = PeriodicTask.objects.select_related("interval", "crontab")
    return {
        task.task: (task.interval and str(task.interval)) or f"{task.crontab.minute} {task.crontab.hour}"
        for task in tasks
    }


def test_the_set_up_creates_them_once(settings):
    settings.LANGUAGE_CODE = "en"
    call_command("setup_library", stdout=StringIO())
    assert timings() == {
        "catalog.work_on_imports": "every minute",
        "catalog.work_on_batches": "every minute",
        "notifications.deliver": "every minute",
        "circulation.check_due_dates": "0,30 *",
        "reservations.expire_uncollected": "0,30 *",
        "catalog.count_loans": "0,30 *",
        "notifications.remind_of_cards": "0,30 *",
        "readership.make_data_files": "every minute",
        "readership.forget_history": "0,30 *",
        "circulation.work_on_closings": "every minute",
        "notifications.read_bounces": "0,30 *",
        "reservations.remind": "0,30 *",
        "notifications.tell_of_new_books": "0,30 *",
        "reports.send_scheduled": "0,30 *",
        "core.check_integrity": "0,30 *",
        "core.sweep": "0,30 *",
        "reports.count_days": "0,30 *",
    }
    letters = PeriodicTask.objects.get(task="notifications.deliver")
    assert (letters.name, letters.expire_seconds, letters.enabled) == ("Send letters", 55, True)
    assert create_schedules() == []
    assert PeriodicTask.objects.count() == 17


def test_what_librarians_changed_stays():
    create_schedules()
    letters = PeriodicTask.objects.get(task="notifications.deliver")
    letters.name, letters.enabled = "Почта", False
    letters.interval = IntervalSchedule.objects.create(every=5, period=IntervalSchedule.MINUTES)
    letters.save()
    assert create_schedules() == []
    letters.refresh_from_db()
    assert (letters.name, letters.enabled, letters.interval.every) == ("Почта", False, 5)


def test_every_scheduled_task_exists():
    app.autodiscover_tasks(force=True)
    assert {schedule.task for schedule in SCHEDULES} <= set(app.tasks)

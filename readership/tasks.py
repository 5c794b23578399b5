"""The daily forgetting of old history, and the files with readers' data."""

from contextlib import suppress

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from library.core.jobs import run_daily
from readership.data_files import make_all
from readership.forgetting import forget_old_history


@shared_task(name="readership.forget_history")
def forget_history() -> None:
    """Part what came back long ago from its readers: once for each local day."""
    now = timezone.now()
    run_daily(job="forget_history", work=lambda: forget_old_history(now=now).as_json(), now=now)


@shared_task(name="readership.make_data_files")
def make_data_files() -> int:
    """Make the files with readers' data that wait, and delete those past their time; every minute."""
    return make_all(now=timezone.now())


def make_files_soon() -> None:
    """Call a worker now rather than within the minute; without a broker the minute has to do."""
    with suppress(OperationalError):
        make_data_files.apply_async(retry=False)

"""Housekeeping: what piles up and nobody needs any more."""

from datetime import datetime
from typing import Any

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from library.core import idempotency
from library.core.jobs import run_daily


@shared_task(name="core.sweep")
def sweep() -> None:
    """Once a local day: forget idempotency keys past their time, expired sessions and expired refresh tokens."""
    now = timezone.now()
    run_daily(job="sweep", work=lambda: sweep_all(now=now), now=now)


def sweep_all(*, now: datetime) -> dict[str, Any]:
    """Delete what is past its time; how many idempotency keys went."""
    keys = idempotency.sweep(now=now)
    call_command("clearsessions")
    call_command("flushexpiredtokens")
    return {"idempotency_keys": keys}

"""Housekeeping: what piles up and nobody needs any more."""

from datetime import datetime
from typing import Any

import structlog
from celery import shared_task
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import send_mail
from django.core.management import call_command
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from library.core import idempotency
from library.core.integrity import findings
from library.core.jobs import run_daily
from library.core.models import JobRun

log = structlog.get_logger(__name__)


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


@shared_task(name="core.check_integrity")
def check_integrity() -> None:
    """Once a local day: verify the invariants of the database; who looks after the jobs is told what is broken."""
    now = timezone.now()
    run = run_daily(job="check_integrity", work=verify, now=now)
    if run and run.summary["broken"]:
        _tell_of(run)


def verify() -> dict[str, Any]:
    """How many rows break which invariant, and the first of them; each is an error in the log, too."""
    found = findings()
    for finding in found:
        log.error("integrity_broken", invariant=finding.check.code, count=finding.count, rows=finding.rows)
    return {
        "broken": {finding.check.code: finding.count for finding in found},
        "rows": {finding.check.code: list(finding.rows) for finding in found},
    }


def _tell_of(run: JobRun) -> None:
    """A letter to everybody who may see the jobs, in their language; what the mail server refuses is in the log."""
    may_see = Q(groups__permissions__content_type__app_label="core", groups__permissions__codename="view_jobrun")
    people = get_user_model().objects.filter(may_see | Q(is_superuser=True), is_active=True).distinct()
    for address, language in people.values_list("email", "language"):
        with translation.override(language):
            codes = "\n".join(f"{code}: {count}" for code, count in run.summary["broken"].items())
            subject = _("%(library)s: the data do not add up") % {"library": settings.LIBRARY_NAME}
            text = _(
                "The daily check found what should never be:\n\n%(codes)s\n\n"
                "%(command)s names the rows and says how to mend them."
            )
            try:
                send_mail(subject, text % {"codes": codes, "command": "manage.py check_integrity"}, None, [address])
            except OSError as error:
                log.warning("integrity_letter_failed", error=str(error))

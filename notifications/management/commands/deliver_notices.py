"""`manage.py deliver_notices`: send what is due, now, without waiting for the task queue."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from notifications.tasks import deliver_notices


class Command(BaseCommand):
    """The delivery task, run here."""

    help = "Welcome new readers, bundle notices into letters and send those that are due."

    def handle(self, *args: Any, **options: Any) -> None:
        outcomes = deliver_notices()
        if "unreachable" in outcomes:
            raise CommandError(_("The mail server cannot be reached; the letters wait. See EMAIL_URL."))
        self.stdout.write(
            _("Letters sent: %(sent)d, to be tried again: %(retried)d, not delivered: %(dead)d.")
            % {name: outcomes.get(name, 0) for name in ("sent", "retried", "dead")}
        )

"""A made-up month through the real actions: notices, mails and figures are as the tally foretells."""

import logging
from collections import Counter
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from demo import compared
from demo.management.commands import simulate_year
from notifications.models import Letter, Notice

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_mail_server(settings):
    """The command points these at its own; they are put back."""
    for name in (
        "CARD_NOTICE_DAYS",
        "PICKUP_NOTICE_DAYS",
        "EMAIL_BACKEND",
        "EMAIL_HOST",
        "EMAIL_PORT",
        "EMAIL_USE_TLS",
        "EMAIL_USE_SSL",
    ):
        setattr(settings, name, getattr(settings, name, None))
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""


@translation.override("en")
def test_the_library_does_what_the_tally_foretells_and_a_lost_notice_is_seen(monkeypatch):
    kept = {}

    def keep(year, tally, mails):
        kept["world"] = year, tally, mails
        return compared.compare(year, tally, mails)

    monkeypatch.setattr(simulate_year, "compare", keep)
    out = StringIO()
    call_command("simulate_year", "--readers=16", "--days=28", "--visits=60", "--start=2026-03-01", stdout=out)
    assert "0 differ" in out.getvalue()
    assert Letter.objects.filter(status=Letter.Status.SENT).count() > 30
    assert logging.root.manager.disable == logging.NOTSET

    year, tally, mails = kept["world"]
    Notice.objects.filter(event="loan_receipt").first().delete()
    lost = Counter(mails)
    lost[next(iter(mails))] -= 1
    wrong = {f"{line.subject}: {line.what}" for line in compared.compare(year, tally, lost) if not line.agrees}
    assert wrong == {"notices: loan_receipt · 0", "mails: arrived", "mails: readers with other mails"}
    with pytest.raises(CommandError, match="not empty"):
        call_command("simulate_year", "--readers=4", "--days=2", stdout=StringIO())

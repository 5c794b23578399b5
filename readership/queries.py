"""What the actions and doors of the readership ask."""

from datetime import datetime

from django.utils import timezone

from accounts.models import Reader
from accounts.queries import live_blocks, reader_facts
from cashdesk.queries import balance_of
from circulation.models import Loan
from readership.rules import RenewalFacts


def renewal_facts(reader: Reader, *, now: datetime) -> RenewalFacts:
    """What decides whether a reader, who comes with category and branch, may extend the card. Three queries."""
    today = timezone.localdate(now, reader.home_branch.zone)
    facts = reader_facts(
        reader,
        live_blocks([reader.pk], now),
        overdue=Loan.objects.open().filter(reader=reader, due_at__lt=now).count(),
        owed=balance_of(reader.pk),
        today=today,
    )
    return RenewalFacts(
        today=today,
        reader=facts,
        window_days=reader.category.self_renewal_days,
        maximum_age=reader.category.maximum_age,
    )

"""What doors ask about letters."""

from django.db.models import QuerySet

from accounts.models import Reader
from notifications.models import Letter


def letters_of(reader: Reader) -> QuerySet[Letter]:
    """What was sent to a reader, newest first."""
    sent = Letter.objects.filter(reader=reader, status=Letter.Status.SENT)
    return sent.select_related("reader__home_branch").order_by("-created_at", "-pk")

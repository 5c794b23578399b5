"""What doors ask about letters."""

from accounts.models import Reader
from notifications.models import OPTIONAL, Unwanted


def wanted_by(reader: Reader) -> list[str]:
    """Of the letters that readers may do without, those that this one wants. One query."""
    unwanted = set(Unwanted.objects.filter(reader=reader).values_list("event", flat=True))
    return [event.value for event in OPTIONAL if event.value not in unwanted]

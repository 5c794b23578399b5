"""Letters on paper, which wait until staff print them."""

from collections.abc import Collection
from datetime import timedelta

from django.conf import settings

from accounts.models import Reader
from notifications.channels.base import Channel, Unreachable
from notifications.models import Letter
from notifications.rendering import Rendered


class PrintChannel(Channel):
    """To readers whose postal address is known."""

    name = Letter.Channel.PRINT
    is_by_hand = True
    is_costly = True
    keeps_quiet = False
    of_use_for = timedelta(days=14)

    @classmethod
    def is_on(cls) -> bool:
        return bool(settings.PRINT_LETTERS)

    def addresses(self, readers: Collection[Reader]) -> dict[int, str]:
        return {reader.pk: reader.postal_address for reader in readers if reader.postal_address}

    def send(self, letter: Letter, rendered: Rendered) -> None:
        raise Unreachable("Printed letters are sent by hand.")

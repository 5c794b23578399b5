"""A second channel for tests: it keeps what it is given, and can be told to fail."""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import ClassVar

from accounts.models import Reader
from notifications.channels.base import Channel
from notifications.models import Letter
from notifications.rendering import Rendered


class Pigeons(Channel):
    """Reaches the readers whose telephone number is known; stands in the place of Telegram."""

    name = Letter.Channel.TELEGRAM
    of_use_for = timedelta(days=1)
    carried: ClassVar[list[tuple[str, str]]] = []
    """Address and subject of what was sent."""
    fly: ClassVar[Callable[[Letter], None]] = staticmethod(lambda letter: None)
    """What happens on the way."""
    per_minute: ClassVar[int] = 0

    def __init__(self) -> None:
        self.rate = self.per_minute

    @classmethod
    def is_on(cls) -> bool:
        return True

    def addresses(self, readers: Collection[Reader]) -> dict[int, str]:
        return {reader.pk: reader.phone for reader in readers if reader.phone}

    def send(self, letter: Letter, rendered: Rendered) -> None:
        Pigeons.fly(letter)
        Pigeons.carried.append((letter.address, rendered.subject))

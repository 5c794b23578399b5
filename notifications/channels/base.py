"""What every channel is to the delivery: where it reaches readers, and how it hands one letter over."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from accounts.models import Reader
from notifications.models import Letter
from notifications.rendering import Rendered


class Refused(Exception):
    """The other side refuses this very letter or address for good: it is not tried again by this channel."""


class Unreachable(Exception):
    """The channel as a whole is down: the letter stays as it was, and the channel rests until the next run."""


class SlowDown(Exception):
    """The other side asks us to wait; the letter stays as it was, and the channel rests."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"asked to wait {wait}")
        self.wait = wait


class Channel(ABC):
    """One way to readers. An object of it serves one run of the delivery: `open`, many times `send`, `close`."""

    name: ClassVar[Letter.Channel]
    rate: int = 0
    """Letters a minute that all workers together may send; 0: as many as they can."""
    of_use_for: timedelta = timedelta(days=3)
    """A letter that could not leave for so long is given up: a late reminder misleads."""
    is_by_hand: ClassVar[bool] = False
    """Its letters wait for somebody who takes them (printed letters); the delivery passes over them."""
    is_costly: ClassVar[bool] = False
    """Each letter costs money or work: taken only where a reader chose it, or at last for what they must know."""
    keeps_quiet: bool = True
    """Its letters wait for the end of the quiet hours of the reader's branch."""
    panel: ClassVar[str] = ""
    """Template of its part of a reader's page of letters, where they link and unlink it; given `panel_context`."""

    @classmethod
    @abstractmethod
    def is_on(cls) -> bool:
        """Whether the settings turn it on."""

    @abstractmethod
    def addresses(self, readers: Collection[Reader]) -> Mapping[int, str]:
        """Primary key to address of those of `readers` whom it can reach; one query at most for all of them."""

    def reaches(self, reader: Reader) -> str | None:
        """The address of one reader; None: this channel does not reach them."""
        return self.addresses([reader]).get(reader.pk)

    def panel_context(self, reader: Reader) -> dict[str, Any]:
        """What `panel` shows, under the name of the channel; a query or two."""
        return {}

    def open(self) -> None:  # noqa: B027 - most channels have nothing to open
        """Make ready to send, again after a failure. Raises Unreachable."""

    def close(self) -> None:  # noqa: B027
        """Let go of what `open` took; never fails."""

    @abstractmethod
    def send(self, letter: Letter, rendered: Rendered) -> None:
        """Hand `letter` over to its `address`. Returning means that the other side has taken it.

        Raises Refused, Unreachable or SlowDown; whatever else it raises means: try this letter again later. The same
        letter may come twice after a crash: its `uid` is the same then. The reader with the home branch is at hand
        without a query.
        """

"""Letters as messages of a reader's browsers."""

import json
from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings

from accounts.models import Reader
from notifications.channels.base import Channel, Refused
from notifications.models import Event, Letter
from notifications.rendering import Rendered
from webpush.keys import base64url, public_key
from webpush.models import Subscription
from webpush.sending import MOST_BYTES, Gone, NotTaken, Sender, TooLarge

KEPT_FOR = timedelta(days=1)
"""How long a push service keeps a message for a browser that is away."""
URGENT = (Event.RESERVATION_READY, Event.OVERDUE)


class PushChannel(Channel):
    """To every browser of the reader; one that takes the message is enough."""

    name = Letter.Channel.PUSH
    panel = "webpush/switch.html"
    of_use_for = timedelta(days=1)

    def __init__(self) -> None:
        self.rate = settings.PUSH_PER_MINUTE
        self._sender: Sender | None = None

    @classmethod
    def is_on(cls) -> bool:
        return bool(settings.PUSH_PRIVATE_KEY)

    def addresses(self, readers: Collection[Reader]) -> dict[int, str]:
        devices: dict[int, list[str]] = defaultdict(list)
        found = Subscription.objects.filter(reader__in=[reader.pk for reader in readers])
        for reader_id, device in found.values_list("reader", "device"):
            devices[reader_id].append(device)
        return {reader_id: "; ".join(names)[:300] for reader_id, names in devices.items()}

    def panel_context(self, reader: Reader) -> dict[str, Any]:
        return {"key": public_key(), "browsers": Subscription.objects.filter(reader=reader)}

    def open(self) -> None:
        self._sender = self._sender or Sender()

    def close(self) -> None:
        if self._sender:
            self._sender.close()
            self._sender = None

    def send(self, letter: Letter, rendered: Rendered) -> None:
        assert self._sender is not None
        content = _content(letter, rendered)
        topic = base64url(letter.uid.bytes)
        failures: list[str] = []
        is_taken = False
        for subscription in Subscription.objects.filter(reader=letter.reader_id):
            try:
                self._sender.send(
                    subscription,
                    content,
                    topic=topic,
                    seconds=int(KEPT_FOR.total_seconds()),
                    is_urgent=letter.event in URGENT,
                )
            except Gone:
                subscription.delete()
            except (NotTaken, TooLarge) as error:
                failures.append(str(error))
            else:
                is_taken = True
        if is_taken:
            return
        if failures:
            raise NotTaken("; ".join(failures))
        raise Refused("No browser of the reader shows messages any more.")


def _content(letter: Letter, rendered: Rendered) -> bytes:
    """What the service worker is given, as JSON; a long text is cut to what a message holds."""
    message = {
        "title": rendered.subject[:200],
        "body": rendered.message.strip(),
        "url": rendered.url,
        "tag": str(letter.uid),
        "language": letter.language,
    }
    while len(content := json.dumps(message, ensure_ascii=False).encode()) > MOST_BYTES:
        message["body"] = message["body"][: len(message["body"]) * 9 // 10 - 1].rstrip() + "…"
    return content

"""A real SMTP server on a free port that keeps what it is given and can be told to misbehave."""

import asyncio
import socket
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


class Sink:
    """The handler: `received` holds the messages, parsed, in the order of their arrival."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.reply: Callable[[EmailMessage], str] = lambda message: "250 OK"
        """What to answer to DATA; a message answered with anything but 250 is not kept. Runs in a thread of its own."""
        self.refused: dict[str, str] = {}
        """Recipient to the answer it is refused with."""
        self.pause: threading.Event | None = None
        """Set: hold every conversation after RCPT TO until the event is set, telling `reached`."""
        self.reached = threading.Event()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if address in self.refused:
            return self.refused[address]
        if self.pause is not None:
            self.reached.set()
            await asyncio.to_thread(self.pause.wait, 60)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        message = message_from_bytes(envelope.original_content, policy=policy.default)
        answer = await asyncio.to_thread(self.reply, message)
        if answer.startswith("250"):
            self.received.append(message)
        return answer

    def to(self, address: str) -> list[EmailMessage]:
        """The messages that arrived for `address`."""
        return [message for message in self.received if message["To"] == address]


def start_sink() -> tuple[Sink, Controller]:
    """A listening sink and its controller: `controller.port`, `controller.stop()`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    return sink, controller

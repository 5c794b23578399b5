"""A mail server for a made-up year: takes every letter, reads it, keeps the count and, if wanted, the letter."""

import socket
from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any


class Mailbox:
    """`count` is of letters by address; `flaws` says what was wrong with some."""

    def __init__(self, folder: Path | None = None) -> None:
        self.count: Counter[str] = Counter()
        self.flaws: list[str] = []
        self._seen: set[str] = set()
        self._folder = folder
        self._controller: Any = None
        self.port = 0

    def __enter__(self) -> "Mailbox":
        from aiosmtpd.controller import Controller  # a requirement of developers only

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()
        return self

    def __exit__(self, *_ended: object) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Read one letter."""
        content: bytes = envelope.original_content
        letter = message_from_bytes(content, policy=policy.default)
        number = str(letter["Message-ID"])
        text = letter.get_body(("plain",))
        if number in self._seen:
            self.flaws.append(f"came twice: {number}")
        if text is None or len(text.get_content()) < 40 or not letter["Subject"]:
            self.flaws.append(f"says nothing: {number}")
        if letter.get_body(("html",)) is None:
            self.flaws.append(f"has no HTML: {number}")
        self._seen.add(number)
        self.count[str(letter["To"])] += 1
        if self._folder:
            (self._folder / f"{len(self._seen):06}.eml").write_bytes(content)
        return "250 OK"

"""Where bounced letters are read from: an IMAP mailbox, a Maildir, or a message handed over by a mail server."""

import imaplib
import mailbox
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import Message
from pathlib import Path
from urllib.parse import unquote, urlsplit

PATIENCE = 20
"""Seconds that any one answer of the mailbox may take."""
LARGEST = 1024 * 1024
"""Bytes of a message that are read; reports are small."""
MOST = 500
"""Messages read in one run."""
Handed = tuple[Message, Callable[[], None]]
"""A message, and how to say that it is dealt with."""


class MailboxError(Exception):
    """The mailbox cannot be read; says why."""


def parse(content: bytes) -> Message:
    """A message; whatever is wrong with it becomes a defect of the object, not an error."""
    return message_from_bytes(content[:LARGEST], policy=policy.compat32)


def from_maildir(path: Path) -> Iterator[Handed]:
    """The new messages of a Maildir, oldest first; dealt with means moved to `cur` as seen. Raises MailboxError."""
    if not (path / "new").is_dir():
        raise MailboxError(f"{path} is not a Maildir.")
    box = mailbox.Maildir(path, factory=None, create=False)
    names = sorted(name for name, message in box.iteritems() if message.get_subdir() == "new")
    for name in names[:MOST]:

        def done(name: str = name) -> None:
            message = box[name]
            message.set_subdir("cur")
            message.add_flag("S")
            box[name] = message

        yield parse(box.get_bytes(name)), done


@contextmanager
def imap(url: str) -> Iterator[Iterator[Handed]]:
    """The unseen messages of `imaps://user:password@host:993/INBOX`; dealt with means seen. Raises MailboxError."""
    parts = urlsplit(url)
    folder = unquote(parts.path.lstrip("/")) or "INBOX"
    try:
        dial = imaplib.IMAP4_SSL if parts.scheme == "imaps" else imaplib.IMAP4
        box = dial(parts.hostname or "", parts.port or (993 if parts.scheme == "imaps" else 143), timeout=PATIENCE)
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxError(f"{type(error).__name__}: {error}") from error
    try:
        box.login(unquote(parts.username or ""), unquote(parts.password or ""))
        box.select(f'"{folder}"')
        yield _unseen(box)
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxError(f"{type(error).__name__}: {error}") from error
    finally:
        with suppress(OSError, imaplib.IMAP4.error):  # what was read is dealt with
            box.logout()


def _unseen(box: imaplib.IMAP4) -> Iterator[Handed]:
    _type, found = box.uid("SEARCH", "UNSEEN")
    for uid in (found[0] or b"").split()[:MOST]:
        number = uid.decode("ascii")
        _type, answer = box.uid("FETCH", number, f"(BODY.PEEK[]<0.{LARGEST}>)")
        content = next((part[1] for part in answer if isinstance(part, tuple)), b"")

        def done(number: str = number) -> None:
            box.uid("STORE", number, "+FLAGS", r"(\Seen)")

        yield parse(content), done

"""Letters by e-mail: text with an HTML alternative, through whatever Django's mail is set to (EMAIL_URL)."""

import smtplib
from collections.abc import Collection
from contextlib import suppress
from email.utils import formataddr, parseaddr
from functools import cached_property

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from accounts.models import Reader
from notifications.channels.base import Channel, Refused, Unreachable
from notifications.models import Bounce, Letter
from notifications.rendering import Rendered
from notifications.unsubscribing import unsubscribe_url


class EmailChannel(Channel):
    """One connection to the mail server, dialled again after a failure."""

    name = Letter.Channel.EMAIL

    def __init__(self) -> None:
        self.keeps_quiet = settings.EMAIL_KEEPS_QUIET
        self.rate = settings.EMAIL_PER_MINUTE

    @cached_property
    def mail(self) -> BaseEmailBackend:
        """The connection; it dials when it is opened."""
        return get_connection()

    @classmethod
    def is_on(cls) -> bool:
        return True

    def addresses(self, readers: Collection[Reader]) -> dict[int, str]:
        own = {reader.email.lower() for reader in readers if reader.email}
        failing = set(Bounce.objects.filter(address__in=own).values_list("address", flat=True)) if own else ()
        return {reader.pk: reader.email for reader in readers if reader.email and reader.email.lower() not in failing}

    def open(self) -> None:
        try:
            self.mail.open()
        except OSError as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        with suppress(OSError):  # a failed goodbye harms nobody: every letter is settled
            self.mail.close()

    def send(self, letter: Letter, rendered: Rendered) -> None:
        try:
            self.mail.send_messages([compose(letter, rendered)])
        except OSError as error:
            if is_permanent(error):
                raise Refused(f"{type(error).__name__}: {error}") from error
            raise


def compose(letter: Letter, rendered: Rendered) -> EmailMultiAlternatives:
    """The letter as a message: one Message-ID for all attempts, and one click to end what nobody must have."""
    _name, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    branch_email = letter.reader.home_branch.email
    headers = {
        "Message-ID": f"<{letter.uid}@{sender.rpartition('@')[2]}>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": letter.language,
    }
    if url := unsubscribe_url(letter.reader, letter.event):
        headers |= {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    message = EmailMultiAlternatives(
        subject=rendered.subject,
        body=rendered.text,
        from_email=formataddr((_name or settings.LIBRARY_NAME, sender)),
        to=[letter.address],
        reply_to=[branch_email] if branch_email else None,
        headers=headers,
    )
    message.attach_alternative(rendered.html, "text/html")
    return message


def is_permanent(error: Exception) -> bool:
    """Whether the mail server refused this very letter for good (5xx to the recipient or the content)."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return all(code >= 500 for code, _text in error.recipients.values())
        case smtplib.SMTPDataError():
            return error.smtp_code >= 500
    return False

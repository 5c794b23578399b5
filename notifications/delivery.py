"""How letters leave: claimed one at a time, sent, marked; safe with many workers, any of which may be killed.

A claim is a short transaction that takes the most urgent letter nobody holds and gives its taker a lease. A worker that
dies leaves a lease that runs out; another then sends the letter under the same Message-ID. So no crash loses a letter,
and only one between the mail server's "accepted" and our commit a millisecond later doubles it, which the same
Message-ID lets receiving servers recognise. docs/notices.md has the whole reasoning.
"""

import smtplib
import time
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import formataddr, parseaddr
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat, Left
from django.utils import timezone

from notifications.models import Letter
from notifications.rendering import render

log = structlog.get_logger(__name__)

RETRY_AFTER = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
"""How long to wait after the first, second, … failed attempt; after one more attempt the letter is given up."""
MAX_ATTEMPTS = len(RETRY_AFTER) + 1
MAX_ERROR_LENGTH = 1000


def deliver(*, seconds: float) -> Counter[str]:
    """Send the letters that are due until none is left or `seconds` have passed; counts by outcome.

    Outcomes: `sent`, `retried`, `dead`, and `unreachable` when the mail server cannot be reached: then the letters stay
    as they were. A letter that cannot be rendered or sent fails alone.
    """
    outcomes = Counter(dead=give_up(now=timezone.now()))
    if not due_letters(now=timezone.now()).exists():
        return +outcomes
    deadline = time.monotonic() + seconds
    mail = get_connection()
    try:
        while time.monotonic() < deadline:
            try:
                mail.open()
            except OSError as error:
                log.error("mail_server_unreachable", error=_describe(error))
                outcomes["unreachable"] += 1
                break
            letter = claim(now=timezone.now())
            if letter is None:
                break
            outcomes[_deliver_one(letter, mail)] += 1
    finally:
        _hang_up(mail)
    return +outcomes


def due_letters(*, now: datetime) -> QuerySet[Letter]:
    """Letters to send now: those waiting for their time, and those whose sender's lease has run out."""
    return Letter.objects.filter(status__in=[Letter.Status.WAITING, Letter.Status.SENDING], next_attempt_at__lte=now)


def claim(*, now: datetime) -> Letter | None:
    """Take the letter that has been due longest, for `LETTER_LEASE_SECONDS`; None: every due letter has a sender."""
    with transaction.atomic():
        due = due_letters(now=now).select_related("reader__home_branch").order_by("next_attempt_at", "pk")
        letter = due.select_for_update(of=("self",), skip_locked=True).first()
        if letter is None:
            return None
        letter.status = Letter.Status.SENDING
        letter.attempts += 1
        letter.claimed_at = now
        letter.next_attempt_at = now + timedelta(seconds=settings.LETTER_LEASE_SECONDS)
        letter.save(update_fields=["status", "attempts", "claimed_at", "next_attempt_at"])
    return letter


def give_up(*, now: datetime) -> int:
    """Mark as dead the due letters that are too late to be of use, or that no sender survived; how many."""
    late, fatal = Q(expires_at__lte=now), Q(attempts__gte=MAX_ATTEMPTS)
    return sum(
        due_letters(now=now)
        .filter(hopeless)
        .update(status=Letter.Status.DEAD, last_error=Left(Concat(Value(reason), "last_error"), MAX_ERROR_LENGTH))
        for hopeless, reason in ((late, "Too late to be of use. "), (fatal, "No sender survived it. "))
    )


def compose(letter: Letter) -> EmailMultiAlternatives:
    """The letter as a message: text with an HTML alternative, and a Message-ID that is the same at every attempt."""
    rendered = render(letter)
    _name, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    branch_email = letter.reader.home_branch.email
    message = EmailMultiAlternatives(
        subject=rendered.subject,
        body=rendered.text,
        from_email=formataddr((_name or settings.LIBRARY_NAME, sender)),
        to=[letter.address],
        reply_to=[branch_email] if branch_email else None,
        headers={
            "Message-ID": f"<{letter.uid}@{sender.rpartition('@')[2]}>",
            "Auto-Submitted": "auto-generated",
            "Content-Language": letter.language,
        },
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


def _deliver_one(letter: Letter, mail: BaseEmailBackend) -> str:
    try:
        mail.send_messages([compose(letter)])
    except Exception as error:  # noqa: BLE001 - whatever ails one letter is recorded on it and must not stop the others
        _hang_up(mail)
        return _failed(letter, error)
    _settle(letter, status=Letter.Status.SENT, sent_at=timezone.now(), last_error="")
    log.info("letter_sent", letter=str(letter.uid), letter_event=letter.event, attempt=letter.attempts)
    return "sent"


def _failed(letter: Letter, error: Exception) -> str:
    """Record the failure: the letter waits for its next attempt, or is given up."""
    is_dead = is_permanent(error) or letter.attempts >= MAX_ATTEMPTS
    text = _describe(error)
    log.warning(
        "letter_failed",
        letter=str(letter.uid),
        attempt=letter.attempts,
        given_up=is_dead,
        error=type(error).__name__,  # the text names the reader's address: it is kept on the letter alone
        exc_info=None if isinstance(error, OSError) else error,
    )
    if is_dead:
        _settle(letter, status=Letter.Status.DEAD, last_error=text)
        return "dead"
    retry_at = timezone.now() + RETRY_AFTER[letter.attempts - 1]
    _settle(letter, status=Letter.Status.WAITING, next_attempt_at=retry_at, last_error=text)
    return "retried"


def _settle(letter: Letter, **outcome: Any) -> None:
    """Write how the attempt ended, unless the lease ran out and somebody else has made another attempt since."""
    held = Letter.objects.filter(pk=letter.pk, status=Letter.Status.SENDING, attempts=letter.attempts)
    if not held.update(**outcome):
        log.warning("letter_lease_lost", letter=str(letter.uid), attempt=letter.attempts)


def _hang_up(mail: BaseEmailBackend) -> None:
    with suppress(OSError):  # a failed goodbye harms nobody: every letter is settled
        mail.close()


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]

"""How letters leave: claimed one at a time, sent, marked; safe with many workers, any of which may be killed.

A claim is a short transaction that takes the most urgent letter nobody holds and gives its taker a lease. A worker that
dies leaves a lease that runs out; another then sends the letter under the same Message-ID. So no crash loses a letter,
and only one between the mail server's "accepted" and our commit a millisecond later doubles it, which the same
Message-ID lets receiving servers recognise. docs/notices.md has the whole reasoning.
"""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Concat, Left
from django.utils import timezone

from notifications.channels.base import Channel, Refused, SlowDown, Unreachable
from notifications.channels.registry import channels, routes
from notifications.choosing import Choices, Way, first_way
from notifications.models import Letter
from notifications.pacing import may_send
from notifications.rendering import render

log = structlog.get_logger(__name__)

RETRY_AFTER = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
"""How long to wait after the first, second, … failed attempt; after one more attempt the letter is given up."""
MAX_ATTEMPTS = len(RETRY_AFTER) + 1
MAX_ERROR_LENGTH = 1000
Clock = Callable[[], datetime]
REST = timedelta(minutes=1)
"""How long a letter waits whose channel was found to be down while it was sent."""
PATIENCE = timedelta(hours=6)
"""How old a letter may become while its channel is down; then it takes another, where there is one."""
LEFT_AT_ONCE = 500
"""Letters that leave such a channel in one run."""


def deliver(*, seconds: float, clock: Clock = timezone.now) -> Counter[str]:
    """Send the letters that are due by `clock` until none is left or `seconds` have passed; counts by outcome.

    The channels take turns, a letter each, so that a slow one does not keep the others from their letters. Outcomes:
    `sent`, `retried`, `dead`, `passed_on` (to the next channel), and `unreachable` for each channel that is down: then
    its letters stay as they were. A letter that cannot be rendered or sent fails alone.
    """
    outcomes = give_up(now=clock())
    deadline = time.monotonic() + seconds
    waiting = set(due_letters(now=clock()).values_list("channel", flat=True).distinct())
    working = [channel for name, channel in channels().items() if name in waiting and not channel.is_by_hand]
    resting: list[Channel] = []
    try:
        while len(working) > len(resting):
            for channel in working:
                if time.monotonic() >= deadline:
                    return +outcomes
                if channel not in resting and not _take_turn(channel, outcomes, clock):
                    resting.append(channel)
    finally:
        for channel in working:
            channel.close()
    return +outcomes


def _take_turn(channel: Channel, outcomes: Counter[str], clock: Clock) -> bool:
    """Send one letter of this channel; False: it has none, is down, or has sent as many as it may for now."""
    try:
        channel.open()
        letter = claim(channel=channel, now=clock())
        if letter is None:
            return False
        outcomes[_deliver_one(letter, channel, clock)] += 1
    except Unreachable as error:
        log.error("channel_unreachable", channel=channel.name, error=_describe(error))
        outcomes["unreachable"] += 1
        outcomes["passed_on"] += _leave(channel, _describe(error), now=clock())
        return False
    except SlowDown as error:
        log.warning("channel_asks_to_wait", channel=channel.name, seconds=error.wait.total_seconds())
        return False
    return True


def due_letters(*, now: datetime) -> QuerySet[Letter]:
    """Letters to send now: those waiting for their time, and those whose sender's lease has run out."""
    return Letter.objects.filter(status__in=[Letter.Status.WAITING, Letter.Status.SENDING], next_attempt_at__lte=now)


def claim(*, channel: Channel, now: datetime) -> Letter | None:
    """Take the letter of a channel that has been due longest, for `LETTER_LEASE_SECONDS`.

    None: every due letter has a sender, or the channel has sent as many as it may for the moment.
    """
    due = due_letters(now=now).filter(channel=channel.name).select_related("reader__home_branch")
    urgent = due.order_by("next_attempt_at", "pk").select_for_update(of=("self",), skip_locked=True)
    with transaction.atomic():
        while (letter := urgent.first()) and channel.keeps_quiet:
            wakes_at = letter.reader.home_branch.quiet_ends(now)
            if wakes_at is None:
                break
            letter.status, letter.next_attempt_at = Letter.Status.WAITING, wakes_at
            letter.save(update_fields=["status", "next_attempt_at"])
        if letter is None or not may_send(channel.name, per_minute=channel.rate):
            return None
        letter.status = Letter.Status.SENDING
        letter.attempts += 1
        letter.claimed_at = now
        letter.next_attempt_at = now + timedelta(seconds=settings.LETTER_LEASE_SECONDS)
        letter.save(update_fields=["status", "attempts", "claimed_at", "next_attempt_at"])
    return letter


def give_up(*, now: datetime) -> Counter[str]:
    """End the due letters that are too late to be of use, or that no sender survived: `dead` or `passed_on`.

    What is too late is too late by any channel; what no sender survived may yet leave by the next.
    """
    outcomes: Counter[str] = Counter()
    late = due_letters(now=now).filter(expires_at__lte=now)
    outcomes["dead"] = late.update(
        status=Letter.Status.DEAD,
        last_error=Left(Concat(Value("Too late to be of use. "), "last_error"), MAX_ERROR_LENGTH),
    )
    for letter in due_letters(now=now).filter(attempts__gte=MAX_ATTEMPTS).select_related("reader__home_branch"):
        outcomes[pass_on(letter, f"No sender survived it. {letter.last_error}", now=now)] += 1
    return outcomes


def _deliver_one(letter: Letter, channel: Channel, clock: Clock) -> str:
    try:
        channel.send(letter, render(letter))
    except (Unreachable, SlowDown) as error:
        wait = error.wait if isinstance(error, SlowDown) else REST
        _settle(
            letter,
            status=Letter.Status.WAITING,
            attempts=letter.attempts - 1,
            next_attempt_at=clock() + wait,
            last_error=_describe(error),
        )
        raise
    except Exception as error:  # noqa: BLE001 - whatever ails one letter is recorded on it and must not stop the others
        channel.close()
        return _failed(letter, error, clock)
    _settle(letter, status=Letter.Status.SENT, sent_at=clock(), last_error="")
    log.info(
        "letter_sent",
        letter=str(letter.uid),
        letter_event=letter.event,
        channel=letter.channel,
        attempt=letter.attempts,
    )
    return "sent"


def _failed(letter: Letter, error: Exception, clock: Clock) -> str:
    """Record the failure: the letter waits for its next attempt, goes to the next channel, or is given up."""
    is_over = isinstance(error, Refused) or letter.attempts >= MAX_ATTEMPTS
    log.warning(
        "letter_failed",
        letter=str(letter.uid),
        channel=letter.channel,
        attempt=letter.attempts,
        given_up=is_over,
        error=type(error).__name__,  # the text names the reader's address: it is kept on the letter alone
        exc_info=None if isinstance(error, (OSError, Refused)) else error,
    )
    if is_over:
        return pass_on(letter, _describe(error), now=clock())
    retry_at = clock() + RETRY_AFTER[letter.attempts - 1]
    _settle(letter, status=Letter.Status.WAITING, next_attempt_at=retry_at, last_error=_describe(error))
    return "retried"


def pass_on(letter: Letter, error: str, *, now: datetime) -> str:
    """A channel has failed for good: the letter goes to the reader's next one, if there is any, or is given up.

    Says which: `passed_on` or `dead`. Also for a letter that was sent and came back; the reader's branch is at hand.
    """
    way = _next_way(letter, now)
    if way is None:
        _settle(letter, status=Letter.Status.DEAD, sent_at=None, last_error=error[:MAX_ERROR_LENGTH])
        return "dead"
    _hand_on(letter, way, error)
    return "passed_on"


def _leave(channel: Channel, error: str, *, now: datetime) -> int:
    """A channel is down: letters that have waited for `PATIENCE` go the next way that costs nothing; how many."""
    waiting = due_letters(now=now + REST).filter(channel=channel.name, created_at__lte=now - PATIENCE)
    on, left = channels(), 0
    for letter in waiting.select_related("reader__home_branch").order_by("pk")[:LEFT_AT_ONCE]:
        way = _next_way(letter, now)
        if way and not on[way.channel].is_costly:
            _hand_on(letter, way, error)
            left += 1
    return left


def _next_way(letter: Letter, now: datetime) -> Way | None:
    on = channels()
    reachable = routes([letter.reader], by=on)[letter.reader_id]
    choice = Choices([letter.reader_id]).of(letter.reader_id, letter.event)
    return first_way(letter.reader, choice, letter.event, reachable, on, now, [*letter.tried, letter.channel])


def _hand_on(letter: Letter, way: Way, error: str) -> None:
    _settle(
        letter,
        status=Letter.Status.WAITING,
        channel=way.channel,
        address=way.address,
        tried=[*letter.tried, letter.channel],
        attempts=0,
        sent_at=None,
        next_attempt_at=way.starts_at,
        expires_at=way.expires_at,
        last_error=error[:MAX_ERROR_LENGTH],
    )


def _settle(letter: Letter, **outcome: Any) -> None:
    """Write how the attempt ended, unless the lease ran out and somebody else has made another attempt since."""
    held = Letter.objects.filter(pk=letter.pk, status=letter.status, attempts=letter.attempts, channel=letter.channel)
    if not held.update(**outcome):
        log.warning("letter_lease_lost", letter=str(letter.uid), attempt=letter.attempts)


def _describe(error: Exception) -> str:
    if isinstance(error, Refused | Unreachable | SlowDown):
        return str(error)[:MAX_ERROR_LENGTH]
    return f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]

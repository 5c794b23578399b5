"""Long polling: asking Telegram for updates and dealing with one after the other, until told to stop."""

import signal
import time
from typing import Any, NoReturn

import structlog
from django.db import close_old_connections
from django.utils import timezone

from telegram.client import BotApi, Declined, TelegramError, TooMany
from telegram.conversation import deal_with
from telegram.updates import KINDS

log = structlog.get_logger(__name__)

WAIT = 25
"""Seconds for which Telegram holds a question that has no answer yet."""
PAUSES = (1, 2, 5, 10, 30)
"""Seconds after the first, second, … failure in a row."""


class Polling:
    """One bot that asks. SIGTERM and Ctrl-C end it at once while it waits, else when the update at hand is done."""

    def __init__(self, bot: BotApi) -> None:
        self.bot = bot
        self._offset: int | None = None
        self._failures = 0
        self._is_at_work = False
        self._is_told_to_stop = False

    def run(self) -> NoReturn:
        """Until a signal: raises SystemExit then."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while True:
            close_old_connections()  # one that breaks while Telegram holds the question is made again
            self.step(wait=WAIT)

    def step(self, *, wait: int) -> int:
        """Ask once and deal with what has happened; the number of updates. Failures are waited out."""
        try:
            updates = self.bot.updates(offset=self._offset, wait=wait, kinds=KINDS)
        except TelegramError as error:
            self._pause(error)
            return 0
        self._failures = 0
        self._is_at_work = True
        for update in updates:
            if self._is_told_to_stop:
                break
            self._deal_with(update)
        self._is_at_work = False
        if self._is_told_to_stop:
            self._forget_answered()
            raise SystemExit(0)
        return len(updates)

    def _deal_with(self, update: Any) -> None:
        """One update; whatever ails it must not stop the others, and it is not asked for again."""
        try:
            deal_with(update, bot=self.bot, now=timezone.now())
        except Exception:
            log.exception("telegram_update_failed", update=update.get("update_id"))
        self._offset = update["update_id"] + 1

    def _forget_answered(self) -> None:
        """Tell Telegram what was dealt with, so that it is not sent to the next process."""
        try:
            self.bot.updates(offset=self._offset, wait=0, kinds=KINDS)
        except TelegramError as error:
            log.warning("telegram_unanswered", error=str(error))

    def _pause(self, error: TelegramError) -> None:
        seconds = error.seconds if isinstance(error, TooMany) else PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1
        log.warning("telegram_unanswered", error=str(error), pause=seconds, is_refused=isinstance(error, Declined))
        time.sleep(seconds)

    def _stop(self, *_args: object) -> None:
        self._is_told_to_stop = True
        if not self._is_at_work:
            raise SystemExit(0)

"""What the bot does about an update: one core, behind long polling and behind the webhook.

Every update is dealt with once, however often Telegram sends it. Whoever is not linked learns nothing about anybody:
they can search, and see when the library is open. What a button asks for is looked for among the reader's own loans and
reservations and nowhere else, so that a button that somebody made up finds nothing.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache as remember
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from library.core.errors import Busy
from telegram import books, branches, copies, linking, loans, reserved
from telegram.client import BotApi, Declined, TelegramError, TooMany
from telegram.people import Person, person_in
from telegram.replies import Button, Reply, bold, joined, on_site, plain
from telegram.updates import Blocked, Elsewhere, Happening, Said, Tapped, read

log = structlog.get_logger(__name__)

REMEMBERED = 2 * 24 * 3600
"""Seconds for which the number of an update is remembered; Telegram repeats for one day."""
PER_MINUTE = 30
"""Messages and taps of one chat that are answered within a minute."""
LONGEST_PAUSE = 5
"""Seconds for which an answer waits if Telegram asks for it; it is given up if longer."""
MENU = (
    ("loans", gettext_lazy("My loans")),
    ("reservations", gettext_lazy("My reservations")),
    ("search", gettext_lazy("Search")),
    ("hours", gettext_lazy("Opening hours")),
    ("help", gettext_lazy("Help")),
)
"""The keyboard below the chat: name of the command and its words."""
COMMANDS = (*MENU, ("stop", gettext_lazy("Unlink this chat")))
"""What the bot's own menu lists."""


def deal_with(update: Any, *, bot: BotApi, now: datetime) -> None:
    """Answer one update as it came from Telegram. Raises nothing of Telegram's: a lost answer is asked for again."""
    if (known := read(update)) is None:
        return
    number, happening = known
    if not cache.add(f"telegram:update:{number}", 1, timeout=REMEMBERED):
        return
    try:
        _deal_with(happening, bot, now)
    except Declined as error:
        if error.is_blocked:
            linking.note_block(chat_id=happening.chat_id, now=now)
        else:
            log.warning("telegram_declined", error=str(error))
    except TelegramError as error:
        log.warning("telegram_unanswered", error=str(error))


def _deal_with(happening: Happening, bot: BotApi, now: datetime) -> None:
    match happening:
        case Blocked():
            linking.note_block(chat_id=happening.chat_id, now=now if happening.is_blocked else None)
            return
        case Elsewhere():
            if not _beyond_limit(happening.chat_id):
                _send(bot, happening.chat_id, Reply(_("I talk in private chats only.")))
            return
    person = person_in(happening.chat_id, language=happening.language, now=now)
    with translation.override(person.language):
        if beyond := _beyond_limit(happening.chat_id):
            _slow_down(happening, bot, is_first=beyond == 1)
            return
        try:
            if isinstance(happening, Said):
                linking.note_block(chat_id=happening.chat_id, now=None)
                _send(bot, happening.chat_id, _said(happening, person, bot))
            else:
                _show(happening, _tapped(happening, person), bot)
        except Busy:
            _send(bot, happening.chat_id, Reply(_("The library is busy. Try again in a moment.")))


# --- What is said --------------------------------------------------------------------------------------------------


def _said(said: Said, person: Person, bot: BotApi) -> Reply:
    if said.photo:
        if person.is_staff:
            return copies.by_photo(person, said.photo, bot)
        return Reply(_("I cannot read photos. Send me a title or an author."), menu=_menu())
    command, argument = _command(said.text)
    if command == "start":
        return _start(person, argument)
    if command == "stop":
        return _stop(person)
    if command == "search":
        return books.search(person, argument) if argument else books.ask_for_words()
    if command is not None:
        return _about(command, person) or _help(person)
    if not said.text:
        return _help(person)
    if person.is_staff and (found := copies.by_code(person, said.text)):
        return found
    return books.search(person, said.text)


def _command(text: str) -> tuple[str | None, str]:
    """The command that a message is, with what follows it; None: it is none. «/loans», «/loans@bot», «My loans»."""
    if text.startswith("/"):
        word, _space, argument = text[1:].partition(" ")
        return word.partition("@")[0].lower(), argument.strip()
    return _words().get(text.casefold()), ""


@remember
def _words() -> dict[str, str]:
    """What the keys of the menu say, in every language, to the commands."""
    words: dict[str, str] = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            words |= {str(label).casefold(): command for command, label in MENU}
    return words


def _about(command: str, person: Person) -> Reply | None:
    """The answer to a command without an argument; None: there is no such command."""
    if command == "hours":
        return branches.hours(person)
    own = {"loans": loans.my_loans, "reservations": reserved.my_reservations}
    if command in own:
        return own[command](person) if person.reader else _strangers(person)
    return None


def _start(person: Person, code: str) -> Reply:
    """Greet, and link the chat where a code came along."""
    if not code:
        return _help(person)
    user = linking.user_of_code(code, now=person.now)
    if user is None:
        text = _("This link is no longer good. Open a new one on the page “Telegram” of your account.")
        return Reply(text, on_site(_page()))
    if person.user is not None and person.user != user:
        text = _("This chat is linked to %(name)s. Link it to another account instead?")
        buttons = [[Button(_("Yes, link it"), f"link:{code}"), Button(_("No"), "help")]]
        return Reply(text % {"name": bold(person.user)}, buttons)
    return _link(person, code)


def _link(person: Person, code: str) -> Reply:
    linked = linking.link(code=code, chat_id=person.chat_id, now=person.now)
    if linked is None:
        return Reply(_("This link is no longer good. Open a new one on the page “Telegram” of your account."))
    now_is = person_in(person.chat_id, language=person.language, now=person.now)
    with translation.override(now_is.language):
        text = _("Hello, %(name)s! This chat is linked to your account now.") % {"name": plain(linked.chat.user)}
        return Reply(joined([text, _abilities(now_is)]), menu=_menu(), is_new=True)


def _stop(person: Person) -> Reply:
    if person.user is not None and linking.unlink(user=person.user, now=person.now):
        text = _("This chat is no longer linked to your account. Nothing of yours is told here any more.")
        return Reply(text, on_site(_page()))
    return Reply(_("This chat is not linked to any account."))


def _help(person: Person) -> Reply:
    if person.user is None:
        text = _("Hello! I am the bot of %(library)s.") % {"library": bold(settings.LIBRARY_NAME)}
        return Reply(joined([text, _abilities(person)]), menu=_menu(), is_new=True)
    return Reply(_abilities(person), menu=_menu(), is_new=True)


def _abilities(person: Person) -> str:
    lines = [_("Send me a title, an author or an ISBN: I look in the catalogue.")]
    if person.reader:
        lines.append(_("“My loans” shows what is with you and renews it, “My reservations” what you wait for."))
    if person.is_staff:
        lines.append(_("Send me a photo of a barcode, or its number: I show the copy."))
    if person.user is None:
        text = _("To see your loans here, link this chat on the page “Telegram” of your account: %(url)s")
        lines.append(text % {"url": plain(settings.LIBRARY_URL + _page())})
    else:
        lines.append(_("/stop unlinks this chat from your account."))
    return "\n".join(lines)


def _strangers(person: Person) -> Reply:
    """To somebody whose card is not known here."""
    if person.user is not None:
        return Reply(_("Your account has no library card. Ask for one at any desk of the library."))
    text = _("I do not know who you are yet. Sign in on the site and link this chat; it takes a minute.")
    return Reply(text, on_site(_page()))


# --- What is tapped ------------------------------------------------------------------------------------------------


def _tapped(tapped: Tapped, person: Person) -> Reply:
    """Do what a button says. Its data came from outside: a word we know, and what is looked for among one's own."""
    word, *rest = tapped.data.split(":")
    anybody: Mapping[str, Callable[..., Reply]] = {"page": books.turn, "book": _book}
    readers: Mapping[str, Callable[..., Reply]] = {
        "renew": loans.renew_one,
        "drop": reserved.ask_to_cancel,
        "drop!": reserved.cancel,
        "reserve": books.reserve,
        "place": books.place,
    }
    arguments = {"page": (2,), "book": (1, 3), "place": (2,)}.get(word, (1,))
    if word == "link" and len(rest) == 1:
        return _link(person, rest[0])
    if word == "help":
        return _help(person)
    if word in anybody and len(rest) in arguments:
        return anybody[word](person, *rest)
    if word in readers and len(rest) in arguments:
        return readers[word](person, *rest) if person.reader else _strangers(person)
    return _about(word, person) or _help(person)


def _book(person: Person, which: str, *back: str) -> Reply:
    return books.show(person, which, ":".join(back))


def _show(tapped: Tapped, reply: Reply, bot: BotApi) -> None:
    """Put the answer into the message whose button was tapped."""
    _patiently(lambda: bot.acknowledge(tapped.tap_id, reply.toast, is_alert=len(reply.toast) > 60))
    if reply.is_new:
        _send(bot, tapped.chat_id, reply)
    else:
        _patiently(lambda: bot.edit(tapped.chat_id, tapped.message_id, reply.text, markup=reply.markup))


# --- How it is said ------------------------------------------------------------------------------------------------


def _send(bot: BotApi, chat_id: int, reply: Reply) -> None:
    _patiently(lambda: bot.send(chat_id, reply.text, markup=reply.markup))


def _patiently(call: Callable[[], None]) -> None:
    """Once more after the pause that Telegram asks for, if somebody who waits can bear it."""
    try:
        call()
    except TooMany as error:
        if error.seconds > LONGEST_PAUSE:
            raise
        time.sleep(error.seconds)
        call()


def _beyond_limit(chat_id: int) -> int:
    """Count this call; 0: it is within the limit of its minute, else by how many it is beyond."""
    key = f"telegram:limit:{chat_id}:{int(time.time() // 60)}"
    cache.add(key, 0, timeout=120)
    return max(0, cache.incr(key) - PER_MINUTE)


def _slow_down(happening: Said | Tapped, bot: BotApi, *, is_first: bool) -> None:
    """Say once that it is too much; then nothing more within this minute."""
    text = _("That was a lot at once. Try again in a minute.")
    if isinstance(happening, Tapped):
        bot.acknowledge(happening.tap_id, text)
    elif is_first:
        bot.send(happening.chat_id, text)


def _menu() -> list[list[str]]:
    words = [str(label) for _command, label in MENU]
    return [words[:2], words[2:4], words[4:]]


def _page() -> str:
    """Where chats are linked."""
    return reverse("my_telegram")

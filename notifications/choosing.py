"""How readers want to be told: what they chose, the library's own habits behind it, and the ways that follow."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Reader, User
from library.core import audit
from library.core.errors import Invalid
from notifications.channels.base import Channel
from notifications.models import ALWAYS_DAILY, OPTIONAL, Event, Letter, Preference

CHOOSABLE = tuple(event for event in Event if event != Event.DIGEST)
"""Events of which a reader may say how they are told."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How one event is told to one reader."""

    channel: str = ""
    """A channel to be tried first, `Preference.NONE`, or empty: as the library has it."""
    is_daily: bool = False


class Choices:
    """What some readers chose, and the library's habits where they did not. One query for all of them."""

    def __init__(self, reader_ids: Iterable[int]) -> None:
        rows = Preference.objects.filter(reader__in=reader_ids).values_list("reader", "event", "channel", "is_daily")
        self.chosen = {(reader, event): Choice(channel, is_daily) for reader, event, channel, is_daily in rows}

    def of(self, reader_id: int, event: str) -> Choice:
        """What counts for one event: the reader's choice for it, then their usual way, then the library's habit."""
        own = self.chosen.get((reader_id, event), habit(event))
        usual = self.chosen.get((reader_id, ""), Choice()).channel or settings.NOTICE_DEFAULTS.get(event, "")
        return Choice(own.channel or usual.replace(Preference.NONE, ""), own.is_daily or event in ALWAYS_DAILY)


def habit(event: str) -> Choice:
    """What a reader has who chose nothing for an event: the usual way, or nothing where NOTICE_DEFAULTS says so."""
    return Choice(Preference.NONE if settings.NOTICE_DEFAULTS.get(event) == Preference.NONE else "")


def ways(
    choice: Choice, event: str, reachable: Mapping[Letter.Channel, str], on: Mapping[Letter.Channel, Channel]
) -> dict[Letter.Channel, str]:
    """The channels that a letter tries, in order, with their addresses: the chosen one, then those of the library.

    Costly ones that were not chosen come last, and only for what the reader must know.
    """
    cheap = [name for name in reachable if not on[name].is_costly]
    costly = [name for name in reachable if on[name].is_costly and event not in OPTIONAL and event != Event.DIGEST]
    order = [name for name in reachable if name == choice.channel]
    return {name: reachable[name] for name in dict.fromkeys([*order, *cheap, *costly])}


class Way(NamedTuple):
    """How a letter is to leave."""

    channel: Letter.Channel
    address: str
    starts_at: datetime
    """Not before: after the quiet hours, where the channel keeps them."""
    expires_at: datetime


def first_way(
    reader: Reader,
    choice: Choice,
    event: str,
    reachable: Mapping[Letter.Channel, str],
    on: Mapping[Letter.Channel, Channel],
    now: datetime,
    tried: Collection[str] = (),
) -> Way | None:
    """The first of a reader's ways that was not `tried`; None: nothing is left. The home branch is at hand."""
    for name, address in ways(choice, event, reachable, on).items():
        if name not in tried:
            starts_at = (on[name].keeps_quiet and reader.home_branch.quiet_ends(now)) or now
            return Way(name, address, starts_at, starts_at + on[name].of_use_for)
    return None


def choose(*, reader: Reader, choices: Mapping[str, Choice], by: User | None, now: datetime) -> None:
    """Keep how a reader wants to be told; events not in `choices` stay as they were. `by` None: a link in a letter.

    The empty event is the usual way. Raises Invalid with the event's name for what nobody may do without.
    """
    for event, choice in choices.items():
        if event not in OPTIONAL and (choice.channel == Preference.NONE or choice.is_daily):
            raise Invalid({event: [_("The library always tells this, and at once.")]})
    with transaction.atomic():
        Reader.objects.locked().only("pk").get(pk=reader.pk)
        former = Choices([reader.pk]).chosen
        changed = {
            event: choice for event, choice in choices.items() if choice != former.get((reader.pk, event), habit(event))
        }
        if not changed:
            return
        Preference.objects.filter(reader=reader, event__in=changed).delete()
        Preference.objects.bulk_create(
            Preference(reader=reader, event=event, channel=choice.channel, is_daily=choice.is_daily)
            for event, choice in changed.items()
            if choice != habit(event)
        )
        detail = {event or "usual": choice.channel + " daily" * choice.is_daily for event, choice in changed.items()}
        audit.record(action="notifications.choose_letters", subject=reader, by=by, now=now, detail=detail)


def unsubscribe(*, reader: Reader, event: Event, now: datetime) -> None:
    """Switch one kind of letter off, by the link in such a letter. Twice does no harm."""
    choose(reader=reader, choices={event: Choice(Preference.NONE)}, by=reader.user, now=now)

"""Which channels there are, and which of them are on."""

from collections.abc import Collection, Mapping

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import Reader
from notifications.channels.base import Channel
from notifications.models import Letter


def channels() -> dict[Letter.Channel, Channel]:
    """New objects of the channels that are on, in the order in which a letter tries them (NOTICE_CHANNELS)."""
    known: list[type[Channel]] = [import_string(path) for path in settings.NOTICE_CHANNELS]
    return {channel.name: channel() for channel in known if channel.is_on()}


def routes(
    readers: Collection[Reader], *, by: Mapping[Letter.Channel, Channel] | None = None
) -> dict[int, dict[Letter.Channel, str]]:
    """For each of `readers` by primary key: the channels that reach them, in order, with the address of each.

    `by`: what `channels()` gave, if the caller has it. A query at most for each channel.
    """
    found: dict[int, dict[Letter.Channel, str]] = {reader.pk: {} for reader in readers}
    for name, channel in (channels() if by is None else by).items():
        for pk, address in channel.addresses(readers).items():
            found[pk][name] = address
    return found

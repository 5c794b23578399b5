"""The choice of how to be told, as a form: the same on the reader's own page and on the panel."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import Reader
from notifications.channels.registry import channels, routes
from notifications.choosing import CHOOSABLE, Choice, Choices, habit
from notifications.models import ALWAYS_DAILY, OPTIONAL, Event, Letter, Preference

USUAL = "usual"
"""Name of the field with the usual way."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event on the page."""

    label: str
    channel: BoundField
    daily: BoundField | None
    is_always_daily: bool


class PreferencesForm(forms.Form):
    """By which channel each event is told, and which of them once a day; fields `<event>` and `<event>_daily`."""

    def __init__(self, reader: Reader, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        reachable = routes([reader])[reader.pk]
        self.ways = {name: reachable.get(name, "") for name in channels()}
        """The channels that are on, in order, with the reader's address; empty: not linked."""
        chosen = Choices([reader.pk]).chosen
        usual = chosen.get((reader.pk, ""), Choice())
        self.fields[USUAL] = forms.ChoiceField(
            label=_("The usual way"),
            required=False,
            choices=[("", self._first_words(reachable)), *self._channels()],
            initial=usual.channel,
        )
        for event in CHOOSABLE:
            choice = chosen.get((reader.pk, event), habit(event))
            none = [(Preference.NONE, _("not at all"))] if event in OPTIONAL else []
            self.fields[event] = forms.ChoiceField(
                label=capfirst(event.label),
                required=False,
                choices=[("", _("the usual way")), *self._channels(), *none],
                initial=choice.channel,
                widget=forms.Select(attrs={"class": "control"}),
            )
            if event in OPTIONAL and event not in ALWAYS_DAILY:
                self.fields[f"{event}_daily"] = forms.BooleanField(
                    label=_("once a day"), required=False, initial=choice.is_daily
                )

    def optional(self) -> Iterator[Row]:
        """What a reader may do without, or have once a day."""
        return (self._row(event) for event in OPTIONAL)

    def needed(self) -> Iterator[Row]:
        """What the library always tells."""
        return (self._row(event) for event in CHOOSABLE if event not in OPTIONAL)

    def choices(self) -> dict[str, Choice]:
        """What was chosen, for `notifications.choosing.choose`."""
        data = self.cleaned_data
        return {"": Choice(data[USUAL])} | {
            event: Choice(data[event], data.get(f"{event}_daily", False)) for event in CHOOSABLE
        }

    def _row(self, event: Event) -> Row:
        daily = self[f"{event}_daily"] if f"{event}_daily" in self.fields else None
        return Row(str(capfirst(event.label)), self[event], daily, event in ALWAYS_DAILY)

    def _channels(self) -> list[tuple[str, str]]:
        return [
            (name, str(capfirst(name.label)) if address else _("%(channel)s (not linked)") % {"channel": name.label})
            for name, address in self.ways.items()
        ]

    def _first_words(self, reachable: Mapping[Letter.Channel, str]) -> str:
        for name in reachable:
            return _("as the library does it: %(channel)s") % {"channel": name.label}
        return _("as the library does it")

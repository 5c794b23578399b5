"""Choosing a name on the panel, or a new one that is entered together with the book.

A choice is a primary key, or `NEW` and a name: «new:Детская литература». Such a name is looked for by its folded form
when the form is checked and entered only when the book is saved: a form that is given up leaves nothing behind.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django import forms
from django.contrib.admin.widgets import AutocompleteMixin, AutocompleteSelect, AutocompleteSelectMultiple
from django.utils.translation import gettext_lazy as _

from catalog.cleaning import tidy
from catalog.models import NAME_LENGTH, Contribution, NamedThing, folded_name

Thing = TypeVar("Thing", bound=NamedThing)
NEW = "new:"
LONGEST_KEY = 18
"""Digits of a key that any column holds."""


class _ShowsKeys(AutocompleteMixin):
    """An autocomplete that passes over what is no key; Django's own looks for it in the database and fails."""

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> list[Any]:
        """The chosen things."""
        keys = [key for key in map(str, value) if key.isascii() and key.isdigit() and len(key) <= LONGEST_KEY]
        groups: list[Any] = super().optgroups(name, keys, attr)
        return groups


class KeySelect(_ShowsKeys, AutocompleteSelect):
    """One thing that is there."""


class _ShowsNewNames(_ShowsKeys):
    """An autocomplete that keeps showing the new names when the form comes back with errors."""

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> list[Any]:
        """The chosen things as Django finds them, then the new names."""
        groups = super().optgroups(name, value, attr)
        options = groups[0][1]
        for key in filter(is_new, value):
            label = str(key).removeprefix(NEW)
            options.append(self.create_option(name, key, label, True, len(options)))  # type: ignore[attr-defined] # of a Select
        return groups


class NameSelect(_ShowsNewNames, AutocompleteSelect):
    """One name."""


class NamesSelect(_ShowsNewNames, AutocompleteSelectMultiple):
    """Several names."""


class NameField(forms.ModelChoiceField):
    """One thing, perhaps not yet saved."""

    def to_python(self, value: Any) -> Any:
        """The thing."""
        return unsaved(_model(self), value) if is_new(value) else super().to_python(value)


class NamesField(forms.ModelMultipleChoiceField):
    """Several things, some perhaps not yet saved."""

    def clean(self, value: Any) -> Any:
        """The things, known ones first."""
        given = list(value or [])
        known = super().clean([key for key in given if not is_new(key)]) if given else super().clean(value)
        new = [unsaved(_model(self), key) for key in given if is_new(key)]
        return [*known, *new] if new else known


class ContributionForm(forms.ModelForm):
    """Somebody's part in a book; the author may be new."""

    class Meta:
        model = Contribution
        fields = ("author", "role", "position")

    def _get_validation_exclusions(self) -> set[str]:
        """A new author has no key yet, and is no missing one."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        author = self.cleaned_data.get("author")
        return excluded | {"author"} if author is not None and author.pk is None else excluded


def is_new(key: Any) -> bool:
    """Whether a choice is a new name."""
    return isinstance(key, str) and key.startswith(NEW)


def unsaved(model: type[Thing], key: str) -> Thing:
    """The thing of that name, to be saved if there is none yet. Raises ValidationError for what is no name."""
    name = tidy(key.removeprefix(NEW))
    if not name or len(name) > NAME_LENGTH:
        raise forms.ValidationError(_("This is no name: give letters or digits."), code="name")
    return _known(model, name) or model(name=name)


def saved(thing: Thing) -> Thing:
    """The thing, saved if it is new; somebody may have entered the same name meanwhile."""
    if thing.pk is None:
        thing = _known(type(thing), thing.name) or thing
        thing.save()
    return thing


def save_chosen(form: Any, *, single: Iterable[str], several: Iterable[str]) -> None:
    """Save the new names among what a form's fields have chosen, and let form and instance mean the saved ones."""
    for name in single:
        if (thing := form.cleaned_data.get(name)) is not None:
            form.cleaned_data[name] = saved(thing)
            setattr(form.instance, name, form.cleaned_data[name])
    for name in several:
        if things := form.cleaned_data.get(name):
            form.cleaned_data[name] = [saved(thing) for thing in things]


def _known(model: type[Thing], name: str) -> Thing | None:
    return model._default_manager.filter(folded_name=folded_name(name)).order_by("pk").first()


def _model(field: Any) -> type[NamedThing]:
    model: type[NamedThing] = field.queryset.model
    return model

"""What other catalogues answer, as sentences."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lookup.copying import TargetAnswer
from lookup.sru import Diagnostic
from lookup.wording import sentence

_DIAGNOSTICS: Mapping[int, Any] = {
    1: gettext_lazy("It has a fault of its own."),
    2: gettext_lazy("It is out of order for now. Try again later."),
    3: gettext_lazy("It answers registered users only."),
    4: gettext_lazy("It cannot be searched in this way."),
    5: gettext_lazy("It does not speak this version of SRU. Correct the version of the catalogue."),
    6: gettext_lazy("It does not accept the value of a parameter."),
    7: gettext_lazy("It misses a parameter."),
    8: gettext_lazy("It does not know a parameter."),
    10: gettext_lazy("It does not understand the question. Use fewer signs."),
    15: gettext_lazy("It does not know the index that was asked. Correct the indexes of the catalogue."),
    16: gettext_lazy("It does not know the index that was asked. Correct the indexes of the catalogue."),
    19: gettext_lazy("It does not know the relation of the index. Correct the indexes of the catalogue."),
    27: gettext_lazy("Nothing but words that it leaves out was asked. Use rarer words."),
    35: gettext_lazy("Nothing but words that it leaves out was asked. Use rarer words."),
    47: gettext_lazy("It cannot search by these fields together. Use fewer of them."),
    48: gettext_lazy("It does not understand the question. Use fewer signs."),
    59: gettext_lazy("Too many records match. Ask more precisely."),
    60: gettext_lazy("Too many records match. Ask more precisely."),
    61: gettext_lazy("It has no more records."),
    66: gettext_lazy("It does not know the record schema. Correct the schema of the catalogue."),
    67: gettext_lazy("A record cannot be had in this schema."),
    68: gettext_lazy("A record may not be shown to everybody."),
    71: gettext_lazy("It does not send records as XML."),
}
"""Number of info:srw/diagnostic/1 -> what it means to a librarian; the list has 70 more that servers do not send."""


def diagnostic(objection: Diagnostic) -> str:
    """A diagnostic in words, with the server's own, for whoever looks after the catalogue's settings."""
    words = _DIAGNOSTICS.get(objection.number)
    told = str(words) if words else _("It answered with diagnostic %(number)d.") % {"number": objection.number}
    own = ", ".join(filter(None, (objection.message, objection.details)))
    return f"{told} ({own})" if own else told


def problems(answer: TargetAnswer) -> list[str]:
    """What there is to say of a target besides its records."""
    if answer.is_unable:
        return [_("It cannot be searched by one of these fields.")]
    if answer.trouble:
        return [sentence(answer.target.name, answer.trouble)]
    return [diagnostic(objection) for objection in answer.diagnostics]

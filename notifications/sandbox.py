"""The words that staff write for letters: a small template language that reaches nothing but the data it is given.

The syntax is Jinja's, of which a handful is permitted: fields, `if`, `for` and the filters named here. What is not on
the list is refused when the words are saved, and the list is short: no calls, no arithmetic, no assignments, no macros,
no other templates. A field is looked up in plain dictionaries and nowhere else, so no attribute of a Python object is
within reach. Loops nest twice at most and the output is cut off, so a letter costs what a letter may cost.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, cast

import nh3
from django.utils import formats
from django.utils.html import conditional_escape, linebreaks
from django.utils.safestring import mark_safe
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from jinja2 import TemplateSyntaxError, nodes
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from library.core.templatetags.money import money

LONGEST_SOURCE = 20_000
LONGEST_OUTPUT = 200_000
DEEPEST = 2
"""Loops inside each other."""
MOST_LINES = 200
"""Rounds of one loop."""
LONE_TAG = re.compile(r"^[ \t]*(\{%[^%\n]*%\})[ \t]*\n", re.MULTILINE)
"""A line with nothing but a tag leaves no empty line behind."""
PERMITTED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Filter, nodes.If, nodes.For,
    nodes.Const, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr,
)  # fmt: skip
Fields = Mapping[str, Any]
"""Name to kind: `text`, `date`, `time`, `money`, `number`, `link`; a mapping where it has fields itself, a list of one
where there are many."""

TAGS = {"a", "b", "blockquote", "br", "em", "h2", "h3", "hr", "i", "li", "ol", "p", "span", "strong", "ul"}
"""What HTML a letter may have."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with words, and where."""

    line: int
    text: str


class Broken(Exception):
    """These words cannot be rendered."""


def _day(value: Any) -> str:
    return formats.date_format(value, "DATE_FORMAT") if isinstance(value, date) else ""


def _clock(value: Any) -> str:
    return formats.time_format(value, "TIME_FORMAT") if isinstance(value, time) else ""


def _amount(value: Any) -> str:
    return str(money(value)) if isinstance(value, Decimal) else ""


def _short(value: Any, length: int = 60) -> str:
    return Truncator(str(value)).chars(min(int(length), 1000))


def _plural(number: Any, *words: str) -> str:
    """The Russian forms for 1, 2 and 5, or two English ones for 1 and many."""
    n = abs(int(number))
    if len(words) == 2:
        return words[n != 1]
    one, few, many = words
    if n % 10 == 1 and n % 100 != 11:
        return one
    return few if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else many


FILTERS: dict[str, Callable[..., Any]] = {
    "day": _day,
    "clock": _clock,
    "money": _amount,
    "short": _short,
    "capfirst": lambda value: capfirst(str(value)),
    "plural": _plural,
    "lines": lambda value: mark_safe(linebreaks(conditional_escape(str(value)))),  # noqa: S308 - escaped here
}
"""What words may be passed through: a day, a time of day, an amount, so many characters, a capital letter, the form
that a number asks for, line breaks as HTML."""


class _Environment(ImmutableSandboxedEnvironment):
    """Plain dictionaries have fields; nothing else has any."""

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(autoescape=autoescape, keep_trailing_newline=True)
        self.globals.clear()
        self.tests.clear()
        self.filters.clear()
        self.filters.update(FILTERS)

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, dict) and isinstance(argument, str) and argument in obj:
            return obj[argument]
        return self.undefined(name=str(argument))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return False

    def is_safe_callable(self, obj: Any) -> bool:
        return False


_TEXT, _HTML = _Environment(autoescape=False), _Environment(autoescape=True)


def render(source: str, context: Mapping[str, Any], *, is_html: bool = False) -> str:
    """Words with the fields put in; HTML is escaped and cleaned of what letters may not have. Raises Broken."""
    environment = _HTML if is_html else _TEXT
    if problem := next(iter(_forms(environment, source)), None):
        raise Broken(f"{problem.line}: {problem.text}")
    pieces, length = [], 0
    try:
        for piece in environment.from_string(LONE_TAG.sub(r"\1", source)).generate(_plain(context)):
            pieces.append(piece)
            length += len(piece)
            if length > LONGEST_OUTPUT:
                raise Broken(_("The text becomes too long."))
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise Broken(f"{type(error).__name__}: {error}") from error
    return cleaned("".join(pieces)) if is_html else "".join(pieces)


def cleaned(html: str) -> str:
    """HTML with the tags that a letter may have, links to the web and by mail, and classes; nothing else."""
    return nh3.clean(
        html,
        tags=TAGS,
        attributes={"*": {"class"}, "a": {"href", "class"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
    )


def problems(source: str, fields: Fields) -> list[Problem]:
    """Everything that is wrong with words for a letter with these fields; none: they can be rendered."""
    found = _forms(_TEXT, source)
    if found:
        return found
    walker = _Walker(fields)
    walker.walk(_TEXT.parse(source), dict(fields), depth=0)
    return walker.found


def _forms(environment: _Environment, source: str) -> list[Problem]:
    """What is not permitted at all."""
    if len(source) > LONGEST_SOURCE:
        return [Problem(1, _("The text is longer than %(count)d characters.") % {"count": LONGEST_SOURCE})]
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        return [Problem(error.lineno, _("This cannot be read: %(why)s") % {"why": error.message})]
    except RecursionError:
        return [Problem(1, _("This is nested too deeply."))]
    found = []
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, PERMITTED) or (isinstance(node, nodes.For) and (node.recursive or node.test)):
            found.append(
                Problem(node.lineno, _("This is not permitted in letters: %(what)s.") % {"what": type(node).__name__})
            )
        elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
            found.append(Problem(node.lineno, _("There is no “%(name)s” after the bar.") % {"name": node.name}))
        elif isinstance(node, nodes.For) and not isinstance(node.target, nodes.Name):
            found.append(Problem(node.lineno, _("A loop gives one name to each round.")))
    return found or _depth(tree, 0)


def _depth(node: nodes.Node, depth: int) -> list[Problem]:
    depth += isinstance(node, nodes.For)
    if depth > DEEPEST:
        return [Problem(node.lineno, _("Loops inside loops inside loops are not permitted."))]
    return [problem for child in node.iter_child_nodes() for problem in _depth(child, depth)]


class _Walker:
    """Follows the names of fields through loops, and notes those that there are not."""

    def __init__(self, fields: Fields) -> None:
        self.found: list[Problem] = []

    def walk(self, node: nodes.Node, names: dict[str, Any], depth: int) -> None:
        if isinstance(node, nodes.For):
            many = self.kind(node.iter, names)
            if many is not None and not isinstance(many, list):
                self.note(node.lineno, _("A loop needs a list, as “lines” is."))
            inner = names | {cast(nodes.Name, node.target).name: many[0] if isinstance(many, list) else None}
            for child in [*node.body]:
                self.walk(child, inner, depth + 1)
            for child in node.else_:
                self.walk(child, names, depth)
        elif isinstance(node, nodes.Name | nodes.Getattr):
            self.kind(node, names)
        else:
            for child in node.iter_child_nodes():
                self.walk(child, names, depth)

    def kind(self, node: nodes.Node, names: dict[str, Any]) -> Any:
        """The kind of a field; None: it is unknown, and said already."""
        if isinstance(node, nodes.Name):
            if node.name not in names:
                self.note(node.lineno, _("There is no field “%(name)s”.") % {"name": node.name})
            return names.get(node.name)
        if isinstance(node, nodes.Getattr):
            of = self.kind(node.node, names)
            if isinstance(of, Mapping) and node.attr in of:
                return of[node.attr]
            if of is not None:
                self.note(node.lineno, _("There is no field “%(name)s”.") % {"name": node.attr})
            return None
        self.walk(node, names, 0)
        return "text"

    def note(self, line: int, text: str) -> None:
        self.found.append(Problem(line, text))


def _plain(value: Any) -> Any:
    """Dictionaries, lists and plain values; anything else becomes text."""
    match value:
        case Mapping():
            return {str(key): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value[:MOST_LINES]]
        case None:
            return ""
        case bool() | int() | date() | time() | Decimal():
            return value
        case _:
            return str(value)

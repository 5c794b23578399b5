"""The built-in words of an event as staff may edit them: the library's own templates, written with fields.

The built-in templates are rendered with marks in the place of data, and the marks are then replaced with the fields
they stand for. What differs between one book and many, or between tones, becomes an `if`. So the words to begin with
are always those that would be sent, in each language, without being written down a second time.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.template.loader import render_to_string
from django.utils import formats, translation

from library.core.money import money
from notifications.fields import COMMON, fields_of
from notifications.models import Event, LetterTemplate

OPEN, CLOSE = "\ue000", "\ue001"
"""Around the name of a text field; no data has these characters."""
ONE, SOME, MANY = 21, 22, 25
"""Numbers for each of the Russian forms; what is told of many is rendered with all three."""
BOOLEANS = ("is_renewed_online",)
TONES = ("last", "firm")
OPTIONAL_PIECES = (
    (" — {{ line.authors }}", "{% if line.authors %} — {{ line.authors }}{% endif %}"),
    (" — {{ book.authors }}", "{% if book.authors %} — {{ book.authors }}{% endif %}"),
    (" — {{ line.title }}", "{% if line.title %} — {{ line.title }}{% endif %}"),
)
"""What is left out where there is nothing; other lines with an empty field alone are dropped by `_optional`."""


class Words(NamedTuple):
    """What is edited, in the syntax of `notifications.sandbox`."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class _Case:
    """One rendering: how many, in which tone, and with which flags."""

    count: int
    tone: str = "gentle"
    flag: bool = True


def built_in(event: Event, language: str, kind: str) -> Words:
    """The built-in words of an event."""
    with translation.override(language):
        subject = _merged(event, lambda case: _subject(event, language, case))
        if kind == LetterTemplate.Kind.SMS:
            return Words("", f"{subject}. {{{{ library_name }}}}", "")
        is_chat = kind == LetterTemplate.Kind.CHAT
        text = _merged(event, lambda case: _part(event, language, case, "txt", is_message=is_chat))
        if is_chat:
            return Words(subject, text, "")
        return Words(subject, text, _merged(event, lambda case: _part(event, language, case, "html", is_message=True)))


def _subject(event: Event, language: str, case: _Case) -> str:
    rendered = render_to_string(f"notifications/{event}.subject.txt", _context(event, language, case))
    return " ".join(_fields(event, rendered, case).split())


def _part(event: Event, language: str, case: _Case, form: str, *, is_message: bool) -> str:
    context = _context(event, language, case) | {"is_message": is_message, "subject": ""}
    rendered: str = render_to_string(f"notifications/{event}.body.{form}", context)
    if not is_message:
        rendered = rendered.partition("\n\n")[2].rpartition("\n\n-- \n")[0]
    if form == "html":
        lines = "\n".join(line.strip() for line in rendered.splitlines() if line.strip())
        rendered = re.sub(r"<p>\n", "<p>", lines).replace("\n</p>", "</p>")
    return re.sub(r"\n{3,}", "\n\n", _fields(event, _looped(rendered + "\n"), case)).strip()


def _context(event: Event, language: str, case: _Case) -> dict[str, Any]:
    line = _marked(fields_of(event)["first"], case)
    common = {name: f"{OPEN}{name}{CLOSE}" for name in COMMON}
    return common | {
        "language": language,
        "lines": [line, line],
        "first": line,
        "count": case.count,
        "stage": 0,
        "tone": case.tone,
    }


def _marked(fields: dict[str, Any], case: _Case) -> dict[str, Any]:
    """A line of marks: text between marks, days long past, an amount and a number that nothing else has."""
    line: dict[str, Any] = {}
    for number, (name, kind) in enumerate(fields.items()):
        if isinstance(kind, list):
            line[name] = [_marked(kind[0], case)] * 2
        elif name in BOOLEANS:
            line[name] = case.flag
        else:
            line[name] = {
                "date": date(1801 + number, 2, 3),
                "time": "",
                "money": Decimal("98765.43"),
                "number": 9700 + number,
            }.get(kind, f"{OPEN}{name}{CLOSE}")
    return line


def _looped(text: str) -> str:
    """Equal rounds of a loop become the loop, those of books within a line first; marks then name their round."""
    if f"{OPEN}search{CLOSE}" in text:
        for _both in range(2):
            text = _loop(text, "title", "book", "line.books")
        return _loop(text, "search", "line", "lines")
    return _loop(text, "what" if f"{OPEN}what{CLOSE}" in text else "title", "line", "lines")


def _loop(text: str, mark: str, name: str, many: str) -> str:
    """Two equal rounds on lines of their own, each with the `mark`, become a loop over `many`."""
    marks = [match.start() for match in re.finditer(f"{OPEN}{mark}{CLOSE}", text)]
    for first, second in itertools.pairwise(marks):
        period = second - first
        start = first
        while start > 0 and text[start - 1] == text[start - 1 + period]:
            start -= 1
        for begin in range(start, first + 1):
            block, rest = text[begin : begin + period], text[begin + period :]
            begins_line = (begin == 0 or text[begin - 1] == "\n") and not block.startswith("\n")
            if begins_line and block.endswith("\n") and rest.startswith(block):
                block = re.sub(f"{OPEN}(\\w+){CLOSE}", lambda one: _of_round(one[1], name), block)
                return f"{text[:begin]}{{% for {name} in {many} %}}\n{block}{{% endfor %}}\n{rest[period:]}"
    return text


def _of_round(field: str, name: str) -> str:
    return f"{OPEN}{field}{CLOSE}" if field in COMMON else f"{OPEN}{name}.{field}{CLOSE}"


def _fields(event: Event, text: str, case: _Case) -> str:
    """Marks back to fields."""
    fields = fields_of(event)["first"]
    before, loop, after = _around_loop(text)
    pieces = []
    for piece, name in ((before, "first"), (loop, "line"), (after, "first")):
        for number, (field, kind) in enumerate(fields.items()):
            if kind == "date":
                day = formats.date_format(date(1801 + number, 2, 3), "DATE_FORMAT")
                piece = piece.replace(day, f"{{{{ {name}.{field}|day }}}}")
            elif kind == "money":
                piece = piece.replace(money(Decimal("98765.43")), f"{{{{ {name}.{field}|money }}}}")
            elif kind == "number" and field not in BOOLEANS:
                piece = re.sub(rf"9[\s\u00a0\u202f,]?7{number:02d}\b", f"{{{{ {name}.{field} }}}}", piece)
        pieces.append(piece)
    text = "".join(pieces)
    if case.count > 1:
        text = re.sub(rf"\b{case.count}\b", "{{ count }}", text)
    text = re.sub(f"{OPEN}(\\w+\\.\\w+){CLOSE}", r"{{ \1 }}", text)
    text = re.sub(f"{OPEN}(\\w+){CLOSE}", lambda mark: _of_letter(mark[1]), text)
    text = text.replace("{{ line.what }}", "{{ line.what|capfirst }}").replace(
        "{{ first.what }}", "{{ first.what|capfirst }}"
    )
    for piece, guarded in OPTIONAL_PIECES:
        text = text.replace(piece, guarded)
    return _optional(text)


def _of_letter(name: str) -> str:
    if name in COMMON:
        return f"{{{{ {name} }}}}"
    return f"{{{{ first.{name}|short }}}}" if name in ("title", "search") else f"{{{{ first.{name} }}}}"


def _around_loop(text: str) -> tuple[str, str, str]:
    if "{% for" not in text:
        return text, "", ""
    start, end = text.index("{% for"), text.rindex("{% endfor %}")
    return text[:start], text[start:end], text[end:]


def _optional(text: str) -> str:
    """A line with nothing but a field that may be empty stands only where it is not."""
    return re.sub(
        r"^([^{\n]*\{\{ (line\.(?:why|reason|receipt|more)) \}\}[^{\n]*)\n",
        r"{% if \2 %}\n\1\n{% endif %}\n",
        text,
        flags=re.MULTILINE,
    )


def _merged(event: Event, words: Callable[[_Case], str]) -> str:
    """One text out of the renderings of all cases."""
    if event == Event.OVERDUE:
        by_tone = [_by_flag(event, words, tone) for tone in (*TONES, "gentle")]
        return _branches([f'tone == "{tone}"' for tone in TONES], by_tone)
    return _by_flag(event, words, "gentle")


def _by_flag(event: Event, words: Callable[[_Case], str], tone: str) -> str:
    if "is_renewed_online" in fields_of(event)["first"]:
        with_flag, without = (_by_count(words, tone, flag=flag) for flag in (True, False))
        return _branches(["first.is_renewed_online"], [with_flag, without])
    return _by_count(words, tone, flag=True)


def _by_count(words: Callable[[_Case], str], tone: str, *, flag: bool) -> str:
    forms = [words(_Case(count, tone, flag)) for count in (ONE, SOME, MANY)]
    return _branches(["count == 1"], [words(_Case(1, tone, flag)), _with_forms(forms)])


def _with_forms(forms: Sequence[str]) -> str:
    """The same text with 21, 22 and 25: where the number is shown, words that differ are chosen by it."""
    if len(set(forms)) == 1 or not any("{{ count }}" in form for form in forms):
        return forms[-1]
    split = [re.split(r"(\s+)", form) for form in forms]
    if len({len(words) for words in split}) > 1:
        return forms[-1]
    return "".join(
        words[0] if len(set(words)) == 1 else '{{{{ count|plural("{}", "{}", "{}") }}}}'.format(*words)
        for words in zip(*split, strict=True)
    )


def _branches(conditions: Sequence[str], texts: Sequence[str]) -> str:
    """The texts under their conditions, the last where none holds; lines that all share stand once."""
    if len(set(texts)) == 1:
        return texts[0]
    if not any("\n" in text for text in texts):
        return "".join(_chain(conditions, texts, "", ""))
    lines = [text.split("\n") for text in texts]
    head = _shared(lines)
    tail = _shared([list(reversed(one[head:])) for one in lines])
    end = [len(one) - tail for one in lines]
    middle = ["\n".join(one[head:stop]) for one, stop in zip(lines, end, strict=True)]
    return "\n".join([*lines[0][:head], *_chain(conditions, middle, "\n", "\n"), *lines[0][end[0] :]])


def _chain(conditions: Sequence[str], texts: Sequence[str], before: str, after: str) -> list[str]:
    chain = ""
    for number, (condition, text) in enumerate(zip(conditions, texts, strict=False)):
        chain += f"{{% {'el' * bool(number)}if {condition} %}}{before}{text}{after}"
    return [f"{chain}{{% else %}}{before}{texts[-1]}{after}{{% endif %}}"]


def _shared(lines: Sequence[Sequence[str]]) -> int:
    """How many of the first lines are the same everywhere, without tearing an `if` or a loop apart."""
    whole = depth = 0
    for number, row in enumerate(zip(*lines, strict=False), start=1):
        if len(set(row)) > 1:
            break
        depth += len(re.findall(r"{% (?:if|for) ", row[0])) - len(re.findall(r"{% end(?:if|for) ", row[0]))
        if depth == 0 and not re.search(r"{% el", row[0]):
            whole = number
    return whole

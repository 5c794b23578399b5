"""A record with what was edited in the library: only the subfields that said it change.

Every change is read back: it is kept when the record then says what the catalogue does and nothing else has changed.
Where no single subfield will do, the fields that hold the matter are written anew. What nobody edited stays:
its indicators, its subfields, its place, and the 880 linked with it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

from catalog.bookdata import DESCRIBING, BookData, Person
from catalog.cleaning import without_isbd
from catalog.marc.record import Field, Record
from catalog.models import folded_name

_CYRILLIC = re.compile("[А-Яа-яЁёІіЇїЄєҐґЎў]")
LISTS = ("isbns", "other_titles", "people", "subjects", "genres")


def edited(source: Record, fresh: Record, now: BookData, names: set[str], writer: ModuleType) -> Record:
    """`source` where it says the book `now`; `names` are the fields of BookData that differ, `fresh` a record of `now`.

    `writer` is `marc21_writing` or `unimarc_writing`. Copies are left to `catalog.marc.items`.
    """
    turned = _turned(source)
    work = _Edit(writer, fresh, now, writer.with_fixed_data(turned, fresh, names))
    if "other_titles" in names:
        said = set(writer.reading.book(source, ()).other_titles)
        work.implied = said - set(writer.reading.book(turned, ()).other_titles)
    for name in (name for name in DESCRIBING if name in names):
        if name in LISTS:
            work.edit_list(name)
        elif name in writer.PLACES:
            work.edit_text(name)
    return _linked(_turned(work.record, is_back=True), source)


class _Edit:
    """The record on its way, one field of BookData after another."""

    def __init__(self, writer: ModuleType, fresh: Record, now: BookData, record: Record) -> None:
        self.writer = writer
        self.fresh = fresh
        self.now = now
        self.record = record
        self.implied: set[str] = set()
        """Other titles that no field holds: the title in another script."""

    def book(self, record: Record) -> BookData:
        book: BookData = self.writer.reading.book(record, ())
        return book

    # --- Texts ---
    def edit_text(self, name: str) -> None:
        """Change one subfield, add one or take one away; failing that write the fields of `name` anew."""
        current = self.book(self.record)
        for fields in self._candidates(name):
            candidate = Record(self.record.leader, tuple(fields))
            if self._is_right(name, self.book(candidate), current):
                self.record = candidate
                return
        if not _is_said(name, current, self.now):
            self._rewrite(name)

    def _is_right(self, name: str, book: BookData, current: BookData) -> bool:
        return _is_said(name, book, self.now) and all(
            getattr(book, other) in (getattr(current, other), getattr(self.now, other))
            for other in DESCRIBING
            if other not in LISTS
        )

    def _candidates(self, name: str) -> Iterator[list[Field]]:
        tags, code, parts = self.writer.PLACES[name]
        value = next((field.first(code) for field in self.fresh.fields if field.tag in tags), "")
        fields = list(self.record.fields)
        places = [at for at, field in enumerate(fields) if field.tag in tags]
        for doomed in ("", parts):
            for at in places:
                for position, (found, old) in enumerate(fields[at].subfields):
                    if found == code:
                        new = value and value + _tail(old)
                        yield self._with(fields, at, _replaced(fields[at], position, new, doomed), name)
        for at in places if value else ():
            yield self._with(fields, at, _added(fields[at], code, value), name)

    def _with(self, fields: list[Field], at: int, field: Field, name: str) -> list[Field]:
        if name == "title":
            field = self.writer.with_filing(field)
        return [*fields[:at], *([field] if field.subfields else []), *fields[at + 1 :]]

    def _rewrite(self, name: str) -> None:
        tags = self.writer.TAGS[name]
        incoming = [field for field in self.fresh.fields if field.tag in tags]
        old = {field.tag: field for field in reversed(self.record.fields) if field.tag in tags}
        written = {
            code for tag in tags for field in self.fresh.fields if field.tag == tag for code, _ in field.subfields
        }
        codes = written | set("".join(self.writer.PLACES[name][1:]))
        incoming = [
            field._replace(
                indicators=old[field.tag].indicators,
                subfields=(*field.subfields, *(pair for pair in old[field.tag].subfields if pair[0] not in codes)),
            )
            if field.tag in old
            else field
            for field in incoming
        ]
        kept = [field for field in self.record.fields if field.tag not in tags]
        self.record = Record(self.record.leader, tuple(merged(kept, incoming)))
        links = [field for field in kept if field.tag in self.writer.LINKS]
        if links and not _is_said(name, self.book(self.record), self.now):
            rest = [field for field in self.record.fields if field not in links]
            self.record = Record(self.record.leader, tuple(rest))
            for other in ("title", "series", "series_number"):
                if other != name and not _is_said(other, self.book(self.record), self.now):
                    self.edit_text(other)

    # --- Lists ---
    def edit_list(self, name: str) -> None:
        """Take out the fields of what is no longer said, put in those of what is new; the others are not touched."""
        key = _KEYS[name]
        wanted = [key(value) for value in getattr(self.now, name) if value not in self.implied]
        fresh = {said[0]: field for field in self.fresh.fields if (said := self._said(field, name))}
        fields: list[Field] = []
        said_now: set[Any] = set()
        for field in self.record.fields:
            said = self._said(field, name)
            if said and not set(said) <= set(wanted):
                replaced = self._replaced_entry(field, name, said, wanted, fresh)
                if replaced is None:
                    continue
                field, said = replaced, self._said(replaced, name)
            said_now.update(said)
            fields.append(field)
        new = [fresh[each] for each in dict.fromkeys(wanted) if each not in said_now and each in fresh]
        self.record = Record(self.record.leader, tuple(merged(fields, new)))
        if name == "people":
            self._order(wanted, fresh)

    def _said(self, field: Field, name: str) -> list[Any]:
        """What the field says for `name`, read beside the title that it may refer to."""
        if field.tag not in self.writer.TAGS[name]:
            return []
        title = tuple(self.record.all(self.writer.TAGS["title"][0]))
        own = getattr(self.book(Record(self.record.leader, title)), name)
        values = getattr(self.book(Record(self.record.leader, (*title, field))), name)
        return [_KEYS[name](value) for value in values if value not in own]

    def _replaced_entry(
        self, field: Field, name: str, said: list[Any], wanted: list[Any], fresh: dict[Any, Field]
    ) -> Field | None:
        """The field without what is no longer said, or saying a new thing in its place; None: it goes."""
        stays = {each for each in said if each in wanted}
        for at in range(len(field.subfields)):
            less = field._replace(subfields=field.subfields[:at] + field.subfields[at + 1 :])
            left = self._said(less, name)
            if left and stays <= set(left) <= set(wanted):
                return less
            if not left and not stays and name == "genres" and field.tag != self.writer.TAGS["genres"][0]:
                return less
        heirs = [each for each in wanted if each not in said and each in fresh]
        if name == "people":
            heirs = [each for each in heirs if each[0] == said[0][0]]
        elif name != "isbns":
            heirs = []
        present = {each for other in self.record.fields for each in self._said(other, name)}
        for heir in heirs:
            given = dict(fresh[heir].subfields)
            renewed = _renewed(field, given)
            if heir not in present and self._said(renewed, name) == [heir]:
                return renewed
        return None

    def _order(self, wanted: Sequence[Any], fresh: dict[Any, Field]) -> None:
        """People in the order of the title page, the first one as the main entry if it is one."""
        if [_KEYS["people"](person) for person in self.book(self.record).people] == list(wanted):
            return
        tags = self.writer.TAGS["people"]
        headings = [(self._said(field, "people"), field) for field in self.record.fields if field.tag in tags]
        known = [(said, field) for said, field in headings if said and said[0] in wanted]
        known.sort(key=lambda entry: wanted.index(entry[0][0]))
        kept = [field for field in self.record.fields if not any(field is other for _, other in known)]
        sorted_ = [self.writer.as_heading(field, fresh[said[0]].tag) for said, field in known if said[0] in fresh]
        self.record = Record(self.record.leader, tuple(merged(kept, sorted_)))


def _person_key(person: Person) -> tuple[str, str, str]:
    return folded_name(person.name), person.dates, person.role


_KEYS: dict[str, Callable[[Any], Any]] = {
    "isbns": str,
    "other_titles": str,
    "people": _person_key,
    "subjects": folded_name,
    "genres": folded_name,
}


def _is_said(name: str, book: BookData, now: BookData) -> bool:
    names = ("year", "year_note") if name in ("year", "year_note") else (name,)
    return all(getattr(book, each) == getattr(now, each) for each in names)


def _tail(text: str) -> str:
    """The punctuation of ISBD at the end: « /» of «The dear /»."""
    clean = without_isbd(text)
    return text[len(clean) :] if clean and text.startswith(clean) else ""


def _replaced(field: Field, position: int, value: str, doomed: str) -> Field:
    code = field.subfields[position][0]
    return field._replace(
        subfields=tuple(
            (code, value) if at == position else pair
            for at, pair in enumerate(field.subfields)
            if (at != position or value) and pair[0] not in doomed
        )
    )


def _added(field: Field, code: str, value: str) -> Field:
    """The subfield after those that come before it in the alphabet."""
    place = max((at + 1 for at, pair in enumerate(field.subfields) if pair[0] <= code), default=0)
    return field._replace(subfields=(*field.subfields[:place], (code, value), *field.subfields[place:]))


def _renewed(field: Field, given: dict[str, str]) -> Field:
    """The field with these values in the subfields of the same codes; codes it has not are added."""
    left = dict(given)
    subfields = []
    for code, value in field.subfields:
        if code in left:
            new = left.pop(code)
            subfields.append((code, value if without_isbd(value) == new else new))
        else:
            subfields.append((code, value))
    renewed = field._replace(subfields=tuple(subfields))
    for code, value in left.items():
        renewed = _added(renewed, code, value)
    return renewed


def merged(fields: list[Field], incoming: list[Field]) -> list[Field]:
    """Each incoming field put before the first field with a higher tag."""
    result = list(fields)
    for new in incoming:
        place = next((at for at, field in enumerate(result) if field.tag > new.tag), len(result))
        result.insert(place, new)
    return result


# --- Fields in two scripts -----------------------------------------------------------------------------------------
def _turned(record: Record, *, is_back: bool = False) -> Record:
    """The record with Cyrillic 880s in the places of their twins, and the other way round: that is what is read."""
    if "880" not in record:
        return record
    fields = list(record.fields)
    twins = {field.first("6")[4:6]: at for at, field in enumerate(fields) if field.tag == "880"}
    for at, field in enumerate(record.fields):
        link = field.first("6")
        other = twins.get(link[4:6]) if link else None
        if field.tag == "880" or other is None or (link[:3] == "880") == is_back:
            continue
        twin = fields[other]
        if not is_back and (
            twin.first("6")[:3] != field.tag or not _CYRILLIC.search("".join(v for _, v in twin.subfields))
        ):
            continue
        fields[at], fields[other] = twin._replace(tag=field.tag), field._replace(tag="880")
    return Record(record.leader, tuple(fields))


def _linked(record: Record, source: Record) -> Record:
    """The record whose 880s name the tags that their twins have now; the 880 of a field that went goes too."""
    if "880" not in record:
        return record
    had = {field.first("6")[4:6] for field in source.fields if field.tag != "880" and field.first("6")[:3] == "880"}
    has = {field.first("6")[4:6]: field.tag for field in record.fields if field.first("6")[:3] == "880"}
    fields = []
    for field in record.fields:
        link = field.first("6")
        if field.tag == "880" and link[:3] != "880" and link[4:6] in had:
            if link[4:6] not in has:
                continue
            field = _relinked(field, has[link[4:6]])
        elif field.tag == "880" and link[:3] == "880":
            continue
        fields.append(field)
    return Record(record.leader, tuple(fields))


def _relinked(field: Field, tag: str) -> Field:
    return field._replace(
        subfields=tuple((code, tag + value[3:] if code == "6" else value) for code, value in field.subfields)
    )

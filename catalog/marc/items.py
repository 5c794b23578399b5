"""Copies in records: the fields that hold them, what their subfields mean, and how a copy is written back there.

A pattern names subfields: `p` is the first $p; `hi` is $h and $i together, with a space between; `a/b` is $a or, where
it is empty, $b. Each line of `statuses` is `0=* withdrawn`: $0 with anything but 0 means a withdrawn copy; `a=4 lost`:
$a with «4» means a lost one; besides the states of a copy there is `reference`, for use in the library only.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from catalog import cleaning
from catalog.bookdata import CopyData
from catalog.cleaning import tidy
from catalog.marc.record import Field, Record
from catalog.models import Copy

REFERENCE = "reference"
ANYTHING = "*"
STATES = {
    "available": Copy.Status.AVAILABLE,
    "damaged": Copy.Status.DAMAGED,
    "lost": Copy.Status.LOST,
    "withdrawn": Copy.Status.WITHDRAWN,
}
"""The states that a record can tell."""
_STATUS = re.compile(rf"([0-9a-z])=(\S{{1,20}}) ({'|'.join([*STATES, REFERENCE])})")
_NUMBER = re.compile(r"[0-9][0-9 \u00a0]*(?:[.,-][0-9]{1,2})?")
_DATES = (
    (re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})"), (1, 2, 3)),
    (re.compile(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})"), (3, 2, 1)),
)


class StatusRule(NamedTuple):
    """$`code` with `value` («*»: anything but 0) means `state`, a key of STATES or REFERENCE."""

    code: str
    value: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFields:
    """One kind of field in which copies stand; every attribute but the first three is a pattern of subfields."""

    name: str
    tag: str
    must_have: str = ""
    """Subfields that tell this kind from another one with the same tag; one field of the record must have them."""
    barcode: str = ""
    inventory_number: str = ""
    branch: str = ""
    item_type: str = ""
    shelf_mark: str = ""
    price: str = ""
    acquired_on: str = ""
    note: str = ""
    statuses: str = ""


KOHA = "0=* withdrawn\n1=* lost\n4=* damaged\n7=* reference"
IRBIS = "a=4 lost\na=6 withdrawn"
_IRBIS_910 = CopyFields(
    name="IRBIS", tag="910", barcode="h", inventory_number="b", branch="d", price="e", acquired_on="c", statuses=IRBIS
)
_OF_UNIMARC = (
    CopyFields(
        name="MUBIS", tag="995", must_have="l", barcode="f", inventory_number="k", branch="a", item_type="b",
        shelf_mark="l", price="p", acquired_on="5", note="u",
    ),
    CopyFields(
        name="Recommandation 995", tag="995", barcode="f", inventory_number="j", branch="b/a", item_type="r",
        shelf_mark="k", price="p", acquired_on="5", note="u",
    ),
    _IRBIS_910,
    CopyFields(name="RUSMARC", tag="899", barcode="p", inventory_number="p", branch="ab", shelf_mark="j"),
)  # fmt: skip
SHIPPED: dict[str, tuple[CopyFields, ...]] = {
    "marc21": (
        CopyFields(
            name="Koha", tag="952", barcode="p", inventory_number="i", branch="a/b", item_type="y", shelf_mark="o",
            price="g", acquired_on="d", note="z", statuses=KOHA,
        ),
        CopyFields(
            name="Sirsi", tag="949", must_have="m/l", barcode="i", branch="m", item_type="t", shelf_mark="a", price="p",
            note="o",
        ),
        CopyFields(
            name="Sirsi", tag="999", must_have="m/l", barcode="i", branch="m", item_type="t", shelf_mark="a", price="p",
            note="o",
        ),
        CopyFields(name="Item information", tag="876", barcode="p", branch="l", price="c"),
        CopyFields(name="Follett", tag="852", barcode="p", branch="b", shelf_mark="hi", price="9"),
    ),
    "unimarc": _OF_UNIMARC,
    "rusmarc": _OF_UNIMARC,
}  # fmt: skip
"""By format, in the order in which they are looked for; a copy made here goes where the record's others stand."""
USUAL = {
    "marc21": SHIPPED["marc21"][0],
    "unimarc": _OF_UNIMARC[1],
    "rusmarc": _OF_UNIMARC[1],
}
"""Where a copy is written in a record that has no other."""


# --- Reading -------------------------------------------------------------------------------------------------------
def kinds(record: Record, known: Iterable[CopyFields]) -> dict[str, CopyFields]:
    """By tag, how the record's copies are to be read: the first of `known` that fits."""
    chosen: dict[str, CopyFields] = {}
    for each in known:
        if each.tag in chosen or each.tag not in record:
            continue
        if not each.must_have or any(_text(field, each.must_have) for field in record.all(each.tag)):
            chosen[each.tag] = each
    return chosen


def copies(
    record: Record,
    known: Iterable[CopyFields],
    *,
    shelf_mark: str = "",
    price: Decimal | None = None,
    currency: str = "",
) -> Iterator[CopyData]:
    """The copies of the record; those without a shelf mark or price of their own get these.

    A price in another currency than `currency` («»: any will do) is none.
    """
    for tag, kind in kinds(record, known).items():
        for field in record.all(tag):
            yield from of_field(field, kind, currency=currency, shelf_mark=shelf_mark, price=price)


def without(record: Record, known: Iterable[CopyFields]) -> Record:
    """The record without the fields that hold copies; a location without any number stays."""
    chosen = kinds(record, known)
    return Record(
        record.leader,
        tuple(field for field in record.fields if field.tag not in chosen or not of_field(field, chosen[field.tag])),
    )


def of_field(
    field: Field, kind: CopyFields, *, currency: str = "", shelf_mark: str = "", price: Decimal | None = None
) -> list[CopyData]:
    """The copies of one field: none without a number; several where the barcode is repeated. As in `copies`."""
    first = dict(reversed(field.subfields))

    def text(pattern: str) -> str:
        return tidy(first[pattern]) if pattern in first else _text(field, pattern) if len(pattern) > 1 else ""

    barcodes = [tidy(value) for value in field.all(kind.barcode)] if len(kind.barcode) == 1 else []
    barcodes = [value for value in barcodes if value] or [text(kind.barcode)]
    number = text(kind.inventory_number)
    if not (barcodes[0] or number):
        return []
    amount, found = cleaning.price(text(kind.price))
    status, is_reference_only = _status(first, kind)
    branch, item_type, note, own_mark = text(kind.branch), text(kind.item_type), text(kind.note), text(kind.shelf_mark)
    acquired_on = day(text(kind.acquired_on))
    is_same = kind.barcode == kind.inventory_number
    return [
        CopyData(
            barcode=value,
            inventory_number=value if is_same else number,
            branch=branch,
            item_type=item_type,
            shelf_mark=own_mark or shelf_mark,
            status=status,
            is_reference_only=is_reference_only,
            price=(amount if found in ("", currency) or not currency else None) or price,
            acquired_on=acquired_on,
            note=note,
        )
        for value in barcodes
    ]


def day(text: str) -> date | None:
    """«20071030», «2007-10-30» or «30.10.2007»; None when it is none of them."""
    if not text:
        return None
    for form, order in _DATES:
        if match := form.match(text.strip()):
            try:
                return date(*(int(match[part]) for part in order))
            except ValueError:
                return None
    return None


def _text(field: Field, pattern: str) -> str:
    if len(pattern) < 2:
        return tidy(field.first(pattern)) if pattern else ""
    for codes in pattern.split("/"):
        found = field.first(codes) if len(codes) == 1 else " ".join(filter(None, map(tidy, field.all(codes))))
        if codes and (text := tidy(found)):
            return text
    return ""


@lru_cache(256)
def status_rules(text: str) -> tuple[StatusRule, ...]:
    """The lines of `CopyFields.statuses`; a line that is none is passed over."""
    matches = (_STATUS.fullmatch(line.strip()) for line in text.splitlines())
    return tuple(StatusRule(*match.groups()) for match in matches if match)


def _says(first: Mapping[str, str], rule: StatusRule) -> bool:
    """Whether the rule holds for a field of which these are the first subfields by code."""
    value = first.get(rule.code, "").strip()
    return value not in ("", "0") if rule.value == ANYTHING else value == rule.value


def _status(first: Mapping[str, str], kind: CopyFields) -> tuple[str, bool]:
    said = [rule.state for rule in status_rules(kind.statuses) if _says(first, rule)]
    if not said:
        return STATES["available"], False
    state = next((state for state in said if state != REFERENCE), "available")
    return STATES[state], REFERENCE in said


# --- Writing -------------------------------------------------------------------------------------------------------
def field_of(copy: CopyData, kind: CopyFields) -> Field:
    """A new field for the copy."""
    return written(Field(kind.tag), kind, CopyData(), copy)


def written(field: Field, kind: CopyFields, before: CopyData, now: CopyData) -> Field:
    """The field with what changed of its copy; every other subfield stays as and where it is."""
    for name in ("inventory_number", "barcode", "branch", "item_type", "shelf_mark", "note"):
        if getattr(before, name) != getattr(now, name):
            field = _put(field, getattr(kind, name), getattr(now, name))
    if before.price != now.price:
        old = _text(field, kind.price)
        amount = "" if now.price is None else str(now.price)
        field = _put(field, kind.price, _NUMBER.sub(amount, old, count=1) if amount and _NUMBER.search(old) else amount)
    if before.acquired_on != now.acquired_on:
        form = "%d.%m.%Y" if "." in _text(field, kind.acquired_on) else "%Y-%m-%d" if kind.tag == "952" else "%Y%m%d"
        field = _put(field, kind.acquired_on, f"{now.acquired_on:{form}}" if now.acquired_on else "")
    if (before.status, before.is_reference_only) != (now.status, now.is_reference_only):
        field = _with_status(field, kind, now)
    return field


def _with_status(field: Field, kind: CopyFields, copy: CopyData) -> Field:
    rules = status_rules(kind.statuses)
    for rule in rules:
        is_so = copy.is_reference_only if rule.state == REFERENCE else STATES[rule.state] == copy.status
        if not is_so and _says(dict(reversed(field.subfields)), rule):
            field = _put(field, rule.code, "")
    for rule in rules:
        is_so = copy.is_reference_only if rule.state == REFERENCE else STATES[rule.state] == copy.status
        if is_so and not _says(dict(reversed(field.subfields)), rule):
            field = _put(field, rule.code, "1" if rule.value == ANYTHING else rule.value)
    return field


def _put(field: Field, pattern: str, value: str) -> Field:
    """The subfields of the pattern say `value`: that which did so is replaced, else one is added in the alphabet."""
    if not pattern:
        return field
    codes = next((codes for codes in pattern.split("/") if any(field.all(codes))), pattern.split("/")[0])
    subfields: list[tuple[str, str]] = []
    is_put = False
    for code, old in field.subfields:
        if code not in codes:
            subfields.append((code, old))
        elif value and not is_put:
            subfields.append((code if len(codes) == 1 else codes[0], value))
            is_put = True
    if value and not is_put:
        place = next((at for at, (code, _) in enumerate(subfields) if code > codes[0]), len(subfields))
        subfields.insert(place, (codes[0], value))
    return field._replace(subfields=tuple(subfields))


def edited(
    record: Record,
    known: Sequence[CopyFields],
    now: Sequence[CopyData],
    *,
    settled: Callable[[CopyData, CopyData], CopyData],
    is_gone: Callable[[CopyData], bool],
    usual: CopyFields,
    currency: str = "",
    shelf_mark: str = "",
    price: Decimal | None = None,
) -> Record:
    """The record with the copies as they are now, in the fields that they came from.

    `settled` takes a copy as the record has it and the copy as it is, and gives the former in the library's own words.
    A copy that the record has and the library has not leaves the record if `is_gone` says so. A copy told of by several
    fields is edited in the one that it was read from; the others stay as they are.
    """
    chosen = kinds(record, known)
    told_by = _fields_by_number(record, chosen)
    there = {number.casefold(): copy for copy in now for number in (copy.barcode, copy.inventory_number) if number}
    waiting = list(now)
    fields: list[Field] = []
    for at, field in enumerate(record.fields):
        kind = chosen.get(field.tag)
        held = of_field(field, kind, currency=currency) if kind else []
        if kind is None or not held:
            fields.append(field)
            continue
        stays, moved = [], []
        for copy in held:
            present = there.get(copy.barcode.casefold()) or there.get(copy.inventory_number.casefold())
            if present is None:
                if not is_gone(copy):
                    stays.append(copy.barcode)
                continue
            if present in waiting:
                waiting.remove(present)
            if told_by[_number(copy)] != at:
                stays.append(copy.barcode)
                continue
            whole = copy._replace(shelf_mark=copy.shelf_mark or shelf_mark, price=copy.price or price)
            changed = written(field, kind, settled(whole, present), present)
            if changed == field:
                stays.append(copy.barcode)
            elif len(held) == 1:
                moved.append(changed)
            else:
                moved.append(written(_only(field, kind, copy.barcode), kind, settled(whole, present), present))
        if len(stays) == len(held):
            fields.append(field)
        elif stays:
            fields.append(_without(field, kind, {copy.barcode for copy in held} - set(stays)))
        fields += moved
    home = next(iter(chosen.values()), usual)
    for copy in waiting:
        new = field_of(copy, home)
        place = next((at for at, field in enumerate(fields) if field.tag > new.tag), len(fields))
        fields.insert(place, new)
    return Record(record.leader, tuple(fields))


def _fields_by_number(record: Record, chosen: dict[str, CopyFields]) -> dict[str, int]:
    """The place of the field that each copy is read from: the first in the order of `copies`."""
    places: dict[str, int] = {}
    for tag, kind in chosen.items():
        for at, field in enumerate(record.fields):
            if field.tag == tag:
                for copy in of_field(field, kind):
                    places.setdefault(_number(copy), at)
    return places


def _number(copy: CopyData) -> str:
    return (copy.barcode or copy.inventory_number).casefold()


def _only(field: Field, kind: CopyFields, barcode: str) -> Field:
    others = {tidy(value) for value in field.all(kind.barcode)} - {barcode}
    return _without(field, kind, others)


def _without(field: Field, kind: CopyFields, barcodes: set[str]) -> Field:
    kept = tuple(pair for pair in field.subfields if pair[0] != kind.barcode or tidy(pair[1]) not in barcodes)
    return field._replace(subfields=kept)

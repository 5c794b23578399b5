"""Copies of imported books: whose they are, where they stand, what number they bear.

A copy that the book has already is left alone: it leads a life of its own. A number that another book's copy bears is
reported, and that copy is not made. Runs inside the transaction of `catalog.imports`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.text import slugify
from django.utils.translation import gettext as _

from catalog import copy_numbers
from catalog.import_preparing import COPY_COLUMNS, ReadyCopy
from catalog.models import Copy
from catalog.problems import Problem, Remark
from catalog.rows import escaped, new_ids, send_lines
from catalog.search import Held, codes_of_numbers
from library.core.errors import Invalid
from library.core.text import fold
from policies.models import Branch, ItemType

CREATE, REFUSE = "create", "refuse"
"""What may be done about a branch that nobody knows; otherwise its copies stand in the branch chosen for such."""


class Wanted(NamedTuple):
    """A copy that a record names, of a book that is in the catalogue by now."""

    number: int
    """The record's number in its file."""
    book_id: int
    material_type: str
    copy: ReadyCopy


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOptions:
    """What the operator decided about copies."""

    is_wanted: bool = True
    """False: copies in the records are passed over."""
    branch: Branch | None = None
    """For copies whose record names no branch, or one that nobody knows."""
    branch_codes: Mapping[str, str] = field(default_factory=dict)
    """Names or codes as in the records to codes of branches."""
    creates_branches: bool = False
    """Whether an unknown branch is made."""
    refuses_branches: bool = False
    """Whether a copy in an unknown branch is not made, whatever `branch` is."""
    item_type: ItemType | None = None
    """For copies whose record names no item type, or one that nobody knows."""
    copies_per_book: int = 0
    """How many copies a book gets whose record names none."""


def copy_options(choices: Mapping[str, Any]) -> CopyOptions:
    """What the operator chose, by codes. Raises Invalid for a code that nobody knows.

    `branch`, `branch_map` (a list of «NAME=CODE»), `create_branches`, `unknown_branches` (CREATE, REFUSE or neither),
    `item_type`, `no_copies`, `copies`; each may be missing.
    """
    codes = {}
    for pair in choices.get("branch_map", ()):
        name, equals, code = pair.rpartition("=")
        if not equals:
            raise Invalid({"branch_map": [_("Write --branch-map NAME=CODE, not “%(value)s”.") % {"value": pair}]})
        codes[name] = _branch(code).code
    item_type = None
    if code := choices.get("item_type"):
        item_type = ItemType.objects.filter(code=code).first()
        if item_type is None:
            words = _("No item type has the code “%(code)s”. There are: %(codes)s.")
            known = ", ".join(ItemType.objects.values_list("code", flat=True))
            raise Invalid({"item_type": [words % {"code": code, "codes": known}]})
    return CopyOptions(
        is_wanted=not choices.get("no_copies"),
        branch=_branch(choices["branch"]) if choices.get("branch") else None,
        branch_codes=codes,
        creates_branches=bool(choices.get("create_branches")) or choices.get("unknown_branches") == CREATE,
        refuses_branches=choices.get("unknown_branches") == REFUSE,
        item_type=item_type,
        copies_per_book=choices.get("copies") or 0,
    )


def _branch(code: str) -> Branch:
    if branch := Branch.objects.filter(code=code).first():
        return branch
    words = _("No branch has the code “%(code)s”. There are: %(codes)s.")
    known = ", ".join(Branch.objects.values_list("code", flat=True))
    raise Invalid({"branch": [words % {"code": code, "codes": known}]})


class Shelves:
    """Branches and item types as records name them."""

    def __init__(self, options: CopyOptions, told: set[str]) -> None:
        self._options = options
        self._told = told
        """Unknown names of branches that were remarked upon; lives as long as the import."""
        branches = list(Branch.objects.all())
        self._branches = {fold(name): branch.pk for branch in branches for name in (branch.name, branch.code)}
        by_code = {branch.code: branch.pk for branch in branches}
        self._branches |= {fold(name): by_code[code] for name, code in options.branch_codes.items()}
        self._codes = set(by_code)
        default = options.branch or (branches[0] if len(branches) == 1 else None)
        self._default = default.pk if default else None
        types = list(ItemType.objects.order_by("pk"))
        self._types = {fold(name): item_type.pk for item_type in types for name in (item_type.name, item_type.code)}
        self._first_type = types[0].pk if types else None

    def branch(self, name: str) -> tuple[int | None, Remark | None]:
        """The branch's primary key (None: there is no place for the copy), and what is to remark about it."""
        key = fold(name)
        if not key:
            return self._default, None if self._default else Remark(Problem.NO_BRANCH)
        if key not in self._branches and self._options.creates_branches:
            code = self._free_code(key)
            self._codes.add(code)
            self._branches[key] = Branch.objects.create(code=code, name=name[:200]).pk
        if key in self._branches:
            return self._branches[key], None
        if self._default is None or self._options.refuses_branches:
            return None, Remark(Problem.UNKNOWN_BRANCH, {"branch": name})
        if key in self._told:
            return self._default, None
        self._told.add(key)
        return self._default, Remark(Problem.BRANCH_REPLACED, {"branch": name})

    def item_type(self, name: str, material_type: str) -> int | None:
        """The item type named, else the operator's, else the one coded like the material, else the first."""
        if pk := self._types.get(fold(name)):
            return pk
        if self._options.item_type:
            return self._options.item_type.pk
        return self._types.get(material_type, self._first_type)

    def _free_code(self, name: str) -> str:
        stem = slugify(name)[:14] or "branch"
        candidates = (f"{stem}-{number}" for number in range(1, len(self._codes) + 2))
        return next(code for code in candidates if code not in self._codes)


class Made(NamedTuple):
    """A copy that was made."""

    number: int
    """The record's number in its file."""
    book_id: int
    copy_id: int
    held: Held


def add_copies(wanted: Sequence[Wanted], *, shelves: Shelves, remark: Callable[[int, Remark], None]) -> list[Made]:
    """Make the copies that are not there yet. Remarks go to `remark`."""
    placed: list[tuple[Wanted, int, int]] = []
    for entry in _new(wanted, remark):
        branch, note = shelves.branch(entry.copy.branch)
        item_type = shelves.item_type(entry.copy.item_type, entry.material_type)
        if note is None and item_type is None:
            note = Remark(Problem.NO_ITEM_TYPE)
        if note:
            remark(entry.number, note)
        if branch and item_type:
            placed.append((entry, branch, item_type))
    numbers = iter(copy_numbers.take(sum(not entry.copy.barcode for entry, _, _ in placed)))
    made: list[Made] = []
    lines: list[str] = []
    for ((number, book_id, _material, copy), branch, item_type), copy_id in zip(
        placed, new_ids(Copy, len(placed)), strict=True
    ):
        inventory_number, barcode, codes = copy.inventory_number, copy.barcode, copy.codes
        if not barcode:
            given = next(numbers)
            inventory_number, barcode = inventory_number or given.inventory_number, given.barcode
            codes = codes_of_numbers(inventory_number, barcode)
        made.append(Made(number, book_id, copy_id, Held(codes, branch, copy.is_owned, copy.is_on_shelf)))
        lines.append(
            f"{copy_id}\t{copy.uid}\t{book_id}\t{escaped(inventory_number)}\t{escaped(barcode)}\t{branch}\t{item_type}\t"
            f"{copy.columns}\n"
        )
    send_lines(Copy, _COLUMNS, lines)
    return made


_COLUMNS = ("id", "uid", "book_id", "inventory_number", "barcode", "branch_id", "item_type_id", *COPY_COLUMNS)


def _new(wanted: Sequence[Wanted], remark: Callable[[int, Remark], None]) -> list[Wanted]:
    """Those that the catalogue does not have. Copies without a number are counted: a book gets those it lacks."""
    for entry in wanted:
        for cut in entry.copy.cuts:
            remark(entry.number, cut)
    barcodes = {entry.copy.barcode.lower() for entry in wanted if entry.copy.barcode}
    inventory_numbers = {entry.copy.inventory_number for entry in wanted if entry.copy.inventory_number}
    there = Copy.objects.annotate(folded=Lower("barcode")).filter(
        Q(folded__any_of=barcodes) | Q(inventory_number__any_of=inventory_numbers)
    )
    by_barcode: dict[str, int] = {}
    by_number: dict[str, int] = {}
    for barcode, number, book_id in there.values_list("folded", "inventory_number", "book_id"):
        by_barcode[barcode], by_number[number] = book_id, book_id
    without = {entry.book_id for entry in wanted if not entry.copy.inventory_number}
    owned = Counter(Copy.objects.filter(book__in=without).values_list("book_id", flat=True) if without else ())
    fresh: list[Wanted] = []
    for entry in wanted:
        copy, book_id = entry.copy, entry.book_id
        if not copy.inventory_number:
            owned[book_id] -= 1
            if owned[book_id] < 0:
                fresh.append(entry)
            continue
        lower = copy.barcode.lower()
        owners = (by_barcode.get(lower), by_number.get(copy.inventory_number))
        if book_id in owners:
            continue
        if any(owners):
            problem = Problem.BARCODE_TAKEN if owners[0] else Problem.INVENTORY_NUMBER_TAKEN
            remark(entry.number, Remark(problem, {"number": copy.barcode if owners[0] else copy.inventory_number}))
            continue
        by_number[copy.inventory_number] = book_id
        if copy.barcode:
            by_barcode[lower] = book_id
        fresh.append(entry)
    return fresh

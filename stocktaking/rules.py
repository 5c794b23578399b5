"""What a scanned copy comes to. Pure: no database, no clock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """A copy in the scanner's light, and the shelves that are being checked."""

    status: str
    is_of_branch: bool
    shelf_mark: str
    shelf_from: str = ""
    shelf_to: str = ""


LAST_LETTER = "\U0010ffff"
"""Sorts after every other: a mark with it behind sorts after all that begin with the mark."""


def is_within(shelf_mark: str, shelf_from: str, shelf_to: str) -> bool:
    """Whether a mark stands between two others, by the order of their letters; the last one with all that begin so."""
    return shelf_from <= shelf_mark and (not shelf_to or shelf_mark <= shelf_to + LAST_LETTER)


def outcome_of(copy: Scanned) -> str:
    """What the scan comes to: the worst thing that is true of the copy."""
    match copy.status:
        case "withdrawn":
            return "found_withdrawn"
        case "lost":
            return "found_lost"
        case "loaned":
            return "found_on_loan"
    if not copy.is_of_branch:
        return "other_branch"
    return "found" if is_within(copy.shelf_mark, copy.shelf_from, copy.shelf_to) else "out_of_place"


def misplaced(before_last: str | None, last: str | None, this: str) -> str:
    """Which of two neighbours on a shelf stands wrong: `last`, `this`, or nobody (empty).

    Marks go up along a shelf. A step down is blamed on the last one if this one goes on from the one before it:
    А Б Я В is a stray Я, А Б В А a stray А. A copy without a mark is never wrong.
    """
    if not last or not this or this >= last:
        return ""
    return "last" if before_last is not None and before_last <= this else "this"

"""The rules of undoing a step at the desk: pure functions of facts, as in `circulation.rules`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from library.core.errors import Refusal

UNDONE_WITHIN = timedelta(days=1)
"""A step older than this is history: what has to be put right then is done by a step of its own."""


class Step(StrEnum):
    """A step in the life of a loan that can be undone; the codes are those of the audit, `circulation.<step>`."""

    CHECK_OUT = "check_out"
    RENEW = "renew"
    RETURN = "return"


class UndoReason(StrEnum):
    """Why a step is not undone: public, stable codes, in the order of checking. None can be overridden."""

    NOT_THE_LAST_STEP = "not_the_last_step"
    NOT_YOUR_STEP = "not_your_step"
    TOO_LATE_TO_UNDO = "too_late_to_undo"
    LOAN_WAS_LOST = "loan_was_lost"
    COPY_LENT_SINCE = "copy_lent_since"
    COPY_MOVED_SINCE = "copy_moved_since"
    READER_WAS_TOLD = "reader_was_told"


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoFacts:
    """What has become of a loan and its copy since the step."""

    is_last: bool
    """Whether nothing was done with the loan since."""
    is_own: bool
    """Whether the one who undoes it did it, or may undo the steps of others."""
    done_at: datetime
    now: datetime
    was_lost: bool = False
    """Whether the step found a lost copy and cancelled what the loss had cost: a loan is charged with that once."""
    is_lent_since: bool = False
    """Whether the copy has been lent again."""
    has_moved_since: bool = False
    """Whether the copy went on: arrived elsewhere, was set aside anew, collected, or is not fit any more."""
    told: str = ""
    """The reader whom a letter has told that the copy stands ready; empty: nobody."""


def standing(trail: Iterable[tuple[int, str]]) -> tuple[int, str] | None:
    """What was done last with a loan and is not undone, of (key, action) pairs in their order; None: nothing."""
    done: list[tuple[int, str]] = []
    for key, action in trail:
        if action.startswith("circulation.undo_"):
            done = done[:-1]
        else:
            done.append((key, action))
    return done[-1] if done else None


def undo_refusals(facts: UndoFacts) -> tuple[Refusal, ...]:
    """Everything that stands against undoing the step, in the documented order."""
    return tuple(_against(facts))


def _against(facts: UndoFacts) -> Iterator[Refusal]:
    if not facts.is_last:
        yield Refusal(UndoReason.NOT_THE_LAST_STEP)
        return
    if not facts.is_own:
        yield Refusal(UndoReason.NOT_YOUR_STEP)
    if facts.done_at < facts.now - UNDONE_WITHIN:
        yield Refusal(UndoReason.TOO_LATE_TO_UNDO)
    if facts.was_lost:
        yield Refusal(UndoReason.LOAN_WAS_LOST)
    if facts.is_lent_since:
        yield Refusal(UndoReason.COPY_LENT_SINCE)
    elif facts.has_moved_since:
        yield Refusal(UndoReason.COPY_MOVED_SINCE)
    if facts.told:
        yield Refusal(UndoReason.READER_WAS_TOLD, data={"reader": facts.told})

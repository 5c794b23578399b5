"""A scan at the desk: what it came to, once for its key, however often and however late the browser sends it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import models
from django.http import HttpResponse

from accounts.models import User
from circulation.forms import ScanForm
from library.core import audit
from library.core.idempotency import remembered
from policies.models import Branch

LATE = timedelta(minutes=1)
"""A scan that was sent so long after it was made counts from when it was made."""
DOOR = "desk"
OUTCOME = "Desk-Outcome"
"""The header that tells the script of the desk what became of the scan."""
TOLD = 300
"""Characters of a sentence in that header."""

Tone = Literal["good", "info", "warn", "bad"]


@dataclass(kw_only=True)
class Line:
    """What one scan came to. Kept in the session, so of strings only; sentences are in the librarian's language."""

    tone: Tone
    title: str
    """Of the book; the code where nothing was found."""
    number: str = ""
    said: list[str] = field(default_factory=list)
    stamp: str = ""
    """The due date in words."""
    copy: str = ""
    """Public id."""
    loan: str = ""
    """Public id of a loan that may be renewed from here."""
    reader: str = ""
    reader_name: str = ""
    """Public id and name of another reader in question."""
    action: Literal["", "lend", "renew"] = ""
    """What may be done in spite of `reasons`."""
    slip: str = ""
    """Address of the slip that goes with a copy that is set aside or sent."""
    reasons: list[dict[str, str]] = field(default_factory=list)
    """Codes and sentences of the reasons that this librarian may override."""
    key: str = ""
    """Of the scan, as the browser named it."""


@dataclass(kw_only=True)
class Came:
    """What a scan came to, and what stands after it. Kept under its key, so of what JSON can hold."""

    line: Line | None = None
    """None: a card began a service, or a name was looked up."""
    reader: str = ""
    """Public id of the reader who is being served now."""
    searched: str = ""
    """A name that was typed instead of a code."""
    is_settled: bool = True
    """Whether what the scan was for is done, or was done already; if not, and nobody saw it, somebody has to look."""
    is_busy: bool = False
    """Whether trying again in a moment may help: nothing is remembered."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A code, and when, where and by whom it was scanned."""

    code: str
    key: UUID | None
    made_at: datetime | None
    """On our clock, where it was sent late; None: just now."""
    made_by: User | None
    """Another user than who sends it."""
    branch: Branch


def scan_of(form: ScanForm, *, sender: User, branch: Branch, now: datetime) -> Scan:
    """The scan of a valid form."""
    said = form.cleaned_data
    age = timedelta(seconds=said["age"] or 0)
    maker = said["made_by"]
    return Scan(
        code=said["code"],
        key=said["key"],
        made_at=now - age if age > LATE else None,
        made_by=User.objects.filter(uid=maker).first() if maker and maker != sender.uid else None,
        branch=said["made_at_branch"] or branch,
    )


def came_of(scan: Scan, make: Callable[[], Came]) -> Came:
    """What `make` says the scan came to; the second time what it came to the first time, and nothing is done."""
    if scan.key is None:
        return make()

    def say() -> str:
        came = make()
        if came.is_busy:
            raise _Busy(came)
        if came.line:
            came.line.key = str(scan.key)
        return json.dumps(asdict(came))

    try:
        said, _is_repeated = remembered(door=DOOR, key=str(scan.key), make=say)
    except _Busy as busy:
        return busy.came
    known = json.loads(said)
    return Came(**known | {"line": Line(**known["line"]) if known["line"] else None})


def note_lateness(scan: Scan, subject: models.Model, *, by: User, now: datetime) -> None:
    """Write down when and by whom it was scanned, where that differs from when and by whom it was sent."""
    if scan.made_at or scan.made_by:
        detail: dict[str, Any] = {"scanned_at": scan.made_at or now, "code": scan.code}
        if scan.made_by:
            detail["scanned_by"] = str(scan.made_by)
        audit.record(action="desk.late_scan", subject=subject, by=by, now=now, detail=detail)


def tell_script(response: HttpResponse, came: Came) -> HttpResponse:
    """Put what became of the scan into a header, for the script that keeps what could not be sent."""
    line = came.line
    said = [*line.said, *(reason["text"] for reason in line.reasons)] if line else []
    response[OUTCOME] = json.dumps(
        {
            "settled": came.is_settled,
            "busy": came.is_busy,
            "reader": came.reader if came.is_settled or (line and line.copy) else "",
            "title": (line.title if line else came.searched)[:TOLD],
            "said": " ".join(said)[:TOLD],
        }
    )
    return response


class _Busy(Exception):
    """Nothing is to be remembered."""

    def __init__(self, came: Came) -> None:
        super().__init__()
        self.came = came

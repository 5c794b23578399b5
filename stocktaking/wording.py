"""What scans and findings are called on pages."""

from typing import Any

from django.utils.translation import gettext as _

from stocktaking.actions import Scan
from stocktaking.models import Finding, Outcome

TONES = {
    Outcome.FOUND: "good",
    Outcome.MISSING: "bad",
    Outcome.OTHER_BRANCH: "warn",
    Outcome.OUT_OF_PLACE: "warn",
    Outcome.FOUND_ON_LOAN: "bad",
    Outcome.FOUND_LOST: "bad",
    Outcome.FOUND_WITHDRAWN: "bad",
    Outcome.UNKNOWN: "bad",
    Outcome.ON_LOAN: "info",
    Outcome.LEFT: "quiet",
}


def advice(finding: Finding) -> str:
    """What to do with the copy in hand."""
    match finding.outcome:
        case Outcome.FOUND:
            return _("Where it belongs.")
        case Outcome.OTHER_BRANCH if finding.copy:
            return _("It belongs to %(branch)s. Put it aside.") % {"branch": finding.copy.branch.name}
        case Outcome.OUT_OF_PLACE if finding.copy:
            return _("It stands wrong: its place is %(mark)s.") % {"mark": finding.copy.shelf_mark or "—"}
        case Outcome.FOUND_ON_LOAN:
            return _("It is on loan to a reader. Put it aside and take it back at the desk.")
        case Outcome.FOUND_LOST:
            return _("It was lost, and here it is. Make it available again in the report.")
        case Outcome.FOUND_WITHDRAWN:
            return _("It was withdrawn. Put it aside.")
        case Outcome.UNKNOWN:
            return _("Nobody knows this number. Put it aside for the cataloguer.")
    return ""


def line(scan: Scan) -> dict[str, Any]:
    """A scan as the page shows it: tone, title, number, sentences."""
    finding = scan.finding
    copy = finding.copy
    said = [advice(finding)]
    if scan.is_repeated:
        said.insert(0, _("Counted already."))
    if scan.blamed and scan.blamed.copy:
        words = _("The one before, %(number)s, stands wrong: its place is %(mark)s.")
        number, mark = scan.blamed.copy.inventory_number, scan.blamed.copy.shelf_mark
        said.append(words % {"number": number, "mark": mark})
    outcome = Outcome(finding.outcome)
    return {
        "tone": "info" if scan.is_repeated and outcome == Outcome.FOUND else TONES[outcome],
        "title": copy.book.title if copy else finding.code,
        "number": copy.inventory_number if copy else "",
        "mark": copy.shelf_mark if copy else "",
        "outcome": outcome.label,
        "said": [text for text in said if text],
    }

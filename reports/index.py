"""Every report, by key and by group."""

from typing import Any

from reports import books, copies, loans, money, now, readers, reserving
from reports.registry import GROUPS, Group, Report

ALL = (
    *now.REPORTS,
    *loans.REPORTS,
    *books.REPORTS,
    *readers.REPORTS,
    *copies.REPORTS,
    *reserving.REPORTS,
    *money.REPORTS,
)
REPORTS: dict[str, Report] = {report.key: report for report in ALL}


def report_for(key: str, *, user: Any) -> Report | None:
    """The report of this key, if there is one that `user` may see."""
    report = REPORTS.get(key)
    return report if report and report.may_be_seen_by(user) else None


def reports_by_group(*, user: Any) -> list[tuple[Group, list[Report]]]:
    """The reports that `user` may see; groups without any are left out."""
    shown = [report for report in REPORTS.values() if report.may_be_seen_by(user)]
    grouped = ((group, [report for report in shown if report.group is group]) for group in GROUPS)
    return [(group, reports) for group, reports in grouped if reports]

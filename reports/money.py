"""Reports about charges and payments."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from cashdesk.models import Kind as EntryKind
from cashdesk.models import Method
from reports import queries_money as queries
from reports.registry import MONEY, VIEW_MONEY, Chart, Column, Kind, Report, Shape


def _kind(code: Any) -> str:
    return str(EntryKind(code).label)


def _method(code: Any) -> str:
    return str(Method(code).label)


def _amount(key: str, title: Any) -> Column:
    return Column(key=key, title=title, kind=Kind.MONEY, has_total=True)


REPORTS = (
    Report(
        key="charges",
        title=_("Charges by kind"),
        purpose=_("What readers were charged in the period, and what has become of it until now."),
        group=MONEY,
        filters=("period", "branch"),
        columns=(
            Column(key="kind", title=_("Kind"), words=_kind),
            Column(key="charges", title=_("Charges"), kind=Kind.NUMBER, has_total=True),
            _amount("charged", _("Charged")),
            _amount("paid", _("Paid")),
            _amount("waived", _("Waived")),
            _amount("reversed", _("Reversed")),
            _amount("left", _("Still owed")),
        ),
        query=queries.charges,
        sort="-charged",
        identity="kind",
        needs=VIEW_MONEY,
        chart=Chart(shape=Shape.BARS, label="kind", values=("charged",)),
    ),
    Report(
        key="payments",
        title=_("Payments by method"),
        purpose=_("What went through the till in the period: by branch, in cash or by card."),
        group=MONEY,
        filters=("period", "branch"),
        columns=(
            Column(key="branch", title=_("Branch")),
            Column(key="method", title=_("Method"), words=_method),
            Column(key="payments", title=_("Payments"), kind=Kind.NUMBER, has_total=True),
            _amount("taken", _("Taken in")),
            _amount("reversed", _("Reversed")),
            _amount("given_back", _("Given back")),
            _amount("net", _("In the till")),
        ),
        query=queries.payments,
        sort="branch",
        identity="id",
        needs=VIEW_MONEY,
    ),
    Report(
        key="money-by-month",
        title=_("Money by month"),
        purpose=_("Charged, taken and waived, month by month."),
        group=MONEY,
        filters=("period", "branch"),
        columns=(
            Column(key="month", title=_("Month"), kind=Kind.MONTH),
            _amount("charged", _("Charged")),
            _amount("taken", _("Taken in")),
            _amount("waived", _("Waived")),
        ),
        query=queries.by_month,
        sort="month",
        identity="month",
        needs=VIEW_MONEY,
        chart=Chart(shape=Shape.COLUMNS, label="month", values=("charged", "taken")),
    ),
)

"""Reports over the API: which there are, and their rows, with the filters of their pages."""

from http import HTTPStatus
from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from library.core.api import ApiView, Pages
from library.core.errors import Invalid
from reports.cells import as_json
from reports.forms import FilterForm, fields_of
from reports.index import report_for, reports_by_group
from reports.periods import Period
from reports.registry import VIEW_REPORTS, Kind, Report
from reports.tables import COUNTED_TO, TooSlow, column_to_sort_by, page_of, totals_of


class ColumnSerializer(serializers.Serializer):
    """One column."""

    key = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField([(kind.value, kind.value) for kind in Kind], help_text="What its values are.")


class ReportSerializer(serializers.Serializer):
    """What a report tells, and what it is narrowed by."""

    key = serializers.CharField()
    title = serializers.CharField()
    purpose = serializers.CharField()
    group = serializers.CharField(source="group.key")
    filters = serializers.SerializerMethodField(help_text="Names of the query parameters that it knows.")
    columns = serializers.SerializerMethodField()

    def get_filters(self, report: Report) -> list[str]:
        """As the page has them."""
        return fields_of(report)

    @extend_schema(responses=ColumnSerializer(many=True))
    def get_columns(self, report: Report) -> list[dict[str, str]]:
        """Those that the caller may see."""
        columns = report.columns_for(self.context["request"].user)
        return [{"key": column.key, "title": str(column.title), "kind": column.kind.value} for column in columns]


class TooSlowProblem(exceptions.APIException):
    """The statement took longer than a report may."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "too_slow"
    default_detail = gettext_lazy("This takes too long to count. Choose a shorter period or a branch.")


class ReportsView(ApiView):
    """The reports that the caller may see."""

    needs = {"get": VIEW_REPORTS}
    pagination_class = None  # type: ignore[assignment] # the framework takes None
    filter_backends = []

    @extend_schema(responses=ReportSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the reports

        A short list, whole: each with the query parameters that it knows and the columns that the caller may see.
        """
        reports = [report for _group, some in reports_by_group(user=request.user) for report in some]
        return Response(ReportSerializer(reports, many=True, context={"request": request}).data)


_FILTERS = [
    OpenApiParameter("period", enum=Period.values, default=Period.TWELVE_MONTHS, description="Days that count."),
    OpenApiParameter("since", OpenApiTypes.DATE, description="With period=between: the first day."),
    OpenApiParameter("until", OpenApiTypes.DATE, description="With period=between: the last day."),
    OpenApiParameter("branch", description="Code of a branch."),
    OpenApiParameter("category", description="Code of a reader category."),
    OpenApiParameter("item_type", description="Code of an item type."),
    OpenApiParameter("language", description="Three letters of ISO 639-2/B: rus."),
    OpenApiParameter("years", OpenApiTypes.INT, description="Years without a loan."),
    OpenApiParameter("days", OpenApiTypes.INT, description="Days late, at least."),
    OpenApiParameter("per_copy", OpenApiTypes.INT, description="Readers who may wait for one copy."),
    OpenApiParameter("sort", description="Key of a column; with a minus, the largest first."),
]
_PAGES = [
    OpenApiParameter(parameter["name"], OpenApiTypes.INT, description=parameter["description"])
    for parameter in Pages().get_schema_operation_parameters(None)
]


class ReportView(ApiView):
    """The rows of one report."""

    needs = {"get": VIEW_REPORTS}
    filter_backends = []
    checks_address = True

    @extend_schema(
        parameters=[*_FILTERS, *_PAGES],
        responses={
            200: Pages().get_paginated_response_schema(
                {"type": "array", "items": {"type": "object", "additionalProperties": {}}}
            )
        },
    )
    def get(self, request: Request, key: str) -> Response:
        """Read a report

        Rows by key of column: money as strings, days as ISO 8601, codes as codes. A report knows the query parameters
        that the list of reports names; others are passed over.
        """
        report = report_for(key, user=request.user)
        if report is None:
            raise Http404
        form = FilterForm(report, request.query_params, now=timezone.now())
        if not form.is_valid():
            raise Invalid({name: [str(text) for text in texts] for name, texts in form.errors.items()})
        columns = report.columns_for(request.user)
        sort = request.query_params.get("sort") or report.sort
        if column_to_sort_by(columns, sort) is None:
            raise Invalid({"sort": [", ".join(column.key for column in columns)]})
        pages = Pages()
        pages.read(request)
        try:
            totals = totals_of(report, form.asked())
            start = (pages.number - 1) * pages.size
            size = pages.size if start < COUNTED_TO else 0
            rows = page_of(report, form.asked(), sort=sort, start=start, size=size)
        except TooSlow as error:
            raise TooSlowProblem from error
        shown = pages.found(
            [{column.key: as_json(column, row[column.key]) for column in columns} for row in rows],
            total=totals.rows,
            is_exact=totals.is_exact,
        )
        answer: Any = pages.get_paginated_response(shown)
        return Response(answer.data)

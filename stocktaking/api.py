"""Stocktakes over the API: hand scanners and apps send what they read along the shelf."""

from typing import Any
from uuid import UUID

import django_filters
from django.utils import timezone
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from library.core.api import ApiViewSet
from stocktaking import actions
from stocktaking.models import CODE_LENGTH, Outcome, Stocktake
from stocktaking.queries import counts_of
from stocktaking.wording import line

MOST_CODES = 500
"""Codes of one call."""


class StocktakeSerializer(serializers.ModelSerializer):
    """One check of the shelves of a branch."""

    branch = serializers.SlugRelatedField("code", read_only=True)  # type: ignore[var-annotated] # by its code

    class Meta:
        model = Stocktake
        fields = ["uid", "branch", "shelf_from", "shelf_to", "note", "started_at", "closed_at"]


class StocktakeInFullSerializer(StocktakeSerializer):
    """With what was found so far."""

    counts = serializers.SerializerMethodField(help_text="Outcome -> number of copies or codes.")

    class Meta(StocktakeSerializer.Meta):
        fields = [*StocktakeSerializer.Meta.fields, "counts"]

    def get_counts(self, stocktake: Stocktake) -> dict[str, int]:
        """Every outcome with its number."""
        counts = counts_of(stocktake)
        return {str(outcome): counts[outcome] for outcome in Outcome}


class ScansSerializer(serializers.Serializer):
    """What was read, in the order of the shelf."""

    codes = serializers.ListField(
        child=serializers.CharField(max_length=CODE_LENGTH),
        min_length=1,
        max_length=MOST_CODES,
        help_text="Barcodes or inventory numbers.",
    )
    is_new_shelf = serializers.BooleanField(
        default=False, help_text="Whether the first one is not compared with the scan before."
    )


class ScannedSerializer(serializers.Serializer):
    """What one code came to."""

    code = serializers.CharField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    is_repeated = serializers.BooleanField(help_text="It was counted before, and nothing has changed.")
    copy = serializers.UUIDField(allow_null=True)
    title = serializers.CharField()
    message = serializers.CharField(help_text="What to do with the copy in hand.")


class ScannedListSerializer(serializers.Serializer):
    """One entry a code, in the order sent."""

    scans = ScannedSerializer(many=True)


class StocktakeFilter(django_filters.FilterSet):
    """What stocktakes are narrowed by."""

    branch = django_filters.CharFilter("branch__code", label=gettext_lazy("Code of the branch."))
    is_open = django_filters.BooleanFilter("closed_at", lookup_expr="isnull", label=gettext_lazy("Takes scans."))


class StocktakeViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Stocktakes."""

    queryset = Stocktake.objects.select_related("branch")
    serializer_class = StocktakeSerializer
    filterset_class = StocktakeFilter
    orderings = {"newest": ("-started_at", "-pk")}
    needs = {
        "list": "stocktaking.view_stocktake",
        "retrieve": "stocktaking.view_stocktake",
        "scan": "stocktaking.change_stocktake",
    }

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List stocktakes"""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=StocktakeInFullSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show a stocktake and its counts"""
        return Response(StocktakeInFullSerializer(self.get_object()).data)

    @extend_schema(request=ScansSerializer, responses=ScannedListSerializer)
    def scan(self, request: Request, uid: UUID) -> Response:
        """Count scanned numbers

        A number that was counted before does no harm.
        """
        form = ScansSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        scans = actions.record_scans(
            stocktake_id=self.get_object().pk,
            codes=form.validated_data["codes"],
            by=self.caller,
            now=timezone.now(),
            is_new_shelf=form.validated_data["is_new_shelf"],
        )
        return Response({"scans": [_as_json(scan) for scan in scans]})


def _as_json(scan: actions.Scan) -> dict[str, Any]:
    told, copy = line(scan), scan.finding.copy
    return {
        "code": scan.finding.code or (copy.barcode if copy else ""),
        "outcome": scan.finding.outcome,
        "is_repeated": scan.is_repeated,
        "copy": copy.uid if copy else None,
        "title": copy.book.title if copy else "",
        "message": " ".join(told["said"]),
    }

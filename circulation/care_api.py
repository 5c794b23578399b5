"""The API on copies that need looking after: damage, repair, and how often they are read in the library."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Copy
from circulation import damage, queries, wording
from circulation.models import Loan
from circulation.rules import MAX_DAMAGE
from library.core.api import ApiViewSet, NamedField
from policies.models import Branch


class DamageSerializer(serializers.Serializer):
    """What is damaged, and what a reader pays for it."""

    note = serializers.CharField(max_length=MAX_DAMAGE)
    loan = serializers.SlugRelatedField(
        "uid", queryset=Loan.objects.all(), required=False, help_text="Public id of the loan whose reader pays."
    )
    amount = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=0, required=False)
    branch = NamedField(slug_field="code", queryset=Branch.objects.all(), required=False, help_text="Code of the desk.")


class RepairSerializer(serializers.Serializer):
    """Where a copy was repaired."""

    note = serializers.CharField(max_length=500, required=False, allow_blank=True)
    branch = DamageSerializer._declared_fields["branch"]


class CaredForSerializer(serializers.Serializer):
    """How a copy stands now."""

    uid = serializers.UUIDField()
    status = serializers.CharField()
    charged = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)


class ReadingsSerializer(serializers.Serializer):
    """How often a copy was read in the library without being lent."""

    total = serializers.IntegerField()
    by_year = serializers.DictField(child=serializers.IntegerField(), help_text="Year to number.")


class CopyCareViewSet(ApiViewSet):
    """Damage, repair and readings of a copy."""

    queryset = Copy.objects.select_related("branch")
    needs = {
        "damage": "circulation.record_damage",
        "repair": "circulation.record_damage",
        "readings": "circulation.view_reading",
    }
    wording = staticmethod(wording.sentence)

    def get_queryset(self) -> QuerySet[Copy]:
        """Every copy: staff only get here."""
        return Copy.objects.all()

    @extend_schema(request=DamageSerializer, responses=CaredForSerializer)
    def damage(self, request: Request, uid: UUID) -> Response:
        """Record the damage of a copy

        A copy on loan is returned first, with its fine. It stays aside until it is repaired.
        """
        said, copy = self._read(DamageSerializer), self.get_object()
        done = damage.record_damage(
            copy_id=copy.pk,
            note=said["note"],
            amount=said.get("amount"),
            loan_id=said["loan"].pk if "loan" in said else None,
            branch_id=_desk(said, copy),
            by=self.caller,
            now=timezone.now(),
        )
        return self._told(done.copy, charged=done.charge.amount if done.charge else None)

    @extend_schema(request=RepairSerializer, responses=CaredForSerializer)
    def repair(self, request: Request, uid: UUID) -> Response:
        """Say that a copy is repaired

        Whose turn it is gets it, else it goes home or to its shelf.
        """
        said, copy = self._read(RepairSerializer), self.get_object()
        done = damage.repair(
            copy_id=copy.pk,
            note=said.get("note", ""),
            branch_id=_desk(said, copy),
            by=self.caller,
            now=timezone.now(),
        )
        return self._told(done.copy, charged=None)

    @extend_schema(responses=ReadingsSerializer)
    def readings(self, request: Request, uid: UUID) -> Response:
        """Show how often a copy was read in the library"""
        by_year = queries.readings_by_year(self.get_object())
        return Response({"total": sum(by_year.values()), "by_year": by_year})

    def _read(self, form_class: type[serializers.Serializer]) -> dict[str, Any]:
        form = form_class(data=self.request.data)
        form.is_valid(raise_exception=True)
        said: dict[str, Any] = form.validated_data
        return said

    def _told(self, copy: Copy, *, charged: Any) -> Response:
        shown = {"uid": copy.uid, "status": copy.status, "charged": charged}
        return Response(CaredForSerializer(shown).data)


def _desk(said: dict[str, Any], copy: Copy) -> int:
    """The branch named, else the copy's own."""
    return int(said["branch"].pk) if "branch" in said else copy.branch_id

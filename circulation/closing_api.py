"""The API on closings: move what falls on closed days, see how far it is, move it back."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from circulation import closings, wording
from circulation.models import Closing
from circulation.tasks import work_on_closings_soon
from library.core.api import ApiViewSet, NamedField
from policies.models import Branch


class ClosingSerializer(serializers.ModelSerializer):
    """A closing and how far it is."""

    branch = serializers.CharField(source="branch.code", default=None, help_text="Code; null: every branch.")

    class Meta:
        model = Closing
        fields = [
            "uid", "branch", "starts_on", "ends_on", "reason", "state", "total", "loans", "pickups", "made_at",
            "finished_at",
        ]  # fmt: skip


class CloseSerializer(serializers.Serializer):
    """The days; they have to be closed by the calendar."""

    branch = NamedField(
        slug_field="code", queryset=Branch.objects.all(), required=False, help_text="Code; every branch unless given."
    )
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, help_text="Readers are told.")


EXAMPLE = OpenApiExample(
    "A burst pipe",
    {"branch": "centre", "starts_on": "2026-12-01", "ends_on": "2026-12-03", "reason": "Авария"},
    request_only=True,
)


class ClosingViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Closings."""

    queryset = Closing.objects.select_related("branch")
    serializer_class = ClosingSerializer
    orderings = {"made_at": ("-made_at", "-pk")}
    needs = dict.fromkeys(("list", "retrieve", "create", "undo"), "circulation.move_due_dates")
    wording = staticmethod(wording.sentence)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List closings, the latest first"""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show how far a closing is"""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(request=CloseSerializer, responses={202: ClosingSerializer}, examples=[EXAMPLE])
    def create(self, request: Request) -> Response:
        """Move what falls due on closed days

        Due dates and pick-up deadlines; readers are told once. The work goes on in the background.
        """
        form = CloseSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        said = form.validated_data
        made = closings.close(
            branch_id=said["branch"].pk if said.get("branch") else None,
            starts_on=said["starts_on"],
            ends_on=said["ends_on"],
            reason=said.get("reason", ""),
            by=self.caller,
            now=timezone.now(),
        )
        work_on_closings_soon()
        return Response(self.get_serializer(made).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={202: ClosingSerializer})
    def undo(self, request: Request, uid: UUID) -> Response:
        """Move back what a closing has moved and nobody has changed since"""
        made = closings.undo(closing_id=self.get_object().pk, by=self.caller, now=timezone.now())
        work_on_closings_soon()
        return Response(self.get_serializer(made).data, status=status.HTTP_202_ACCEPTED)

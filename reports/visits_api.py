"""Visits over the API: a gate counter or another program writes them down."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from library.core.api import ApiView
from policies.models import Branch
from reports.models import Visits
from reports.visits import MOST, count_visits


class VisitsSerializer(serializers.ModelSerializer):
    """The visits of a branch on a day."""

    branch = serializers.SlugRelatedField(slug_field="code", queryset=Branch.objects.all())
    visits = serializers.IntegerField(min_value=0, max_value=MOST)
    children = serializers.IntegerField(min_value=0, max_value=MOST, default=0)
    events = serializers.IntegerField(min_value=0, max_value=MOST, default=0)
    event_visits = serializers.IntegerField(min_value=0, max_value=MOST, default=0)
    remote = serializers.IntegerField(min_value=0, max_value=MOST, default=0)

    class Meta:
        model = Visits
        fields = ["branch", "day", "visits", "children", "events", "event_visits", "remote"]
        validators: ClassVar[list[Any]] = []
        """The same day again is a correction."""


class VisitsView(ApiView):
    """Writing down visits."""

    needs = {"post": "reports.count_visits"}
    filter_backends = []

    @extend_schema(request=VisitsSerializer, responses=VisitsSerializer)
    def post(self, request: Request) -> Response:
        """Write down visits

        Of a branch on a day, within the last two years; written down again, they are corrected. `visits` are all of
        them: `children` and `event_visits` are parts; `remote` ones are not.
        """
        form = VisitsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        said = dict(form.validated_data)
        branch = said.pop("branch")
        saved = count_visits(branch_id=branch.pk, by=self.caller, now=timezone.now(), **said)
        return Response(VisitsSerializer(saved).data)

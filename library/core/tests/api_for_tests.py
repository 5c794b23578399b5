"""A small API that fails in every way and has an effect that can be counted: rows of JobRun."""

import threading
from datetime import UTC, date, datetime
from enum import StrEnum

from django.db import IntegrityError, transaction
from django.urls import include, path
from rest_framework import serializers
from rest_framework.response import Response

from library.core.api import ANYONE, SIGNED_IN, ApiView
from library.core.errors import Busy, Invalid, Refusal, Refused
from library.core.models import JobRun

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class Why(StrEnum):
    LIMIT = "limit"
    BLOCKED = "blocked"


class EffectSerializer(serializers.Serializer):
    job = serializers.CharField(max_length=10)
    days = serializers.ListField(child=serializers.IntegerField(max_value=31), required=False)


class Effects(ApiView):
    """Writes one row a call; the body may ask for a failure after it was written."""

    needs = {"post": ANYONE, "get": ANYONE}
    serializer_class = EffectSerializer
    wording = staticmethod(lambda refusal: f"Sentence for {refusal.reason}.")
    started, gate = threading.Event(), threading.Event()
    """With job `wait` the call says that it is at work, then stops until let through."""

    def post(self, request):
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        job = data.validated_data["job"]
        with transaction.atomic():
            number = JobRun.objects.filter(job=job).count() + 1
            JobRun.objects.create(job=job, day=date(2026, 3, number), started_at=NOW)
            match job:
                case "wait":
                    self.started.set()
                    self.gate.wait(10)
                case "refused":
                    raise Refused(
                        [
                            Refusal(Why.LIMIT, {"limit": 3, "due": date(2026, 3, 2)}, "core.view_jobrun"),
                            Refusal(Why.BLOCKED),
                        ]
                    )
                case "busy":
                    raise Busy
                case "invalid":
                    raise Invalid({"job": ["No such job."]})
                case "broken":
                    raise RuntimeError("unforeseen")
                case "twice":
                    JobRun.objects.create(job=job, day=date(2026, 3, number), started_at=NOW)
        return Response({"number": number}, status=201)

    def get(self, request):
        if "crash" in request.query_params:
            raise IntegrityError("not a unique violation")
        return Response({})


class Secrets(ApiView):
    needs = {"post": ANYONE}
    serializer_class = EffectSerializer

    def post(self, request):
        return Response({"token": "top.secret"})

    def seal(self, answer):
        return answer.replace("secret", "")

    def unseal(self, answer):
        return answer.replace("top.", "top.secret")


class Private(ApiView):
    needs = {"get": SIGNED_IN, "post": "core.view_jobrun"}

    def get(self, request):
        return Response({})

    def post(self, request):
        return Response(status=204)

    def delete(self, request):
        return Response(status=204)


urlpatterns = [
    path("api/effects/", Effects.as_view()),
    path("api/secrets/", Secrets.as_view()),
    path("api/private/", Private.as_view()),
    path("", include("library.urls")),
]

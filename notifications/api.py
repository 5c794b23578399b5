"""The API on one's own letters: which of those that are not needed are wanted."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.auth_api import CardView
from library.core.api import SIGNED_IN
from notifications.actions import choose_letters
from notifications.models import OPTIONAL
from notifications.queries import wanted_by


class LettersSerializer(serializers.Serializer):
    """Of the letters that a reader may do without, those that are wanted."""

    wanted = serializers.ListField(
        child=serializers.ChoiceField([(event.value, event.value) for event in OPTIONAL]), max_length=len(OPTIONAL)
    )


class MyLettersView(CardView):
    """One's own choice of letters."""

    needs = {"get": SIGNED_IN, "patch": SIGNED_IN}
    serializer_class = LettersSerializer

    @extend_schema(responses=LettersSerializer)
    def get(self, request: Request) -> Response:
        """Show which letters I want

        Of those one may do without; of everything else the library always tells.
        """
        return Response({"wanted": wanted_by(self.own())})

    @extend_schema(request=LettersSerializer, responses=LettersSerializer)
    def patch(self, request: Request) -> Response:
        """Choose which letters I want"""
        form = LettersSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        reader = self.own()
        choose_letters(reader=reader, wanted=form.validated_data["wanted"], by=self.caller, now=timezone.now())
        return Response({"wanted": wanted_by(reader)})

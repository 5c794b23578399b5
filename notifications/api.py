"""The API on one's own letters: what was sent, and how one wants to be told."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.auth_api import CardView
from accounts.queries import reader_of
from library.core.api import SIGNED_IN, ApiViewSet
from notifications.channels.registry import channels, routes
from notifications.choosing import CHOOSABLE, Choice, Choices, choose, habit
from notifications.models import ALWAYS_DAILY, OPTIONAL, Letter, Preference
from notifications.queries import letters_of
from notifications.rendering import Unrenderable, render

CHANNELS = [("", ""), *((value, value) for value, _label in Preference.CHANNELS if value)]


class LetterSerializer(serializers.ModelSerializer):
    """A letter that was sent."""

    class Meta:
        model = Letter
        fields = ["uid", "event", "channel", "language", "created_at", "sent_at", "subject", "text"]

    subject = serializers.SerializerMethodField()
    text = serializers.SerializerMethodField(help_text="Without greeting and signature.")

    def get_subject(self, letter: Letter) -> str:
        """One line."""
        return self._words(letter)[0]

    def get_text(self, letter: Letter) -> str:
        """Plain text."""
        return self._words(letter)[1]

    def _words(self, letter: Letter) -> tuple[str, str]:
        if not hasattr(letter, "words"):
            try:
                rendered = render(letter)
                letter.words = rendered.subject, rendered.message  # type: ignore[attr-defined] # for this answer
            except Unrenderable:
                letter.words = "", ""  # type: ignore[attr-defined]
        return letter.words  # type: ignore[attr-defined, no-any-return]


class PreferenceSerializer(serializers.Serializer):
    """How one event is told."""

    event = serializers.ChoiceField([("", ""), *((event.value, event.value) for event in CHOOSABLE)], allow_blank=True)
    channel = serializers.ChoiceField(CHANNELS, allow_blank=True)
    is_daily = serializers.BooleanField(default=False)
    is_optional = serializers.BooleanField(read_only=True)


class PreferencesSerializer(serializers.Serializer):
    """How one wants to be told: the event with an empty name is the usual way."""

    preferences = PreferenceSerializer(many=True, max_length=len(CHOOSABLE) + 1)  # type: ignore[call-arg] # of the list
    channels = serializers.DictField(
        child=serializers.CharField(),
        read_only=True,
        help_text="The channels that are on, with one's address; empty: not linked.",
    )


class MyLettersView(CardView):
    """How one wants to be told."""

    needs = {"get": SIGNED_IN, "patch": SIGNED_IN}
    serializer_class = PreferencesSerializer

    @extend_schema(responses=PreferencesSerializer)
    def get(self, request: Request) -> Response:
        """Show how I am told of what

        By which channel each event is told: empty is the usual way, `none` not at all. Of what is not optional the
        library always tells.
        """
        return self._answer()

    @extend_schema(request=PreferencesSerializer, responses=PreferencesSerializer)
    def patch(self, request: Request) -> Response:
        """Choose how I am told

        Events that are not named stay as they are.
        """
        form = PreferencesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        chosen = {row["event"]: Choice(row["channel"], row["is_daily"]) for row in form.validated_data["preferences"]}
        choose(reader=self.own(), choices=chosen, by=self.caller, now=timezone.now())
        return self._answer()

    def _answer(self) -> Response:
        reader = self.own()
        chosen, reachable = Choices([reader.pk]).chosen, routes([reader])[reader.pk]
        rows = []
        for event in ("", *CHOOSABLE):
            choice = chosen.get((reader.pk, event), habit(event))
            rows.append(
                {
                    "event": str(event),
                    "channel": choice.channel,
                    "is_daily": choice.is_daily or event in ALWAYS_DAILY,
                    "is_optional": event in OPTIONAL,
                }
            )
        return Response({"preferences": rows, "channels": {name: reachable.get(name, "") for name in channels()}})


class MyNoticeViewSet(ListModelMixin, ApiViewSet):
    """One's own letters."""

    queryset = Letter.objects.none()
    serializer_class = LetterSerializer
    needs = {"list": SIGNED_IN}

    def get_queryset(self) -> Any:
        """What was sent to the caller; nothing for those without a card."""
        reader = reader_of(self.caller)
        return letters_of(reader).prefetch_related("notices") if reader else Letter.objects.none()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the letters that the library sent me"""
        return super().list(request, *args, **kwargs)

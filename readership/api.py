"""The API on readers as a whole: their own card, history and data."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

import cashdesk.wording
from accounts.api import ReaderSerializer
from accounts.auth_api import CardView
from accounts.models import Reader
from library.core.api import SIGNED_IN, ApiViewSet
from readership import merges
from readership.cards import renew_own_card
from readership.merges import CHOSEN
from readership.models import ReaderMerge
from readership.wording import sentence


class OwnView(CardView):
    """About whoever calls."""

    wording = staticmethod(sentence)


class MyCardView(OwnView):
    """One's own card."""

    needs = {"post": SIGNED_IN}
    serializer_class = ReaderSerializer

    @extend_schema(request=None, responses=ReaderSerializer)
    def post(self, request: Request) -> Response:
        """Extend my card

        Where the category lets readers do it, shortly before and after the card expires, and nothing is owed, overdue
        or blocked; otherwise 409 `refused` with every reason.
        """
        reader = renew_own_card(reader_id=self.own().pk, by=self.caller, now=timezone.now())
        return Response(self.get_serializer(reader).data)


# --- Merges --------------------------------------------------------------------------------------------------------
class ReaderMergeSerializer(serializers.ModelSerializer):
    """Several readers made one."""

    survivor = serializers.UUIDField(source="survivor.uid", read_only=True)
    merged = serializers.ListField(child=serializers.CharField(), source="names", read_only=True)

    class Meta:
        model = ReaderMerge
        fields = ["id", "survivor", "merged", "at", "undone_at"]


class UndoneMergeSerializer(ReaderMergeSerializer):
    """With what could not be brought back."""

    problems = serializers.ListField(child=serializers.CharField())

    class Meta(ReaderMergeSerializer.Meta):
        fields = [*ReaderMergeSerializer.Meta.fields, "problems"]


class MergingSerializer(serializers.Serializer):
    """Who stays, who is merged into them, and whose fields are taken."""

    survivor = serializers.UUIDField(help_text="Public id of the reader who stays.")
    merged = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=9)
    choices = serializers.DictField(
        child=serializers.UUIDField(), required=False, help_text=f"Whose value is taken, by field: {', '.join(CHOSEN)}."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Readers who are there, by key."""
        wanted = {attrs["survivor"], *attrs["merged"]}
        keys = dict(Reader.objects.current().filter(uid__in=wanted).values_list("uid", "pk"))
        choices = attrs.get("choices", {})
        if missing := wanted - keys.keys():
            words = _("There is no such reader: %(uid)s.") % {"uid": ", ".join(sorted(map(str, missing)))}
            raise serializers.ValidationError({"merged": [words]})
        if any(name not in CHOSEN or uid not in keys for name, uid in choices.items()):
            words = _("Name fields of a reader, and readers who are merged here.")
            raise serializers.ValidationError({"choices": [words]})
        return {
            "survivor_id": keys[attrs["survivor"]],
            "merged_ids": [keys[uid] for uid in attrs["merged"]],
            "choices": {name: keys[uid] for name, uid in choices.items()},
        }


class ReaderMergeViewSet(ListModelMixin, ApiViewSet):
    """Readers entered twice, made one."""

    queryset = ReaderMerge.objects.select_related("survivor")
    serializer_class = ReaderMergeSerializer
    orderings = {"at": ("-at", "-pk")}
    needs = {
        "list": "readership.view_readermerge",
        "create": "readership.add_readermerge",
        "undo": "readership.change_readermerge",
    }
    wording = staticmethod(cashdesk.wording.sentence)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List merges of readers, the latest first"""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=MergingSerializer, responses={201: ReaderMergeSerializer})
    def create(self, request: Request) -> Response:
        """Merge readers who are one person

        Everything of the others becomes the survivor's; their card numbers keep working.
        """
        form = MergingSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        merge = merges.merge_readers(**form.validated_data, by=self.caller, now=timezone.now())
        return Response(self.get_serializer(merge).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=UndoneMergeSerializer)
    def undo(self, request: Request, pk: int) -> Response:
        """Undo a merge of readers

        `problems` tells in words what could not be brought back, because it was changed since.
        """
        merge = get_object_or_404(self.get_queryset(), pk=pk)
        problems = merges.undo_merge(merge_id=merge.pk, by=self.caller, now=timezone.now())
        merge.refresh_from_db()
        return Response(self.get_serializer(merge).data | {"problems": problems})

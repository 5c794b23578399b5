"""The API on readers as a whole: their own card, history and data."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

import cashdesk.wording
from accounts.api import ReaderSerializer
from accounts.auth_api import CardView
from accounts.models import Reader
from accounts.queries import reader_of
from library.core.api import SIGNED_IN, ApiView, ApiViewSet
from readership import data_files, erasure, merges
from readership.cards import renew_own_card
from readership.forgetting import choose_history, forget_history_of
from readership.merges import CHOSEN
from readership.models import DataFile, ErasureRequest, ReaderMerge
from readership.views import make_or_leave, zip_response
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


class HistorySerializer(serializers.Serializer):
    """What is kept of what one brought back."""

    keeps_history = serializers.BooleanField(help_text="The reader wants it kept for ever.")
    days = serializers.IntegerField(
        read_only=True, help_text="Days after which what came back no longer names its reader; 0: it always does."
    )


class ForgottenSerializer(serializers.Serializer):
    """What was forgotten."""

    loans = serializers.IntegerField()
    reservations = serializers.IntegerField()
    owed_for = serializers.IntegerField(help_text="Loans that stay because something is owed for them.")


class MyHistoryView(OwnView):
    """Whether one's own history is kept."""

    needs = {"get": SIGNED_IN, "patch": SIGNED_IN}
    serializer_class = HistorySerializer

    def get(self, request: Request) -> Response:
        """Is my history kept?"""
        return self._shown(self.own())

    def patch(self, request: Request) -> Response:
        """Keep my history, or no longer"""
        form = HistorySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        is_kept = form.validated_data["keeps_history"]
        return self._shown(choose_history(reader_id=self.own().pk, is_kept=is_kept, by=self.caller, now=timezone.now()))

    def _shown(self, reader: Reader) -> Response:
        return Response({"keeps_history": reader.keeps_history, "days": settings.HISTORY_DAYS})


class ForgetMyHistoryView(OwnView):
    """One's own history, forgotten."""

    needs = {"post": SIGNED_IN}
    serializer_class = ForgottenSerializer

    @extend_schema(request=None, responses=ForgottenSerializer)
    def post(self, request: Request) -> Response:
        """Forget my history now

        It cannot be brought back. What was paid stays in the accounts.
        """
        done = forget_history_of(reader_id=self.own().pk, by=self.caller, now=timezone.now())
        return Response(done.as_json())


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


# --- Data and erasure ----------------------------------------------------------------------------------------------
ZIP = {(200, "application/zip"): OpenApiTypes.BINARY}


class DataFileSerializer(serializers.ModelSerializer):
    """A file with all data of a reader; fetched by its `uid` once it is ready."""

    class Meta:
        model = DataFile
        fields = ["uid", "asked_at", "state", "ready_at", "expires_at", "size"]


class PasswordSerializer(serializers.Serializer):
    """The caller's password once more."""

    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)


class WishSerializer(serializers.ModelSerializer):
    """The wish to be erased, and what became of it."""

    class Meta:
        model = ErasureRequest
        fields = ["asked_at", "state", "decided_at", "why"]


class DataFileViewSet(ListModelMixin, ApiViewSet):
    """Files with all data of a reader: one's own, or, with the permission, of others."""

    needs_card = True
    queryset = DataFile.objects.none()
    serializer_class = DataFileSerializer
    orderings = {"asked_at": ("-asked_at", "-pk")}
    needs = {
        "list": SIGNED_IN,
        "create": SIGNED_IN,
        "fetch": SIGNED_IN,
        "create_for": "readership.give_reader_data",
    }

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whoever asks for a zip gets it, though everything else here is JSON."""
        return super().perform_content_negotiation(request, force=force or self.action == "fetch")

    def get_queryset(self) -> QuerySet[DataFile]:
        """The files that the caller may fetch."""
        if not self.caller.is_authenticated:
            return DataFile.objects.none()
        return data_files.files_visible_to(self.caller, now=timezone.now())

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List files with data that can be fetched"""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=None, responses={201: DataFileSerializer})
    def create(self, request: Request) -> Response:
        """Ask for all my data

        A small file is ready in the answer; a big one is made in the background: look for it in the list.
        """
        reader = reader_of(self.caller)
        if reader is None:
            raise Http404
        return self._ask(reader)

    @extend_schema(request=None, responses={201: DataFileSerializer})
    def create_for(self, request: Request, uid: UUID) -> Response:
        """Ask for all data of a reader"""
        return self._ask(get_object_or_404(Reader.objects.current(), uid=uid))

    @extend_schema(responses=ZIP)
    def fetch(self, request: Request, uid: UUID) -> HttpResponse:
        """Fetch a file with data

        A zip of data.json and a table (CSV) of each kind.
        """
        ready = self.get_queryset().filter(state=DataFile.State.READY)
        return zip_response(get_object_or_404(ready, uid=uid), by=self.caller)

    def _ask(self, reader: Reader) -> Response:
        file = data_files.ask_for_data(reader_id=reader.pk, by=self.caller, now=timezone.now())
        make_or_leave(file)
        fresh = DataFile.objects.defer("content").get(pk=file.pk)
        return Response(self.get_serializer(fresh).data, status=status.HTTP_201_CREATED)


class MyErasureView(OwnView):
    """The wish to be erased."""

    needs = {"post": SIGNED_IN, "delete": SIGNED_IN}
    serializer_class = WishSerializer

    @extend_schema(request=PasswordSerializer, responses={201: WishSerializer})
    def post(self, request: Request) -> Response:
        """Ask to be erased

        With the password. 409 `refused` tells all that has to be settled first. The library decides on the wish, or it
        is done at once.
        """
        form = PasswordSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        own = self.own()
        if not self.caller.check_password(form.validated_data["password"]):
            raise serializers.ValidationError({"password": [_("This is not your password.")]})
        wish = erasure.ask(reader_id=own.pk, by=self.caller, now=timezone.now())
        return Response(self.get_serializer(wish).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Take the wish to be erased back"""
        erasure.withdraw(reader_id=self.own().pk, by=self.caller, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class EraseReaderView(ApiView):
    """A reader erased by staff."""

    needs = {"post": "readership.erase_readers"}
    serializer_class = WishSerializer
    wording = staticmethod(sentence)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, uid: UUID) -> Response:
        """Erase a reader

        It cannot be undone. 409 `refused` tells all that has to be settled first.
        """
        reader = get_object_or_404(Reader.objects.current(), uid=uid)
        erasure.erase(reader_id=reader.pk, by=self.caller, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

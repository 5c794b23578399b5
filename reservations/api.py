"""The API on reservations: place, list, cancel, suspend, resume, move. Readers work with their own, staff with all."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Reader
from accounts.queries import reader_of
from accounts.rules import ReaderReason
from catalog.models import Book, Copy
from library.core.api import SIGNED_IN, ApiViewSet, NamedField
from policies.models import Branch
from reservations import actions, wording
from reservations.models import MAX_WHY, Reservation
from reservations.queries import Standing, reservations_visible_to, standings
from reservations.rules import OVERRIDES

OVERRIDE_CHOICES = [(reason.value, reason.value) for reason in (*OVERRIDES, *ReaderReason)]
"""Reasons that may be named as overridden; the absolute ones among them stay."""
UNKNOWN = 0
"""No row has this key: the rules then say what is unknown, with whatever else is wrong."""


class ReservedBookSerializer(serializers.ModelSerializer):
    """What is reserved."""

    class Meta:
        model = Book
        fields = ["uid", "title"]


class ReservingReaderSerializer(serializers.ModelSerializer):
    """Who waits for it."""

    class Meta:
        model = Reader
        fields = ["uid", "card_number", "full_name"]


class KeptCopySerializer(serializers.ModelSerializer):
    """What is kept for the reader."""

    class Meta:
        model = Copy
        fields = ["uid", "inventory_number", "barcode"]


class ReservationSerializer(serializers.ModelSerializer):
    """A reservation and how it stands now. Instants are on the clock of the library."""

    book = ReservedBookSerializer()
    reader = ReservingReaderSerializer(allow_null=True, help_text="Null once the history is forgotten.")
    copy = KeptCopySerializer(allow_null=True)
    pickup_branch = serializers.CharField(source="pickup_branch.code")
    place = serializers.SerializerMethodField(help_text="Place among those who wait, from 1; null: it waits no longer.")
    expected_on = serializers.SerializerMethodField(help_text="When a copy can be expected: a guess, or null.")

    class Meta:
        model = Reservation
        fields = [
            "uid", "book", "reader", "pickup_branch", "state", "placed_at", "place", "expected_on", "suspended_until",
            "copy", "ready_at", "pickup_until", "ended_at", "why",
        ]  # fmt: skip

    def get_place(self, reservation: Reservation) -> int | None:
        """Among those who wait."""
        return self._standing(reservation).place

    def get_expected_on(self, reservation: Reservation) -> str | None:
        """An ISO date."""
        expected = self._standing(reservation).expected_on
        return expected.isoformat() if expected else None

    def _standing(self, reservation: Reservation) -> Standing:
        found: Standing = self.context["standings"][reservation.pk]
        return found


class PlaceSerializer(serializers.Serializer):
    """What to reserve, where to collect it, and for whom."""

    book = serializers.UUIDField(help_text="Public id.")
    branch = NamedField(slug_field="code", queryset=Branch.objects.all(), help_text="Code of the branch of pick-up.")
    reader = serializers.UUIDField(required=False, help_text="Public id; for staff only. Oneself unless given.")
    overrides = serializers.ListField(
        child=serializers.ChoiceField(OVERRIDE_CHOICES), required=False, max_length=len(OVERRIDE_CHOICES)
    )
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)


class WhySerializer(serializers.Serializer):
    """Why it is cancelled: staff have to say it."""

    why = serializers.CharField(max_length=MAX_WHY, required=False, allow_blank=True)


class SuspendSerializer(serializers.Serializer):
    """Until when it is passed over."""

    until = serializers.DateField(help_text="The last day on which it is passed over; it keeps its place.")


class MoveSerializer(serializers.Serializer):
    """Where in the queue it shall stand, and why."""

    place = serializers.IntegerField(min_value=1, max_value=100_000)
    why = serializers.CharField(max_length=MAX_WHY)


class ReservationFilter(django_filters.FilterSet):
    """What reservations are narrowed by."""

    state = django_filters.MultipleChoiceFilter(choices=Reservation.State.choices)
    book = django_filters.UUIDFilter("book__uid", label=gettext_lazy("Public id of the book."))
    reader = django_filters.UUIDFilter("reader__uid", label=gettext_lazy("Public id of the reader."))
    branch = django_filters.CharFilter("pickup_branch__code", label=gettext_lazy("Code of the branch of pick-up."))


PLACE = OpenApiExample(
    "For oneself", {"book": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "branch": "centre"}, request_only=True
)


class ReservationViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Reservations."""

    queryset = Reservation.objects.none()
    serializer_class = ReservationSerializer
    filterset_class = ReservationFilter
    orderings = {"placed_at": ("-placed_at", "-pk"), "pickup_until": ("pickup_until", "pk")}
    needs = {
        "list": SIGNED_IN,
        "retrieve": SIGNED_IN,
        "create": SIGNED_IN,
        "cancel": SIGNED_IN,
        "suspend": SIGNED_IN,
        "resume": SIGNED_IN,
        "move": "reservations.move_reservations",
    }
    wording = staticmethod(wording.sentence)

    def get_queryset(self) -> QuerySet[Reservation]:
        """The reservations that the caller may know of."""
        return reservations_visible_to(self.caller).in_full()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List reservations, the latest first

        Readers get their own, staff all of them.
        """
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        serializer = self.get_serializer(page, many=True, context=self._context(page))
        return self.get_paginated_response(serializer.data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show a reservation"""
        return self._shown(self.get_object())

    @extend_schema(request=PlaceSerializer, responses={201: ReservationSerializer}, examples=[PLACE])
    def create(self, request: Request) -> Response:
        """Reserve a book

        Readers reserve for themselves, staff for any reader. All reasons against it come at once (409 `refused`); those
        that are `overridable` staff may name in `overrides`, with a `note`.
        """
        said = self._read(PlaceSerializer)
        done = actions.reserve(
            book_id=Book.objects.filter(uid=said["book"]).values_list("pk", flat=True).first() or UNKNOWN,
            reader_id=self._reader_id(said.get("reader")),
            pickup_branch_id=said["branch"].pk,
            overrides=said.get("overrides", ()),
            note=said.get("note", ""),
            by=self.caller,
            now=timezone.now(),
        )
        return self._shown(done.reservation, status.HTTP_201_CREATED)

    @extend_schema(request=WhySerializer, responses=ReservationSerializer)
    def cancel(self, request: Request, uid: UUID) -> Response:
        """Cancel a reservation

        Readers cancel their own; staff say why, and the reader is told. A second time does no harm.
        """
        reservation = self._workable()
        said = self._read(WhySerializer)
        done = actions.cancel(
            reservation_id=reservation.pk, by=self.caller, now=timezone.now(), why=said.get("why", "")
        )
        return self._shown(done)

    @extend_schema(request=SuspendSerializer, responses=ReservationSerializer)
    def suspend(self, request: Request, uid: UUID) -> Response:
        """Suspend a reservation

        Until and including a day it is passed over and keeps its place.
        """
        reservation = self._workable()
        said = self._read(SuspendSerializer)
        done = actions.suspend(reservation_id=reservation.pk, until=said["until"], by=self.caller, now=timezone.now())
        return self._shown(done)

    @extend_schema(request=None, responses=ReservationSerializer)
    def resume(self, request: Request, uid: UUID) -> Response:
        """Resume a suspended reservation"""
        done = actions.resume(reservation_id=self._workable().pk, by=self.caller, now=timezone.now())
        return self._shown(done)

    @extend_schema(request=MoveSerializer, responses=ReservationSerializer)
    def move(self, request: Request, uid: UUID) -> Response:
        """Move a reservation in its queue

        For staff, with a reason.
        """
        said = self._read(MoveSerializer)
        done = actions.move(
            reservation_id=self.get_object().pk,
            place=said["place"],
            why=said["why"],
            by=self.caller,
            now=timezone.now(),
        )
        return self._shown(done)

    def _reader_id(self, uid: UUID | None) -> int:
        """The reader to reserve for: the caller, or with the permission anybody."""
        own = reader_of(self.caller)
        if uid is None or (own and own.uid == uid):
            return own.pk if own else UNKNOWN
        if not self.caller.has_perm("reservations.place_reservations"):
            raise exceptions.PermissionDenied
        return Reader.objects.current().filter(uid=uid).values_list("pk", flat=True).first() or UNKNOWN

    def _workable(self) -> Reservation:
        """The reservation, if it is the caller's own or the caller may cancel readers' reservations."""
        reservation: Reservation = self.get_object()
        if getattr(reservation.reader, "user_id", None) != self.caller.pk and not self.caller.has_perm(
            "reservations.cancel_reservations"
        ):
            raise exceptions.PermissionDenied
        return reservation

    def _read(self, form_class: type[serializers.Serializer]) -> dict[str, Any]:
        form = form_class(data=self.request.data)
        form.is_valid(raise_exception=True)
        said: dict[str, Any] = form.validated_data
        return said

    def _shown(self, reservation: Reservation, code: int = status.HTTP_200_OK) -> Response:
        return Response(self.get_serializer(reservation, context=self._context([reservation])).data, status=code)

    def _context(self, reservations: Any) -> dict[str, Any]:
        found = standings(reservations, now=timezone.now())
        return {**self.get_serializer_context(), "standings": {one.reservation.pk: one for one in found}}

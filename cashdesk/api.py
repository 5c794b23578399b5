"""Money over the API: charges, payments, waivers, refunds, reversals, balances. Readers see their own, staff act."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Reader
from accounts.queries import readers_visible_to
from cashdesk import actions, queries, wording
from cashdesk.forms import BY_HAND
from cashdesk.models import MAX_REASON, Entry, Kind, Method
from cashdesk.rules import LARGEST
from library.core.api import SIGNED_IN, ApiView, ApiViewSet, NamedField
from policies.models import Branch

CHARGED_BY_HAND = [(kind.value, kind.label) for kind in BY_HAND]


class EntrySerializer(serializers.ModelSerializer):
    """A line of the ledger. Amounts are strings with two decimals, in the library's currency."""

    reader = serializers.UUIDField(source="reader.uid")
    branch = serializers.CharField(source="branch.code")
    title = serializers.SerializerMethodField(help_text="What it is, in words.")
    by = serializers.SerializerMethodField(help_text="Who did it; null: the library itself.")
    copy = serializers.UUIDField(source="copy.uid", allow_null=True, default=None)
    loan = serializers.UUIDField(source="loan_uid", allow_null=True)
    effect = serializers.DecimalField(
        max_digits=10, decimal_places=2, help_text="What it adds to the balance; a payment takes away."
    )
    left = serializers.DecimalField(
        max_digits=10, decimal_places=2, help_text="What is not paid yet of a charge, or not used yet of a payment."
    )
    reverses = serializers.UUIDField(source="reverses.uid", allow_null=True, default=None)
    is_reversed = serializers.BooleanField()

    class Meta:
        model = Entry
        fields = [
            "uid", "reader", "kind", "title", "amount", "effect", "left", "reason", "branch", "at", "by", "copy",
            "loan", "overdue_days", "method", "receipt", "reverses", "is_reversed",
        ]  # fmt: skip

    receipt = serializers.CharField(help_text="Number of the receipt; empty where no money moved.")

    def get_title(self, entry: Entry) -> str:
        """In the language of the call."""
        return wording.title(entry)

    def get_by(self, entry: Entry) -> str | None:
        """For staff only: readers are not told names."""
        return str(entry.by) if entry.by and self.context["request"].user.is_staff else None


class AmountSerializer(serializers.Serializer):
    """So much."""

    amount = serializers.DecimalField(
        max_digits=10, decimal_places=2, min_value=Decimal("0.01"), max_value=LARGEST, help_text="Above zero."
    )


class ReasonedSerializer(serializers.Serializer):
    """And why."""

    reason = serializers.CharField(max_length=MAX_REASON, help_text="The reader sees it.")


class AtBranchSerializer(serializers.Serializer):
    """At which desk."""

    branch = NamedField(slug_field="code", queryset=Branch.objects.all(), help_text="Code of the desk.")


class OfReaderSerializer(AtBranchSerializer):
    """Whose."""

    reader = NamedField(slug_field="uid", queryset=Reader.objects.current(), help_text="Public id of the reader.")


class ChargingSerializer(OfReaderSerializer, AmountSerializer, ReasonedSerializer):
    """What to charge by hand."""

    kind = serializers.ChoiceField(CHARGED_BY_HAND, default=Kind.MANUAL)


class PayingSerializer(OfReaderSerializer, AmountSerializer):
    """What was paid."""

    method = serializers.ChoiceField(Method.choices, default=Method.CASH)
    charges = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=100, help_text="Only these; else the oldest first."
    )
    keeps_rest = serializers.BooleanField(default=False, help_text="What is left over stays as credit.")


class RefundingSerializer(OfReaderSerializer, AmountSerializer, ReasonedSerializer):
    """What is given back of the reader's credit."""

    method = serializers.ChoiceField(Method.choices, default=Method.CASH)


class WaivingSerializer(ReasonedSerializer):
    """What is forgiven: all that is left unless an amount is given."""

    amount = serializers.DecimalField(
        max_digits=10, decimal_places=2, min_value=Decimal("0.01"), max_value=LARGEST, required=False
    )


class ReversingSerializer(ReasonedSerializer, AtBranchSerializer):
    """Why an entry is undone, and at which desk."""


class BalanceSerializer(serializers.Serializer):
    """How a reader stands."""

    balance = serializers.DecimalField(max_digits=12, decimal_places=2, help_text="Owed; below zero: credit.")
    owed = serializers.DecimalField(max_digits=12, decimal_places=2)
    credit = serializers.DecimalField(max_digits=12, decimal_places=2)


class EntryFilter(django_filters.FilterSet):
    """What entries are narrowed by."""

    reader = django_filters.UUIDFilter("reader__uid", label=gettext_lazy("Public id of the reader."))
    loan = django_filters.UUIDFilter("loan_uid", label=gettext_lazy("Public id of the loan."))
    branch = django_filters.CharFilter("branch__code", label=gettext_lazy("Code of the branch."))
    kind = django_filters.MultipleChoiceFilter(choices=[(kind.value, kind.value) for kind in Kind])
    since = django_filters.IsoDateTimeFilter("at", lookup_expr="gte", label=gettext_lazy("Not before this instant."))
    until = django_filters.IsoDateTimeFilter("at", lookup_expr="lt", label=gettext_lazy("Before this instant."))


class EntryViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """One side of the ledger."""

    queryset = Entry.objects.none()
    serializer_class = EntrySerializer
    filterset_class = EntryFilter
    orderings = {"at": ("-at", "-pk")}
    wording = staticmethod(wording.sentence)

    def _read(self, form_class: type[serializers.Serializer]) -> dict[str, Any]:
        form = form_class(data=self.request.data)
        form.is_valid(raise_exception=True)
        said: dict[str, Any] = form.validated_data
        return said

    def _written(self, entry: Entry) -> Response:
        shown = Entry.objects.with_left().in_full().get(pk=entry.pk)
        return Response(self.get_serializer(shown).data, status=status.HTTP_201_CREATED)

    def _reverse(self) -> Response:
        said = self._read(ReversingSerializer)
        done = actions.reverse(
            entry_uid=self.get_object().uid,
            reason=said["reason"],
            branch_id=said["branch"].pk,
            by=self.caller,
            now=timezone.now(),
        )
        return self._written(done)


CHARGE = OpenApiExample(
    "A lost card",
    {"reader": "4f0c…", "amount": "150.00", "reason": "Новый билет", "branch": "centre"},
    request_only=True,
)


class ChargeViewSet(EntryViewSet):
    """What readers were charged."""

    needs = {
        "list": SIGNED_IN,
        "retrieve": SIGNED_IN,
        "create": "cashdesk.add_charges",
        "waive": "cashdesk.waive_charges",
        "reverse": "cashdesk.reverse_entries",
    }

    def get_queryset(self) -> QuerySet[Entry]:
        """The charges that the caller may know of."""
        return queries.entries_visible_to(self.caller).charges().with_left().in_full()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List charges, the latest first

        Readers get their own, staff all of them.
        """
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show a charge"""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(request=ChargingSerializer, responses={201: EntrySerializer}, examples=[CHARGE])
    def create(self, request: Request) -> Response:
        """Charge a reader by hand

        Lateness and loss are charged where they happen. Credit that the reader has covers it at once.
        """
        said = self._read(ChargingSerializer)
        done = actions.charge(
            reader_id=said["reader"].pk,
            kind=Kind(said["kind"]),
            amount=said["amount"],
            reason=said["reason"],
            branch_id=said["branch"].pk,
            by=self.caller,
            now=timezone.now(),
        )
        return self._written(done)

    @extend_schema(request=WaivingSerializer, responses={201: EntrySerializer})
    def waive(self, request: Request, uid: UUID) -> Response:
        """Waive a charge or a part of it"""
        said = self._read(WaivingSerializer)
        done = actions.waive(
            charge_uid=self.get_object().uid,
            amount=said.get("amount"),
            reason=said["reason"],
            by=self.caller,
            now=timezone.now(),
        )
        return self._written(done)

    @extend_schema(request=ReversingSerializer, responses={201: EntrySerializer})
    def reverse(self, request: Request, uid: UUID) -> Response:
        """Reverse a charge

        What was paid for it becomes credit.
        """
        return self._reverse()


class PaymentViewSet(EntryViewSet):
    """Payments, waivers, money given back and reversals."""

    needs = {
        "list": SIGNED_IN,
        "retrieve": SIGNED_IN,
        "create": "cashdesk.take_payments",
        "refund": "cashdesk.give_refunds",
        "reverse": "cashdesk.reverse_entries",
    }

    def get_queryset(self) -> QuerySet[Entry]:
        """The payments that the caller may know of."""
        return queries.entries_visible_to(self.caller).payments().with_left().in_full()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List payments, waivers, refunds and reversals, the latest first

        Readers get their own, staff all of them.
        """
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show a payment"""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(request=PayingSerializer, responses={201: EntrySerializer})
    def create(self, request: Request) -> Response:
        """Take a payment

        For the oldest charges first, or for `charges` only. Send an `Idempotency-Key`, so that a repetition takes no
        money twice.
        """
        said = self._read(PayingSerializer)
        done = actions.pay(
            reader_id=said["reader"].pk,
            amount=said["amount"],
            method=Method(said["method"]),
            branch_id=said["branch"].pk,
            charges=said.get("charges", ()),
            keeps_rest=said["keeps_rest"],
            by=self.caller,
            now=timezone.now(),
        )
        return self._written(done)

    @extend_schema(request=RefundingSerializer, responses={201: EntrySerializer})
    def refund(self, request: Request) -> Response:
        """Give back money that a reader has to their credit"""
        said = self._read(RefundingSerializer)
        done = actions.refund(
            reader_id=said["reader"].pk,
            amount=said["amount"],
            method=Method(said["method"]),
            reason=said["reason"],
            branch_id=said["branch"].pk,
            by=self.caller,
            now=timezone.now(),
        )
        return self._written(done)

    @extend_schema(request=ReversingSerializer, responses={201: EntrySerializer})
    def reverse(self, request: Request, uid: UUID) -> Response:
        """Reverse a payment, waiver or refund

        What it had covered is owed again.
        """
        return self._reverse()


class BalanceView(ApiView):
    """How a reader stands."""

    queryset = Reader.objects.none()
    serializer_class = BalanceSerializer
    needs = {"get": SIGNED_IN}

    @extend_schema(responses=BalanceSerializer)
    def get(self, request: Request, uid: UUID) -> Response:
        """Show what a reader owes

        Readers see their own only.
        """
        readers = readers_visible_to(self.caller)
        if not self.caller.has_perms(["cashdesk.view_charge", "cashdesk.view_payment"]):
            readers = readers.filter(user=self.caller)
        reader = get_object_or_404(readers, uid=uid)
        account = queries.account_of(reader.pk)
        shown = {"balance": account.owed - account.credit, "owed": account.owed, "credit": account.credit}
        return Response(BalanceSerializer(shown).data)

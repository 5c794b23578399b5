"""The API on loans: check out, preview, renew, return. Readers see and renew their own, staff work with all."""

import re
from collections.abc import Callable, Sequence
from functools import cache
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
from accounts.queries import reader_of_card
from catalog.copy_numbers import copy_by_scan
from catalog.models import Copy
from circulation import actions, claims, wording
from circulation.models import IS_CLAIMED_RETURNED, Loan
from circulation.queries import loans_visible_to
from circulation.rules import Happening, Reason
from circulation.undo_rules import Step
from circulation.undoing import undo
from library.core.api import SIGNED_IN, ApiViewSet, NamedField
from library.core.errors import Refusal
from library.core.problems import data_as_json, reason_as_json
from policies.models import Branch

PUBLIC_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OVERRIDE_CHOICES = [(reason.value, reason.value) for reason in Reason]
"""Reasons that may be named as overridden; the absolute ones among them stay."""
UNKNOWN = 0
"""No row has this key: the rules then say which of reader and copy is unknown, with whatever else is wrong."""


class LentCopySerializer(serializers.ModelSerializer):
    """What is lent."""

    book = serializers.UUIDField(source="book.uid")
    title = serializers.CharField(source="book.title")

    class Meta:
        model = Copy
        fields = ["uid", "inventory_number", "barcode", "book", "title"]


class BorrowerSerializer(serializers.ModelSerializer):
    """Who has it."""

    class Meta:
        model = Reader
        fields = ["uid", "card_number", "full_name"]


class LoanSerializer(serializers.ModelSerializer):
    """A loan. Instants are on the clock of the library."""

    copy = LentCopySerializer()
    reader = BorrowerSerializer(allow_null=True, help_text="Null once the history is forgotten.")
    branch = serializers.CharField(source="branch.code", help_text="The desk that lent it.")
    is_overdue = serializers.SerializerMethodField()

    class Meta:
        model = Loan
        fields = [
            "uid", "copy", "reader", "branch", "checked_out_at", "due_at", "renewals", "last_renewed_at",
            "lost_at", "claimed_returned_at", "returned_at", "undone_at", "is_overdue",
        ]  # fmt: skip

    def get_is_overdue(self, loan: Loan) -> bool:
        """Still out after its due date, unless the reader says that it is back."""
        return loan.returned_at is None and not loan.is_claimed_returned and loan.due_at < timezone.now()


class OverrideSerializer(serializers.Serializer):
    """Reasons that staff set aside, each with its permission, and why."""

    overrides = serializers.ListField(
        child=serializers.ChoiceField(OVERRIDE_CHOICES), required=False, max_length=len(OVERRIDE_CHOICES)
    )
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)


class ScanSerializer(serializers.Serializer):
    """A reader, a copy and a desk."""

    reader = serializers.CharField(max_length=64, help_text="Card number or public id.")
    copy = serializers.CharField(max_length=64, help_text="Barcode, inventory number or public id.")
    branch = NamedField(
        slug_field="code",
        queryset=Branch.objects.all(),
        required=False,
        help_text="Code of the desk; the copy's own branch unless given.",
    )


class CheckOutSerializer(ScanSerializer, OverrideSerializer):
    """What to lend to whom."""


class ReturnSerializer(serializers.Serializer):
    """Where and when a copy came back."""

    branch = ScanSerializer._declared_fields["branch"]
    returned_at = serializers.DateTimeField(
        required=False, help_text="When it truly came back (the book drop), from its check-out until now."
    )
    was_claim_wrong = serializers.BooleanField(
        default=False, help_text="The reader had claimed to have returned it, but brings it now: lateness counts."
    )


class UndoSerializer(serializers.Serializer):
    """Which step is undone, and where."""

    step = serializers.ChoiceField([(step.value, step.value) for step in Step], help_text="The last step of the loan.")
    branch = ScanSerializer._declared_fields["branch"]


class UndoneSerializer(serializers.Serializer):
    """A step undone."""

    loan = LoanSerializer()
    cancelled = serializers.DecimalField(max_digits=10, decimal_places=2, help_text="Fines of the step, reversed.")


class ReturnByScanSerializer(ReturnSerializer):
    """Which copy came back."""

    copy = ScanSerializer._declared_fields["copy"]
    was_read = serializers.BooleanField(
        default=False, help_text="It lay in the reading room: a reading is counted unless it was on loan."
    )


class LoanWithOverridesSerializer(LoanSerializer):
    """A loan just made or renewed."""

    overridden = serializers.ListField(child=serializers.CharField(), help_text="Codes of the reasons set aside.")

    class Meta(LoanSerializer.Meta):
        fields = [*LoanSerializer.Meta.fields, "overridden"]


class NoteSerializer(serializers.Serializer):
    """What is known of a loss or a claim."""

    note = serializers.CharField(max_length=500, required=False, allow_blank=True)


class LostSerializer(serializers.Serializer):
    """A loan declared lost, and what its reader was charged with."""

    loan = LoanSerializer()
    fine = serializers.DecimalField(max_digits=10, decimal_places=2)
    replacement = serializers.DecimalField(max_digits=10, decimal_places=2)
    processing = serializers.DecimalField(max_digits=10, decimal_places=2)


class ReasonSerializer(serializers.Serializer):
    """One reason against it; `overridable` by this caller."""

    code = serializers.CharField()
    message = serializers.CharField()
    data = serializers.DictField(child=serializers.JSONField(allow_null=True))  # type: ignore[assignment] # not Serializer.data
    overridable = serializers.BooleanField()


class PreviewSerializer(serializers.Serializer):
    """What a check-out would come to now."""

    allowed = serializers.BooleanField()
    due_at = serializers.DateTimeField(allow_null=True)
    reasons = ReasonSerializer(many=True)


class HappeningSerializer(serializers.Serializer):
    """One thing that a return found or caused."""

    code = serializers.CharField()
    message = serializers.CharField()
    data = serializers.DictField(child=serializers.JSONField(allow_null=True))  # type: ignore[assignment] # not Serializer.data


class ReturnedSerializer(serializers.Serializer):
    """What a return did. `loan` is null when the copy was not out."""

    loan = LoanSerializer(allow_null=True)
    overdue_days = serializers.IntegerField()
    happenings = HappeningSerializer(many=True)


class LoanFilter(django_filters.FilterSet):
    """What loans are narrowed by."""

    state = django_filters.ChoiceFilter(
        method="in_state",
        choices=[
            ("open", gettext_lazy("open")),
            ("overdue", gettext_lazy("overdue")),
            ("claimed", gettext_lazy("claimed returned")),
            ("returned", gettext_lazy("returned")),
        ],
    )
    reader = django_filters.UUIDFilter("reader__uid", label=gettext_lazy("Public id of the reader."))
    copy = django_filters.UUIDFilter("copy__uid", label=gettext_lazy("Public id of the copy."))
    branch = django_filters.CharFilter("branch__code", label=gettext_lazy("Code of the desk that lent it."))

    def in_state(self, loans: QuerySet[Loan], name: str, value: str) -> QuerySet[Loan]:
        """Out, out too long, said to be back, or back."""
        if value == "returned":
            return loans.filter(returned_at__isnull=False)
        out = loans.filter(returned_at__isnull=True)
        match value:
            case "overdue":
                return out.filter(due_at__lt=timezone.now()).exclude(IS_CLAIMED_RETURNED)
            case "claimed":
                return out.filter(IS_CLAIMED_RETURNED)
        return out


CHECK_OUT = OpenApiExample(
    "At the desk", {"reader": "2900000000018", "copy": "2000000001", "branch": "centre"}, request_only=True
)
OVERRIDE = OpenApiExample(
    "Beyond the limit",
    {"reader": "2900000000018", "copy": "2000000004", "overrides": ["loan_limit"], "note": "До понедельника"},
    request_only=True,
)


MAY_UNDO = "circulation.return_copies"
"""Who may undo anything; each step asks for the permission to do it besides."""
MAY_STEP = {
    Step.CHECK_OUT: "circulation.check_out_copies",
    Step.RENEW: "circulation.renew_loans",
    Step.RETURN: "circulation.return_copies",
}


class LoanViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Loans."""

    queryset = Loan.objects.none()
    serializer_class = LoanSerializer
    filterset_class = LoanFilter
    orderings = {
        "checked_out_at": ("-checked_out_at", "-pk"),
        "due_at": ("due_at", "pk"),
    }
    needs = {
        "list": SIGNED_IN,
        "retrieve": SIGNED_IN,
        "create": "circulation.check_out_copies",
        "preview": "circulation.check_out_copies",
        "renew": SIGNED_IN,
        "declare_lost": "circulation.declare_lost",
        "claim_returned": "circulation.settle_claims",
        "withdraw_claim": "circulation.settle_claims",
        "undo": MAY_UNDO,
        "return_copy": "circulation.return_copies",
        "return_by_scan": "circulation.return_copies",
    }
    wording = staticmethod(wording.sentence)

    def get_queryset(self) -> QuerySet[Loan]:
        """The loans that the caller may know of."""
        return loans_visible_to(self.caller).in_full()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List loans, the latest first

        Readers get their own, staff all of them.
        """
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show a loan"""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(
        request=CheckOutSerializer, responses={201: LoanWithOverridesSerializer}, examples=[CHECK_OUT, OVERRIDE]
    )
    def create(self, request: Request) -> Response:
        """Check out a copy to a reader

        All reasons against it come at once (409 `refused`); those that are `overridable` may be named in `overrides`,
        with a `note`.
        """
        said = self._read(CheckOutSerializer)
        copy, reader = _copy(said["copy"]), _reader(said["reader"])
        done = actions.check_out(
            copy_id=copy.pk if copy else UNKNOWN,
            reader_id=reader.pk if reader else UNKNOWN,
            branch_id=_desk(said, copy),
            overrides=[Reason(code) for code in said.get("overrides", ())],
            note=said.get("note", ""),
            by=self.caller,
            now=timezone.now(),
        )
        return self._loan(done.loan, done.overridden, status.HTTP_201_CREATED)

    @extend_schema(request=ScanSerializer, responses=PreviewSerializer, examples=[CHECK_OUT])
    def preview(self, request: Request) -> Response:
        """Ask whether a check-out would be allowed

        Changes nothing.
        """
        said = self._read(ScanSerializer)
        copy, reader = _copy(said["copy"]), _reader(said["reader"])
        preview = actions.preview_check_out(
            copy_id=copy.pk if copy else UNKNOWN,
            reader_id=reader.pk if reader else UNKNOWN,
            branch_id=_desk(said, copy),
            now=timezone.now(),
        )
        reasons = [reason_as_json(refusal, wording.sentence, self.caller) for refusal in preview.refusals]
        return Response({"allowed": not reasons, "due_at": preview.due_at, "reasons": reasons})

    @extend_schema(request=OverrideSerializer, responses=LoanWithOverridesSerializer)
    def renew(self, request: Request, uid: UUID) -> Response:
        """Renew a loan

        Readers renew their own; overriding takes staff.
        """
        said = self._read(OverrideSerializer)
        loan = self.get_object()
        if getattr(loan.reader, "user_id", None) != self.caller.pk and not self.caller.has_perm(
            "circulation.renew_loans"
        ):
            raise exceptions.PermissionDenied
        done = actions.renew(
            loan_id=loan.pk,
            overrides=[Reason(code) for code in said.get("overrides", ())],
            note=said.get("note", ""),
            by=self.caller,
            now=timezone.now(),
        )
        return self._loan(done.loan, done.overridden)

    @extend_schema(request=NoteSerializer, responses=LoanSerializer)
    def claim_returned(self, request: Request, uid: UUID) -> Response:
        """Record that the reader claims to have returned the copy

        From now on lateness costs no more, and the copy is searched for. Returning it settles the claim.
        """
        return self._claim(claims.claim_returned)

    @extend_schema(request=NoteSerializer, responses=LoanSerializer)
    def withdraw_claim(self, request: Request, uid: UUID) -> Response:
        """Withdraw such a claim

        The reader has the copy after all; lateness counts as if nothing had been said.
        """
        return self._claim(claims.withdraw_claim)

    def _claim(self, deed: Callable[..., Loan]) -> Response:
        said = self._read(NoteSerializer)
        loan = deed(loan_id=self.get_object().pk, note=said.get("note", ""), by=self.caller, now=timezone.now())
        return Response(self.get_serializer(loan).data)

    @extend_schema(request=NoteSerializer, responses=LostSerializer)
    def declare_lost(self, request: Request, uid: UUID) -> Response:
        """Declare the copy of a loan lost

        The reader is charged with the lateness so far, the replacement and the processing; the loan stays open.
        """
        said = self._read(NoteSerializer)
        done = actions.declare_lost(
            loan_id=self.get_object().pk, note=said.get("note", ""), by=self.caller, now=timezone.now()
        )
        shown = {
            "loan": done.loan,
            "fine": done.charges.fine,
            "replacement": done.charges.replacement,
            "processing": done.charges.processing,
        }
        return Response(LostSerializer(shown, context=self.get_serializer_context()).data)

    @extend_schema(request=UndoSerializer, responses=UndoneSerializer)
    def undo(self, request: Request, uid: UUID) -> Response:
        """Undo the last step of a loan

        Its check-out, renewal or return, within a day, by who did it. The loan, its fines, the queue and the copy are
        as if it had not been; the audit keeps both.
        """
        said = self._read(UndoSerializer)
        step = Step(said["step"])
        if not self.caller.has_perm(MAY_STEP[step]):
            raise exceptions.PermissionDenied
        loan = self.get_object()
        done = undo(
            loan_id=loan.pk, step=step, by=self.caller, branch_id=_desk(said, loan.copy), now=timezone.now()
        )  # fmt: skip
        shown = {"loan": done.loan, "cancelled": done.cancelled}
        return Response(UndoneSerializer(shown, context=self.get_serializer_context()).data)

    @extend_schema(request=ReturnSerializer, responses=ReturnedSerializer)
    def return_copy(self, request: Request, uid: UUID) -> Response:
        """Return the copy of a loan

        Of a loan that is over nothing changes: the answer says so.
        """
        said = self._read(ReturnSerializer)
        loan = self.get_object()
        if loan.returned_at is not None:
            over = Refusal(Reason.NOT_ON_LOAN)
            told = {"code": Happening.NOT_ON_LOAN, "message": wording.sentence(over), "data": {}}
            return Response({"loan": self.get_serializer(loan).data, "overdue_days": 0, "happenings": [told]})
        return self._return(loan.copy, said)

    @extend_schema(operation_id="loans_return_by_scan", request=ReturnByScanSerializer, responses=ReturnedSerializer)
    def return_by_scan(self, request: Request) -> Response:
        """Return a copy by its barcode

        Never refuses a known copy, and says everything that happened. A second time does no harm.
        """
        said = self._read(ReturnByScanSerializer)
        return self._return(_copy(said["copy"]), said)

    def _return(self, copy: Copy | None, said: dict[str, Any]) -> Response:
        done = actions.return_copy(
            copy_id=copy.pk if copy else UNKNOWN,
            branch_id=_desk(said, copy),
            returned_at=said.get("returned_at"),
            was_read=said.get("was_read", False),
            was_claim_wrong=said["was_claim_wrong"],
            by=self.caller,
            now=timezone.now(),
        )
        happenings = [
            {"code": told.what, "message": wording.sentence(told), "data": data_as_json(told.data)}
            for told in done.happenings
        ]
        loan = _shown(done.loan) if done.loan else None
        return Response({"loan": loan, "overdue_days": done.overdue_days, "happenings": happenings})

    def _read(self, form_class: type[serializers.Serializer]) -> dict[str, Any]:
        form = form_class(data=self.request.data)
        form.is_valid(raise_exception=True)
        said: dict[str, Any] = form.validated_data
        return said

    def _loan(self, loan: Loan, overridden: Sequence[Refusal], code: int = status.HTTP_200_OK) -> Response:
        if loan.branch_id == loan.copy.branch_id:
            loan.branch = loan.copy.branch
        shown = {**_shown(loan), "overridden": [refusal.reason for refusal in overridden]}
        return Response(shown, status=code)


@cache
def _loan_serializer() -> LoanSerializer:
    """One for all: to put its fields together takes longer than to show a loan."""
    return LoanSerializer()


def _shown(loan: Loan) -> dict[str, Any]:
    shown: dict[str, Any] = _loan_serializer().to_representation(loan)
    return shown


def _copy(text: str) -> Copy | None:
    """The copy of a barcode, inventory number or public id."""
    if uid := _uid(text):
        return Copy.objects.filter(uid=uid).first()
    return copy_by_scan(text)


def _reader(text: str) -> Reader | None:
    """The reader of a card number or public id. Raises Refused (`card_lost`) for a card that was replaced."""
    if uid := _uid(text):
        return Reader.objects.current().filter(uid=uid).first()
    return reader_of_card(text)


def _uid(text: str) -> UUID | None:
    """The text as a public id, if it is one."""
    return UUID(text) if PUBLIC_ID.fullmatch(text) else None


def _desk(said: dict[str, Any], copy: Copy | None) -> int:
    """The branch named, else the copy's own, else any: of an unknown copy only that much is said."""
    if branch := said.get("branch"):
        return int(branch.pk)
    return copy.branch_id if copy else int(Branch.objects.order_by("pk").values_list("pk", flat=True)[0])

"""The API on people: readers, for staff and for themselves, and staff, for administrators."""

from typing import Any
from uuid import UUID

import django_filters
from django.conf import settings
from django.db.models import Prefetch, Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import actions
from accounts.auth_api import PasswordField, validate_new_password
from accounts.models import STAFF_ROLES, Reader, ReaderBlock, Role, User
from accounts.queries import duplicate_candidates, readers_matching, readers_visible_to
from accounts.wording import sentence
from library.core.api import SIGNED_IN, ApiViewSet, NamedField, NameField
from library.core.problems import Conflict
from policies.models import Branch, ReaderCategory

MOST_DUPLICATES = 10
STAFF_ROLE_CHOICES = [(role.value, role.label) for role in Role if role in STAFF_ROLES]


# --- Readers -------------------------------------------------------------------------------------------------------
class BlockSerializer(serializers.ModelSerializer):
    """Why a reader may not borrow, and until when."""

    class Meta:
        model = ReaderBlock
        fields = ["id", "kind", "reason", "starts_on", "ends_on", "lifted_at"]
        read_only_fields = ["kind", "lifted_at"]
        extra_kwargs = {"starts_on": {"required": False}}


class ReaderSerializer(serializers.ModelSerializer):
    """A reader. `note` is null for whoever is no staff."""

    full_name = NameField(max_length=200)
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    category = NamedField(slug_field="code", queryset=ReaderCategory.objects.all(), required=False)
    home_branch = NamedField(slug_field="code", queryset=Branch.objects.all(), required=False)
    user = serializers.SerializerMethodField()
    blocks = serializers.SerializerMethodField()
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True, allow_null=True)

    class Meta:
        model = Reader
        fields = [
            "uid", "card_number", "full_name", "birth_date", "email", "phone", "language", "category", "home_branch",
            "registered_on", "expires_on", "is_card_lost", "note", "user", "blocks",
        ]  # fmt: skip
        read_only_fields = ["card_number", "registered_on", "expires_on", "is_card_lost"]

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_user(self, reader: Reader) -> UUID | None:
        """Public id of the account that this reader signs in with."""
        return reader.user.uid if reader.user else None

    @extend_schema_field(BlockSerializer(many=True))
    def get_blocks(self, reader: Reader) -> Any:
        """Those that are not over."""
        today = timezone.localdate()
        live = [block for block in reader.blocks.all() if block.ends_on is None or block.ends_on >= today]
        return BlockSerializer(live, many=True).data

    def validate_note(self, value: str | None) -> str:
        """No note is an empty one."""
        return value or ""

    def to_representation(self, reader: Reader) -> dict[str, Any]:
        """The reader as this caller may see them."""
        shown: dict[str, Any] = super().to_representation(reader)
        if not self.context["request"].user.has_perm("accounts.view_reader"):
            shown["note"] = None
        return shown


class NewReaderSerializer(ReaderSerializer):
    """A person to be given a card. Left out, the category is the default one, the branch the first."""

    card_number = serializers.CharField(max_length=32, required=False, help_text="The next number unless given.")
    expires_on = serializers.DateField(required=False, help_text="By the category unless given.")
    accept_duplicates = serializers.BooleanField(
        default=False, write_only=True, help_text="They are somebody else, though e-mail, phone or name are known."
    )

    class Meta(ReaderSerializer.Meta):
        fields = [*ReaderSerializer.Meta.fields, "accept_duplicates"]
        read_only_fields = ["registered_on", "is_card_lost"]


class RenewCardSerializer(serializers.Serializer):
    """Until when."""

    expires_on = serializers.DateField(required=False, help_text="By the category, from today, unless given.")


class ReplaceCardSerializer(serializers.Serializer):
    """Which number."""

    card_number = serializers.CharField(max_length=32, required=False, help_text="The next number unless given.")


class ReaderFilter(django_filters.FilterSet):
    """What readers are narrowed by."""

    q = django_filters.CharFilter(
        method="by_text", max_length=200, label=gettext_lazy("Card number, words of the name, phone or e-mail.")
    )
    card_number = django_filters.CharFilter("card_number", "iexact")
    category = django_filters.CharFilter("category__code", label=gettext_lazy("Code of the category."))
    branch = django_filters.CharFilter("home_branch__code", label=gettext_lazy("Code of the home branch."))
    expired = django_filters.BooleanFilter(method="by_expiry", label=gettext_lazy("The card has expired."))

    def by_text(self, readers: QuerySet[Reader], name: str, value: str) -> QuerySet[Reader]:
        """As the search box of the desk."""
        return readers & readers_matching(value)

    def by_expiry(self, readers: QuerySet[Reader], name: str, value: bool) -> QuerySet[Reader]:
        """By today's date."""
        over = Q(expires_on__lt=timezone.localdate())
        return readers.filter(over if value else ~over)


ANNA = OpenApiExample(
    "A new reader",
    {
        "full_name": "Иванова Анна Петровна",
        "birth_date": "1990-05-01",
        "phone": "+7 912 345-67-89",
        "category": "adult",
    },
    request_only=True,
)


class ReaderViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Readers."""

    queryset = Reader.objects.none()
    serializer_class = ReaderSerializer
    filterset_class = ReaderFilter
    orderings = {
        "name": ("folded_name", "pk"),
        "registered_on": ("-registered_on", "-pk"),
        "expires_on": ("expires_on", "pk"),
    }
    needs = {
        "list": SIGNED_IN,
        "retrieve": SIGNED_IN,
        "create": "accounts.add_reader",
        "partial_update": "accounts.change_reader",
        "renew_card": "accounts.change_reader",
        "replace_card": "accounts.change_reader",
        "report_card_lost": "accounts.change_reader",
        "block": "accounts.add_readerblock",
        "lift_block": "accounts.change_readerblock",
    }
    wording = staticmethod(sentence)

    def get_queryset(self) -> QuerySet[Reader]:
        """The readers that the caller may know of."""
        live = Prefetch("blocks", ReaderBlock.objects.filter(lifted_at__isnull=True))
        visible = readers_visible_to(self.caller).select_related("category", "home_branch", "user")
        return visible.prefetch_related(live)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List readers

        Staff get all of them, anybody else oneself.
        """
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show a reader"""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(request=NewReaderSerializer, responses={201: ReaderSerializer}, examples=[ANNA])
    def create(self, request: Request) -> Response:
        """Give a person a library card

        When somebody with the same e-mail, phone, or name and birth date is known, they are shown instead (409
        `possible_duplicates`); repeat with `accept_duplicates` if it is somebody else.
        """
        form = NewReaderSerializer(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        fields = dict(form.validated_data)
        if not fields.pop("accept_duplicates"):
            self._show_duplicates(fields)
        reader = actions.register_reader(**fields, by=self.caller, now=timezone.now())
        return self._answer(reader, status.HTTP_201_CREATED)

    def partial_update(self, request: Request, uid: UUID) -> Response:
        """Correct what is known of a reader"""
        reader = self.get_object()
        form = self.get_serializer(reader, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        actions.update_reader(reader_id=reader.pk, changes=form.validated_data, by=self.caller, now=timezone.now())
        return self._answer(reader)

    @extend_schema(request=RenewCardSerializer, responses=ReaderSerializer)
    def renew_card(self, request: Request, uid: UUID) -> Response:
        """Make a card good for longer"""
        said = self._read(RenewCardSerializer)
        return self._answer(
            actions.renew_card(reader_id=self.get_object().pk, by=self.caller, now=timezone.now(), **said)
        )

    @extend_schema(request=ReplaceCardSerializer, responses=ReaderSerializer)
    def replace_card(self, request: Request, uid: UUID) -> Response:
        """Give a reader another card"""
        said = self._read(ReplaceCardSerializer)
        return self._answer(
            actions.replace_card(reader_id=self.get_object().pk, by=self.caller, now=timezone.now(), **said)
        )

    @extend_schema(request=None, responses=ReaderSerializer)
    def report_card_lost(self, request: Request, uid: UUID) -> Response:
        """Stop a lost card"""
        return self._answer(
            actions.report_card_lost(reader_id=self.get_object().pk, by=self.caller, now=timezone.now())
        )

    @extend_schema(request=BlockSerializer, responses={201: BlockSerializer})
    def block(self, request: Request, uid: UUID) -> Response:
        """Block a reader

        From today unless said, until the last blocked day or until lifted.
        """
        said = self._read(BlockSerializer)
        made = actions.block(reader_id=self.get_object().pk, by=self.caller, now=timezone.now(), **said)
        return Response(BlockSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=BlockSerializer)
    def lift_block(self, request: Request, uid: UUID, block: int) -> Response:
        """Lift a block"""
        found = get_object_or_404(ReaderBlock, reader=self.get_object(), pk=block)
        lifted = actions.lift_block(block_id=found.pk, by=self.caller, now=timezone.now())
        return Response(BlockSerializer(lifted).data)

    def _show_duplicates(self, fields: dict[str, Any]) -> None:
        known = {name: fields[name] for name in ("full_name", "birth_date", "email", "phone") if fields.get(name)}
        found = duplicate_candidates(**known)[:MOST_DUPLICATES]
        same = [
            {"uid": str(reader.uid), "card_number": reader.card_number, "full_name": reader.full_name}
            for reader in found
        ]
        if same:
            raise PossibleDuplicates(same)

    def _read(self, form_class: type[serializers.Serializer]) -> dict[str, Any]:
        form = form_class(data=self.request.data)
        form.is_valid(raise_exception=True)
        said: dict[str, Any] = form.validated_data
        return said

    def _answer(self, reader: Reader, code: int = status.HTTP_200_OK) -> Response:
        fresh = self.get_queryset().get(pk=reader.pk)
        return Response(self.get_serializer(fresh).data, status=code)


class PossibleDuplicates(Conflict):
    """The person may have a card already; `members` are shown in the problem."""

    def __init__(self, duplicates: list[dict[str, str]]) -> None:
        super().__init__(_("This person may have a card already. Look before making another."), "possible_duplicates")
        self.members = {"duplicates": duplicates}


# --- Staff ---------------------------------------------------------------------------------------------------------
class StaffSerializer(serializers.ModelSerializer):
    """Somebody who signs in."""

    class Meta:
        model = User
        fields = ["uid", "email", "full_name", "language", "role", "is_active", "date_joined", "last_login"]


class NewStaffSerializer(serializers.Serializer):
    """Somebody to work here."""

    email = serializers.EmailField(max_length=254)
    full_name = serializers.CharField(max_length=200)
    role = serializers.ChoiceField(STAFF_ROLE_CHOICES, default=Role.LIBRARIAN.value)
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    password = PasswordField(required=False, help_text="Left out: they set one through «forgot password».")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Judge the password as everybody's."""
        if "password" in attrs:
            person = User(email=attrs["email"], full_name=attrs["full_name"])
            validate_new_password(attrs["password"], person, field="password")
        return attrs


class RoleSerializer(serializers.Serializer):
    """What somebody is to the library."""

    role = serializers.ChoiceField(Role.choices)


class StaffFilter(django_filters.FilterSet):
    """What staff are narrowed by."""

    role = django_filters.ChoiceFilter(choices=Role.choices)
    is_active = django_filters.BooleanFilter()
    email = django_filters.CharFilter("email", "iexact")


class StaffViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Staff, and whoever signs in and may become staff."""

    queryset = User.objects.all()
    serializer_class = StaffSerializer
    filterset_class = StaffFilter
    orderings = {"name": ("full_name", "pk"), "date_joined": ("-date_joined", "-pk")}
    needs = {
        "list": "accounts.view_user",
        "retrieve": "accounts.view_user",
        "create": "accounts.add_user",
        "set_role": "accounts.change_user",
        "deactivate": "accounts.change_user",
        "activate": "accounts.change_user",
    }
    wording = staticmethod(sentence)

    def get_queryset(self) -> QuerySet[User]:
        """The list is of staff; a reader who signs in is found by e-mail or public id, to be given a role."""
        users: QuerySet[User] = super().get_queryset()
        is_plain_list = self.action == "list" and not self.request.query_params.keys() & {"email", "role"}
        return users.filter(role__in=STAFF_ROLES) if is_plain_list else users

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List staff

        With `email` or `role`, anybody who signs in.
        """
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show somebody who signs in"""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(request=NewStaffSerializer, responses={201: StaffSerializer})
    def create(self, request: Request) -> Response:
        """Make a librarian or administrator"""
        form = NewStaffSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        made = actions.create_staff(**({"password": None} | form.validated_data), by=self.caller, now=timezone.now())
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=RoleSerializer, responses=StaffSerializer)
    def set_role(self, request: Request, uid: UUID) -> Response:
        """Give somebody another role

        The last administrator stays one (409 `last_admin`).
        """
        form = RoleSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = actions.set_role(
            user_id=self.get_object().pk, role=form.validated_data["role"], by=self.caller, now=timezone.now()
        )
        return Response(self.get_serializer(user).data)

    @extend_schema(request=None, responses=StaffSerializer)
    def deactivate(self, request: Request, uid: UUID) -> Response:
        """Close somebody's account

        Their tokens and sessions are dead at once.
        """
        user = actions.deactivate(user_id=self.get_object().pk, by=self.caller, now=timezone.now())
        return Response(self.get_serializer(user).data)

    @extend_schema(request=None, responses=StaffSerializer)
    def activate(self, request: Request, uid: UUID) -> Response:
        """Open a closed account again"""
        user = actions.activate(user_id=self.get_object().pk, by=self.caller, now=timezone.now())
        return Response(self.get_serializer(user).data)

"""The API on signing in: register, tokens, oneself. Passwords and tokens go over no other address.

No answer, and no time it takes, tells whether an account exists. Attempts are counted for each network address and,
more narrowly, for each address and account together: nobody can lock somebody else out.
"""

from functools import partial
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.core.context import request_context
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import update_last_login
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.fields import get_error_detail
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.authentication import JWTAuthentication

from accounts import actions, tokens
from accounts.models import Reader, Role, User
from accounts.queries import reader_of
from library.core.api import ANYONE, SIGNED_IN, ApiView, Limit, NamedField
from library.core.errors import Invalid
from policies.models import Branch

LONGEST_PASSWORD = 1024
MINUTE, HOUR = 60, 3600


class PasswordField(serializers.CharField):
    """A password: never trimmed, never shown."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=LONGEST_PASSWORD,
            trim_whitespace=False,
            write_only=True,
            style={"input_type": "password"},
            **kwargs,
        )


class RegistrationSerializer(serializers.Serializer):
    """What a stranger tells to get an account and a reader's card."""

    email = serializers.EmailField(max_length=254)
    password = PasswordField()
    full_name = serializers.CharField(max_length=200)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)
    birth_date = serializers.DateField(required=False, allow_null=True)
    home_branch = NamedField(slug_field="code", queryset=Branch.objects.all(), required=False)
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Judge the password as the sign-up page does."""
        person = User(email=attrs["email"], full_name=attrs["full_name"])
        validate_new_password(attrs["password"], person, field="password")
        return attrs


class RegisteredSerializer(serializers.Serializer):
    """The answer to a registration, whoever had an account already."""

    detail = serializers.CharField()


class CredentialsSerializer(serializers.Serializer):
    """E-mail and password."""

    email = serializers.EmailField(max_length=254)
    password = PasswordField()


class RefreshSerializer(serializers.Serializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=2000)


class TokensSerializer(serializers.Serializer):
    """A pair of tokens. Send the access token as `Authorization: Bearer …`."""

    access = serializers.CharField()
    refresh = serializers.CharField(help_text="Good for one use.")
    expires_in = serializers.IntegerField(help_text="Seconds of the access token.")


class NewPasswordSerializer(serializers.Serializer):
    """The password in use and the one to come."""

    current_password = PasswordField()
    new_password = PasswordField()


class OwnCardSerializer(serializers.ModelSerializer):
    """The library card of whoever is signed in."""

    category = serializers.CharField(source="category.name")
    home_branch = serializers.CharField(source="home_branch.code")

    class Meta:
        model = Reader
        fields = ["uid", "card_number", "full_name", "phone", "category", "home_branch", "registered_on", "expires_on"]


class MeSerializer(serializers.Serializer):
    """Who is signed in; `reader` is null without a library card."""

    uid = serializers.UUIDField()
    email = serializers.EmailField()
    full_name = serializers.CharField()
    language = serializers.ChoiceField(settings.LANGUAGES)
    role = serializers.ChoiceField(Role.choices)
    reader = OwnCardSerializer(allow_null=True)


class OwnDataSerializer(serializers.Serializer):
    """What people change about themselves; the name on the card is changed at the desk."""

    phone = serializers.CharField(max_length=40, allow_blank=True, required=False)
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    home_branch = NamedField(slug_field="code", queryset=Branch.objects.all(), required=False)


def validate_new_password(password: str, user: User, *, field: str) -> None:
    """Run Django's password validators; their complaints become errors of `field`."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise serializers.ValidationError({field: get_error_detail(error)}) from error


class PerAccount(Limit):
    """Counts one network address trying one account."""

    def ident(self, request: Request) -> str:
        """The address together with the e-mail given."""
        said = request.data if isinstance(request.data, dict) else {}
        return f"{self.get_ident(request)}\n{str(said.get('email', '')).strip().lower()}"


class SignInsPerAddress(Limit):
    """Failed sign-ins from one address, on whatever accounts: a school has many pupils behind one."""

    name, calls, seconds = "sign-in-address", 100, 10 * MINUTE


class SignInsPerAccount(PerAccount):
    """Failed sign-ins to one account from one address."""

    name, calls, seconds = "sign-in-account", 10, 5 * MINUTE


class RegistrationsPerAddress(Limit):
    """Registrations from one address."""

    name, calls, seconds = "register-address", 30, HOUR


class RegistrationsPerAccount(PerAccount):
    """Registrations of one e-mail from one address: each may send a letter."""

    name, calls, seconds = "register-account", 5, HOUR


class RefreshesPerAddress(Limit):
    """Refreshed tokens from one address; an honest client refreshes twice an hour."""

    name, calls, seconds = "refresh-address", 600, 10 * MINUTE


class PasswordsPerUser(Limit):
    """Attempts to change a password with a stolen token."""

    name, calls, seconds = "password-user", 10, 10 * MINUTE

    def ident(self, request: Request) -> str | None:
        """Whoever is signed in."""
        return str(request.user.pk) if request.user.is_authenticated else None


class Unsigned(ApiView):
    """Takes no notice of access tokens: whoever signs in may well send one that has expired."""

    authentication_classes = []
    needs = {"post": ANYONE}

    def get_authenticate_header(self, request: Request) -> str:
        """How to sign in, for refusals with 401."""
        return JWTAuthentication().authenticate_header(request)


class SecretAnswers:
    """Answers that carry tokens are stored for repetition without their signatures."""

    seal = staticmethod(tokens.sealed)
    unseal = staticmethod(tokens.unsealed)


class RegisterView(Unsigned):
    """Registration."""

    throttle_classes = [RegistrationsPerAddress, RegistrationsPerAccount]
    serializer_class = RegistrationSerializer

    @extend_schema(
        responses={202: OpenApiResponse(RegisteredSerializer, "Taken down.")},
        examples=[
            OpenApiExample(
                "Anna registers",
                {
                    "email": "anna@example.org",
                    "password": "correct horse battery",
                    "full_name": "Анна Иванова",
                    "phone": "+7 912 345-67-89",
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Register as a reader

        Makes an account and a library card; sign in afterwards. The answer is the same when the e-mail has an account
        already: then its owner gets a letter, and nothing is changed.
        """
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = {"language": get_language() or "", **form.validated_data}
        email = data["email"].strip().lower()
        try:
            actions.sign_up(**data, now=timezone.now())
        except Invalid as error:
            if "email" not in error.errors:
                raise
            transaction.on_commit(partial(_tell_owner, email, request))
        else:
            transaction.on_commit(partial(_ask_to_confirm, email, request))
        detail = _("Thank you. We have sent a letter to this address: do as it says, then sign in.")
        return Response({"detail": detail}, status=status.HTTP_202_ACCEPTED)


def _tell_owner(email: str, request: Request) -> None:
    with request_context(request._request):
        get_adapter().send_account_already_exists_mail(email)


def _ask_to_confirm(email: str, request: Request) -> None:
    with request_context(request._request):
        EmailAddress.objects.get(email=email).send_confirmation(request._request, signup=True)


class LoginView(SecretAnswers, Unsigned):
    """Signing in."""

    throttle_classes = [SignInsPerAddress, SignInsPerAccount]
    serializer_class = CredentialsSerializer

    @extend_schema(responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        """Sign in with e-mail and password

        Gives an access token for 30 minutes and a refresh token. Failures count towards a limit for this network
        address and account.
        """
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = authenticate(request._request, **form.validated_data)
        if not isinstance(user, User):
            raise exceptions.AuthenticationFailed(_("E-mail or password is wrong."), code="sign_in_failed")
        self.forgive()
        if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not _is_confirmed(user):
            raise exceptions.PermissionDenied(
                _("Confirm your e-mail first: follow the link in our letter."), "unconfirmed"
            )
        update_last_login(User, user)
        return Response(tokens.issue(user))


def _is_confirmed(user: User) -> bool:
    return bool(EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists())


class RefreshView(SecretAnswers, Unsigned):
    """Going on."""

    throttle_classes = [RefreshesPerAddress]
    serializer_class = RefreshSerializer

    @extend_schema(responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        """Change a refresh token for a new pair

        The old one is used up. With an `Idempotency-Key` an answer lost on the way can be asked for again.
        """
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(tokens.rotate(form.validated_data["refresh"]))


class LogoutView(Unsigned):
    """Signing out."""

    throttle_classes = [RefreshesPerAddress]
    serializer_class = RefreshSerializer

    @extend_schema(responses={204: None})
    def post(self, request: Request) -> Response:
        """Sign out

        The refresh token is worthless from now on; the access token dies within 30 minutes.
        """
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        tokens.revoke(form.validated_data["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(ApiView):
    """Oneself."""

    needs = {"get": SIGNED_IN, "patch": SIGNED_IN}
    serializer_class = MeSerializer

    def get(self, request: Request) -> Response:
        """Who am I?"""
        return Response(self._me(self.caller))

    @extend_schema(request=OwnDataSerializer, responses=MeSerializer)
    def patch(self, request: Request) -> Response:
        """Change my phone, language or branch"""
        form = OwnDataSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        reader = reader_of(self.caller)
        kept = {"phone": reader.phone if reader else "", "language": self.caller.language, "home_branch": None}
        user = actions.update_own_data(
            user_id=self.caller.pk, by=self.caller, now=timezone.now(), **(kept | form.validated_data)
        )
        return Response(self._me(user))

    def _me(self, user: User) -> Any:
        fields = ("uid", "email", "full_name", "language", "role")
        return self.get_serializer({**{name: getattr(user, name) for name in fields}, "reader": reader_of(user)}).data


class CardView(ApiView):
    """Something about the caller as a reader; 404 for those who have no card."""

    needs_card = True

    def own(self) -> Reader:
        """The caller's card."""
        reader = reader_of(self.caller)
        if reader is None:
            raise Http404
        return reader


class PasswordView(SecretAnswers, ApiView):
    """The password."""

    needs = {"post": SIGNED_IN}
    throttle_classes = [PasswordsPerUser]
    serializer_class = NewPasswordSerializer

    @extend_schema(responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        """Change my password

        Signs out everywhere: every token and session of before is dead. Go on with the pair in the answer.
        """
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        user: User = self.caller
        if not user.check_password(form.validated_data["current_password"]):
            raise serializers.ValidationError({"current_password": [_("This is not your password.")]})
        new = form.validated_data["new_password"]
        validate_new_password(new, user, field="new_password")
        user = actions.change_password(user_id=user.pk, password=new, by=user, now=timezone.now())
        self.forgive()
        return Response(tokens.issue(user))

"""Forms of the sign-up and account pages."""

from typing import Any

from allauth.account import forms as allauth_forms
from django import forms
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from accounts import actions, queries
from accounts.models import Reader, Role, User
from policies.models import Branch, ReaderCategory


class DayInput(forms.DateInput):
    """The browser's own choice of a day."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class Plain:
    """Takes allauth's placeholders away: they repeat the label and vanish when one types."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class SignInForm(Plain, allauth_forms.LoginForm):
    """E-mail and password."""


class AddEmailForm(Plain, allauth_forms.AddEmailForm):
    """A new e-mail."""


class ChangePasswordForm(Plain, allauth_forms.ChangePasswordForm):
    """The old password and a new one."""


class SetPasswordForm(Plain, allauth_forms.SetPasswordForm):
    """A first password."""


class ResetPasswordForm(Plain, allauth_forms.ResetPasswordForm):
    """Whose password is forgotten."""


class ResetPasswordKeyForm(Plain, allauth_forms.ResetPasswordKeyForm):
    """A new password instead of the forgotten one."""


class ReauthenticateForm(Plain, allauth_forms.ReauthenticateForm):
    """The password once more."""


class SignUpForm(Plain, allauth_forms.SignupForm):
    """What a new reader tells: name, e-mail, password, and, if they like, phone, birth date and branch."""

    full_name = forms.CharField(
        label=_("Full name"),
        max_length=200,
        help_text=_("As in your passport: surname, first name, patronymic."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )
    birth_date = forms.DateField(
        label=_("Birth date"),
        required=False,
        help_text=_("Some books have an age limit."),
        widget=DayInput({"autocomplete": "bday"}),
    )
    home_branch = forms.ModelChoiceField(label=_("Your branch"), queryset=Branch.objects.all(), empty_label=None)
    consent = forms.BooleanField(
        label=_("I agree that the library keeps and uses this data to lend me books."),
        error_messages={"required": _("Without your consent we cannot make a card.")},
    )

    field_order = ["full_name", "email", "password1", "home_branch", "phone", "birth_date", "consent"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = _("At least 8 characters, and not too common.")
        self.fields["home_branch"].initial = Branch.objects.order_by("pk").first()

    def clean_birth_date(self) -> Any:
        """A birth date lies in the past, and not before anybody alive was born."""
        born = self.cleaned_data["birth_date"]
        if born and not 0 <= (timezone.localdate() - born).days <= 130 * 366:
            raise forms.ValidationError(_("Check the birth date."))
        return born

    def save(self, request: HttpRequest) -> User:
        """Make the user and the reader's card in one commit."""
        data = self.cleaned_data
        return actions.sign_up(
            email=data["email"],
            password=data["password1"],
            full_name=data["full_name"],
            phone=data["phone"],
            birth_date=data["birth_date"],
            home_branch=data["home_branch"],
            language=translation.get_language() or "",
            now=timezone.now(),
        )


class OwnDataForm(forms.Form):
    """What people may change about themselves; staff without a card choose the language only."""

    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )
    home_branch = forms.ModelChoiceField(label=_("Your branch"), queryset=Branch.objects.all(), empty_label=None)
    language = forms.ChoiceField(label=_("Language of letters"), choices=settings.LANGUAGES)

    def __init__(self, data: Any = None, *, user: User, reader: Reader | None) -> None:
        initial: dict[str, Any] = {"language": user.language}
        if reader:
            initial |= {"phone": reader.phone, "home_branch": reader.home_branch_id}
        super().__init__(data, initial=initial)
        self.user = user
        if not reader:
            del self.fields["phone"], self.fields["home_branch"]

    def save(self) -> None:
        """Write the changes."""
        actions.update_own_data(
            user_id=self.user.pk,
            phone=self.cleaned_data.get("phone", ""),
            language=self.cleaned_data["language"],
            home_branch=self.cleaned_data.get("home_branch"),
            by=self.user,
            now=timezone.now(),
        )


class DuplicatesForm(forms.ModelForm):
    """A reader's form that stops once when somebody like this is known already."""

    save_anyway = forms.BooleanField(label=_("This is another person: save anyway"), required=False)
    twins: list[Reader]
    """Readers who may be the same person, found by `clean`; the page shows them with links."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        self.twins = []
        if not data.get("save_anyway"):
            self.twins = list(
                queries.duplicate_candidates(
                    full_name=data.get("full_name", ""),
                    birth_date=data.get("birth_date"),
                    email=data.get("email", ""),
                    phone=data.get("phone", ""),
                )[:5]
            )
        if self.twins:
            raise forms.ValidationError(_("Is it one of these readers? If not, tick “save anyway”."), code="duplicate")
        return data


class NewReaderForm(DuplicatesForm):
    """Registration at the desk; what is left empty is filled in by the action."""

    class Meta:
        model = Reader
        fields = (
            "full_name",
            "birth_date",
            "phone",
            "email",
            "language",
            "category",
            "home_branch",
            "card_number",
            "expires_on",
            "note",
        )

    card_number = forms.CharField(
        label=_("Card number"), max_length=32, required=False, help_text=_("Empty: the next number is given.")
    )
    expires_on = forms.DateField(
        label=_("Card valid until"),
        required=False,
        help_text=_("Empty: as long as the category says."),
        widget=DayInput,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("category", ReaderCategory.objects.filter(is_default=True).first())
        self.initial.setdefault("home_branch", Branch.objects.order_by("pk").first())

    def clean_card_number(self) -> str:
        """A number typed must be free."""
        number: str = self.cleaned_data["card_number"].strip()
        if number and queries.is_card_number_taken(number):
            raise forms.ValidationError(_("There is a reader with this card number already."))
        return number

    def _post_clean(self) -> None:
        """The action builds and checks the reader; the half-filled instance of this form is not one."""


class ReaderForm(forms.ModelForm):
    """What may be changed about a reader by hand; the card itself is changed by the buttons above."""

    class Meta:
        model = Reader
        fields = ("full_name", "birth_date", "phone", "email", "language", "category", "home_branch", "note")


class CardForm(forms.Form):
    """Another card for a reader."""

    card_number = forms.CharField(
        label=_("Card number"),
        max_length=32,
        required=False,
        help_text=_("Scan the new card. Empty: the next number is given."),
    )


class BlockForm(forms.Form):
    """Why a reader may not borrow, and until when."""

    reason = forms.CharField(label=_("Reason"), max_length=300)
    ends_on = forms.DateField(
        label=_("Until"),
        required=False,
        help_text=_("The last blocked day. Empty: until lifted."),
        widget=DayInput,
    )


class NewUserForm(forms.ModelForm):
    """A new user; without a password they choose one by “Forgot your password?”."""

    class Meta:
        model = User
        fields = ("full_name", "email", "role", "language")

    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Empty: they choose one themselves through “Forgot your password?” on the sign-in page."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("role", Role.LIBRARIAN)

    def clean_email(self) -> str:
        """Addresses are kept in small letters."""
        return str(self.cleaned_data["email"]).strip().lower()

    def clean_password(self) -> str:
        """A password given must be a good one."""
        password = str(self.cleaned_data["password"])
        if password:
            validate_password(password, self.instance)
        return password


class UserForm(forms.ModelForm):
    """A user's name, address and rights."""

    class Meta:
        model = User
        fields = ("full_name", "email", "language", "role", "groups", "is_active")
        widgets = {"groups": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "groups" in self.fields:
            groups = Group.objects.exclude(name__in=Role.values)
            self.fields["groups"] = forms.ModelMultipleChoiceField(
                label=_("Further groups"),
                queryset=groups,
                required=False,
                widget=forms.CheckboxSelectMultiple,
                help_text=_("Beside the group of the role."),
            )
            self.initial["groups"] = list(groups.filter(user=self.instance))

    def clean_email(self) -> str:
        """Addresses are kept in small letters."""
        return str(self.cleaned_data["email"]).strip().lower()

"""The panel's pages for readers, their blocks, users and roles."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts import actions, wording
from accounts.card_printing import PrintsCards
from accounts.forms import BlockForm, CardForm, DayInput, NewReaderForm, NewUserForm, ReaderForm, UserForm
from accounts.models import MOST_WRITTEN_TO, STAFF_ROLES, Reader, ReaderBlock, Role, User
from accounts.queries import duplicate_candidates, readers_matching
from library.core import audit
from library.core.admin import ReadOnlyAdmin
from library.core.errors import Invalid, Refused
from library.core.templatetags.design import status

MOST_MERGED = 10
"""Readers that one merge takes together."""


class CardFilter(admin.SimpleListFilter):
    """How a reader's card stands today."""

    title = gettext_lazy("card")
    parameter_name = "card"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("valid", _("valid")),
            ("soon", _("expires within 30 days")),
            ("expired", _("expired")),
            ("lost", _("lost")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reader]) -> QuerySet[Reader]:
        today = timezone.localdate()
        match self.value():
            case "valid":
                return queryset.filter(expires_on__gte=today, is_card_lost=False)
            case "soon":
                return queryset.filter(expires_on__range=(today, today + timedelta(days=30)))
            case "expired":
                return queryset.filter(expires_on__lt=today)
            case "lost":
                return queryset.filter(is_card_lost=True)
        return queryset


class BlockedFilter(admin.SimpleListFilter):
    """Readers who may not borrow today."""

    title = gettext_lazy("blocked")
    parameter_name = "blocked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("yes")), ("no", _("no"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reader]) -> QuerySet[Reader]:
        match self.value():
            case "yes":
                return queryset.filter(Exists(active_blocks().filter(reader=OuterRef("pk"))))
            case "no":
                return queryset.exclude(Exists(active_blocks().filter(reader=OuterRef("pk"))))
        return queryset


class LoansFilter(admin.SimpleListFilter):
    """Readers by what they have at home."""

    title = gettext_lazy("loans")
    parameter_name = "loans"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", _("has books at home")), ("overdue", _("has overdue books"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reader]) -> QuerySet[Reader]:
        match self.value():
            case "open":
                return queryset.filter(loans__returned_at=None, loans__isnull=False).distinct()
            case "overdue":
                return queryset.filter(loans__returned_at=None, loans__due_at__lt=timezone.now()).distinct()
        return queryset


def active_blocks() -> QuerySet[ReaderBlock]:
    """The blocks that hold today."""
    today = timezone.localdate()
    return ReaderBlock.objects.filter(
        Q(ends_on=None) | Q(ends_on__gte=today), lifted_at=None, starts_on__lte=today
    ).order_by("starts_on", "pk")


@admin.register(Reader)
class ReaderAdmin(PrintsCards, admin.ModelAdmin):
    """Readers and their cards: registered with a look at likely duplicates, changed by actions."""

    form = ReaderForm
    add_form_template = "admin/accounts/reader/add_form.html"
    change_form_template = "admin/accounts/reader/change_form.html"
    list_display = ("full_name", "number", "standing", "at_home", "phone", "expires_on")
    list_filter = (
        CardFilter,
        BlockedFilter,
        LoansFilter,
        "category",
        "home_branch",
        ("registered_on", admin.DateFieldListFilter),
    )
    list_per_page = 50
    actions = ("print_cards", "write_message", "merge")
    search_fields = ("folded_name",)
    search_help_text = gettext_lazy("Name, card, phone or e-mail")
    show_full_result_count = False
    formfield_overrides = {models.DateField: {"widget": DayInput}}

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No deleting by the dozen: a reader is removed on their own page, if at all."""
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reader]:
        readers: QuerySet[Reader] = super().get_queryset(request)
        return readers.filter(merged_into=None, erased_at=None).annotate(
            is_blocked=Exists(active_blocks().filter(reader=OuterRef("pk"))),
            open_loans=Count("loans", filter=Q(loans__returned_at=None), distinct=True),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Reader], search_term: str
    ) -> tuple[QuerySet[Reader], bool]:
        """By name in any order of words, card, phone or e-mail."""
        if not search_term.strip():
            return queryset, False
        return queryset.filter(pk__in=readers_matching(search_term).values("pk")), False

    def has_merge_permission(self, request: HttpRequest) -> bool:
        """Merging readers is a right of its own."""
        return request.user.has_perm("readership.add_readermerge")

    @admin.action(description=gettext_lazy("Compare and merge"), permissions=["merge"])
    def merge(self, request: HttpRequest, queryset: QuerySet[Reader]) -> HttpResponse | None:
        """On to the page that shows them side by side."""
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST_MERGED + 1])
        if not 2 <= len(keys) <= MOST_MERGED:
            messages.error(request, _("Choose from 2 to %(most)d of them.") % {"most": MOST_MERGED})
            return None
        return redirect(f"{reverse('admin:readership_merge')}?{urlencode({'id': keys}, doseq=True)}")

    def has_message_permission(self, request: HttpRequest) -> bool:
        """Writing to readers is a right of its own."""
        return request.user.has_perm("notifications.send_messages")

    @admin.action(description=gettext_lazy("Write a message"), permissions=["message"])
    def write_message(self, request: HttpRequest, queryset: QuerySet[Reader]) -> HttpResponse | None:
        """On to the page where it is written."""
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST_WRITTEN_TO + 1])
        if len(keys) > MOST_WRITTEN_TO:
            messages.error(request, _("Choose from 1 to %(most)d readers.") % {"most": MOST_WRITTEN_TO})
            return None
        request.session["message_readers"] = keys
        return redirect("admin:notifications_message")

    @admin.display(description=gettext_lazy("card number"), ordering="card_number")
    def number(self, reader: Reader) -> str:
        """The card number."""
        return reader.card_number

    @admin.display(description=gettext_lazy("standing"))
    def standing(self, reader: Reader) -> SafeString:
        """In one sign, whether this reader may borrow."""
        if reader.is_card_lost:
            return status("bad", _("card lost"), "card")
        if reader.is_blocked:  # type: ignore[attr-defined]  # annotated above
            return status("bad", _("blocked"), "block")
        if reader.expires_on < timezone.localdate():
            return status("warn", _("expired"))
        return status("good", _("in order"))

    @admin.display(description=gettext_lazy("at home"), ordering="open_loans")
    def at_home(self, reader: Reader) -> int:
        """How many copies the reader has."""
        return reader.open_loans  # type: ignore[attr-defined, no-any-return]  # annotated above

    def get_form(self, request: HttpRequest, obj: Reader | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewReaderForm
        form = super().get_form(request, obj, change=change, **kwargs)
        for name in ("category", "home_branch"):
            if name in form.base_fields:
                form.base_fields[name].widget = form.base_fields[name].widget.widget
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Reader | None = None) -> Any:
        person = {"fields": ["full_name", "birth_date", ("phone", "email"), "language"]}
        if obj is not None:
            person["fields"].append("postal_address")
        if obj is None:
            card = ["category", "home_branch", ("card_number", "expires_on")]
        else:
            card = ["category", "home_branch", "registered_on", "user"]
        return [(None, person), (_("Card"), {"fields": card}), (_("For colleagues only"), {"fields": ["note"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Reader | None = None) -> tuple[str, ...]:
        return ("registered_on", "user") if obj else ()

    def save_model(self, request: HttpRequest, obj: Reader, form: forms.ModelForm, change: bool) -> None:
        """Register by the action; a change writes what was changed, with its audit entry."""
        if change:
            fields = [name for name in form.changed_data if name in form.fields]
            obj.save(update_fields=fields)
            audit.record(
                action="accounts.change_reader",
                subject=obj,
                by=request.user,
                now=timezone.now(),
                detail={"fields": fields},
            )
            return
        data = form.cleaned_data
        made = actions.register_reader(
            **{name: data[name] for name in NewReaderForm.Meta.fields},
            by=_staff(request),
            now=timezone.now(),
        )
        obj.__dict__.update(made.__dict__)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        extra = dict(extra_context or {})
        if object_id and (reader := self.get_object(request, object_id)):
            extra |= self._card_context(reader)
        elif object_id and object_id.isdecimal() and len(object_id) <= 18:
            former = Reader.objects.filter(pk=object_id).values_list("merged_into", flat=True).first()
            if former:
                return redirect("admin:accounts_reader_change", former)
        return _telling_refusals(super().changeform_view, request, object_id, form_url, extra)

    def _card_context(self, reader: Reader) -> dict[str, Any]:
        """What the page shows above the form: the card, its blocks, the books at home, likely duplicates."""
        return {
            "standing": self.standing(reader),
            "is_expired": reader.expires_on < timezone.localdate(),
            "blocks": active_blocks().filter(reader=reader).select_related("created_by"),
            "former_cards": reader.former_cards.select_related("ended_by"),
            "past_blocks": reader.blocks.exclude(pk__in=active_blocks().values("pk")).count(),
            "block_form": BlockForm(),
            "card_form": CardForm(),
            "loans": reader.loans.filter(returned_at=None).select_related("copy__book").order_by("due_at"),
            "now": timezone.now(),
            "balance": reader.entries.aggregate(sum=Sum("effect"))["sum"],
            "twins": duplicate_candidates(
                full_name=reader.full_name,
                birth_date=reader.birth_date,
                email=reader.email,
                phone=reader.phone,
                except_id=reader.pk,
            )[:5],
        }

    def get_urls(self) -> list[URLPattern]:
        def deed(name: str, view: Callable[..., HttpResponse]) -> URLPattern:
            return path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"accounts_reader_{name.replace('-', '_')}",
            )

        return [
            deed("renew-card", self.renew_card_view),
            deed("replace-card", self.replace_card_view),
            deed("card-lost", self.card_lost_view),
            deed("block", self.block_view),
            deed("lift-block", self.lift_block_view),
            *super().get_urls(),
        ]

    def renew_card_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Extend the card by its category's months."""
        self._changeable(request, pk)
        reader = actions.renew_card(reader_id=pk, by=_staff(request), now=timezone.now())
        day = reader.expires_on.strftime("%d.%m.%Y")
        messages.success(request, _("The card is valid until %(day)s.") % {"day": day})
        if request.POST.get("next") == "desk":
            return redirect("desk_reader", reader.uid)
        return self._back(pk)

    def replace_card_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give the next card number, or the one typed."""
        self._changeable(request, pk)
        form = CardForm(request.POST)
        if not form.is_valid():
            return self._explain(request, form, pk)
        try:
            reader = actions.replace_card(reader_id=pk, **form.cleaned_data, by=_staff(request), now=timezone.now())
        except Invalid as error:
            _tell(request, error)
        else:
            messages.success(request, _("The new card number is %(number)s.") % {"number": reader.card_number})
        return self._back(pk)

    def card_lost_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop the card until it is replaced."""
        self._changeable(request, pk)
        actions.report_card_lost(reader_id=pk, by=_staff(request), now=timezone.now())
        messages.success(request, _("The card is reported lost; nobody borrows with it now."))
        return self._back(pk)

    def block_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Block the reader, with a reason."""
        reader = self._changeable(request, pk)
        if not request.user.has_perm("accounts.add_readerblock"):
            raise PermissionDenied
        form = BlockForm(request.POST)
        if not form.is_valid():
            return self._explain(request, form, pk)
        try:
            actions.block(reader_id=reader.pk, **form.cleaned_data, by=_staff(request), now=timezone.now())
        except Invalid as error:
            _tell(request, error)
        else:
            messages.success(request, _("%(name)s is blocked.") % {"name": reader.full_name})
        return self._back(pk)

    def lift_block_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End one of the reader's blocks."""
        reader = self._changeable(request, pk)
        if not request.user.has_perm("accounts.change_readerblock"):
            raise PermissionDenied
        number = request.POST.get("block", "")
        block = get_object_or_404(reader.blocks, pk=number if number.isdecimal() and len(number) <= 18 else None)
        actions.lift_block(block_id=block.pk, by=_staff(request), now=timezone.now())
        messages.success(request, _("The block is lifted."))
        return self._back(pk)

    def _changeable(self, request: HttpRequest, pk: int) -> Reader:
        reader = get_object_or_404(Reader, pk=pk)
        if not self.has_change_permission(request, reader):
            raise PermissionDenied
        return reader

    def _explain(self, request: HttpRequest, form: forms.Form, pk: int) -> HttpResponse:
        for errors in form.errors.values():
            messages.error(request, " ".join(map(str, errors)))
        return self._back(pk)

    def _back(self, pk: int) -> HttpResponse:
        return redirect("admin:accounts_reader_change", pk)


@admin.register(ReaderBlock)
class ReaderBlockAdmin(ReadOnlyAdmin):
    """All blocks, past and present; made and lifted on the reader's page."""

    list_display = ("reader", "reason", "kind", "starts_on", "ends_on", "lifted_at", "created_by")
    list_filter = ("kind", ("lifted_at", admin.EmptyFieldListFilter), ("starts_on", admin.DateFieldListFilter))
    list_select_related = ("reader", "created_by")
    search_fields = ("reader__folded_name", "reader__card_number", "reason")
    show_full_result_count = False


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    """Those who sign in. Passwords are neither shown nor set here; a user is closed, never deleted."""

    form = UserForm
    list_display = ("full_name", "email", "role_sign", "sign_in", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("full_name", "email")
    search_help_text = gettext_lazy("Name or e-mail")
    show_full_result_count = False
    readonly_fields = ("last_login", "date_joined")

    @admin.display(description=gettext_lazy("role"), ordering="role")
    def role_sign(self, user: User) -> SafeString:
        """The role as a sign."""
        return status("info" if user.role in STAFF_ROLES else "quiet", user.get_role_display(), "user")

    @admin.display(description=gettext_lazy("sign-in"), ordering="is_active")
    def sign_in(self, user: User) -> SafeString:
        """Whether the user may sign in."""
        return status("good", _("open")) if user.is_active else status("bad", _("closed"), "lock")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewUserForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["full_name", "email", "role", "language", "password"]})]
        more = Group.objects.exclude(name__in=Role.values).exists()
        rights = ["role", "groups", "is_active"] if more else ["role", "is_active"]
        return [
            (None, {"fields": ["full_name", "email", "language"]}),
            (_("Rights"), {"fields": rights}),
            (_("History"), {"fields": ["last_login", "date_joined"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return self.readonly_fields if obj else ()

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        """By the actions, each of which leaves its audit entry."""
        data, by, now = form.cleaned_data, _staff(request), timezone.now()
        if not change:
            made = actions.create_user(
                email=data["email"],
                full_name=data["full_name"],
                password=data["password"] or None,
                role=data["role"],
                language=data["language"],
                is_email_verified=True,
                by=by,
                now=now,
            )
            obj.__dict__.update(made.__dict__)
            return
        actions.set_role(user_id=obj.pk, role=data["role"], by=by, now=now)
        (actions.activate if data["is_active"] else actions.deactivate)(user_id=obj.pk, by=by, now=now)
        if {"full_name", "email", "language", "groups"} & set(form.changed_data):
            actions.update_user(
                user_id=obj.pk,
                full_name=data["full_name"],
                email=data["email"],
                language=data["language"],
                groups=data.get("groups", obj.groups.all()),
                by=by,
                now=now,
            )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Groups are set by the action together with the role's own."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        return _telling_refusals(super().changeform_view, request, object_id, form_url, extra_context)


class PermissionsField(forms.ModelMultipleChoiceField):
    """Permissions in the words of the panel instead of Django's English ones."""

    VERBS = {
        "view": gettext_lazy("see"),
        "add": gettext_lazy("add"),
        "change": gettext_lazy("change"),
        "delete": gettext_lazy("delete"),
    }

    def label_from_instance(self, obj: Permission) -> str:
        model = obj.content_type.model_class()
        name = model._meta.verbose_name_plural if model else obj.content_type.model
        verb, _sep, rest = obj.codename.partition("_")
        known = verb in self.VERBS and rest == obj.content_type.model
        return f"{str(name).capitalize()}: {self.VERBS[verb] if known else _(obj.name)}"


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(DjangoGroupAdmin):
    """Roles and further groups: what their members may do."""

    APPS = (
        "accounts",
        "cashdesk",
        "catalog",
        "circulation",
        "core",
        "django_celery_beat",
        "lookup",
        "notifications",
        "policies",
        "readership",
    )
    """Whose permissions mean something on the panel and in the API."""

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any) -> Any:
        if db_field.name == "permissions":
            kwargs["queryset"] = (
                Permission.objects.filter(content_type__app_label__in=self.APPS)
                .select_related("content_type")
                .order_by("content_type__app_label", "content_type__model", "codename")
            )
            kwargs["form_class"] = PermissionsField
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """The group of a role stays as long as the role does."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.name not in Role.values)


def _staff(request: HttpRequest) -> User:
    """The member of staff behind the panel's own check."""
    assert isinstance(request.user, User)
    return request.user


def _tell(request: HttpRequest, error: Invalid) -> None:
    for sentences in error.errors.values():
        messages.error(request, " ".join(map(str, sentences)))


def _telling_refusals(view: Callable[..., Any], request: HttpRequest, object_id: str | None, *args: Any) -> Any:
    """Run Django's form view; what an action refuses is said on the page, and nothing is saved."""
    try:
        return view(request, object_id, *args)
    except Refused as error:
        for refusal in error.refusals:
            messages.error(request, wording.sentence(refusal))
    except Invalid as error:
        _tell(request, error)
    return redirect(request.get_full_path())

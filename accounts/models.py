"""People: users sign in, readers hold a library card; most readers of a town library never sign in."""

import uuid
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from library.core.text import fold
from policies.models import Branch, ReaderCategory


class Role(models.TextChoices):
    """What a user is to the library; each is a Django group of the same name, whose permissions can be tuned."""

    READER = "reader", _("reader")
    LIBRARIAN = "librarian", _("librarian")
    ADMIN = "admin", _("administrator")


STAFF_ROLES = frozenset({Role.LIBRARIAN, Role.ADMIN})


class UserManager(BaseUserManager["User"]):
    """Finds users by e-mail, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Save a user with a hashed password (None: cannot sign in by password). Roles: see `accounts.actions`."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in by e-mail. Created, and given a role, by `accounts.actions` only."""

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(
        _("e-mail"), unique=True, error_messages={"unique": _("There is a user with this e-mail already.")}
    )
    full_name = models.CharField(_("full name"), max_length=200)
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE)
    role = models.CharField(_("role"), max_length=20, choices=Role.choices, default=Role.READER)
    is_active = models.BooleanField(_("may sign in"), default=True)
    date_joined = models.DateTimeField(_("since"), default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["full_name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["full_name", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="email_is_lower_case"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    @property
    def is_staff(self) -> bool:
        """Whether the librarian's panel opens for this user."""
        return self.role in STAFF_ROLES


MOST_WRITTEN_TO = 5000
"""Readers chosen at once to write to."""


class ReaderQuerySet(models.QuerySet["Reader"]):
    """Readers."""

    def current(self) -> "ReaderQuerySet":
        """Those who are there: not merged into another, not erased. What a door finds readers by starts here."""
        return self.filter(merged_into__isnull=True, erased_at__isnull=True)

    def locked(self) -> "ReaderQuerySet":
        """The rows themselves locked for update, in the order of their keys."""
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Reader(models.Model):
    """A person with a library card; may or may not sign in.

    Registered by `accounts.actions.register_reader`, or on the panel. Invariants: `reader_card_is_unique`,
    `card_expires_after_registration`. One who was merged into another, or erased, stays as a row: the ledger is theirs.
    """

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(
        User, models.SET_NULL, null=True, blank=True, related_name="reader", verbose_name=_("signs in as")
    )
    card_number = models.CharField(_("card number"), max_length=32)
    full_name = models.CharField(_("full name"), max_length=200)
    folded_name = models.CharField(max_length=200, editable=False)
    """`fold(full_name)`: search and duplicate candidates."""
    birth_date = models.DateField(_("birth date"), null=True, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    postal_address = models.TextField(
        _("postal address"), max_length=300, blank=True, help_text=_("As on an envelope, in up to five lines.")
    )
    """Where printed letters go; empty: nowhere."""
    folded_phone = models.CharField(max_length=40, blank=True, editable=False)
    """The digits of `phone`, a Russian leading 8 as 7: duplicate candidates."""
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE)
    category = models.ForeignKey(ReaderCategory, models.PROTECT, related_name="readers", verbose_name=_("category"))
    home_branch = models.ForeignKey(Branch, models.PROTECT, related_name="readers", verbose_name=_("home branch"))
    registered_on = models.DateField(_("registered"))
    expires_on = models.DateField(_("card valid until"))
    """The last day on which the card is good."""
    is_card_lost = models.BooleanField(_("card is lost"), default=False)
    note = models.TextField(_("note"), blank=True)
    keeps_history = models.BooleanField(_("keeps the history of loans"), default=False)
    """The reader asked that what they brought back be remembered beyond HISTORY_DAYS."""
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="merged", verbose_name=_("merged into")
    )
    """The same person's other entry, which stands for this one now."""
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)
    """When all that tells who it was went; the row stays for the sums of the ledger."""

    objects = ReaderQuerySet.as_manager()

    class Meta:
        verbose_name = _("reader")
        verbose_name_plural = _("readers")
        ordering = ["folded_name", "pk"]
        constraints = [
            models.UniqueConstraint(
                Lower("card_number"),
                name="reader_card_is_unique",
                violation_error_message=_("There is a reader with this card number already."),
            ),
            models.CheckConstraint(
                condition=Q(expires_on__gte=F("registered_on")),
                name="card_expires_after_registration",
                violation_error_message=_("The card cannot expire before the registration."),
            ),
        ]
        indexes = [
            models.Index(fields=["folded_name", "id"], name="readers_by_name"),
            models.Index(Lower("email"), name="readers_by_email"),
            models.Index(fields=["folded_phone"], name="readers_by_phone"),
        ]

    def __str__(self) -> str:
        return f"{self.full_name} ({self.card_number})"

    def save(self, **kwargs: Any) -> None:
        self.folded_name = fold(self.full_name)
        self.folded_phone = fold_phone(self.phone)
        if (fields := kwargs.get("update_fields")) is not None:
            derived = {"full_name": "folded_name", "phone": "folded_phone"}
            kwargs["update_fields"] = {*fields, *(derived[name] for name in fields if name in derived)}
        super().save(**kwargs)

    def age_on(self, day: date) -> int | None:
        """Whole years on `day`; None when the birth date is unknown. Born on 29 February: a year older on 1 March."""
        if self.birth_date is None:
            return None
        had_birthday = (day.month, day.day) >= (self.birth_date.month, self.birth_date.day)
        return day.year - self.birth_date.year - (not had_birthday)


class FormerCard(models.Model):
    """A card number that a reader had before; nobody gets it again. Written by `accounts.actions` and by merges."""

    class State(models.TextChoices):
        LOST = "lost", _("lost")
        REPLACED = "replaced", _("replaced")
        WORKS = "works", _("still works")

    reader = models.ForeignKey(Reader, models.CASCADE, related_name="former_cards", verbose_name=_("reader"))
    number = models.CharField(_("card number"), max_length=32)
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    """Only one that still works, as after a merge, is lent with."""
    ended_at = models.DateTimeField(_("until"))
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))

    class Meta:
        verbose_name = _("former card")
        verbose_name_plural = _("former cards")
        ordering = ["-ended_at", "-pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(Lower("number"), name="former_card_is_unique"),
            models.CheckConstraint(condition=Q(state__in=["lost", "replaced", "works"]), name="card_state_is_known"),
        ]

    def __str__(self) -> str:
        return self.number


class Consent(models.Model):
    """What a reader agreed to, when, and when no longer: the proof that the law asks for."""

    class Kind(models.TextChoices):
        DATA = "data", _("the library keeps and uses the data to lend")
        HISTORY = "history", _("the history of loans is kept")

    reader = models.ForeignKey(Reader, models.CASCADE, related_name="consents", verbose_name=_("reader"))
    kind = models.CharField(_("to what"), max_length=10, choices=Kind.choices)
    given_at = models.DateTimeField(_("given"))
    withdrawn_at = models.DateTimeField(_("taken back"), null=True, blank=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["given_at", "pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["reader", "kind"], condition=Q(withdrawn_at__isnull=True), name="one_live_consent_of_a_kind"
            ),
            models.CheckConstraint(condition=Q(kind__in=["data", "history"]), name="consent_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


def fold_phone(phone: str) -> str:
    """Digits only; the Russian trunk prefix 8 becomes the country code 7: «8 (912) 345-67-89» -> 79123456789."""
    digits = "".join(filter(str.isdigit, phone))
    return "7" + digits[1:] if len(digits) == 11 and digits.startswith("8") else digits


class ReaderPhoto(models.Model):
    """What a reader looks like, for the desk to compare. Apart from the reader, so that no list carries the picture.

    Written by `accounts.photos`. It is kept in the database: nobody reaches it by an address of files.
    """

    reader = models.OneToOneField(Reader, models.CASCADE, related_name="photo", verbose_name=_("reader"))
    image = models.BinaryField(_("picture"))
    """WebP, a square of 400 pixels, without metadata."""
    taken_at = models.DateTimeField(_("since"))
    taken_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))

    class Meta:
        verbose_name = _("reader's photo")
        verbose_name_plural = _("readers' photos")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.reader)


class ReaderBlock(models.Model):
    """A reason why a reader may not borrow for a while, or until lifted. Never deleted: it ends."""

    class Kind(models.TextChoices):
        MANUAL = "manual", _("blocked by staff")
        SUSPENSION = "suspension", _("suspended for lateness")

    reader = models.ForeignKey(Reader, models.CASCADE, related_name="blocks", verbose_name=_("reader"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.MANUAL)
    reason = models.CharField(_("reason"), max_length=300)
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(
        _("until"), null=True, blank=True, help_text=_("The last blocked day. Empty: until lifted.")
    )
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)
    lifted_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("lifted by")
    )

    class Meta:
        verbose_name = _("block")
        verbose_name_plural = _("blocks")
        ordering = ["-starts_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="block_ends_after_it_starts",
                violation_error_message=_("The block cannot end before it starts."),
            ),
            models.CheckConstraint(condition=Q(kind__in=["manual", "suspension"]), name="block_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.reason

    def holds_on(self, day: date) -> bool:
        """Whether the reader is blocked by this on `day`."""
        return self.lifted_at is None and self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)

    def lift(self, *, by: User, now: datetime) -> None:
        """End the block now."""
        self.lifted_at, self.lifted_by = now, by
        self.save(update_fields=["lifted_at", "lifted_by"])

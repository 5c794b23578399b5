"""The outbox: what readers are to be told, from the commit that caused it to the delivered letter.

A deed writes a `Notice`; notices of one reader, event and stage are bundled into a `Letter`; the letter is delivered.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Reader


class Event(models.TextChoices):
    """What happened, or is about to; each has its templates in `templates/notifications/`."""

    WELCOME = "welcome", _("welcome")
    CARD_EXPIRING = "card_expiring", _("card expires soon")
    LOAN_RECEIPT = "loan_receipt", _("receipt of a loan")
    DUE_SOON = "due_soon", _("due soon")
    OVERDUE = "overdue", _("overdue")
    LOAN_REMINDER = "loan_reminder", _("reminder during the loan")
    RESERVATION_READY = "reservation_ready", _("reserved book is ready")
    RESERVATION_EXPIRED = "reservation_expired", _("reservation expired")
    RESERVATION_CANCELLED = "reservation_cancelled", _("reservation cancelled")
    AUTO_RENEWAL = "auto_renewal", _("renewed automatically")
    AUTO_RENEWAL_REFUSED = "auto_renewal_refused", _("not renewed automatically")
    DUE_DATE_MOVED = "due_date_moved", _("due date moved")
    PICKUP_MOVED = "pickup_moved", _("pick-up deadline moved")
    CHARGE = "charge", _("charge")
    PAYMENT = "payment", _("receipt of a payment")
    SUSPENSION = "suspension", _("suspension for lateness")


OPTIONAL = (
    Event.LOAN_RECEIPT,
    Event.DUE_SOON,
    Event.LOAN_REMINDER,
    Event.AUTO_RENEWAL,
    Event.CHARGE,
    Event.PAYMENT,
)
"""What a reader may do without; of everything else they have to know."""


class Letter(models.Model):
    """One message to one reader, carrying one or more notices of the same event and stage.

    Made by `notifications.actions.bundle`, claimed and delivered by `notifications.delivery`. Invariants:
    `letter_status_is_known`, `sent_letter_has_its_time`.
    """

    class Channel(models.TextChoices):
        EMAIL = "email", _("e-mail")
        TELEGRAM = "telegram", _("Telegram")
        PUSH = "push", _("push message")
        SMS = "sms", _("text message")
        PRINT = "print", _("printed letter")

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        DEAD = "dead", _("given up")
        UNWANTED = "unwanted", _("not wanted")
        NO_ADDRESS = "no_address", _("no address")

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    """Stays through all attempts: the left half of the Message-ID."""
    reader = models.ForeignKey(Reader, models.CASCADE, related_name="letters", db_index=False, verbose_name=_("reader"))
    event = models.CharField(_("event"), max_length=30, choices=Event.choices)
    stage = models.SmallIntegerField(_("stage"), default=0)
    """As on its notices."""
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices, default=Channel.EMAIL)
    address = models.CharField(_("address"), max_length=300)
    """Where the channel finds the reader: e-mail address, number of the chat, telephone…; empty: nowhere."""
    tried = ArrayField(
        models.CharField(max_length=10, choices=Channel.choices),
        verbose_name=_("tried before"),
        default=list,
        blank=True,
    )
    """The channels that failed before this one."""
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("written"))
    expires_at = models.DateTimeField(_("of use until"))
    """A letter that has not left by then is given up: a late reminder misleads."""
    next_attempt_at = models.DateTimeField(_("next attempt"))
    """While being sent: the end of the sender's lease, after which another worker may take over."""
    claimed_at = models.DateTimeField(_("claimed"), null=True, blank=True)
    """When the present or last sender took it; that sender alone may say how it ended."""
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        ordering = ["-created_at", "-pk"]
        default_permissions = ("view",)
        permissions = [("resend_letters", "Can send again letters that were given up")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "sending", "sent", "dead", "unwanted", "no_address"]),
                name="letter_status_is_known",
            ),
            models.CheckConstraint(
                condition=Q(status="sent", sent_at__isnull=False) | (~Q(status="sent") & Q(sent_at__isnull=True)),
                name="sent_letter_has_its_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "next_attempt_at", "id"],
                condition=Q(status__in=["waiting", "sending"]),
                name="letters_to_deliver",
            ),
            models.Index(fields=["reader", "-created_at"], name="letters_of_a_reader"),
            models.Index(fields=["-created_at", "-id"], name="letters_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} → {self.address}"


class Unwanted(models.Model):
    """A kind of letter that a reader does without. Written by `notifications.actions.choose_letters` only."""

    reader = models.ForeignKey(
        Reader, models.CASCADE, related_name="unwanted_letters", db_index=False, verbose_name=_("reader")
    )
    event = models.CharField(_("event"), max_length=30, choices=Event.choices)

    class Meta:
        verbose_name = _("unwanted letter")
        verbose_name_plural = _("unwanted letters")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["reader", "event"], name="unwanted_once"),
            models.CheckConstraint(condition=Q(event__in=[str(event) for event in OPTIONAL]), name="may_be_unwanted"),
        ]

    def __str__(self) -> str:
        return f"{self.reader}: {self.get_event_display()}"


class Notice(models.Model):
    """One thing one reader is to be told, written in the same commit as its cause, once and for all.

    Written by `notifications.actions.enqueue`, put into a letter by `notifications.actions.bundle`. Invariant:
    `one_notice_per_cause`, which makes every repeat of its cause harmless.
    """

    key = models.CharField(_("key"), max_length=200)
    """The cause in words, unique for ever: event, public id of the loan or reader, day and number of the stage."""
    event = models.CharField(_("event"), max_length=30, choices=Event.choices)
    stage = models.SmallIntegerField(_("stage"), default=0)
    """Days before the due day (due soon), after it (overdue) or of the loan (reminder); 0 for other events."""
    reader = models.ForeignKey(Reader, models.CASCADE, related_name="notices", db_index=False, verbose_name=_("reader"))
    data = models.JSONField(_("data"), default=dict)
    """What the template needs: strings, numbers and ISO dates (`notifications.letters` makes it)."""
    created_at = models.DateTimeField(_("written"))
    ready_at = models.DateTimeField(_("ready"))
    """Not put into a letter before this: the receipts of one visit to the desk travel together."""
    letter = models.ForeignKey(
        Letter, models.CASCADE, null=True, blank=True, related_name="notices", verbose_name=_("letter")
    )

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-created_at", "-pk"]
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["key"], name="one_notice_per_cause")]
        indexes = [
            models.Index(fields=["ready_at", "id"], condition=Q(letter__isnull=True), name="notices_to_bundle"),
            models.Index(fields=["reader", "event"], name="notices_of_a_reader"),
        ]

    def __str__(self) -> str:
        return self.key

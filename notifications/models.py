"""The outbox: what readers are to be told, from the commit that caused it to the delivered letter.

A deed writes a `Notice`; notices of one reader, event and stage are bundled into a `Letter`; the letter is delivered.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Reader, User


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
    RESERVATION_EXPIRING = "reservation_expiring", _("pick-up ends soon")
    QUEUE_MOVED = "queue_moved", _("place in a queue")
    BRANCH_CLOSED = "branch_closed", _("branch is closed")
    NEW_BOOKS = "new_books", _("new books of a saved search")
    MESSAGE = "message", _("message from the library")
    DIGEST = "digest", _("letter of the morning")


OPTIONAL = (
    Event.LOAN_RECEIPT,
    Event.DUE_SOON,
    Event.LOAN_REMINDER,
    Event.RESERVATION_EXPIRING,
    Event.QUEUE_MOVED,
    Event.NEW_BOOKS,
    Event.AUTO_RENEWAL,
    Event.CHARGE,
    Event.PAYMENT,
)
"""What a reader may do without, or have once a day; of everything else they have to know, and at once."""
ALWAYS_DAILY = (Event.QUEUE_MOVED,)
"""Never told at once: only in the letter of the morning."""


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
        permissions = [
            ("resend_letters", "Can send again letters that were given up"),
            ("choose_letters", "Can choose how a reader is told"),
            ("send_messages", "Can write messages to readers"),
        ]
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


class Bounce(models.Model):
    """An e-mail address from which letters come back. Written by `notifications.bounces`.

    It belongs to the address, so a reader with a new address is written to again at once.
    """

    address = models.EmailField(_("address"), unique=True)
    """In lower case."""
    bounced_at = models.DateTimeField(_("since"))
    diagnosis = models.TextField(_("what the mail server said"), blank=True)

    class Meta:
        verbose_name = _("address that fails")
        verbose_name_plural = _("addresses that fail")
        default_permissions = ()

    def __str__(self) -> str:
        return self.address


class Preference(models.Model):
    """How a reader wants to be told of one kind of event, where they have chosen. Written by `notifications.choosing`.

    Invariants: `one_preference_an_event`, `what_must_be_known_is_told`, `what_must_be_known_is_told_at_once`.
    """

    NONE = "none"
    CHANNELS = (("", _("the usual way")), (NONE, _("not at all")), *Letter.Channel.choices)

    reader = models.ForeignKey(
        Reader, models.CASCADE, related_name="letter_preferences", db_index=False, verbose_name=_("reader")
    )
    event = models.CharField(_("event"), max_length=30, choices=Event.choices, blank=True)
    """Empty: all events that are to go the usual way."""
    channel = models.CharField(_("channel"), max_length=10, choices=CHANNELS, blank=True)
    """Empty: as the event with an empty name, or as the library has it."""
    is_daily = models.BooleanField(_("once a day"), default=False)
    """Not at once, but in the letter of the next morning."""

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["reader", "event"], name="one_preference_an_event"),
            models.CheckConstraint(
                condition=~Q(channel="none") | Q(event__in=[str(event) for event in OPTIONAL]),
                name="what_must_be_known_is_told",
            ),
            models.CheckConstraint(
                condition=Q(is_daily=False) | Q(event__in=[str(event) for event in OPTIONAL]),
                name="what_must_be_known_is_told_at_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reader}: {self.get_event_display()} → {self.get_channel_display()}"


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
    is_daily = models.BooleanField(_("once a day"), default=False)
    """Waits for the letter of the morning."""
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


class SavedSearch(models.Model):
    """A search whose new books its reader is told of. Written by `notifications.saved_searches`.

    Invariant: `search_is_saved_once`.
    """

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    reader = models.ForeignKey(
        Reader, models.CASCADE, related_name="saved_searches", db_index=False, verbose_name=_("reader")
    )
    name = models.CharField(_("name"), max_length=100)
    address = models.CharField(_("search"), max_length=1000, blank=True)
    """The parameters of the page of results, as `catalog.result_pages` has them; empty: all books."""
    created_at = models.DateTimeField(_("saved"))
    seen_until = models.DateTimeField(_("told until"))
    """Books that came into the catalogue later are new."""

    class Meta:
        verbose_name = _("saved search")
        verbose_name_plural = _("saved searches")
        ordering = ["name", "pk"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["reader", "address"], name="search_is_saved_once")]

    def __str__(self) -> str:
        return self.name


class Message(models.Model):
    """What staff wrote to one reader or to many. Written by `notifications.messages`; its letters are notices."""

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    subject = models.CharField(_("subject"), max_length=150)
    text = models.TextField(_("text"), max_length=5000)
    written_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    written_at = models.DateTimeField(_("written"))
    readers = models.PositiveIntegerField(_("readers"))
    """How many it was written to."""

    class Meta:
        verbose_name = _("message to readers")
        verbose_name_plural = _("messages to readers")
        ordering = ["-written_at", "-pk"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.subject


class LetterTemplate(models.Model):
    """The library's own words for an event, instead of the built-in ones. Written by `notifications.editing`.

    Invariant: `one_template_a_place`.
    """

    class Kind(models.TextChoices):
        LETTER = "letter", _("e-mail and printed letter")
        CHAT = "chat", _("Telegram and push message")
        SMS = "sms", _("text message")

    event = models.CharField(_("event"), max_length=30, choices=Event.choices)
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES)
    kind = models.CharField(_("form"), max_length=10, choices=Kind.choices, default=Kind.LETTER)
    subject = models.CharField(_("subject"), max_length=2000, blank=True)
    """In the language of `notifications.sandbox`, as are the others; a text message has none."""
    text = models.TextField(_("text"), max_length=20_000)
    html = models.TextField(_("HTML"), max_length=20_000, blank=True)
    """Of letters alone; without greeting and signature, as the text."""
    changed_at = models.DateTimeField(_("changed"))
    changed_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    failed_at = models.DateTimeField(_("failed"), null=True, blank=True)
    """When a letter could not be rendered with it and the built-in words were sent; until it is saved again."""
    failure = models.TextField(_("why it failed"), blank=True)

    class Meta:
        verbose_name = _("words of a letter")
        verbose_name_plural = _("words of letters")
        ordering = ["event", "language", "kind"]
        default_permissions = ("view", "change")
        constraints = [models.UniqueConstraint(fields=["event", "language", "kind"], name="one_template_a_place")]

    def __str__(self) -> str:
        return f"{self.get_event_display()} · {self.get_language_display()} · {self.get_kind_display()}"


KIND_OF = {
    Letter.Channel.EMAIL: LetterTemplate.Kind.LETTER,
    Letter.Channel.PRINT: LetterTemplate.Kind.LETTER,
    Letter.Channel.TELEGRAM: LetterTemplate.Kind.CHAT,
    Letter.Channel.PUSH: LetterTemplate.Kind.CHAT,
    Letter.Channel.SMS: LetterTemplate.Kind.SMS,
}
"""Which form of words each channel takes."""

"""Reservations, the queue for a book and its hold shelf, and the transfers of copies between branches."""

import uuid
from datetime import date, datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Reader, User
from catalog.models import Book, Copy
from policies.models import Branch

ONE_PLACE = 1_000_000
"""How far apart the orders of two reservations placed one second after another are."""
MAX_WHY = 300


class ReservationQuerySet(models.QuerySet["Reservation"]):
    """Reservations."""

    def active(self) -> "ReservationQuerySet":
        """Those that still wait for a copy or keep one."""
        return self.filter(state__in=Reservation.ACTIVE)

    def in_full(self) -> "ReservationQuerySet":
        """With the book, the reader, the copy and the branches: what a line about a reservation shows."""
        return self.select_related("book", "reader__category", "pickup_branch", "copy__branch").defer(
            "book__description"
        )

    def in_queue(self) -> "ReservationQuerySet":
        """In the order in which copies are given out."""
        return self.order_by("book_id", "order")

    def locked(self) -> "ReservationQuerySet":
        """The rows themselves locked for update, in the order of their keys."""
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Reservation(models.Model):
    """A reader's place in the queue for a book, until it is collected, cancelled or expired.

    Written by `reservations.actions` under the lock of its book; never deleted. While it waits it has no copy; in
    transit and ready it keeps exactly one. Invariants: `one_reservation_per_reader_and_book`,
    `one_reservation_per_copy`, `one_place_in_the_queue`, `copy_is_set_aside_for_it`, `ready_until_a_day`,
    `ended_once`, `only_waiting_is_suspended`, `reservation_state_is_known`.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        IN_TRANSIT = "in_transit", _("on its way")
        READY = "ready", _("ready for pick-up")
        COLLECTED = "collected", _("collected")
        CANCELLED = "cancelled", _("cancelled")
        EXPIRED = "expired", _("not collected")

    ACTIVE = (State.WAITING, State.IN_TRANSIT, State.READY)
    SET_ASIDE = (State.IN_TRANSIT, State.READY)
    """A copy is kept for the reader."""

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    book = models.ForeignKey(Book, models.PROTECT, related_name="reservations", verbose_name=_("book"))
    reader: "models.ForeignKey[Reader, Reader]" = models.ForeignKey(  # type: ignore[misc] # an active one has one
        Reader, models.PROTECT, null=True, related_name="reservations", verbose_name=_("reader")
    )
    """Null once the history is forgotten."""
    slot = models.PositiveSmallIntegerField(_("which of the reader's for this book"), default=1)
    """From 1 up to what the rules permit per book: the lowest that is free."""
    pickup_branch = models.ForeignKey(Branch, models.PROTECT, related_name="+", verbose_name=_("pick-up at"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    order = models.BigIntegerField(_("order"))
    """Sorts the queue, the lowest first: the microsecond in which it was placed, until staff move it. Gaps mean
    nothing, so nobody else's row changes when one goes."""
    told_place = models.PositiveIntegerField(_("place last told"), null=True, blank=True, editable=False)
    """Of one that waits, the place in the queue that the reader knows of."""
    placed_at = models.DateTimeField(_("placed"))
    placed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("placed by"))
    suspended_until = models.DateField(_("suspended until"), null=True, blank=True)
    """The last day on which it is passed over; it keeps its place."""
    copy = models.ForeignKey(
        Copy, models.PROTECT, null=True, blank=True, related_name="reservations", verbose_name=_("copy")
    )
    """What is kept for the reader, and afterwards what was."""
    ready_at = models.DateTimeField(_("ready since"), null=True, blank=True)
    pickup_until = models.DateField(_("kept until"), null=True, blank=True)
    """The last day on which it can be collected."""
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    ended_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("ended by")
    )
    why = models.CharField(_("why"), max_length=MAX_WHY, blank=True)
    """Of a cancellation, what was said."""
    shelf_cleared_at = models.DateTimeField(_("taken off the hold shelf"), null=True, blank=True)
    """When the copy of one that was ready and then ended uncollected was scanned again."""

    objects = ReservationQuerySet.as_manager()

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        ordering = ["-placed_at", "-pk"]
        default_permissions = ("view",)
        permissions = [
            ("place_reservations", "Can reserve for readers"),
            ("cancel_reservations", "Can cancel and suspend readers' reservations"),
            ("move_reservations", "Can change the order of a queue"),
            ("fill_reservations", "Can set copies aside and send them between branches"),
            ("override_not_reservable", "Can reserve what the rules do not reserve"),
            ("override_reservation_limit", "Can reserve beyond the limit of reservations"),
            ("override_available_on_shelf", "Can reserve what is on the shelf"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["reader", "book", "slot"],
                condition=Q(state__in=["waiting", "in_transit", "ready"]),
                name="one_reservation_per_reader_and_book",
            ),
            models.UniqueConstraint(
                fields=["copy"], condition=Q(state__in=["in_transit", "ready"]), name="one_reservation_per_copy"
            ),
            models.UniqueConstraint(
                fields=["book", "order"],
                condition=Q(state__in=["waiting", "in_transit", "ready"]),
                name="one_place_in_the_queue",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["in_transit", "ready"], copy__isnull=False)
                | Q(state="waiting", copy__isnull=True)
                | Q(state__in=["collected", "cancelled", "expired"]),
                name="copy_is_set_aside_for_it",
            ),
            models.CheckConstraint(
                condition=~Q(state="ready") | Q(ready_at__isnull=False, pickup_until__isnull=False),
                name="ready_until_a_day",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "in_transit", "ready"], ended_at__isnull=True)
                | Q(state__in=["collected", "cancelled", "expired"], ended_at__isnull=False),
                name="ended_once",
            ),
            models.CheckConstraint(
                condition=Q(suspended_until__isnull=True) | ~Q(state__in=["in_transit", "ready"]),
                name="only_waiting_is_suspended",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "in_transit", "ready", "collected", "cancelled", "expired"]),
                name="reservation_state_is_known",
            ),
            models.CheckConstraint(condition=Q(slot__gte=1), name="slots_count_from_one"),
            models.CheckConstraint(
                condition=Q(reader__isnull=False) | Q(ended_at__isnull=False), name="active_reservation_has_its_reader"
            ),
        ]
        indexes = [
            models.Index(
                fields=["ended_at"],
                condition=Q(reader__isnull=False, ended_at__isnull=False),
                name="ended_reservations_of_readers",
            ),
            models.Index(fields=["reader", "-placed_at"], name="reservations_of_a_reader"),
            models.Index(fields=["-placed_at", "-id"], name="reservations_newest_first"),
            models.Index(
                fields=["pickup_branch", "pickup_until"], condition=Q(state="ready"), name="hold_shelf_by_deadline"
            ),
            models.Index(fields=["book"], condition=Q(state="waiting"), name="books_that_are_awaited"),
            models.Index(
                fields=["copy"],
                condition=Q(state__in=["cancelled", "expired"], shelf_cleared_at__isnull=True, ready_at__isnull=False),
                name="hold_shelf_to_clear",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.book} → {self.reader or '—'}"

    @property
    def is_active(self) -> bool:
        """Whether it still waits for a copy or keeps one."""
        return self.state in self.ACTIVE

    def is_suspended_on(self, day: date) -> bool:
        """Whether it is passed over on `day`."""
        return self.suspended_until is not None and day <= self.suspended_until

    def local(self, instant: datetime) -> datetime:
        """An instant on the clock of the branch where it is collected."""
        return instant.astimezone(self.pickup_branch.zone)


class TransferQuerySet(models.QuerySet["Transfer"]):
    """Transfers."""

    def open(self) -> "TransferQuerySet":
        """Copies that are on their way."""
        return self.filter(arrived_at__isnull=True)

    def in_full(self) -> "TransferQuerySet":
        """With the copy, its book and the branches."""
        return self.select_related("copy__book", "copy__branch", "from_branch", "to_branch").defer(
            "copy__book__description"
        )


class Transfer(models.Model):
    """The way of a copy from one branch to another. Written by `reservations.actions` only; never deleted.

    While it is open the copy is `in_transit`. Invariants: `one_open_transfer_per_copy`, `transfer_leads_elsewhere`,
    `arrived_after_sent`.
    """

    class Why(models.TextChoices):
        RESERVATION = "reservation", _("for a reservation")
        HOME = "home", _("back to its branch")

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    copy = models.ForeignKey(Copy, models.PROTECT, related_name="transfers", verbose_name=_("copy"))
    from_branch = models.ForeignKey(Branch, models.PROTECT, related_name="+", verbose_name=_("from"))
    to_branch = models.ForeignKey(Branch, models.PROTECT, related_name="+", verbose_name=_("to"))
    why = models.CharField(_("why"), max_length=11, choices=Why.choices)
    sent_at = models.DateTimeField(_("sent"))
    sent_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("sent by"))
    arrived_at = models.DateTimeField(_("ended"), null=True, blank=True)
    """When it arrived, or was scanned, sent on or lent elsewhere: the way ended there."""
    arrived_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("ended by")
    )
    arrival_branch = models.ForeignKey(
        Branch, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("ended at")
    )

    objects = TransferQuerySet.as_manager()

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        ordering = ["-sent_at", "-pk"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["copy"], condition=Q(arrived_at__isnull=True), name="one_open_transfer_per_copy"
            ),
            models.CheckConstraint(condition=~Q(to_branch=F("from_branch")), name="transfer_leads_elsewhere"),
            models.CheckConstraint(
                condition=Q(arrived_at__isnull=True, arrival_branch__isnull=True)
                | Q(arrived_at__gte=F("sent_at"), arrival_branch__isnull=False),
                name="arrived_after_sent",
            ),
            models.CheckConstraint(condition=Q(why__in=["reservation", "home"]), name="transfer_reason_is_known"),
        ]
        indexes = [
            models.Index(fields=["to_branch", "sent_at"], condition=Q(arrived_at__isnull=True), name="open_to_branch"),
            models.Index(
                fields=["from_branch", "sent_at"], condition=Q(arrived_at__isnull=True), name="open_from_branch"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.copy}: {self.from_branch} → {self.to_branch}"

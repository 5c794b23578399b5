"""What becomes of copies besides lending: the acts by which they are withdrawn, and their photos."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class WithdrawalReason(models.TextChoices):
    """Why a copy leaves the library; an act lists the copies by it."""

    WORN_OUT = "worn_out", _("worn out")
    DAMAGED = "damaged", _("damaged beyond repair")
    OUTDATED = "outdated", _("outdated in content")
    SURPLUS = "surplus", _("surplus, not asked for")
    LOST = "lost", _("lost")
    TRANSFERRED = "transferred", _("passed on to another library")
    OTHER = "other", _("another reason")


class WithdrawalAct(models.Model):
    """The paper by which copies leave the library: a number and a day. Written by `catalog.copy_actions`."""

    number = models.CharField(_("act number"), max_length=40)
    dated_on = models.DateField(_("date of the act"))
    created_at = models.DateTimeField(_("entered"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )

    class Meta:
        verbose_name = _("withdrawal act")
        verbose_name_plural = _("withdrawal acts")
        ordering = ["-dated_on", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["number", "dated_on"], name="one_withdrawal_act_per_number_and_day"),
            models.CheckConstraint(condition=~Q(number=""), name="withdrawal_act_has_a_number"),
        ]

    def __str__(self) -> str:
        return self.number


class Withdrawal(models.Model):
    """One copy in an act. Restoring the copy ends it; the row stays. Written by `catalog.copy_actions`."""

    act = models.ForeignKey(WithdrawalAct, models.PROTECT, related_name="withdrawals", verbose_name=_("act"))
    copy = models.ForeignKey("catalog.Copy", models.PROTECT, related_name="withdrawals", verbose_name=_("copy"))
    reason = models.CharField(_("reason"), max_length=12, choices=WithdrawalReason.choices)
    note = models.CharField(_("note"), max_length=300, blank=True)
    former_status = models.CharField(max_length=20, editable=False)
    """How the copy stood before; restoring brings it back to that."""
    withdrawn_at = models.DateTimeField(_("withdrawn"))
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    restored_at = models.DateTimeField(_("restored"), null=True)
    restored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("restored by")
    )

    class Meta:
        verbose_name = _("withdrawal")
        verbose_name_plural = _("withdrawals")
        ordering = ["copy__inventory_number"]
        constraints = [
            models.UniqueConstraint(
                fields=["copy"], condition=Q(restored_at__isnull=True), name="a_copy_is_withdrawn_once"
            ),
            models.CheckConstraint(
                condition=Q(reason__in=["worn_out", "damaged", "outdated", "surplus", "lost", "transferred", "other"]),
                name="withdrawal_reason_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(reason="other") | ~Q(note=""), name="another_reason_is_said_in_the_note"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.copy} · {self.act}"


class CopyPhoto(models.Model):
    """A picture of one copy: its binding, an autograph, a damage. Written by `catalog.copy_photos`, five at most."""

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    copy = models.ForeignKey("catalog.Copy", models.CASCADE, related_name="photos", verbose_name=_("copy"))
    name = models.CharField(max_length=100, editable=False)
    """Where the large size is stored."""
    width = models.PositiveSmallIntegerField(editable=False)
    height = models.PositiveSmallIntegerField(editable=False)
    """Pixels of the large size."""
    alt_text = models.CharField(_("what it shows"), max_length=200)
    is_public = models.BooleanField(_("readers see it"), default=False)
    position = models.PositiveSmallIntegerField(_("order"), default=0)
    added_at = models.DateTimeField(_("added"))
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )

    class Meta:
        verbose_name = _("photo")
        verbose_name_plural = _("photos")
        ordering = ["position", "pk"]
        constraints = [models.CheckConstraint(condition=~Q(alt_text=""), name="photo_says_what_it_shows")]

    def __str__(self) -> str:
        return self.alt_text

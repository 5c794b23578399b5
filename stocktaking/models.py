"""Stocktakes: what should stand on the shelves of a branch, what was scanned there, and what was put right."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from catalog.models import Copy
from policies.models import Branch

CODE_LENGTH = 64
"""Letters of a scanned code."""


class Outcome(models.TextChoices):
    """What became of one copy or code in a stocktake."""

    FOUND = "found", _("in its place")
    MISSING = "missing", _("missing")
    OTHER_BRANCH = "other_branch", _("of another branch")
    OUT_OF_PLACE = "out_of_place", _("out of place on the shelf")
    FOUND_ON_LOAN = "found_on_loan", _("found, though on loan")
    FOUND_LOST = "found_lost", _("found, though lost")
    FOUND_WITHDRAWN = "found_withdrawn", _("found, though withdrawn")
    UNKNOWN = "unknown", _("unknown number")
    ON_LOAN = "on_loan", _("on loan, not expected")
    LEFT = "left", _("lost, withdrawn or moved meanwhile")


SCANNED = (
    Outcome.FOUND,
    Outcome.OTHER_BRANCH,
    Outcome.OUT_OF_PLACE,
    Outcome.FOUND_ON_LOAN,
    Outcome.FOUND_LOST,
    Outcome.FOUND_WITHDRAWN,
    Outcome.UNKNOWN,
)
"""What a scan can come to; the others are about copies that nobody scanned."""


class Correction(models.TextChoices):
    """What was done about a finding."""

    MARKED_LOST = "marked_lost", _("marked as lost")
    MOVED_HERE = "moved_here", _("moved to this branch")
    RESTORED = "restored", _("available again")
    RESHELVED = "reshelved", _("put in its place")


class StocktakeQuerySet(models.QuerySet["Stocktake"]):
    """Stocktakes."""

    def locked(self) -> "StocktakeQuerySet":
        """The rows themselves locked for update, in the order of their keys."""
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Stocktake(models.Model):
    """One check of the shelves of a branch, or of a stretch of them. Written by `stocktaking.actions`; never deleted.

    Open, it takes scans of any number of librarians, over days. Closed, it stays as it was found.
    """

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="stocktakes", verbose_name=_("branch"))
    shelf_from = models.CharField(
        _("from shelf mark"), max_length=100, blank=True, help_text=_("Empty: from the first shelf.")
    )
    shelf_to = models.CharField(
        _("to shelf mark"),
        max_length=100,
        blank=True,
        help_text=_("With everything that begins so: 84 takes in 84(2Рос=Рус)6. Empty: to the last shelf."),
    )
    note = models.CharField(_("note"), max_length=300, blank=True)
    started_at = models.DateTimeField(_("started"))
    started_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("started by"))
    closed_at = models.DateTimeField(_("closed"), null=True)
    closed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("closed by"))

    objects = StocktakeQuerySet.as_manager()

    class Meta:
        verbose_name = _("stocktake")
        verbose_name_plural = _("stocktakes")
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(closed_at__gte=F("started_at")),
                name="stocktake_closes_after_it_starts",
            )
        ]
        permissions = [("correct_stocktake", "Can put right what a stocktake found")]

    def __str__(self) -> str:
        return f"{self.branch}, {timezone.localtime(self.started_at):%d.%m.%Y}"

    @property
    def is_open(self) -> bool:
        """Whether it still takes scans and corrections."""
        return self.closed_at is None


class Finding(models.Model):
    """One copy, or one unknown code, in a stocktake: expected when it began, scanned, or both.

    Scanning says the `outcome` once and for all. One that nobody has scanned has none until the stocktake is closed;
    until then `stocktaking.queries` tells it from how the copy stands now.
    """

    stocktake = models.ForeignKey(Stocktake, models.CASCADE, related_name="findings", verbose_name=_("stocktake"))
    copy = models.ForeignKey(Copy, models.CASCADE, null=True, related_name="stocktake_findings", verbose_name=_("copy"))
    """Null: nobody knows the code."""
    code = models.CharField(_("code"), max_length=CODE_LENGTH, blank=True)
    """As scanned."""
    is_expected = models.BooleanField(_("expected"), default=False)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices, blank=True)
    scanned_at = models.DateTimeField(_("scanned"), null=True)
    scanned_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("scanned by"))
    correction = models.CharField(_("correction"), max_length=12, choices=Correction.choices, blank=True)
    before = models.JSONField(default=dict, editable=False)
    """How the copy stood before the correction: {"status": …} or {"branch": …}; undoing brings it back."""
    corrected_at = models.DateTimeField(_("corrected"), null=True)
    corrected_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("corrected by"))

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["stocktake", "copy"], condition=Q(copy__isnull=False), name="a_copy_once_per_stocktake"
            ),
            models.UniqueConstraint(
                fields=["stocktake", "code"], condition=Q(copy__isnull=True), name="an_unknown_code_once_per_stocktake"
            ),
            models.CheckConstraint(condition=Q(scanned_at__isnull=True) | ~Q(outcome=""), name="a_scan_has_an_outcome"),
            models.CheckConstraint(
                condition=Q(correction="", corrected_at__isnull=True)
                | (~Q(correction="") & Q(corrected_at__isnull=False)),
                name="correction_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["stocktake", "outcome"], name="findings_by_outcome"),
            models.Index(
                fields=["stocktake", "scanned_by", "-scanned_at", "-id"],
                condition=Q(scanned_at__isnull=False),
                name="latest_scans_of_a_librarian",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.copy or self.code}: {self.get_outcome_display()}"

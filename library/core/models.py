"""Audit entries, idempotency keys and job days: bookkeeping that every app shares."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditEntry(models.Model):
    """One deed: who did what to which object, when, with what note. Written in the deed's own commit, never changed.

    Written by `library.core.audit.record`.
    """

    at = models.DateTimeField(_("when"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("who")
    )
    """Null: the system itself (a job, a command)."""
    action = models.CharField(_("action"), max_length=60)
    """A stable code, `app.verb`: circulation.check_out."""
    subject_type = models.CharField(_("kind of object"), max_length=60)
    """The model's label, `circulation.loan`."""
    subject_id = models.BigIntegerField(_("object number"))
    subject_name = models.CharField(_("object"), max_length=300)
    detail = models.JSONField(_("detail"), default=dict, encoder=DjangoJSONEncoder)
    """JSON object: what changed, which reasons were overridden, the note; dates, instants and amounts as strings."""
    request_id = models.CharField(_("request"), max_length=36, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit")
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "-at"], name="audit_of_one_object"),
            models.Index(fields=["actor", "-at"], name="audit_of_one_actor"),
            models.Index(fields=["-at"], name="audit_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_name}"


class IdempotencyKey(models.Model):
    """The answer once given to an unsafe API call, to be given again to the same call with the same key.

    Written by `library.core.idempotency`; rows older than a day are swept.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    key = models.CharField(max_length=255)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    body_digest = models.CharField(max_length=64)
    """HMAC-SHA-256 of address and body, hexadecimal; keyed, since bodies may hold passwords."""
    status = models.PositiveSmallIntegerField(null=True)
    """HTTP status of the answer; null, inside the first call's transaction, while it is under way."""
    answer = models.TextField(blank=True)
    """The answer's body, without the signatures of any tokens in it."""
    content_type = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_user_and_key", nulls_distinct=False)
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_keys_to_sweep")]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"


class JobRun(models.Model):
    """A daily job done for one local day: the guard that lets sweeps repeat and two beats run without harm.

    Written by `library.core.jobs`.
    """

    job = models.CharField(_("job"), max_length=60)
    day = models.DateField(_("day"))
    """The day in the library's time zone."""
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    summary = models.JSONField(_("summary"), default=dict)

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("job runs")
        ordering = ["-day", "job"]
        constraints = [models.UniqueConstraint(fields=["job", "day"], name="one_run_per_job_and_day")]

    def __str__(self) -> str:
        return f"{self.job} {self.day}"

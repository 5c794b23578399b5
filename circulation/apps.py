"""Circulation as a Django app."""

from datetime import datetime, time, timedelta
from typing import Any

from django.apps import AppConfig
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from library.core.panel import Figure


class CirculationConfig(AppConfig):
    """Loans: check-out, renewal, return, and the desk where they happen."""

    name = "circulation"
    verbose_name = _("Circulation")

    def panel_figures(self, *, user: Any, now: datetime) -> list[Figure]:
        """What is out, due today and overdue, in one query, for those who may see loans."""
        if not user.has_perm("circulation.view_loan"):
            return []
        today = timezone.localdate(now)
        starts = timezone.make_aware(datetime.combine(today, time.min))
        ends = timezone.make_aware(datetime.combine(today + timedelta(days=1), time.min))
        counts = (
            self.get_model("Loan")
            ._default_manager.filter(returned_at=None)
            .aggregate(
                out=Count("pk"),
                today=Count("pk", filter=Q(due_at__gte=starts, due_at__lt=ends)),
                overdue=Count("pk", filter=Q(due_at__lt=now)),
                claimed=Count("pk", filter=Q(claimed_returned_at__isnull=False, lost_at=None)),
            )
        )
        loans = reverse("admin:circulation_loan_changelist")
        return [
            Figure(gettext("copies on loan"), counts["out"], f"{loans}?state=open"),
            Figure(gettext("due today"), counts["today"], f"{loans}?state=today", "warn"),
            Figure(gettext("overdue"), counts["overdue"], f"{loans}?state=overdue", "bad"),
            Figure(gettext("claimed returned"), counts["claimed"], f"{loans}?state=claimed", "warn"),
        ]

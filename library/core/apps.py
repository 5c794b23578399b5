"""The ground floor as a Django app."""

from datetime import datetime
from typing import Any

from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from library.core.panel import Figure


class CoreConfig(AppConfig):
    """Audit trail, idempotency keys and the days on which jobs ran."""

    name = "library.core"
    label = "core"
    verbose_name = _("Housekeeping")

    def panel_figures(self, *, user: Any, now: datetime) -> list[Figure]:
        """What the last check of integrity found, if it found anything, for those who may see the jobs; one query."""
        if not user.has_perm("core.view_jobrun"):
            return []
        runs = self.get_model("JobRun")._default_manager.filter(job="check_integrity", finished_at__isnull=False)
        last = runs.order_by("-day").values_list("pk", "summary").first()
        broken = sum(last[1].get("broken", {}).values()) if last else 0
        if not (last and broken):
            return []
        return [Figure(gettext("does not add up"), broken, reverse("admin:core_jobrun_change", args=[last[0]]), "bad")]

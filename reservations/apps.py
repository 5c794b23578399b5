"""Reservations as a Django app."""

from datetime import datetime
from typing import Any

from django.apps import AppConfig
from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from library.core.panel import Figure


class ReservationsConfig(AppConfig):
    """The queue for a book, the hold shelf, and copies on their way between branches."""

    name = "reservations"
    verbose_name = _("Reservations")

    def panel_figures(self, *, user: Any, now: datetime) -> list[Figure]:
        """Who waits and what stands ready, in one query, for those who may see reservations."""
        if not user.has_perm("reservations.view_reservation"):
            return []
        states = self.get_model("Reservation")._default_manager.filter(state__in=["waiting", "ready"])
        counts = states.order_by().values_list("state").annotate(Count("pk"))
        by_state = dict(counts)
        reservations = reverse("admin:reservations_reservation_changelist")
        return [
            Figure(gettext("waiting for a book"), by_state.get("waiting", 0), f"{reservations}?state__exact=waiting"),
            Figure(gettext("ready for pick-up"), by_state.get("ready", 0), f"{reservations}?state__exact=ready"),
        ]

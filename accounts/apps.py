"""Accounts as a Django app."""

from datetime import datetime, timedelta
from typing import Any

from django.apps import AppConfig
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from library.core.panel import Figure


class AccountsConfig(AppConfig):
    """People: those who sign in and those who hold a library card."""

    name = "accounts"
    verbose_name = _("People")

    def panel_figures(self, *, user: Any, now: datetime) -> list[Figure]:
        """Readers of the last seven days, for those who may see readers."""
        if not user.has_perm("accounts.view_reader"):
            return []
        since = timezone.localdate(now) - timedelta(days=6)
        new = self.get_model("Reader")._default_manager.filter(registered_on__gte=since).count()
        url = f"{reverse('admin:accounts_reader_changelist')}?registered_on__gte={since.isoformat()}"
        return [Figure(gettext("new readers in seven days"), new, url, "brass")]

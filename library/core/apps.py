"""The ground floor as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """Audit trail, idempotency keys and the days on which jobs ran."""

    name = "library.core"
    label = "core"
    verbose_name = _("Housekeeping")

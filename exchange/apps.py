"""The exchange with other libraries as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExchangeConfig(AppConfig):
    """What the catalogue offers to other programs: harvesting (OAI-PMH), searching (SRU), feeds."""

    name = "exchange"
    verbose_name = _("Exchange")

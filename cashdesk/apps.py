"""The cash desk as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CashdeskConfig(AppConfig):
    """What readers owe and why, what they paid, and the receipts."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "cashdesk"
    verbose_name = _("Charges and payments")

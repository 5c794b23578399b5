"""How allauth makes users here, what it sends and where it leads."""

from smtplib import SMTPException
from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import actions

log = structlog.get_logger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    """Signing up and in on the site."""

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Staff go to the panel, readers to their card."""
        return resolve_url("admin:index" if request.user.is_staff else "profile")

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """A confirmed address is also the one that the reader's letters go to."""
        confirmed: bool = super().confirm_email(request, email_address)
        if confirmed:
            actions.use_confirmed_email(user_id=email_address.user_id, email=email_address.email, now=timezone.now())
        return confirmed

    def send_mail(self, template_prefix: str, email: str, context_data: dict[str, Any]) -> None:
        """Send a letter now; when the mail server does not answer, say so on the page instead of breaking it."""
        request = context.request
        letter = self.render_mail(
            template_prefix,
            email,
            {
                "request": request,
                "email": email,
                "library_name": settings.LIBRARY_NAME,
                "library_url": settings.LIBRARY_URL,
                **context_data,
            },
        )
        try:
            letter.send()
        except (SMTPException, OSError):
            log.exception("accounts.letter_not_sent", template=template_prefix)
            messages.warning(request, _("We could not send the letter. Please try again in a few minutes."))

"""Make a librarian or an administrator from the command line: the first one of a new library."""

import secrets
import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import actions
from accounts.models import STAFF_ROLES, User
from library.core.errors import Invalid


class Command(BaseCommand):
    """Asks for a password unless it comes by standard input or is to be generated (then it is printed once)."""

    help = "Make a librarian or an administrator."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--role", choices=sorted(STAFF_ROLES), default="librarian")
        parser.add_argument("--name", default="", help=_("Full name; the e-mail when left out."))
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--password-stdin", action="store_true", help=_("Read the password from standard input."))
        source.add_argument("--generate", action="store_true", help=_("Make up a password and print it."))

    def handle(self, *args: Any, **options: Any) -> None:
        email, name = options["email"].strip().lower(), options["name"].strip()
        try:
            validate_email(email)
            password = self._password(options, User(email=email, full_name=name))
            user = actions.create_staff(
                email=email,
                full_name=name or email,
                password=password,
                role=options["role"],
                by=None,
                now=timezone.now(),
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except Invalid as error:
            raise CommandError(
                " ".join(message for messages in error.errors.values() for message in messages)
            ) from error
        self.stdout.write(
            self.style.SUCCESS(
                _("%(email)s can sign in now; role: %(role)s.") % {"email": user.email, "role": user.get_role_display()}
            )
        )
        if options["generate"]:
            self.stdout.write(_("Password: %(password)s") % {"password": password})

    def _password(self, options: dict[str, Any], user: User) -> str:
        if options["generate"]:
            return secrets.token_urlsafe(12)
        if options["password_stdin"]:
            password = sys.stdin.readline().rstrip("\r\n")
        elif sys.stdin.isatty():
            password = getpass(_("Password: "))
            if password != getpass(_("Password again: ")):
                raise CommandError(_("The two passwords differ. Nothing was changed."))
        else:
            raise CommandError(_("No terminal to ask for a password: use --password-stdin or --generate."))
        validate_password(password, user)
        return password

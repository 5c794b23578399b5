"""`manage.py make_push_keys`: the library's own key for messages in browsers."""

from typing import Any

from django.core.management.base import BaseCommand

from webpush.keys import new_private_key


class Command(BaseCommand):
    """Prints a line for the .env file."""

    help = "Make the key for messages in browsers. Keep it: with another one every reader has to switch them on again."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"PUSH_PRIVATE_KEY={new_private_key()}")

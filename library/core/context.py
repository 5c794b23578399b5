"""What every template knows."""

from django.conf import settings
from django.http import HttpRequest

THEMES = ("auto", "light", "dark")
"""Values of the `theme` cookie; `auto` follows the device."""


def library(request: HttpRequest) -> dict[str, str]:
    """The library's name, its currency and public address, and the theme this browser chose."""
    theme = request.COOKIES.get("theme", "auto")
    return {
        "library_name": settings.LIBRARY_NAME,
        "library_currency": settings.LIBRARY_CURRENCY,
        "library_url": settings.LIBRARY_URL,
        "theme": theme if theme in THEMES else "auto",
    }

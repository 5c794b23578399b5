"""How much one user may ask the world outside."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from library.core.api import Limit


class LookupLimit(Limit):
    """`LOOKUP_PER_MINUTE` questions a user, on the panel and by the API together."""

    name = "lookup"
    seconds = 60

    @property
    def calls(self) -> int:  # type: ignore[override]
        """Questions in a minute."""
        return int(settings.LOOKUP_PER_MINUTE)

    def ident(self, request: Request | HttpRequest) -> str | None:
        """The signed-in user; strangers get nowhere near."""
        return str(request.user.pk) if request.user.is_authenticated else None


def is_allowed(request: HttpRequest) -> bool:
    """Count a question of the panel and say whether it is still within the limit."""
    return LookupLimit().allow_request(request, None)  # type: ignore[arg-type] # it reads the user only

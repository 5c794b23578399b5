"""The doors for other programs: harvesting by OAI-PMH, searching by SRU, feeds. Nobody signs in, nothing is written."""

import math
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_safe

from exchange import feeds, oai, sru
from library.core.api import Limit

ANSWER_SECONDS = 60
"""How long proxies and clients may keep the answer to a search."""
FEED_SECONDS = 900
View = Callable[[HttpRequest], HttpResponse]


class CallsPerAddress(Limit):
    """So many requests a minute from one address, for each protocol apart."""

    seconds = 60

    def __init__(self, name: str) -> None:
        self.name = f"exchange.{name}"  # type: ignore[misc] # one class serves each protocol
        self.calls = settings.EXCHANGE_CALLS_PER_MINUTE  # type: ignore[misc] # a setting, which tests change


def limited(name: str) -> Callable[[View], View]:
    """Answer 503 with Retry-After, which harvesters understand, to an address that asks too often."""

    def decorate(view: View) -> View:
        @wraps(view)
        def within_limit(request: HttpRequest) -> HttpResponse:
            limit = CallsPerAddress(name)
            if limit.allow_request(request, None):  # type: ignore[arg-type] # counts by the address alone
                return view(request)
            wait = math.ceil(limit.wait()) or 1
            text = _("Too many requests. Come back in %(seconds)d s.") % {"seconds": wait}
            return HttpResponse(
                f"{text}\n", status=503, headers={"Retry-After": str(wait)}, content_type="text/plain; charset=utf-8"
            )

        return within_limit

    return decorate


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@limited("oai")
@cache_control(no_cache=True)
@gzip_page
def oai_pmh(request: HttpRequest) -> HttpResponse:
    """The OAI-PMH 2.0 provider."""
    parameters = request.POST if request.method == "POST" else request.GET
    return HttpResponse(oai.respond(parameters), content_type="text/xml; charset=utf-8")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@limited("sru")
@cache_control(public=True, max_age=ANSWER_SECONDS)
@gzip_page
def sru_search(request: HttpRequest) -> HttpResponse:
    """The SRU 1.2 server."""
    parameters = request.POST if request.method == "POST" else request.GET
    return HttpResponse(sru.respond(parameters), content_type="text/xml; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=FEED_SECONDS)
def open_search(request: HttpRequest) -> HttpResponse:
    """How browsers search here from their address bar."""
    return HttpResponse(feeds.open_search(), content_type="application/opensearchdescription+xml; charset=utf-8")


@require_safe
@limited("feed")
@cache_control(public=True, max_age=FEED_SECONDS)
@gzip_page
def new_titles(request: HttpRequest) -> HttpResponse:
    """The newest titles as an Atom feed."""
    return HttpResponse(feeds.new_titles(), content_type="application/atom+xml; charset=utf-8")

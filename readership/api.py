"""The API on readers as a whole: their own card, history and data."""

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ReaderSerializer
from accounts.models import Reader
from accounts.queries import reader_of
from library.core.api import SIGNED_IN, ApiView
from readership.cards import renew_own_card
from readership.wording import sentence


class OwnView(ApiView):
    """About whoever calls; 404 for those who have no card."""

    wording = staticmethod(sentence)

    def own(self) -> Reader:
        """The caller's card."""
        reader = reader_of(self.caller)
        if reader is None:
            raise Http404
        return reader


class MyCardView(OwnView):
    """One's own card."""

    needs = {"post": SIGNED_IN}
    serializer_class = ReaderSerializer

    @extend_schema(request=None, responses=ReaderSerializer)
    def post(self, request: Request) -> Response:
        """Extend my card

        Where the category lets readers do it, shortly before and after the card expires, and nothing is owed, overdue
        or blocked; otherwise 409 `refused` with every reason.
        """
        reader = renew_own_card(reader_id=self.own().pk, by=self.caller, now=timezone.now())
        return Response(self.get_serializer(reader).data)

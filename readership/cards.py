"""Readers extend their own card, where their category lets them."""

from datetime import datetime

from django.utils import timezone

import accounts.actions
from accounts.models import Reader, User
from library.core.errors import Refused
from library.core.transactions import one_commit
from readership import queries, rules


def renew_own_card(*, reader_id: int, by: User, now: datetime) -> Reader:
    """Extend a card by the months of its category: from its last good day, or from today if that is past.

    Raises Refused with every reason (`renewal_at_desk`, `renewal_too_early`, `expired_too_long`, `category_outgrown`,
    those of the reader), Reader.DoesNotExist, Busy.
    """
    with one_commit():
        readers = Reader.objects.current().select_related("category", "home_branch")
        reader = readers.filter(pk=reader_id).locked().get()
        if refusals := rules.own_renewal_refusals(queries.renewal_facts(reader, now=now)):
            raise Refused(refusals)
        today = timezone.localdate(now, reader.home_branch.zone)
        last = accounts.actions.card_expiry(registered_on=max(today, reader.expires_on), category=reader.category)
        return accounts.actions.renew_card(reader_id=reader.pk, expires_on=last, by=by, now=now)

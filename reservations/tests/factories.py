"""Ready-made reservations for tests, as the actions would have left them."""

from datetime import UTC, datetime, timedelta

import factory

from reservations.models import Reservation

PLACED = datetime(2026, 3, 1, 12, tzinfo=UTC)


class ReservationFactory(factory.django.DjangoModelFactory):
    """A waiting reservation, each a minute after the one before, from 1 March 2026, 12:00 UTC on."""

    book = factory.SubFactory("catalog.tests.factories.BookFactory")
    reader = factory.SubFactory("accounts.tests.factories.ReaderFactory")
    pickup_branch = factory.SubFactory("policies.tests.factories.BranchFactory")
    placed_at = factory.Sequence(lambda n: PLACED + timedelta(minutes=n))
    order = factory.LazyAttribute(lambda one: round(one.placed_at.timestamp() * 1_000_000))

    class Meta:
        model = Reservation

"""Ready-made loans for tests, as check-outs of the past would have left them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import factory

from catalog.models import Copy
from circulation.models import Loan
from policies.terms import Terms

MOSCOW = ZoneInfo("Europe/Moscow")


class LoanFactory(factory.django.DjangoModelFactory):
    """An open loan of 1 March 2026, 12:00 UTC, on the terms of a new library, due on 15 March, 23:59:59 in Moscow.

    `LoanFactory(terms=Terms(max_renewals=0).as_json())`; with `returned_at` the loan is closed and the copy available.
    """

    copy = factory.SubFactory("catalog.tests.factories.CopyFactory")
    reader = factory.SubFactory("accounts.tests.factories.ReaderFactory")
    branch = factory.SelfAttribute("copy.branch")
    checked_out_at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    due_at = factory.LazyAttribute(
        lambda loan: (
            (loan.checked_out_at + timedelta(days=14))
            .astimezone(MOSCOW)
            .replace(hour=23, minute=59, second=59, microsecond=0)
        )
    )
    terms = factory.LazyFunction(lambda: Terms().as_json())
    return_branch = factory.LazyAttribute(lambda loan: loan.branch if getattr(loan, "returned_at", None) else None)

    class Meta:
        model = Loan
        skip_postgeneration_save = True

    @factory.post_generation
    def status(self, create, extracted, **kwargs):
        """The copy's status agrees with its loan."""
        if create and self.returned_at is None:
            Copy.objects.filter(pk=self.copy_id).update(status=Copy.Status.LOANED)
            self.copy.status = Copy.Status.LOANED

"""Notices and letters for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import factory

from notifications.models import Event, Letter, Notice

WRITTEN_AT = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


def loan_data(**changes: Any) -> dict[str, Any]:
    """The data of a notice about one loan, as `notifications.letters.loan_line` makes it."""
    return {
        "loan": "7d9f0a52-8f5e-4d52-9b6c-0f5f8a3c2b11",
        "title": "Война и мир",
        "authors": "Толстой Л. Н.",
        "inventory_number": "A-17",
        "branch": "Main branch",
        "due_on": "2026-11-23",
        "due_time": "",
        **changes,
    }


class NoticeFactory(factory.django.DjangoModelFactory):
    """A notice that one loan is due soon, ready, in no letter."""

    class Meta:
        model = Notice

    key = factory.Sequence("due_soon:loan-{}:2026-11-23:3".format)
    event = Event.DUE_SOON
    stage = 3
    reader = factory.SubFactory("accounts.tests.factories.ReaderFactory")
    data = factory.LazyFunction(loan_data)
    created_at = WRITTEN_AT
    ready_at = WRITTEN_AT


class LetterFactory(factory.django.DjangoModelFactory):
    """A letter with one notice, waiting to be sent since WRITTEN_AT; `data=[…, …]` for several notices."""

    class Meta:
        model = Letter
        skip_postgeneration_save = True

    reader = factory.SubFactory("accounts.tests.factories.ReaderFactory")
    event = Event.DUE_SOON
    stage = 3
    address = factory.SelfAttribute("reader.email")
    language = "en"
    created_at = WRITTEN_AT
    expires_at = datetime(2099, 1, 1, tzinfo=UTC)
    next_attempt_at = WRITTEN_AT

    @factory.post_generation
    def data(self: Letter, create: bool, extracted: list[dict[str, Any]] | None, **kwargs: Any) -> None:
        """One notice for each."""
        for data in extracted if extracted is not None else [loan_data()]:
            NoticeFactory(
                reader=self.reader,
                event=self.event,
                stage=self.stage,
                letter=self,
                data=data,
                created_at=WRITTEN_AT,
                ready_at=WRITTEN_AT + timedelta(),
            )

"""What the tests of the exchange share."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db.models import F

from exchange.models import PublishedRecord


@pytest.fixture(autouse=True)
def _empty_cache():
    """Neither limits nor lists of sets from another test."""
    cache.clear()


@pytest.fixture
def an_hour_later():
    """Everything so far was an hour earlier: harvesters see closed seconds only."""

    def pass_time():
        PublishedRecord.objects.update(changed_at=F("changed_at") - timedelta(hours=1))

    return pass_time

"""What the catalogue's tests share."""

import pytest
from django.core.cache import cache
from django.utils import translation


@pytest.fixture(autouse=True)
def _fresh_front_page():
    """The front page remembers its figures in the cache; every test begins without."""
    cache.delete("catalog.front_page")


@pytest.fixture
def english(client):
    """The client reads English, whatever the library's own language is."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    with translation.override("en"):
        yield client

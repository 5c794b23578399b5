"""The tests here read messages in English."""

import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def _in_english(settings):
    settings.LANGUAGE_CODE = "en"
    with translation.override("en"):
        yield

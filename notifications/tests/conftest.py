"""The mail server of the delivery tests."""

import logging

import pytest

from notifications.tests.sink import start_sink


@pytest.fixture
def sink(settings):
    """A real SMTP server that the library is set to use."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    sink, controller = start_sink()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.EMAIL_TIMEOUT = 5
    settings.DEFAULT_FROM_EMAIL = "desk@library.example"
    settings.LIBRARY_NAME = "Городская библиотека"
    settings.LIBRARY_URL = "https://library.example"
    yield sink
    controller.stop()

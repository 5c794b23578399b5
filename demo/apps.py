"""The demo library as a Django app."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Real books, made-up readers and a lived-in past, to try the library on."""

    name = "demo"

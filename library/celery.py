"""The task queue: one Celery application, its tasks found in every app."""

import logging
import os
from logging.config import dictConfig

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
"""`manage.py prepare` has made Django's checks, and they load every page: without them worker and beat start in half of
the time and take two thirds of the memory."""

app = Celery("library")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)

REPETITIVE = ("celery.worker.strategy", "celery.app.trace")
"""Loggers that tell of each task's start and success once more, after django-structlog's own lines, without its ids."""


@setup_logging.connect
def use_django_logging(**_kwargs: object) -> None:
    """Keep Celery from replacing the project's log format."""
    dictConfig(settings.LOGGING)
    for name in REPETITIVE:
        logging.getLogger(name).setLevel(logging.WARNING)

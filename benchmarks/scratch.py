"""What every benchmark needs: an empty, migrated database of its own on the server of DATABASE_URL."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import django


@contextmanager
def scratch_database(name: str) -> Iterator[None]:
    """Create the database `benchmark_<name>`, make it Django's default, and drop it at the end."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    django.setup()
    from django.db import connection  # Django must be set up first

    original = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"benchmark_{name}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(original, verbosity=0)

"""One commit, and what it means to wait for somebody else's."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from library.core.errors import Busy


@contextmanager
def one_commit() -> Iterator[None]:
    """Everything inside is written together or not at all.

    A lock that is not had within `lock_timeout` (3 s), or a deadlock, is `Busy`: nothing was written, trying again is
    safe.
    """
    try:
        with transaction.atomic():
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            raise Busy from error
        raise

"""`load_demo` killed half-way: nothing is left of it, and the next run loads everything."""

import json
import time

import pytest
from django.db import connection

from accounts.models import User
from catalog.models import Book
from circulation.models import Loan
from tests.processes import kill, process, wait_until

SET_UP_LOCK = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def is_loading():
    """Whether another connection holds the lock of the set-up."""
    with connection.cursor() as cursor:
        cursor.execute(SET_UP_LOCK)
        return cursor.fetchone()[0] > 0


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_demo_library_killed_half_way_leaves_nothing_and_loads_the_next_time(tmp_path):
    path, log = tmp_path / "credentials.json", tmp_path / "log"
    command = ["manage.py", "load_demo", "--today=2026-11-21", f"--credentials={path}"]
    with process(*command, log=log) as loading:
        wait_until(is_loading, what="the load begins", log=log)
        time.sleep(0.5)
        kill(loading)
    assert not Book.objects.exists()
    assert not User.objects.exists()
    assert not path.exists()

    with process(*command, log=log) as loading:
        assert loading.wait(60) == 0, log.read_text()
    assert Book.objects.count() == 573
    assert Loan.objects.count() > 1500
    sign_ins = json.loads(path.read_text())
    assert [sign_in["role"] for sign_in in sign_ins] == ["admin", "librarian", "reader"]
    for sign_in in sign_ins:
        assert User.objects.get(email=sign_in["email"]).has_usable_password()

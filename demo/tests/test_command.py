"""`load_demo` where the library is there already: its sign-ins, and nothing else.

How it is loaded into a database without one: tests/test_demo.py.
"""

import json
import os
from io import StringIO

import pytest
from django.core.management import call_command

from accounts.models import User
from demo.tests.conftest import fingerprint, load_demo
from library.core.models import AuditEntry

pytestmark = [pytest.mark.usefixtures("demo_library"), pytest.mark.django_db]


def test_sign_ins_are_written_for_their_owner_only_and_work(tmp_path):
    path = tmp_path / "var" / "credentials.json"
    load_demo(f"--credentials={path}")
    assert path.stat().st_mode & 0o777 == 0o600
    sign_ins = json.loads(path.read_text())
    assert [(one["role"], one["email"]) for one in sign_ins] == [
        ("admin", "admin@library.example"),
        ("librarian", "librarian@library.example"),
        ("reader", "reader@library.example"),
    ]
    for one in sign_ins:
        assert set(one) == {"role", "email", "password"}
        assert len(one["password"]) >= 12
        assert User.objects.get(email=one["email"]).check_password(one["password"])
    assert os.listdir(path.parent) == ["credentials.json"]


def test_loading_again_changes_nothing(tmp_path):
    path = tmp_path / "credentials.json"
    load_demo(f"--credentials={path}")
    before, written, entries = fingerprint(), path.read_text(), AuditEntry.objects.count()
    load_demo(f"--credentials={path}")
    call_command("load_demo", "--today=2027-05-05", f"--credentials={path}", stdout=StringIO())
    assert fingerprint() == before
    assert path.read_text() == written
    assert AuditEntry.objects.count() == entries


@pytest.mark.parametrize("content", [None, "", "{", "[]", '[{"role": "admin"}]', "null", b"\xff\xfe"])
def test_new_passwords_where_the_file_is_missing_or_spoilt(tmp_path, content):
    path = tmp_path / "credentials.json"
    load_demo(f"--credentials={path}")
    old = json.loads(path.read_text())
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    load_demo(f"--credentials={path}")
    new = json.loads(path.read_text())
    assert [one["email"] for one in new] == [one["email"] for one in old]
    assert all(one["password"] != other["password"] for one, other in zip(new, old, strict=True))
    assert all(User.objects.get(email=one["email"]).check_password(one["password"]) for one in new)


def test_a_file_of_an_earlier_library_is_replaced(tmp_path):
    """The database was made anew, or the loader killed before it wrote the file: the old passwords open nothing."""
    path = tmp_path / "credentials.json"
    path.write_text('[{"role": "admin", "email": "admin@library.example", "password": "old"}]')
    load_demo(f"--credentials={path}")
    assert len(json.loads(path.read_text())) == 3


def test_a_password_that_somebody_changed_stays(tmp_path):
    path = tmp_path / "credentials.json"
    load_demo(f"--credentials={path}")
    admin = User.objects.get(role="admin")
    admin.set_password("my own, thank you")
    admin.save()
    load_demo(f"--credentials={path}")
    admin.refresh_from_db()
    assert admin.check_password("my own, thank you")

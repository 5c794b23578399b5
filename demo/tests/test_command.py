"""`load_demo`: once, all or nothing, and its sign-ins."""

import json
import os
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.models import Reader, User
from catalog.models import Author, Book, Copy
from circulation.models import Loan
from demo.actions import load
from library.core.models import AuditEntry
from policies.models import Branch, ClosedDay, LendingRule

DAY = "--today=2026-11-21"


def load_demo(*arguments):
    out = StringIO()
    call_command("load_demo", DAY, *arguments, stdout=out)
    return out.getvalue()


def fingerprint():
    """Everything that one can see, but for numbers that a sequence gave."""
    loans = Loan.objects.order_by("checked_out_at", "copy__inventory_number")
    return [
        list(rows)
        for rows in (
            Book.objects.order_by("pk").values_list("title", "year", "created_at", "call_number"),
            Copy.objects.order_by("pk").values_list("inventory_number", "barcode", "branch__code", "status", "price"),
            Reader.objects.order_by("pk").values_list(
                "full_name", "birth_date", "expires_on", "email", "registered_on"
            ),
            loans.values_list(
                "copy__barcode", "reader__full_name", "checked_out_at", "due_at", "returned_at", "renewals", "terms"
            ),
        )
    ]


class Undone(Exception):
    """Ends a transaction."""


def loaded_and_undone():
    """What the demo library of that day is; nothing of it stays."""
    try:
        with transaction.atomic():
            load(today=date(2026, 11, 21), language="ru")
            seen = fingerprint()
            raise Undone
    except Undone:
        return seen


@pytest.mark.django_db
def test_the_same_day_gives_the_same_library():
    first = loaded_and_undone()
    assert not Book.objects.exists()
    assert loaded_and_undone() == first


@pytest.mark.django_db
def test_a_library_with_books_of_its_own_is_left_alone():
    Book.objects.create(title="Наша книга")
    with pytest.raises(CommandError):
        load_demo()
    assert not Branch.objects.exists()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_after_the_set_up_its_branch_categories_and_rule_are_used(settings):
    settings.LANGUAGE_CODE = "en"
    call_command("setup_library", language="ru", stdout=StringIO())
    LendingRule.objects.update(loan_period=10)
    Branch.objects.update(name="Наша библиотека")
    out = load_demo("--language=en")
    assert "librarian: librarian@library.example" in out
    assert set(Branch.objects.values_list("code", "name")) == {
        ("main", "Наша библиотека"),
        ("children", "Children's library"),
        ("village", "Village library, Zarechye"),
    }
    assert LendingRule.objects.default().get().loan_period == 10
    assert Branch.objects.get(code="main").opening_hours.count() == 7
    assert ClosedDay.objects.filter(reason="Victory Day").exists()
    assert Author.objects.filter(name="Толстой, Лев Николаевич").exists()
    assert "librarian@library.example" not in load_demo()


@pytest.mark.django_db
class TestLoaded:
    """The library is there; the command is called again."""

    pytestmark = pytest.mark.usefixtures("demo_library")

    def test_sign_ins_are_written_for_their_owner_only_and_work(self, tmp_path):
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

    def test_loading_again_changes_nothing(self, tmp_path):
        path = tmp_path / "credentials.json"
        load_demo(f"--credentials={path}")
        before, written, entries = fingerprint(), path.read_text(), AuditEntry.objects.count()
        load_demo(f"--credentials={path}")
        call_command("load_demo", "--today=2027-05-05", f"--credentials={path}", stdout=StringIO())
        assert fingerprint() == before
        assert path.read_text() == written
        assert AuditEntry.objects.count() == entries

    @pytest.mark.parametrize("content", [None, "", "{", "[]", '[{"role": "admin"}]', "null", b"\xff\xfe"])
    def test_new_passwords_where_the_file_is_missing_or_spoilt(self, tmp_path, content):
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

    def test_a_file_of_an_earlier_library_is_replaced(self, tmp_path):
        """The database was made anew, or the loader killed before it wrote the file: the old passwords open nothing."""
        path = tmp_path / "credentials.json"
        path.write_text('[{"role": "admin", "email": "admin@library.example", "password": "old"}]')
        load_demo(f"--credentials={path}")
        assert len(json.loads(path.read_text())) == 3

    def test_a_password_that_somebody_changed_stays(self, tmp_path):
        path = tmp_path / "credentials.json"
        load_demo(f"--credentials={path}")
        admin = User.objects.get(role="admin")
        admin.set_password("my own, thank you")
        admin.save()
        load_demo(f"--credentials={path}")
        admin.refresh_from_db()
        assert admin.check_password("my own, thank you")

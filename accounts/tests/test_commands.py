"""`create_staff`: the first administrator of a new library."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def create_staff(*args):
    out = io.StringIO()
    call_command("create_staff", *args, stdout=out)
    return out.getvalue()


def test_password_from_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("Anna-Pavlovna-1805\nignored\n"))
    told = create_staff("--role", "admin", "--email", "Anna@Example.org", "--name", "Анна", "--password-stdin")
    user = User.objects.get()
    assert (user.email, user.role, user.full_name) == ("anna@example.org", "admin", "Анна")
    assert user.check_password("Anna-Pavlovna-1805")
    assert list(user.groups.values_list("name", flat=True)) == ["admin"]
    assert "Anna-Pavlovna-1805" not in told


def test_generated_password_is_printed_and_works():
    told = create_staff("--email", "lib@example.org", "--generate")
    user = User.objects.get()
    assert user.role == "librarian"
    assert user.check_password(told.split()[-1])


@pytest.mark.parametrize("password", ["12345678", "", "short"])
def test_bad_password_makes_nobody(monkeypatch, password):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    with pytest.raises(CommandError):
        create_staff("--email", "lib@example.org", "--password-stdin")
    assert not User.objects.exists()


@pytest.mark.parametrize("email", ["nonsense", "TAKEN@example.org"])
def test_bad_or_taken_address_makes_nobody(email):
    UserFactory(email="taken@example.org")
    with pytest.raises(CommandError):
        create_staff("--email", email, "--generate")
    assert User.objects.count() == 1


def test_without_a_terminal_it_says_how(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(CommandError, match="--password-stdin"):
        create_staff("--email", "lib@example.org")

"""The demo library where there was none: deterministic, on top of a set-up, never among the books of others.

Apart from demo/tests, where it stands from the first test to the last.
"""

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.models import User
from catalog.models import Author, Book
from demo.actions import load
from demo.tests.conftest import fingerprint, load_demo
from policies.models import Branch, ClosedDay, LendingRule

pytestmark = pytest.mark.django_db


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


def test_the_same_day_gives_the_same_library():
    first = loaded_and_undone()
    assert not Book.objects.exists()
    assert loaded_and_undone() == first


def test_a_library_with_books_of_its_own_is_left_alone():
    Book.objects.create(title="Наша книга")
    with pytest.raises(CommandError):
        load_demo()
    assert not Branch.objects.exists()
    assert not User.objects.exists()


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

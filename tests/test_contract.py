"""Every operation of the API against its own description: schemathesis makes up the calls, through WSGI.

Deterministic and bounded: an administrator makes EXAMPLES calls an operation, besides the edge values of every
parameter, readers and strangers a few. Addresses name real objects, so that calls get past «not found».

Left out are two checks: the description cannot say which codes of branches exist (valid data may be refused), and forms
understand "5" where a number is due (wrong types may be accepted); what must be refused is tested by name in each app.
"""

from datetime import date
from decimal import Decimal

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi import checks

import cashdesk.actions
from accounts import tokens
from accounts.tests.factories import AdminFactory, ReaderBlockFactory, ReaderFactory, UserFactory
from cashdesk.models import Kind, Method
from catalog.models import Author
from catalog.search import index_books
from catalog.tests.factories import BookFactory, CopyFactory
from circulation.tests.factories import LoanFactory
from library.core.api import Limit
from library.core.models import IdempotencyKey
from library.wsgi import application
from policies.tests.factories import BranchFactory, DefaultRuleFactory, ItemTypeFactory, ReaderCategoryFactory

EXAMPLES = 4
FEW_EXAMPLES = 2
LEFT_OUT = [checks.positive_data_acceptance, checks.negative_data_rejection]

pytestmark = pytest.mark.django_db


api = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application)
plain = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
thorough = settings(plain, max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate])
brief = settings(plain, max_examples=FEW_EXAMPLES, phases=[Phase.generate])


@pytest.fixture(autouse=True)
def _one_connection():
    """As Django's own test client: the connection, with the test's transaction, stays open between calls."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def standing_world(standing):
    """A library with one of everything: path -> parameters of something that is there, caller -> access token."""
    DefaultRuleFactory()
    centre, adult = BranchFactory(code="centre"), ReaderCategoryFactory(code="adult", is_default=True)
    kind = ItemTypeFactory(code="book")
    book = BookFactory(authors=["Толстой, Лев"], genres=["роман"], isbns=["9785389049352"])
    shelf = CopyFactory(book=book, branch=centre, item_type=kind, inventory_number="INV-1", barcode="B-1")
    vera = ReaderFactory(card_number="R1", category=adult, home_branch=centre, user=UserFactory())
    block = ReaderBlockFactory(reader=vera, ends_on=date(2099, 1, 1))
    loan = LoanFactory(reader=vera, copy__branch=centre)
    index_books([book.pk])
    money = {"branch_id": centre.pk, "by": AdminFactory(), "now": timezone.now(), "amount": Decimal(10)}
    charge = cashdesk.actions.charge(reader_id=vera.pk, kind=Kind.MANUAL, reason="Копии", **money)
    payment = cashdesk.actions.pay(reader_id=vera.pk, method=Method.CASH, **money)
    return {
        "boss": tokens.issue(AdminFactory())["access"],
        "vera": tokens.issue(vera.user)["access"],
        "/books/": {"uid": str(BookFactory().uid)},
        "/copies/": {"uid": str(shelf.uid)},
        "/authors/": {"id": Author.objects.get().pk},
        "/readers/": {"uid": str(vera.uid), "block": block.pk},
        "/loans/": {"uid": str(loan.uid)},
        "/charges/": {"uid": str(charge.uid)},
        "/payments/": {"uid": str(payment.uid)},
        "/staff/": {"uid": str(UserFactory().uid)},
    }


@pytest.fixture
def world(standing_world, monkeypatch):
    """The library before anything was done to it, with nobody too busy."""
    cache.clear()
    monkeypatch.setattr(Limit, "allow_request", lambda self, request, view: True)
    return standing_world


def run(case, world, role=None):
    IdempotencyKey.objects.all().delete()  # whoever makes up calls sends one key with all of them
    for prefix, parameters in world.items():
        if prefix.startswith("/") and prefix in case.path:
            case.path_parameters |= {name: parameters[name] for name in case.path_parameters if name in parameters}
    headers = {"Authorization": f"Bearer {world[role]}"} if role else {}
    case.call_and_validate(headers=headers, excluded_checks=LEFT_OUT)


@api.parametrize()
@thorough
def test_as_an_administrator(case, world):
    run(case, world, "boss")


@api.parametrize()
@brief
def test_as_a_reader(case, world):
    run(case, world, "vera")


@api.parametrize()
@brief
def test_as_a_stranger(case, world):
    run(case, world)

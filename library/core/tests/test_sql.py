"""Statements built once send and bring what those of the ORM would."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.db.models import F, Value
from django.db.transaction import TransactionManagementError

from accounts.tests.factories import UserFactory
from library.core.models import AuditEntry, IdempotencyKey
from library.core.sql import Ready, insert, update

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

entries_by = Ready(
    lambda of: (
        AuditEntry.objects.filter(actor=of("who"), action__among=of("actions"), subject_type="thing")
        .select_related("actor")
        .defer("request_id")
        .annotate(number=F("subject_id") + Value(1))
        .order_by("pk")
    )
)
numbers = Ready(
    lambda of: AuditEntry.objects.filter(pk__among=of("keys")).order_by("pk").values_list("subject_id", "at")
)
locked = Ready(lambda of: AuditEntry.objects.filter(pk=of("key")).select_for_update(of=("self",), no_key=True))


def entry(**fields):
    made = AuditEntry(
        **{
            "at": NOW,
            "action": "try",
            "subject_type": "thing",
            "subject_id": 7,
            "subject_name": "Вещь",
            **fields,
        }
    )
    insert(made)
    return made


@pytest.mark.django_db
def test_a_ready_query_brings_what_its_query_set_does(django_assert_num_queries):
    anna, boris = UserFactory(full_name="Анна"), UserFactory(full_name="Борис")
    detail = {"due_on": date(2026, 3, 16), "fine": Decimal("1.50")}
    first = entry(actor=anna, detail=detail)
    entry(actor=boris, action="look")
    entry(actor=anna, action="leave")
    last = entry(actor=anna, action="look", subject_id=8)
    with django_assert_num_queries(1):
        found = entries_by.rows(who=anna.pk, actions=["try", "look"])
        assert [(one.pk, one.actor.full_name, one.number) for one in found] == [
            (first.pk, "Анна", 8),
            (last.pk, "Анна", 9),
        ]
        assert found[0].detail == {"due_on": "2026-03-16", "fine": "1.50"}
        assert found[0].at == NOW
    assert found[0].get_deferred_fields() == {"request_id"}
    assert found == list(AuditEntry.objects.filter(pk__in=[first.pk, last.pk]).order_by("pk"))
    with django_assert_num_queries(1):
        found = entries_by.rows(who=boris.pk, actions=["look"])
        assert [one.actor.full_name for one in found] == ["Борис"]
    assert entries_by.first(who=boris.pk, actions=["try"]) is None


@pytest.mark.django_db
def test_a_ready_query_brings_values():
    made = [entry(), entry(subject_id=8)]
    assert numbers.rows(keys=[one.pk for one in made]) == [(7, NOW), (8, NOW)]
    assert numbers.rows(keys=[]) == []


@pytest.mark.django_db
def test_a_ready_query_locks():
    made = entry()
    assert locked.first(key=made.pk) == made


@pytest.mark.django_db(transaction=True)
def test_nothing_is_locked_outside_of_a_transaction():
    with transaction.atomic():
        locked.rows(key=1)
    with pytest.raises(TransactionManagementError):
        locked.rows(key=1)


@pytest.mark.django_db
def test_an_inserted_row_is_as_if_saved(django_assert_num_queries):
    with django_assert_num_queries(1):
        made = entry(detail={"note": "Ёж"})
    kept = AuditEntry.objects.get()
    for field in AuditEntry._meta.concrete_fields:
        assert getattr(kept, field.attname) == getattr(made, field.attname), field
    made.subject_name = "Другая"
    made.save()
    assert AuditEntry.objects.get().subject_name == "Другая"


def answer(**fields):
    return IdempotencyKey(
        **{"key": "k1", "method": "POST", "path": "/", "body_digest": "", "created_at": NOW, **fields}
    )


@pytest.mark.django_db
def test_what_is_known_is_not_inserted_again():
    assert insert(answer(), unless_known=True) is True
    again = answer(path="/other/")
    assert insert(again, unless_known=True) is False
    assert again.pk is None
    assert IdempotencyKey.objects.get().path == "/"


@pytest.mark.django_db
def test_an_update_writes_the_fields_named_and_no_others(django_assert_num_queries):
    made = answer()
    insert(made)
    made.status, made.answer, made.path = 201, "{}", "/other/"
    with django_assert_num_queries(1):
        update(made, "status", "answer")
    kept = IdempotencyKey.objects.get()
    assert (kept.status, kept.answer, kept.path) == (201, "{}", "/")
    kept.delete()
    with pytest.raises(DatabaseError):
        update(made, "status")

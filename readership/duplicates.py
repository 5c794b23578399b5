"""Readers who are probably one person: groups that share name and birth date, an e-mail, or a phone."""

from enum import StrEnum
from itertools import combinations
from typing import Any

from django.db.models import CharField, Count, F, Value
from django.db.models.functions import Cast, Concat, Lower

from accounts.models import Reader
from readership.models import DistinctReaders

GROUPS = 20
"""Groups of one page."""
MOST_OF_A_GROUP = 10


class Likeness(StrEnum):
    """What readers of a group have in common."""

    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"


def _by_key(kind: Likeness) -> Any:
    """Readers who say something of the kind, with what they say as `key`."""
    readers = Reader.objects.current()
    if kind == Likeness.EMAIL:
        return readers.exclude(email="").annotate(key=Lower("email"))
    if kind == Likeness.PHONE:
        return readers.exclude(folded_phone="").annotate(key=F("folded_phone"))
    born = Cast("birth_date", CharField())
    return readers.filter(birth_date__isnull=False).annotate(key=Concat("folded_name", Value(" "), born))


def probable_duplicates(kind: Likeness, *, after: str = "") -> tuple[list[list[Reader]], str]:
    """One page of groups in the order of their keys, and the key to go on after; empty: there are no more.

    Readers all told apart from each other are left out. Three queries.
    """
    found = _by_key(kind)
    keys = found.filter(key__gt=after).order_by("key").values("key").annotate(count=Count("pk")).filter(count__gt=1)
    page = list(keys.values_list("key", flat=True)[: GROUPS + 1])
    groups: dict[str, list[Reader]] = {key: [] for key in page[:GROUPS]}
    for reader in found.filter(key__in=groups).select_related("category", "home_branch").order_by("pk"):
        groups[reader.key].append(reader)
    ids = [reader.pk for group in groups.values() for reader in group]
    apart = set(DistinctReaders.objects.filter(first__in=ids).values_list("first", "second"))
    shown = [
        group[:MOST_OF_A_GROUP]
        for group in groups.values()
        if any(pair not in apart for pair in combinations([reader.pk for reader in group], 2))
    ]
    return shown, page[GROUPS - 1] if len(page) > GROUPS else ""

"""What templates of other apps say about reservations: the box on the page of a book."""

from typing import Any

from django import template
from django.template import Context
from django.utils import timezone

from accounts.models import User
from accounts.queries import reader_of
from catalog.models import Book
from library.core.dates import day as day_in_words
from library.core.errors import Refusal
from policies.models import Branch
from reservations import queries, rules
from reservations.wording import sentence

register = template.Library()
register.filter("day", day_in_words)


@register.filter
def say(refusal: Refusal) -> str:
    """A reason as a sentence."""
    return sentence(refusal)


@register.inclusion_tag("reservations/partials/reserve.html", takes_context=True)
def reserve_box(context: Context, book: Book) -> dict[str, Any]:
    """Reserve a book with choice of the branch, or why not. One query for strangers."""
    request = context["request"]
    now = timezone.now()
    user = request.user
    shown: dict[str, Any] = {"request": request, "book": book, "csrf_token": context.get("csrf_token"), "user": user}
    reader = reader_of(user) if isinstance(user, User) else None
    shown["waiting"] = queries.waiting_for(book)
    if reader is None:
        return shown
    own = list(queries.active_of(reader).filter(book=book))
    facts = queries.reserve_facts(book=book, reader=reader, pickup_branch=reader.home_branch, now=now)
    refusals = rules.reserve_refusals(facts)
    branches = list(Branch.objects.all())
    expected = {} if refusals else queries.expected_at(book, reader, branches, now=now)
    return shown | {
        "reader": reader,
        "standings": queries.standings(own, now=now),
        "refusals": [refusal for refusal in refusals if not (own and refusal.reason == rules.Reason.ALREADY_RESERVED)],
        "may_reserve": not refusals,
        "choices": [(branch, expected[branch.pk]) for branch in branches if branch.pk in expected],
        "today": now.astimezone(reader.home_branch.zone).date(),
    }

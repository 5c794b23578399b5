"""What doors and actions ask about people."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.db.models.functions import Lower

from accounts import rules
from accounts.models import FormerCard, Reader, ReaderBlock, ReaderQuerySet, User, fold_phone
from library.core.errors import Refusal, Refused
from library.core.scanning import readings
from library.core.sql import Ready
from library.core.text import fold


def duplicate_candidates(
    *,
    full_name: str = "",
    birth_date: date | None = None,
    email: str = "",
    phone: str = "",
    except_id: int | None = None,
) -> ReaderQuerySet:
    """Readers who may be the same person: same e-mail, same phone, or same name and birth date. For staff only."""
    same = Q()
    if email := email.strip():
        same |= Q(email__iexact=email)
    if phone := fold_phone(phone):
        same |= Q(folded_phone=phone)
    if (name := fold(full_name)) and birth_date:
        same |= Q(folded_name=name, birth_date=birth_date)
    if not same:
        return Reader.objects.none()
    found = Reader.objects.current().filter(same)
    return found if except_id is None else found.exclude(pk=except_id)


def readers_matching(text: str) -> ReaderQuerySet:
    """Readers by card number, name (every word, folded), phone or e-mail, for the search boxes of staff."""
    folded = fold(text)
    found = Q(card_number__iexact=text.strip()) | Q(email__iexact=text.strip())
    if folded:
        names = Q()
        for word in folded.split():
            names &= Q(folded_name__contains=word)
        found |= names
    if len(digits := fold_phone(text)) >= 5:
        found |= Q(folded_phone__contains=digits) | Q(card_number__contains=digits)
    return Reader.objects.current().filter(found)


def readers_visible_to(user: User | AnonymousUser) -> ReaderQuerySet:
    """All readers for staff who may view them, oneself for anybody else who is signed in."""
    if user.has_perm("accounts.view_reader"):
        return Reader.objects.current()
    if not user.is_authenticated:
        return Reader.objects.none()
    return Reader.objects.current().filter(user=user)


def reader_of(user: User) -> Reader | None:
    """The card of whoever is signed in; None for staff without one."""
    return Reader.objects.current().select_related("category", "home_branch").filter(user=user).first()


def reader_by_scan(code: str) -> Reader | None:
    """The reader with this card number, whatever the case or the keyboard layout.

    A number from before a merge still finds its reader; one of a lost or replaced card finds nobody: `dead_card`.
    """
    folded = [reading.lower() for reading in readings(code)]
    if reader := _BY_CARD.first(readings=folded):
        return reader
    works = FormerCard.objects.alias(folded=Lower("number")).filter(folded__in=folded, state=FormerCard.State.WORKS)
    return _with_cards().filter(pk__in=works.values("reader")).first()


def _with_cards() -> ReaderQuerySet:
    return Reader.objects.select_related("category", "home_branch").current()


_BY_CARD = Ready(lambda of: _with_cards().alias(folded=Lower("card_number")).filter(folded__among=of("readings")))


def dead_card(code: str) -> FormerCard | None:
    """The card of this number that was lost or replaced, with its reader."""
    cards = FormerCard.objects.alias(folded=Lower("number")).select_related("reader__home_branch")
    folded = [reading.lower() for reading in readings(code)]
    return cards.exclude(state=FormerCard.State.WORKS).filter(folded__in=folded).first()


def reader_of_card(code: str) -> Reader | None:
    """The reader who comes with this card. Raises Refused (`card_lost`) for one that was lost or replaced."""
    reader = reader_by_scan(code)
    if reader is None and (dead := dead_card(code)):
        raise Refused([dead_card_refusal(dead)])
    return reader


def dead_card_refusal(dead: FormerCard) -> Refusal:
    """Why nothing is lent on a card that was lost or replaced."""
    zone = dead.reader.home_branch.zone
    return rules.refusal(rules.ReaderReason.CARD_LOST, replaced_on=dead.ended_at.astimezone(zone).date())


def is_card_number_taken(number: str) -> bool:
    """Whether somebody has this number, or had it: a number is given once."""
    return (
        Reader.objects.filter(card_number__iexact=number).exists()
        or FormerCard.objects.filter(number__iexact=number).exists()
    )


def live_blocks(reader_ids: Sequence[int], now: datetime) -> list[ReaderBlock]:
    """Blocks that may hold today in some time zone; `holds_on` decides. One query."""
    return _LIVE_BLOCKS.rows(readers=list(reader_ids), yesterday=now.date() - timedelta(days=1))


_LIVE_BLOCKS = Ready(
    lambda of: ReaderBlock.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gte=of("yesterday")),
        reader__pk__among=of("readers"),
        lifted_at__isnull=True,
    ).order_by("starts_on", "pk")
)


def reader_facts(
    reader: Reader, blocks: Iterable[ReaderBlock], *, overdue: int, owed: Decimal, today: date
) -> rules.ReaderFacts:
    """A reader, who comes with the category, as the rules see one; `blocks` may be those of others too.

    `owed` is asked only where the category limits the debt.
    """
    age = reader.age_on(today)
    return rules.ReaderFacts(
        card_expires_on=reader.expires_on,
        is_card_lost=reader.is_card_lost,
        age=reader.category.minimum_age if age is None else age,
        blocks=tuple(
            rules.Block(
                is_suspension=block.kind == ReaderBlock.Kind.SUSPENSION, reason=block.reason, until=block.ends_on
            )
            for block in blocks
            if block.reader_id == reader.pk and block.holds_on(today)
        ),
        owed=owed,
        max_owed=reader.category.max_balance,
        overdue_loans=overdue,
        max_overdue_loans=reader.category.max_overdue_loans,
    )

"""What doors ask about people."""

from datetime import date

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from accounts.models import Reader, ReaderQuerySet, User, fold_phone
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
    found = Reader.objects.filter(same)
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
    return Reader.objects.filter(found)


def readers_visible_to(user: User | AnonymousUser) -> ReaderQuerySet:
    """All readers for staff who may view them, oneself for anybody else who is signed in."""
    if user.has_perm("accounts.view_reader"):
        return Reader.objects.all()
    if not user.is_authenticated:
        return Reader.objects.none()
    return Reader.objects.filter(user=user)


def reader_of(user: User) -> Reader | None:
    """The card of whoever is signed in; None for staff without one."""
    return Reader.objects.select_related("category", "home_branch").filter(user=user).first()

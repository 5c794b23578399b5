"""What happens to people: users get roles, readers get cards and blocks. The only place that writes them.

Doors call these; each writes everything, with its audit entry, in one commit, or raises from `library.core.errors`.
"""

import calendar
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import cards
from accounts.models import Consent, FormerCard, Reader, ReaderBlock, Role, User
from accounts.queries import is_card_number_taken
from accounts.reasons import AccountReason
from library.core import audit
from library.core.errors import Invalid, Refusal, Refused
from policies.models import Branch, ReaderCategory


@transaction.atomic
def create_user(
    *,
    email: str,
    full_name: str,
    password: str | None,
    role: str = Role.READER,
    language: str = "",
    is_email_verified: bool = False,
    by: User | None,
    now: datetime,
) -> User:
    """Make a user with the role's group. `password` None: they set one through “forgot password”.

    The password is not judged here: doors run Django's validators on it first. `language` blank: the library's own.
    Raises Invalid (`email`) when the address is taken, in any case of letters.
    """
    email = email.strip().lower()
    fields = {"full_name": full_name.strip(), "role": role, "date_joined": now}
    if language:
        fields["language"] = language
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, **fields)
    except IntegrityError as error:
        if User.objects.filter(email=email).exists():
            raise Invalid({"email": [_("There is a user with this e-mail already.")]}) from error
        raise
    enrol(user)
    EmailAddress.objects.create(user=user, email=email, verified=is_email_verified, primary=True)
    audit.record(action="accounts.create_user", subject=user, by=by, now=now, detail={"role": role})
    return user


def create_staff(
    *,
    email: str,
    full_name: str,
    password: str | None,
    role: str = Role.LIBRARIAN,
    language: str = "",
    by: User | None,
    now: datetime,
) -> User:
    """Make a librarian or administrator, whose e-mail counts as confirmed by whoever makes them. Raises as above."""
    return create_user(
        email=email,
        full_name=full_name,
        password=password,
        role=role,
        language=language,
        is_email_verified=True,
        by=by,
        now=now,
    )


def enrol(user: User) -> None:
    """Put a user into the group of their role, and out of the other roles' groups."""
    user.groups.remove(*Group.objects.filter(name__in=Role.values).exclude(name=user.role))
    user.groups.add(Group.objects.get(name=user.role))


@transaction.atomic
def set_role(*, user_id: int, role: str, by: User | None, now: datetime) -> User:
    """Give a user another role and its group. Refuses to take the role from the last active administrator."""
    user = _locked_user(user_id)
    if user.role == role:
        return user
    _refuse_losing_last_admin(user)
    old, user.role = user.role, role
    user.save(update_fields=["role"])
    enrol(user)
    audit.record(action="accounts.set_role", subject=user, by=by, now=now, detail={"from": old, "to": role})
    return user


@transaction.atomic
def update_user(
    *, user_id: int, full_name: str, email: str, language: str, groups: Iterable[Group], by: User, now: datetime
) -> User:
    """Change who a user is, by an administrator: the new address counts as confirmed.

    `groups` are those beside the role's own. Raises Invalid (`email`) when somebody else has the address.
    """
    user = _locked_user(user_id)
    email = email.strip().lower()
    if User.objects.filter(email=email).exclude(pk=user.pk).exists():
        raise Invalid({"email": [_("There is a user with this e-mail already.")]})
    old = {"full_name": user.full_name, "email": user.email, "language": user.language}
    new = {"full_name": full_name.strip(), "email": email, "language": language}
    for name, value in new.items():
        setattr(user, name, value)
    user.save(update_fields=list(new))
    if new["email"] != old["email"]:
        EmailAddress.objects.filter(user=user).delete()
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    user.groups.set([group for group in groups if group.name not in Role.values])
    enrol(user)
    changed = {name: [old[name], new[name]] for name in new if old[name] != new[name]}
    audit.record(action="accounts.update_user", subject=user, by=by, now=now, detail=changed)
    return user


@transaction.atomic
def deactivate(*, user_id: int, by: User | None, now: datetime) -> User:
    """Close a user's sign-in: sessions and tokens stop working. Refuses the last active administrator."""
    user = _locked_user(user_id)
    if user.is_active:
        _refuse_losing_last_admin(user)
        user.is_active = False
        user.save(update_fields=["is_active"])
        audit.record(action="accounts.deactivate", subject=user, by=by, now=now)
    return user


@transaction.atomic
def activate(*, user_id: int, by: User | None, now: datetime) -> User:
    """Open a closed sign-in again."""
    user = _locked_user(user_id)
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active"])
        audit.record(action="accounts.activate", subject=user, by=by, now=now)
    return user


def _locked_user(user_id: int) -> User:
    """The user, with every administrator locked as well: who is the last one must not change meanwhile."""
    locked = User.objects.order_by("pk").select_for_update(no_key=True)
    list(locked.filter(role=Role.ADMIN).values_list("pk"))
    return locked.get(pk=user_id)


def _refuse_losing_last_admin(user: User) -> None:
    others = User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=user.pk)
    if user.role == Role.ADMIN and user.is_active and not others.exists():
        raise Refused([Refusal(AccountReason.LAST_ADMIN)])


@transaction.atomic
def register_reader(
    *,
    full_name: str,
    by: User | None,
    now: datetime,
    user: User | None = None,
    email: str = "",
    phone: str = "",
    birth_date: date | None = None,
    language: str = "",
    category: ReaderCategory | None = None,
    home_branch: Branch | None = None,
    card_number: str = "",
    registered_on: date | None = None,
    expires_on: date | None = None,
    note: str = "",
) -> Reader:
    """Give a person a card; with `user`, one that they see when signed in.

    Left out, these are chosen: the default category, the first branch, the next card number, today in the branch's
    time zone, and an expiry after the category's `card_months`. Duplicates are for the door to show before
    (`accounts.queries.duplicate_candidates`). Raises Invalid (`card_number`, `category`, `home_branch`, `expires_on`).
    """
    category = category or _default_category()
    home_branch = home_branch or _first_branch()
    registered_on = registered_on or timezone.localdate(now, home_branch.zone)
    expires_on = expires_on or card_expiry(registered_on=registered_on, category=category)
    if expires_on < registered_on:
        raise Invalid({"expires_on": [_("The card cannot expire before the registration.")]})
    reader = Reader(
        user=user,
        full_name=full_name.strip(),
        email=email.strip(),
        phone=phone.strip(),
        birth_date=birth_date,
        category=category,
        home_branch=home_branch,
        card_number=card_number.strip() or next_card_number(),
        registered_on=registered_on,
        expires_on=expires_on,
        note=note,
    )
    if language:
        reader.language = language
    _save_with_unique_card(reader)
    audit.record(
        action="accounts.register_reader",
        subject=reader,
        by=by,
        now=now,
        detail={"card_number": reader.card_number, "expires_on": expires_on.isoformat()},
    )
    return reader


@transaction.atomic
def set_consent(*, reader_id: int, kind: Consent.Kind, is_given: bool, now: datetime) -> None:
    """Keep what a reader agrees to, or no longer agrees to; saying it twice changes nothing."""
    Reader.objects.locked().get(pk=reader_id)
    live = Consent.objects.filter(reader=reader_id, kind=kind, withdrawn_at=None)
    if not is_given:
        live.update(withdrawn_at=now)
    elif not live.exists():
        Consent.objects.create(reader_id=reader_id, kind=kind, given_at=now)


@transaction.atomic
def sign_up(
    *,
    email: str,
    password: str,
    full_name: str,
    now: datetime,
    phone: str = "",
    birth_date: date | None = None,
    home_branch: Branch | None = None,
    language: str = "",
) -> User:
    """A stranger becomes a user with a reader's card. Raises as `create_user` and `register_reader`."""
    user = create_user(
        email=email, full_name=full_name, password=password, role=Role.READER, language=language, by=None, now=now
    )
    reader = register_reader(
        user=user,
        full_name=user.full_name,
        email=user.email,
        phone=phone,
        birth_date=birth_date,
        home_branch=home_branch,
        language=user.language,
        by=user,
        now=now,
    )
    set_consent(reader_id=reader.pk, kind=Consent.Kind.DATA, is_given=True, now=now)
    return user


@transaction.atomic
def use_confirmed_email(*, user_id: int, email: str, now: datetime) -> None:
    """Make a user's confirmed address the one that the letters to the reader go to."""
    reader = Reader.objects.locked().filter(user=user_id).first()
    if reader is None or reader.email == email:
        return
    old, reader.email = reader.email, email
    reader.save(update_fields=["email"])
    audit.record(
        action="accounts.change_email", subject=reader, by=reader.user, now=now, detail={"from": old, "to": email}
    )


@transaction.atomic
def update_own_data(
    *, user_id: int, phone: str, language: str, home_branch: Branch | None, by: User, now: datetime
) -> User:
    """Change what people may change about themselves: phone and branch of the card, language of both."""
    user = _locked_user(user_id)
    user.language = language
    user.save(update_fields=["language"])
    reader = Reader.objects.locked().filter(user=user).first()
    if reader is not None:
        reader.phone, reader.language = phone.strip(), language
        reader.home_branch = home_branch or reader.home_branch
        reader.save(update_fields=["phone", "language", "home_branch"])
        audit.record(
            action="accounts.update_own_data",
            subject=reader,
            by=by,
            now=now,
            detail={"phone": reader.phone, "language": language, "home_branch": reader.home_branch.code},
        )
    return user


@transaction.atomic
def change_password(*, user_id: int, password: str, by: User, now: datetime) -> User:
    """Give a user another password, judged by the door before; sessions and tokens of before are dead thereby."""
    user = _locked_user(user_id)
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(action="accounts.change_password", subject=user, by=by, now=now)
    return user


@transaction.atomic
def update_reader(*, reader_id: int, changes: Mapping[str, Any], by: User, now: datetime) -> Reader:
    """Correct what staff keep about a reader; the audit names what was changed, not to what.

    `changes` may hold full_name, birth_date, email, phone, language, category, home_branch, note. Cards have actions
    of their own.
    """
    reader = Reader.objects.locked().get(pk=reader_id)
    changed = [name for name, value in changes.items() if getattr(reader, name) != value]
    for name in changed:
        setattr(reader, name, changes[name])
    if changed:
        reader.save(update_fields=changed)
        audit.record(action="accounts.update_reader", subject=reader, by=by, now=now, detail={"changed": changed})
    return reader


@transaction.atomic
def renew_card(*, reader_id: int, by: User | None, now: datetime, expires_on: date | None = None) -> Reader:
    """Make a card good for longer: until `expires_on`, or for `card_months` from today. Never shortens by itself.

    Raises Invalid (`expires_on`) when the day given is before today.
    """
    reader = Reader.objects.locked().get(pk=reader_id)
    today = timezone.localdate(now, reader.home_branch.zone)
    if expires_on is not None and expires_on < today:
        raise Invalid({"expires_on": [_("Choose a day that is not past.")]})
    old = reader.expires_on
    reader.expires_on = expires_on or max(old, card_expiry(registered_on=today, category=reader.category))
    reader.save(update_fields=["expires_on"])
    audit.record(
        action="accounts.renew_card",
        subject=reader,
        by=by,
        now=now,
        detail={"from": old.isoformat(), "to": reader.expires_on.isoformat()},
    )
    return reader


@transaction.atomic
def replace_card(*, reader_id: int, by: User | None, now: datetime, card_number: str = "") -> Reader:
    """Give the reader another card number, the next one unless given; the old card is refused from then on.

    A lost card is replaced thereby. Raises Invalid (`card_number`) when somebody has or had that number.
    """
    reader = Reader.objects.locked().get(pk=reader_id)
    old, state = reader.card_number, FormerCard.State.LOST if reader.is_card_lost else FormerCard.State.REPLACED
    if card_number.strip().lower() == old.lower():
        raise Invalid({"card_number": [_("This is the card that the reader has now.")]})
    reader.card_number = card_number.strip() or next_card_number()
    reader.is_card_lost = False
    _save_with_unique_card(reader, update_fields=["card_number", "is_card_lost"])
    FormerCard.objects.create(reader=reader, number=old, state=state, ended_at=now, ended_by=by)
    detail = {"from": old, "to": reader.card_number, "old_card": str(state)}
    audit.record(action="accounts.replace_card", subject=reader, by=by, now=now, detail=detail)
    return reader


@transaction.atomic
def report_card_lost(*, reader_id: int, by: User | None, now: datetime) -> Reader:
    """Nobody borrows with this card until it is replaced."""
    reader = Reader.objects.locked().get(pk=reader_id)
    if not reader.is_card_lost:
        reader.is_card_lost = True
        reader.save(update_fields=["is_card_lost"])
        audit.record(action="accounts.report_card_lost", subject=reader, by=by, now=now)
    return reader


@transaction.atomic
def block(
    *,
    reader_id: int,
    reason: str,
    by: User | None,
    now: datetime,
    starts_on: date | None = None,
    ends_on: date | None = None,
    kind: str = ReaderBlock.Kind.MANUAL,
) -> ReaderBlock:
    """Stop a reader from borrowing, from today unless given, until `ends_on` or until lifted. Raises Invalid."""
    reader = Reader.objects.locked().get(pk=reader_id)
    starts_on = starts_on or timezone.localdate(now, reader.home_branch.zone)
    if not reason.strip():
        raise Invalid({"reason": [_("Say why, so that colleagues can explain it to the reader.")]})
    if ends_on is not None and ends_on < starts_on:
        raise Invalid({"ends_on": [_("The block cannot end before it starts.")]})
    made = ReaderBlock.objects.create(
        reader=reader, kind=kind, reason=reason.strip(), starts_on=starts_on, ends_on=ends_on, created_by=by
    )
    detail: dict[str, Any] = {"block": made.pk, "reason": made.reason, "until": ends_on and ends_on.isoformat()}
    audit.record(action="accounts.block", subject=reader, by=by, now=now, detail=detail)
    return made


@transaction.atomic
def lift_block(*, block_id: int, by: User, now: datetime) -> ReaderBlock:
    """End a block now; a second time changes nothing."""
    found = ReaderBlock.objects.select_for_update(of=("self",), no_key=True).select_related("reader").get(pk=block_id)
    if found.lifted_at is None:
        found.lift(by=by, now=now)
        audit.record(
            action="accounts.lift_block",
            subject=found.reader,
            by=by,
            now=now,
            detail={"block": found.pk, "reason": found.reason},
        )
    return found


def card_expiry(*, registered_on: date, category: ReaderCategory) -> date:
    """The last good day of a card: the same day of the month `card_months` later, or that month's last day."""
    months = registered_on.month - 1 + category.card_months
    year, month = registered_on.year + months // 12, months % 12 + 1
    return date(year, month, min(registered_on.day, calendar.monthrange(year, month)[1]))


def next_card_number() -> str:
    """The next of the sequence that nobody was given by hand."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT nextval('accounts_card_number')")
            number = cards.card_number(cursor.fetchone()[0])
            if not is_card_number_taken(number):
                return number


def _save_with_unique_card(reader: Reader, **options: Any) -> None:
    if FormerCard.objects.filter(number__iexact=reader.card_number).exists():
        raise Invalid({"card_number": [_("This number was given out before. Take a new card.")]})
    try:
        with transaction.atomic():
            reader.save(**options)
    except IntegrityError as error:
        if Reader.objects.filter(card_number__iexact=reader.card_number).exclude(pk=reader.pk).exists():
            raise Invalid({"card_number": [_("There is a reader with this card number already.")]}) from error
        raise


def _default_category() -> ReaderCategory:
    category = ReaderCategory.objects.filter(is_default=True).first()
    if category is None:
        raise Invalid({"category": [_("No reader category is the default one. Choose a category.")]})
    return category


def _first_branch() -> Branch:
    branch = Branch.objects.order_by("pk").first()
    if branch is None:
        raise Invalid({"home_branch": [_("The library has no branch yet. Ask its administrator to set it up.")]})
    return branch

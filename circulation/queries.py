"""What doors and actions ask about loans, and the facts that rules judge by."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, Subquery
from django.utils.translation import gettext as _

from accounts.models import Reader, ReaderBlock, ReaderQuerySet, User
from accounts.queries import live_blocks, reader_facts
from cashdesk.models import Kind
from cashdesk.queries import balances_of, charged_for
from catalog.models import Contribution, Copy, CopyQuerySet
from circulation import rules
from circulation.models import Loan, LoanQuerySet, Reading
from library.core.errors import Invalid, Refusal
from library.core.models import AuditEntry
from library.core.sql import Ready
from policies.calendar import Calendar, NoOpenDay
from policies.models import Branch
from policies.queries import calendar_of, policies_of, revision
from policies.terms import EffectiveTerms, Terms, due_at, renewed_due_at
from reservations.models import Reservation
from reservations.queries import Queues, claims_on

# --- Loans ---------------------------------------------------------------------------------------------------------


def loans_visible_to(user: User | AnonymousUser) -> LoanQuerySet:
    """A reader's own loans, without those undone; all of them for staff who may view loans; none for anybody else."""
    if user.has_perm("circulation.view_loan"):
        return Loan.objects.all()
    if not user.is_authenticated:
        return Loan.objects.none()
    return Loan.objects.filter(reader__user=user, undone_at=None)


def open_loans_of(reader: Reader) -> LoanQuerySet:
    """What a reader has at home, the most urgent first, ready for `loan_states`."""
    return Loan.objects.open().filter(reader=reader).in_full().order_by("due_at", "pk")


_AT_HOME = Ready(lambda of: Loan.objects.open().filter(reader=of("reader")).in_full().order_by("due_at", "pk"))


def loans_at_home(reader: Reader) -> list[Loan]:
    """`open_loans_of` for where they are asked all day: at the desk. One query."""
    return _AT_HOME.rows(reader=reader.pk)


def history_of(reader: Reader) -> LoanQuerySet:
    """What a reader has brought back, the latest first."""
    return Loan.objects.filter(reader=reader, returned_at__isnull=False, undone_at=None).in_full()


def overdue_loans(now: datetime) -> LoanQuerySet:
    """Every open loan whose due date has passed, the longest overdue first, ready for `loan_states`."""
    return Loan.objects.open().filter(due_at__lt=now).in_full().order_by("due_at", "pk")


def claimed_returned_loans() -> LoanQuerySet:
    """Open loans whose copy the reader says to have brought back: what to search for, the longest ago first."""
    return Loan.objects.claimed_returned().in_full().order_by("claimed_returned_at", "pk")


def claims_of(reader: Reader) -> int:
    """How often this reader has claimed to have returned a copy, however it ended. One query."""
    return Loan.objects.filter(reader=reader, claimed_returned_at__isnull=False).count()


def last_loan_of(copy: Copy) -> Loan | None:
    """The open loan of a copy, else the latest one."""
    return Loan.objects.filter(copy=copy).in_full().order_by("-checked_out_at").first()


def damage_notes(copies: Collection[Copy]) -> dict[int, AuditEntry]:
    """What was last said about the damage of each copy, by key of the copy. One query."""
    entries = AuditEntry.objects.filter(
        subject_type=Copy._meta.label_lower,
        subject_id__in=[copy.pk for copy in copies],
        action="circulation.record_damage",
    ).select_related("actor")
    return {entry.subject_id: entry for entry in entries.order_by("at", "pk")}


def most_read_here(*, since: datetime, branch: Branch | None = None) -> CopyQuerySet:
    """Copies that were read in the library since then, with how often: `readings_counted`; the most read first."""
    readings = Reading.objects.filter(at__gte=since, **({"branch": branch} if branch else {}))
    counts = readings.filter(copy=OuterRef("pk")).order_by().values("copy").annotate(n=Count("pk")).values("n")
    return (
        Copy.objects.filter(pk__in=readings.values("copy"))
        .annotate(readings_counted=Subquery(counts))
        .select_related("book", "branch")
        .defer("book__description", "book__other_titles", "note")
        .order_by("-readings_counted", "pk")
    )


def readings_by_year(copy: Copy) -> dict[int, int]:
    """Year to the number of readings in the library, the latest first. One query of an index."""
    years = Reading.objects.filter(copy=copy).order_by("-at__year").values_list("at__year").annotate(Count("pk"))
    return dict(years)


def with_authors(loans: LoanQuerySet) -> LoanQuerySet:
    """With the contributions of authors, in order: `loan.copy.book.contributions.all()`. One query more."""
    authors = Contribution.objects.filter(role=Contribution.Role.AUTHOR).select_related("author")
    return loans.prefetch_related(Prefetch("copy__book__contributions", authors))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanState:
    """An open loan as it stands at an instant: how late it is, what that would cost, whether it may be renewed."""

    loan: Loan
    is_overdue: bool
    days_left: int
    """Calendar days until the due day; negative after it."""
    overdue_days: int
    """Days that count by the terms; an hour loan may be overdue by none yet."""
    charge_so_far: Decimal
    """What lateness would cost if the copy came back now; nothing of a lost loan, whose fine is charged, nor while the
    reader says that it is back."""
    new_due_at: datetime
    """When the loan would fall due if renewed now."""
    renews_on: date | None
    """When the library will try to renew it by itself; None: it will not."""
    renewal_refusals: tuple[Refusal, ...]
    """Why it may not be renewed; none: it may."""


def loan_states(loans: Iterable[Loan], *, now: datetime) -> list[LoanState]:
    """The state of each open loan, in the order given. Three queries, two more where somebody waits for one of the
    books, and one for every branch.

    One more where a category limits the debt, and one where a loan is overdue again. The loans come `in_full()`.
    """
    loans = list(loans)
    calendars = {branch: calendar_of(branch) for branch in {loan.ruling_branch for loan in loans}}
    standing = _Standing.of(loans, now)
    charged = charged_before(loan for loan in loans if loan.due_at < now)
    states = []
    for loan in loans:
        calendar, terms = calendars[loan.ruling_branch], Terms.from_json(loan.terms)
        facts = _renewal_facts(loan, terms, calendar, standing, now)
        days = 0 if loan.lost_at or loan.is_claimed_returned else overdue_days(loan, calendar, until=now)
        charge = rules.overdue_charge(
            days, terms=terms, copy_price=loan.copy.price, charged_before=charged.get(loan.uid, rules.NOTHING)
        )
        states.append(
            LoanState(
                loan=loan,
                is_overdue=loan.due_at < now and not loan.is_claimed_returned,
                days_left=(facts.due_on - facts.today).days,
                overdue_days=days,
                charge_so_far=charge,
                new_due_at=facts.new_due_at,
                renews_on=_renews_on(loan, terms, facts),
                renewal_refusals=rules.renewal_refusals(facts),
            )
        )
    return states


# --- Facts ---------------------------------------------------------------------------------------------------------


def copies_to_lend() -> CopyQuerySet:
    """Copies with all that `checkout_facts` needs: `has_queue`, whether anybody has a reservation of the book, and the
    `stamp` of the policies.

    Locked after the book, the answer stays true, for whoever changes a queue holds the book.
    """
    has_queue = Exists(Reservation.objects.active().filter(book=OuterRef("book")))
    return Copy.objects.select_related("branch").annotate(has_queue=has_queue, stamp=Subquery(revision()))


def readers_to_lend_to() -> ReaderQuerySet:
    """Readers with all that `checkout_facts` needs."""
    return Reader.objects.current().select_related("category")


_LOANS_AROUND = Ready(
    lambda of: (
        Loan.objects.open()
        .filter(Q(copy=of("copy")) | Q(reader=of("reader")))
        .select_related("copy")
        .only(
            *("reader", "branch", "due_at", "returned_at", "lost_at", "claimed_returned_at"),
            *("copy__book", "copy__branch", "copy__item_type"),
        )
        .order_by()
    )
)


def checkout_facts(*, copy: Copy | None, reader: Reader | None, branch_id: int, now: datetime) -> rules.CheckoutFacts:
    """What decides whether `reader` may borrow `copy` at the desk of `branch_id`; None: there is no such one.

    They come from `copies_to_lend()` and `readers_to_lend_to()`. Two queries, two more after a change of the policies,
    three where somebody waits, and one where the category limits the debt. Raises Invalid when the loan could fall due
    on no open day, NoDefaultRule before `manage.py setup_library` has run.
    """
    branch = copy.branch if copy and settings.LENDING_BRANCH == "copy" else Branch.objects.get(pk=branch_id)
    today = now.astimezone(branch.zone).date()
    open_loans = _LOANS_AROUND.rows(copy=copy and copy.pk, reader=reader and reader.pk)
    out = next((loan for loan in open_loans if copy and loan.copy_id == copy.pk), None)
    held = [loan for loan in open_loans if reader and loan.reader_id == reader.pk]
    with_reader = [loan for loan in held if not loan.is_claimed_returned]
    facts = rules.CheckoutFacts(
        today=today,
        reader=reader_facts(
            reader,
            live_blocks([reader.pk], now),
            overdue=sum(loan.due_at < now for loan in with_reader),
            owed=owed_by([reader]).get(reader.pk, rules.NOTHING),
            today=today,
        )
        if reader
        else None,
        copy=rules.CopyFacts(status=copy.status, is_reference_only=copy.is_reference_only) if copy else None,
        open_loan=rules.OpenLoan(is_readers=out in held, due_at=out.due_at.astimezone(branch.zone)) if out else None,
    )
    if copy is None or reader is None:
        return facts
    claims = claims_on(copy, reader_id=reader.pk, now=now)
    policies = policies_of(copy.stamp)  # type: ignore[attr-defined] # annotated
    effective = policies.terms(category_id=reader.category_id, item_type_id=copy.item_type_id, branch_id=branch.pk)
    same_book = [loan.due_at for loan in with_reader if loan.copy.book_id == copy.book_id and loan.copy_id != copy.pk]
    return replace(
        facts,
        terms=effective.terms,
        due_at=_first_due_at(effective.terms, branch, policies.calendar(branch), reader, now),
        limits=tuple(_limits(effective, with_reader, copy=copy, reader=reader, branch=branch)),
        claims=rules.ClaimFacts(
            is_kept=claims.keeper is not None,
            kept_until=claims.keeper.pickup_until if claims.keeper else None,
            is_needed=claims.is_needed,
            on_its_way_to=claims.transfer.to_branch.name if claims.transfer else None,
            has_queue=claims.has_queue,
        ),
        same_book_due_at=min(same_book).astimezone(branch.zone) if same_book else None,
    )


def renewal_facts(loan: Loan, *, now: datetime) -> rules.RenewalFacts:
    """What decides whether a loan, which comes `in_full()`, may be renewed.

    Four queries, two more where somebody waits, and one with a debt limit.
    """
    calendar = calendar_of(loan.ruling_branch)
    return _renewal_facts(loan, Terms.from_json(loan.terms), calendar, _Standing.of([loan], now), now)


def calendar_for(loan: Loan) -> Calendar:
    """The calendar that a loan's days are counted by. One query."""
    return calendar_of(loan.ruling_branch)


def overdue_days(loan: Loan, calendar: Calendar, *, until: datetime) -> int:
    """How many days late the loan is at `until`, by its own terms."""
    return rules.overdue_days(
        due_on=calendar.day_of(loan.due_at),
        until=calendar.day_of(until),
        terms=Terms.from_json(loan.terms),
        calendar=calendar,
    )


def charged_before(loans: Iterable[Loan]) -> dict[UUID, Decimal]:
    """What loans were charged for lateness at renewals, by public id. One query, none unless one was renewed."""
    renewed = [loan.uid for loan in loans if loan.renewals]
    return charged_for(renewed, Kind.OVERDUE) if renewed else {}


def fine_for(loan: Loan, copy: Copy, days: int) -> Decimal:
    """What so many overdue days of a loan cost now. One query if it was renewed, else none."""
    terms = Terms.from_json(loan.terms)
    before = charged_before([loan]).get(loan.uid, rules.NOTHING) if days and terms.fine_amount else rules.NOTHING
    return rules.overdue_charge(days, terms=terms, copy_price=copy.price, charged_before=before)


def loss_charges(loan: Loan, *, now: datetime) -> rules.LossCharges:
    """What its reader would be charged with if the copy, of a loan `in_full()`, were lost now. Two or three queries."""
    terms = Terms.from_json(loan.terms)
    until = loan.late_until(now)
    days = overdue_days(loan, calendar_for(loan), until=until) if loan.due_at < until else 0
    return rules.LossCharges(
        overdue_days=days,
        fine=fine_for(loan, loan.copy, days),
        replacement=rules.replacement_charge(terms=terms, copy_price=loan.copy.price),
        processing=terms.processing_fee,
    )


def _first_due_at(terms: Terms, branch: Branch, calendar: Calendar, reader: Reader, now: datetime) -> datetime:
    try:
        due = due_at(
            start=now,
            terms=terms,
            calendar=calendar,
            card_expires_on=reader.expires_on,
            hour_loan_after_closing=settings.HOUR_LOAN_AFTER_CLOSING,
        )
    except NoOpenDay as error:
        text = _("%(branch)s has no open day ahead. Correct its opening hours or closed days first.")
        raise Invalid({"branch": [text % {"branch": branch}]}) from error
    return due.astimezone(branch.zone)


def _limits(
    effective: EffectiveTerms, held: Sequence[Loan], *, copy: Copy, reader: Reader, branch: Branch
) -> Iterator[rules.LoanLimit]:
    """The limit of the rule, over the loans in that rule's scope, and that of the reader's category over all."""
    scope = effective.scope_of("max_loans")
    count = sum(
        scope.item_type_id in (None, loan.copy.item_type_id) and scope.branch_id in (None, loan.ruling_branch_id)
        for loan in held
    )
    limit = effective.terms.max_loans
    yield rules.LoanLimit(
        kind="rule",
        count=count,
        limit=limit,
        category=reader.category.name if scope.category_id else None,
        item_type=copy.item_type.name if scope.item_type_id and count >= limit else None,
        branch=branch.name if scope.branch_id else None,
        item_type_id=scope.item_type_id,
        branch_id=scope.branch_id,
    )
    if reader.category.max_total_loans is not None:
        yield rules.LoanLimit(
            kind="category", count=len(held), limit=reader.category.max_total_loans, category=reader.category.name
        )


def _renewal_facts(
    loan: Loan, terms: Terms, calendar: Calendar, standing: "_Standing", now: datetime
) -> rules.RenewalFacts:
    today = calendar.day_of(now)
    return rules.RenewalFacts(
        now=now,
        today=today,
        reader=reader_facts(
            loan.reader,
            standing.blocks,
            overdue=standing.overdue.get(loan.reader.pk, 0),
            owed=standing.owed.get(loan.reader.pk, rules.NOTHING),
            today=today,
        ),
        terms=terms,
        is_open=loan.returned_at is None,
        is_awaited=loan.returned_at is None and standing.queues.needs(loan.copy, reader_id=loan.reader.pk),
        is_copy_lost=loan.copy.status == Copy.Status.LOST,
        is_claimed_returned=loan.is_claimed_returned,
        renewals=loan.renewals,
        due_on=calendar.day_of(loan.due_at),
        due_at=loan.due_local,
        new_due_at=_next_due_at(loan, terms, calendar, now),
        is_overdue_renewable=settings.OVERDUE_RENEWAL == "allow",
    )


def _renews_on(loan: Loan, terms: Terms, facts: rules.RenewalFacts) -> date | None:
    if not terms.auto_renew or loan.renewals >= terms.max_renewals or loan.lost_at or loan.is_claimed_returned:
        return None
    day = rules.auto_renewal_opens_on(facts.due_on, terms)
    return day if day >= facts.today else None


def _next_due_at(loan: Loan, terms: Terms, calendar: Calendar, now: datetime) -> datetime:
    """When the loan falls due if renewed now: not a moment later if the branch never opens again."""
    try:
        due = renewed_due_at(
            due=loan.due_at,
            now=now,
            terms=terms,
            calendar=calendar,
            card_expires_on=loan.reader.expires_on,
            hour_loan_after_closing=settings.HOUR_LOAN_AFTER_CLOSING,
        )
    except NoOpenDay:
        return loan.due_local
    return due.astimezone(calendar.zone)


@dataclass(frozen=True, slots=True)
class _Standing:
    """What many readers' blocks, overdue loans and debts come to, and who waits for what they have."""

    blocks: Sequence[ReaderBlock]
    overdue: dict[int, int]
    """Reader to the number of overdue loans; readers without any are missing."""
    owed: dict[int, Decimal]
    """Reader to the balance, of those whose debt is limited."""
    queues: Queues

    @classmethod
    def of(cls, loans: Sequence[Loan], now: datetime) -> "_Standing":
        readers = list({loan.reader.pk: loan.reader for loan in loans}.values())
        reader_ids = [reader.pk for reader in readers]
        return cls(
            blocks=live_blocks(reader_ids, now),
            overdue=dict(_OVERDUE.rows(readers=reader_ids, now=now)),
            owed=owed_by(readers),
            queues=Queues([loan.copy.book_id for loan in loans], now=now),
        )


_OVERDUE = Ready(
    lambda of: (
        Loan.objects.unclaimed()
        .filter(reader__pk__among=of("readers"), due_at__lt=of("now"))
        .order_by()
        .values_list("reader")
        .annotate(Count("pk"))
    )
)


def owed_by(readers: Iterable[Reader]) -> dict[int, Decimal]:
    """The balances of those whose category limits the debt, by reader; one query, none where nobody's is limited."""
    limited = [reader.pk for reader in readers if reader.category.max_balance is not None]
    return balances_of(limited) if limited else {}

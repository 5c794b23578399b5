"""The demo library as loaded: what is there, that it is consistent, and what it costs."""

from collections import Counter
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Count

from accounts.models import Reader, ReaderBlock, User
from catalog.models import Author, Book, Contribution, Copy, Isbn
from catalog.queries import SearchQuery, search_books
from circulation.actions import preview_check_out
from circulation.models import Loan
from circulation.rules import Reason
from library.core.models import AuditEntry
from policies.models import Branch, LendingRule
from policies.queries import calendar_of, effective_terms
from policies.terms import Terms
from reservations.models import Reservation

TODAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=ZoneInfo("Europe/Moscow"))


pytestmark = [pytest.mark.usefixtures("demo_library"), pytest.mark.django_db]


def test_the_number_of_queries_does_not_grow_with_books_or_loans(demo_library):
    """Half of them register the readers one by one, as at the desk."""
    assert len(demo_library) <= 900


def test_books_and_copies():
    assert Book.objects.count() == 573
    copies = Book.objects.annotate(number=Count("copies")).values_list("number", flat=True)
    assert set(copies) == {2, 3, 4, 5}
    assert set(Copy.objects.values_list("branch__code", flat=True)) == {"main", "children", "village"}
    assert set(Copy.objects.values_list("item_type__code", flat=True)) == {
        "book",
        "textbook",
        "journal",
        "disc",
        "game",
    }
    assert not Copy.objects.filter(shelf_mark="").exists()
    assert Isbn.objects.count() == 40
    assert Copy.objects.filter(is_reference_only=True).exists()
    assert set(Copy.objects.values_list("status", flat=True)) == set(Copy.Status.values)


def test_people_of_books_keep_role_and_order():
    parts = Contribution.objects.filter(book__title="Сто лет одиночества").order_by("position")
    assert list(parts.values_list("author__name", "role")) == [
        ("Гарсиа Маркес, Габриэль", "author"),
        ("Бутырина, Нина Яковлевна", "translator"),
        ("Столбов, Валерий Сергеевич", "translator"),
    ]
    assert Author.objects.get(name="Толстой, Лев Николаевич").books.count() == 11


def test_every_book_is_found():
    assert not Book.objects.filter(search_entry=None).exists()
    found = search_books(SearchQuery(text="карениной")).book_ids
    assert Book.objects.get(pk__in=found).title == "Анна Каренина"
    assert Book.objects.filter(search_entry__popularity__gt=0).count() > 100


def test_new_titles_come_first():
    newest = Book.objects.order_by("-created_at").first()
    assert (TODAY - newest.created_at.date()).days <= 60
    assert Book.objects.filter(created_at__date__gt=date(2026, 9, 1)).count() == 25


def test_readers():
    assert Reader.objects.count() == 40
    assert set(Reader.objects.values_list("category__code", flat=True)) == {"adult", "child", "student", "staff"}
    assert Reader.objects.filter(email="").count() >= 5
    assert Reader.objects.filter(birth_date=None).count() == 0
    children = Reader.objects.filter(category__code="child")
    assert all(reader.age_on(TODAY) < 14 for reader in children)
    assert [reader.full_name for reader in Reader.objects.filter(expires_on__lt=TODAY)] == ["Егорова Нина Фёдоровна"]
    assert Reader.objects.get(is_card_lost=True).full_name == "Козлов Степан Антонович"
    assert sorted(ReaderBlock.objects.values_list("reader__full_name", "kind", "ends_on")) == [
        ("Волков Павел Олегович", "manual", None),
        ("Лебедева Татьяна Борисовна", "manual", date(2026, 12, 5)),
        ("Семёнов Роман Евгеньевич", "suspension", date(2026, 11, 26)),
    ]


def test_sign_ins_wait_for_their_passwords():
    users = User.objects.order_by("email")
    assert [(user.email, user.role, user.has_usable_password()) for user in users] == [
        ("admin@library.example", "admin", False),
        ("librarian@library.example", "librarian", False),
        ("reader@library.example", "reader", False),
    ]
    assert [user.groups.get().name for user in users] == ["admin", "librarian", "reader"]
    reader = Reader.objects.get(user__email="reader@library.example")
    assert reader.full_name == "Иванова Мария Сергеевна"
    assert reader.loans.open().count() == 2


def test_copies_agree_with_their_loans():
    on_loan = set(Loan.objects.open().values_list("copy_id", flat=True))
    assert set(Copy.objects.filter(status=Copy.Status.LOANED).values_list("pk", flat=True)) == on_loan
    assert 60 <= len(on_loan) <= 120


def test_nobody_is_beyond_a_limit():
    for reader in Reader.objects.select_related("category"):
        loans = list(reader.loans.open().select_related("copy"))
        for loan in loans:
            found = effective_terms(
                category_id=reader.category_id, item_type_id=loan.copy.item_type_id, branch_id=loan.copy.branch_id
            )
            scope = found.scope_of("max_loans")
            counted = [
                other
                for other in loans
                if scope.item_type_id in (None, other.copy.item_type_id)
                and scope.branch_id in (None, other.copy.branch_id)
            ]
            assert len(counted) <= found.terms.max_loans
            assert Terms.from_json(loan.terms) == found.terms


def test_a_year_of_loans():
    assert 1500 <= Loan.objects.count() <= 2500
    calendars = {branch.pk: calendar_of(branch) for branch in Branch.objects.all()}
    for loan in Loan.objects.all():
        day = calendars[loan.branch_id].day_of(loan.checked_out_at)
        assert date(2025, 11, 21) <= day < TODAY
        assert calendars[loan.branch_id].is_open(day)
    assert Loan.objects.filter(renewals__gt=0).count() > 100
    assert not Loan.objects.filter(renewals__gt=0, last_renewed_at=None).exists()


def test_overdue_loans_and_which_of_them_the_daily_check_has_seen():
    overdue = Loan.objects.open().filter(due_at__lt=NOON).order_by("due_at", "reader__full_name")
    assert [
        (loan.due_local.date().isoformat(), loan.reader.full_name, loan.overdue_since is not None) for loan in overdue
    ] == [
        ("2026-10-12", "Попов Игорь Владимирович", True),
        ("2026-11-14", "Кузнецов Дмитрий Андреевич", True),
        ("2026-11-14", "Николаева Юлия Романовна", True),
        ("2026-11-20", "Смирнова Ольга Викторовна", False),
        ("2026-11-20", "Фёдоров Артём Дмитриевич", False),
    ]


def test_due_today_and_in_three_days():
    due = {
        reader: {loan.due_local.date().isoformat() for loan in Loan.objects.open().filter(reader__full_name=reader)}
        for reader in ("Васильева Анна Павловна", "Соколов Михаил Юрьевич", "Emily Carter", "Иванова Мария Сергеевна")
    }
    assert due == {
        "Васильева Анна Павловна": {"2026-11-21"},
        "Соколов Михаил Юрьевич": {"2026-11-24"},
        "Emily Carter": {"2026-12-01"},
        "Иванова Мария Сергеевна": {"2026-11-24", "2026-12-01"},
    }


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("Петров Алексей Николаевич", [Reason.LOAN_LIMIT]),
        ("James O'Connor", [Reason.LOAN_LIMIT]),
        ("Волков Павел Олегович", [Reason.READER_BLOCKED]),
        ("Лебедева Татьяна Борисовна", [Reason.READER_BLOCKED]),
        ("Семёнов Роман Евгеньевич", [Reason.READER_SUSPENDED]),
        ("Егорова Нина Фёдоровна", [Reason.CARD_EXPIRED]),
        ("Козлов Степан Антонович", [Reason.CARD_LOST]),
        ("Иванова Мария Сергеевна", []),
    ],
)
def test_the_desk_finds_everybody_as_the_story_says(name, reasons):
    reader = Reader.objects.get(full_name=name)
    copy = Copy.objects.filter(
        status=Copy.Status.AVAILABLE, is_reference_only=False, item_type__code="book", branch__code="main"
    ).first()
    preview = preview_check_out(copy_id=copy.pk, reader_id=reader.pk, branch_id=copy.branch_id, now=NOON)
    assert [refusal.reason for refusal in preview.refusals] == reasons


def test_every_deed_has_its_author_and_time():
    deeds = AuditEntry.objects.filter(action__startswith="circulation.")
    returned = Loan.objects.filter(returned_at__isnull=False).count()
    assert deeds.filter(action="circulation.check_out").count() == Loan.objects.count()
    assert deeds.filter(action="circulation.return").count() == returned
    assert not deeds.filter(actor=None).exists()
    assert not deeds.filter(at__gt=NOON).exists()


def test_reservations_in_every_state():
    states = Counter(Reservation.objects.values_list("state", flat=True))
    assert set(states) == set(Reservation.State.values)
    assert states["waiting"] == 5
    assert Reservation.objects.filter(suspended_until__gt=TODAY).count() == 1
    mine = Reservation.objects.filter(reader__full_name="Иванова Мария Сергеевна")
    assert set(mine.values_list("state", flat=True)) == {"ready", "waiting"}
    ready = Reservation.objects.filter(state="ready", pickup_until__gte=TODAY).values_list("copy", flat=True)
    assert set(Copy.objects.filter(status="on_hold_shelf").values_list("pk", flat=True)) == set(ready)


def test_rules_beside_the_default_one():
    assert LendingRule.objects.count() == 8
    assert LendingRule.objects.default().exists()

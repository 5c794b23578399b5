"""The first set-up, and its repetition."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from policies.models import Branch, ClosedDay, ItemType, LendingRule, ReaderCategory
from policies.queries import effective_terms
from policies.terms import Terms
from policies.tests.factories import ClosedDayFactory, ItemTypeFactory, ReaderCategoryFactory

pytestmark = pytest.mark.django_db

CALLS = []


def further_step():
    CALLS.append(LendingRule.objects.count())
    return ["One more thing is ready."]


def failing_step():
    raise CommandError("no")


def setup_library(*args, **options):
    out = StringIO()
    call_command("setup_library", *args, stdout=out, **options)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _own_steps_only(settings):
    settings.LIBRARY_SETUP_STEPS = []


def everything():
    return [
        list(model.objects.order_by("pk").values())
        for model in (Branch, ReaderCategory, ItemType, LendingRule, ClosedDay)
    ]


def test_a_new_library_can_lend_a_book(settings):
    settings.TIME_ZONE = "Asia/Omsk"
    setup_library(language="ru")
    branch = Branch.objects.get()
    assert (branch.code, branch.name, branch.time_zone) == ("main", "Центральная библиотека", "Asia/Omsk")
    assert list(ReaderCategory.objects.order_by("pk").values_list("code", "name", "is_default")) == [
        ("adult", "Взрослые", True),
        ("child", "Дети до 14 лет", False),
        ("student", "Студенты и школьники", False),
        ("staff", "Сотрудники библиотеки", False),
    ]
    assert list(ItemType.objects.order_by("pk").values_list("code", flat=True)) == [
        "book",
        "textbook",
        "journal",
        "disc",
        "game",
    ]
    found = effective_terms(
        category_id=ReaderCategory.objects.get(code="adult").pk,
        item_type_id=ItemType.objects.get(code="book").pk,
        branch_id=branch.pk,
    )
    assert found.terms == Terms()


def test_names_in_english():
    setup_library(language="en")
    assert Branch.objects.get().name == "Main library"
    assert ItemType.objects.get(code="disc").name == "Disc"


def test_the_second_run_changes_nothing():
    setup_library("--holidays", "RU", "2026", language="en")
    before = everything()
    assert "New Year" not in setup_library("--holidays", "RU", "2026", language="ru")
    assert everything() == before


def test_what_librarians_changed_stays():
    setup_library()
    LendingRule.objects.update(loan_period=30)
    ReaderCategory.objects.filter(code="adult").update(name="Everybody")
    ReaderCategory.objects.filter(code="staff").delete()
    ItemType.objects.filter(code="game").delete()
    Branch.objects.update(name="Ours", code="ours")
    before = everything()
    setup_library()
    assert everything() == before


def test_own_categories_and_types_are_not_added_to():
    ReaderCategoryFactory(code="members")
    ItemTypeFactory(code="tool")
    setup_library()
    assert ReaderCategory.objects.get().code == "members"
    assert ItemType.objects.get().code == "tool"


def test_several_branches():
    branches = ["--branch", "a", "Alpha", "Europe/Moscow", "--branch", "b", "Beta", "Asia/Omsk"]
    setup_library(*branches)
    setup_library(*branches)
    setup_library()
    assert list(Branch.objects.order_by("code").values_list("code", "name", "time_zone")) == [
        ("a", "Alpha", "Europe/Moscow"),
        ("b", "Beta", "Asia/Omsk"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--branch", "a", "Alpha", "Mars/Olympus"], "is not a time zone"),
        (["--branch", "a b", "Alpha", "Europe/Moscow"], "valid"),
        (["--holidays", "XX", "2026"], "“XX” are not known"),
        (["--holidays", "RU", "soon"], "is not a year"),
        (["--holidays", "RU", "20266"], "is not a year"),
    ],
)
def test_bad_input_creates_nothing(arguments, message):
    with pytest.raises(CommandError, match=message):
        setup_library(*arguments)
    assert everything() == [[], [], [], [], []]


def test_the_holidays_of_russia_in_2026():
    setup_library("--holidays", "ru", "2026", language="ru")
    assert [
        (closure.starts_on, closure.ends_on, closure.reason) for closure in ClosedDay.objects.order_by("starts_on")
    ] == [
        (date(2026, 1, 1), date(2026, 1, 6), "Новогодние каникулы"),
        (date(2026, 1, 7), date(2026, 1, 7), "Рождество Христово"),
        (date(2026, 1, 8), date(2026, 1, 8), "Новогодние каникулы"),
        (date(2026, 1, 9), date(2026, 1, 9), "Выходной (перенесено с 03.01.2026)"),
        (date(2026, 2, 23), date(2026, 2, 23), "День защитника Отечества"),
        (date(2026, 3, 8), date(2026, 3, 8), "Международный женский день"),
        (date(2026, 3, 9), date(2026, 3, 9), "Международный женский день (выходной)"),
        (date(2026, 5, 1), date(2026, 5, 1), "Праздник Весны и Труда"),
        (date(2026, 5, 9), date(2026, 5, 9), "День Победы"),
        (date(2026, 5, 11), date(2026, 5, 11), "День Победы (выходной)"),
        (date(2026, 6, 12), date(2026, 6, 12), "День России"),
        (date(2026, 11, 4), date(2026, 11, 4), "День народного единства"),
        (date(2026, 12, 31), date(2026, 12, 31), "Выходной (перенесено с 04.01.2026)"),
    ]
    assert not ClosedDay.objects.exclude(branch=None).exists()


def test_a_holiday_that_is_a_closed_day_already_is_left_alone():
    ClosedDayFactory(starts_on=date(2020, 1, 1), ends_on=date(2020, 1, 8), repeats_yearly=True, reason="Winter break")
    ClosedDayFactory(starts_on=date(2026, 5, 1), ends_on=date(2026, 5, 11), reason="Renovation")
    setup_library("--holidays", "RU", "2026", language="en")
    assert list(ClosedDay.objects.order_by("starts_on").values_list("reason", flat=True)) == [
        "Winter break",
        "Day off (substituted from 01/03/2026)",
        "Defender of the Fatherland Day",
        "International Women's Day",
        "International Women's Day (observed)",
        "Renovation",
        "Russia Day",
        "Unity Day",
        "Day off (substituted from 01/04/2026)",
    ]


def test_further_steps_of_other_apps_come_last(settings):
    CALLS.clear()
    settings.LIBRARY_SETUP_STEPS = ["policies.tests.test_setup.further_step"]
    assert "One more thing is ready." in setup_library()
    assert CALLS == [1]


def test_a_step_that_fails_leaves_nothing_half_done(settings):
    settings.LIBRARY_SETUP_STEPS = ["policies.tests.test_setup.failing_step"]
    with pytest.raises(CommandError):
        setup_library()
    assert everything() == [[], [], [], [], []]


@pytest.mark.django_db(transaction=True)
def test_two_set_ups_at_once_make_one_library():
    def run(_number):
        try:
            setup_library(language="en")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    assert Branch.objects.get().code == "main"
    assert LendingRule.objects.get().is_default
    assert ReaderCategory.objects.count() == 4

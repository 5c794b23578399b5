"""The panel's pages: what they show, what they accept, and who may open them."""

from datetime import date, time
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.urls import reverse

from policies.forms import DaysField
from policies.models import Branch, ClosedDay, LendingRule, OpeningHours, ReaderCategory
from policies.terms import PARAMETERS
from policies.tests.factories import (
    BranchFactory,
    ClosedDayFactory,
    DefaultRuleFactory,
    ItemTypeFactory,
    LendingRuleFactory,
    OpeningHoursFactory,
    ReaderCategoryFactory,
)

pytestmark = pytest.mark.django_db

EFFECTIVE = reverse("admin:policies_lendingrule_effective")
RULES = reverse("admin:policies_lendingrule_changelist")


def sign_in(client, role):
    user = get_user_model().objects.create_user(f"{role}@example.org", "x", full_name=role, role=role, language="en")
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def _roubles(settings):
    settings.LIBRARY_CURRENCY = "RUB"


@pytest.fixture
def panel(client):
    """An administrator at the panel."""
    return sign_in(client, "admin")


def text_of(response):
    return " ".join(response.content.decode().split())


# --- rules --------------------------------------------------------------------------------------------------------


def form_of(response):
    """What a browser would send back from the change form unchanged."""
    form = response.context["adminform"].form
    data = {}
    for name in form.fields:
        value = form[name].value()
        shown = form.fields[name].widget.format_value(value)
        shown = shown[0] if isinstance(shown, list) else shown
        data[name] = "" if shown is None else shown
    return data


def test_a_form_sent_back_unchanged_changes_nothing(panel):
    rule = LendingRuleFactory(
        category=ReaderCategoryFactory(),
        loanable=False,
        auto_renew=True,
        fine_amount=Decimal("2.50"),
        remind_before_days=[],
        remind_overdue_days=[1, 7],
        due_on_closed="previous_open",
        fixed_due_on=date(2026, 5, 31),
    )
    before = LendingRule.objects.values().get()
    url = reverse("admin:policies_lendingrule_change", args=[rule.pk])
    data = form_of(panel.get(url))
    assert (data["loanable"], data["auto_renew"], data["cap_at_copy_price"]) == ("false", "true", "unknown")
    assert (data["remind_before_days"], data["remind_overdue_days"]) == ("—", "1, 7")
    response = panel.post(url, data)
    assert response.status_code == 302, response.context["adminform"].form.errors
    assert LendingRule.objects.values().get() == before


def test_the_default_rule_sent_back_unchanged_changes_nothing(panel):
    rule = DefaultRuleFactory()
    before = LendingRule.objects.values().get()
    url = reverse("admin:policies_lendingrule_change", args=[rule.pk])
    page = panel.get(url)
    assert "unknown" not in {
        value for value, _label in page.context["adminform"].form.fields["loanable"].widget.choices
    }
    assert "category" not in page.context["adminform"].form.fields
    assert panel.post(url, form_of(page)).status_code == 302
    assert LendingRule.objects.values().get() == before


def test_a_new_rule_sets_what_is_filled_in_and_inherits_the_rest(panel):
    category = ReaderCategoryFactory(name="Children")
    data = {
        "category": category.pk,
        "loan_period": "7",
        "loanable": "unknown",
        "auto_renew": "false",
        "period_counts": "open_days",
        "remind_before_days": "5, 1, 5",
        "remind_overdue_days": "-",
    }
    assert panel.post(reverse("admin:policies_lendingrule_add"), data).status_code == 302
    rule = LendingRule.objects.get()
    assert {name: value for name in PARAMETERS if (value := getattr(rule, name)) is not None} == {
        "loan_period": 7,
        "auto_renew": False,
        "period_counts": "open_days",
        "remind_before_days": [5, 1],
        "remind_overdue_days": [],
    }


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("remind_before_days", "soon", "Write days as numbers"),
        ("remind_before_days", "3, -1", "Write days as numbers"),
        ("remind_overdue_days", "1;7", "Write days as numbers"),
        ("remind_overdue_days", "1, 3651", "none above 3650"),
        ("remind_overdue_days", ",".join(map(str, range(21))), "at most 20 days"),
        ("loan_period", "0", "greater than or equal to 1"),
        ("fine_amount", "-1", "greater than or equal to 0"),
        ("replacement_fee", "set_amount", "Give the replacement amount"),
        ("due_on_closed", "skip", "Select a valid choice"),
    ],
)
def test_bad_values_are_told_next_to_the_field(panel, name, value, message):
    data = {"category": ReaderCategoryFactory().pk, name: value}
    response = panel.post(reverse("admin:policies_lendingrule_add"), data)
    assert response.status_code == 200
    assert message in text_of(response)
    assert not LendingRule.objects.exists()


def test_a_second_rule_for_the_same_is_refused(panel):
    category = ReaderCategoryFactory()
    LendingRuleFactory(category=category)
    response = panel.post(reverse("admin:policies_lendingrule_add"), {"category": category.pk})
    assert "There is a rule for this combination already." in text_of(response)


def test_the_default_rule_must_stay_complete(panel):
    rule = DefaultRuleFactory()
    url = reverse("admin:policies_lendingrule_change", args=[rule.pk])
    response = panel.post(url, form_of(panel.get(url)) | {"loan_period": "", "fine_cap": ""})
    assert response.context["adminform"].form.errors == {"loan_period": ["The default rule must give this value."]}


def test_the_default_rule_cannot_be_deleted_on_the_panel(panel):
    rule = DefaultRuleFactory()
    assert panel.post(reverse("admin:policies_lendingrule_delete", args=[rule.pk]), {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [rule.pk], "post": "yes"}
    assert panel.post(RULES, data).status_code == 403
    assert LendingRule.objects.count() == 1


def test_other_rules_can_be_deleted(panel):
    DefaultRuleFactory()
    rule = LendingRuleFactory(category=ReaderCategoryFactory())
    assert panel.post(reverse("admin:policies_lendingrule_delete", args=[rule.pk]), {"post": "yes"}).status_code == 302
    assert LendingRule.objects.get().is_default


def test_the_list_reads_as_a_matrix(panel, django_assert_max_num_queries):
    DefaultRuleFactory()
    children, discs, village = ReaderCategoryFactory(name="Children"), ItemTypeFactory(name="Disc"), BranchFactory()
    LendingRuleFactory(category=children, item_type=discs, loan_period=3, loan_period_unit="hours")
    LendingRuleFactory(branch=village, fine_amount=Decimal("1.50"), loanable=False)
    LendingRuleFactory(item_type=discs)
    for _ in range(5):
        LendingRuleFactory(category=ReaderCategoryFactory(), item_type=discs, branch=village)
    with django_assert_max_num_queries(12):
        page = text_of(panel.get(RULES))
    assert "Loan period: <b>3 hours</b>" in page
    assert "Fine: <b>1.50 RUB</b>" in page
    assert "May be lent: <b>no</b>" in page
    assert "any reader" in page
    assert "any branch" in page
    assert "nothing yet" in page
    assert "more</summary>" in page
    assert EFFECTIVE in page


@pytest.mark.parametrize(
    ("text", "days"),
    [("", None), ("-", []), ("—", []), ("3", [3]), ("3,0", [3, 0]), (" 30 , 7,7 ", [30, 7]), ("0", [0])],
)
def test_days_field(text, days):
    assert DaysField(required=False).clean(text) == days


# --- effective terms ----------------------------------------------------------------------------------------------


@pytest.fixture
def library():
    """Children borrow discs for a week in every branch; open Monday to Friday in the village."""
    village = BranchFactory(name="Village", time_zone="Europe/Moscow")
    for weekday in range(5):
        OpeningHoursFactory(branch=village, weekday=weekday)
    children, discs = ReaderCategoryFactory(name="Children"), ItemTypeFactory(name="Disc")
    return {
        "default": DefaultRuleFactory(fixed_due_on=date(2026, 6, 30)),
        "special": LendingRuleFactory(category=children, item_type=discs, loan_period=6, max_loans=1),
        "choice": {"category": children.pk, "item_type": discs.pk, "branch": village.pk},
    }


def rows_of(response):
    return {row["name"]: row for group in response.context["groups"] for row in group["rows"]}


def test_every_value_is_shown_with_the_rule_that_gave_it(panel, library):
    response = panel.get(EFFECTIVE, library["choice"])
    rows = rows_of(response)
    assert len(rows) == len(PARAMETERS)
    assert (rows["Loan period"]["value"], rows["Loan period"]["rule"]) == ("6", library["special"])
    assert (rows["Renewals"]["value"], rows["Renewals"]["rule"]) == ("2", library["default"])
    assert (rows["Fine at most"]["value"], rows["Fine at most"]["rule"]) == ("none", library["default"])
    assert rows["Remind before due, days"]["value"] == "3, 0"
    page = text_of(response)
    assert "Children × Disc × any" in page
    assert reverse("admin:policies_lendingrule_change", args=[library["special"].pk]) in page


def test_the_example_tells_each_step(panel, library):
    """From Monday 22 June 2026: six days end on Sunday the 28th, so Monday the 29th; the card ends on Saturday."""
    example = {"lent_on": "2026-06-22", "lent_at": "12:00", "card_expires_on": "2026-06-27"}
    response = panel.get(EFFECTIVE, library["choice"] | example)
    assert response.context["lent"] == "Monday, June 22, 2026, noon"
    assert response.context["steps"] == [
        ("The loan period ends", "Sunday, June 28, 2026"),
        ("The branch is closed on that day", "Monday, June 29, 2026"),
        ("The reader's card expires before", "Friday, June 26, 2026"),
    ]
    assert "<span>Due</span> <b>Friday, June 26, 2026</b>" in text_of(response)


def test_the_example_says_when_the_fixed_day_is_over_or_the_copy_is_not_lent(panel, library):
    library["special"].loanable = False
    library["special"].save()
    page = text_of(panel.get(EFFECTIVE, library["choice"] | {"lent_on": "2026-07-01"}))
    assert "The fixed due day is over" in page
    assert "Such copies are not lent." in page


def test_the_example_of_today_needs_no_date(panel, library):
    response = panel.get(EFFECTIVE, library["choice"])
    assert response.context["steps"][0][0] == "The loan period ends"


def test_an_empty_page_asks_only(panel, library):
    response = panel.get(EFFECTIVE)
    assert "groups" not in response.context
    assert not response.context["form"].errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"branch": "999"}, "Select a valid choice"),
        ({"lent_on": "yesterday"}, "Enter a valid date"),
        ({"lent_on": "9999-12-31"}, "less than or equal to"),
        ({"lent_at": "25:00"}, "Enter a valid time"),
        ({"card_expires_on": "0001-01-01"}, "greater than or equal to"),
    ],
)
def test_bad_choices_are_told(panel, library, change, message):
    assert message in text_of(panel.get(EFFECTIVE, library["choice"] | change))


def test_a_library_without_rules_or_open_days_is_told_so(panel, library):
    ClosedDayFactory(starts_on=date(2020, 1, 1), ends_on=date(2080, 1, 1))
    response = panel.get(EFFECTIVE, library["choice"])
    assert "no open day at all" in text_of(response)
    assert len(rows_of(response)) == len(PARAMETERS)
    LendingRule.objects.all()._raw_delete("default")
    assert "setup_library" in text_of(panel.get(EFFECTIVE, library["choice"]))


def test_the_page_takes_a_bounded_number_of_queries(panel, library, django_assert_max_num_queries):
    with django_assert_max_num_queries(17):
        panel.get(EFFECTIVE, library["choice"])


def test_who_may_see_effective_terms(client, library):
    assert client.get(EFFECTIVE).status_code == 302
    assert sign_in(client, "reader").get(EFFECTIVE).status_code in {302, 403}
    assert sign_in(client, "librarian").get(EFFECTIVE, library["choice"]).status_code == 200
    Group.objects.get(name="librarian").permissions.clear()
    assert client.get(EFFECTIVE).status_code == 403


# --- branches and their days --------------------------------------------------------------------------------------


def branch_data(**changes):
    empty = {
        f"{prefix}-{key}": value
        for prefix in ("opening_hours", "closed_days")
        for key, value in {"TOTAL_FORMS": "0", "INITIAL_FORMS": "0"}.items()
    }
    return empty | {"code": "north", "name": "North", "time_zone": "Asia/Omsk"} | changes


def hours_rows(*rows):
    data = {"opening_hours-TOTAL_FORMS": str(len(rows))}
    for number, (weekday, opens_at, closes_at) in enumerate(rows):
        values = {"weekday": weekday, "opens_at": opens_at, "closes_at": closes_at}
        data |= {f"opening_hours-{number}-{name}": value for name, value in values.items()}
    return data


def test_a_branch_is_added_with_its_week_and_empty_days_are_closed(panel):
    page = panel.get(reverse("admin:policies_branch_add"))
    hours = page.context["inline_admin_formsets"][0].formset
    assert [form["weekday"].value() for form in hours.forms] == [0, 1, 2, 3, 4, 5, 6, None]
    rows = [
        (0, "10:00", "18:00"),
        (1, "", ""),
        (2, "", ""),
        (3, "", ""),
        (4, "", ""),
        (5, "9:00", "13:00"),
        (6, "", ""),
    ]
    # The initial weekday of an untouched row travels with the form, as in a browser.
    response = panel.post(reverse("admin:policies_branch_add"), branch_data(**hours_rows(*rows, ("", "", ""))))
    assert response.status_code == 302
    assert list(OpeningHours.objects.values_list("weekday", "opens_at", "closes_at")) == [
        (0, time(10), time(18)),
        (5, time(9), time(13)),
    ]
    page = panel.get(reverse("admin:policies_branch_change", args=[Branch.objects.get().pk]))
    hours = page.context["inline_admin_formsets"][0].formset
    assert [form["weekday"].value() for form in hours.forms] == [0, 5, 1, 2, 3, 4, 6, None]


def test_a_day_may_have_a_break_but_no_overlap(panel):
    url = reverse("admin:policies_branch_add")
    overlap = panel.post(url, branch_data(**hours_rows((0, "9:00", "13:00"), (0, "12:00", "18:00"))))
    assert "These opening hours overlap others of the same day." in text_of(overlap)
    assert not Branch.objects.exists()
    assert panel.post(url, branch_data(**hours_rows((0, "9:00", "13:00"), (0, "13:00", "18:00")))).status_code == 302


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(0, "18:00", "9:00")], "Closing time must come after opening time."),
        ([(0, "9:00", "")], "This field is required."),
        ([(0, "9 o'clock", "18:00")], "Enter a valid time."),
    ],
)
def test_bad_hours_are_told(panel, rows, message):
    response = panel.post(reverse("admin:policies_branch_add"), branch_data(**hours_rows(*rows)))
    assert message in text_of(response)
    assert not Branch.objects.exists()


def test_the_list_of_branches_shows_the_week(panel, django_assert_max_num_queries):
    branch = BranchFactory()
    for weekday in range(5):
        OpeningHoursFactory(branch=branch, weekday=weekday, opens_at=time(10), closes_at=time(19))
    OpeningHoursFactory(branch=branch, weekday=5, opens_at=time(10), closes_at=time(13))
    OpeningHoursFactory(branch=branch, weekday=5, opens_at=time(14), closes_at=time(17))
    BranchFactory.create_batch(5)
    with django_assert_max_num_queries(10):
        page = text_of(panel.get(reverse("admin:policies_branch_changelist")))
    assert "Mon–Fri 10:00–19:00, Sat 10:00–13:00 14:00–17:00, Sun closed" in page
    assert "always open" in page


def test_a_closed_day_of_every_branch(panel):
    data = {"starts_on": "2026-01-01", "ends_on": "2026-01-08", "reason": "New Year", "repeats_yearly": "on"}
    assert panel.post(reverse("admin:policies_closedday_add"), data).status_code == 302
    assert ClosedDay.objects.get().branch is None
    assert "every branch" in text_of(panel.get(reverse("admin:policies_closedday_changelist")))


# --- categories ---------------------------------------------------------------------------------------------------


def test_a_new_default_category_takes_the_mark_from_the_old_one(panel):
    old = ReaderCategoryFactory(is_default=True)
    data = {"name": "Guests", "code": "guest", "is_default": "on", "card_months": "1"}
    assert panel.post(reverse("admin:policies_readercategory_add"), data).status_code == 302
    assert ReaderCategory.objects.get(is_default=True).code == "guest"
    old.refresh_from_db()
    assert not old.is_default


def test_the_mark_cannot_just_be_taken_away(panel):
    category = ReaderCategoryFactory(is_default=True)
    url = reverse("admin:policies_readercategory_change", args=[category.pk])
    response = panel.post(url, {"name": "Adults", "code": "adult", "card_months": "12"})
    assert "Tick this in another category instead" in text_of(response)


def test_ages_in_order(panel):
    data = {"name": "Guests", "code": "guest", "card_months": "1", "minimum_age": "18", "maximum_age": "14"}
    response = panel.post(reverse("admin:policies_readercategory_add"), data)
    assert "The maximum age must not be below the minimum age." in text_of(response)


@pytest.mark.parametrize("model", ["branch", "closedday", "readercategory", "itemtype", "lendingrule"])
def test_librarians_look_and_administrators_change(client, model):
    DefaultRuleFactory()
    sign_in(client, "librarian")
    assert client.get(reverse(f"admin:policies_{model}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:policies_{model}_add")).status_code == 403
    assert sign_in(client, "admin").get(reverse(f"admin:policies_{model}_add")).status_code == 200


def test_a_librarian_reads_a_rule(client):
    rule = DefaultRuleFactory()
    page = text_of(sign_in(client, "librarian").get(reverse("admin:policies_lendingrule_change", args=[rule.pk])))
    assert "Loan period" in page
    assert 'name="_save"' not in page

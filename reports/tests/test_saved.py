"""Saved reports and schedules: whose they are, and each sent once to each recipient for each due day."""

import io
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from accounts.tests.factories import AdminFactory, LibrarianFactory, ReaderFactory
from catalog.tests.factories import CopyFactory
from circulation.tests.factories import LoanFactory
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory
from reports import actions, sending
from reports.models import Dispatch, SavedReport, Schedule

pytestmark = pytest.mark.django_db
WEDNESDAY = datetime(2026, 3, 4, 9, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, 9, tzinfo=UTC)


@pytest.fixture
def anna():
    return LibrarianFactory(full_name="Anna", language="en")


@pytest.fixture
def boris():
    """May see reports, but no readers."""
    boris = LibrarianFactory(full_name="Boris", language="en")
    boris.groups.clear()
    group = AdminFactory().groups.get()
    boris.user_permissions.add(group.permissions.get(codename="view_reports"))
    return boris


@pytest.fixture
def saved(anna):
    """What is on loan in the centre, saved by Anna."""
    LoanFactory(copy=CopyFactory(book__title="Hamlet", branch=BranchFactory(code="centre")), reader__full_name="Vera")
    LoanFactory(copy=CopyFactory(book__title="Onegin"))
    return save(anna)


def save(user, name="Late in the centre", report="overdue", *, is_shared=False):
    filters = {"branch": "centre", "days": "1"}
    return actions.save_report(report=report, name=name, filters=filters, is_shared=is_shared, by=user, now=WEDNESDAY)


def schedule(saved, *people, every="week", form="xlsx"):
    return actions.schedule_report(
        saved_id=saved.pk, every=every, form=form, recipients=people, by=saved.owner, now=WEDNESDAY
    )


def test_saved_shared_and_deleted_on_the_panel(anna, boris, client, settings):
    settings.LANGUAGE_CODE = "en"
    BranchFactory(code="centre")
    client.force_login(anna)
    page = f"{reverse('save_report', args=['overdue'])}?branch=centre&days=5&page=3"
    client.post(page, {"name": "Late", "is_shared": "on"})
    client.post(f"{reverse('save_report', args=['overdue'])}?branch=nowhere", {"name": "Wrong"})
    saved = SavedReport.objects.get()
    assert saved.filters == {"branch": "centre", "days": "5"}
    assert client.get(reverse("saved_report", args=[saved.uid]))["Location"] == (
        "/admin/reports/overdue/?days=5&branch=centre"
    )
    client.force_login(boris)
    assert "Late" in client.get(reverse("reports")).text
    assert client.post(reverse("delete_saved_report", args=[saved.uid])).status_code == 404
    client.force_login(anna)
    client.post(reverse("delete_saved_report", args=[saved.uid]))
    assert not SavedReport.objects.exists()
    assert "Late" not in client.get(reverse("reports")).content.decode().partition("<h2")[0]


def test_one_name_stands_for_one_report(anna, saved):
    again = save(anna, is_shared=True)
    assert (again.pk, again.is_shared) == (saved.pk, True)
    with pytest.raises(actions.Invalid):
        save(anna, report="on-loan")


def test_only_who_may_see_it_gets_it(anna, boris):
    money = save(anna, "Money", "payments")
    with pytest.raises(actions.Invalid):
        schedule(money, boris)
    assert not Schedule.objects.exists()


def test_sent_once_with_what_each_may_see(anna, boris, saved, settings):
    settings.LIBRARY_URL = "https://library.example"
    schedule(saved, anna, boris)
    assert sending.write_dispatches(now=WEDNESDAY) == {"written": 0}
    assert sending.write_dispatches(now=MONDAY) == {"written": 2}
    assert sending.write_dispatches(now=MONDAY) == {"written": 0}
    assert sending.send_dispatches(now=MONDAY)["sent"] == 2
    assert sending.send_dispatches(now=MONDAY)["sent"] == 0
    letters = {letter.to[0]: letter for letter in mail.outbox}
    assert "https://library.example/admin/reports/overdue/?days=1&branch=centre" in letters[anna.email].body
    tables = {}
    for user in (anna, boris):
        ((name, content, _kind),) = letters[user.email].attachments
        assert name == "overdue-2026-03-09.xlsx"
        tables[user] = list(load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True))
    assert tables[anna] == [tables[anna][0]]  # due on 15 March: nothing is late yet
    assert "Reader" in tables[anna][0]
    assert "Reader" not in tables[boris][0]
    assert AuditEntry.objects.filter(action="reports.export", detail__sent=True).count() == 2


def test_what_fails_is_tried_again_and_a_missed_day_catches_up(anna, saved, settings, monkeypatch):
    schedule(saved, anna, form="csv")
    wednesday_after = datetime(2026, 3, 18, 9, tzinfo=UTC)
    sending.write_dispatches(now=wednesday_after)
    assert Dispatch.objects.get().day == date(2026, 3, 16)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 9, 1
    assert sending.send_dispatches(now=wednesday_after) == {"sent": 0, "failed": 1, "dropped": 0}
    assert Dispatch.objects.get().failure
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert sending.send_dispatches(now=wednesday_after)["sent"] == 1
    assert "Hamlet" in mail.outbox[0].attachments[0][1]


def test_another_worker_s_letter_is_left_alone_until_its_time_is_over(anna, saved):
    schedule(saved, anna)
    sending.write_dispatches(now=MONDAY)
    later = MONDAY.replace(hour=10)
    Dispatch.objects.update(held_until=later, attempts=1)
    assert sending.send_dispatches(now=MONDAY)["sent"] == 0
    assert sending.send_dispatches(now=MONDAY.replace(hour=11))["sent"] == 1


def test_the_front_page_tells_the_day_in_few_queries(anna, client, settings, django_assert_max_num_queries):
    settings.LANGUAGE_CODE = "en"
    cache.clear()
    LoanFactory(checked_out_at=timezone.now())
    LoanFactory(checked_out_at=timezone.now() - timedelta(hours=26))
    client.force_login(anna)
    first = client.get("/admin/")
    today, year = first.context["parts"]
    assert [(figure.label, figure.value) for figure in today.context["figures"]] == [
        ("lent today", 1),
        ("returned today", 0),
        ("new readers today", 0),
        ("taken today", 0),
    ]
    assert sum(mark.height > 0 for mark in year.context["drawing"].series[0].marks) in (1, 2)
    assert "to fetch from the shelves" in {figure.label for figure in first.context["figures"]}
    with django_assert_max_num_queries(12):
        client.get("/admin/")


def test_letters_go_to_those_who_can_be_written_to(anna, client, settings):
    settings.LANGUAGE_CODE = "en"
    vera = ReaderFactory(full_name="Vera", language="en")
    for title in ("Hamlet", "Macbeth"):
        LoanFactory(copy__book__title=title, reader=vera)
    LoanFactory(reader__full_name="Lost", lost_at=datetime(2026, 4, 1, tzinfo=UTC))
    LoanFactory(reader__full_name="In time", checked_out_at=timezone.now())
    client.force_login(anna)
    response = client.get(reverse("overdue_letters"))
    (letter,) = response.context["letters"]
    assert [loan["title"] for loan in letter["loans"]] == ["Hamlet", "Macbeth"]
    assert "Please bring back what is overdue" in response.text
    assert AuditEntry.objects.get(action="reports.export").detail["format"] == "letters"

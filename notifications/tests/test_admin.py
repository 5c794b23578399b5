"""Letters and notices on the panel."""

import pytest
from django.urls import reverse

from accounts.tests.factories import AdminFactory, LibrarianFactory, ReaderFactory, UserFactory
from library.core.models import JobRun
from notifications.models import Letter
from notifications.tests.factories import WRITTEN_AT, LetterFactory, NoticeFactory, loan_data

pytestmark = pytest.mark.django_db

LETTERS = reverse("admin:notifications_letter_changelist")
NOTICES = reverse("admin:notifications_notice_changelist")


@pytest.fixture
def panel(client):
    client.force_login(LibrarianFactory())
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def test_letters_are_listed_found_and_filtered_at_a_fixed_price(panel, django_assert_num_queries):
    anna = ReaderFactory(full_name="Анна Каренина", email="anna@example.org", card_number="R777")
    LetterFactory(reader=anna, status="dead", last_error="no such user")
    for _ in range(5):
        LetterFactory()
    panel.get(LETTERS)
    with django_assert_num_queries(7):
        page = panel.get(LETTERS)
    assert page.context["cl"].result_count == 6
    for query in ("каренина", "R777", "anna@"):
        assert panel.get(LETTERS, {"q": query}).context["cl"].result_count == 1
    assert panel.get(LETTERS, {"status__exact": "dead"}).context["cl"].result_count == 1


def test_a_letter_shows_its_words_and_its_fate(panel):
    letter = LetterFactory(
        reader=ReaderFactory(full_name="Alice"), status="dead", last_error="550 no such user", data=[loan_data()]
    )
    page = panel.get(reverse("admin:notifications_letter_change", args=[letter.pk])).content.decode()
    assert "Due Nov. 23, 2026: Война и мир" in page
    assert "Hello, Alice!" in page
    assert "550 no such user" in page
    assert 'name="_save"' not in page


def test_the_preview_is_the_letter_with_its_style_allowed_by_nonce(panel):
    letter = LetterFactory()
    answer = panel.get(reverse("admin:notifications_letter_preview", args=[letter.pk]))
    html = answer.content.decode()
    nonce = html.partition('<style nonce="')[2].partition('"')[0]
    assert f"'nonce-{nonce}'" in answer["Content-Security-Policy"]
    assert len(nonce) > 10
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert " style=" not in html


def test_a_letter_that_cannot_be_rendered_can_still_be_looked_at(panel):
    letter = LetterFactory(data=[loan_data(due_on="tomorrow")])
    page = panel.get(reverse("admin:notifications_letter_change", args=[letter.pk]))
    assert page.status_code == 200
    assert panel.get(reverse("admin:notifications_letter_preview", args=[letter.pk])).status_code == 500


def test_dead_letters_are_sent_again_from_the_list(panel):
    dead, sent = LetterFactory(status="dead", attempts=8), LetterFactory(status="sent", sent_at=WRITTEN_AT)
    page = panel.post(LETTERS, {"action": "resend", "_selected_action": [dead.pk, sent.pk]}, follow=True)
    assert sorted(Letter.objects.values_list("status", "attempts")) == [("sent", 0), ("waiting", 0)]
    assert [str(message) for message in page.context["messages"]] == [
        "1 letter will leave within a minute.",
        "1 letter was not given up, or its reader has no address: nothing to do.",
    ]


def test_nothing_is_added_changed_or_deleted(client):
    client.force_login(AdminFactory())
    letter, notice = LetterFactory(), NoticeFactory()
    for name, thing in (("letter", letter), ("notice", notice)):
        assert client.get(reverse(f"admin:notifications_{name}_add")).status_code == 403
        assert client.post(reverse(f"admin:notifications_{name}_delete", args=[thing.pk])).status_code == 403
        assert client.post(reverse(f"admin:notifications_{name}_change", args=[thing.pk]), {}).status_code == 403


def test_readers_see_none_of_it(client):
    client.force_login(UserFactory())
    letter = LetterFactory()
    preview = reverse("admin:notifications_letter_preview", args=[letter.pk])
    for url in (LETTERS, NOTICES, preview):
        assert client.get(url).status_code in (302, 403)


def test_staff_without_the_permission_see_no_preview(client):
    librarian = LibrarianFactory()
    librarian.groups.clear()
    client.force_login(librarian)
    assert client.get(reverse("admin:notifications_letter_preview", args=[LetterFactory().pk])).status_code == 403


def test_notices_lead_to_their_letters_at_a_fixed_price(panel, django_assert_num_queries):
    letter = LetterFactory()
    NoticeFactory()
    panel.get(NOTICES)
    with django_assert_num_queries(7):
        page = panel.get(NOTICES).content.decode()
    assert reverse("admin:notifications_letter_change", args=[letter.pk]) in page
    assert "not yet written" in page


def test_job_runs_tell_how_long_and_what(client):
    client.force_login(AdminFactory())
    JobRun.objects.create(
        job="check_due_dates",
        day="2026-11-20",
        started_at="2026-11-20T05:00:00Z",
        finished_at="2026-11-20T05:01:30Z",
        summary={"open_loans": 1200, "marked_overdue": 0, "reminders": {"overdue": 7}},
    )
    page = client.get(reverse("admin:core_jobrun_changelist")).content.decode()
    assert "0:01:30" in page
    assert "overdue 7, open_loans 1200" in page

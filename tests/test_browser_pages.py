"""Every page in a real Chromium: no script or policy error, axe without findings, light and dark, 320 px wide.

The markup is the same in both languages: axe looks at the Russian pages, at the English ones only the ruler.
Pages are found by walking the resolver and the panel's registry; a page that nobody told how to open fails the test.
"""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import QueryDict
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

import cashdesk.actions
import stocktaking.actions
from accounts import actions
from accounts.models import Reader
from accounts.tests.factories import AdminFactory, LibrarianFactory, ReaderBlockFactory, ReaderFactory
from cashdesk.models import Charge, Kind, Method
from catalog import batch_changes
from catalog.book_merges import merge_books
from catalog.copy_actions import withdraw_copies
from catalog.holdings import WithdrawalReason
from catalog.models import Book, Contribution, ImportRun
from catalog.tests.factories import (
    AuthorFactory,
    BookFactory,
    CopyFactory,
    GenreFactory,
    PublisherFactory,
    SeriesFactory,
    SubjectFactory,
)
from circulation.claims import claim_returned
from circulation.models import Closing, Loan
from circulation.tests.factories import LoanFactory
from library.core.models import JobRun
from lookup.models import Target
from notifications.messages import write_message
from notifications.models import LetterTemplate
from notifications.saved_searches import save_search
from notifications.tests.factories import LetterFactory
from notifications.unsubscribing import unsubscribe_url
from policies.tests.factories import (
    BranchFactory,
    ClosedDayFactory,
    DefaultRuleFactory,
    ItemTypeFactory,
    OpeningHoursFactory,
    ReaderCategoryFactory,
)
from post.models import Batch
from readership.merges import merge_readers
from readership.models import ErasureRequest
from reservations.models import Transfer
from reservations.tests.factories import ReservationFactory
from stocktaking.models import Stocktake

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NO_PAGES = {
    "account_change_password": "own test: signed in",
    "account_email": "own test: signed in",
    "account_set_password": "leads away from users who have a password",
    "account_reset_password_from_key": "own test: needs a letter",
    "account_confirm_login_code": "sign-in by code is off",
    "account_reauthenticate": "own test: signed in",
    "citation_bibtex": "a file",
    "citation_ris": "a file",
    "cover": "a picture",
    "cover_image": "a picture",
    "copy_photo": "a picture",
    "edit_profile": "own test: signed in",
    "desk": "own test: staff",
    "desk_branch": "own test: staff",
    "desk_lost": "own test: staff",
    "desk_photo": "a picture",
    "desk_shell": "own test: the desk without a connection",
    "desk_undo": "takes a form",
    "desk_worker": "a script",
    "desk_change_photo": "own test: staff",
    "desk_claims": "own test: staff",
    "desk_claim": "own test: staff",
    "desk_damaged": "own test: staff",
    "desk_damage": "own test: staff",
    "desk_readings": "own test: staff",
    "settle_claim": "takes a form",
    "desk_repaired": "takes a form",
    "closings_made": "own test: staff",
    "closing_preview": "own test: staff",
    "closing_page": "own test: staff",
    "closing_of_day": "leads away",
    "undo_closing": "takes a form",
    "my_letters": "own test: signed in",
    "my_searches": "own test: signed in",
    "my_sent_letters": "own test: signed in",
    "my_telegram": "own test: signed in",
    "link_telegram": "takes a form",
    "unlink_telegram": "takes a form",
    "telegram_webhook": "for machines",
    "push_worker": "a script",
    "push_subscribe": "for machines",
    "push_unsubscribe": "for machines",
    "post": "own test: staff",
    "post_batch": "own test: staff",
    "post_letters": "a file",
    "post_gather": "takes a form",
    "post_posted": "takes a form",
    "post_take_apart": "takes a form",
    "my_sent_letter": "own test: signed in",
    "save_search": "takes a form",
    "rename_search": "takes a form",
    "delete_search": "takes a form",
    "unsubscribe": "own test: signed in",
    "desk_reader": "own test: staff",
    "desk_return": "own test: staff",
    "my_history": "own test: signed in",
    "new_titles": "for machines",
    "oai": "for machines",
    "open_search": "for machines",
    "sru": "for machines",
    "my_loans": "own test: signed in",
    "my_charges": "own test: signed in",
    "receipt": "own test: signed in",
    "reader_money": "own test: staff",
    "take_payment": "own test: staff",
    "add_charge": "own test: staff",
    "give_refund": "own test: staff",
    "waive_charge": "own test: staff",
    "reverse_entry": "own test: staff",
    "my_reservations": "own test: signed in",
    "place_reservation": "takes a form",
    "cancel_reservation": "takes a form",
    "suspend_reservation": "takes a form",
    "resume_reservation": "takes a form",
    "pick_list": "own test: staff",
    "hold_shelf": "own test: staff",
    "transfers": "own test: staff",
    "queue": "own test: staff",
    "reservation_slip": "own test: staff",
    "transfer_slip": "own test: staff",
    "reserved_scan": "takes a form",
    "release_copy": "takes a form",
    "reserve_for": "takes a form",
    "staff_cancel_reservation": "takes a form",
    "move_reservation": "takes a form",
    "desk_lend": "takes a form",
    "desk_renew": "takes a form",
    "desk_scan": "takes a form",
    "renew_mine": "takes a form",
    "renew_my_card": "takes a form",
    "choose_my_history": "takes a form",
    "forget_my_history": "takes a form",
    "my_data": "own test: signed in",
    "ask_for_my_data": "takes a form",
    "ask_to_be_erased": "takes a form",
    "fetch_data": "a file",
    "stay": "takes a form",
    "healthz": "for machines",
    "reports": "own test: staff",
    "report": "own test: staff",
    "form6nk": "own test: staff",
    "visits": "own test: staff",
    "built_reports": "own test: staff",
    "built_report": "leads away",
    "build_report": "own test: staff",
    "built_file": "a file",
    "keep_built": "takes a form",
    "delete_built_report": "takes a form",
    "report_print": "own test: staff",
    "report_file": "a file",
    "overdue_letters": "own test: staff",
    "saved_report": "leads away",
    "delete_saved_report": "takes a form",
    "report_schedule": "own test: staff",
    "report_stop": "takes a form",
    "save_report": "takes a form",
    "stocktake": "own test: staff",
    "stocktake_report": "own test: staff",
    "stocktake_protocol": "own test: staff",
    "stocktake_export": "a table",
    "stocktake_close": "takes a form",
    "stocktake_correct": "takes a form",
    "stocktake_scan": "takes a form",
    "stocktake_undo": "takes a form",
    "stocktake_upload": "takes a form",
    "profile": "own test: signed in",
    "readyz": "for machines",
    "robots": "for machines",
    "set_language": "takes a form",
    "set_theme": "takes a form",
    "sitemap": "for machines",
    "sitemap_file": "for machines",
    "suggestions": "part of a page",
}
"""Addresses outside the panel and the API that a stranger does not open as a page, and why."""


@pytest.fixture
def world():
    """One of everything that the pages show."""
    DefaultRuleFactory()
    category = ReaderCategoryFactory(name="Взрослые", is_default=True)
    branch = BranchFactory(name="Центральная библиотека", address="ул. Ленина, 1")
    OpeningHoursFactory(branch=branch)
    ClosedDayFactory()
    ItemTypeFactory()
    reader = ReaderFactory(
        signs_in=True,
        full_name="Ростова Наталья Ильинична",
        category=category,
        home_branch=branch,
        expires_on=date(2025, 1, 31),
    )
    ReaderBlockFactory(reader=reader, starts_on=date(2025, 1, 1))
    book = BookFactory(title="Преступление и наказание: роман в шести частях с эпилогом")
    for factory in (GenreFactory, SubjectFactory, PublisherFactory, SeriesFactory):
        factory()
    author = AuthorFactory(name="Достоевский, Фёдор Михайлович")
    Contribution.objects.create(book=book, author=author)
    LoanFactory(reader=reader, copy=CopyFactory(book=book, branch=branch))
    LoanFactory(reader=reader, returned_at=datetime(2026, 3, 10, 12, tzinfo=UTC))
    copy = CopyFactory(book=book, branch=branch)
    withdraw_copies(
        copy_ids=[CopyFactory(book=book, branch=branch).pk],
        act_number="12/26",
        dated_on=date(2026, 3, 1),
        reason=WithdrawalReason.WORN_OUT,
        by=None,
        now=timezone.now(),
    )
    ReservationFactory(reader=reader, book=book, pickup_branch=branch)
    kept = CopyFactory(branch=branch, status="on_hold_shelf")
    ready = ReservationFactory(
        reader=reader,
        book=kept.book,
        copy=kept,
        pickup_branch=branch,
        state="ready",
        ready_at=timezone.now(),
        pickup_until=date(2026, 12, 31),
    )
    transfer = Transfer.objects.create(
        copy=CopyFactory(status="in_transit"),
        from_branch=branch,
        to_branch=BranchFactory(),
        why="home",
        sent_at=timezone.now(),
    )
    stocktaking.actions.start(branch=branch, by=None, now=timezone.now())
    letter = LetterFactory(reader=reader, status="sent", sent_at=timezone.now())
    save_search(reader=reader, params=QueryDict("q=толстой"), now=timezone.now())
    former = BookFactory(title="Преступление и наказание")
    merge_books(survivor_id=book.pk, merged_ids=[former.pk], choices={}, parts={}, by=None, now=timezone.now())
    batch = batch_changes.draft(kind="book", target_ids=[book.pk], by=None, now=timezone.now())
    batch_changes.start(
        batch_id=batch.pk, field="language", deed="set", value="eng", find="", by=None, now=timezone.now()
    )
    batch_changes.work(batch_id=batch.pk, now=timezone.now())
    merge_readers(survivor_id=reader.pk, merged_ids=[ReaderFactory().pk], choices={}, by=None, now=timezone.now())
    ErasureRequest.objects.create(reader=reader, asked_at=timezone.now())
    Target.objects.create(name="Library of Congress", url="http://lx2.loc.gov:210/LCDB")
    ImportRun.objects.create(file_name="новинки.mrc", started_at=timezone.now())
    boss = AdminFactory(full_name="Анна Сергеевна Павлова")
    write_message(reader_ids=[reader.pk], subject="Ремонт", text="В мае закрыто.", by=boss, now=timezone.now())
    LetterTemplate.objects.create(
        event="due_soon",
        language="ru",
        subject="Пора",
        text="Пора вернуть.",
        changed_at=timezone.now(),
        changed_by=boss,
    )
    Batch.objects.create(made_at=timezone.now(), made_by=boss)
    claim_returned(loan_id=Loan.objects.open().latest("pk").pk, by=boss, now=timezone.now())
    CopyFactory(branch=branch, status="damaged")
    Closing.objects.create(starts_on="2026-01-01", ends_on="2026-01-01", made_at=timezone.now(), state="done", by=boss)
    at_the_till = {"reader_id": reader.pk, "branch_id": branch.pk, "by": boss, "now": timezone.now()}
    for amount in (Decimal(30), Decimal("1250.50")):
        cashdesk.actions.charge(**at_the_till, kind=Kind.MANUAL, amount=amount, reason="Копирование", copy_id=copy.pk)
    payment = cashdesk.actions.pay(**at_the_till, amount=Decimal(100), method=Method.CASH)
    actions.report_card_lost(reader_id=reader.pk, by=boss, now=timezone.now())
    JobRun.objects.create(job="check_due_dates", day=date(2026, 3, 1), started_at=timezone.now())
    crontab = CrontabSchedule.objects.create(minute="*/30")
    IntervalSchedule.objects.create(every=1, period="hours")
    PeriodicTask.objects.create(name="Daily", task="t", crontab=crontab, args=json.dumps([]))
    return {
        "boss": boss,
        "reader": reader,
        "book": book,
        "author": author,
        "copy": copy,
        "payment": payment,
        "letter": letter,
        "ready": ready,
        "transfer": transfer,
    }


def named_patterns(patterns=None):
    """Name of every address outside the panel and the API; the desk is inside neither."""
    for entry in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(entry, URLPattern):
            if entry.name:
                yield entry.name
        elif str(entry.pattern) not in ("admin/", "api/"):
            yield from named_patterns(entry.url_patterns)


def public_pages(world):
    """Path by name of every page that a stranger may open."""
    arguments = {
        "book": {"uid": world["book"].uid},
        "author": {"pk": world["author"].pk},
        "account_confirm_email": {"key": "no-such-key"},
    }
    found = {}
    for name in named_patterns():
        if name not in NO_PAGES:
            found[name] = reverse(name, kwargs=arguments.get(name))
    return found


def visitors(visit, user=None):
    """Who reads Russian, with axe, then who reads English, with the ruler only: each with how to look at a page."""
    for language in ("ru", "en"):
        visitor = visit(user, language=language)
        yield visitor, visitor.inspect if language == "ru" else visitor.squeeze
        assert "\n".join(visitor.faults) == ""


def test_pages_of_strangers(visit, world):
    for visitor, look in visitors(visit):
        for path in (
            *public_pages(world).values(),
            f"{reverse('search')}?q=Достоевский",
            f"{reverse('search')}?q=нетутакого",
        ):
            visitor.go(path)
            look()


def test_pages_of_a_reader(visit, world):
    for visitor, look in visitors(visit, world["reader"].user):
        for name in (
            "profile",
            "edit_profile",
            "account_email",
            "account_change_password",
            "my_loans",
            "my_reservations",
            "my_history",
            "my_charges",
            "my_letters",
            "my_sent_letters",
            "my_telegram",
            "my_searches",
            "my_data",
        ):
            visitor.go(reverse(name))
            look()
        visitor.go(reverse("my_sent_letter", args=[world["letter"].uid]))
        look()
        visitor.go(unsubscribe_url(world["reader"], "due_soon").removeprefix(settings.LIBRARY_URL))
        look()
        for paper in ("a4", "roll"):
            visitor.go(reverse("receipt", args=[world["payment"].uid], query={"paper": paper}))
            look()
        visitor.go(reverse("book", args=[world["copy"].book.uid]))
        look()


def test_pages_of_errors(visit, world):
    for visitor, look in visitors(visit, world["reader"].user):
        visitor.go("/no-such-shelf/", expect=404)
        look()
        visitor.go("/admin/login/", expect=403)
        look()
        visitor.faults = [fault for fault in visitor.faults if "Failed to load resource" not in fault]


def panel_pages():
    """Every list of the panel with its forms; the front page first."""
    yield reverse("admin:index")
    yield from map(reverse, ("reports", "form6nk", "visits", "built_reports"))
    yield reverse("build_report", args=["loans"])
    yield from (reverse("post"), reverse("post_batch", args=[Batch.objects.get().uid]))
    yield from (reverse("report", args=[key]) for key in ("overdue", "loans-by-hour"))
    yield reverse("admin:accounts_reader_history", args=[Reader.objects.first().pk])
    yield reverse("admin:catalog_book_add_copies", args=[Book.objects.first().pk])
    yield reverse("admin:catalog_copy_labels")
    yield reverse("admin:catalog_book_cards", query={"books": Book.objects.first().pk})
    owes, charge = Reader.objects.get(entries__kind="payment").uid, Charge.objects.last().uid
    yield from (reverse("closings_made"), reverse("closing_page", args=[Closing.objects.get().uid]))
    yield from (reverse(name, args=[owes]) for name in ("reader_money", "take_payment", "add_charge", "give_refund"))
    yield from (reverse(name, args=[charge]) for name in ("waive_charge", "reverse_entry"))
    yield reverse(
        "admin:readership_merge", query={"id": list(Reader.objects.current().values_list("pk", flat=True)[:2])}
    )
    yield reverse("admin:readership_data", args=[Reader.objects.current().first().pk])
    yield reverse("admin:readership_duplicates", query={"by": "email"})
    somebody = Reader.objects.current().first().pk
    yield reverse("admin:notifications_reader", args=[somebody])
    yield reverse("admin:notifications_message", query={"reader": somebody})
    yield reverse("admin:notifications_words", args=["due_soon", "ru", "letter"])
    yield reverse("admin:accounts_reader_cards", query={"readers": Reader.objects.first().pk})
    for model, model_admin in sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.label):
        options = model_admin.opts
        yield reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        first = model._default_manager.first()
        assert first is not None, f"{options.label} needs an object in this test's world"
        yield reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[first.pk])


OF_OUR_OWN = 21
"""How many of the panel's pages come before and among the first that Django's admin draws, all alike."""


def add_and_delete_pages(request):
    """The forms for new objects and the questions before deleting, where allowed."""
    for model, model_admin in sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.label):
        options = model_admin.opts
        first = model._default_manager.first()
        if model_admin.has_add_permission(request):
            yield reverse(f"admin:{options.app_label}_{options.model_name}_add")
        if model_admin.has_delete_permission(request, first):
            yield reverse(f"admin:{options.app_label}_{options.model_name}_delete", args=[first.pk])


def test_pages_of_the_panel(visit, world):
    """In the language with the longer words; colours on those that look different from each other."""
    visitor = visit(world["boss"])
    for number, path in enumerate(panel_pages()):
        visitor.go(path)
        visitor.inspect(colours=number < OF_OUR_OWN, seen=".panel-nav" if number else "")
    assert "\n".join(visitor.faults) == ""


def test_pages_of_the_desk(visit, world):
    for visitor, look in visitors(visit, LibrarianFactory()):
        for path in (reverse("desk_branch"), reverse("desk")):
            visitor.go(path)
            look()
        choose_branch(visitor.page)
        visitor.go(reverse("desk_return"))
        look()
        visitor.go(reverse("desk_change_photo", args=[world["reader"].uid]))
        look()
        visitor.go(reverse("desk_lost", args=[Loan.objects.open().first().uid]))
        look()
        visitor.go(reverse("desk_reader", args=[world["reader"].uid]))
        look()
        for path in (
            reverse("desk_claims"),
            reverse("desk_claim", args=[Loan.objects.open().first().uid]),
            reverse("desk_damaged"),
            reverse("desk_damage", args=[Loan.objects.open().first().copy.uid]),
            reverse("desk_readings"),
            reverse("pick_list"),
            reverse("hold_shelf"),
            reverse("transfers"),
            reverse("queue", args=[world["book"].uid]),
            reverse("reservation_slip", args=[world["ready"].uid]),
            reverse("transfer_slip", args=[world["transfer"].uid]),
        ):
            visitor.go(path)
            look()
        visitor.go(reverse("desk_reader", args=[world["reader"].uid]))
        visitor.page.locator("#code").fill(world["copy"].barcode)
        visitor.page.keyboard.press("Enter")
        visitor.page.wait_for_load_state("networkidle")
        look()


def test_pages_of_a_stocktake(visit, world):
    for visitor, look in visitors(visit, LibrarianFactory()):
        uid = Stocktake.objects.get().uid
        visitor.go(reverse("stocktake", args=[uid]))
        for code in (world["copy"].barcode, "no-such-number"):
            visitor.page.keyboard.type(code)
            visitor.page.keyboard.press("Enter")
            visitor.page.locator(
                ".slip__line", has_text=code if code == "no-such-number" else world["book"].title
            ).wait_for()
        look()
        for name in ("stocktake_report", "stocktake_protocol"):
            visitor.go(reverse(name, args=[uid]))
            look()


def choose_branch(page):
    """At a desk that does not know where it stands."""
    if page.locator("form select[name=branch], form input[name=branch], form button[name=branch]").count():
        page.locator("main form button[type=submit], main form button").first.click()


def test_forms_of_the_panel(visit, world, rf):
    """Axe has seen the forms with an object in them; of the questions before deleting one is like the other."""
    request = rf.get("/")
    request.user = world["boss"]
    Group.objects.create(name="Касса")
    visitor = visit(world["boss"])
    for number, path in enumerate(add_and_delete_pages(request)):
        visitor.go(path)
        visitor.inspect(seen=".panel-nav") if number < 4 else visitor.squeeze()
    assert "\n".join(visitor.faults) == ""

"""Letters and reminders survive kill -9 and company: real worker processes, real queue, real mail server."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.conf import settings
from django.db import connection, connections, transaction
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.tests.factories import ReaderFactory
from catalog.models import Copy
from circulation import reminders
from circulation import tasks as circulation_tasks
from circulation.models import Loan
from circulation.tests.factories import LoanFactory
from library.core.models import JobRun
from notifications.actions import enqueue
from notifications.bundling import bundle
from notifications.delivery import deliver
from notifications.models import Event, Letter, Notice
from notifications.tasks import deliver_notices
from notifications.tests.factories import LetterFactory, NoticeFactory
from notifications.tests.sink import start_sink
from policies.terms import Terms
from tests.processes import kill, process, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def mail():
    """A listening mail server and its environment variable."""
    sink, controller = start_sink()
    sink.url = f"smtp://127.0.0.1:{controller.port}"
    yield sink
    controller.stop()


@pytest.fixture
def queue():
    """The name of a queue of this test's own, swept from the broker afterwards."""
    name = f"test-{uuid.uuid4().hex}"
    yield name
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        unacked = [tag for tag, message in broker.hgetall("unacked").items() if name.encode() in message]
        if unacked:
            broker.hdel("unacked", *unacked)
            broker.zrem("unacked_index", *unacked)
        broker.delete(name, f"_kombu.binding.{name}")


@pytest.fixture
def worker(queue, mail, tmp_path):
    """Starts a Celery worker on this test's queue, database and mail server, with so long a lease on letters."""
    log = tmp_path / "worker.log"

    def start(lease_seconds=600):
        return process(
            *("-m", "celery", "-A", "library", "worker", "--queues", queue, "--concurrency", "1"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            log=log,
            EMAIL_URL=mail.url,
            LETTER_LEASE_SECONDS=str(lease_seconds),
            DAILY_JOBS_HOUR="0",
        )

    start.log = log
    return start


def all_sent():
    return Letter.objects.exists() and not Letter.objects.exclude(status="sent").exists()


def test_a_worker_killed_while_sending_and_one_killed_before_lose_and_double_nothing(worker, queue, mail):
    reader = ReaderFactory(email="anna@example.org")
    enqueue(key="first", event=Event.OVERDUE, reader=reader, data=NoticeFactory.build().data, now=timezone.now())
    mail.pause = threading.Event()
    with worker(lease_seconds=2) as first:
        deliver_notices.apply_async(queue=queue)
        wait_until(mail.reached.is_set, what="the first worker talks to the mail server", log=worker.log)
        assert Letter.objects.get().status == "sending"
        kill(first)
    mail.pause.set()
    mail.pause = None
    assert mail.received == []

    with worker() as second:
        claimed = Letter.objects.get()
        wait_until(lambda: timezone.now() > claimed.next_attempt_at, what="the lease runs out")
        deliver_notices.apply_async(queue=queue)
        wait_until(all_sent, what="the second worker sends the letter", log=worker.log)
        kill(second)
    enqueue(key="second", event=Event.DUE_SOON, reader=reader, data=NoticeFactory.build().data, now=timezone.now())
    deliver_notices.apply_async(queue=queue)

    with worker():
        deliver_notices.apply_async(queue=queue)
        wait_until(
            lambda: len(mail.received) == 2 and all_sent(), what="the third worker sends the other", log=worker.log
        )
    assert [message["To"] for message in mail.received] == ["anna@example.org"] * 2
    assert Letter.objects.get(event="overdue").attempts == 2
    assert Letter.objects.get(event="due_soon").attempts == 1


def test_a_copy_sent_in_the_unavoidable_moment_carries_the_same_message_id(worker, queue, mail):
    """Killed after the mail server took the letter, before it could be marked: detectable by its Message-ID."""
    LetterFactory()
    taken, copies = threading.Event(), []

    def take_and_hang(message):
        copies.append(message)
        taken.set()
        hold.wait(20)
        return "250 OK"

    hold, mail.reply = threading.Event(), take_and_hang
    with worker(lease_seconds=2) as first:
        deliver_notices.apply_async(queue=queue)
        wait_until(taken.is_set, what="the mail server has the letter", log=worker.log)
        kill(first)
    hold.set()
    mail.reply = lambda message: copies.append(message) or "250 OK"
    claimed = Letter.objects.get()
    wait_until(lambda: timezone.now() > claimed.next_attempt_at, what="the lease runs out")
    with worker():
        deliver_notices.apply_async(queue=queue)
        wait_until(all_sent, what="the second worker sends it again", log=worker.log)
    assert [copy["Message-ID"] for copy in copies] == [f"<{claimed.uid}@localhost>"] * 2


def test_two_schedulers_with_two_workers_make_one_set_of_reminders_and_one_letter(worker, queue, mail, tmp_path):
    yesterday = timezone.now() - timedelta(days=1)
    reader = ReaderFactory(email="anna@example.org")
    for _ in range(3):
        LoanFactory(reader=reader, checked_out_at=yesterday - timedelta(days=14), due_at=yesterday)
    second, _is_new = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    for task in ("circulation.check_due_dates", "notifications.deliver"):
        PeriodicTask.objects.create(task=task, name=task, interval=second, queue=queue)

    beat = ("-m", "celery", "-A", "library", "beat", "--pidfile", "", "--max-interval", "1")
    logs = [tmp_path / "beat1.log", tmp_path / "beat2.log"]
    with worker(), worker(), process(*beat, log=logs[0]), process(*beat, log=logs[1]):
        wait_until(all_sent, what="the letter leaves", log=worker.log)
        letter_sent_at = timezone.now()
        for log in logs:
            wait_until(lambda log=log: log.read_text().count("notifications.deliver") >= 2, what="both tick", log=log)
        wait_until(lambda: timezone.now() > letter_sent_at + timedelta(seconds=3), what="some more ticks")
    assert Notice.objects.filter(event="overdue", stage=1).count() == 3
    (message,) = mail.received
    assert message["To"] == "anna@example.org"
    run = JobRun.objects.get(job="check_due_dates")
    assert run.summary["reminders"] == {"overdue": 3}


def together(count, work):
    """Run `work` in so many threads at the same moment, each on its own connection."""
    barrier = threading.Barrier(count)

    def one(_number):
        try:
            barrier.wait(10)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.fixture
def library_mail(mail, settings):
    """This process sends to the mail server, too."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(mail.url.rpartition(":")[2])
    return mail


def test_six_deliveries_at_once_send_each_letter_once(library_mail):
    for _ in range(30):
        LetterFactory()
    outcomes = together(6, lambda: deliver(seconds=20))
    assert sum(outcome["sent"] for outcome in outcomes) == 30
    assert len({message["To"] for message in library_mail.received}) == len(library_mail.received) == 30
    assert set(Letter.objects.values_list("status", "attempts")) == {("sent", 1)}


def test_six_bundlers_at_once_make_one_letter_a_reader():
    readers = [ReaderFactory() for _ in range(10)]
    for reader in readers * 4:
        NoticeFactory(reader=reader)
    together(6, lambda: bundle(now=timezone.now()))
    assert Letter.objects.count() == 10
    assert not Notice.objects.filter(letter__isnull=True).exists()


def test_four_checks_at_once_write_each_reminder_once(settings):
    now = datetime(2026, 3, 16, 6, tzinfo=UTC)
    for _ in range(40):
        LoanFactory()
    summaries = together(4, lambda: reminders.check_due_dates(now=now))
    assert Notice.objects.count() == Notice.objects.values("key").distinct().count() == 40
    assert sum(summary.marked_overdue for summary in summaries) == 40


def test_four_daily_tasks_at_once_make_one_run(settings):
    settings.DAILY_JOBS_HOUR = 0
    yesterday = timezone.now() - timedelta(days=1)
    for _ in range(5):
        LoanFactory(checked_out_at=yesterday - timedelta(days=14), due_at=yesterday)
    together(4, circulation_tasks.check_due_dates)
    assert JobRun.objects.get().summary["reminders"] == {"overdue": 5}
    assert Notice.objects.count() == 5


def test_a_check_killed_half_way_is_repeated_without_a_double(tmp_path):
    """1,500 loans, a batch is 1,000; the second batch hangs on a row of ours until the process is killed."""
    late = timezone.now() - timedelta(days=1)
    loan = LoanFactory(checked_out_at=late - timedelta(days=14), due_at=late)
    copies = Copy.objects.bulk_create(
        Copy(
            book_id=loan.copy.book_id,
            branch_id=loan.copy.branch_id,
            item_type_id=loan.copy.item_type_id,
            inventory_number=f"K{number}",
            barcode=f"K{number}",
            status=Copy.Status.LOANED,
        )
        for number in range(1499)
    )
    readers = [ReaderFactory(category=loan.reader.category, home_branch=loan.reader.home_branch) for _ in range(15)]
    loans = Loan.objects.bulk_create(
        Loan(
            copy=copy,
            reader=readers[number // 100],
            branch_id=loan.branch_id,
            checked_out_at=loan.checked_out_at,
            due_at=loan.due_at,
            terms=Terms().as_json(),
        )
        for number, copy in enumerate(copies)
    )
    command, log = ("manage.py", "check_due_dates"), tmp_path / "check.log"
    last = loans[-1]
    due_on = last.due_at.astimezone(last.branch.zone).date()
    blocked_key = f"overdue:{last.uid}:{due_on + timedelta(days=1)}:1"
    with transaction.atomic():
        enqueue(key=blocked_key, event=Event.OVERDUE, reader=last.reader, data={}, now=late)
        with process(*command, log=log) as checking:
            wait_until(lambda: _waiting_for_us(), what="the check waits for our row", log=log)
            kill(checking)
        transaction.set_rollback(True)
    half = Notice.objects.count()
    assert 1000 <= half < 1500
    assert bundle(now=timezone.now()) > 0

    with process(*command, log=log) as checking:
        assert checking.wait(30) == 0, log.read_text()
    assert Notice.objects.count() == 1500
    assert Notice.objects.filter(key=blocked_key).exists()
    assert Loan.objects.filter(overdue_since__isnull=False).count() == 1500
    while bundle(now=timezone.now()):
        pass
    assert Letter.objects.count() == 16, "one for each reader: no reader's loans were torn apart"


def _waiting_for_us():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone()[0]

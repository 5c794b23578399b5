"""Letters on paper: gathered, printed as a PDF that is read again, posted, taken apart."""

import pypdfium2
import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import LibrarianFactory, ReaderFactory
from library.core.errors import Invalid
from library.core.models import AuditEntry
from notifications.delivery import deliver
from notifications.models import Letter
from notifications.tests.factories import LetterFactory, loan_data
from policies.tests.factories import BranchFactory
from post.actions import make_batch, post, take_apart
from post.channel import PrintChannel
from post.models import Batch
from post.paper import as_pdf
from post.queries import to_print

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def printing(settings):
    settings.PRINT_LETTERS, settings.PRINT_WINDOW = True, "right"
    settings.NOTICE_CHANNELS = ["post.channel.PrintChannel"]
    settings.LIBRARY_NAME = "Городская библиотека"


@pytest.fixture
def vera():
    return LibrarianFactory(full_name="Вера")


def letter_to(name, branch=None, **more):
    branch = branch or BranchFactory()
    reader = ReaderFactory(full_name=name, home_branch=branch, postal_address="ул. Мира, 1\n308000 Белгород")
    address = reader.postal_address
    return LetterFactory(reader=reader, channel=Letter.Channel.PRINT, address=address, **more)


def words(pdf):
    """The text of each page."""
    document = pypdfium2.PdfDocument(pdf)
    return [page.get_textpage().get_text_bounded() for page in document]


def test_letters_wait_for_a_batch_and_are_sent_once_it_is_posted(vera):
    now = timezone.now()
    north = BranchFactory(name="Северный", address="ул. Садовая, 5", phone="22-33-44")
    boris, anna = letter_to("Борис", north, language="ru"), letter_to("Анна", north)
    letter_to("Вольдемар", BranchFactory(name="Южный"))
    assert deliver(seconds=5) == {}, "nobody but staff sends them"
    batch = make_batch(branch_id=north.pk, by=vera, now=now)
    assert [line.letter for line in batch.lines.all()] == [anna, boris]
    assert to_print().count() == 1
    first, second = words(as_pdf(batch))
    assert "Городская библиотека" in first
    assert "Северный · ул. Садовая, 5, 22-33-44" in first
    assert "Анна\r\nул. Мира, 1\r\n308000 Белгород" in first
    assert "Due Nov. 23, 2026: Война и мир" in first
    assert "Борис" in second
    assert "Здравствуйте" in second
    assert post(batch_id=batch.pk, by=vera, now=now) == 2
    assert post(batch_id=batch.pk, by=vera, now=now) == 0
    anna.refresh_from_db()
    assert (anna.status, anna.sent_at) == ("sent", now)
    assert words(as_pdf(batch)) == [first, second], "printed again"
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == ["post.make_batch", "post.post"]


def test_a_batch_is_taken_apart_until_it_is_posted(vera):
    letter_to("Анна")
    batch = make_batch(by=vera, now=timezone.now())
    assert make_batch(by=vera, now=timezone.now()) is None
    take_apart(batch_id=batch.pk, by=vera, now=timezone.now())
    again = make_batch(by=vera, now=timezone.now())
    post(batch_id=again.pk, by=vera, now=timezone.now())
    with pytest.raises(Invalid):
        take_apart(batch_id=again.pk, by=vera, now=timezone.now())


def test_a_letter_that_cannot_be_rendered_is_given_up_and_the_others_are_printed(vera):
    poison = letter_to("Анна", data=[loan_data(due_on="some day")])
    letter_to("Борис")
    batch = make_batch(by=vera, now=timezone.now())
    assert batch.lines.count() == 1
    poison.refresh_from_db()
    assert poison.status == "dead"


def test_a_long_letter_goes_on_on_another_sheet(vera):
    letter_to("Анна", data=[loan_data(title=f"Очень длинное название {n}") for n in range(40)])
    pages = words(as_pdf(make_batch(by=vera, now=timezone.now())))
    assert len(pages) == 3
    assert all(any(f"название {n}" in page for page in pages) for n in range(40))


def test_who_is_reached(settings):
    with_address, without = ReaderFactory(postal_address="ул. Мира, 1"), ReaderFactory()
    assert PrintChannel().addresses([with_address, without]) == {with_address.pk: "ул. Мира, 1"}
    settings.PRINT_LETTERS = False
    assert not PrintChannel.is_on()


def test_the_pages(vera, django_assert_max_num_queries):
    for number in range(5):
        letter_to(f"Читатель {number}", BranchFactory(name=f"Филиал {number}"))
    client = Client()
    client.force_login(vera)
    client.cookies["django_language"] = "en"
    assert "letters to print" in client.get("/admin/").text
    with django_assert_max_num_queries(14):
        assert "Филиал 3" in client.get("/admin/post/").text
    assert client.post("/admin/post/gather/", {"branch": "77"}).url == "/admin/post/"
    address = client.post("/admin/post/gather/").url
    batch = Batch.objects.get()
    assert address == f"/admin/post/{batch.uid}/"
    with django_assert_max_num_queries(14):
        assert "Читатель 3" in client.get(address).text
    answer = client.get(f"{address}letters.pdf")
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("application/pdf", "no-store")
    assert len(words(answer.content)) == 5
    client.post(f"{address}posted/")
    assert Letter.objects.filter(status="sent").count() == 5
    assert "is posted already" in client.post(f"{address}take-apart/", follow=True).text

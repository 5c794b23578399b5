"""The library's own words for letters: what they may hold, how they are kept, and what happens when they fail."""

import pytest
from django.utils import timezone, translation

from accounts.tests.factories import AdminFactory, LibrarianFactory, ReaderFactory
from library.core.errors import Invalid
from library.core.models import AuditEntry
from notifications import sandbox
from notifications.editing import reset_words, save_words
from notifications.fields import LINES, example, fields_of
from notifications.models import Event, LetterTemplate
from notifications.rendering import frame_context, line_context, render, render_words, sample, typed
from notifications.starters import Words, built_in
from notifications.tests.factories import LetterFactory, loan_data

pytestmark = pytest.mark.django_db
WORDS = Words("{{ first.title }}!", "Dear {{ reader_name }}: {{ loans_url }}", '<p class="due">{{ first.title }}</p>')
HERE = {"event": Event.DUE_SOON, "language": "en", "kind": "letter"}


@pytest.fixture(autouse=True)
def english(client, settings):
    settings.LIBRARY_NAME, settings.LIBRARY_URL = "Town Library", "https://library.example"
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    with translation.override("en"):
        yield


def plain(text):
    return " ".join(text.split())


def by_line(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_words_to_begin_with_are_those_that_are_sent(language):
    """For one thing and for several, every editable letter is the same built-in and in editable words."""
    reader = ReaderFactory(language=language)
    frame = frame_context(reader, language)
    for event in LINES:
        words = built_in(event, language, "letter")
        for lines in (example(event)[:1], example(event) * 2):
            for stage in (1, 7, 30) if event == Event.OVERDUE else (0,):
                expected = sample(reader=reader, event=event, data=lines, stage=stage)
                with translation.override(language):
                    found = render_words(
                        words._asdict(), frame | line_context([typed(one) for one in lines], stage=stage)
                    )
                assert found["subject"] == plain(expected.subject), event
                body = expected.text.partition("\n\n")[2].rpartition("\n-- \n")[0]
                assert by_line(found["text"]) == by_line(body), event


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("{{ secret }}", 1),
        ("{{ first.secret }}", 1),
        ("a\nb {{ line.title }}", 2),
        ("{% for line in lines %}{{ line.isbn }}{% endfor %}", 1),
        ("{% for x in first.title %}{% endfor %}", 1),
        ("{{ first.title", 1),
        ("one\ntwo\n{% if %}", 3),
        ("{{ first.title|upper }}", 1),
        ("{{ settings.SECRET_KEY }}", 1),
        ("{{ first.__class__ }}", 1),
        ("{{ ''.__class__.__mro__ }}", 1),
        ("{{ reader_name.format(1) }}", 1),
        ("{{ range(9) }}", 1),
        ("{{ lines[0] }}", 1),
        ("{{ 'a' * 1000000000 }}", 1),
        ("{{ 2 ** 99999999 }}", 1),
        ("{% set a = 1 %}", 1),
        ("{% include 'x' %}", 1),
        ("{% import 'x' as y %}", 1),
        ("{% extends 'x' %}", 1),
        ("{% macro a() %}{% endmacro %}", 1),
        ("{% load i18n %}", 1),
        ("{% debug %}", 1),
        ("{% for a in lines %}{% for b in lines %}{% for c in lines %}x{% endfor %}{% endfor %}{% endfor %}", 1),
        ("x" * 20_001, 1),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", 1),
    ],
)
def test_words_that_reach_for_what_is_not_theirs_are_refused_with_their_line(source, line):
    found = sandbox.problems(source, fields_of(Event.DUE_SOON))
    assert found
    assert found[0].line == line


def test_rendering_itself_lets_nothing_through_either():
    """Without the look beforehand: attributes, methods and endless output."""
    context = {"lines": [{"title": "x" * 900}] * 500, "first": {"title": "x", "keys": "own"}, "many": ["y"]}
    assert sandbox.render("{{ first.keys }}{{ first.items }}{{ first.title.upper }}", context) == "own"
    for source in ("{{ first.items() }}", "{{ first['title'] }}", "{{ first.title|attr('upper') }}"):
        with pytest.raises(sandbox.Broken):
            sandbox.render(source, context)
    with pytest.raises(sandbox.Broken):
        sandbox.render("{% for a in lines %}{% for b in lines %}{{ b.title }}{% endfor %}{% endfor %}", context)


def test_html_is_escaped_and_cleaned():
    rendered = sandbox.render(
        '<p onclick="x" class="due">{{ name }}</p><script>x</script>'
        '<a href="javascript:x">y</a><a href="{{ url }}">z</a>',
        {"name": "<img src=x>", "url": "https://library.example/?a=1&b=2"},
        is_html=True,
    )
    assert rendered == (
        '<p class="due">&lt;img src=x&gt;</p><a>y</a><a href="https://library.example/?a=1&amp;b=2">z</a>'
    )


def test_own_words_are_sent_and_reset_with_their_history():
    by, letter = AdminFactory(), LetterFactory(reader=ReaderFactory(full_name="Alice", language="en"))
    save_words(**HERE, words=WORDS, by=by, now=timezone.now())
    rendered = render(letter)
    assert rendered.subject == "Война и мир!"
    assert "Dear Alice: https://library.example/my/" in rendered.text
    assert rendered.text.endswith("\n"), "with greeting and signature"
    assert rendered.text.startswith("Hello, Alice!")
    assert '<p class="due">Война и мир</p>' in rendered.html
    assert "<h1>Война и мир!</h1>" in rendered.html
    assert render(LetterFactory(language="ru")).subject.startswith("Вернуть до"), "each language has its own"
    assert reset_words(**HERE, by=by, now=timezone.now())
    assert not reset_words(**HERE, by=by, now=timezone.now())
    assert render(letter).subject == "Due Nov. 23, 2026: Война и мир"
    edited, reset = AuditEntry.objects.filter(action__in=["notifications.edit_words", "notifications.reset_words"])[
        ::-1
    ]
    assert edited.detail["after"] == reset.detail["before"] == WORDS._asdict()


def test_each_channel_has_words_of_its_own():
    sms = LetterFactory(channel="sms")
    chat = LetterFactory(channel="telegram")
    now, by = timezone.now(), AdminFactory()
    save_words(event=Event.DUE_SOON, language="en", kind="sms", words=Words("", "{{ count }} due", ""), by=by, now=now)
    save_words(event=Event.DUE_SOON, language="en", kind="chat", words=Words("Hi", "Soon", ""), by=by, now=now)
    assert render(sms).short == "1 due"
    assert (render(chat).subject, render(chat).message) == ("Hi", "Soon\n")
    assert render(LetterFactory()).subject == "Due Nov. 23, 2026: Война и мир"


@pytest.mark.parametrize(
    ("event", "words", "fields"),
    [
        (Event.DUE_SOON, Words("", "x", "x"), {"subject"}),
        (Event.DUE_SOON, Words("{{ x }}", "{{ y }}", "{% if %}"), {"subject", "text", "html"}),
        (Event.DUE_SOON, Words("{% if count > 5 %}x{% endif %}", "x", "x"), {"subject"}),
        (Event.DUE_SOON, Words("{{ first.title|plural(1) }}", "x", "x"), {"text"}),
        (Event.CARD_EXPIRING, Words("x", "x", "{{ profile_url }}"), {"text"}),
        (Event.MESSAGE, Words("x", "x", "x"), {"text"}),
    ],
)
def test_wrong_words_are_not_kept(event, words, fields):
    with pytest.raises(Invalid) as error:
        save_words(event=event, language="en", kind="letter", words=words, by=AdminFactory(), now=timezone.now())
    assert set(error.value.errors) == fields
    assert not LetterTemplate.objects.exists()


def test_words_that_fail_all_the_same_never_stop_a_letter_and_staff_are_told(client):
    """Such as words kept by an earlier version of the program."""
    LetterTemplate.objects.create(
        **HERE, subject="{{ range(9) }}", text="x", html="x", changed_at=timezone.now(), changed_by=AdminFactory()
    )
    assert render(LetterFactory()).subject == "Due Nov. 23, 2026: Война и мир"
    assert LetterTemplate.objects.get().failed_at
    client.force_login(LibrarianFactory())
    page = client.get("/admin/notifications/lettertemplate/").content.decode()
    assert "the built-in ones were sent" in page
    assert "own words fail" in page


def test_an_administrator_edits_words_and_sees_them_at_once(client):
    client.force_login(AdminFactory())
    anna = ReaderFactory(full_name="Анна", card_number="R777")
    LetterFactory(reader=anna, data=[loan_data(title="Мать")])
    address = "/admin/notifications/lettertemplate/words/due_soon/en/letter/"
    page = client.get(address)
    assert page.context["form"].initial["subject"].startswith("{% if count == 1 %}Due {{ first.due_on|day }}")
    assert 'data-insert="{{ line.due_on|day }}"' in page.content.decode()
    typed_in = WORDS._asdict() | {"reader": "r777"}
    seen = client.post(f"{address}preview/", typed_in).content.decode()
    assert "<strong>Мать!</strong>" in seen
    assert "their last notice" in seen
    assert "Dear Анна" in seen
    wrong = client.post(f"{address}preview/", typed_in | {"text": "a\n{{ secret }}"}).content.decode()
    assert "Text: Line 2: There is no field “secret”." in wrong
    refused = client.post(address, WORDS._asdict() | {"html": "{% include 'x' %}"})
    assert refused.context["form"].errors["html"] == ["Line 1: This is not permitted in letters: Include."]
    assert client.post(address, WORDS._asdict()).status_code == 302
    assert client.get(address).context["form"].initial["subject"] == "{{ first.title }}!"
    client.post(f"{address}reset/")
    assert not LetterTemplate.objects.exists()

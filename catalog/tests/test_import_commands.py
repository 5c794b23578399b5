"""The commands that import: their choices, their words and their reports."""

import csv
import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from catalog.models import Book, Copy, ImportRun
from catalog.tests.marc_for_tests import iso, record
from policies.tests.factories import BranchFactory, ItemTypeFactory

pytestmark = pytest.mark.django_db

GOOD = record("001 1", "003 LIB", "245 10$aКаштанка", "952 ##$aЦБС, 1$p30001")
BAD = record("001 2", "003 2005")


@pytest.fixture(autouse=True)
def english():
    """Sentences are compared in English."""
    with translation.override("en"):
        yield


@pytest.fixture
def records(tmp_path):
    """A file with a good record and a bad one."""
    path = tmp_path / "records.mrc"
    path.write_bytes(iso(GOOD) + iso(BAD))
    return path


def test_a_file_is_imported_and_what_came_of_it_is_told(records, capsys):
    BranchFactory(code="main")
    BranchFactory(code="one")
    ItemTypeFactory(code="bk")
    call_command("import_marc", records, branch_map=["ЦБС, 1=one"], item_type="bk")
    out = capsys.readouterr().out
    assert "records.mrc: Read: 2. Created: 1. Updated: 0. Unchanged: 0. Rejected: 1. Copies created: 1." in out
    assert "Record 2: The record has a title neither in 245 (MARC21) nor in 200 (UNIMARC)." in out
    assert Copy.objects.get().branch.code == "one"
    run = ImportRun.objects.get()
    assert run.file_name == "records.mrc"
    assert run.options == {
        "format": "auto",
        "encoding": "auto",
        "branch_map": ["ЦБС, 1=one"],
        "item_type": "bk",
    }


def test_several_files_have_their_own_counts(records, tmp_path, capsys):
    other = tmp_path / "other.mrc"
    other.write_bytes(iso(record("001 3", "245 10$aДругая")))
    call_command("import_marc", records, other, no_copies=True)
    out = capsys.readouterr().out
    assert "records.mrc: Read: 2." in out
    assert "other.mrc: Read: 1." in out
    assert Book.objects.count() == 2


def test_a_trial_keeps_nothing(records, capsys):
    call_command("import_marc", records, dry_run=True, no_copies=True)
    out = capsys.readouterr().out
    assert "Created: 1." in out
    assert "This was a trial: nothing has been kept." in out
    assert not Book.objects.exists()


def test_a_preview_shows_how_the_letters_are_read(tmp_path, capsys):
    path = tmp_path / "x.mrc"
    path.write_bytes(iso(record("001 1", "100 1#$aЧехов, А. П.", "245 10$aКаштанка", "260 ##$c1977"), "cp866"))
    call_command("import_marc", path, preview=5)
    assert capsys.readouterr().out == "1: Чехов, А. П. Каштанка. 1977\n"
    call_command("import_marc", path, preview=5, encoding="cp1251")
    assert "Каштанка" not in capsys.readouterr().out
    assert not ImportRun.objects.exists()


def test_the_report_has_every_remark_as_json(records, tmp_path):
    report = tmp_path / "report.json"
    call_command("import_marc", records, report=report, no_copies=True)
    assert json.loads(report.read_text()) == {
        "files": [
            {
                "file": "records.mrc",
                "read": 2,
                "created": 1,
                "updated": 0,
                "unchanged": 0,
                "rejected": 1,
                "copies_created": 0,
                "remarks": [
                    {
                        "record": 2,
                        "outcome": "rejected",
                        "problem": "unknown_format",
                        "data": {},
                        "remark": "The record has a title neither in 245 (MARC21) nor in 200 (UNIMARC). "
                        "If it is one of these, name the format.",
                    }
                ],
            }
        ]
    }


def test_the_report_has_every_remark_as_csv(records, tmp_path):
    report = tmp_path / "report.csv"
    call_command("import_marc", records, report=report, no_copies=True)
    with report.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["file"], row["record"], row["outcome"], row["problem"]) for row in rows] == [
        ("records.mrc", "2", "rejected", "unknown_format")
    ]


def test_many_remarks_are_counted_not_printed(tmp_path, capsys):
    path = tmp_path / "x.mrc"
    path.write_bytes(iso(BAD) * 25)
    call_command("import_marc", path)
    assert "… and 5 more remarks; --report writes all of them." in capsys.readouterr().out


def test_a_table_is_imported(tmp_path, capsys):
    path = tmp_path / "books.csv"
    path.write_text("Заглавие;Автор\nКаштанка;Чехов А.П.\n;Никто\n", encoding="cp1251")
    call_command("import_books", path)
    out = capsys.readouterr().out
    assert "books.csv: Read: 2. Created: 1. Updated: 0. Unchanged: 0. Rejected: 1. Copies created: 0." in out
    assert "Record 3: There is no title." in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"branch": "nowhere"}, "No branch has the code “nowhere”. There are: main."),
        ({"item_type": "nothing"}, "No item type has the code “nothing”. There are: bk."),
        ({"branch_map": ["ЦБС"]}, "Write --branch-map NAME=CODE, not “ЦБС”."),
        ({"branch_map": ["ЦБС=nowhere"]}, "No branch has the code “nowhere”. There are: main."),
        ({"encoding": "klingon"}, "Nobody knows the encoding “klingon”."),
        ({"report": "report.txt"}, "The report must be called FILE.json or FILE.csv."),
    ],
)
def test_choices_that_make_no_sense_are_refused_in_words(records, tmp_path, options, words):
    BranchFactory(code="main")
    ItemTypeFactory(code="bk")
    if "report" in options:
        options = {"report": tmp_path / options["report"]}
    with pytest.raises(CommandError) as refusal:
        call_command("import_marc", records, **options)
    assert str(refusal.value) == words
    assert not Book.objects.exists()


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CommandError, match=r"nothing\.mrc cannot be read: No such file or directory\."):
        call_command("import_marc", tmp_path / "nothing.mrc")


def test_a_table_without_titles_is_refused_as_a_whole(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("colour;size\nred;1\n")
    with pytest.raises(CommandError, match="No column is called “title” or “Заглавие”"):
        call_command("import_books", path)

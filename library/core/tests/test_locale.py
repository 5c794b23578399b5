"""Every sentence of the code is in the Russian catalogue, translated, and compiled."""

import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).parents[3]
UNTRANSLATED = {"benchmarks", "tests"}
CATALOGUES = sorted(ROOT.glob("locale/*/LC_MESSAGES/*.po"))


def sentences(catalogue):
    return {
        (entry.msgctxt, entry.msgid, entry.msgid_plural): (entry.msgstr, entry.msgstr_plural)
        for entry in catalogue
        if not entry.obsolete
    }


def test_there_is_a_russian_catalogue():
    assert ROOT / "locale" / "ru" / "LC_MESSAGES" / "django.po" in CATALOGUES


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_everything_is_translated(path):
    catalogue = polib.pofile(str(path))
    assert [entry.msgid for entry in catalogue.fuzzy_entries()] == []
    assert [entry.msgid for entry in catalogue.untranslated_entries()] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_what_is_compiled_is_what_is_written(path):
    """The compiled files are committed: machines that run the library have no gettext."""
    assert sentences(polib.mofile(str(path.with_suffix(".mo")))) == sentences(polib.pofile(str(path)))


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="no gettext on this machine to look through the code")
def test_no_sentence_of_the_code_is_missing(tmp_path):
    packages = [path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in UNTRANSLATED]
    for directory in (*packages, "templates"):
        ignored = shutil.ignore_patterns("tests", "__pycache__", "data")
        shutil.copytree(ROOT / directory, tmp_path / directory, ignore=ignored)
    (tmp_path / "locale").mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "ru", "--extension", "html,txt,py"]
    subprocess.run(command, cwd=tmp_path, env={"PATH": "/usr/bin:/bin:/usr/local/bin"}, check=True, capture_output=True)
    found = sentences(polib.pofile(str(tmp_path / "locale" / "ru" / "LC_MESSAGES" / "django.po")))
    written = sentences(polib.pofile(str(ROOT / "locale" / "ru" / "LC_MESSAGES" / "django.po")))
    assert sorted(sentence for _context, sentence, _plural in found.keys() - written.keys()) == []

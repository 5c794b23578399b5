"""`manage.py prepare`: everything between new code and a library that can open, safe to repeat."""

import fcntl
import hashlib
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Database, first set-up, static files and demo library, each only where something is missing."""

    help = "Bring the database up to date and set the library up; with options also static files and a demo library."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--static", action="store_true", help="collect static files, if any changed")
        parser.add_argument(
            "--demo", type=Path, metavar="FILE", help="load the demo library once and write its sign-ins to FILE"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0, stdout=self.stdout)
        call_command("setup_library", stdout=self.stdout)
        call_command("rebuild_search", missing=True, verbosity=0, stdout=StringIO())
        if options["static"]:
            _collect_static()
        if options["demo"]:
            try:
                call_command("load_demo", credentials=options["demo"], stdout=self.stdout)
            except CommandError as no_need:  # a library with books of its own
                self.stdout.write(str(no_need))


def _collect_static() -> None:
    """Compressing takes seconds: not again while the files are the same. One at a time: two would mix their files."""
    root: Path = settings.STATIC_ROOT
    note, manifest = root / "static.digest", root / "staticfiles.json"
    digest = hashlib.sha256("\n".join(sorted(_static_files())).encode()).hexdigest()
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root):
        if not (manifest.exists() and note.exists() and note.read_text() == digest):
            call_command("collectstatic", interactive=False, verbosity=0)
            note.write_text(digest)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Wait for whoever else is at work in it; the kernel lets go when a process dies."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _static_files() -> Iterator[str]:
    for finder in get_finders():
        for name, storage in finder.list([]):
            yield f"{name} {storage.size(name)} {storage.get_modified_time(name).timestamp()}"

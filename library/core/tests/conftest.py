"""A short-lived home for embedded servers."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    """A fresh directory whose path is short enough for sockets, as var/ usually is."""
    directory = Path(tempfile.mkdtemp(prefix="library-test-"))
    yield directory
    shutil.rmtree(directory)

"""A short-lived home for embedded servers."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from library.core.embedded import Postgres


@pytest.fixture
def home() -> Iterator[Path]:
    """A fresh directory whose path is short enough for sockets, as var/ usually is."""
    directory = Path(tempfile.mkdtemp(prefix="library-test-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def furnish(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """A function: put the files of a PostgreSQL that ran once into a home; ten times as quick as making them."""
    model = Postgres(tmp_path_factory.mktemp("model"), durable=False)
    model.start()
    model.stop()

    def copy(home: Path) -> None:
        shutil.copytree(model.data, home / model.name)

    return copy

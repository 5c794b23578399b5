"""Real records from public collections, beside the project and never copied into it."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def shared(name: str) -> Path:
    """The path of a shared file; the test is skipped, visibly, where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"shared data absent: {name}")
    return path

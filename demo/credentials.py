"""The file that keeps the sign-ins of the demo library, a list of {"role", "email", "password"}; for its owner only."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from demo.actions import SignIn


def are_kept(path: Path) -> bool:
    """Whether the file is there and can be read as what `keep` wrote."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return bool(kept) and all(one["role"] and one["email"] and one["password"] for one in kept)
    except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError):
        return False


def keep(path: Path, sign_ins: Sequence[SignIn]) -> None:
    """Write the file whole, mode 600, so that whoever reads it meanwhile sees the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump([asdict(sign_in) for sign_in in sign_ins], file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

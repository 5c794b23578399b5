"""Child processes that do not outlive their parent, and a careful look at those that did."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
LOG_LIMIT = 10_000_000
"""Bytes after which a log is set aside as NAME.log.1 at the next start."""

_libc = ctypes.CDLL(None)


def spawn(
    command: Sequence[str | Path], *, log: Path, env: Mapping[str, str], farewell: signal.Signals = signal.SIGTERM
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, writing to `log`; the kernel sends it `farewell` when we die.

    A session of its own keeps Ctrl-C in the terminal for us alone, who stop the children in order.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            start_new_session=True,
            preexec_fn=partial(_die_with, os.getpid(), farewell),
        )


def _die_with(parent: int, farewell: signal.Signals) -> None:
    _libc.prctl(PR_SET_PDEATHSIG, farewell)
    if os.getppid() != parent:
        os._exit(1)


def stop(*children: subprocess.Popen[bytes], by: signal.Signals = signal.SIGTERM, patience: float = 10) -> bool:
    """Ask all `children` to end, then kill the groups of those that still run `patience` seconds later.

    False: one had to be killed.
    """
    deadline = time.monotonic() + patience
    for child in children:
        if child.poll() is None:
            child.send_signal(by)
    all_well = True
    for child in children:
        try:
            child.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            kill(child)
            all_well = False
    return all_well


def kill(child: subprocess.Popen[bytes]) -> None:
    """End a child and everything in its session at once."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def running_in(directory: Path, program: str) -> list[int]:
    """Pids of our own processes of `program` (the file name) that work in `directory`.

    The kernel's answer, unlike a pid file, cannot be stale or name an innocent process that got the old number.
    """
    return [
        pid
        for pid in _own_pids()
        if _link(pid, "cwd") == str(directory) and Path(_link(pid, "exe").removesuffix(" (deleted)")).name == program
    ]


def carrying(name: str, value: str) -> list[int]:
    """Pids of our own processes, other than this one, started with `name=value` in their environment."""
    entry = os.fsencode(f"{name}={value}")
    return [pid for pid in _own_pids() if pid != os.getpid() and entry in _read(pid, "environ").split(b"\0")]


def end(pids: Sequence[int], *, by: signal.Signals, patience: float) -> None:
    """Stop processes that are not our children: `by` first, SIGKILL for those still there after `patience` seconds."""
    for attempt in (by, signal.SIGKILL):
        for pid in pids:
            if is_alive(pid):
                os.kill(pid, attempt)
        deadline = time.monotonic() + patience
        while any(map(is_alive, pids)) and time.monotonic() < deadline:
            time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    state = _read(pid, "stat").rpartition(b")")[2].split()
    return bool(state) and state[0] not in (b"Z", b"X")


def _own_pids() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                owner = entry.stat().st_uid
            except FileNotFoundError:  # it ended meanwhile
                continue
            if owner == os.geteuid():
                yield int(entry.name)


def _link(pid: int, name: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or not ours to look into
        return ""


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or not ours to look into
        return b""

"""Children die with their parent; leftovers are recognised by what the kernel knows, never by a number in a file."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from library.core import processes


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def spawn(tmp_path, *command, **env):
    return processes.spawn(command, log=tmp_path / "child.log", env=os.environ | env)


def test_a_child_writes_to_its_log(tmp_path):
    child = spawn(tmp_path, "sh", "-c", "echo one; echo two >&2")
    assert child.wait(5) == 0
    assert (tmp_path / "child.log").read_text() == "one\ntwo\n"


def test_a_log_grown_too_large_is_set_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "LOG_LIMIT", 10)
    (tmp_path / "child.log").write_text("an old and long story\n")
    spawn(tmp_path, "echo", "new").wait(5)
    assert (tmp_path / "child.log").read_text() == "new\n"
    assert (tmp_path / "child.log.1").read_text() == "an old and long story\n"


def test_a_child_is_out_of_reach_of_ctrl_c_in_the_terminal(tmp_path):
    child = spawn(tmp_path, "sleep", "60")
    assert os.getpgid(child.pid) == child.pid != os.getpgrp()
    processes.stop(child)


def test_a_child_dies_with_a_parent_that_was_killed(tmp_path):
    script = (
        "import os, time; from pathlib import Path; from library.core import processes\n"
        "child = processes.spawn(['sleep', '60'], log=Path('child.log'), env=os.environ)\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(parent.stdout.readline())
    assert processes.is_alive(pid)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not processes.is_alive(pid))


def test_a_deaf_child_is_killed_after_a_while(tmp_path):
    child = spawn(tmp_path, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    wait_until(lambda: (tmp_path / "child.log").read_text())
    assert processes.stop(child, patience=0.3) is False
    assert child.returncode == -signal.SIGKILL


def test_a_well_behaved_child_need_not_be_killed(tmp_path):
    child = spawn(tmp_path, "sleep", "60")
    assert processes.stop(child) is True
    assert child.returncode == -signal.SIGTERM
    assert processes.stop(child) is True


def test_running_in_tells_programs_and_directories_apart(tmp_path):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    mine = subprocess.Popen(["sleep", "60"], cwd=here)
    others = [
        subprocess.Popen(["sleep", "60"], cwd=elsewhere),
        subprocess.Popen(["tail", "-f", "/dev/null"], cwd=here),
    ]
    wait_until(lambda: processes.running_in(here, "sleep"))
    assert processes.running_in(here, "sleep") == [mine.pid]
    for child in (mine, *others):
        child.kill()
        child.wait()
    assert processes.running_in(here, "sleep") == []


def test_running_in_knows_a_program_whose_file_was_deleted(tmp_path):
    """As after `make clean` while a server runs."""
    program = tmp_path / "server"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    child = subprocess.Popen([program, "60"], cwd=tmp_path)
    wait_until(lambda: processes.running_in(tmp_path, "server"))
    program.unlink()
    assert processes.running_in(tmp_path, "server") == [child.pid]
    child.kill()
    child.wait()


def test_carrying_finds_whole_families_by_an_entry_of_their_environment(tmp_path):
    value = str(tmp_path)
    child = spawn(tmp_path, "sh", "-c", "sleep 60 & wait", LIBRARY_TEST_MARK=value)
    stranger = spawn(tmp_path, "sleep", "60", LIBRARY_TEST_MARK=value + "/other")
    wait_until(lambda: len(processes.carrying("LIBRARY_TEST_MARK", value)) == 2)
    family = processes.carrying("LIBRARY_TEST_MARK", value)
    assert child.pid in family
    processes.end(family, by=signal.SIGTERM, patience=5)
    assert processes.carrying("LIBRARY_TEST_MARK", value) == []
    assert processes.is_alive(stranger.pid)
    for process in (child, stranger):
        processes.stop(process)


def test_end_kills_what_does_not_listen(tmp_path):
    child = spawn(tmp_path, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    wait_until(lambda: (tmp_path / "child.log").read_text())
    processes.end([child.pid], by=signal.SIGTERM, patience=0.3)
    assert child.wait(5) == -signal.SIGKILL


def test_a_zombie_is_not_alive():
    child = subprocess.Popen(["true"])
    wait_until(lambda: not processes.is_alive(child.pid))
    child.wait()

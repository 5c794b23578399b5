"""A pytest plugin: which lines of the library the tests run, in all processes that share the work.

    python -m pytest -p tests.coverage

SlipCover puts a probe before each line as a module is imported, which costs next to nothing, where a tracing tool costs
a quarter of the whole run. Its own launcher takes the probes out again from functions at work; whoever starts a thread
or imports something at that moment may fail, so here they stay. On Python 3.12 and later there are none: there the
interpreter tells of lines itself. `[tool.slipcover]` in pyproject.toml says what is left out and how much is asked for.

Processes that tests start (web servers, workers, commands) are not measured.
"""

import json
from functools import reduce
from pathlib import Path

import pytest
import slipcover
from slipcover.config import read_config

NEVER = 2**31 - 1
"""How often a probe is met before it is taken out."""
ASKED = read_config()
FAIL_UNDER = ASKED.pop("fail-under")
"""Per cent of the lines."""
ROOMS = sorted({path.parent.name for path in Path(__file__).parents[1].glob("*/__init__.py")} - {"tests", "benchmarks"})

probes = slipcover.Slipcover(
    source=ROOMS, omit=ASKED["omit"], exclude_also=ASKED["exclude-also"], d_miss_threshold=NEVER
)
slipcover.ImportManager(probes, slipcover.FileMatcher(sources=ROOMS, omit=ASKED["omit"])).__enter__()
parts = []
"""What each of the processes that share the work has seen."""


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """One of them has ended."""
    if told := getattr(node, "workeroutput", {}).get("coverage"):
        parts.append(json.loads(told))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    """Tell the process that shares the work out; there, fail if too little was covered."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["coverage"] = json.dumps(probes.get_coverage())
        return
    parts[:] = [reduce(slipcover.merge_coverage, parts or [probes.get_coverage()])]
    if parts[0]["summary"]["percent_covered"] < FAIL_UNDER:
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    """Every file that is not covered whole, and the figure."""
    terminalreporter.section("coverage: lines, of these not run, per cent")
    for name, file in sorted(parts[0]["files"].items()):
        ran, missed = file["summary"]["covered_lines"], file["summary"]["missing_lines"]
        if missed:
            terminalreporter.write_line(f"{name:60} {ran + missed:6} {missed:6} {100 * ran / (ran + missed):6.0f}")
    covered = parts[0]["summary"]["percent_covered"]
    terminalreporter.write_line(f"{covered:.1f} % of the lines were run; {FAIL_UNDER} % are asked for.")

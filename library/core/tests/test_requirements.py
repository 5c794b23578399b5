"""The pinned requirements hold what was asked for, everywhere, with a hash for everything."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]


def asked(name):
    """Requirements of a .in file."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-r ")]


def pinned(name):
    """Name to a list of (requirement, number of hashes): a package may be pinned twice, by marker."""
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
    pins = {}
    for block in blocks:
        requirement = Requirement(block.partition("\\")[0].strip())
        pins.setdefault(canonicalize_name(requirement.name), []).append((requirement, block.count("--hash=sha256:")))
    return pins


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_compiled_from_what_is_asked(name):
    pins = pinned(f"{name}.txt")
    for requirement in asked(f"{name}.in"):
        versions = [str(pin.specifier).removeprefix("==") for pin, _count in pins[canonicalize_name(requirement.name)]]
        assert any(requirement.specifier.contains(version) for version in versions), f"make requirements: {requirement}"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_pinned_and_hashed(name):
    for pins in pinned(name).values():
        for requirement, hashes in pins:
            assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
            assert hashes, requirement


def test_development_runs_on_the_versions_of_production():
    development = pinned("requirements-dev.txt")
    for name, pins in pinned("requirements.txt").items():
        assert {str(pin.specifier) for pin, _ in pins} == {str(pin.specifier) for pin, _ in development[name]}, name


def test_redis_works_on_debians_python():
    """Python 3.11.0 to 3.11.2 lack a time-out that redis needs; a lock made on a later one may forget the package."""
    (requirement, _hashes), *_others = pinned("requirements.txt")["async-timeout"]
    assert requirement.marker.evaluate({"python_full_version": "3.11.2"})
    assert not requirement.marker.evaluate({"python_full_version": "3.12.0"})

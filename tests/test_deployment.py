"""The container files read, without a container engine: what the compose file promises about its services.

`tests/test_compose.py` runs its commands.
"""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = ("prepare", "web", "worker", "beat", "telegram")


def test_the_compose_file_names_the_services_and_two_are_there_only_if_asked_for():
    assert SERVICES.keys() == {"db", "redis", "prepare", "web", "worker", "beat", "telegram", "nginx", "pgadmin"}
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {"telegram", "pgadmin"}


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_depends_on_and_mounts_exists(name):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "test" in SERVICES[other].get("healthcheck", {}) or (other == "web" and "HEALTHCHECK" in DOCKERFILE)
        else:
            assert (other, how["condition"]) == ("prepare", "service_completed_successfully")
    for volume in SERVICES[name].get("volumes", []):
        source, target, *_options = volume.split(":")
        assert target.startswith("/")
        assert source in COMPOSE["volumes"] or (source.startswith("./deploy/") and volume.endswith(":ro"))


def test_every_volume_is_mounted():
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert set(COMPOSE["volumes"]) <= mounted


@pytest.mark.parametrize("name", OURS)
def test_our_services_can_change_nothing_but_their_volumes(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service  # the image's, below
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["library"]
    assert re.search(r"useradd .*--uid 10001 .* library\b", DOCKERFILE)


def test_only_the_proxy_can_be_reached_from_outside():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"nginx": ["80:8080", "443:8443"], "pgadmin": ["127.0.0.1:5050:80"]}


def test_no_password_is_written_down_or_has_a_default():
    text = (ROOT / "docker-compose.yml").read_text()
    passwords = re.findall(r"PASSWORD: (.+)$|postgres://library:(.+?)@", text, re.MULTILINE)
    assert [first or second for first, second in passwords] == [
        "${POSTGRES_PASSWORD:?set it in .env}",
        "${POSTGRES_PASSWORD:?set it in .env}",
        "${PGADMIN_PASSWORD:-}",  # empty: pgAdmin then refuses to start; `:?` would ask those who do not use it
    ]


def test_the_image_holds_what_the_commands_need_and_no_secrets():
    taken = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert (ROOT / ".dockerignore").read_text().startswith("*\n")
    missing = [path for path in taken if not (ROOT / path).exists()]
    assert missing == []
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert apps | {"deploy/gunicorn.conf.py", "manage.py", "static", "templates", "locale"} <= set(taken)


def test_no_room_is_left_out_of_the_tests(pytestconfig):
    """Tests of a new app would be written, and never run."""
    rooms = {path.relative_to(ROOT).parts[0] for path in ROOT.glob("*/**/test_*.py") if ".venv" not in path.parts}
    assert rooms == set(pytestconfig.getini("testpaths"))

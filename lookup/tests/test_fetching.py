"""Bounds on asking: attempts, time, size, and above all hosts."""

from threading import Event

import pytest

from lookup.fetching import Bounds, at_once, fetch, public_address
from lookup.trouble import Trouble, Unavailable


def ask(world, path="/page", *, max_bytes=1000, hosts=True):
    bounds = Bounds(max_bytes=max_bytes, hosts=(world.netloc,) if hosts else None)
    return fetch(world.url + path, params={"q": "isbn:1 & co"}, bounds=bounds, headers={"Accept": "text/plain"})


def trouble(world, **options):
    with pytest.raises(Unavailable) as failure:
        ask(world, **options)
    return failure.value.trouble


def test_a_page(world):
    world.says("/page", "hello")
    assert ask(world).content == b"hello"
    [(_path, query, headers)] = world.asked
    assert query == {"q": "isbn:1 & co"}
    assert headers["User-Agent"].startswith("library-management-system (")


def test_what_is_not_there_is_no_failure(world):
    assert ask(world).status == 404
    assert len(world.asked) == 1


@pytest.mark.parametrize("status", [500, 503, 429])
def test_passing_troubles_are_tried_again(world, status):
    world.says("/page", "busy", status=status)
    world.says("/page", "hello")
    assert ask(world).content == b"hello"
    assert len(world.asked) == 2


def test_no_more_than_the_attempts(world, settings):
    world.says("/page", "busy", status=503)
    assert trouble(world) == Trouble.FAILED
    assert len(world.asked) == settings.LOOKUP_ATTEMPTS == 3


def test_a_refusal_is_not_tried_again(world):
    world.says("/page", "no", status=403)
    assert trouble(world) == Trouble.FAILED
    assert len(world.asked) == 1


def test_who_asks_for_long_patience_is_left_alone(world):
    world.says("/page", "later", status=429, retry_after="3600")
    assert trouble(world) == Trouble.RATE_LIMITED
    assert len(world.asked) == 1


def test_a_broken_connection(world):
    world.says("/page", lambda query: (None, "", b"", {}))
    assert trouble(world) == Trouble.UNREACHABLE


def test_silence(world, settings):
    settings.LOOKUP_TIMEOUT, settings.LOOKUP_ATTEMPTS = 0.05, 1
    silent = Event()

    def wait(query):
        silent.wait(0.3)
        return 200, "text/plain", b"late", {}

    world.says("/page", wait)
    assert trouble(world) == Trouble.TIMED_OUT
    silent.set()


def test_size(world):
    world.says("/page", b"x" * 1001)
    assert trouble(world) == Trouble.TOO_LARGE


def test_redirects_are_followed_within_the_allowed_hosts_only(world):
    world.says("/page", "", status=302, location="/other")
    world.says("/other", "hello")
    assert ask(world).content == b"hello"
    world.answers["/other"] = [(302, "text/plain", b"", {"Location": "http://169.254.169.254/latest/meta-data/"})]
    assert trouble(world) == Trouble.FORBIDDEN_ADDRESS
    world.answers["/other"] = [(302, "text/plain", b"", {"Location": "file:///etc/passwd"})]
    assert trouble(world) == Trouble.FORBIDDEN_ADDRESS
    world.answers["/other"] = [(302, "text/plain", b"", {"Location": "/page"})]
    assert trouble(world) == Trouble.FAILED


def test_private_networks_are_closed_unless_opened(world, settings):
    world.says("/page", "hello")
    assert trouble(world, hosts=False) == Trouble.FORBIDDEN_ADDRESS
    assert world.asked == []
    settings.LOOKUP_PRIVATE_ADDRESSES = True
    assert ask(world, hosts=False).content == b"hello"
    assert world.asked[0][2]["Host"] == world.netloc


def test_addresses_nobody_outside_knows():
    inside = "127.0.0.1 10.1.2.3 169.254.169.254 ::1 ::ffff:10.0.0.1 0.0.0.1 fd00::1 2002:a00:1::1 64:ff9b::a9fe:a9fe"
    for host in inside.split():
        with pytest.raises(Unavailable) as failure:
            public_address(host, 80)
        assert failure.value.trouble == Trouble.FORBIDDEN_ADDRESS, host
    assert public_address("93.184.215.14", 80) == "93.184.215.14"


def test_all_at_once_and_each_for_itself():
    def fail():
        raise Unavailable(Trouble.TIMED_OUT)

    first, second = at_once([lambda: 1, fail])
    assert first == 1
    assert second.trouble == Trouble.TIMED_OUT

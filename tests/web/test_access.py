"""Who may see the page."""

import pytest

from tests.web.client import TOKEN
from tracker.errors import InputError
from tracker.web.access import Access, TooManyError, is_loopback


class Now:
    def __init__(self):
        self.s = 0.0

    def __call__(self):
        return self.s


def test_a_token_is_needed_where_others_can_connect():
    for host in ("0.0.0.0", "::", "192.168.1.5", "camera-pc", ""):
        with pytest.raises(InputError, match="--token"):
            Access(host=host)
        assert Access(TOKEN, host=host).needs_token
    for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.1.2.3"):
        assert Access(host=host).may_see(None)


def test_a_short_token_is_refused_and_not_told():
    with pytest.raises(InputError, match="at least 12") as caught:
        Access("swordfish")
    assert "swordfish" not in str(caught.value)
    with pytest.raises(InputError):
        Access(" " * 20)


def test_only_a_session_of_ours_lets_in():
    access = Access(TOKEN)
    session = access.log_in(f" {TOKEN}\n", "1.2.3.4")
    assert access.may_see(session)
    for wrong in (None, "", TOKEN, session[:-1], session + "x", "\udc80"):
        assert not access.may_see(wrong)
    assert access.log_in("", "1.2.3.4") is None
    assert access.log_in(TOKEN[:-1], "1.2.3.4") is None
    access.log_out(session)
    assert not access.may_see(session)
    access.log_out(None)


def test_a_session_ends_and_there_are_not_more_than_so_many():
    now = Now()
    access = Access(TOKEN, now=now)
    first = access.log_in(TOKEN, "a")
    now.s = 8 * 86_400
    assert not access.may_see(first)
    for _ in range(1000):
        last = access.log_in(TOKEN, "a")
    assert access.may_see(last)
    assert len(access._sessions) <= 200


def test_who_guesses_waits_and_others_do_not():
    now = Now()
    access = Access(TOKEN, now=now)
    for _ in range(5):
        assert access.log_in("wrong", "1.2.3.4") is None
    with pytest.raises(TooManyError) as caught:
        access.log_in(TOKEN, "1.2.3.4")
    assert 0 < caught.value.wait_s <= 60
    assert access.log_in(TOKEN, "1.2.3.5")
    now.s = 61
    assert access.log_in(TOKEN, "1.2.3.4")


def test_a_client_has_one_network_of_ipv6_and_clients_are_forgotten():
    access = Access(TOKEN, now=Now())
    for i in range(5):
        access.log_in("wrong", f"2001:db8:1:2::{i:x}")
    with pytest.raises(TooManyError):
        access.log_in(TOKEN, "2001:db8:1:2:ffff::1")
    assert access.log_in(TOKEN, "2001:db8:1:3::1")
    for i in range(5000):
        access.log_in("wrong", f"10.0.{i // 256}.{i % 256}")
    assert len(access._failures) <= 2000


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:8710", True), ("localhost", True), ("LOCALHOST:1", True), ("[::1]:8710", True),
        ("192.168.1.5:8710", True), ("cams.lan:8710", True), ("cams.lan.", True),
        ("evil.example:8710", False), ("127.0.0.1.evil.example", False), ("", False),
        ("localhost.evil.example", False), ("localhost:8710:1", False), ("a@localhost", False),
    ],
)  # fmt: skip
def test_names_that_others_lead_here_are_not_ours(host, ours):
    assert Access(TOKEN, host="cams.lan").is_ours(host) is ours


def test_loopback_is_this_machine():
    assert not is_loopback("127.0.0.1.evil.example")
    assert is_loopback("[::1]")

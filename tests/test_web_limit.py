"""How fast one may ask, and who one is behind a proxy."""

from __future__ import annotations

import pytest

from bot.web.limit import Limit, client_of


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_the_rate():
    clock = Clock()
    limit = Limit(rate=2, burst=5, clock=clock)
    first = [limit.allows("93.184.216.7") for _ in range(7)]
    clock.now = 1.0

    assert first == [True] * 5 + [False] * 2
    assert [limit.allows("93.184.216.7") for _ in range(3)] == [True, True, False]


def test_who_waited_long_has_no_more_than_a_burst():
    clock = Clock()
    limit = Limit(rate=2, burst=3, clock=clock)
    assert limit.allows("93.184.216.7")
    clock.now = 1e6

    assert [limit.allows("93.184.216.7") for _ in range(4)] == [True, True, True, False]


def test_one_client_does_not_use_up_what_another_has_and_the_machine_itself_is_not_limited():
    limit = Limit(rate=1, burst=1, clock=Clock())

    assert [limit.allows("93.184.216.7"), limit.allows("93.184.216.7"), limit.allows("93.184.216.8")] == [
        True,
        False,
        True,
    ]
    assert all(limit.allows("") for _ in range(10))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("93.184.216.7", "", "93.184.216.7"),
        ("93.184.216.7", "1.1.1.1", "93.184.216.7"),  # who is no proxy of ours is believed nothing
        ("127.0.0.1", "", ""),
        ("::1", "", ""),
        ("127.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.1.2.3", "6.6.6.6, 1.1.1.1", "1.1.1.1"),  # the first may be made up
        ("10.1.2.3", "1.1.1.1, 10.0.0.7", "1.1.1.1"),
        ("fdaa::3", "1.1.1.1:4711", "1.1.1.1"),
        ("10.1.2.3", "nonsense", "10.1.2.3"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("::ffff:93.184.216.7", "", "93.184.216.7"),
        ("2606:2800:21f:cb07::1", "", "2606:2800:21f:cb07::/64"),
        ("10.1.2.3", "[2606:2800:21f:cb07::2]:443", "2606:2800:21f:cb07::/64"),
        ("testclient", "1.1.1.1", "testclient"),
        ("", "", ""),
    ],
)
def test_who_asks_is_the_last_public_address_that_our_own_proxy_wrote_down(peer, forwarded, client):
    assert client_of(peer, forwarded) == client

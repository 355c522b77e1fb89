"""Failed attempts are counted by address and over all, in bounded memory, and forgotten with time."""

import pytest

from codetune_core.access.attempts import FailedAttempts


class Time:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def attempts(time):
    return FailedAttempts(time)


def fail(attempts, address, times):
    return [attempts.count(address) for _ in range(times)]


def test_ten_failures_are_free_and_then_one_in_six_seconds(attempts, time):
    assert fail(attempts, "192.0.2.1", 10) == [0] * 10
    assert attempts.count("192.0.2.1") == pytest.approx(6)
    time.now += 5
    assert attempts.count("192.0.2.1") == pytest.approx(1)
    time.now += 1
    assert attempts.count("192.0.2.1") == 0
    assert attempts.count("192.0.2.1") == pytest.approx(6)


def test_another_address_is_another_matter(attempts):
    fail(attempts, "192.0.2.1", 50)
    assert attempts.count("192.0.2.2") == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8:0:0:ffff::2"), ("nonsense", "")],
)
def test_addresses_that_one_person_has_count_together(attempts, one, other):
    fail(attempts, one, 10)
    assert attempts.count(other) > 0


def test_another_subnet_counts_by_itself(attempts):
    fail(attempts, "2001:db8::1", 10)
    assert attempts.count("2001:db8:0:1::1") == 0


def test_many_addresses_together_are_slowed_down_too(attempts, time):
    waits = [attempts.count(f"192.0.{number // 250}.{number % 250}") for number in range(300)]
    assert waits[:200] == [0] * 200
    assert all(wait > 0 for wait in waits[200:])
    time.now += 1
    assert [attempts.count(f"198.51.100.{number}") > 0 for number in range(11)] == [False] * 10 + [True]


def test_memory_is_bounded(attempts):
    for number in range(20_000):
        attempts.count(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}")
    assert len(attempts._each) <= 4096

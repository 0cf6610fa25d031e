"""The reader: comes back for ever, leaves behind what hangs, delivers nothing twice."""

import itertools
import random
import threading

import pytest

from tests.live.fakes import FakeClock, FakeConnection, Opener, in_place, refused, shot
from tracker.errors import InputError
from tracker.live.clocks import Timeline
from tracker.live.reader import Reader
from tracker.live.settings import CameraSettings

SECRET = "rtsp://admin:hunter2@10.0.0.5/live"


def reader_of(opener, clock, *, got=None, source=SECRET, start=in_place, **settings):
    line = Timeline(clock)
    got = [] if got is None else got
    return Reader(
        "front",
        CameraSettings(source=source, **settings),
        lambda one, first: got.append((one, first)) or True,
        timeline=line,
        opener=opener,
        rng=random.Random(0),
        start=start,
    ), line


def some(clock, count):
    line = Timeline(clock)

    def shots():
        for i in range(count):
            clock.pass_(0.1)
            yield shot(i, line)

    return shots


def run(reader, clock, seconds):
    for _ in range(round(seconds / 0.05)):
        reader.tend()
        clock.pass_(0.05)


def test_it_comes_back_after_every_end():
    clock = FakeClock()
    got = []
    opener = Opener(*[some(clock, 3), refused(), some(clock, 2)] * 10, refused())
    reader, _ = reader_of(opener, clock, got=got, retry_most_s=2.0)
    run(reader, clock, 120)
    assert reader.connects == 20
    assert len(got) == 10 * 3 + 10 * 2
    assert sum(first for _, first in got) == 20
    assert all(connection.closed for connection in opener.connections)
    assert reader.state == "waiting"
    assert "refused" in reader.why


def test_waits_grow_while_a_camera_is_gone_and_never_end():
    clock = FakeClock()
    opener = Opener(refused())
    reader, _ = reader_of(opener, clock, retry_most_s=8.0)
    run(reader, clock, 600)
    assert 600 / 8 <= opener.opened <= 600 / 4 + 10
    assert reader.failures == opener.opened
    assert reader.state in ("waiting", "connecting")


def test_a_camera_that_breaks_off_at_once_every_time_is_asked_ever_less_often():
    clock = FakeClock()
    opener = Opener(some(clock, 1))
    reader, _ = reader_of(opener, clock, retry_most_s=16.0)
    run(reader, clock, 300)
    assert 300 / 16 <= reader.connects < 50
    steady = Opener(some(clock, 400))  # one that holds for 40 s is connected again at once
    reader, _ = reader_of(steady, clock, retry_most_s=16.0)
    began = clock.now_s
    run(reader, clock, 60)
    assert steady.opened * 40 > 0.9 * (clock.now_s - began)


def test_a_number_of_tries_can_be_set():
    clock = FakeClock()
    reader, _ = reader_of(Opener(refused()), clock, retries=3)
    run(reader, clock, 60)
    assert reader.state == "ended"
    assert reader.why.startswith("given up after 3 tries: cannot open")


class Hanging:
    """A way to connect that never comes back, until it is let go."""

    def __init__(self):
        self.let_go, self.opened, self.ended = threading.Event(), 0, 0

    def __call__(self, settings, timeline, stop):
        self.opened += 1
        self.let_go.wait(20)
        self.ended += 1
        return FakeConnection(iter(()))


def wait_until(true):
    for _ in range(500):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


def test_what_hangs_is_left_behind_and_does_not_pile_up():
    clock, hanging = FakeClock(), Hanging()
    line = Timeline(clock)
    reader = Reader(
        "front",
        CameraSettings(source=SECRET, timeout_s=2.0, retry_first_s=0.5, retry_most_s=1.0),
        lambda one, first: True,
        timeline=line,
        opener=hanging,
        rng=random.Random(0),
    )
    for _ in range(1200):
        reader.tend()
        clock.pass_(0.05)
    wait_until(lambda: hanging.opened == 3)
    assert reader.left_behind == 3
    assert "hang" in reader.why
    hanging.let_go.set()
    wait_until(lambda: hanging.ended == 3)
    wait_until(lambda: clock.pass_(5.0) or reader.tend() or hanging.opened > 3)
    reader.stop()


def test_what_was_left_behind_delivers_nothing_any_more():
    clock, got = FakeClock(), []
    line, stalled, woken = Timeline(clock), threading.Event(), threading.Event()

    def stalls():
        yield shot(0, line)
        stalled.set()  # only now has the reader noted that the first one went through
        woken.wait(20)
        yield shot(1, line)

    reader = Reader(
        "front",
        CameraSettings(source=SECRET, timeout_s=2.0),
        lambda one, first: got.append(one.index) or True,
        timeline=line,
        opener=Opener(stalls, refused()),
        rng=random.Random(0),
    )
    reader.tend()
    assert stalled.wait(20)
    clock.pass_(2.1)
    reader.tend()
    assert reader.state == "waiting"
    assert "no picture for 2 s" in reader.why
    woken.set()
    wait_until(lambda: reader.tend() or reader.left_behind == 0)
    assert got == [0]


def test_a_file_ends_and_is_not_opened_again():
    clock = FakeClock()
    opener = Opener(some(clock, 4))
    reader, _ = reader_of(opener, clock, source="street.mp4")
    run(reader, clock, 60)
    assert (reader.state, opener.opened) == ("ended", 1)


@pytest.mark.parametrize(
    "error",
    [
        OSError(5, f"cannot read {SECRET}"),
        RuntimeError(f"no codec for {SECRET}"),
        refused(),
    ],
)
def test_no_error_shows_the_address_or_ends_the_program(error, caplog):
    clock = FakeClock()
    reader, _ = reader_of(Opener(lambda: iter([error])), clock)
    with caplog.at_level("INFO"):
        run(reader, clock, 5)
    assert reader.failures > 1
    assert reader.why
    assert "hunter2" not in reader.why + reader.shown + caplog.text


def test_the_time_to_come_back_is_measured():
    clock = FakeClock()
    reader, _ = reader_of(Opener(some(clock, 5), refused(), some(clock, 5), refused()), clock)
    run(reader, clock, 20)
    assert reader.restart_s is not None
    assert 0.25 < reader.restart_s < 3.0


def test_times_of_a_retry_are_checked():
    with pytest.raises(InputError, match="retry_first_s"):
        CameraSettings(source="0", retry_first_s=9.0, retry_most_s=1.0)


def test_a_system_without_a_thread_to_give_is_asked_again():
    clock, starts = FakeClock(), []

    def start(name, work):
        starts.append(name)
        if len(starts) < 3:
            raise RuntimeError("can't start new thread")
        work()

    reader, _ = reader_of(Opener(some(clock, 3)), clock, start=start)
    run(reader, clock, 5)
    assert reader.connects >= 1


def test_stopped_is_stopped():
    clock = FakeClock()
    opener = Opener(*itertools.repeat(some(clock, 2), 50))
    reader, _ = reader_of(opener, clock)
    run(reader, clock, 2)
    reader.stop()
    before = opener.opened
    run(reader, clock, 60)
    assert opener.opened == before

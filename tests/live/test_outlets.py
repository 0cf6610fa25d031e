"""Outlets: what is retried, what is lost and counted, and that nobody waits for them."""

import errno
import json
import os
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.live.broker import Broker
from tests.live.fakes import FakeClock, ListOutlet
from tracker.errors import InputError
from tracker.live.events import Event
from tracker.live.outlets.lines import EventFile, EventStream, RotatingLines
from tracker.live.outlets.mqtt import Mqtt
from tracker.live.outlets.webhook import Webhook
from tracker.live.settings import OutletSettings

QUICK = OutletSettings(retry_first_s=0.02, retry_most_s=0.1, timeout_s=2.0, drain_s=2.0)


def event(number=1, kind="confirmed", **more):
    made = Event(kind, "front", number, 1.0, 7, "person", {"person": 1.0}, 0.9, 0.8, "confirmed",
                 (1.0, 2.0, 3.0, 4.0), 1.0, 0.0, run="r", snapshot=b"jpeg")  # fmt: skip
    return replace(made, **more)


def until(true, within_s=20.0):
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


# -- the queue ----------------------------------------------------------------------------------


def test_a_failing_outlet_keeps_order_and_loses_nothing_that_fits():
    clock = FakeClock()
    outlet = ListOutlet(clock=clock, failures=5, queue=100)
    for number in range(20):
        outlet.put(number)
    waits = [wait for _ in range(25) if (wait := outlet.step()) > 0]
    assert len(waits) == 5
    assert waits[4] > waits[0]
    assert outlet.items == list(range(20))
    counts = outlet.counts()
    assert (counts.delivered, counts.failures, counts.dropped, counts.waiting) == (20, 5, 0, 0)
    assert counts.trouble == ""


def test_an_outlet_down_for_a_minute_loses_what_its_queue_cannot_hold_and_counts_it():
    clock = FakeClock()
    outlet = ListOutlet(clock=clock, failures=10**6, queue=50, retry_most_s=5.0)
    due = clock.now_s
    for number in range(600):  # a minute of ten events a second
        outlet.put(number)
        clock.pass_(0.1)
        if clock.now_s >= due:
            due = clock.now_s + outlet.step()
    assert outlet.counts().dropped == 550
    assert outlet.counts().trouble == "the other side is down"
    assert outlet.counts().failures < 40
    outlet.failures = 0
    while outlet.step() == 0:
        pass
    assert outlet.items == list(range(550, 600))
    assert outlet.counts().delivered == 50


def test_putting_never_waits_for_an_outlet_that_hangs():
    hangs = threading.Event()

    class Hangs(ListOutlet):
        def _deliver(self, item):
            hangs.wait(20)

    outlet = Hangs(queue=10, drain_s=0.0, timeout_s=0.1)
    outlet.start()
    began = time.monotonic()
    for number in range(1000):
        outlet.put(number)
    assert time.monotonic() - began < 1.0
    outlet.close()
    assert outlet.counts().dropped + outlet.counts().delivered == 1000
    hangs.set()


def test_what_is_being_sent_is_not_dropped_and_not_counted_twice():
    class Full(ListOutlet):
        """While it sends, more comes than its queue holds."""

        def _deliver(self, item):
            if item == 0:
                for number in range(1, 8):
                    self.put(number)
            super()._deliver(item)

    outlet = Full(queue=3)
    outlet.put(0)
    while outlet.step() == 0:
        pass
    assert outlet.items == [0, 5, 6, 7]
    assert (outlet.counts().delivered, outlet.counts().dropped) == (4, 4)


def test_closing_delivers_what_is_left_also_after_a_failure():
    outlet = ListOutlet(failures=2, retry_first_s=0.01, retry_most_s=0.02)
    for number in range(10):
        outlet.put(number)
    outlet.start()
    outlet.close()
    assert outlet.items == list(range(10))


# -- files --------------------------------------------------------------------------------------


def test_events_are_lines(tmp_path):
    outlet = EventFile(tmp_path / "events.jsonl", QUICK)
    outlet.put(event(1))
    outlet.put(event(2, "lost", reason="ended"))
    outlet.start()
    outlet.close()
    one, two = (json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines())
    assert (one["id"], one["event"], one["snapshot_jpeg"]) == ("r/front/1", "confirmed", "anBlZw==")
    assert (two["id"], two["reason"]) == ("r/front/2", "ended")


def test_files_rotate_and_the_oldest_goes(tmp_path):
    path = tmp_path / "e.jsonl"
    lines = RotatingLines(path, most_bytes=100, keep=3)
    for i in range(60):
        lines.append(f"{i:019}")
    lines.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "e.jsonl", "e.jsonl.1", "e.jsonl.2", "e.jsonl.3",
    ]  # fmt: skip
    kept = "".join((tmp_path / name).read_text() for name in
                   ("e.jsonl.3", "e.jsonl.2", "e.jsonl.1", "e.jsonl"))  # fmt: skip
    assert [int(line) for line in kept.split()] == list(range(40, 60))


def test_a_file_is_continued_after_half_a_line(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text('{"a":1}\n{"b":')
    lines = RotatingLines(path, most_bytes=1000, keep=1)
    lines.append('{"c":3}')
    lines.close()
    assert path.read_text() == '{"a":1}\n{"c":3}\n'


def test_a_full_disk_leaves_whole_lines_and_is_tried_again(tmp_path, monkeypatch):
    path, room = tmp_path / "e.jsonl", 40
    write = os.write

    def full(file, data):
        left = room - os.fstat(file).st_size
        if left <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, bytes(data)[:left])

    monkeypatch.setattr(os, "write", full)
    outlet = EventFile(path, QUICK, clock=FakeClock())
    outlet._deliver = lambda item: outlet._lines.append(item)  # short lines
    for number in range(6):
        outlet.put(f'{{"n":"{number:06}"}}')
    waits = [outlet.step() for _ in range(5)]
    assert path.read_text().splitlines() == ['{"n":"000000"}', '{"n":"000001"}']
    assert waits[:2] == [0.0, 0.0]
    assert all(wait > 0 for wait in waits[2:])
    assert "No space left" in outlet.counts().trouble
    room = 10_000
    while outlet.step() == 0:
        pass
    assert [int(json.loads(line)["n"]) for line in path.read_text().splitlines()] == list(range(6))
    assert outlet.counts().dropped == 0


def test_a_stream_gets_no_pictures(capsys):
    import sys

    outlet = EventStream(sys.stdout, QUICK)
    outlet.put(event())
    assert outlet.step() == 0
    assert "snapshot_jpeg" not in json.loads(capsys.readouterr().out)


# -- webhook ------------------------------------------------------------------------------------


class Receiver(BaseHTTPRequestHandler):
    """Answers with the statuses of a script, then 204; keeps what it took."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.script.pop(0) if self.server.script else 204
        self.server.asked.append((status, self.path, dict(self.headers), json.loads(body)))
        self.send_response(status)
        if status in (301, 302):
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def receiver():
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.script, server.asked = [], []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def hook(server, **more):
    url = f"http://me:hunter2@127.0.0.1:{server.server_port}/in?token=hunter2"
    return Webhook(url, replace(QUICK, **more), clock=FakeClock())


def test_a_webhook_gets_every_event_with_its_credentials(receiver):
    outlet = hook(receiver)
    outlet.put(event(1))
    assert outlet.step() == 0
    ((_, path, headers, body),) = receiver.asked
    assert path == "/in?token=hunter2"
    assert headers["Authorization"] == "Basic bWU6aHVudGVyMg=="
    assert headers["Idempotency-Key"] == body["id"] == "r/front/1"
    assert body["snapshot_jpeg"]


@pytest.mark.parametrize("status", [500, 503, 429, 401, 404, 301])
def test_a_webhook_that_does_not_take_it_gets_it_again(receiver, status):
    receiver.script = [status, status]
    outlet = hook(receiver)
    outlet.put(event(1))
    assert [outlet.step() > 0, outlet.step() > 0, outlet.step()] == [True, True, 0.0]
    assert len(receiver.asked) == 3
    assert outlet.counts().delivered == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_an_event_that_is_refused_holds_up_no_other(receiver, status, caplog):
    receiver.script = [status]
    outlet = hook(receiver)
    outlet.put(event(1))
    outlet.put(event(2))
    assert (outlet.step(), outlet.step()) == (0.0, 0.0)
    assert (outlet.counts().rejected, outlet.counts().delivered) == (1, 1)
    assert f"answered {status}" in caplog.text


def test_no_secret_of_a_webhook_is_shown(receiver, caplog):
    port = receiver.server_port
    for status in (500, 400):
        receiver.script = [status]
        outlet = hook(receiver)
        outlet.put(event())
        outlet.step()
        assert "hunter2" not in outlet.counts().trouble
    gone = Webhook(f"http://me:hunter2@127.0.0.1:1/x?token=hunter2&port={port}", QUICK)
    gone.put(event())
    assert gone.step() > 0
    assert "refused" in gone.counts().trouble
    with pytest.raises(InputError) as caught:
        Webhook("ftp://me:hunter2@h/x", QUICK)
    assert "hunter2" not in caplog.text + gone.counts().trouble + str(caught.value)


def test_a_webhook_that_comes_back_gets_all(receiver):
    port = receiver.server_port
    outlet = Webhook(f"http://127.0.0.1:{port}/", QUICK)
    receiver.script = [503] * 7
    outlet.start()
    for number in range(30):
        outlet.put(event(number))
    until(lambda: outlet.counts().delivered == 30)
    outlet.close()
    taken = [body["id"] for status, _, _, body in receiver.asked if status == 204]
    assert taken == [f"r/front/{number}" for number in range(30)]


# -- MQTT ---------------------------------------------------------------------------------------


@pytest.fixture
def broker():
    pytest.importorskip("paho.mqtt.client")
    made = Broker(user="me", password="hunter2")
    yield made
    made.stop()


def test_a_broker_gets_events_under_camera_and_kind(broker):
    outlet = Mqtt(f"mqtt://me:hunter2@127.0.0.1:{broker.port}/house/cams", QUICK)
    outlet.start()
    outlet.put(event(1))
    outlet.put(event(2, "lost"))
    until(lambda: outlet.counts().delivered == 2)
    outlet.close()
    topics = [topic for topic, _, _ in broker.messages]
    assert topics == [
        "house/cams/status", "house/cams/front/confirmed", "house/cams/front/lost",
        "house/cams/status",
    ]  # fmt: skip
    assert [message for _, message, retained in broker.messages if retained] == [
        b"online", b"offline",
    ]  # fmt: skip
    assert json.loads(broker.messages[1][1])["id"] == "r/front/1"
    assert broker.will == b"offline"


def statuses(broker):
    return [message for topic, message, _ in broker.messages if topic.endswith("/status")]


def test_a_broker_is_told_of_a_connection_before_any_event_and_again_after_a_break(broker):
    outlet = Mqtt(f"mqtt://me:hunter2@127.0.0.1:{broker.port}", QUICK)
    outlet.start()
    until(lambda: statuses(broker) == [b"online"])
    broker.drop_clients()
    until(lambda: statuses(broker).count(b"online") > 1)  # one not acknowledged comes again
    outlet.close()
    assert statuses(broker)[-1] == b"offline"
    assert outlet.counts().failures == 0


def test_a_broker_that_is_not_there_is_told_before_any_event(broker, caplog):
    broker.stop()
    outlet = Mqtt(f"mqtt://me:hunter2@127.0.0.1:{broker.port}", QUICK)
    outlet.start()
    until(lambda: outlet.counts().trouble)
    assert "refused" in outlet.counts().trouble
    broker.start_again()
    outlet.put(event(1))
    until(lambda: outlet.counts().delivered == 1)
    assert outlet.counts().trouble == ""
    outlet.close()
    assert "hunter2" not in caplog.text


def test_a_broker_that_was_down_gets_all_afterwards(broker):
    outlet = Mqtt(f"mqtt://me:hunter2@127.0.0.1:{broker.port}", QUICK)
    outlet.start()
    outlet.put(event(1))
    until(lambda: outlet.counts().delivered == 1)
    broker.stop()
    for number in range(2, 8):
        outlet.put(event(number))
    until(lambda: outlet.counts().failures > 1)
    broker.start_again()
    until(lambda: outlet.counts().delivered == 7)
    outlet.close()
    ids = [json.loads(m)["id"] for topic, m, _ in broker.messages if not topic.endswith("status")]
    assert list(dict.fromkeys(ids)) == [f"r/front/{number}" for number in range(1, 8)]


def test_a_wrong_password_is_told_and_not_shown(broker, caplog):
    outlet = Mqtt(f"mqtt://me:hunter3@127.0.0.1:{broker.port}", QUICK)
    outlet.put(event())
    assert outlet.step() > 0
    assert "refused" in outlet.counts().trouble
    assert "hunter3" not in outlet.counts().trouble + caplog.text


def test_a_broker_that_does_not_acknowledge_has_not_got_it(broker):
    outlet = Mqtt(f"mqtt://me:hunter2@127.0.0.1:{broker.port}", replace(QUICK, timeout_s=0.3))
    outlet.put(event(1))
    broker.silent = True
    assert outlet.step() > 0
    assert outlet.counts().delivered == 0
    broker.silent = False
    until(lambda: outlet.step() == 0)
    outlet._finish()


@pytest.mark.parametrize("url", ["http://h/x", "mqtt:///x", "mqtt://h/a/#"])
def test_what_is_no_broker_is_refused(url):
    pytest.importorskip("paho.mqtt.client")
    with pytest.raises(InputError):
        Mqtt(url, QUICK)

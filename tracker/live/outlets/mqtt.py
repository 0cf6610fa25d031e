"""Events to an MQTT broker: a topic for each camera and kind, acknowledged or sent again.

In comes the address of a broker, secrets included; out go messages at `TOPIC/CAMERA/EVENT` with
quality of service 1: the broker acknowledges each, so that none is lost on a connection that
breaks, and one may come twice. `TOPIC/status` holds `online` while there is a connection, else
`offline`.
"""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import unquote, urlsplit

from tracker.errors import InputError, MissingExtraError, told
from tracker.live.clocks import Clock
from tracker.live.events import Event
from tracker.live.outlets.base import Outlet
from tracker.live.settings import OutletSettings
from tracker.video.redact import redact

__all__ = ["Mqtt"]

_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Mqtt(Outlet[Event]):
    """Events published at a broker.

    Args:
        url: `mqtt://` or `mqtts://` (encrypted), with user, password, port and topic as wanted.
        settings: Queue, waits and the limit for one message.
        clock: What it waits with.

    Raises:
        InputError: Not such an address.
        MissingExtraError: paho-mqtt is not installed.
    """

    def __init__(self, url: str, settings: OutletSettings, *, clock: Clock | None = None) -> None:
        """Take the address apart; nothing is connected yet."""
        super().__init__("mqtt", settings, clock=clock)
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise InputError(f"a broker is mqtt://HOST or mqtts://HOST, got {redact(url)!r}")
        self._paho = _import_paho()
        self._shown, self._secret = redact(url), url
        self._host, self._port = parts.hostname, parts.port or _PORTS[parts.scheme]
        self._secure = parts.scheme == "mqtts"
        self._user = None if parts.username is None else unquote(parts.username)
        self._password = None if parts.password is None else unquote(parts.password)
        self.topic = unquote(parts.path).strip("/") or "conftrack"
        if "+" in self.topic or "#" in self.topic or parts.fragment or "#" in url:
            raise InputError(
                "the topic in the address of a broker must not have '#' or '+' (in a password they"
                f" are %23 and %2B), got {redact(url)!r}"
            )
        self._client: Any = None

    def _prepare(self) -> None:
        try:
            self._connect()
        except Exception:
            self._leave()
            raise

    def _deliver(self, item: Event) -> None:
        topic = f"{self.topic}/{item.camera}/{item.event}"
        try:
            if self._client is None:
                self._connect()
            self._publish(topic, json.dumps(item.to_dict()))
        except Exception:
            self._leave()
            raise

    def _publish(self, topic: str, text: str, *, retain: bool = False) -> None:
        message = self._client.publish(topic, text, qos=1, retain=retain)
        message.wait_for_publish(self._settings.timeout_s)
        if not message.is_published():
            raise ConnectionError(f"{self._shown} did not acknowledge a message")

    def _connect(self) -> None:
        """Connect and wait until the broker says yes or no."""
        client = self._paho.Client(self._paho.CallbackAPIVersion.VERSION2)
        answered = threading.Event()
        refusal: list[str] = []

        def on_connect(_client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
            if code.is_failure:
                refusal.append(str(code))
            else:
                # Here, as the library connects again by itself: meanwhile the broker says offline.
                client.publish(f"{self.topic}/status", "online", qos=1, retain=True)
            answered.set()

        client.on_connect = on_connect
        if self._user is not None:
            client.username_pw_set(self._user, self._password)
        if self._secure:
            client.tls_set()
        client.connect_timeout = self._settings.timeout_s
        client.will_set(f"{self.topic}/status", "offline", qos=1, retain=True)
        self._client = client
        client.connect(self._host, self._port, keepalive=30)
        client.loop_start()
        if not answered.wait(self._settings.timeout_s):
            raise ConnectionError(f"{self._shown} does not answer")
        if refusal:
            raise ConnectionError(f"{self._shown} refused the connection: {refusal[0]}")

    def _leave(self) -> None:
        """Give the connection up; the next event makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()

    def _finish(self) -> None:
        if self._client is not None:
            try:
                self._publish(f"{self.topic}/status", "offline", retain=True)
            finally:
                self._leave()

    def _said(self, error: Exception) -> str:
        return told(error).replace(self._secret, self._shown)


def _import_paho() -> Any:
    try:
        import paho.mqtt.client
    except ModuleNotFoundError as error:
        raise MissingExtraError("paho-mqtt", "live") from error
    return paho.mqtt.client

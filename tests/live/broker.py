"""Just enough of an MQTT 3.1.1 broker to see what arrives: connect, publish, acknowledge, ping."""

import socket
import struct
import threading


class Broker:
    """Listens on loopback; can refuse, fall silent, and be stopped and started on the same port."""

    def __init__(self, *, user: str | None = None, password: str | None = None) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.connects, self.will = 0, b""
        self.silent = False
        self._user, self._password = user, password
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._clients: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        # `accept` of another thread holds the port until it is woken.
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._thread.join(5)

    def drop_clients(self) -> None:
        """Break all connections, as a network does."""
        for client in self._clients:
            client.shutdown(socket.SHUT_RDWR)
        self._clients.clear()

    def start_again(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        server = self._server
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            self._clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            while True:
                kind, body = self._packet(client)
                if kind >> 4 == 1:
                    self.connects += 1
                    client.sendall(bytes([0x20, 2, 0, self._verdict(body)]))
                elif kind >> 4 == 3:
                    length = struct.unpack(">H", body[:2])[0]
                    topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
                    if self.silent:
                        continue
                    self.messages.append((topic, rest[2:], bool(kind & 1)))
                    client.sendall(b"\x40\x02" + rest[:2])
                elif kind >> 4 == 12:
                    client.sendall(b"\xd0\x00")
                elif kind >> 4 == 14:
                    return
        except (OSError, EOFError, struct.error):
            return
        finally:
            client.close()

    def _verdict(self, body: bytes) -> int:
        flags, place = body[7], 10
        fields = []
        while place < len(body):
            length = struct.unpack(">H", body[place : place + 2])[0]
            fields.append(body[place + 2 : place + 2 + length])
            place += 2 + length
        if flags & 4:
            self.will = fields[2]
        if self._user is None:
            return 0
        return 0 if fields[-2:] == [self._user.encode(), (self._password or "").encode()] else 5

    @staticmethod
    def _packet(client: socket.socket) -> tuple[int, bytes]:
        def read(count: int) -> bytes:
            data = b""
            while len(data) < count:
                more = client.recv(count - len(data))
                if not more:
                    raise EOFError
                data += more
            return data

        kind, length, shift = read(1)[0], 0, 0
        while True:
            byte = read(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return kind, read(length)

"""A client that hides nothing."""

import http.client
import json
from urllib.parse import urlencode

TOKEN = "correct-horse-battery"


class Client:
    """Sends requests as they are given, follows nothing, remembers all it was told."""

    def __init__(self, port):
        self.port, self.told = port, []

    def ask(self, path, method="GET", *, body=None, cookie=None, **headers):
        """Status, headers in lower case (cookies as a list), body."""
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        if cookie:
            headers["Cookie"] = cookie
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host="Host" in headers)
        if body is not None:
            headers = {"Content-Length": str(len(body)),
                       "Content-Type": "application/x-www-form-urlencoded"} | headers  # fmt: skip
        for key, value in headers.items():
            connection.putheader(key, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        self.told.append((path, str(answer.headers).encode() + data))
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, data

    def json(self, path, **more):
        status, _, data = self.ask(path, **more)
        assert status == 200, (path, status, data)
        return json.loads(data)

    def log_in(self, token=TOKEN, **more):
        status, headers, data = self.ask(
            "/login", "POST", body=urlencode({"token": token}).encode(), **more
        )
        return status, headers.get("set-cookie", ""), data

"""HTTP clients of the tests: one that speaks JSON and keeps cookies, one that sends any bytes."""

import http.client
import json
import socket
import time

from check import slow_factor

TIMEOUT_S = 20
IDLE_S_MAX = 2  # a connection unused for longer is opened anew
NOTHING = object()


class Answer:
    """An HTTP answer, read to its end."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Client:
    """A browser of sorts: one keep-alive connection and a cookie jar. One thread at a time."""

    def __init__(self, host, port, user_id=None, email=None, source=None):
        """source: the address to come from."""
        self.host = host
        self.port = port
        self.source = (source, 0) if source else None
        self.user_id = user_id
        self.email = email
        self.cookies = {}
        self.connection = None
        self.used_at = 0.0

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=NOTHING, **options):
        return self.request("POST", path, body, **options)

    def put(self, path, body=NOTHING, **options):
        return self.request("PUT", path, body, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def request(self, method, path, body=NOTHING, raw=None, headers=None):
        """Sends body as JSON, or raw bytes as they are (with the JSON type unless headers say)."""
        sent = {}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not NOTHING:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        answer = self._exchange(method, path, raw, sent)
        self._keep_cookies(answer)
        return answer

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def _exchange(self, method, path, raw, headers):
        if self.connection and time.monotonic() - self.used_at > IDLE_S_MAX:
            self.close()
        if not self.connection:
            self.connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_S * slow_factor(),
                                                         source_address=self.source)
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.connection.request(method, path, raw, headers)
            response = self.connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.will_close:
            self.close()
        self.used_at = time.monotonic()
        return answer

    def _keep_cookies(self, answer):
        for line in answer.headers.get_all("Set-Cookie") or []:
            pair, *attributes = [part.strip() for part in line.split(";")]
            name, _, value = pair.partition("=")
            gone = any(a.lower() == "max-age=0" or ("expires=" in a.lower() and "1970" in a)
                       for a in attributes)
            if gone or not value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


class RawConnection:
    """A TCP connection that sends any bytes and reads HTTP answers one by one."""

    def __init__(self, host, port, timeout=TIMEOUT_S):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def read_answer(self, head_only=False):
        """The next answer, interim ones (100) included; EOFError when the peer closed instead."""
        head = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        headers = http.client.HTTPMessage()
        for line in head[1:]:
            if line:
                name, _, value = line.partition(":")
                headers[name] = value.strip()
        return Answer(status, headers, self._read_body(status, headers, head_only))

    def read_final_answer(self):
        """The next answer that is not an interim one."""
        while True:
            answer = self.read_answer()
            if answer.status >= 200:
                return answer

    def read_to_end(self):
        """Everything until the peer closes or resets."""
        try:
            while self._fill():
                pass
        except ConnectionError:
            pass
        data, self.buffer = self.buffer, b""
        return data

    def is_closed_by_peer(self):
        """True when the peer closes within the time-out and sends nothing more."""
        return self.read_to_end() == b""

    def close(self):
        self.socket.close()

    def _fill(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def read_until(self, mark):
        while mark not in self.buffer:
            if not self._fill():
                raise EOFError(f"closed after {self.buffer!r}")
        head, _, self.buffer = self.buffer.partition(mark)
        return head + mark

    def _read_exactly(self, count):
        while len(self.buffer) < count:
            if not self._fill():
                raise EOFError(f"closed {count - len(self.buffer)} bytes early")
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _read_body(self, status, headers, head_only):
        if head_only or status < 200 or status in (204, 304):
            return b""
        if headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunks()
        return self._read_exactly(int(headers.get("Content-Length", "0")))

    def _read_chunks(self):
        body = b""
        while True:
            size = int(self.read_until(b"\r\n").split(b";")[0], 16)
            chunk = self._read_exactly(size + 2)
            if size == 0:
                return body
            body += chunk[:-2]

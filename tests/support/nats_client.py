"""A few words of the NATS client protocol, enough to ask JetStream and to publish as a stranger."""

import json
import socket
import urllib.parse


class NatsClient:
    """One connection; one request at a time."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url.split(",")[0])
        self.socket = socket.create_connection((parts.hostname, parts.port), 5)
        self.file = self.socket.makefile("rb")
        self.file.readline()  # INFO
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True}
        if parts.username:
            options.update({"user": parts.username, "pass": parts.password})
        self._send(f"CONNECT {json.dumps(options)}\r\nSUB answer.> 1\r\nPING\r\n".encode())
        while not self.file.readline().startswith(b"PONG"):
            pass
        self.asked = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def _send(self, data):
        self.socket.sendall(data)

    def publish(self, subject, data, headers=None, reply=""):
        """data: bytes, text or what JSON can say."""
        body = data if isinstance(data, bytes) else (
            data if isinstance(data, str) else json.dumps(data)).encode()
        if headers:
            head = ("NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) +
                    "\r\n").encode()
            line = f"HPUB {subject} {reply + ' ' if reply else ''}{len(head)} {len(head) + len(body)}"
            self._send(line.encode() + b"\r\n" + head + body + b"\r\n")
        else:
            line = f"PUB {subject} {reply + ' ' if reply else ''}{len(body)}"
            self._send(line.encode() + b"\r\n" + body + b"\r\n")

    def _next(self):
        """Subject and body of the next message; a status has no body."""
        while True:
            words = self.file.readline().split()
            if not words:
                raise AssertionError("the broker closed the connection")
            if words[0] == b"PING":
                self._send(b"PONG\r\n")
            if words[0] == b"-ERR":
                raise AssertionError(b" ".join(words).decode())
            if words[0] not in (b"MSG", b"HMSG"):
                continue
            total = int(words[-1])
            head = int(words[-2]) if words[0] == b"HMSG" else 0
            return words[1].decode(), self.file.read(total + 2)[head:total]

    def request(self, subject, data=b"", headers=None):
        """The answer's JSON; {} for a status without a body."""
        self.asked += 1
        self.publish(subject, data, headers, f"answer.{self.asked}")
        answered, body = self._next()
        while answered != f"answer.{self.asked}":
            answered, body = self._next()
        return json.loads(body) if body else {}

    def fetch(self, consumer, most=256):
        """What the consumer has to deliver now, unacknowledged: the events' data."""
        self.asked += 1
        self.publish(f"$JS.API.CONSUMER.MSG.NEXT.BOXOFFICE.{consumer}",
                     {"batch": most, "no_wait": True}, reply=f"answer.{self.asked}")
        events = []
        while len(events) < most and (body := self._next()[1]):  # a status says: no more
            events.append(json.loads(body))
        return events

    def stream(self, verb, data=b""):
        """$JS.API.STREAM.VERB.BOXOFFICE"""
        return self.request(f"$JS.API.STREAM.{verb}.BOXOFFICE", data)

    def consumer(self, name):
        return self.request(f"$JS.API.CONSUMER.INFO.BOXOFFICE.{name}")

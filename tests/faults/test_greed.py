"""Proves that one address cannot make the others wait by asking for much, nor fill the kernel's memory
by not reading it."""

import json
import socket
import struct
import threading

from boxoffice import Server, create_ticket
from check import expect, wait_for

TICKETS = 400
LONG = "/api/tickets?limit=1000"


def stocked(server):
    """The market with so many tickets that a whole list is long; its length."""
    seller = server.as_user()
    for number in range(TICKETS):
        create_ticket(seller, f"{number} " + "A seat with a view " * 10)
    return len(server.client().get(LONG).body)


def asker(server, source, path, count=1, receive=None):
    """A connection from source that asks count times for path, and is not read."""
    one = socket.socket()
    if receive:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    one.settimeout(60)
    one.bind((source, 0))
    one.connect((server.host, server.port))
    one.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * count)
    return one


def figure(server, name):
    for line in server.monitor().get("/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return int(line.split()[1])
    raise AssertionError(f"no {name}")


def kernel_bytes(port):
    """What the kernel holds for the sockets of a port that were not read: their send queues."""
    total = 0
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == port:
                total += int(fields[4].split(":")[0], 16)
    return total


def test_every_request_that_had_to_wait_is_answered_in_order():
    with Server() as server:
        stocked(server)
        crowd = [server.raw() for _ in range(8)]
        try:
            for raw in crowd:
                raw.send(b"".join(f"GET {LONG}&n={n} HTTP/1.1\r\nHost: x\r\n\r\n"
                                  f"GET /api/tickets/{n:024x} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
                                  for n in range(20)))

            def read(raw, out):
                out.append([raw.read_answer().status for _ in range(40)])
            results = []
            readers = [threading.Thread(target=read, args=(raw, results)) for raw in crowd]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
            assert results == [[200, 404] * 20] * len(crowd), results
        finally:
            for raw in crowd:
                raw.close()


def test_what_is_not_read_is_bounded_a_socket_and_an_address():
    with Server(env={"CONNECTIONS_PER_ADDRESS": "1000"}) as server:
        length = stocked(server)
        assert length > 50_000, length
        slow = [asker(server, "127.0.0.3", LONG, 20, receive=4096) for _ in range(150)]
        try:
            wait_for(lambda: figure(server, "boxoffice_http_unread_cuts_total") > 0, 20,
                     "the first to be cut")
            bound = 16 * 1024 * 1024
            assert figure(server, "boxoffice_http_unread_bytes") <= bound
            held = kernel_bytes(server.port)
            assert held <= 150 * 128 * 1024, f"{held} bytes wait in the kernel"
            expect(server.client().get(LONG), 200)  # of another address
        finally:
            for one in slow:
                one.close()
        wait_for(lambda: figure(server, "boxoffice_http_unread_bytes") == 0, 20, "nothing to wait")


def test_a_slow_reader_that_is_cut_leaves_nothing_behind():
    """Reset, not closed: the kernel would go on trying for minutes, and count it nowhere."""
    with Server() as server:
        stocked(server)
        one = asker(server, "127.0.0.4", LONG, 20, receive=4096)
        try:
            wait_for(lambda: kernel_bytes(server.port) > 0)
            wait_for(lambda: figure(server, "boxoffice_http_deadline_cuts_total") == 1, 30, "the cut")
            wait_for(lambda: kernel_bytes(server.port) == 0, 5, "the kernel to forget the bytes")
        finally:
            one.close()


def test_a_long_last_answer_is_waited_for_and_counts_until_then():
    with Server() as server:
        length = stocked(server)
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(60)
        one.connect((server.host, server.port))
        one.sendall(f"GET {LONG} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        one.shutdown(socket.SHUT_WR)
        wait_for(lambda: kernel_bytes(server.port) > 0)
        assert figure(server, "boxoffice_http_connections") >= 2, "it does not count any more"
        said = b""
        while part := one.recv(65536):
            said += part
        one.close()
        assert len(json.loads(said.split(b"\r\n\r\n", 1)[1])) == TICKETS and len(said) > length


def test_a_reader_that_vanishes_in_the_middle_is_forgotten():
    with Server() as server:
        stocked(server)
        for _ in range(20):
            one = asker(server, "127.0.0.5", LONG, 20)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
        wait_for(lambda: figure(server, "boxoffice_http_unread_bytes") == 0, 20, "nothing to wait")
        wait_for(lambda: figure(server, "boxoffice_http_connections") < 5, 20, "them to be gone")

"""A proxy between the program and its card processor that breaks calls: python3 fault_proxy.py PORT
SHARE SEED. Prints {"port": N}; of SHARE (0 to 1) of all calls, each equally likely:

  delayed      answered late
  cut before   the connection is closed before the processor heard of it
  cut after    the processor did as it was told, and nobody hears its answer
  failed       answered 500, half of the time after the processor did as it was told
  twice        passed on twice; the second answer is the one that is heard

A line "calm" on stdin ends the faults, and is answered with {"calls": N, "faults": {…}}. Ends when
stdin does."""

import asyncio
import collections
import json
import random
import sys

DELAY_S = (0.02, 0.4)
FAULTS = ("delayed", "cut before", "cut after", "failed", "twice")
FAILURE = b'{"error":{"type":"api_error","message":"made up by the fault proxy"}}'


class Cut(Exception):
    """The connection is to be closed without another word."""


async def read_message(reader):
    """A request or answer with its body, as bytes; b"" at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        elif name.lower() == b"transfer-encoding":
            raise ValueError("the double answers with a length")
    return head + (await reader.readexactly(length) if length else b"")


class Proxy:
    def __init__(self, port, share, seed):
        self.port = port
        self.share = share
        self.random = random.Random(seed)
        self.calls = 0
        self.faults = collections.Counter()

    async def serve(self, reader, writer):
        upstream = None
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.port)
            while True:
                request = await read_message(reader)
                if not request:
                    break
                writer.write(await self.answer(request, *upstream))
                await writer.drain()
        except (Cut, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            if upstream:
                upstream[1].close()

    async def answer(self, request, reader, writer):
        self.calls += 1
        fault = None
        if self.random.random() < self.share:
            fault = self.random.choice(FAULTS)
            self.faults[fault] += 1

        async def forward():
            writer.write(request)
            await writer.drain()
            found = await read_message(reader)
            if not found:
                raise Cut
            return found

        if fault == "delayed":
            await asyncio.sleep(self.random.uniform(*DELAY_S))
        if fault == "cut before":
            raise Cut
        if fault == "failed":
            if self.random.random() < 0.5:
                await forward()
            return (b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(FAILURE)) + FAILURE
        if fault == "twice":
            await forward()
        found = await forward()
        if fault == "cut after":
            raise Cut
        return found


async def main():
    proxy = Proxy(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        proxy.share = 0
        print(json.dumps({"calls": proxy.calls, "faults": proxy.faults}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

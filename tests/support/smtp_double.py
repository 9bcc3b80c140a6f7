"""A server of mail (RFC 5321) on loopback for tests: takes messages, refuses, waits, hangs up.

What it does to a message is said by `behave(recipient, number)`: "take", "refuse" and "later" (the
address), "refuse-data" and "later-data" (the message), "cut" (hangs up when it has the message, having
kept it, without a word), "cut-early" (hangs up at the address), "silent" (never says a word again)."""

import asyncio
import email
import email.policy
import threading


class Taken:
    """One message that it has: envelope and content."""

    def __init__(self, sender, recipient, parameters, content):
        self.sender = sender
        self.recipient = recipient
        self.parameters = parameters
        self.content = content
        self.message = email.message_from_bytes(content, policy=email.policy.default)

    def part(self, kind):
        return self.message.get_body((kind,)).get_content()


class SmtpDouble:
    def __init__(self, behave=None, greeting="220 double ESMTP", extensions=("SMTPUTF8", "8BITMIME")):
        self.behave = behave or (lambda recipient, number: "take")
        self.greeting = greeting
        self.extensions = extensions
        self.taken = []      # what it said 250 to, or kept before it hung up
        self.asked = []      # every recipient that was named
        self.lock = threading.Lock()
        self.port = None
        self.loop = self.end = None
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(10)
        return self

    def __exit__(self, *error):
        self.loop.call_soon_threadsafe(self.end.set)
        self.thread.join(10)

    def url(self, user=""):
        return f"smtp://{user}127.0.0.1:{self.port}"

    def to(self, recipient):
        with self.lock:
            return [taken for taken in self.taken if taken.recipient == recipient]

    def _run(self):
        asyncio.run(self._main())

    async def _main(self):
        self.loop = asyncio.get_running_loop()
        self.end = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.end.wait()
        server.close()

    async def _serve(self, reader, writer):
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader, writer):
        def say(line):
            writer.write(line.encode() + b"\r\n")

        say(self.greeting)
        sender = recipient = parameters = None
        fate = "take"
        while True:
            await writer.drain()
            line = (await reader.readuntil(b"\r\n"))[:-2].decode("utf-8", "surrogateescape")
            verb = line[:4].upper()
            if verb == "EHLO":
                lines = ["double", *self.extensions]
                for i, name in enumerate(lines):
                    say(f"250{' ' if i + 1 == len(lines) else '-'}{name}")
            elif verb == "MAIL":
                sender, _, parameters = line[len("MAIL FROM:"):].partition(" ")
                say("250 ok")
            elif verb == "RCPT":
                recipient = line[len("RCPT TO:"):].strip("<>")
                with self.lock:
                    self.asked.append(recipient)
                    number = len(self.asked)
                fate = self.behave(recipient, number)
                if fate == "cut-early":
                    return
                if fate == "silent":
                    await asyncio.sleep(3600)
                say({"refuse": "550 5.1.1 nobody is called so", "later": "451 4.3.0 come again"}.get(fate, "250 ok"))
            elif verb == "DATA":
                say("354 go on")
                await writer.drain()
                content = await reader.readuntil(b"\r\n.\r\n")
                content = b"\r\n".join(part[1:] if part.startswith(b".") else part
                                       for part in content[:-5].split(b"\r\n")) + b"\r\n"
                if fate in ("refuse-data", "later-data"):
                    say("554 5.7.1 not such a message" if fate == "refuse-data" else "452 4.3.1 no room")
                    continue
                with self.lock:
                    self.taken.append(Taken(sender.strip("<>"), recipient, parameters, content))
                if fate == "cut":
                    return
                say("250 2.0.0 taken")
            elif verb == "RSET" or verb == "NOOP":
                say("250 ok")
            elif verb == "QUIT":
                say("221 bye")
                await writer.drain()
                return
            else:
                say("502 not known")

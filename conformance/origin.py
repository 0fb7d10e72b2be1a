"""The app behind the proxies: gives back what it is sent, quickly and with the headers of an app that minds its safety.

A chunked body is given back too. On a port of its own, it is a WebSocket that echoes.
"""

import asyncio
import sys

from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

HEADERS = (
    b"Content-Type: text/plain\r\n"
    b"Strict-Transport-Security: max-age=63072000\r\n"
    b"Content-Security-Policy: default-src 'none'\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b"X-Frame-Options: DENY\r\n"
    b"Referrer-Policy: no-referrer\r\n"
    b"Permissions-Policy: geolocation=()\r\n"
)

# What a client that reads slowly is to read.
LARGE = b"x" * 4_000_000


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            method, path, _ = head.split(b"\r\n")[0].split(b" ")
            fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:-2])
            body = await read_body(reader, fields) or (LARGE if path == b"/large" else b"hello\n")
            length = b"Content-Length: %d\r\n\r\n" % len(body)
            writer.write(b"HTTP/1.1 200 OK\r\n" + HEADERS + length + (b"" if method == b"HEAD" else body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()


async def read_body(reader, fields):
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        while (await reader.readline()).strip():
            pass
        return body
    return await reader.readexactly(int(fields.get(b"content-length", 0)))


class Echo:
    """A WebSocket that echoes messages, by the part of `websockets` that does no I/O: its answer depends on nothing but
    the bytes that came, not on when they came."""

    def __init__(self):
        self.protocol = ServerProtocol()
        self.parts = []
        self.opcode = None

    def feed(self, data):
        """Byte by byte, so that a message is answered before what follows it is looked at (the middle of a long message
        all at once, or it would take minutes)."""
        begin = len(data) - 64 if len(data) > 4096 else 0
        for piece in [data[:begin]] + [data[at : at + 1] for at in range(begin, len(data))]:
            self.protocol.receive_data(piece)
            for event in self.protocol.events_received():
                self.react(event)

    def react(self, event):
        if isinstance(event, Request):
            upgrade = event.path != "/up"
            answer = self.protocol.accept(event) if upgrade else self.protocol.reject(200, "OK")
            self.protocol.send_response(answer)
        elif event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self.opcode = event.opcode if event.opcode != Opcode.CONT else self.opcode
            self.parts.append(bytes(event.data))
            if event.fin:
                self.answer(b"".join(self.parts))
                self.parts = []

    def answer(self, message):
        if self.protocol.state is not State.OPEN:
            return
        if self.opcode == Opcode.BINARY:
            return self.protocol.send_binary(message)
        try:
            message.decode()
        except UnicodeDecodeError:
            return self.protocol.fail(1007)
        self.protocol.send_text(message)


async def serve_websocket(reader, writer):
    echo = Echo()
    try:
        while data := await reader.read(65536):
            echo.feed(data)
            for answer in echo.protocol.data_to_send():
                writer.write(answer) if answer else writer.write_eof()
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(http, websocket):
    await asyncio.start_server(serve, "127.0.0.1", http, limit=1 << 20, backlog=4096)
    await asyncio.start_server(serve_websocket, "127.0.0.1", websocket)
    await asyncio.Future()


asyncio.run(main(*map(int, sys.argv[1:3])))

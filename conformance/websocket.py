"""WebSockets: whatever a client sends, it gets through the proxy what it would get from the app, byte for byte.

The cases are the subjects of RFC 6455 in which endpoints are known to err: lengths, fragments, reserved bits and opcodes,
control frames, UTF-8, closing. The app is the package `websockets`, which keeps to the RFC; what its answer is does not
matter here, only that the proxy changes nothing about it, however the bytes are cut.
"""

import itertools
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"
UTF8 = "κόσμε – 一二三 \U0001f426".encode()
NOT_UTF8 = [b"\xce\xba\xed\xa0\x80e", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xfe", b"abc\xff", UTF8[:-1]]
CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
NOT_CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


def frame(opcode, payload=b"", fin=1, reserved=0, masked=True):
    size = len(payload)
    if size < 126:
        length, extended = size, b""
    elif size < 65536:
        length, extended = 126, struct.pack("!H", size)
    else:
        length, extended = 127, struct.pack("!Q", size)
    head = bytes([fin << 7 | reserved << 4 | opcode, masked << 7 | length]) + extended
    if not masked:
        return head + payload
    key = MASK * (size // 4 + 1)
    hidden = int.from_bytes(payload, "big") ^ int.from_bytes(key[:size], "big")
    return head + MASK + hidden.to_bytes(size, "big")


def cases():
    """Names, and what is sent after the handshake."""
    end = frame(CLOSE, struct.pack("!H", 1000))
    for opcode, size in itertools.product([TEXT, BINARY], [0, 1, 125, 126, 127, 65535, 65536, 1 << 20, 1 << 22]):
        yield f"message {opcode} of {size}", frame(opcode, b"*" * size) + end
    for size in [0, 1, 125, 126, 1000]:
        yield f"ping of {size}", frame(PING, b"p" * size) + frame(TEXT, b"after") + end
        yield f"pong of {size}", frame(PONG, b"p" * size) + frame(TEXT, b"after") + end
    yield "many pings", b"".join(frame(PING, b"%d" % number) for number in range(50)) + end
    for reserved, opcode in itertools.product(range(1, 8), [TEXT, BINARY, CLOSE, PING]):
        yield f"reserved bits {reserved} on {opcode}", frame(TEXT, b"a") + frame(opcode, b"ab", 1, reserved) + end
    for opcode, payload in itertools.product([3, 4, 5, 6, 7, 11, 12, 13, 14, 15], [b"", b"payload"]):
        yield f"opcode {opcode} with {payload}", frame(TEXT, b"a") + frame(opcode, payload) + end
    for count, opcode in itertools.product([2, 3, 100], [TEXT, BINARY]):
        middle = [frame(0, b"part", 0) for _ in range(count - 2)]
        pieces = [frame(opcode, b"first", 0), *middle, frame(0, b"last")]
        yield f"message {opcode} in {count}", b"".join(pieces) + end
        yield f"message {opcode} in {count}, pings between", frame(PING, b"!").join(pieces) + end
        yield f"message {opcode} in {count}, another between", frame(TEXT, b"!").join(pieces) + end
    yield "fragments without data", frame(TEXT, b"", 0) + frame(0, b"", 0) + frame(0, b"") + end
    yield "a continuation of nothing", frame(0, b"x") + end
    yield "a continuation after the end", frame(TEXT, b"a", 0) + frame(0, b"b") + frame(0, b"c") + end
    yield "a ping in two", frame(PING, b"a", 0) + frame(0, b"b") + end
    yield "no mask", frame(TEXT, b"a", masked=False) + end
    for size in range(1, len(UTF8)):
        yield f"UTF-8 in two at {size}", frame(TEXT, UTF8[:size], 0) + frame(0, UTF8[size:]) + end
    for number, text in enumerate(NOT_UTF8):
        yield f"no UTF-8, {number}", frame(TEXT, text) + end
        yield f"no UTF-8 in two, {number}", frame(TEXT, text[:1], 0) + frame(0, text[1:]) + end
        yield f"no UTF-8 as a reason, {number}", frame(CLOSE, b"\x03\xe8" + text)
    for code in CODES + NOT_CODES:
        yield f"closing with {code}", frame(CLOSE, struct.pack("!H", code))
        yield f"closing with {code} and a reason", frame(CLOSE, struct.pack("!H", code) + UTF8)
    for payload in [b"", b"\x03", b"\x03\xe8" + b"r" * 123, b"\x03\xe8" + b"r" * 124]:
        yield f"closing with {len(payload)} bytes", frame(CLOSE, payload)
    yield "data after closing", end + frame(TEXT, b"late") + frame(PING, b"late") + end


def talk(port, sent, size):
    """What comes back: the handshake's lines that concern WebSockets, and the bytes after it."""
    handshake = (
        b"GET /ws HTTP/1.1\r\nHost: ws.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(handshake)
        stream = connection.makefile("rb")
        lines = []
        while line := stream.readline().strip():
            lines.append(line.lower())
        with ThreadPoolExecutor(1) as sender:
            sender.submit(send, connection, sent, size)
            received = read_to_end(stream)
    told = (b"http/", b"sec-", b"upgrade", b"connection")
    return sorted(line for line in lines if line.startswith(told)), received


def send(connection, data, size):
    try:
        for start in range(0, len(data), size):
            connection.sendall(data[start : start + size])
    except OSError:
        pass  # An app that has closed the connection has said why.


def read_to_end(stream):
    received = b""
    try:
        while data := stream.read1(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def differences(direct, proxied):
    """Names of the cases that end differently, and how many there are."""

    def check(case):
        name, sent = case
        sizes = [1, 1000, len(sent)] if len(sent) < 1000 else [1000 if len(sent) < 200_000 else 9973, len(sent)]
        wanted = talk(direct, sent, len(sent))
        wrong = [size for size in sizes if talk(proxied, sent, size) != wanted]
        return len(sizes), [f"{name}, {size} bytes at a time" for size in wrong]

    with ThreadPoolExecutor(4) as pool:
        checked = list(pool.map(check, cases()))
    return [name for _, wrong in checked for name in wrong], sum(count for count, _ in checked)

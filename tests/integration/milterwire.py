# SPDX-License-Identifier: LGPL-2.1-or-later
"""An MTA of a few lines: milter frames written and read on a socket."""

import socket
import struct

OFFER = struct.pack(">III", 6, 0x1FF, 0x1FFFFF)
CONNECT = b"client.example\x004" + struct.pack(">H", 25) + b"192.0.2.7\0"

# a plain session, command by command; (letter, payload)
SESSION = [
    (b"O", OFFER),
    (b"C", CONNECT),
    (b"H", b"helo.example\0"),
    (b"M", b"<alice@example.com>\0SIZE=100\0"),
    (b"R", b"<bob@example.net>\0"),
    (b"T", b""),
    (b"L", b"Subject\0test\0"),
    (b"N", b""),
    (b"B", b"body\r\n"),
    (b"E", b""),
    (b"Q", b""),
]


def frame(letter, payload=b""):
    return struct.pack(">I", len(payload) + 1) + letter + payload


def connect(spec, timeout=60):
    """A socket connected to a spec of a tool's `listening on` line."""
    kind, _, rest = spec.partition(":")
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        sock.connect(rest)
        return sock
    port, _, host = rest.partition("@")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=timeout)


class Mta:
    """One connection to a milter."""

    def __init__(self, spec, timeout=60):
        self.sock = connect(spec, timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, letter, payload=b""):
        self.sock.sendall(frame(letter, payload))

    def read_exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.sock.recv(size - len(data))
            if not more:
                raise EOFError(f"{len(data)} of {size} bytes")
            data += more
        return data

    def read(self):
        """(letter, payload) of the next reply; None at the end of the connection."""
        try:
            size = struct.unpack(">I", self.read_exactly(4))[0]
        except (EOFError, ConnectionResetError):
            return None
        data = self.read_exactly(size)
        return data[:1], data[1:]

    def ask(self, letter, payload=b""):
        """Sends a command; all replies up to the final one."""
        self.send(letter, payload)
        replies = []
        while True:
            reply = self.read()
            assert reply is not None, f"closed after {letter}; before: {replies}"
            replies.append(reply)
            if reply[0] in b"Ocartdysf4":
                return replies

    def begin(self, *recipients, sender=b"<alice@example.com>"):
        """Up to the recipients; the answers to those."""
        for letter, payload in SESSION[:3]:
            self.ask_if_wanted(letter, payload)
        self.ask_if_wanted(b"M", sender + b"\0")
        return [self.ask(b"R", recipient + b"\0") for recipient in recipients]

    # what the milter has asked not to be sent, by letter
    SKIPS = {b"C": 1, b"H": 2, b"M": 4, b"R": 8, b"B": 0x10, b"L": 0x20, b"N": 0x40, b"U": 0x100, b"T": 0x200}
    steps = 0

    def ask_if_wanted(self, letter, payload=b""):
        if self.steps & self.SKIPS.get(letter, 0):
            return None
        replies = self.ask(letter, payload)
        if letter == b"O":
            self.version, self.actions, self.steps = struct.unpack(">III", replies[0][1][:12])
        return replies

    def message(self, *headers, body=b"body\r\n", recipients=(b"<bob@example.net>",)):
        """One whole message with these header fields; the replies to its end."""
        self.ask_if_wanted(b"M", b"<alice@example.com>\0")
        for recipient in recipients:
            self.ask_if_wanted(b"R", recipient + b"\0")
        self.ask_if_wanted(b"T")
        for name, value in headers:
            self.ask_if_wanted(b"L", name + b"\0" + value + b"\0")
        self.ask_if_wanted(b"N")
        self.ask_if_wanted(b"B", body)
        return self.ask(b"E")

    def is_closed(self):
        """Whether the milter closes without another byte."""
        return self.read() is None

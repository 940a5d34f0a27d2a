# SPDX-License-Identifier: LGPL-2.1-or-later
"""A milter of a few lines that answers by a table, rightly or wrongly, on a socket."""

import socket
import struct
import threading

from milterwire import frame

CLOSE = object()     # closes the connection instead of an answer
RESET = object()     # the same with RST (TCP)
SILENT = b""         # answers nothing
CONTINUE = frame(b"c")
ACCEPT = frame(b"a")


def options(actions=0x1FF, steps=0, version=6, symbols=b""):
    return frame(b"O", struct.pack(">III", version, actions, steps) + symbols)


def reply_code(text):
    return frame(b"y", text + b"\0")


class FakeMilter:
    """answers: letter -> bytes, CLOSE, RESET, a function that returns one of these, or a list of them for the first,
    second … of that letter (the last one stays). greeting: sent at once. read_nothing: accepts and never reads."""

    DEFAULTS = {"O": options(), "D": SILENT, "A": SILENT, "Q": CLOSE, "K": SILENT}

    def __init__(self, path=None, answers=None, greeting=b"", read_nothing=False):
        if path is None:
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.spec = f"inet:{self.listener.getsockname()[1]}@127.0.0.1"
        else:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            self.listener.listen(50)
            self.spec = f"unix:{path}"
        self.answers = {**self.DEFAULTS, **(answers or {})}
        self.greeting = greeting
        self.read_nothing = read_nothing
        self.frames = []          # (letter, payload) of all connections
        self.n_connections = 0
        self.sockets = []
        self.thread = threading.Thread(target=self.accept_all, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # wakes accept(); close() alone does not
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for sock in self.sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        self.thread.join(60)

    def accept_all(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.n_connections += 1
            self.sockets.append(sock)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            if self.greeting:
                sock.sendall(self.greeting)
            if self.read_nothing:
                return
            seen = {}
            while self.serve_one(sock, seen):
                pass
        except OSError:
            # as every milter does when the MTA has gone
            sock.close()

    def read_exactly(self, sock, size):
        data = b""
        while len(data) < size:
            more = sock.recv(size - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def serve_one(self, sock, seen):
        data = self.read_exactly(sock, struct.unpack(">I", self.read_exactly(sock, 4))[0])
        letter = data[:1].decode("latin1")
        self.frames.append((letter, data[1:]))
        answer = self.answers.get(letter, CONTINUE)
        if isinstance(answer, list):
            answer = answer[min(seen.get(letter, 0), len(answer) - 1)]
        seen[letter] = seen.get(letter, 0) + 1
        if callable(answer):
            answer = answer()
        if answer is RESET:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if answer is CLOSE or answer is RESET:
            if answer is CLOSE:
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
            return False
        sock.sendall(answer)
        return True

    def letters(self, *without):
        return "".join(letter for letter, _ in self.frames if letter not in without)

    def payloads(self, letter):
        return [payload for got, payload in self.frames if got == letter]

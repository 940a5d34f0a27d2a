#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A milter of bare frames: what no milter library lets its users say.

    frame_milter.py SOCKET [STEPS]

At the end of a message it sends the frames that the message asks for in fields
`X-Frames: HEX HEX …` (a letter and its payload each; no line folding), then continue.
STEPS is the third word of its answer to the negotiation, 0 if absent.
"""

import os
import socketserver
import struct
import sys

STEPS = int(sys.argv[2], 0) if len(sys.argv) > 2 else 0


class Session(socketserver.StreamRequestHandler):
    wbufsize = -1

    def reply(self, frame):
        self.wfile.write(struct.pack(">I", len(frame)) + frame)

    def handle(self):
        frames = []
        while True:
            head = self.rfile.read(4)
            if len(head) < 4:
                return
            packet = self.rfile.read(struct.unpack(">I", head)[0])
            letter, payload = packet[:1], packet[1:]
            if letter == b"Q":
                return
            if letter == b"O":
                self.reply(b"O" + struct.pack(">III", 6, 0x1FF, STEPS))
            elif letter == b"L":
                name, value = payload.split(b"\0")[:2]
                if name == b"X-Frames":
                    frames += [bytes.fromhex(word) for word in value.decode().split()]
            elif letter == b"E":
                for frame in frames:
                    self.reply(frame)
            if letter == b"M":
                frames = []
            if letter not in b"ODAK":
                self.reply(b"c")
            self.wfile.flush()


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    allow_reuse_address = True


os.umask(0)
Server(sys.argv[1], Session).serve_forever()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A milter that answers as the milter of a capture did."""

import pathlib
import struct
import subprocess

from fakemilter import FakeMilter


def read_connections(path):
    """Of a pcap file that milter-replay wrote: for each connection [(frame of the MTA, what the milter said then)]."""
    data, at, connections = pathlib.Path(path).read_bytes(), 24, {}
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        packet, at = data[at + 16:at + 16 + size], at + 16 + size
        assert packet[0] == 0x45, "only IPv4"
        tcp = packet[20:]
        source, target = struct.unpack(">HH", tcp[:4])
        payload, flags = tcp[(tcp[12] >> 4) * 4:], tcp[13]
        if flags & 0x02 and not flags & 0x10:
            connections[source, target] = []
        for key, is_mta in (((source, target), True), ((target, source), False)):
            if payload and key in connections:
                connections[key].append((is_mta, payload))
    return [frames_of(pieces) for pieces in connections.values()]


def frames_of(pieces):
    rows, pending = [], b""
    for is_mta, piece in pieces:
        if not is_mta:
            rows[-1][1] += piece
            continue
        pending += piece
        while len(pending) >= 4 and len(pending) >= (size := 4 + struct.unpack(">I", pending[:4])[0]):
            rows.append([pending[:size], b""])
            pending = pending[size:]
    return rows


class RecordedMilter(FakeMilter):
    """tool: where milter-replay is, which makes the capture plain to read"""

    def __init__(self, path, tool, capture, plain):
        subprocess.run([tool, "convert", str(capture), "-o", str(plain)], check=True, timeout=60)
        self.recorded = read_connections(plain)
        super().__init__(path)

    def serve(self, sock):
        candidates, n = self.recorded, 0
        try:
            while True:
                head = self.read_exactly(sock, 4)
                frame = head + self.read_exactly(sock, struct.unpack(">I", head)[0])
                candidates = [one for one in candidates if len(one) > n and one[n][0] == frame]
                if not candidates or frame[4:5] == b"Q":
                    return
                sock.sendall(candidates[0][n][1])
                n += 1
        except OSError:
            pass
        finally:
            sock.close()

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast is milter-replay beside a program that writes prepared frames?

usage: replay-rates.py BUILD [PAIRS [CONNECTIONS [MESSAGES]]]

MESSAGES (20,000) recorded connections of one message each are replayed, CONNECTIONS (256) at once, against
`load-milter`, which answers `continue` to all; load-mta sends as many of the same messages, each on a connection of
its own, as many at once. Printed are, for each of PAIRS (5) pairs in turn, messages a second of both and their ratio,
the medians, and the processor time of a message.

BUILD is a build without sanitizers and with -Dtests=enabled. The milter runs on one processor and the programs that
are compared on another, if there are two. Pairs during which others used more than 0.15 of a processor are dropped,
and made again for three minutes at most.
"""

import os
import pathlib
import re
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time

MAX_SHARE_OF_OTHERS = 0.15

MTA, MILTER = ("127.0.0.1", 0), ("127.0.0.1", 8891)
OPTIONS = b"\0\0\0\6\0\0\0\0\0\0\0\0"


def frame(letter, payload=b""):
    return struct.pack(">I", len(payload) + 1) + letter + payload


def read_message(folder):
    """The commands of workload.h: what load-mta sends."""
    text = (pathlib.Path(folder) / "workload.h").read_text()
    rows = re.findall(r"COMMAND \('(.)', \d+, (?:\"((?:[^\"\\]|\\.)*)\"|NULL)\)", text)
    assert len(rows) == 14
    return [frame(letter.encode(), b"x" * 1024 if letter == "B" else
                  payload.encode().decode("unicode_escape").encode("latin-1")) for letter, payload in rows]


class Capture:
    """A pcap file of connections that overlap: `at_once` of them are under way at a time."""

    def __init__(self, path, message):
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        self.ns = 1_700_000_000 * 10**9
        offer = frame(b"O", b"\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")
        client = frame(b"C", b"client.example.com\0004\xc5\x0b192.0.2.1\0")
        # as load-mta says it: CONNECT and HELO in one write
        self.turns = [(offer, frame(b"O", OPTIONS)), (client + frame(b"H", b"client\0"), frame(b"c") * 2)]
        self.turns += [(command, frame(b"c")) for command in message]

    def packet(self, port, to_milter, flags, seq, ack, data=b""):
        source, target = (port, MILTER[1]) if to_milter else (MILTER[1], port)
        tcp = struct.pack(">HHIIBBHHH", source, target, seq, ack, 0x50, flags, 65535, 0, 0)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
        bytes_ = b"\0" * 12 + b"\x08\0" + ip + tcp + data
        self.ns += 5000
        self.file.write(struct.pack("<IIII", self.ns // 10**9, self.ns % 10**9, len(bytes_), len(bytes_)) + bytes_)

    def connection(self, port):
        """Yields after each packet or two."""
        seq, ack = 1000, 5000
        self.packet(port, True, 0x02, seq - 1, 0)
        self.packet(port, False, 0x12, ack - 1, seq)
        yield
        for command, answer in self.turns:
            self.packet(port, True, 0x18, seq, ack, command)
            seq += len(command)
            self.packet(port, False, 0x18, ack, seq, answer)
            ack += len(answer)
            yield
        quit_ = frame(b"Q")
        self.packet(port, True, 0x18, seq, ack, quit_)
        self.packet(port, True, 0x11, seq + len(quit_), ack)
        self.packet(port, False, 0x11, ack, seq + len(quit_) + 1)

    def write(self, n, at_once):
        ports = iter(range(n))
        running = []
        while True:
            while len(running) < at_once and (number := next(ports, None)) is not None:
                running.append(self.connection(1024 + number % 60000))
            if not running:
                break
            running = [one for one in running if next(one, self) is not self]
        self.file.close()


def run_on(processor):
    allowed = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {allowed[min(processor, len(allowed) - 1)]})


def timed(*command):
    """Seconds, and seconds of processor time, that a program takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    subprocess.run(command, check=True, timeout=600, stdout=subprocess.DEVNULL, preexec_fn=run_on(0))
    took = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def seconds_of_others(milter):
    tick = os.sysconf("SC_CLK_TCK")
    busy = [int(n) for n in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    fields = pathlib.Path(f"/proc/{milter.pid}/stat").read_text().rsplit(")", 1)[1].split()
    ours = ended.ru_utime + ended.ru_stime + (int(fields[11]) + int(fields[12])) / tick
    return (sum(busy) - busy[3] - busy[4]) / tick - ours


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    pairs, at_once, n = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((2, 5), (3, 256), (4, 20000)))
    replay = build / "tools/milter-replay/milter-replay"
    load_mta, load_milter = build / "tests/bench/load-mta", build / "tests/bench/load-milter"
    with tempfile.TemporaryDirectory() as folder:
        capture = f"{folder}/load.pcap"
        Capture(capture, read_message(pathlib.Path(__file__).parent)).write(n, at_once)
        spec = f"unix:{folder}/milter"
        milter = subprocess.Popen([load_milter, spec], stdout=subprocess.PIPE, preexec_fn=run_on(1))
        milter.stdout.readline()
        rows, end = [], time.perf_counter() + 180
        try:
            while len(rows) < pairs:
                begin, others = time.perf_counter(), seconds_of_others(milter)
                ours = timed(replay, "replay", capture, "-q", "-s", spec, "--connections", str(at_once))
                theirs = timed(load_mta, "connections", spec, str(at_once), str(n))
                share = (seconds_of_others(milter) - others) / (time.perf_counter() - begin)
                if share > MAX_SHARE_OF_OTHERS and time.perf_counter() < end:
                    continue
                rows.append((n / ours[0], n / theirs[0], theirs[0] / ours[0], ours[1] / n * 1e6, theirs[1] / n * 1e6))
                print("{:8.0f} messages/s against {:.0f}: {:.2f}; processor time of a message {:.1f} us against {:.1f}; "
                      "others {:.2f}".format(*rows[-1], share), flush=True)
        finally:
            milter.kill()
            milter.wait()
        print("medians: {:.0f} messages/s against {:.0f}: {:.2f}; processor time {:.1f} us against {:.1f}: {:.2f}".format(
            *(statistics.median(column) for column in zip(*rows)),
            statistics.median(row[4] / row[3] for row in rows)))


if __name__ == "__main__":
    main()

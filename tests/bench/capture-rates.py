#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast does a capture become sessions, beside the least that a reader on libpcap does, and beside tshark?

usage: capture-rates.py BUILD [PAIRS [MEGABYTES]]

A made-up capture (write-capture: 200 MB, messages with bodies of 8 KB, 16 connections at a time) is written into a temporary
folder, which is removed afterwards, and read PAIRS (5) times by each program, in turn. Printed are the median of the ratios,
with the lowest and the highest, and the megabytes a second of both. (Memory is held by tests/house/test_capture_counts.py.) What is compared is the processor's
time, of the program and of the system for it: all of them use one processor, and others do not matter so much then.

reader         our reader alone (read-capture) against walk-capture: libpcap, a table of connections, a walk over the frames
summary        milter-replay show --summary, which knows each message, answer and latency, against the same
pipe           the same from a pipe
tshark         milter-replay show --summary against tshark -q -z conv,tcp, which knows the connections; one pair

BUILD is a build with optimisation, without sanitizers, and with -Dtests=enabled.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile


def measure(command, **options):
    """Seconds of the processor."""
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, **options)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or not out:
        sys.exit(f"{command[0]} failed with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def compare(name, ours, other, pairs, size):
    ratios, times = [], []
    for _ in range(pairs):
        times.append((ours(), other()))
        ratios.append(times[-1][1] / times[-1][0])
    print(f"{name:8} {statistics.median(ratios):7.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
          f"  ours {size / statistics.median(t[0] for t in times):7.0f} MB/s"
          f"  other {size / statistics.median(t[1] for t in times):7.0f} MB/s", flush=True)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    bench, replay = build / "tests/bench", build / "tools/milter-replay/milter-replay"
    with tempfile.TemporaryDirectory(prefix="capture-rates.") as folder:
        capture = f"{folder}/made.pcap"
        size = float(sys.argv[3]) if len(sys.argv) > 3 else 200
        subprocess.run([bench / "write-capture", capture, str(int(size))], check=True)

        def walk():
            return measure([bench / "walk-capture", capture])

        def summary():
            return measure([replay, "show", "--summary", capture])

        def pipe():
            with subprocess.Popen(["cat", capture], stdout=subprocess.PIPE) as cat:
                return measure([replay, "show", "--summary", "-"], stdin=cat.stdout)

        if (bench / "walk-capture").exists():
            walk()
            compare("reader", lambda: measure([bench / "read-capture", capture]), walk, pairs, size)
            compare("summary", summary, walk, pairs, size)
            compare("pipe", pipe, walk, pairs, size)
        else:
            print("walk-capture is missing: libpcap-dev was not installed when this was built")
        if shutil.which("tshark"):
            compare("tshark", summary, lambda: measure(["tshark", "-r", capture, "-q", "-z", "conv,tcp"],
                                                       stderr=subprocess.DEVNULL), 1, size)
        else:
            print("tshark is missing: apt-get install tshark")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()

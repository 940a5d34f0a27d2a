#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much longer does a message take over TCP than over a unix socket, with the same milter?

usage: tcp-against-unix.py BUILD [MESSAGES [PAIRS]]

Plays a session of many messages against milter-test-client over both, in turn, and prints the medians.
A transport that stalls (Nagle against delayed acknowledgements) shows as 40 ms a message.
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

MESSAGE = """  message
    mail <alice@example.com>
    rcpt <bob@example.net>
    header Subject: speed
    eoh
    body "0123456789abcdef"*64
    eom
"""


def start(tool, spec):
    process = subprocess.Popen([tool, "-s", spec], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = process.stdout.readline()
    assert line.startswith("listening on "), line
    # what else it prints is not wanted, and must not fill the pipe
    drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
    return process, drain, line.split()[2]


def main():
    build = pathlib.Path(sys.argv[1])
    n_messages = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    n_pairs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    client = build / "tools/milter-test-client/milter-test-client"
    server = build / "tools/milter-test-server/milter-test-server"
    with tempfile.TemporaryDirectory() as folder:
        scenario = pathlib.Path(folder, "many.scenario")
        scenario.write_text("mta plain\nsession many\n" + MESSAGE * n_messages)
        milters = {"unix": start(client, f"unix:{folder}/s"), "tcp": start(client, "inet:0@127.0.0.1")}
        times = {"unix": [], "tcp": []}
        try:
            for _ in range(n_pairs):
                for name, (_, _, spec) in milters.items():
                    begin = time.perf_counter()
                    subprocess.run([server, "-q", "-s", spec, scenario], check=True, timeout=300)
                    times[name].append((time.perf_counter() - begin) / n_messages * 1000)
        finally:
            for process, drain, _ in milters.values():
                process.kill()
                process.wait()
                drain.wait()
    for name, values in times.items():
        print(f"{name:5} {statistics.median(values):.3f} ms a message (median of {n_pairs}; "
              f"{min(values):.3f} to {max(values):.3f})")
    more = statistics.median(times["tcp"]) - statistics.median(times["unix"])
    print(f"TCP takes {more:.3f} ms a message more than a unix socket: {'no stalls' if more < 1 else 'STALLS'}")
    return 0 if more < 1 else 1


sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much longer do messages take when milter-replay records them?

usage: record-rates.py BUILD [MESSAGES [NAME...]]

MESSAGES (1000) go directly and as many through the recorder, a tenth of each in turn, to the same milter. Printed is how
much longer those through the recorder took in all, with the lowest and the highest of the tenths.

postfix-opendkim-trace, -pcap  Postfix to opendkim, which signs, over TCP; four clients send mail at once. Wants root
postfix-libmilter-trace        Postfix to a milter on libmilter that lets all pass
libmilter-16-trace             a driver without pauses, 16 connections, to the same milter, on unix sockets
raw-1-trace, -pcap             one that sends the next command as soon as the answer is there, to a milter that does nothing
                               at all: what the hop costs by itself

Of real mail the recorder is to take less than 10% (exit status 1 if it takes more); the last lines tell how far from that
a milter and an MTA are that do nothing. BUILD is a build without sanitizers and with -Dtests=enabled. Wants an idle machine.
"""

import concurrent.futures
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from listening import listens  # noqa: E402
from postfix_instance import Postfix, why_not  # noqa: E402

PARTS = 10
CLIENTS = 4
LIMIT = 1.10
MAIL = (b"From: alice@example.com\r\nTo: bob@example.net\r\nSubject: speed\r\nDate: Sun, 22 Nov 2026 09:15:02 +0100\r\n"
        b"Message-ID: <speed@example.com>\r\n\r\n" + b"It has some lines of text, as most mails have.\r\n" * 30)

running = []


def start(command, **more):
    running.append(subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True, **more))
    return running[-1]


def wait_for(path):
    end = time.monotonic() + 30
    while not listens(path):
        assert time.monotonic() < end, path
        time.sleep(0.02)


def record(build, folder, to, listen, kind):
    file = folder / f"recorded.{len(running)}.{kind}"
    process = start([build / "tools/milter-replay/milter-replay", "record", "-l", listen, "-t", to, "-o", file, "--force"])
    line = process.stdout.readline()
    assert line.startswith("listening on "), line
    return line.split()[2]


def start_opendkim(folder):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    start([ROOT / "scripts/start-opendkim.sh", folder / "dkim", f"inet:{port}@127.0.0.1"],
          env=dict(os.environ, OPENDKIM_INTERNAL="127.0.0.1"))
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return f"inet:{port}@127.0.0.1"
        except OSError:
            assert time.monotonic() < end, "opendkim does not listen"
            time.sleep(0.05)


def start_milter(build, folder, name):
    spec = f"unix:{folder}/{name}.sock"
    start([build / f"tests/bench/{name}", spec])
    wait_for(spec[5:])
    return spec


def of_postfix(spec):
    kind, _, place = spec.partition(":")
    port, _, host = place.partition("@")
    return spec if kind == "unix" else f"inet:{host.strip('[]')}:{port}"


class Smtp:
    """A client that sends one mail after the other on its connection."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.sock.makefile("rb")
        self.expect(b"220")
        self.say(b"EHLO client.example.com", b"250")

    def expect(self, code):
        while (line := self.stream.readline())[3:4] == b"-":
            pass
        assert line.startswith(code), line

    def say(self, line, code):
        self.sock.sendall(line + b"\r\n")
        self.expect(code)

    def send(self):
        self.say(b"MAIL FROM:<alice@example.com>", b"250")
        self.say(b"RCPT TO:<bob@example.net>", b"250")
        self.say(b"DATA", b"354")
        self.say(MAIL + b".", b"250")


def send_by_postfix(mta, name, n):
    """Seconds that n mails take, by several clients at once."""

    def some(count):
        client = Smtp(mta.ports[name])
        began = time.perf_counter()
        for _ in range(count):
            client.send()
        return began, time.perf_counter()

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        times = list(pool.map(some, [n // CLIENTS] * CLIENTS))
    return max(end for _, end in times) - min(begin for begin, _ in times)


def drive(command):
    began = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, timeout=600)
    return time.perf_counter() - began


def compare(name, times):
    direct, recorded = (sum(values) for values in times.values())
    ratios = [b / a for a, b in zip(*times.values())]
    print(f"{name:26} {recorded / direct:.3f} of the time of a direct connection ({min(ratios):.3f} to {max(ratios):.3f}); "
          f"direct {direct:.2f} s, recorded {recorded:.2f} s", flush=True)
    return recorded / direct


def take_turns(name, n, direct, recorded):
    times = {"direct": [], "recorded": []}
    direct(n // PARTS)
    recorded(n // PARTS)
    for _ in range(PARTS):
        times["direct"].append(direct(n // PARTS))
        times["recorded"].append(recorded(n // PARTS))
    return compare(name, times)


def postfix(name, build, folder, n, milter, kind):
    if why_not() is not None:
        print(f"{name:26} left out: {why_not()}")
        return None
    listen = "inet:0@127.0.0.1" if milter.startswith("inet:") else f"unix:{folder}/r{len(running)}.sock"
    through = record(build, folder, milter, listen, kind)
    for path in folder.glob("*.sock"):
        path.chmod(0o666)
    with Postfix(direct=of_postfix(milter), recorded=of_postfix(through)) as mta:
        return take_turns(name, n, lambda part: send_by_postfix(mta, "direct", part),
                          lambda part: send_by_postfix(mta, "recorded", part))


def driver(name, build, folder, n, milter, kind, command):
    through = record(build, folder, milter, f"unix:{folder}/r{len(running)}.sock", kind)
    return take_turns(name, n, lambda part: drive(command(milter, part)), lambda part: drive(command(through, part)))


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    names = sys.argv[3:]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="record-rates-"))
    folder.chmod(0o755)
    bench = build / "tests/bench"
    load = lambda spec, part: [bench / "load-mta", "messages", spec, 16, part * 20]  # noqa: E731
    raw = lambda spec, part: [bench / "raw-mta", spec, part * 20]  # noqa: E731
    comparisons = {
        "postfix-opendkim-trace": lambda name: postfix(name, build, folder, n, start_opendkim(folder), "trace"),
        "postfix-opendkim-pcap": lambda name: postfix(name, build, folder, n, start_opendkim(folder), "pcap"),
        "postfix-libmilter-trace": lambda name: postfix(name, build, folder, n, start_milter(build, folder, "libmilter-milter"), "trace"),
        "libmilter-16-trace": lambda name: driver(name, build, folder, n, start_milter(build, folder, "libmilter-milter"), "trace", load),
        "raw-1-trace": lambda name: driver(name, build, folder, n, start_milter(build, folder, "raw-milter"), "trace", raw),
        "raw-1-pcap": lambda name: driver(name, build, folder, n, start_milter(build, folder, "raw-milter"), "pcap", raw),
    }
    worst = 0
    try:
        for name, run in comparisons.items():
            if names and name not in names:
                continue
            ratio = run(name)
            if ratio is not None and name.startswith("postfix"):
                worst = max(worst, ratio)
            while running:
                process = running.pop()
                process.terminate()
                process.wait()
            for path in folder.glob("*.sock"):
                path.unlink()
    finally:
        for process in running:
            process.kill()
            process.wait()
        subprocess.run(["rm", "-rf", folder], check=False)
    return 1 if worst > LIMIT else 0


sys.exit(main())

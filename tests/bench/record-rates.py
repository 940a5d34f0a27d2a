#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much longer do messages take when milter-replay records them?

usage: record-rates.py BUILD [MESSAGES [NAME...]]

MESSAGES (1000) go directly, as many through a proxy that does nothing but pass bytes on (raw-proxy), and as many through the
recorder, to the same milter, a twentieth of each in turn. Printed are the medians of the ratios to those that went directly just
before, with the quartiles: of the recorder, and of the proxy, which tells what one more hop costs at all.

opendkim-trace, -pcap      Postfix to opendkim, which signs, on unix sockets; four clients send mail at once. Wants root
opendkim-tcp               the same over TCP, where Postfix and libmilter wait for each other's acknowledgements
libmilter-trace            Postfix to a milter on libmilter that lets all pass
libmilter-one              the same with one client
libmilter-16-trace         a driver without pauses, 16 connections, to the same milter, on unix sockets
raw-1-trace, -pcap         one that sends the next command as soon as the answer is there, to a milter that does nothing
                           at all: what the hop costs by itself

Of real mail the recorder is to take less than 10%: the exit status is 1 if it takes more with opendkim. The other lines tell how far from
that milters and MTAs are that do nothing. BUILD is a build without sanitizers and with -Dtests=enabled. Wants an idle machine; on
another one `chrt -r 1 tests/bench/record-rates.py` goes before what else there is to do.
"""

import concurrent.futures
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from listening import listens  # noqa: E402
from postfix_instance import Postfix, why_not  # noqa: E402

PARTS = 20
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


def forward(build, folder, to, listen):
    """The proxy that does nothing else; where it listens."""
    if listen.startswith("inet:"):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            listen = f"inet:{probe.getsockname()[1]}"
        to = to.partition("@")[0]
    process = start([build / "tests/bench/raw-proxy", listen, to])
    assert process.stdout.readline() == "listening\n"
    return listen if listen.startswith("unix:") else f"{listen}@127.0.0.1"


def start_opendkim(folder, over):
    port = 0
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    spec = f"inet:{port}@127.0.0.1" if over == "inet" else f"unix:{folder}/opendkim.sock"
    start([ROOT / "scripts/start-opendkim.sh", folder / "dkim", spec], env=dict(os.environ, OPENDKIM_INTERNAL="127.0.0.1"))
    if over == "unix":
        wait_for(spec[5:])
        return spec
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return spec
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


def send_by_postfix(mta, name, n, n_clients):
    """Seconds that n mails take, by several clients at once."""

    def some(count):
        client = Smtp(mta.ports[name])
        began = time.perf_counter()
        for _ in range(count):
            client.send()
        return began, time.perf_counter()

    with concurrent.futures.ThreadPoolExecutor(n_clients) as pool:
        times = list(pool.map(some, [max(1, n // n_clients)] * n_clients))
    return max(end for _, end in times) - min(begin for begin, _ in times)


def drive(command):
    began = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, timeout=600)
    return time.perf_counter() - began


def describe(values):
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.3f} ({low:.2f} to {high:.2f})"


def take_turns(name, n, ways):
    """ways: {NAME: f(MESSAGES) that tells seconds}, the direct one first. The median ratio of the recorder."""
    times = {way: [] for way in ways}
    for run in ways.values():
        run(n // PARTS)
    order = list(ways)
    for _ in range(PARTS):
        for way in order:
            times[way].append(ways[way](n // PARTS))
        order = order[1:] + order[:1]
    ratios = {way: [b / a for a, b in zip(times["direct"], values)] for way, values in times.items()}
    print(f"{name:20} recorded {describe(ratios['recorded'])}, passed on {describe(ratios['passed'])} of the time of a direct connection, "
          f"{statistics.median(times['direct']) / (n // PARTS) * 1e6:.0f} us a message", flush=True)
    return statistics.median(ratios["recorded"])


def open_ways(build, folder, milter, kind):
    listen = "inet:0@127.0.0.1" if milter.startswith("inet:") else "unix:{}/{}.sock"
    return {"direct": milter, "passed": forward(build, folder, milter, listen.format(folder, "passed")),
            "recorded": record(build, folder, milter, listen.format(folder, "recorded"), kind)}


def postfix(name, build, folder, n, milter, kind, n_clients=CLIENTS):
    if why_not() is not None:
        print(f"{name:20} left out: {why_not()}")
        return None
    specs = open_ways(build, folder, milter, kind)
    for path in folder.glob("*.sock"):
        path.chmod(0o666)
    with Postfix(**{way: of_postfix(spec) for way, spec in specs.items()}) as mta:
        return take_turns(name, n, {way: (lambda part, way=way: send_by_postfix(mta, way, part, n_clients)) for way in specs})


def driver(name, build, folder, n, milter, kind, command):
    specs = open_ways(build, folder, milter, kind)
    return take_turns(name, n, {way: (lambda part, spec=spec: drive(command(spec, part))) for way, spec in specs.items()})


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    names = sys.argv[3:]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="record-rates-"))
    folder.chmod(0o755)
    bench = build / "tests/bench"
    load = lambda spec, part: [bench / "load-mta", "messages", spec, 16, part * 20]  # noqa: E731
    raw = lambda spec, part: [bench / "raw-mta", spec, part * 20]  # noqa: E731
    opendkim = lambda over: start_opendkim(folder, over)  # noqa: E731
    milter = lambda name: start_milter(build, folder, name)  # noqa: E731
    comparisons = {
        "opendkim-trace": lambda name: postfix(name, build, folder, n, opendkim("unix"), "trace"),
        "opendkim-pcap": lambda name: postfix(name, build, folder, n, opendkim("unix"), "pcap"),
        "opendkim-tcp": lambda name: postfix(name, build, folder, n, opendkim("inet"), "trace"),
        "libmilter-trace": lambda name: postfix(name, build, folder, n, milter("libmilter-milter"), "trace"),
        "libmilter-one": lambda name: postfix(name, build, folder, n, milter("libmilter-milter"), "trace", n_clients=1),
        "libmilter-16-trace": lambda name: driver(name, build, folder, n, milter("libmilter-milter"), "trace", load),
        "raw-1-trace": lambda name: driver(name, build, folder, n, milter("raw-milter"), "trace", raw),
        "raw-1-pcap": lambda name: driver(name, build, folder, n, milter("raw-milter"), "pcap", raw),
    }
    worst = 0
    try:
        for name, run in comparisons.items():
            if names and name not in names:
                continue
            ratio = run(name)
            if ratio is not None and name.startswith("opendkim"):
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

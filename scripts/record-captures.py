#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records scenarios/captures anew: the same mails through Postfix to the same milters, as they are installed now.

usage: record-captures.py BUILD FOLDER [NAME...]

For each recording of scenarios/captures/README.md (or for NAME, as clamav.pcap), what its SMTP client said is read from it, said
again to a Postfix of its own, and what Postfix and the milter say to each other is recorded into FOLDER: by tcpdump (pcap), dumpcap
(pcapng) or `milter-replay record` (trace), with the scenario that convert makes of it. Printed is how it compares with what there is; ports, ids and
dates are others each time. Wants root, Postfix, tcpdump, dumpcap and the milters.
"""

import base64
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
CAPTURES = ROOT / "scenarios/captures"
sys.path.insert(0, str(ROOT / "tests/integration"))
from listening import LISTENS, listens_on_port  # noqa: E402
from postfix_instance import Postfix, free_port, why_not  # noqa: E402
from recorder import Recorder  # noqa: E402

ROW = re.compile(r"^\| `([^`]+)` \| [^|]+ \| `([^`]+)` \| (?:`([^`]+)`)? ?\|", re.M)
# what no two recordings have in common
ALWAYS_NEW = "ids,dates,ports,latency"
ADDRESS = re.compile(r"(\S+) \[([^\]]+)\]")


class Client:
    """Who connected, and the lines that were said: ("MAIL …",), ("DATA", the message), ("RSET",)."""

    def __init__(self):
        self.host, self.address, self.port = "unknown", "127.0.0.1", None
        self.helo = self.login = None
        self.said = []
        self.is_in_message = False


def read_clients(replay, path):
    """The SMTP clients of a recording that sent something."""
    done = subprocess.run([replay, "show", "--json", path], check=True, capture_output=True, text=True)
    clients, mails = {}, {}
    for line in map(json.loads, done.stdout.splitlines()):
        if line["type"] != "frame" or line["from"] != "mta":
            continue
        client = clients.setdefault(line["connection"], Client())
        take(client, line["letter"], line["fields"], mails.setdefault(line["connection"], []))
    return [client for client in clients.values() if client.said]


def take(client, letter, fields, mail):
    if letter == "D":
        macros = fields["macros"]
        client.login = macros.get("{auth_authen}", client.login)
        match = ADDRESS.match(macros.get("_", ""))
        if match:
            client.host, client.address = match.groups()
    elif letter == "C":
        client.port = fields.get("port")
    elif letter == "H":
        client.helo = fields["name"]
    elif letter == "M" and client.is_in_message:
        client.said.append(("RSET",))
    if letter in "MR":
        client.said.append((" ".join([{"M": "MAIL FROM:", "R": "RCPT TO:"}[letter] + fields["address"], *fields["arguments"]]),))
        client.is_in_message = True
        mail.clear()
    elif letter == "L":
        blank = "" if fields["value"].startswith(" ") else " "
        mail.append(f"{fields['name']}:{blank}{fields['value']}".replace("\n", "\r\n").encode() + b"\r\n")
    elif letter == "N":
        mail.append(b"\r\n")
    elif letter == "B":
        mail.append(base64.b64decode(fields["chunk_base64"]) if "chunk_base64" in fields else fields["chunk"].encode())
    elif letter == "E":
        client.said.append(("DATA", b"".join(mail)))
        client.is_in_message = False


def talk(client, port):
    """Says it again. What Postfix refuses is refused; a client that was gone in the middle is gone again."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        stream = sock.makefile("rb")

        def say(data):
            sock.sendall(data)
            while (line := stream.readline())[3:4] == b"-":
                pass
            return line

        say(b"")
        if client.address != "127.0.0.1" or client.login:
            say(b"EHLO client.example.com\r\n")
            words = [f"NAME={client.host}", f"ADDR={client.address}"]
            words += [f"PORT={client.port}"] if client.port else []
            words += [f"LOGIN={client.login}"] if client.login else []
            answer = say(f"XCLIENT {' '.join(words)}\r\n".encode())
            assert answer.startswith(b"220"), answer
        say(f"EHLO {client.helo or client.host if client.host != 'unknown' else 'client.example.com'}\r\n".encode())
        for line, *message in client.said:
            answer = say(line.encode() + b"\r\n")
            if message and answer.startswith(b"354"):
                say(re.sub(rb"(?m)^\.", b"..", message[0]) + (b"" if message[0].endswith(b"\r\n") else b"\r\n") + b".\r\n")
        if not client.is_in_message:
            say(b"QUIT\r\n")


def wait_until(condition, what):
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(what)
        time.sleep(0.02)


def is_quiet(*ports):
    """Whether no TCP connection from or to one of these ports is open, in either direction."""
    # sl, local address and port, those of the peer, state: TIME_WAIT, CLOSE and LISTEN are no connection (any more)
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, state = line.split()[:4]
        if state not in ("06", "07", LISTENS) and {int(end.split(":")[1], 16) for end in (here, there)} & set(ports):
            return False
    return True


def begin_recording(replay, out, port, to):
    """What ends it. @port: Postfix connects to it; @to: the milter's, which is the same but for a trace."""
    if out.suffix == ".trace":
        return Recorder(lambda _: replay, out.parent, f"inet:{to}@127.0.0.1", "--force", listen=f"inet:{port}@127.0.0.1", file=out).stop
    command = {".pcap": ["tcpdump", "-i", "lo", "-U", "-s", "0", "-Z", "root", "-w", out, "tcp", "port", str(port)],
               ".pcapng": ["dumpcap", "-q", "-i", "lo", "-s", "0", "-w", out, "-f", f"tcp port {port}"]}[out.suffix]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not (out.exists() and out.stat().st_size > 0):
        assert process.poll() is None and time.monotonic() < end, f"{command[0]} does not capture"
        time.sleep(0.1)
    # the heading stands there before the first packet is looked at
    time.sleep(1)

    def stop():
        # what has passed is on its way to the file
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        return process.wait(timeout=60)

    return stop


def record(replay, folder, name, milter):
    clients = read_clients(replay, CAPTURES / name)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="record-", ignore_cleanup_errors=True) as work:
        process = subprocess.Popen([str(ROOT / "scenarios/real/start.sh"), milter, f"inet:{port}@127.0.0.1", work], start_new_session=True)
        try:
            end = time.monotonic() + 60
            while not listens_on_port(port):
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"{name}: the milter {milter} does not start")
                time.sleep(0.1)
            place = free_port() if name.endswith(".trace") else port
            with Postfix(settings=["smtpd_authorized_xclient_hosts=127.0.0.0/8", "mynetworks=0.0.0.0/0"], milter=f"inet:127.0.0.1:{place}") as mta:
                stop = begin_recording(replay, folder / name, place, port)
                for client in clients:
                    talk(client, mta.ports["milter"])
                # Postfix tells the milter when its client has gone already
                wait_until(lambda: is_quiet(place, port), f"{name}: Postfix does not let go of the milter")
                stop()
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    return len(clients)


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    if why_not() is not None:
        raise SystemExit(why_not())
    replay = str(pathlib.Path(sys.argv[1]).resolve() / "tools/milter-replay/milter-replay")
    folder = pathlib.Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    rows = {row[1]: row for row in ROW.finditer((CAPTURES / "README.md").read_text())}
    unknown = [name for name in sys.argv[3:] if name not in rows]
    if unknown:
        raise SystemExit(f"{unknown[0]}: there is no such recording in {CAPTURES}")
    for name in sys.argv[3:] or rows:
        n = record(replay, folder, name, rows[name][2])
        out = folder / name
        ignored = ["--ignore", rows[name][3]] if rows[name][3] else []
        subprocess.run([replay, "convert", out, "-o", out.with_suffix(".scenario"), "--force", *ignored], check=True)
        compared = subprocess.run([replay, "compare", CAPTURES / name, out, "--ignore", ",".join([ALWAYS_NEW, *ignored[1:]])],
                                  capture_output=True, text=True)
        print(f"{name}: {n} client{'' if n == 1 else 's'}; {(compared.stdout.splitlines() or [compared.stderr])[-1]}", flush=True)


main()

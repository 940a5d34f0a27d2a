# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-replay record: it passes on what is said as if it were not there, and writes all of it down."""

import os
import pathlib
import re
import resource
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

import pytest

from fakemilter import RESET, SILENT, FakeMilter
from listening import listens
from milterwire import OFFER, SESSION, Mta, connect, frame
from recorder import Recorder, bare

QUICKSTART = pathlib.Path(__file__).resolve().parents[2] / "scenarios/quickstart"
BEGIN = ["session", "negotiate version=6 actions=all steps=all", "=> negotiate version=6 actions=all steps=none",
         'connect client.example 192.0.2.7 port=25', "=> continue"]


@pytest.fixture
def record(tool, tmp_path):
    """record(TO, OPTION…): a running recorder that ends with the test."""
    recorders = []

    def begin(to, *options, **more):
        recorders.append(Recorder(tool, tmp_path, to, *options, **more))
        return recorders[-1]

    yield begin
    for one in recorders:
        if one.process.poll() is None:
            one.kill()


@pytest.fixture
def refused(tool, tmp_path):
    """refused(OPTION…): what it says when it does not begin."""

    def run(*options):
        done = subprocess.run([tool("milter-replay"), "record", *map(str, options)], text=True, capture_output=True,
                              timeout=60, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        return done.stderr

    return run


def wait_until(condition, what="it"):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.005)


def memory_kib(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


# --- what is recorded ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("over", ["unix", "inet"])
def test_the_trace_is_what_the_milter_saw_and_is_played(record, client, play, tmp_path, over):
    milter = client("--trace", tmp_path / "milter.trace", "-q",
                    spec="inet:0@127.0.0.1" if over == "inet" else None)
    recorder = record(milter.spec, listen=f"unix:{tmp_path}/r.sock" if over == "unix" else "inet:0@127.0.0.1")
    assert play("-s", recorder.spec, QUICKSTART, "--jobs", "1").returncode in (0, 1)
    assert recorder.stop() == 0
    assert milter.stop() == 0
    recorded, seen = recorder.file.read_text(), (tmp_path / "milter.trace").read_text()
    assert recorded.count(" session ") == seen.count(" session ") > 1
    for n in range(1, seen.count(" session ") + 1):
        assert bare(recorded, n) == bare(seen, n)
    again = client("-q")
    assert play("-s", again.spec, recorder.file).returncode == 0


def test_a_capture_of_the_same_traffic_is_the_same(record, tool, client, play, tmp_path):
    milter = client("-q")
    inner = record(milter.spec)
    outer = record(inner.spec, file=tmp_path / "outer.pcap")
    assert play("-s", outer.spec, QUICKSTART / ".." / "quickstart", "--jobs", "1").returncode in (0, 1)
    assert outer.stop() == 0 and inner.stop() == 0
    shown = subprocess.run([tool("milter-replay"), "show", outer.file], check=True, capture_output=True, text=True)
    for n in range(1, shown.stdout.count(" session ") + 1):
        assert bare(inner.file.read_text(), n) == bare(shown.stdout, n)
    assert shown.stderr == ""


def test_connections_have_numbers_times_and_addresses(record, fake, tmp_path):
    milter = fake(tcp=True)
    recorder = record(milter.spec)
    with Mta(recorder.spec) as one, Mta(recorder.spec) as two:
        one.ask(b"O", OFFER)
        two.ask(b"O", OFFER)
        port = one.sock.getsockname()[1]
    assert recorder.stop() == 0
    trace = recorder.file.read_text()
    assert f" @1 session from=127.0.0.1:{port} to=127.0.0.1:{milter.spec[5:].partition('@')[0]}\n" in trace
    assert bare(trace, 1) == bare(trace, 2) == BEGIN[:3] + ["close"]
    for n in "12":
        times = [float(line.split()[0]) for line in trace.splitlines() if f" @{n} " in line]
        assert times == sorted(times) and 0 <= times[0] <= times[-1] < 20
    assert trace.startswith("start 20")


# --- nothing is changed, and nothing waits ---------------------------------------------------------------------

def test_bytes_go_on_one_by_one(record, fake):
    milter = fake(tcp=True)
    recorder = record(milter.spec)
    with Mta(recorder.spec) as mta:
        data = b"".join(frame(*one) for one in SESSION[:2])
        mta.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for n in range(len(data)):
            mta.sock.sendall(data[n:n + 1])
            time.sleep(0.001)
        assert mta.read()[0] == b"O" and mta.read()[0] == b"c"
    assert recorder.stop() == 0
    assert recorder.lines() == BEGIN + ["close"]


def test_half_a_frame_is_passed_on_while_the_rest_is_missing(record, tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))
    recorder = record(f"inet:{listener.getsockname()[1]}@127.0.0.1")
    with Mta(recorder.spec) as mta:
        sock, _ = listener.accept()
        sock.settimeout(60)
        mta.sock.sendall(b"\0\0\0\x0dO\0\0")
        assert sock.recv(100) == b"\0\0\0\x0dO\0\0"
        sock.sendall(b"\0\0\0")
        assert mta.sock.recv(100) == b"\0\0\0"
        sock.close()
    listener.close()


@pytest.mark.parametrize("over", ["inet", "unix"])
def test_the_end_of_one_side_leaves_the_other_one_speaking(record, tmp_path, over):
    if over == "inet":
        listener = socket.create_server(("127.0.0.1", 0))
        to, listen = f"inet:{listener.getsockname()[1]}@127.0.0.1", "inet:0@127.0.0.1"
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "m"))
        listener.listen()
        to, listen = f"unix:{tmp_path}/m", f"unix:{tmp_path}/r"
    recorder = record(to, listen=listen)
    with Mta(recorder.spec) as mta:
        sock, _ = listener.accept()
        sock.settimeout(60)
        mta.send(*SESSION[0])
        mta.sock.shutdown(socket.SHUT_WR)
        data = b""
        while more := sock.recv(100):
            data += more
        assert data == frame(*SESSION[0])
        sock.sendall(frame(b"c"))
        assert mta.read() == (b"c", b"")
        sock.close()
        assert mta.is_closed()
    listener.close()
    assert recorder.stop() == 0
    assert recorder.lines()[1:] == [BEGIN[1], "=> continue", "close"]


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_a_reset_is_a_reset_on_the_other_side(record, fake):
    listener = socket.create_server(("127.0.0.1", 0))
    recorder = record(f"inet:{listener.getsockname()[1]}@127.0.0.1")
    mta = Mta(recorder.spec)
    sock, _ = listener.accept()
    sock.settimeout(60)
    mta.send(*SESSION[0])
    assert sock.recv(100)
    reset(mta.sock)
    with pytest.raises(ConnectionResetError):
        assert sock.recv(100)
    listener.close()

    milter = fake({"C": RESET}, tcp=True)
    other = record(milter.spec, file=recorder.folder / "other.trace")
    with Mta(other.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.send(*SESSION[1])
        with pytest.raises(ConnectionResetError):
            assert mta.sock.recv(100)
    assert recorder.stop() == 0 and other.stop() == 0
    assert recorder.lines()[-1] == "reset"
    assert other.lines()[-1] == "=> reset"


@pytest.mark.parametrize("side", ["mta", "milter"])
def test_a_connection_that_ends_at_any_byte_harms_no_other(record, fake, side):
    data = b"".join(frame(*one) for one in SESSION[:4])
    answer = frame(b"O", struct.pack(">III", 6, 0, 0)) + frame(b"c")
    pieces = data if side == "mta" else answer
    listener = socket.create_server(("127.0.0.1", 0))
    recorder = record(f"inet:{listener.getsockname()[1]}@127.0.0.1")
    for n in range(0, len(pieces), 3):
        with Mta(recorder.spec) as mta:
            sock, _ = listener.accept()
            one, other = (mta.sock, sock) if side == "mta" else (sock, mta.sock)
            other.settimeout(60)
            one.sendall(pieces[:n])
            if n % 2:
                one.close()
            else:
                one.shutdown(socket.SHUT_RDWR)
            got = b""
            while more := other.recv(1000):
                got += more
            assert got == pieces[:n]
            other.close()
    listener.close()
    wait_until(lambda: len(os.listdir(f"/proc/{recorder.process.pid}/fd")) < 14, "closing")
    assert recorder.stop() == 0
    assert recorder.file.read_text().count(" session ") == len(range(0, len(pieces), 3))


@pytest.mark.parametrize("over", ["inet", "unix"])
def test_a_side_that_does_not_read_stops_the_other_one_and_fills_no_memory(record, tmp_path, over):
    if over == "inet":
        listener = socket.create_server(("127.0.0.1", 0))
        to, listen = f"inet:{listener.getsockname()[1]}@127.0.0.1", "inet:0@127.0.0.1"
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "m"))
        listener.listen()
        to, listen = f"unix:{tmp_path}/m", f"unix:{tmp_path}/r"
    recorder = record(to, listen=listen, file=tmp_path / "big.pcap")
    body = frame(b"B", bytes(range(256)) * 250)
    count, sent = 1000, 0
    with Mta(recorder.spec) as mta:
        sock, _ = listener.accept()
        sock.settimeout(60)
        before = memory_kib(recorder.process)

        def send_all():
            nonlocal sent
            for _ in range(count):
                mta.sock.sendall(body)
                sent += 1
            mta.sock.shutdown(socket.SHUT_WR)

        mta.sock.settimeout(60)
        thread = threading.Thread(target=send_all)
        thread.start()
        seen = -1
        while seen != sent:
            seen = sent
            time.sleep(0.3)
        assert sent < count
        # AddressSanitizer keeps what is freed for a while
        assert memory_kib(recorder.process) - before < 100 << 10
        got = 0
        while more := sock.recv(1 << 20):
            assert more[:4096] in body * 3 or len(more) < 4096
            got += len(more)
        thread.join(60)
        assert (sent, got) == (count, count * len(body))
        sock.close()
    listener.close()
    assert recorder.stop() == 0


def test_no_delay_is_added_to_one_who_writes_in_two_pieces(record, fake):
    milter = fake(tcp=True)
    recorder = record(milter.spec)
    with Mta(recorder.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.ask(*SESSION[1])
        took = []
        for _ in range(40):
            began = time.monotonic()
            data = frame(b"H", b"x\0")
            mta.sock.sendall(data[:4])
            mta.sock.sendall(data[4:])
            assert mta.read() == (b"c", b"")
            took.append(time.monotonic() - began)
        # Nagle's algorithm and a delayed acknowledgement would make each of them 40 ms, but for the first ones
        assert min(took[20:]) < 0.035
    assert recorder.stop() == 0


# --- what a kill leaves ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("n", range(1, len(SESSION)))
@pytest.mark.parametrize("answers", [None, SILENT], ids=["answered", "unanswered"])
def test_a_recorder_that_is_killed_has_written_all_that_passed(record, fake, play, n, answers):
    commands = SESSION[:n]
    silent = commands[-1][0].decode()
    milter = fake({silent: answers} if answers is not None else None, tcp=True)
    recorder = record(milter.spec)
    with Mta(recorder.spec) as mta:
        for letter, payload in commands[:-1]:
            mta.ask(letter, payload)
        mta.send(*commands[-1])
        if answers is None:
            assert mta.read() is not None
        wait_until(lambda: len(milter.frames) == n, "passing on")
        # the frame has left us before it is written down
        wait_until(lambda: len(recorder.lines()) >= 1 + 2 * n - (answers is not None), "writing")
        recorder.kill()
        trace = recorder.file.read_text()
        assert play("--list", recorder.file).returncode == 0
        said = [line for line in bare(trace)[1:] if not line.startswith("=>")]
        assert len(said) == n
        assert len(bare(trace)) == 1 + 2 * n - (answers is not None)


def test_an_mta_that_sends_ahead_has_all_of_it_in_the_file(record, fake, play):
    milter = fake({letter: SILENT for letter in "HMRTL"}, tcp=True)
    recorder = record(milter.spec)
    with Mta(recorder.spec) as one, Mta(recorder.spec) as two:
        for mta in (one, two):
            mta.sock.sendall(b"".join(frame(*some) for some in SESSION[:7]))
        wait_until(lambda: len(milter.frames) == 14, "passing on")
        wait_until(lambda: all(recorder.file.read_text().count(f" @{n} frame L ") == 1 for n in (1, 2)), "writing")
        # what is not answered yet is written down as frames
        wait_until(lambda: all(bare(recorder.file.read_text(), n)[:5] == BEGIN for n in (1, 2)), "answers")
        recorder.kill()
    trace = recorder.file.read_text()
    for n in (1, 2):
        assert bare(trace, n)[:5] == BEGIN
        assert [line for line in bare(trace, n)[5:] if not line.startswith("=>")] == [
            'frame H "helo.example\\0"', 'frame M "<alice@example.com>\\0SIZE=100\\0"', 'frame R "<bob@example.net>\\0"',
            "frame T", 'frame L "Subject\\0test\\0"']
    assert play("--list", recorder.file).returncode == 0


def test_a_killed_capture_ends_with_a_whole_packet(record, fake, tool, tmp_path):
    milter = fake({"H": SILENT}, tcp=True)
    recorder = record(milter.spec, file=tmp_path / "killed.pcap")
    with Mta(recorder.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.send(*SESSION[2])
        wait_until(lambda: len(milter.frames) == 2, "passing on")
        wait_until(lambda: b"helo.example" in recorder.file.read_bytes(), "writing")
        recorder.kill()
    shown = subprocess.run([tool("milter-replay"), "show", recorder.file], capture_output=True, text=True, check=True)
    assert bare(shown.stdout) == BEGIN[:3] + ['frame H "helo.example\\0"'] and shown.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_everything_written(record, fake, number):
    milter = fake({"H": SILENT}, tcp=True)
    recorder = record(milter.spec, stdout=subprocess.PIPE)
    with Mta(recorder.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.send(*SESSION[2])
        wait_until(lambda: len(milter.frames) == 2, "passing on")
        assert recorder.stop(number) == 0
        assert mta.is_closed()
    assert recorder.lines() == BEGIN[:3] + ['frame H "helo.example\\0"']
    assert recorder.file.read_text().endswith('"\n')
    out = recorder.process.stdout.read().decode().splitlines()
    assert out == [f"listening on {recorder.spec}", "recorded 1 connection: 35 bytes of the MTA, 17 of the milter"]


# --- what goes wrong -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("over", ["inet", "unix"])
def test_a_milter_that_is_not_there_is_told_and_recorded(record, fake, tmp_path, over):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    to = f"inet:{port}@127.0.0.1" if over == "inet" else f"unix:{tmp_path}/nobody"
    recorder = record(to)
    with Mta(recorder.spec) as mta:
        assert mta.is_closed()
    # it is there later
    milter = FakeMilter(tmp_path / "nobody") if over == "unix" else None
    if milter is not None:
        with milter, Mta(recorder.spec) as mta:
            mta.ask(b"O", OFFER)
        # the answer has left us before it is written down
        wait_until(lambda: bare(recorder.file.read_text(), 2)[1:3] == BEGIN[1:3], "writing it down")
    assert recorder.stop() == 3
    lines = recorder.lines()
    assert lines[0] == "session" and lines[-1] == "=> closed"
    assert "connection 1: cannot connect to <" in recorder.err.read_text()
    assert "the MTA's is closed" in recorder.err.read_text()


@pytest.mark.parametrize("file", ["/dev/full", "limited.trace", "limited.pcap"])
def test_mail_goes_on_when_the_disk_is_full(record, fake, tmp_path, play, file):
    milter = fake(tcp=True)

    def limit():
        if file != "/dev/full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

    recorder = record(milter.spec, file=file if file == "/dev/full" else tmp_path / file, preexec_fn=limit, stdout=subprocess.PIPE)
    for _ in range(3):
        with Mta(recorder.spec) as mta:
            mta.begin(b"<bob@example.net>")
            mta.ask(b"B", b"x" * 2000)
            mta.send(b"Q")
            assert mta.is_closed()
    assert recorder.process.poll() is None
    told = recorder.err.read_text()
    assert told.count("cannot be written") == 1 and "the traffic goes on" in told
    assert recorder.stop() == 2
    assert re.search(rb"^passed on 3 connections: \d+ bytes of the MTA, \d+ of the milter; not all of it was recorded$",
                     recorder.process.stdout.read(), re.M)
    if file == "limited.trace":
        assert recorder.file.read_text().endswith("\n")
        assert play("--list", recorder.file).returncode == 0


def test_a_reader_that_stops_reading_stops_no_mail(record, fake, tmp_path):
    milter = fake(tcp=True)
    recorder = record(milter.spec, file="-", stdout=subprocess.PIPE)
    with Mta(recorder.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.ask(*SESSION[1])
        for _ in range(20):
            mta.ask(b"B", b"y" * 60000)
        mta.send(b"Q")
        assert mta.is_closed()
    recorder.process.send_signal(signal.SIGTERM)
    out = recorder.process.stdout.read().decode()
    assert recorder.wait() == 0
    assert len(bare(out)) == 5 + 40 + 2
    assert "listening on" not in out and "listening on" in recorder.err.read_text()


def test_a_reader_that_has_gone_is_told(record, fake):
    milter = fake(tcp=True)
    recorder = record(milter.spec, file="-", stdout=subprocess.PIPE)
    recorder.process.stdout.close()
    with Mta(recorder.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.ask(*SESSION[1])
    assert recorder.stop() == 2
    assert "the standard output cannot be written: Broken pipe" in recorder.err.read_text()


# --- options ---------------------------------------------------------------------------------------------------

def test_an_old_recording_is_kept(record, refused, fake, tmp_path):
    milter = fake(tcp=True)
    old = tmp_path / "old.trace"
    old.write_text("precious\n" * 1000)
    err = refused("-l", "inet:0@127.0.0.1", "-t", milter.spec, "-o", old)
    assert "is there already; --force replaces it" in err
    assert old.read_text() == "precious\n" * 1000
    recorder = record(milter.spec, "--force", file=old)
    assert recorder.stop() == 0
    assert old.read_text().splitlines()[1:] == ["mta exact"]


def test_a_recording_is_for_its_owner_alone(record, fake):
    recorder = record(fake().spec)
    assert stat.S_IMODE(recorder.file.stat().st_mode) == 0o600
    assert recorder.stop() == 0


def test_an_old_socket_is_replaced_and_removed_at_the_end(record, fake, tmp_path):
    old = socket.socket(socket.AF_UNIX)
    old.bind(str(tmp_path / "r"))
    old.close()
    recorder = record(fake().spec, "--unix-socket-mode", "600", "--unix-socket-group", "0", listen=f"unix:{tmp_path}/r")
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o600
    assert recorder.stop() == 0
    assert not (tmp_path / "r").exists()


def test_what_others_use_is_left_alone(refused, fake, tmp_path):
    milter, live = fake(), fake()
    (tmp_path / "file").write_text("text")
    assert "somebody listens on it already" in refused("-l", live.spec, "-t", milter.spec, "-o", "x.trace")
    assert "not a socket" in refused("-l", f"unix:{tmp_path}/file", "-t", milter.spec, "-o", "x.trace")
    assert (tmp_path / "file").read_text() == "text"
    assert listens(live.spec.partition(":")[2])
    assert not (tmp_path / "x.trace").exists()


@pytest.mark.parametrize("options, message", [
    ([], "--listen SPEC is missing"),
    (["-l", "inet:0"], "--to SPEC is missing"),
    (["-l", "inet:0", "-t", "inet:1"], "-o FILE is missing"),
    (["-l", "inet:99999", "-t", "inet:1", "-o", "x"], "-l: "),
    (["-l", "inet:0", "-t", "nonsense", "-o", "x"], "-t: "),
    (["-l", "inet:25", "-t", "inet:25", "-o", "x"], "is where it listens itself"),
    (["-l", "inet:0", "-t", "inet:1", "-o", "x", "--format", "text"], "is neither trace nor pcap"),
    (["-l", "inet:0", "-t", "inet:1", "-o", "x", "y"], "one argument too many"),
    (["-l", "inet:0", "-t", "inet:1", "-o", "missing/x"], "cannot be written"),
    (["-l", "inet:0", "-t", "inet:1", "-o", "x", "--max-connections", "0"], "--max-connections: "),
    (["-l", "inet:0", "-t", "inet:1", "-o", "x", "--timeout", "soon"], "--timeout: "),
    (["-l", "inet:0", "-t", "inet:1", "-o", "x", "--sessions", "-1"], "--sessions: "),
    (["-l", "inet:0", "-t", "inet:1", "-o", "x", "--unix-socket-mode", "9"], "is no mode"),
    (["-l", "unix:s", "-t", "inet:1", "-o", "x", "--unix-socket-group", "nobody knows"], "there is no group"),
])
def test_wrong_usage_is_told_and_leaves_nothing(refused, tmp_path, options, message):
    assert message in refused(*options)
    assert list(tmp_path.iterdir()) == []


def test_it_ends_after_so_many_sessions(record, fake):
    milter = fake(tcp=True)
    recorder = record(milter.spec, "--sessions", 2)
    with Mta(recorder.spec) as one, Mta(recorder.spec) as two:
        one.ask(b"O", OFFER)
        two.ask(b"O", OFFER)
        one.sock.close()
        assert recorder.process.poll() is None
        two.ask(*SESSION[1])
    assert recorder.wait() == 0
    assert recorder.file.read_text().count(" session ") == 2


def test_a_silent_connection_is_closed_when_asked_for(record, fake, clock):
    milter = fake({"H": clock.start}, tcp=True)
    recorder = record(milter.spec, "--timeout", "300ms", env=clock.environment)
    with Mta(recorder.spec) as mta:
        mta.ask(b"O", OFFER)
        for _ in range(6):
            clock.move_on(ms=100)
            mta.ask(*SESSION[1])
        mta.send(*SESSION[2])
        assert mta.is_closed()
    assert recorder.stop() == 0
    assert "connection 1: nothing has passed for 300" in recorder.err.read_text()
    assert recorder.lines()[-2:] == ['frame H "helo.example\\0"', "close"]


def test_more_connections_than_allowed_wait(record, fake):
    milter = fake(tcp=True)
    recorder = record(milter.spec, "--max-connections", 2)
    with Mta(recorder.spec) as one, Mta(recorder.spec) as two, Mta(recorder.spec) as three:
        one.ask(b"O", OFFER)
        two.ask(b"O", OFFER)
        three.send(b"O", OFFER)
        three.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            three.sock.recv(1)
        three.sock.settimeout(60)
        one.sock.close()
        assert three.read()[0] == b"O"
    assert recorder.stop() == 0


def test_many_connections_at_once(record, fake):
    milter = fake(tcp=True)
    recorder = record(milter.spec)
    mtas = [Mta(recorder.spec, timeout=60) for _ in range(250)]
    for mta in mtas:
        mta.send(b"O", OFFER)
    for mta in mtas:
        assert mta.read()[0] == b"O"
    for mta in mtas:
        mta.sock.close()
    assert recorder.stop() == 0
    trace = recorder.file.read_text()
    for n in range(1, 251):
        assert bare(trace, n)[:3] == BEGIN[:3]

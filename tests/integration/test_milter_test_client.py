# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-test-client against MTAs of raw frames: what it prints, what it refuses, how it ends."""

import os
import pathlib
import re
import resource
import signal
import socket
import struct
import subprocess
import time

import pytest

from milterwire import CONNECT, OFFER, SESSION, Mta, connect, frame


def run(tool, *options, **more):
    return subprocess.run([tool("milter-test-client"), *options], capture_output=True, text=True, timeout=60, **more)


# What it prints.


def test_every_event_is_shown_with_its_macros(client):
    one = client()
    with Mta(one.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.send(b"D", b"Cj\0mx.example\0{daemon_name}\0smtpd\0")
        mta.ask(b"C", CONNECT)
        mta.ask(b"H", b"helo.example\0")
        mta.send(b"D", b"M{mail_addr}\0alice@example.com\0")
        mta.ask(b"M", b"<alice@example.com>\0SIZE=100\0BODY=8BITMIME\0")
        mta.ask(b"R", b"<bob@example.net>\0")
        mta.ask(b"U", b"FOO bar\0")
        mta.ask(b"T")
        mta.ask(b"L", b"Subject\0folded\n\tvalue\0")
        mta.ask(b"N")
        mta.ask(b"B", b"one\r\ntwo \x1b[31m\0\r\n")
        mta.ask(b"E", b"last")
        mta.ask(b"M", b"<>\0")
        mta.send(b"A")
        mta.send(b"Q")
        assert mta.is_closed()
    assert one.stop() == 0
    lines = one.out.read_text().split("\n", 2)
    assert lines[0] == f"listening on {one.spec}"
    assert re.fullmatch(r"negotiate: version=<6>, action=<add-headers\|.*>, step=<no-connect\|.*>", lines[1])
    assert lines[2] == """connect: host=<client.example>, address=<inet:25@[192.0.2.7]>
macros:
  daemon_name=smtpd
  j=mx.example
helo: <helo.example>
envelope-from: <alice@example.com> SIZE=100 BODY=8BITMIME
macros:
  mail_addr=alice@example.com
envelope-recipient: <bob@example.net>
unknown: <FOO bar>
data
header: <Subject: folded
\tvalue>
end-of-header
body: <one
two \\x1b[31m\\x00
>
end-of-message: <last>
envelope-from: <>
abort
finished
"""
    assert one.err.read_text() == ""


def test_everything_is_answered_and_nothing_asked_away(client):
    with Mta(client("-q").spec) as mta:
        letter, payload = mta.ask(b"O", OFFER)[0]
        version, actions, steps = struct.unpack(">III", payload[:12])
        assert (letter, version, actions, steps) == (b"O", 6, 0x1FF, 0x400)
        for letter, payload in SESSION[1:-1]:
            assert mta.ask(letter, payload) == [(b"c", b"")]


def test_quiet_prints_no_event(client):
    one = client("-q")
    with Mta(one.spec) as mta:
        mta.begin(b"<b>")
        mta.send(b"Q")
        assert mta.is_closed()
    assert one.stop() == 0
    assert one.out.read_text() == f"listening on {one.spec}\n"


def test_a_real_port_is_printed(client):
    one = client(spec="inet:0@127.0.0.1")
    assert re.fullmatch(r"inet:[1-9][0-9]*@\[127\.0\.0\.1\]", one.spec)
    with Mta(one.spec) as mta:
        assert mta.ask(b"O", OFFER)[0][0] == b"O"


def test_a_whole_session_in_one_write_and_byte_by_byte(client):
    one = client("-q")
    session = b"".join(frame(*step) for step in SESSION)
    for cut in (len(session), 1):
        with Mta(one.spec) as mta:
            for at in range(0, len(session), cut):
                mta.sock.sendall(session[at:at + cut])
            letters = []
            while (reply := mta.read()) is not None:
                letters.append(reply[0])
            assert letters == [b"O"] + [b"c"] * 9


def test_sessions_of_several_threads_are_told_apart(client):
    one = client("-q", "--n-workers", "4")
    mtas = [Mta(one.spec) for _ in range(50)]
    for letter, payload in SESSION[:-1]:
        for mta in mtas:
            mta.send(letter, payload)
        for mta in mtas:
            assert mta.read()[0] == (b"O" if letter == b"O" else b"c")
    for mta in mtas:
        mta.send(b"Q")
        assert mta.is_closed()
        mta.sock.close()


# What it is sent that nobody should send.

MALFORMED = {
    "length 0": b"\0\0\0\0",
    "length 2^32-1": b"\xff\xff\xff\xffC",
    "length 2^31": b"\x80\0\0\0C",
    "one byte too long": struct.pack(">I", 65537) + b"B",
    "unknown letter": b"\0\0\0\1Z",
    "HTTP": b"GET / HTTP/1.0\r\n\r\n",
    "SMTP": b"EHLO client.example\r\n",
    "connect without payload": frame(b"C"),
    "connect without NUL": frame(b"C", b"host"),
    "path of 300 bytes": frame(b"C", b"host\0L\0\0" + b"p" * 300 + b"\0"),
    "path of 60000 bytes": frame(b"C", b"host\0L\0\0" + b"p" * 60000 + b"\0"),
    "bad IPv4 address": frame(b"C", b"host\0" + b"4\0\x19999.0.0.1\0"),
    "rcpt without mail": frame(b"R", b"<b>\0"),
    "short offer": frame(b"O", b"\0\0\0\6"),
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("negotiated", [False, True])
def test_malformed_input_ends_that_connection_only(client, name, negotiated):
    one = client()
    with Mta(one.spec) as other, Mta(one.spec) as mta:
        other.ask(b"O", OFFER)
        if negotiated:
            mta.ask(b"O", OFFER)
        mta.sock.sendall(MALFORMED[name])
        # a second offer is passed over as libmilter does it
        if not (negotiated and name == "short offer"):
            assert mta.is_closed()
        assert other.ask(b"C", CONNECT) == [(b"c", b"")]
    assert one.stop() == 0
    errors = one.err.read_text().splitlines()
    assert len(errors) == 1 and errors[0].startswith("milter-test-client: connection from "), errors


def test_a_peer_may_vanish_at_every_byte(client):
    one = client("--n-workers", "2")
    session = b"".join(frame(*step) for step in SESSION)
    for size in range(len(session) + 1):
        sock = connect(one.spec)
        sock.sendall(session[:size])
        if size % 2 and one.spec.startswith("inet"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    with Mta(one.spec) as mta:
        mta.begin(b"<b>")


def test_a_peer_may_reset_at_every_byte(client):
    one = client(spec="inet:0@127.0.0.1")
    session = b"".join(frame(*step) for step in SESSION)
    for size in range(0, len(session) + 1, 3):
        sock = connect(one.spec)
        sock.sendall(session[:size])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    with Mta(one.spec) as mta:
        mta.begin(b"<b>")


def test_descriptors_do_not_leak(client):
    one = client("-q", "--n-workers", "3")

    def count():
        return len(list(pathlib.Path(f"/proc/{one.process.pid}/fd").iterdir()))

    before = count()
    for _ in range(200):
        connect(one.spec).close()
    with Mta(one.spec) as mta:
        mta.begin(b"<b>")
        mta.send(b"Q")
        assert mta.is_closed()
    end = time.monotonic() + 60
    while count() > before and time.monotonic() < end:
        time.sleep(0.02)
    assert count() <= before


# How it ends.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_and_removes_the_socket(client, tmp_path, number):
    one = client(spec=f"unix:{tmp_path}/m.sock")
    with Mta(one.spec) as idle:
        idle.ask(b"O", OFFER)
        assert one.stop(number) == 0
        assert idle.is_closed()
    assert not (tmp_path / "m.sock").exists()


def test_a_message_that_is_under_way_is_finished_first(client):
    one = client("-q")
    with Mta(one.spec) as mta:
        mta.begin(b"<b>")
        one.process.send_signal(signal.SIGTERM)
        # as soon as it knows
        wait_until_it_listens_no_more(one.spec)
        for letter, payload in SESSION[5:10]:
            assert mta.ask(letter, payload) == [(b"c", b"")]
        assert mta.is_closed()
    assert one.process.wait(timeout=60) == 0


def wait_until_it_listens_no_more(spec):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            connect(spec).close()
        except OSError:
            return
        time.sleep(0.01)
    raise AssertionError("it listens still")


@pytest.mark.parametrize("second, later_ms", [(signal.SIGINT, 0), (signal.SIGHUP, 1000)])
def test_signals_that_come_together_are_one(client, clock, second, later_ms):
    """timeout(1) sends its signal to the process and to its group; a terminal that closes sends SIGHUP as often as it likes."""
    one = client("-q", env=clock.environment)
    with Mta(one.spec) as mta:
        mta.begin(b"<b>")
        one.process.send_signal(signal.SIGTERM)
        wait_until_it_listens_no_more(one.spec)
        clock.move_on(later_ms)
        one.process.send_signal(second)
        for letter, payload in SESSION[5:10]:
            assert mta.ask(letter, payload) == [(b"c", b"")]
        assert mta.is_closed()
    assert one.process.wait(timeout=60) == 0


@pytest.mark.parametrize("first, second", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM),
                                           (signal.SIGHUP, signal.SIGINT)])
def test_a_second_signal_ends_it_at_once(client, clock, first, second):
    one = client("-q", env=clock.environment)
    with Mta(one.spec) as mta:
        mta.begin(b"<b>")
        one.process.send_signal(first)
        wait_until_it_listens_no_more(one.spec)
        clock.move_on(ms=1000)
        one.process.send_signal(second)
        assert one.process.wait(timeout=60) == -second


def test_who_was_told_to_pass_over_hangups_does(client):
    one = client("-q", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    one.process.send_signal(signal.SIGHUP)
    with Mta(one.spec) as mta:
        assert mta.begin(b"<b>") == [[(b"c", b"")]]


def test_it_ends_after_so_many_sessions(client):
    one = client("-q", "--sessions", "2")
    for _ in range(2):
        with Mta(one.spec) as mta:
            mta.begin(b"<b>")
            mta.send(b"Q")
            assert mta.is_closed()
    assert one.process.wait(timeout=60) == 0


def test_a_stale_socket_is_replaced_a_live_one_is_not(client, tool, tmp_path):
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "m.sock"))
    stale.close()
    one = client(spec=f"unix:{tmp_path}/m.sock")
    second = run(tool, "-s", one.spec)
    assert second.returncode == 2
    assert len(second.stderr.splitlines()) == 1
    with Mta(one.spec) as mta:
        mta.begin(b"<b>")


def test_a_file_that_is_no_socket_is_never_removed(tool, tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    done = run(tool, "-s", f"unix:{path}")
    assert done.returncode == 2
    assert path.read_text() == "data"


def test_a_socket_on_which_nobody_can_listen_is_told_and_removed(tool, tmp_path):
    """listen() may fail where bind() did not: the file is there by then."""
    path = tmp_path / "m.sock"
    try:
        done = subprocess.run(["strace", "-f", "-o", tmp_path / "calls", "-e", "inject=listen:error=ENOBUFS",
                               tool("milter-test-client"), "-s", f"unix:{path}"], capture_output=True, text=True, timeout=60,
                              # it does not work under a tracer
                              env=dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"))
    except FileNotFoundError:
        pytest.skip("strace is not installed")
    if "PTRACE" in done.stderr or "attach" in done.stderr:
        pytest.skip("strace may not look at a process here")
    assert done.returncode == 2, done.stderr
    assert str(path) in done.stderr and "listen" in done.stderr and "No buffer space" in done.stderr
    assert not path.exists()


def test_the_socket_has_the_mode_that_was_asked_for(client, tmp_path):
    client("--unix-socket-mode", "600", spec=f"unix:{tmp_path}/m.sock")
    assert (tmp_path / "m.sock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("workers", [1, 4])
def test_where_descriptors_do_not_suffice_it_says_so_and_leaves_nothing(tool, tmp_path, workers):
    outcomes = set()
    for limit in range(5, 41):
        process = subprocess.Popen([tool("milter-test-client"), "-s", f"unix:{tmp_path}/m.sock", f"--workers={workers}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        listens = process.stdout.readline().startswith("listening on ")
        if listens:
            process.terminate()
        _, errors = process.communicate(timeout=60)
        assert process.returncode == (0 if listens else 2), f"{limit}: {errors}"
        assert len(errors.splitlines()) == (0 if listens else 1), f"{limit}: {errors}"
        assert list(tmp_path.iterdir()) == []
        outcomes.add(listens)
    assert outcomes == {True, False}


# The command line.


@pytest.mark.parametrize(
    "options",
    [
        ["--n-workers", "-1"],
        ["--n-workers", "1001"],
        ["--n-workers", "x"],
        ["--n-workers", ""],
        ["--n-workers", "99999999999999999999"],
        ["--workers", "-1"],
        ["--workers", "1001"],
        ["--sessions", "-1"],
        ["--sessions", "x"],
        ["--timeout", "-1"],
        ["--timeout", "5 minutes"],
        ["--timeout", "1000000h"],
        ["--ready-fd", "x"],
        ["--ready-fd", "999"],
        ["--trace", "/nonexistent/folder/t"],
        ["--trace", "-", "--json"],
        ["--report", "nonsense"],
        ["--report", "json:-", "--json"],
        ["-D", "no-value"],
        ["-D", "socket=x"],
        ["--color=maybe"],
        ["--unix-socket-mode", "888"],
        ["--unix-socket-mode", "0"],
        ["--event-loop-backend", "libev"],
        ["--packet-buffer-size", "-1"],
        ["--mutant", ""],
        ["--no-such-option"],
        ["-s", "nonsense"],
        ["-s", "inet:70000"],
        ["-s", "unix:"],
        ["-s", "unix:" + "p" * 200],
        ["-s", "unix:/nonexistent/folder/s"],
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(tool, options):
    done = run(tool, *options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("milter-test-client: ")


def test_rules_that_cannot_be_read_are_told(tool):
    for rules in ["no-such-file"], ["-e", "on nothing => accept"]:
        done = run(tool, *rules)
        assert done.returncode == 2 and done.stdout == ""
        assert len(done.stderr.splitlines()) == 1 and ":1:" in done.stderr


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_what_is_typed_counts_byte_for_byte_in_every_locale(client, tmp_path, locale):
    latin1 = os.fsdecode(b"\xfc")
    one = client("-q", "-e", "on mail <ü@*> => tempfail", "-e", "on mail <$x@*> => reject", "-D", f"x={latin1}",
                 spec=f"unix:{tmp_path}/{latin1} ü", env=dict(os.environ, LC_ALL=locale))
    with Mta(one.spec) as mta:
        for letter, payload in SESSION[:3]:
            mta.ask(letter, payload)
        assert mta.ask(b"M", b"<\xfc@example.com>\0") == [(b"r", b"")]
        assert mta.ask(b"M", b"<\xc3\xbc@example.com>\0") == [(b"t", b"")]


def test_version_and_help(tool):
    version = run(tool, "--version")
    assert version.returncode == 0 and re.fullmatch(r"\d+\.\d+\.\d+\n", version.stdout)
    usage = run(tool, "--help-all")
    assert usage.returncode == 0 and "--connection-spec" in usage.stdout


def test_colour_only_where_it_is_wanted(client):
    one = client("--color=always")
    with Mta(one.spec) as mta:
        mta.ask(b"O", OFFER)
    one.stop()
    assert "\x1b[" in one.out.read_text()


def test_options_of_the_reference_tool_that_have_no_effect(client):
    client("--event-loop-backend=glib", "--packet-buffer-size=4096", "--no-report-request")


@pytest.mark.parametrize("offer", [(6, 0x1FF, 0x1FFFFF), (6, 0x1FF, 0x400), (6, 0x1FF, 0), (2, 0x3F, 0)], ids=str)
@pytest.mark.parametrize("options", [(), ("-q",), ("--json",), ("--strict",), ("--trace=-",)], ids=str)
def test_every_event_is_asked_for_whatever_is_offered(client, offer, options):
    one = client(*options)
    with Mta(one.spec) as mta:
        _, payload = mta.ask(b"O", struct.pack(">III", *offer))[0]
        assert struct.unpack(">III", payload) == (offer[0], offer[1], offer[2] & 0x400)
        mta.send(b"Q")
        assert mta.is_closed()


def test_flags_that_nobody_has_heard_of_are_not_agreed(client):
    one = client()
    with Mta(one.spec) as mta:
        letter, payload = mta.ask(b"O", b"\0\0\0\x06" + b"\xff" * 8)[0]
        assert letter == b"O"
        assert payload[:8] == b"\0\0\0\x06\0\0\x01\xff"
        assert payload[8:12] == b"\0\0\x04\0"
        mta.send(b"Q")

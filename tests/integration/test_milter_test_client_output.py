# SPDX-License-Identifier: LGPL-2.1-or-later
"""What milter-test-client shows of all that passes: --json, --trace, -v; and how it tells that it is there."""

import base64
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading

import pytest
from fakemilter import FakeMilter
from milterwire import CONNECT, OFFER, SESSION, Mta, connect, frame

ANSWER = struct.pack(">III", 6, 0x1FF, 0x400)


def play_session(spec, *more):
    """SESSION, with macros; the frames of both sides in order, as (from, letter, payload)."""
    passed = []
    with Mta(spec) as mta:
        for letter, payload in (*SESSION[:-1], *more, SESSION[-1]):
            if letter in b"MR":
                mta.send(b"D", letter + b"i\x004F1\0{x}\0y z\0")
                passed.append(("mta", b"D", letter + b"i\x004F1\0{x}\0y z\0"))
            mta.send(letter, payload)
            passed.append(("mta", letter, payload))
            if letter in b"OCHMRTLNBEU":
                passed.append(("milter", *mta.read()))
        assert mta.is_closed()
    return passed


def json_lines(client):
    return [json.loads(line) for line in client.out.read_text().splitlines()]


# --- --json ------------------------------------------------------------------------------------------


def test_json_has_every_frame_of_both_sides(client):
    one = client("--json")
    passed = play_session(one.spec, (b"U", b"FOO\0"), (b"M", b"<>\0"), (b"A", b""))
    assert one.stop() == 0
    first, opened, *frames, closed = json_lines(one)
    assert first == {"type": "listening", "spec": one.spec}
    assert opened["type"] == "opened" and opened["connection"] == 1 and opened["milter"] == one.spec
    assert closed["type"] == "closed" and closed["by"] == "milter" and closed["reset"] is False
    assert [(line["from"], line["letter"].encode()) for line in frames] == [step[:2] for step in passed]
    assert all(line["type"] == "frame" and line["connection"] == 1 for line in frames)
    times = [line["time"] for line in (opened, *frames, closed)]
    assert times == sorted(times)
    assert one.err.read_text() == ""


FIELDS = {
    "O": {"version": 6, "actions": 0x1FF, "steps": 0x1FFFFF, "tail": ""},
    "C": {"host": "client.example", "address": {"family": "4", "port": 25, "text": "192.0.2.7"}},
    "H": {"name": "helo.example"},
    "D": {"stage": "M", "macros": {"i": "4F1", "{x}": "y z"}},
    "M": {"address": "<alice@example.com>", "arguments": ["SIZE=100"]},
    "R": {"address": "<bob@example.net>", "arguments": []},
    "T": {},
    "L": {"name": "Subject", "value": "test"},
    "N": {},
    "B": {"chunk": "body\r\n"},
    "E": {"chunk": ""},
    "Q": {},
}


def test_json_fields_are_what_was_sent(client):
    one = client("--json")
    play_session(one.spec)
    assert one.stop() == 0
    frames = [line for line in json_lines(one) if line["type"] == "frame"]
    sent = {}
    for line in frames:
        if line["from"] == "mta":
            sent.setdefault(line["letter"], line)
    assert {letter: line["fields"] for letter, line in sent.items()} == FIELDS
    assert sent["M"]["name"] == "SMFIC_MAIL" and sent["M"]["word"] == "mail"
    answer = next(line for line in frames if line["from"] == "milter")
    assert answer["name"] == "SMFIR_OPTNEG"
    assert answer["fields"] == {"version": 6, "actions": 0x1FF, "steps": 0x400, "symbols": []}


def test_json_numbers_the_messages_of_a_connection(client):
    one = client("--json")
    play_session(one.spec, (b"M", b"<>\0"), (b"A", b""))
    assert one.stop() == 0
    numbers = [(line["letter"], line.get("message")) for line in json_lines(one)
               if line["type"] == "frame" and line["from"] == "mta"]
    assert numbers[:3] == [("O", None), ("C", None), ("H", None)]
    assert [number for letter, number in numbers if letter in "MRTLNBE"] == [1] * 7 + [2]
    assert numbers[-2:] == [("A", 2), ("Q", None)]


def test_json_of_bytes_that_are_no_text(client):
    one = client("--json")
    with Mta(one.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.ask(b"C", CONNECT)
        mta.send(b"D", b"M{x}\0\xe4\0")
        mta.ask(b"M", b"<\xe4>\0A=\xff\0B\0")
        mta.send(b"Z", b"\xfe")
        assert mta.is_closed()
    assert one.stop() == 0
    frames = {line["letter"]: line for line in json_lines(one) if line["type"] == "frame"}

    def decoded(value):
        return [decoded(item) for item in value] if isinstance(value, list) else base64.b64decode(value)

    assert decoded(frames["D"]["fields"]["macros_base64"]) == [[b"{x}", b"\xe4"]]
    assert decoded(frames["M"]["fields"]["address_base64"]) == b"<\xe4>"
    assert decoded(frames["M"]["fields"]["arguments_base64"]) == [b"A=\xff", b"B"]
    assert decoded(frames["Z"]["payload_base64"]) == b"\xfe" and "unknown" in frames["Z"]["fault"]


def test_json_of_bytes_that_are_no_frame(client):
    one = client("--json")
    with Mta(one.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.sock.sendall(b"\0\0\0\0GET")
        assert mta.is_closed()
    assert one.stop() == 0
    rest = [line for line in json_lines(one) if line["type"] == "bytes"]
    assert "".join(line["bytes"] for line in rest) == "\0\0\0\0GET"
    assert all(line["from"] == "mta" for line in rest)


def test_json_of_64_connections_on_four_workers(client):
    one = client("--json", "--workers", "4")

    def talk():
        for _ in range(4):
            play_session(one.spec)

    threads = [threading.Thread(target=talk) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.stop() == 0
    connections = {}
    for line in json_lines(one)[1:]:
        connections.setdefault(line["connection"], []).append(line)
    assert sorted(connections) == list(range(1, 65))
    expected = "OOCcHcDMcDRcTcLcNcBcEcQ"
    for lines in connections.values():
        assert [line["type"] for line in lines] == ["opened"] + ["frame"] * len(expected) + ["closed"]
        assert "".join(line["letter"] for line in lines[1:-1]) == expected


# --- --trace -----------------------------------------------------------------------------------------


def without_times(text):
    """What a trace says, but for times and the addresses of sessions."""
    lines = [re.sub(r"^\+[0-9.]+ ", "", line) for line in text.splitlines()[1:]]
    return [re.sub(r" (from|to)=.*", "", line) if " session" in line else line for line in lines]


def play_back(play, client, tmp_path, trace, expect=0):
    """Plays a trace against another milter-test-client; the trace of that one."""
    other = client("-q", "--trace", tmp_path / "again.scenario")
    done = play("-s", other.spec, trace)
    assert done.returncode == expect, done.stdout + done.stderr
    assert other.stop() == 0
    return (tmp_path / "again.scenario").read_text()


def check_format(play, path):
    done = play("--format", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == path.read_text()


def test_a_trace_is_played_back_and_leaves_the_same_trace(client, play, tmp_path):
    path = tmp_path / "t.scenario"
    one = client("-q", "--trace", path, spec="inet:0@127.0.0.1")
    play_session(one.spec, (b"U", b"FOO bar\0"), (b"M", b"<\xe4>\0X=1\0"), (b"R", b"\0"), (b"A", b""))
    assert one.stop() == 0
    text = path.read_text()
    assert re.match(r"start \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\nmta exact\n", text)
    assert re.search(r"^\+[0-9.]+ @1 session from=127\.0\.0\.1:\d+ to=127\.0\.0\.1:\d+$", text, re.M)
    assert "@1 mail <alice@example.com> SIZE=100\n" in text and "@1 => continue\n" in text
    check_format(play, path)
    assert without_times(play_back(play, client, tmp_path, path)) == without_times(text)


def test_a_played_back_trace_sends_the_same_bytes(client, play, tmp_path):
    path = tmp_path / "t.scenario"
    one = client("-q", "--trace", path)
    passed = play_session(one.spec, *SESSION[3:6], (b"L", b"X\0 folded\n\tvalue \0"), SESSION[7],
                          (b"B", bytes(range(256))), SESSION[9])
    assert one.stop() == 0
    with FakeMilter(tmp_path / "f.sock", {"O": frame(b"O", ANSWER)}) as milter:
        assert play("-s", milter.spec, path).returncode == 0
        sent = [(letter.encode(), payload) for letter, payload in milter.frames]
    assert sent == [(letter, payload) for side, letter, payload in passed if side == "mta"]


ODD = {
    "unknown letter": b"\0\0\0\1Z",
    "letter NUL": b"\0\0\0\2\0x",
    "length 0": b"\0\0\0\0more",
    "HTTP": b"GET / HTTP/1.0\r\n\r\n",
    "helo without NUL": frame(b"H", b"helo"),
    "half a frame": b"\0\0\0\7Hhe",
    "macros alone": frame(b"D", b"Hi\x001\0"),
    "rcpt without mail": frame(b"R", b"<b>\0"),
    "behind quit": frame(b"Q") + frame(b"H", b"x\0"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_nobody_should_send_is_played_back_as_well(client, play, tmp_path, name):
    path = tmp_path / "t.scenario"
    one = client("-q", "--trace", path)
    with Mta(one.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.ask(b"C", CONNECT)
        mta.sock.sendall(ODD[name])
        mta.sock.shutdown(socket.SHUT_WR)
        assert mta.is_closed()
    assert one.stop() == 0
    check_format(play, path)
    again = play_back(play, client, tmp_path, path)
    assert without_times(again) == without_times(path.read_text())


def test_sessions_that_alternate_are_told_apart(client, play, tmp_path):
    path = tmp_path / "t.scenario"
    one = client("-q", "--trace", path, "--workers", "3")
    with Mta(one.spec) as first, Mta(one.spec) as second:
        for letter, payload in SESSION[:-1]:
            assert first.ask(letter, payload)
            assert second.ask(letter, payload)
        for mta in (first, second):
            mta.send(b"Q")
            assert mta.is_closed()
    assert one.stop() == 0
    text = path.read_text()
    assert text.count("@1 => continue") == text.count("@2 => continue") == 9
    check_format(play, path)
    play_back(play, client, tmp_path, path)


def test_a_trace_on_the_standard_output_is_all_that_is_there(client, play, tmp_path):
    one = client("--trace", "-", out=tmp_path / "out.scenario")
    play_session(one.spec)
    assert one.stop() == 0
    assert f"# listening on {one.spec}\n" in one.out.read_text()
    check_format(play, one.out)
    play_back(play, client, tmp_path, one.out)


def test_a_program_that_is_killed_leaves_all_but_the_latest_frame(client, tmp_path):
    path = tmp_path / "t.scenario"
    one = client("-q", "--trace", path)
    with Mta(one.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.ask(b"C", CONNECT)
        mta.send(b"D", b"Hi\x001\0")
        mta.ask(b"H", b"x\0")
        one.process.kill()
        one.process.wait()
    lines = without_times(path.read_text())
    assert lines[-3:] == ["@1 macro helo i=1", "@1 helo x", "@1 => continue"]
    assert path.read_text().endswith("\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_completes_the_trace(client, play, tmp_path, number):
    path = tmp_path / "t.scenario"
    one = client("-q", "--trace", path)
    with Mta(one.spec) as idle:
        idle.ask(b"O", OFFER)
        assert one.stop(number) == 0
        assert idle.is_closed()
    assert without_times(path.read_text())[-1] == "@1 => closed"
    check_format(play, path)


@pytest.mark.parametrize("option", [["--trace", "/dev/full"]])
def test_a_disk_that_is_full_is_told_once(tool, client, option):
    one = client("-q", *option)
    play_session(one.spec)
    assert one.stop() == 2
    errors = one.err.read_text().splitlines()
    assert len(errors) == 1 and "cannot be written" in errors[0]


# --- -v ----------------------------------------------------------------------------------------------


def test_verbose_shows_what_is_said(client):
    one = client("-q", "-v")
    play_session(one.spec)
    assert one.stop() == 0
    lines = [re.sub(r"^\+[0-9.]+ @1 ", "", line) for line in one.err.read_text().splitlines()]
    assert lines[0] == "connection from a unix socket"
    assert lines[1:3] == ["> negotiate version=6 actions=all steps=all", "< negotiate version=6 actions=all steps=SKIP"]
    assert "> mail <alice@example.com> SIZE=100" in lines and "< continue" in lines
    assert lines[-2:] == ["> quit", "closed by the milter"]
    assert one.out.read_text() == f"listening on {one.spec}\n"


def test_verbose_and_events_go_together(client):
    one = client("-v")
    play_session(one.spec)
    assert one.stop() == 0
    assert "helo: <helo.example>" in one.out.read_text() and "> helo helo.example" in one.err.read_text()


def test_long_values_are_cut_for_people_only(client, tmp_path):
    one = client("-q", "-v", "--trace", tmp_path / "t.scenario")
    play_session(one.spec, *SESSION[3:8], (b"B", b"x" * 500), SESSION[9])
    assert one.stop() == 0
    assert "… (500 bytes)" in one.err.read_text()
    assert "x" * 500 in (tmp_path / "t.scenario").read_text()


# --- readiness, time, sessions -----------------------------------------------------------------------


def test_a_line_tells_that_it_listens_where_it_can_be_reached(client):
    one = client(spec="inet:0@127.0.0.1")
    connect(one.spec).close()
    assert one.out.read_text().splitlines()[0] == f"listening on {one.spec}"


def test_the_descriptor_of_readiness_is_closed(client):
    """Client reads until its end: it would wait for the process else."""
    one = client("-q")
    assert one.process.poll() is None


def test_an_mta_that_says_nothing_is_closed(client):
    one = client("--timeout", "1")
    with Mta(one.spec) as silent, Mta(one.spec) as begun:
        begun.ask(b"O", OFFER)
        assert silent.is_closed()
        assert begun.is_closed()
    assert one.stop() == 0
    assert one.err.read_text().count("nothing came for 1 s; closed") == 2


@pytest.mark.parametrize("value", ["200000ms", "300.5", "0", "2m", "10h"])
def test_a_time_limit_has_units(client, value):
    one = client("-q", "--timeout", value)
    play_session(one.spec)
    assert one.stop() == 0


def test_sessions_end_it_with_everything_written(client, tmp_path):
    one = client("-q", "--sessions", "2", "--trace", tmp_path / "t.scenario")
    play_session(one.spec)
    play_session(one.spec)
    assert one.process.wait(timeout=60) == 0
    assert (tmp_path / "t.scenario").read_text().count("=> closed") == 2


def test_nobody_reads_the_output(tool, tmp_path):
    """A reader that has gone, as head, ends it no other way than a signal does."""
    ready, ready_to_write = os.pipe()
    process = subprocess.Popen([tool("milter-test-client"), "-s", f"unix:{tmp_path}/m.sock", "--json",
                                "--ready-fd", str(ready_to_write)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[ready_to_write])
    os.close(ready_to_write)
    spec = os.read(ready, 4096).decode().rstrip("\n")
    os.close(ready)
    process.stdout.close()
    with Mta(spec) as mta:
        mta.send(b"O", OFFER)
        mta.read()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait(timeout=60)
    assert b"Sanitizer" not in process.stderr.read()
    process.stderr.close()


def test_the_standard_output_may_be_told_that_it_listens_and_goes_on(tool, tmp_path):
    """It was closed then, so that its number, and all that was printed, went to the next connection."""
    process = subprocess.Popen([tool("milter-test-client"), "-s", f"unix:{tmp_path}/m.sock", "--json", "--ready-fd", "1",
                                "--sessions", "1"], stdout=subprocess.PIPE)
    line = process.stdout.readline()
    while not line.startswith(b"unix:"):
        line = process.stdout.readline()
    with Mta(line.decode().rstrip("\n")) as mta:
        mta.send(b"O", OFFER)
        assert mta.read()[0] == b"O"
        mta.send(b"Q")
        assert mta.sock.recv(1) == b""
    printed = [json.loads(line) for line in process.communicate(timeout=60)[0].splitlines()]
    assert process.returncode == 0
    assert "negotiate" in [line.get("word") for line in printed]


# --- with rules ----------------------------------------------------------------------------------------


def test_what_rules_answer_is_recorded_and_played_back(client, play, tmp_path):
    path = tmp_path / "t.scenario"
    rules = ["-e", "on rcpt <busy@*> => 451 4.7.1 \"later\"", "-e", "on eom => add-header X-Test: yes"]
    one = client("-q", "--trace", path, *rules)
    done = play("-s", one.spec, "-r", "busy@example.net", "-r", "bob@example.net", "-b", "x")
    assert done.returncode in (0, 1), done.stderr
    assert one.stop() == 0
    text = path.read_text()
    assert '=> 451 4.7.1 "later"\n' in text and "=> add-header X-Test: yes\n" in text
    check_format(play, path)
    # the same rules answer the same again
    other = client("-q", *rules)
    assert play("-s", other.spec, path).returncode == 0


def test_edits_without_a_reply_behind_them_are_played_back(client, play, tmp_path):
    path = tmp_path / "t.scenario"
    rules = ["-e", "on eom\n=> progress\n=> add-header X-Test: yes\n=> none"]
    one = client("-q", "--trace", path, *rules)
    with Mta(one.spec) as mta:
        mta.begin(b"<b>")
        mta.send(b"E")
        assert [mta.read()[0] for _ in range(2)] == [b"p", b"h"]
    assert one.stop() == 0
    assert "=> none\n" in path.read_text()
    check_format(play, path)
    again = play("-s", client("-q", *rules).spec, path)
    assert again.returncode == 0, again.stdout


def test_an_expectation_is_judged_when_all_is_over(client, tmp_path):
    one = client("-q", "-e", "expect 1.. rcpt <bob@example.net>", "-e", "expect 0 data",
                 "--report", f"json:{tmp_path}/r.json")
    play_session(one.spec)
    assert one.stop() == 1
    lines = [json.loads(line) for line in (tmp_path / "r.json").read_text().splitlines()]
    assert [line["outcome"] for line in lines if line["type"] == "case"] == ["held", "failed"]
    assert "FAIL" in one.out.read_text() and "expect 0 data" in one.out.read_text()


def test_a_report_may_have_the_standard_output_for_itself(client):
    one = client("-e", "expect 1 rcpt", "--report", "json:-")
    play_session(one.spec)
    assert one.stop() == 0
    assert [line["type"] for line in json_lines(one)] == ["run", "case", "summary"]
    assert f"listening on {one.spec}" in one.err.read_text()


def test_an_mta_that_breaks_the_protocol_is_told_with_strict(client):
    for options, status in ([], 0), (["--strict"], 3):
        one = client("-q", *options)
        with Mta(one.spec) as mta:
            mta.ask(b"O", OFFER)
            mta.ask(b"C", CONNECT)
            mta.send(b"R", b"<b>\0")
            assert mta.is_closed()
        assert one.stop() == status


def test_a_variable_of_the_command_line_is_known_to_rules(client):
    one = client("-q", "-DWHO=bob@example.net", "-e", "on rcpt <$WHO> => reject")
    with Mta(one.spec) as mta:
        assert mta.begin(b"<bob@example.net>", b"<eve@example.net>") == [[(b"r", b"")], [(b"c", b"")]]


def test_options_of_every_milter_are_taken(client, tmp_path):
    one = client("-q", "--pid-file", tmp_path / "pid", "--unix-socket-mode", "ug=rw", "--log-level", "none")
    assert (tmp_path / "pid").read_text() == f"{one.process.pid}\n"
    play_session(one.spec)
    assert one.stop() == 0
    assert not (tmp_path / "pid").exists()

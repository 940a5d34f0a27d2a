# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-test-client answers by rules and misbehaves exactly as told: seen on the socket byte by byte, and by
milter-test-server, which has to notice each fault that its sibling causes."""

import json
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time
import xml.etree.ElementTree as xml

import pytest
from milterwire import CONNECT, OFFER, SESSION, Mta, frame

CONTINUE = frame(b"c")
TEMPFAIL = frame(b"t")
EVERY_ACTION = frame(b"O", struct.pack(">III", 6, 0x1FF, 0))
# a stall of so long is one, and a machine that is busy is none
STALL = 0.4


@pytest.fixture
def rules(client, scenario):
    """rules(TEXT, OPTION…): a client that answers by these rules, on TCP if tcp=True."""

    def begin(text, *options, tcp=False, **more):
        spec = "inet:0@127.0.0.1" if tcp else None
        return client("-q", *options, scenario(text, name="rules.scenario"), spec=spec, **more)

    return begin


def run(tool, *options, **more):
    return subprocess.run([tool("milter-test-client"), *map(str, options)], capture_output=True, text=True,
                          timeout=60, **more)


def read_all(sock):
    """All that comes up to the end, and whether that was a reset."""
    data = b""
    while True:
        try:
            more = sock.recv(65536)
        except ConnectionResetError:
            return data, True
        if not more:
            return data, False
        data += more


def exchange(spec, *sent):
    """Sends frames one by one, each when the answer to the one before has come; what came for the last one up to
    the end of the connection, and whether it was reset."""
    with Mta(spec) as mta:
        for letter, payload in sent[:-1]:
            mta.ask(letter, payload)
        mta.send(*sent[-1])
        return read_all(mta.sock)


def until(last, more=()):
    """The session up to a command, which is the last."""
    steps = []
    for step in SESSION:
        steps.append(step)
        if step[0] == last:
            break
    return steps + list(more)


# What is answered. Each rule cuts the connection at the event behind it, so that all it said can be read.

ANSWERS = [
    # the event, what the rule does, and what comes
    ("rcpt", "=> 451 4.7.1 later", b"R", frame(b"y", b"451 4.7.1 later\0")),
    ("rcpt <bob@*>", "=> reject", b"R", frame(b"r")),
    ("rcpt 1", "=> tempfail", b"R", frame(b"t")),
    ("rcpt 2", "=> tempfail", b"R", CONTINUE),
    ("mail * SIZE=*", "=> discard", b"M", frame(b"d")),
    ("mail <> ", "=> discard", b"M", CONTINUE),
    ("helo helo.example", "=> accept", b"H", frame(b"a")),
    ("connect client.example 192.0.2.7 port=25", "=> shutdown", b"C", frame(b"4")),
    ("connect * 192.0.2.8", "=> shutdown", b"C", CONTINUE),
    ("data", "=> conn-fail", b"T", frame(b"f")),
    ("header Subject: te*", "=> 550 5.7.1 'one' 'two'", b"L", frame(b"y", b"550-5.7.1 one\r\n550 5.7.1 two\0")),
    ("header Subject: other", "=> reject", b"L", CONTINUE),
    ("eoh", "=> reject", b"N", frame(b"r")),
    ("body *ody*", "=> skip", b"B", frame(b"s")),
    # at the end of the message
    ("eom", "=> add-header X-A: b", b"E", frame(b"h", b"X-A\0b\0") + CONTINUE),
    ("eom", "=> quarantine held", b"E", frame(b"q", b"held\0") + CONTINUE),
    ("eom", "=> progress", b"E", frame(b"p") + CONTINUE),
    ("eom", '=> replace-body ""', b"E", frame(b"b") + CONTINUE),
    ("eom", "=> delete-rcpt <a@b>", b"E", frame(b"-", b"<a@b>\0") + CONTINUE),
    # faults: a reply too much, none, of the wrong letter; edits where they do not belong
    ("rcpt", "=> tempfail\n=> reject", b"R", frame(b"t") + frame(b"r")),
    ("rcpt", "=> none", b"R", b""),
    ("rcpt", "=> negotiate", b"R", EVERY_ACTION),
    ("rcpt", "=> skip", b"R", frame(b"s")),
    ("rcpt", '=> frame "!"', b"R", frame(b"!")),
    ("header Subject", "=> add-header X-A: b", b"L", frame(b"h", b"X-A\0b\0") + CONTINUE),
    # malformed payloads, and bytes that are no frame
    ("rcpt", '=> frame y "550-5.7.1 a\\n450 b\\0"', b"R", frame(b"y", b"550-5.7.1 a\n450 b\0")),
    ("rcpt", '=> frame y "550 no end"', b"R", frame(b"y", b"550 no end")),
    ("rcpt", '=> frame "\\0"', b"R", frame(b"\0")),
    ("rcpt", '=> raw "\\0\\0\\0\\0"', b"R", b"\0\0\0\0"),
    ("rcpt", '=> raw "220 hello\\r\\n"', b"R", b"220 hello\r\n"),
    ("rcpt", '=> raw "\\x7f\\xff\\xff\\xffc"', b"R", b"\x7f\xff\xff\xffc"),
    ("rcpt", '=> frame y "x"*70000', b"R", frame(b"y", b"x" * 70000)),
    # wrong answers to an offer
    ("negotiate", "=> negotiate version=9", b"O", frame(b"O", struct.pack(">III", 9, 0x1FF, 0))),
    ("negotiate", "=> negotiate actions=0xffffffff", b"O", frame(b"O", struct.pack(">III", 6, 0xFFFFFFFF, 0))),
    ("negotiate", "=> negotiate steps=-SKIP", b"O", EVERY_ACTION),
    ("negotiate", "=> negotiate steps=+NR_HDR", b"O", frame(b"O", struct.pack(">III", 6, 0x1FF, 0x80))),
    ("negotiate", '=> frame O "\\0\\0"', b"O", frame(b"O", b"\0\0")),
    ("negotiate", "=> reject", b"O", frame(b"r")),
    ("negotiate version=2", "=> reject", b"O", EVERY_ACTION),
]


@pytest.mark.parametrize("event,lines,letter,answer", ANSWERS, ids=lambda value: str(value)[:40])
def test_each_answer_leaves_byte_for_byte(rules, event, lines, letter, answer):
    milter = rules(f"on {event}\n{lines}\non unknown => close\n")
    with Mta(milter.spec) as mta:
        for step in until(letter)[:-1]:
            mta.ask(*step)
        mta.send(*until(letter)[-1])
        # whatever was answered to it, the session goes on
        time.sleep(0) if answer else time.sleep(0.1)
        mta.send(b"U", b"NOOP\0")
        assert read_all(mta.sock) == (answer, False)


def test_macros_decide_too(rules):
    milter = rules("on rcpt {rcpt_mailer}=esmtp {i}=4F* => reject\n")
    with Mta(milter.spec) as mta:
        for step in until(b"M"):
            mta.ask(*step)
        assert mta.ask(b"R", b"<a@b>\0") == [(b"c", b"")]
        mta.send(b"D", b"Ri\x004F1\0{rcpt_mailer}\0esmtp\0")
        assert mta.ask(b"R", b"<a@b>\0") == [(b"r", b"")]


def test_the_first_rule_that_matches_answers(rules):
    milter = rules("on rcpt <a@*> => tempfail\non rcpt => reject\non rcpt <a@b> => accept\n")
    with Mta(milter.spec) as mta:
        assert mta.begin(b"<a@b>", b"<c@d>") == [[(b"t", b"")], [(b"r", b"")]]


def test_a_rule_at_quit_speaks_and_then_the_connection_ends(rules):
    milter = rules("on quit => frame c\n")
    assert exchange(milter.spec, *until(b"H"), (b"Q", b"")) == (CONTINUE, False)


def test_what_the_mta_ended_for_sending_is_answered_still(rules):
    milter = rules("on eom\n=> stall 300ms\n=> add-header X: y\n=> accept\non close => frame q bye\n")
    with Mta(milter.spec) as mta:
        for step in until(b"B"):
            mta.ask(*step)
        mta.send(b"E")
        mta.sock.shutdown(socket.SHUT_WR)
        assert read_all(mta.sock) == (frame(b"h", b"X\0y\0") + frame(b"a") + frame(b"q", b"bye"), False)


# How it travels.


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("after", [0, 1, 4, 5, 11, 22])
@pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])
def test_the_end_comes_behind_exactly_so_many_bytes(rules, end, after, tcp):
    """22 bytes are a whole answer: it ends behind it. Over TCP a reset is one; a unix socket has none."""
    text = frame(b"y", b"451 4.7.1 later\0")
    assert len(text) == 21
    lines = f"=> {end} after {after} bytes" if after else f"=> {end}"
    milter = rules(f"on rcpt\n{lines}\n=> 451 4.7.1 later\non unknown => tempfail\n", tcp=tcp)
    with Mta(milter.spec) as mta:
        for step in until(b"M"):
            mta.ask(*step)
        mta.send(b"R", b"<a@b>\0")
        if after > len(text):
            # the last byte it waits for is one of the next answer
            assert mta.read_exactly(len(text)) == text
            mta.send(b"U", b"x\0")
            assert read_all(mta.sock) == (b"\0", end == "reset" and tcp)
        else:
            assert read_all(mta.sock) == (text[:after], end == "reset" and tcp)


def test_half_close_ends_the_answers_while_commands_are_read(rules, tmp_path):
    milter = rules("on rcpt\n=> half-close\nexpect 1 data\n", "--sessions=1")
    with Mta(milter.spec) as mta:
        for step in until(b"M"):
            mta.ask(*step)
        mta.send(b"R", b"<a@b>\0")
        assert read_all(mta.sock) == (b"", False)
        mta.send(b"T")
        mta.send(b"Q")
    assert milter.process.wait(timeout=60) == 0, milter.out.read_text()


def reset(sock):
    """The milter forgets it at once, with all that it has to say to it."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def is_readable(sock):
    return select.select([sock], [], [], 0)[0] != []


def test_a_stall_holds_the_answer_and_nothing_else(rules):
    milter = rules(f"on rcpt <slow@*>\n=> stall {STALL}s\n=> tempfail\non rcpt <never@*>\n=> stall 60m\n=> tempfail\n",
                   "--n-workers=1", tcp=True)
    with Mta(milter.spec) as slow, Mta(milter.spec) as never, Mta(milter.spec) as other:
        for mta in (slow, never):
            for step in until(b"M"):
                mta.ask(*step)
        began = time.monotonic()
        never.send(b"R", b"<never@b>\0")
        slow.send(b"R", b"<slow@b>\0")
        other.begin(b"<a@b>")
        assert slow.read() == (b"t", b"")
        assert time.monotonic() - began >= STALL
        assert not is_readable(never.sock)
        reset(never.sock)


def test_a_stall_between_bytes_of_an_answer(rules):
    milter = rules(f"on rcpt <slow@*>\n=> stall {STALL}s after 3 bytes\n=> tempfail\n"
                   "on rcpt <never@*>\n=> stall 60m after 3 bytes\n=> tempfail\n", tcp=True)
    with Mta(milter.spec) as slow, Mta(milter.spec) as never:
        for mta in (slow, never):
            for step in until(b"M"):
                mta.ask(*step)
        began = time.monotonic()
        never.send(b"R", b"<never@b>\0")
        slow.send(b"R", b"<slow@b>\0")
        assert never.read_exactly(3) == TEMPFAIL[:3]
        assert slow.read_exactly(5) == TEMPFAIL
        assert time.monotonic() - began >= STALL
        assert not is_readable(never.sock)
        reset(never.sock)


def test_a_milter_that_does_not_read_lets_the_writes_fill_up(rules):
    """The kernel takes what it has room for, and no more until the stall is over; then all of it is answered."""
    milter = rules(f"on header X\n=> stall {STALL}s reading\n=> continue\n")
    flood = frame(b"B", b"x" * 60000) * 40
    with Mta(milter.spec) as mta:
        for step in until(b"T"):
            mta.ask(*step)
        began = time.monotonic()
        mta.send(b"L", b"X\0y\0")
        mta.send(b"N")
        mta.sock.sendall(flood)
        assert time.monotonic() - began >= STALL / 2
        assert mta.read_exactly(5 * 42) == CONTINUE * 42


def writes_of(client, tmp_path, n_bytes, act):
    """The sizes of the writes on sockets while something is done, by which so many bytes are written."""
    log = tmp_path / "strace.txt"
    tracer = subprocess.Popen(["strace", "-f", "-e", "trace=sendto", "-o", log, "-p", str(client.process.pid)],
                              stderr=subprocess.PIPE, text=True)
    said = tracer.stderr.readline()
    if "attached" not in said:
        tracer.wait()
        pytest.skip(f"strace may not look at a process here: {said.strip()}")
    act()
    end = time.monotonic() + 60
    # what was written may be read before the tracer says so
    while sum(sizes := [int(size) for size in re.findall(r"sendto(?:\(| resumed).*= (\d+)$", log.read_text(), re.M)]) < n_bytes:
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.01)
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    return sizes


@pytest.mark.parametrize("way,sizes", [("whole", [13 + 4, 21]), ("split 1", [1] * 38), ("split 20", [17, 20, 1]),
                                       ("together", [17, 21])])
def test_how_an_answer_is_cut_into_writes(rules, tmp_path, way, sizes):
    milter = rules(f"send-as {way}\non connect\n=> 451 4.7.1 later\n", tcp=True)

    def act():
        with Mta(milter.spec) as mta:
            mta.ask(b"O", OFFER)
            mta.send(b"C", CONNECT)
            assert mta.read_exactly(21) == frame(b"y", b"451 4.7.1 later\0")

    try:
        seen = writes_of(milter, tmp_path, sum(sizes), act)
    except FileNotFoundError:
        pytest.skip("strace is not installed")
    assert seen == sizes


@pytest.mark.parametrize("way", ["split 1", "split 7", "random 3", "together"])
def test_pieces_change_nothing_of_what_is_said(rules, way):
    milter = rules(f"send-as {way}\non eom\n=> add-header X: y\n=> replace-body \"z\"*3000\n=> accept\n")
    with Mta(milter.spec) as mta:
        for step in until(b"B"):
            mta.ask(*step)
        mta.send(b"E")
        answer = frame(b"h", b"X\0y\0") + frame(b"b", b"z" * 3000) + frame(b"a")
        assert mta.read_exactly(len(answer)) == answer


# Many at once.


@pytest.mark.parametrize("workers", [1, 4])
def test_sixteen_connections_at_once_have_rules_of_their_own(rules, workers):
    milter = rules("send-as split 3\non rcpt 2 <*7@*>\n=> stall 20ms\n=> 451 4.7.1 seven\non helo h11 => close\n"
                   "expect 16 connect\nexpect 30..32 rcpt\n",
                   f"--n-workers={workers}", "--sessions=16")
    wrong = []

    def one(number):
        try:
            with Mta(milter.spec) as mta:
                mta.ask(b"O", OFFER)
                mta.ask(b"C", CONNECT)
                mta.send(b"H", b"h%d\0" % number)
                if number == 11:
                    assert read_all(mta.sock) == (b"", False)
                    return
                assert mta.read() == (b"c", b"")
                mta.ask(b"M", b"<a@b>\0")
                assert mta.ask(b"R", b"<%d@x>\0" % number) == [(b"c", b"")]
                second = mta.ask(b"R", b"<%d@x>\0" % number)
                assert second == [(b"y", b"451 4.7.1 seven\0") if number % 10 == 7 else (b"c", b"")]
                mta.send(b"Q")
                assert mta.is_closed()
        except Exception as error:  # pylint: disable=broad-except
            wrong.append((number, error))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert milter.process.wait(timeout=60) == 0, milter.out.read_text() + milter.err.read_text()


def test_an_mta_that_vanishes_in_a_stall_is_forgotten(rules):
    milter = rules("on rcpt => stall 60m\nexpect 2 connect\n", "--sessions=2", tcp=True)
    for _ in range(2):
        mta = Mta(milter.spec)
        for step in until(b"M"):
            mta.ask(*step)
        mta.send(b"R", b"<a@b>\0")
        time.sleep(0.05)
        reset(mta.sock)
    assert milter.process.wait(timeout=60) == 0


def test_a_stall_does_not_keep_the_program_from_ending(rules):
    milter = rules("on helo => stall 60m\n")
    with Mta(milter.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.ask(b"C", CONNECT)
        mta.send(b"H", b"x\0")
        time.sleep(0.1)
        assert milter.stop() == 0


# Our own MTA notices each fault.

SEEN = [
    # the rule, what the server's scenario expects: held
    ("on rcpt => close", "rcpt <a@b> => closed", 0, None),
    ("on rcpt => reset", "rcpt <a@b> => reset | closed", 0, None),
    ("on rcpt => none", "rcpt <a@b> => none", 0, None),
    ("on rcpt\n=> tempfail\n=> reject", "rcpt <a@b>\n=> tempfail\n=> reject", 0, None),
    ('on rcpt => frame "!"', 'rcpt <a@b> => frame "!"', 0, None),
    ('on rcpt => raw "\\0\\0\\0\\x01c"', "rcpt <a@b> => continue", 0, None),
    # what it says without such an expectation
    ("on rcpt => close", "rcpt <a@b>", 3, "closed"),
    ("on rcpt\n=> close after 3 bytes\n=> tempfail", "rcpt <a@b>", 3, "closed"),
    ("on rcpt => none", "timeout 300ms\nrcpt <a@b>", 3, "rcpt <a@b>"),
    ("on rcpt\n=> continue\n=> continue", "rcpt <a@b>\ndata", (1, 3), "continue"),
    ('on rcpt => raw "220 hello\\r\\n"', "rcpt <a@b>", 3, "220"),
    ("on header X => add-header X: y", "header X: y\neom", (1, 3), "add-header"),
    ("on rcpt => negotiate", "rcpt <a@b>", (1, 3), "negotiate"),
    ('on rcpt => frame y "550 no end"', "rcpt <a@b>", (1, 3), "550"),
    ('on rcpt => frame y "550-5.7.1 a\\n450 b\\0"', "rcpt <a@b>", (1, 3), "550"),
    ("on negotiate => negotiate version=9", "helo x", (1, 3), "9"),
    ("on negotiate => negotiate actions=0xffffffff", "helo x", (1, 3), "negotiate"),
]


@pytest.mark.parametrize("rule,session,status,told", SEEN, ids=lambda value: str(value)[:40])
def test_our_own_mta_sees_the_fault(rules, play, scenario, rule, session, status, told):
    milter = rules(rule + "\n", tcp=True)
    result = play("-s", milter.spec, scenario(f"session fault\n{session}\n", name="mta.scenario"))
    statuses = status if isinstance(status, tuple) else (status,)
    assert result.returncode in statuses, result.stdout + result.stderr
    if told is not None:
        assert told in result.stdout + result.stderr


# What is judged.


def finish(milter, *steps):
    with Mta(milter.spec) as mta:
        for step in steps:
            mta.ask(*step)
        mta.send(b"Q")
        assert mta.is_closed()
    return milter.process.wait(timeout=60)


def test_what_was_expected_and_came_holds(rules):
    milter = rules("expect 1 rcpt <bob@*>\nexpect 0 unknown\nexpect 1.. mail\n", "--sessions=1")
    assert finish(milter, *until(b"R")) == 0


def test_what_was_expected_and_did_not_come_fails_with_the_line(rules):
    milter = rules("let who bob\nexpect 2..3 rcpt <$who@*>  # both\nexpect 0 data\n", "--sessions=1")
    assert finish(milter, *until(b"T")) == 1
    text = milter.out.read_text() + milter.err.read_text()
    assert "rules.scenario:2: FAIL" in text
    assert "rules.scenario:3: FAIL" in text


def test_a_signal_ends_the_run_with_the_verdict(rules):
    milter = rules("expect 1 rcpt\n")
    assert milter.stop() == 1


def test_each_expectation_is_a_case_of_the_report(rules, tmp_path):
    files = {form: tmp_path / form for form in ("junit", "tap", "json", "text")}
    milter = rules("expect 1 rcpt\nexpect 0 data\n", "--sessions=1",
                   *[f"--report={form}:{path}" for form, path in files.items()])
    assert finish(milter, *until(b"T")) == 1
    cases = xml.parse(files["junit"]).getroot().findall(".//testcase")
    assert ["expect 1 rcpt" in case.get("name") for case in cases] == [True, False]
    assert [case.find("failure") is not None for case in cases] == [False, True]
    tap = files["tap"].read_text()
    assert "ok 1 - " in tap and "not ok 2 - " in tap
    assert [json.loads(line)["type"] for line in files["json"].read_text().splitlines()] == ["run", "case", "case", "summary"]
    assert "FAIL" in files["text"].read_text()


BREACHES = [
    ([(b"O", OFFER), (b"E", b"")], "eom"),
    ([(b"O", OFFER), (b"C", CONNECT), (b"C", CONNECT)], "connect"),
    ([(b"O", OFFER), (b"C", CONNECT), (b"M", b"no end")], "mail"),
    ([(b"O", OFFER), (b"?", b"")], "0x3f"),
]


@pytest.mark.parametrize("steps,told", BREACHES, ids=lambda value: str(value)[-20:])
def test_an_mta_that_breaks_the_protocol_is_broken_when_strict(rules, client, steps, told):
    for strict in (True, False):
        milter = rules("expect 1.. negotiate\n", "--sessions=1", *["--strict"] * strict)
        with Mta(milter.spec) as mta:
            for step in steps:
                mta.send(*step)
            mta.sock.shutdown(socket.SHUT_WR)
            read_all(mta.sock)
        assert milter.process.wait(timeout=60) == (3 if strict else 0), milter.err.read_text()
        lines = milter.err.read_text().replace("against the protocol: ", "").splitlines()
        assert len(lines) == len(set(lines)), lines
        if strict:
            assert told in milter.err.read_text()


@pytest.mark.parametrize("rule,provoked", [("on mail => add-header X: early", True), ("on mail => raw '\\0\\0\\0\\0'", True),
                                           ("on mail => continue", False)])
def test_an_mta_that_breaks_off_is_to_blame_unless_the_milter_made_it(rules, rule, provoked):
    """What sendmail does with an edit before the end of the message: it closes, with the rest unread."""
    milter = rules(rule + "\n", "--strict", "--sessions=1")
    mta = Mta(milter.spec)
    for step in SESSION[:3]:
        mta.ask(*step)
    mta.send(*SESSION[3])
    mta.read_exactly(4)
    mta.sock.close()
    assert milter.process.wait(timeout=60) == (0 if provoked else 3), milter.err.read_text()
    assert ("against the protocol" in milter.err.read_text()) == (not provoked)


def test_strict_goes_without_rules(client):
    milter = client("-q", "--strict", "--sessions=1")
    with Mta(milter.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.sock.sendall(b"\0\0\0\0")
        read_all(mta.sock)
    assert milter.process.wait(timeout=60) == 3


def test_a_legal_session_is_no_breach(client, rules):
    for milter in (client("-q", "--strict", "--sessions=1"),
                   rules("on rcpt <bob@*>\n=> tempfail\non eom => accept\n", "--strict", "--sessions=1")):
        with Mta(milter.spec) as mta:
            for step in SESSION[:4]:
                mta.ask(*step)
            mta.ask(b"R", b"<bob@example.net>\0")
            mta.ask(b"R", b"<carol@example.net>\0")
            for step in SESSION[5:-1]:
                mta.ask(*step)
            mta.send(b"A")
            mta.send(b"Q")
            assert mta.is_closed()
        assert milter.process.wait(timeout=60) == 0, milter.err.read_text()


# Where rules come from.


def test_lines_of_the_command_line_come_behind_the_files(rules):
    milter = rules("on rcpt <a@b> => tempfail\n", "-e", "on rcpt => reject", "-e", "on data\n  => tempfail\n")
    with Mta(milter.spec) as mta:
        assert mta.begin(b"<a@b>", b"<c@d>") == [[(b"t", b"")], [(b"r", b"")]]
        assert mta.ask(b"T") == [(b"t", b"")]


def test_folders_includes_and_variables(client, tmp_path):
    folder = tmp_path / "rules"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.scenario").write_text("include deep/part.txt\non rcpt <$who@*> => reject\n")
    (folder / "deep" / "part.txt").write_text("let who alice\n")
    (folder / "deep" / "b.scenario").write_text("on rcpt <carol@*> => tempfail\n")
    (folder / "not.rules").write_text("nonsense\n")
    milter = client("-q", "-D", "who=bob", folder)
    with Mta(milter.spec) as mta:
        assert mta.begin(b"<alice@x>", b"<bob@x>", b"<carol@x>") == [[(b"c", b"")], [(b"r", b"")], [(b"t", b"")]]


@pytest.mark.parametrize("lines,told", [
    ("on rcpt => nonsense\n", "r.scenario:1:12: "),
    ("on rcpt => reject\non nothing => reject\n", "r.scenario:2:4: "),
    ("session x\nmail\n", "rules"),
    ("", "rules"),
    ("on rcpt <$who> => reject\n", "$who"),
    ("require negotiate version=6\non rcpt => reject\n", "r.scenario:1:"),
])
def test_rules_that_cannot_be_used_end_the_program_at_once(tool, scenario, lines, told):
    result = run(tool, "-s", "inet:0@127.0.0.1", scenario(lines, name="r.scenario"))
    assert result.returncode == 2
    assert told in result.stderr
    assert "listening" not in result.stdout


@pytest.mark.parametrize("options,told", [
    (["-e", "on rcpt => nonsense"], "-e 1:1:12: "),
    (["-e", "on rcpt => reject", "-e", "on rcpt\n  => nonsense"], "-e 2:2:6: "),
    (["-D", "x=y", "-e", "on rcpt => reject"], "$x"),
    (["nowhere.scenario"], "nowhere.scenario"),
    (["."], "scenario"),
])
def test_other_sources_that_cannot_be_used(tool, tmp_path, options, told):
    result = run(tool, "-s", "inet:0@127.0.0.1", *options, cwd=tmp_path)
    assert result.returncode == 2
    assert told in result.stderr


def test_what_has_to_be_there_and_is_not_leaves_the_rules_out(tool, client, scenario):
    missing = scenario("require program no-such-program\non rcpt => reject\n", name="missing.scenario")
    result = run(tool, "-s", "inet:0@127.0.0.1", missing)
    assert result.returncode == 77
    assert "no-such-program" in result.stderr
    milter = client("-q", missing, "-e", "on data => reject")
    with Mta(milter.spec) as mta:
        assert mta.begin(b"<a@b>") == [[(b"c", b"")]]
        assert mta.ask(b"T") == [(b"r", b"")]

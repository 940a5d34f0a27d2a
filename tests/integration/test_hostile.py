# SPDX-License-Identifier: LGPL-2.1-or-later
"""How and when bytes leave: in pieces, ahead of the answers, cut off in the middle of a frame. Verdicts do not
depend on it, and what was not sent never passes for something that held."""

import re
import socket
import struct
import subprocess
import threading
import time

import pytest
from conftest import ROOT
from fakemilter import CLOSE, CONTINUE, SILENT, FakeMilter, options, reply_code
from milterwire import frame

MAILS = sorted((ROOT / "tests" / "data" / "mails").glob("*.eml"))
WAYS = [["whole", "split 1"], ["whole", "split 7", "random 1", "random 77", "together"]]


@pytest.fixture
def scenario(tmp_path):
    def write(text, name="test.scenario"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def fake(tmp_path):
    milters = []

    def make(answers=None, tcp=False):
        path = None if tcp else tmp_path / f"fake{len(milters)}.sock"
        milters.append(FakeMilter(path, answers))
        return milters[-1]

    yield make
    for milter in milters:
        milter.__exit__()


@pytest.fixture(params=["milter-test-client", "answer-milter"])
def milter(request, tool, build, start, tmp_path):
    """Milters that read frames by themselves: ours, and one on libmilter. SPEC, and whether it answers as asked."""
    path = tmp_path / "m.sock"
    if request.param == "milter-test-client":
        command = [tool("milter-test-client"), "-q", "-s", f"unix:{path}"]
    else:
        command = [build / "tests/integration" / request.param, f"unix:{path}"]
        if not command[0].exists():
            pytest.skip("answer-milter was not built: libmilter (Debian package libmilter-dev) is not there")
    start(command, socket=path, stdout=subprocess.DEVNULL)
    return f"unix:{path}", request.param == "answer-milter"


def without_times(text):
    return re.sub(r"\d+(\.\d+)? m?s\b", "T", text)


# --- verdicts do not change ---------------------------------------------------------------------

def several_messages(answers, size):
    """Messages of every mail there is, refusals where the milter knows how, and failures that stay failures."""
    lines = ["session several"]
    for number, mail in enumerate(MAILS):
        lines += [f"  message m{number}", f"    eml {mail}"]
        lines += ["    eom => add-header X-Seen"] if answers else ["    eom => only"]
    if answers:
        lines += [
            "  message refused", "    mail <reject@example.com> => reject", "    rcpt", "    eom",
            "  message partly", "    rcpt <a@example.net>", "    rcpt <later@example.net> => 451 4.7.1 \"come again\"",
            "    rcpt <reject@example.net> => reject", "    rcpt <b@example.net>", f"    body \"x\"*{size}",
            f"    eom => add-header X-Seen: \"3 2 {size} *\"",
            "  message nobody", "    rcpt <reject@example.net> => reject", "    rcpt <later@example.net> => tempfail | 4xx",
            "    header X: y", "    body \"x\"", "    eom",
            "  message accepted", "    header X-Answer: \"accept\" => accept", "    header X: y", "    body \"x\"",
            "    eom",
            "  message skipped", f"    body \"skip\"*{size // 3} => skip", "    body \"more\"",
            "    eom => add-header X-Seen",
            "  message discarded", "    rcpt <discard@example.net> => discard", "    body \"x\"", "    eom",
        ]
    lines += ["  message last", "    unknown FOO", f"    generate size={size} seed=5", "    eom", "    abort", "  quit"]
    # what does not hold is told alike
    lines += ["session failing", "  message one", "    rcpt => reject", "    eom => quarantine",
              "  message two", "    eom => only", "      => 550"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("ways", WAYS, ids=["bytes", "pieces"])
@pytest.mark.parametrize("profile", ["postfix", "sendmail", "plain"])
def test_verdicts_do_not_depend_on_how_bytes_leave(play, scenario, milter, profile, ways):
    spec, answers = milter
    # single bytes take their time
    text = several_messages(answers, 2000 if "split 1" in ways else 200000)
    told = {}
    for way in ways:
        done = play("-s", spec, scenario(f"mta {profile}\nsend-as {way}\n{text}"), timeout=300)
        told[way] = without_times(done.stdout + done.stderr), done.returncode
    output, status = told["whole"]
    assert status == 1, output
    assert re.search(r"^ok .*: several ", output, re.M), output
    assert "FAIL failing/one: reply to rcpt" in output, output
    for way in ways[1:]:
        assert [strip_last(part) for part in told[way]] == [strip_last(part) for part in told["whole"]], way


def strip_last(text):
    if isinstance(text, int):
        return text
    # the last frames before a failure, and the log, are others where commands left ahead or in pieces
    return re.sub(r"^  (last .*|log|\+\d.*)\n", "", text, flags=re.M)


def test_together_is_one_write_a_message(play, scenario, tmp_path):
    reads = []

    def serve(sock):
        connection, _ = sock.accept()
        with connection:
            data = connection.recv(1 << 20)
            reads.append(data)
            connection.sendall(options())
            while True:
                data = connection.recv(1 << 20)
                reads.append(data)
                answers = b""
                while data:
                    size = struct.unpack(">I", data[:4])[0] + 4
                    answers += CONTINUE if data[4:5] not in b"DAQ" else b""
                    if data[4:5] == b"Q":
                        return
                    data = data[size:]
                connection.sendall(answers)

    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "m.sock"))
        sock.listen()
        thread = threading.Thread(target=serve, args=(sock,), daemon=True)
        thread.start()
        done = play("-s", f"unix:{tmp_path}/m.sock",
                    scenario("mta plain\nsend-as together\nsession\n  eom\n  rcpt <a@b>\n  rcpt <c@d>\n  eom\n  quit\n"))
        thread.join(60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(reads) == 4, [read[:40] for read in reads]
    assert reads[2].count(b"R<") == 2


def test_a_milter_that_stops_answering_ahead_is_told(play, scenario, fake, clock):
    milter = fake({"T": SILENT, "L": SILENT, "N": SILENT, "E": clock.start})
    done = play("-s", milter.spec, scenario("send-as together\ntimeout 1s\nsession x\n  rcpt\n  data\n  eom\n"),
                env=clock.environment)
    assert done.returncode == 3
    assert "did not answer data" in done.stdout


def test_a_second_answer_ahead_is_told(play, scenario, fake):
    milter = fake({"R": CONTINUE + CONTINUE})
    done = play("-s", milter.spec, scenario("send-as together\nsession x\n  rcpt\n  data\n  eom\n"))
    assert done.returncode == 3
    assert "nobody asked for an answer" in done.stdout


# --- lines that act -----------------------------------------------------------------------------

ENDS = [
    # name, lines, answers of the milter, exit status, what is told
    ("half-close", "mail\n half-close\n rcpt\n", {}, 0, ""),
    ("half-close => closed", "mail\n half-close => closed\n", {}, 0, ""),
    ("close", "mail\n close\n rcpt\n", {}, 0, ""),
    ("reset", "mail\n reset\n rcpt\n", {}, 0, ""),
    ("reset in the middle", "reset after 3 bytes\n helo x\n", {}, 0, ""),
    ("close in the middle", "mail\n close after 50 bytes\n rcpt\n", {}, 0, ""),
    ("half-close in the middle", "mail\n half-close after 50 bytes => closed\n rcpt\n", {}, 0, ""),
    ("not reached", "mail\n close\n rcpt => continue\n", {}, 1, "not reached: nothing is sent after close, line 3"),
    ("cut", "mail\n close after 50 bytes\n rcpt => continue\n", {}, 1, "not reached: nothing is sent after close, line 3"),
    ("bytes that never leave", "mail\n close after 5000 bytes\n rcpt\n", {}, 1, "5000 bytes sent by the lines below it"),
    ("stall", "mail\n stall 300ms\n rcpt\n", {}, 0, ""),
    ("stall before anything else", "stall 300ms\n mail\n", {}, 0, ""),
    ("stall in the middle", "mail\n stall 300ms after 50 bytes\n rcpt\n", {}, 0, ""),
    ("stall without reading", "mail\n stall 300ms reading\n rcpt\n", {}, 0, ""),
    ("stall => closed", "mail\n stall 300ms => closed\n rcpt\n", {}, 1, "nothing in"),
    ("a milter that has gone", "mail => reject\n stall 300ms\n mail\n", {"M": [frame(b"r"), CLOSE]}, 3, "closed the connection"),
]


@pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])
@pytest.mark.parametrize("name,lines,answers,status,told", ENDS, ids=[row[0] for row in ENDS])
def test_lines_that_act(play, scenario, fake, name, lines, answers, status, told, tcp):
    done = play("-s", fake(answers, tcp=tcp).spec, scenario(f"session x\n {lines}"))
    assert done.returncode == status, done.stdout + done.stderr
    assert told in done.stdout


def test_a_reset_is_one_on_tcp(play, scenario):
    seen = []

    def serve(sock):
        connection, _ = sock.accept()
        with connection:
            try:
                while connection.recv(1 << 16):
                    connection.sendall(options())
                seen.append("closed")
            except ConnectionResetError:
                seen.append("reset")

    for line in ["close", "reset"]:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            thread = threading.Thread(target=serve, args=(sock,), daemon=True)
            thread.start()
            done = play("-s", f"inet:{sock.getsockname()[1]}@127.0.0.1", scenario(f"session\n  negotiate\n  {line}\n"))
            thread.join(60)
        assert done.returncode == 0, done.stdout + done.stderr
    assert seen == ["closed", "reset"]


def test_a_stall_lasts_as_long_as_it_says(play, scenario, fake):
    milter = fake()
    before = time.monotonic()
    done = play("-s", milter.spec, scenario("session\n  mail\n  stall 700ms\n  rcpt\n"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - before > 0.7


def test_a_libmilter_milter_survives_every_cut(play, scenario, milter):
    """Cut at many places, by each kind of end: the next session is as good as ever."""
    spec, _ = milter
    text = "mta postfix\n"
    for at in list(range(1, 60, 7)) + [150, 300, 600, 1000]:
        for end in ["close", "reset", "half-close"]:
            text += f"session {end}{at}\n  {end} after {at} bytes\n  generate size=2k\n  eom\n"
    text += "session whole\n  generate size=2k\n  eom => any\n"
    done = play("-s", spec, scenario(text), timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


# --- many at once -------------------------------------------------------------------------------

def test_copies_meet_at_a_barrier(play, scenario, fake):
    milter = fake()
    done = play("-s", milter.spec, scenario(
        "parallel 20 session many\n  mail <user$p@example.com>\n  barrier mid\n  rcpt <r$p@example.net>\n"
        "parallel session other\n  mail <other@example.com>\n  barrier mid\n  quit\n"))
    assert done.returncode == 0, done.stdout + done.stderr
    letters = milter.letters("D")
    # all mails are there before the first recipient
    assert letters.index("R") > [i for i, letter in enumerate(letters) if letter == "M"][-1]
    assert sorted(milter.payloads("R")) == sorted(f"<r{p}@example.net>\0".encode() for p in range(1, 21))


def test_a_barrier_that_nobody_else_reaches_is_passed_when_they_are_over(play, scenario, fake):
    done = play("-s", fake({"C": CONTINUE, "H": [CLOSE]}).spec, scenario(
        "parallel session one\n  connect\n  barrier mid\n  quit\n"
        "parallel session two\n  helo => continue\n  barrier mid\n"), timeout=60)
    assert done.returncode == 3, done.stdout + done.stderr
    assert re.search(r"^ok .*: one ", done.stdout, re.M), done.stdout


def test_sessions_that_wait_for_each_other_are_told(play, scenario, fake):
    done = play("-s", fake().spec, scenario(
        "parallel session one\n  mail\n  barrier x\n  barrier y\n"
        "parallel session two\n  mail\n  barrier y\n  barrier x\n"), timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "none can be passed" in done.stdout


# --- repeat, require ----------------------------------------------------------------------------

def test_rounds_have_their_number(play, scenario, fake):
    milter = fake()
    done = play("-s", milter.spec, scenario(
        "repeat 2 session\n  repeat 3 rcpt <r$n@example.net>\n  repeat 2 message\n    mail <m$n@example.com>\n    eom\n"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert milter.payloads("R")[:3] == [b"<r1@example.net>\0", b"<r2@example.net>\0", b"<r3@example.net>\0"]
    assert [p for p in milter.payloads("M") if p.startswith(b"<m")] == [b"<m1@example.com>\0", b"<m2@example.com>\0"] * 2


@pytest.mark.parametrize("first", ["mail", "negotiate\n  mail"], ids=["filled in", "written"])
def test_what_the_milter_answers_may_skip_a_session(play, scenario, fake, first):
    milter = fake({"O": options(symbols=struct.pack(">I", 0) + b"j\0")})
    done = play("-s", milter.spec, scenario(
        f"session picky\n  require negotiate symbols=none\n  {first}\n  eom => add-header X\n"))
    assert done.returncode == 77, done.stdout + done.stderr
    assert "require negotiate symbols=none: the milter answered negotiate" in done.stdout + done.stderr
    assert milter.letters("D") in ("OQ", "OAQ", "OAAQ")

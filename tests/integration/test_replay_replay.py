# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-replay replay: what was recorded is played again, and what a milter answers otherwise is told: no less, and no more."""

import json
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import pytest
from conftest import ROOT
from fakemilter import CLOSE, CONTINUE, SILENT
from milterwire import frame
from postfix_instance import Postfix, why_not
from recordedmilter import RecordedMilter
from recorder import Recorder

CAPTURES = ROOT / "tests/data/captures"

SCENARIO = """mta postfix
session
  connect client.example.com 192.0.2.7
  mail <alice@example.com>
  rcpt <bob@example.net> => any
  rcpt <carol@example.net> => any
  header Subject: one
  body "Hello\\r\\n"
  eom => any
  mail <dave@example.com>
  rcpt <bob@example.net> => any
  header Subject: two
  body "Hello again\\r\\n"
  eom => any
"""


@pytest.fixture
def replay(tool):
    """replay(ARGUMENT…): the finished process"""

    def run(*arguments, timeout=60, **more):
        return subprocess.run([tool("milter-replay"), "replay", *map(str, arguments)], timeout=timeout, text=True,
                              capture_output=True, **more)

    return run


@pytest.fixture
def ruled(client, tmp_path):
    """ruled(RULE…): a milter that follows them; `=>` begins a line. One rule is always there: without any, another
    answer is given to the offer."""

    def begin(*lines):
        path = tmp_path / f"rules{len(list(tmp_path.glob('rules*')))}.txt"
        path.write_text("".join(line.replace(" => ", "\n  => ") + "\n" for line in (*lines, "on unknown => continue")))
        return client(path)

    return begin


@pytest.fixture
def recorded(tool, ruled, play, scenario, tmp_path):
    """recorded(RULE…): a capture of SCENARIO, or another one, played against a milter with these rules"""

    def record(*lines, text=SCENARIO):
        milter = ruled(*lines)
        recorder = Recorder(tool, tmp_path, milter.spec, file=tmp_path / "recorded.pcap")
        done = play("-s", recorder.spec, scenario(text))
        assert recorder.stop() == 0
        assert milter.stop() == 0
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return recorder.file

    return record


FOUND = re.compile(r"^\S+: (?:FAIL|BROKEN) connection \d+(?:, round \d+)?: (.*)\n((?:  (?:expected|got|   ) .*\n)*)", re.M)


def differences(done):
    """[(what, recorded, now)] of a run's text."""
    found = []
    for what, lines in FOUND.findall(done.stdout):
        values = dict(re.findall(r"^  (expected|got) +(.*)$", lines, re.M))
        found.append((what, values.get("expected"), values.get("got")))
    return found


ONE, TWO = "message 1 from <alice@example.com>", "message 2 from <dave@example.com>"

# rules of then, rules of now, what is different
PLANTED = {
    "nothing": (["on rcpt <carol@*> => 451 4.7.1 later"], ["on rcpt <carol@*> => 451 4.7.1 later"], []),
    "a recipient is refused": (
        [], ["on rcpt <carol@*> => reject"], [(f"{ONE}: reply to rcpt <carol@example.net>", "continue", "reject")]),
    "a recipient is not refused any more": (
        ["on rcpt <carol@*> => reject"], [], [(f"{ONE}: reply to rcpt <carol@example.net>", "reject", "continue")]),
    "another code": (
        ["on rcpt <carol@*> => 451 4.7.1 later"], ["on rcpt <carol@*> => 550 5.7.1 never"],
        [(f"{ONE}: reply to rcpt <carol@example.net>", '451 4.7.1 "later"', '550 5.7.1 "never"')]),
    "another text": (
        ["on rcpt <carol@*> => 451 4.7.1 later"], ["on rcpt <carol@*> => 451 4.7.1 soon"],
        [(f"{ONE}: reply to rcpt <carol@example.net>", '451 4.7.1 "later"', '451 4.7.1 "soon"')]),
    "a field less": (
        ["on eom => add-header X-A: 1 => accept"], ["on eom => accept"],
        [(f"{message}: edit add-header X-A", "add-header X-A: 1", "no such edit") for message in (ONE, TWO)]),
    "a field more, of one message": (
        [], ["on eom 2 => add-header X-B: 2 => continue"],
        [(f"{TWO}: edit add-header X-B", "no such edit", "add-header X-B: 2")]),
    "another value": (
        ["on eom => add-header X-A: old => accept"], ["on eom => add-header X-A: new => accept"],
        [(f"{message}: edit add-header X-A", "add-header X-A: old", "add-header X-A: new") for message in (ONE, TWO)]),
    "discarded": (
        [], ["on eom 1 => discard"], [(f"{ONE}: reply to eom", "continue", "discard")]),
    "decided early": (
        [], ["on mail <alice@*> => accept"], [(f"{ONE}: reply to mail <alice@example.com>", "continue", "accept")]),
}


@pytest.mark.parametrize("name", PLANTED)
def test_exactly_what_is_different_is_told(recorded, ruled, replay, name):
    then, now, expected = PLANTED[name]
    capture = recorded(*then)
    done = replay(capture, "-s", ruled(*now).spec)
    assert (done.returncode, differences(done)) == (1 if expected else 0, expected), done.stdout + done.stderr
    assert "2 messages on 1 connection" in done.stdout


def test_what_the_rules_let_pass_is_no_difference(recorded, ruled, replay):
    capture = recorded("on eom => add-header X-A: old => accept")
    milter = ruled("on eom => add-header X-A: new => accept")
    assert replay(capture, "-s", milter.spec).returncode == 1
    done = replay(capture, "-s", milter.spec, "--ignore", "header:X-A")
    assert done.returncode == 0, done.stdout
    # on a busy machine an answer may be late as well, which is ignored, too
    assert re.search(r"no difference; [2-9] ignored", done.stdout), done.stdout


def test_what_does_not_apply_any_more_is_left_out_and_told(recorded, ruled, replay):
    done = replay(recorded(), "-s", ruled("on connect => 550 5.7.1 go").spec)
    assert done.returncode == 1
    assert "connection 1: answer to connect" in done.stdout or "reply to connect" in done.stdout, done.stdout
    assert re.search(r"note +left out, since the milter had decided: (helo, )?2 mail, 3 rcpt", done.stdout), done.stdout


@pytest.mark.parametrize("options", [[], ["-v"], ["--speed", "50"], ["--connections", "7"], ["--loop=3"],
                                     ["--connections", "1"]], ids=" ".join)
@pytest.mark.parametrize("name", ["16-interleaved.pcap", "23-verdicts.pcap", "30-sendmail-actions.pcap",
                                  "21-libmilter-nr.pcap"])
def test_a_milter_that_answers_as_then_is_no_different(tool, replay, tmp_path, name, options):
    """…, at whatever pace, however many connections are at once."""
    with RecordedMilter(tmp_path / "m.sock", tool("milter-replay"), CAPTURES / name, tmp_path / "plain.pcap") as milter:
        done = replay(CAPTURES / name, "-s", milter.spec, *options)
        n_connections = milter.n_connections
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no difference" in done.stdout
    assert n_connections == len(milter.recorded) * (3 if options == ["--loop=3"] else 1)


def test_in_the_report_each_difference_is_a_failure(recorded, ruled, replay, tmp_path):
    done = replay(recorded(), "-s", ruled("on rcpt <carol@*> => reject").spec, "--report", f"json:{tmp_path}/report.json",
                  "--report", f"junit:{tmp_path}/report.xml", "--report", f"tap:{tmp_path}/report.tap", "-q")
    assert done.returncode == 1
    lines = [json.loads(line) for line in (tmp_path / "report.json").read_text().splitlines()]
    failures = [failure for line in lines for failure in line.get("failures", [])]
    assert [(f["what"], f["expected"], f["got"]) for f in failures] == [
        (f"{ONE}: reply to rcpt <carol@example.net>", "continue", "reject")]
    assert 'failures="1"' in (tmp_path / "report.xml").read_text()
    assert re.search(r"^not ok 1 - .*connection 1", (tmp_path / "report.tap").read_text(), re.M)


def test_frames_are_shown_as_json(recorded, ruled, replay):
    done = replay(recorded(), "-s", ruled().spec, "--json")
    assert done.returncode == 0, done.stderr
    frames = [line for line in map(json.loads, done.stdout.splitlines()) if "letter" in line]
    assert [f["word"] for f in frames if f["from"] == "mta" and f["word"] in ("mail", "eom")] == ["mail", "eom"] * 2
    assert "no difference" in done.stderr


# --- where something goes wrong -----------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, told", [
    ([], "no recording is given"),
    (["x.pcap"], "no milter is given"),
    (["x.pcap", "-s", "nowhere"], "nowhere"),
    (["x.pcap", "-s", "unix:/m", "--spawn", "true"], "both -s and --spawn are given"),
    (["x.pcap", "-s", "unix:/m", "--speed", "0"], '"0" is not a number above 0'),
    (["x.pcap", "-s", "unix:/m", "--speed", "fast"], '"fast" is not a number above 0'),
    (["x.pcap", "-s", "unix:/m", "--connections", "0"], "--connections"),
    (["x.pcap", "-s", "unix:/m", "--loop=-1"], "--loop"),
    (["-", "-s", "unix:/m", "--loop"], "standard input cannot be"),
    (["x.pcap", "-s", "unix:/m", "--ignore", "nothing"], "nothing"),
    (["x.pcap", "-s", "unix:/m", "--timeout", "soon"], "--timeout"),
    (["x.pcap", "-s", "unix:/m", "--report", "junit:/no/where/x"], "--report"),
])
def test_wrong_usage_is_told_and_is_2(replay, arguments, told):
    done = replay(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr and "--help" in done.stderr


def test_what_is_no_recording_is_2(replay, ruled, tmp_path):
    (tmp_path / "x.pcap").write_bytes(b"no capture")
    done = replay(tmp_path / "x.pcap", "-s", ruled().spec)
    assert done.returncode == 2
    assert "x.pcap" in done.stderr


def test_a_recording_without_a_milter_is_no_pass(replay, ruled, tmp_path):
    (tmp_path / "empty.pcap").write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    done = replay(tmp_path / "empty.pcap", "-s", ruled().spec)
    assert done.returncode == 1
    assert "no milter connection" in done.stderr


def test_a_milter_that_is_not_there_is_3(recorded, replay, tmp_path):
    done = replay(recorded(), "-s", f"unix:{tmp_path}/none.sock")
    assert done.returncode == 3
    assert "none.sock" in done.stdout + done.stderr
    # nothing else stood in the way
    assert "the recording" not in done.stderr


def test_messages_of_a_milter_that_did_not_want_mail_are_counted(recorded, ruled, replay):
    rule = "on negotiate => negotiate steps=NOHELO,NOMAIL"
    done = replay(recorded(rule), "-s", ruled(rule, "on eom => tempfail").spec)
    assert done.returncode == 1
    assert "\n2 messages on 1 connection in " in done.stdout
    assert "; 2 differences, in 2 messages" in done.stdout


def test_what_a_milter_wants_now_and_did_not_then_is_missing(recorded, ruled, replay):
    done = replay(recorded("on negotiate => negotiate steps=NOMAIL"), "-s", ruled("on negotiate => negotiate steps=none").spec)
    assert done.returncode == 1
    assert "message 1: not compared: the recording has no mail command for it, since the milter did not want one then, " \
        "and does now" in done.stdout, done.stdout


def test_a_recording_that_ends_in_the_middle_of_a_message_is_no_pass(recorded, ruled, replay, tool, tmp_path):
    """What was recorded is the same, and what would have become of the message nobody knows."""
    trace, cut = tmp_path / "whole.trace", tmp_path / "cut.trace"
    subprocess.run([tool("milter-replay"), "convert", recorded(), "-o", trace], check=True)
    lines = trace.read_text().splitlines(keepends=True)
    cut.write_text("".join(lines[:next(i for i, line in enumerate(lines) if " data" in line and "macro" not in line) + 2]))
    milter = ruled()
    assert replay(trace, "-s", milter.spec).returncode == 0
    done = replay(cut, "-s", milter.spec)
    assert done.returncode == 1
    # told once: of the message, and not of its session again
    assert done.stdout.count("not compared: the recording ends in the middle of it") == 1, done.stdout
    assert "; no difference; 1 not compared" in done.stdout
    assert replay(cut, "-s", milter.spec, "--ignore", "holes").returncode == 0
    done = subprocess.run([tool("milter-replay"), "compare", cut, cut], capture_output=True, text=True)
    assert done.returncode == 1
    assert "the recording ends in the middle of it" in done.stdout, done.stdout


def test_after_ten_connections_that_cannot_be_made_it_gives_up(recorded, replay, tmp_path):
    done = replay(recorded(), "-s", f"unix:{tmp_path}/none.sock", "--loop=100000")
    assert done.returncode == 3
    assert "10 connections in a row could not be made" in done.stderr
    assert done.stdout.count("BROKEN connection") < 1000


BREAKS = {
    "closes": ({"R": CLOSE}, "the milter closed the connection after rcpt"),
    "is silent": (None, "no answer to rcpt within 0.3 s"),
    "speaks another protocol": ({"R": b"HTTP/1.1 400 Bad Request\r\n"}, "what came is no milter frame"),
    "answers twice": ({"C": CONTINUE * 2}, "no command waits for a reply"),
    "edits too early": ({"C": frame(b"h", b"X\0y\0") + CONTINUE}, "add-header"),
    "malformed": ({"E": frame(b"h", b"X") + CONTINUE}, "SMFIR_ADDHEADER"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_milter_that_breaks_the_protocol_is_3(recorded, fake, replay, clock, name):
    answers, told = BREAKS[name]
    done = replay(recorded(), "-s", fake(answers or {"R": clock.start}).spec, "--timeout", "300ms", env=clock.environment)
    assert done.returncode == 3, done.stdout
    assert told in done.stdout


def test_an_interrupted_run_tells_what_it_knows(recorded, ruled, tool, tmp_path):
    capture = recorded("on rcpt <carol@*> => reject")
    process = subprocess.Popen([tool("milter-replay"), "replay", capture, "-s", ruled().spec, "--loop"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(40)]
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=60)
    out = "".join(lines) + rest
    assert process.returncode == 1
    assert f"FAIL connection 1, round 1: {ONE}: reply to rcpt <carol@example.net>" in out
    assert "interrupted" in out + err
    assert re.search(r"\d+ messages on \d+ connections in ", out)


def test_a_milter_can_be_started(recorded, replay, tool):
    done = replay(recorded(), "--spawn", f"{tool('milter-test-client')} -s $socket -e 'on rcpt <carol@*> => reject'")
    assert [what for what, _, _ in differences(done)] == [f"{ONE}: reply to rcpt <carol@example.net>"], done.stdout


def test_the_recorded_pace_is_kept(recorded, ruled, replay, clock):
    capture = recorded(text=SCENARIO.replace("  mail <dave", "  stall 1500ms\n  mail <dave"))
    milter = ruled()
    # the clock stands still: who waited would wait for ever
    assert replay(capture, "-s", milter.spec, env=clock.environment).returncode == 0
    begin = time.monotonic()
    assert replay(capture, "-s", milter.spec, "--speed", "1").returncode == 0
    assert time.monotonic() - begin > 1.5


def test_a_pipe_is_played_as_it_comes(recorded, fake, tool):
    """Each word goes out when it is there, whatever is still to come; and it can be interrupted while it waits."""
    capture = recorded().read_bytes()
    milter = fake()
    process = subprocess.Popen([tool("milter-replay"), "replay", "-", "-s", milter.spec], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # all but the end of the connection
    process.stdin.write(capture[:-300])
    process.stdin.flush()
    end = time.monotonic() + 60
    while milter.letters("D").count("E") < 2:
        assert process.poll() is None and time.monotonic() < end, milter.letters()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 1
    out, err = process.communicate(timeout=60)
    assert b"interrupted" in out + err and b"2 messages" in out


def test_a_pipe_that_ends_when_the_milter_has_gone_ends_the_run(fake, tool):
    """The last of what is read ends the last connection: nothing is left that could happen."""
    lines = (ROOT / "scenarios/captures/list-milter-crowd.trace").read_text().splitlines(keepends=True)
    # up to the first command of a message; and enough of it that the milter has gone before all is read
    trace = "".join(lines[:10]) + 5000 * "+5.2 @1 header X: y\n"
    done = subprocess.run([tool("milter-replay"), "replay", "-", "-s", fake({"O": CLOSE}).spec], input=trace, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "the milter closed the connection after negotiate" in done.stdout


# --- holes --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["13-mid-session.pcap", "14-snaplen96.pcap", "35-capture-lost-packets.pcap"])
def test_where_bytes_are_missing_the_rest_is_played_and_nothing_passes(replay, ruled, name):
    milter = ruled()
    done = replay(CAPTURES / name, "-s", milter.spec)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not compared: " in done.stdout
    assert "since bytes of the message are missing in the recording" in done.stdout
    done = replay(CAPTURES / name, "-s", milter.spec, "--ignore", "holes,negotiation")
    assert done.returncode == 0, done.stdout


# A recording that ends behind such a line, and whether all that it has can be held against a milter: what was asked
# was answered, and no message is open.
CUTS = {
    "@1 negotiate": False, "@1 => negotiate": True, "@1 macro connect": True, "@1 connect": False, "@1 => continue": True,
    "@2 session": True, "@2 negotiate": False, "@2 mail": False, "@2 rcpt": False, "@2 => continue": True, "@2 body": False, "@2 eom": False,
    "@2 => insert-header": False, "@2 => accept": True, "@2 abort": True, "@2 quit": True, "@2 close": True,
}


@pytest.mark.parametrize("behind", CUTS)
def test_of_a_recording_that_ends_somewhere_all_commands_say_the_same(tool, client, replay, tmp_path, behind):
    lines = (ROOT / "scenarios/captures/opendkim-own-and-foreign.trace").read_text().splitlines(keepends=True)
    end = next(i for i, line in enumerate(lines) if line.partition(" ")[2].startswith(behind))
    cut = tmp_path / "cut.trace"
    cut.write_text("".join(lines[:end + 1]))
    compared = subprocess.run([tool("milter-replay"), "compare", cut, cut], timeout=60)
    verdicts = {"compare": compared.returncode}
    for options in ([], ["-v"], ["--json"]):
        # what it was not recorded to answer it answers all the same: nobody waits for it
        milter = client("-q", "--replay", cut)
        done = replay(cut, "-s", milter.spec, "--timeout", "20s", *options)
        verdicts[f"replay {options}"] = done.returncode
        verdicts[f"its milter {options}"] = milter.stop()
    assert set(verdicts.values()) == {0 if CUTS[behind] else 1}, verdicts


def test_a_difference_is_told_though_the_recording_ends_behind_it(recorded, ruled, replay, tool, tmp_path):
    trace = subprocess.run([tool("milter-replay"), "show", recorded()], check=True, capture_output=True, text=True).stdout
    cut = tmp_path / "cut.trace"
    cut.write_text(trace[:trace.index(" mail <")].rpartition("\n")[0] + "\n")
    done = replay(cut, "-s", ruled("on connect => tempfail").spec, "--ignore", "holes,negotiation")
    assert done.returncode == 1, done.stdout
    assert [row[0] for row in differences(done)] == ["reply to connect client.example.com"]


# --- real ones ----------------------------------------------------------------------------------------------------

OPENDKIM = """
Syslog            no
Background        no
Canonicalization  relaxed/simple
AuthservID        mx.example.com
Mode              sv
Domain            {domain}
Selector          spot
KeyFile           {work}/spot.private
RequireSafeKeys   no
InternalHosts     127.0.0.1
TestPublicKeys    {work}/public.txt
AlwaysAddARHeader yes
"""

MAIL = b"""From: %s\r
To: bob@example.net\r
Subject: replayed\r
Date: Sun, 22 Nov 2026 09:15:02 +0100\r
Message-ID: <%d@example.com>\r
\r
Hello\r
"""


@pytest.fixture
def opendkim(start):
    """opendkim(DOMAIN): where one listens; each signs mail from its domain with the same key"""
    # not below pytest's own folders: those are closed to the user postfix
    work = pathlib.Path(tempfile.mkdtemp(prefix="milterlab-opendkim-"))
    work.chmod(0o755)

    def begin(domain):
        if not shutil.which("opendkim") or not shutil.which("opendkim-genkey"):
            pytest.skip("opendkim: a program that it needs is not installed")
        if not (work / "spot.private").exists():
            subprocess.run(["opendkim-genkey", "-D", work, "-b", "2048", "-d", "example.com", "-s", "spot"], check=True)
            zone = "".join(re.findall(r'"([^"]*)"', (work / "spot.txt").read_text()))
            (work / "public.txt").write_text(f"spot._domainkey.example.com {zone}\n")
        name = work / f"dkim{len(list(work.glob('*.conf')))}"
        name.with_suffix(".conf").write_text(OPENDKIM.format(work=work, domain=domain))
        socket_path = name.with_suffix(".sock")
        start(["opendkim", "-f", "-x", name.with_suffix(".conf"), "-p", f"local:{socket_path}"], socket=socket_path)
        return f"unix:{socket_path}"

    yield begin
    shutil.rmtree(work, ignore_errors=True)


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_what_postfix_said_to_opendkim_is_replayed(tool, replay, opendkim, tmp_path):
    spec = opendkim("example.com")
    recorder = Recorder(tool, tmp_path, spec, file=tmp_path / "postfix.pcap")
    port = re.match(r"inet:(\d+)@", recorder.spec)[1]
    with Postfix(dkim=f"inet:127.0.0.1:{port}") as mta:
        for n, sender in enumerate((b"alice@example.com", b"eve@example.org", b"carol@example.com")):
            queued, answer = mta.deliver(MAIL % (sender, n), "dkim", sender=f"<{sender.decode()}>")
            assert queued is not None, answer
            assert (b"DKIM-Signature" in queued.content) == sender.endswith(b"example.com")
    assert recorder.stop() == 0

    # signatures hold the time, so that they are others in the next second
    time.sleep(1.1)
    done = replay(recorder.file, "-s", spec)
    assert done.returncode == 1
    assert [what.split(": ")[1] for what, _, _ in differences(done)] == ["edit insert-header DKIM-Signature"] * 2
    done = replay(recorder.file, "-s", spec, "--ignore", "signatures")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(r"3 messages on \d connections? in .*; no difference; 2 ignored\n", done.stdout.splitlines(True)[-1])

    # another policy, and exactly what it does otherwise: it signs for somebody else
    done = replay(recorder.file, "-s", opendkim("example.org"), "--ignore", "signatures")
    assert done.returncode == 1
    signature, results = "edit insert-header DKIM-Signature", "edit insert-header Authentication-Results"
    no_more = [("reply to body", "continue", "skip"), (signature, True, False), (results, False, True)]
    now = [("reply to body", "skip", "continue"), (results, True, False), (signature, False, True)]
    found = [(*what.split(": ", 1), *(text if what.endswith("body") else text != "no such edit" for text in texts))
             for what, *texts in differences(done)]
    assert found == [(f"message 1 from <{sender}>", *row) for sender, rows in
                     (("alice@example.com", no_more), ("eve@example.org", now), ("carol@example.com", no_more)) for row in rows]

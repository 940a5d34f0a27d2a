# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-replay compare: what differs between two recordings, and nothing else."""

import json
import random
import re
import struct
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import ROOT
from milterwire import CONNECT, OFFER, frame
from recorder import Recorder

CAPTURES = ROOT / "tests/data/captures"
WITH_HOLES = ("13", "14", "35", "48", "49")
WHOLE = sorted(p for p in CAPTURES.glob("*.pcap*") if p.name[:2] not in WITH_HOLES)
# captures that were made from another one, and hold the same traffic
SAME = [("03", "41"), ("07", "40"), ("07", "43"), ("11", "44"), ("12", "46"), ("12", "47"), ("16", "42"), ("30", "45")]

ANSWER = frame(b"O", struct.pack(">III", 6, 0x1FF, 0))
GOES_ON = frame(b"c")


def capture(number):
    return next(p for p in CAPTURES.glob(f"{number}-*.pcap*"))


@pytest.fixture
def compare(tool):
    def run(*arguments, **options):
        options.setdefault("timeout", 180)
        options.setdefault("text", True)
        return subprocess.run([tool("milter-replay"), "compare", *map(str, arguments)], capture_output=True, **options)
    return run


def wait_for(condition, process=None):
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        if process is not None and process.poll() is not None:
            pytest.skip("tcpdump may not capture here")
        time.sleep(0.05)


def packet(port, sender, seq, ack, flags, data):
    """A TCP segment in IPv4."""
    ends = [(b"\xc0\x00\x02\x01", 40000 + port), (b"\xc0\x00\x02\x02", 8891)]
    (source, source_port), (target, target_port) = ends[sender], ends[not sender]
    tcp = struct.pack(">HHIIBBHHH", source_port, target_port, seq[sender], ack, 0x50, flags, 65535, 0, 0) + data
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, source, target)
    return ip + tcp


def write_capture(path, *connections, lost=()):
    """Each connection is a list of frames: of the MTA (`>`) or the milter (`<`). Numbers in @lost are not written."""
    packets = []
    for port, frames in enumerate(connections):
        seq = [1, 1]
        packets.append(packet(port, 0, [0, 0], 0, 0x02, b""))
        packets.append(packet(port, 1, [0, 0], 1, 0x12, b""))
        for sender, data in frames:
            side = "><".index(sender)
            for start in range(0, len(data), 60000):
                piece = data[start:start + 60000]
                packets.append(packet(port, side, seq, seq[not side], 0x18, piece))
                seq[side] += len(piece)
        packets.append(packet(port, 0, seq, seq[1], 0x11, b""))
        packets.append(packet(port, 1, seq, seq[0] + 1, 0x11, b""))
    with path.open("wb") as file:
        file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for number, data in enumerate(packets, 1):
            if number not in lost:
                file.write(struct.pack("=IIII", 1700000000, number * 1000, len(data), len(data)) + data)
    return path


def message(*edits, sender=b"<alice@example.com>", rcpt=b"<bob@example.net>", subject=b"hello", body=b"one\r\ntwo\r\n",
            number=1, verdict=(b"a", b""), rcpt_reply=(b"c", b"")):
    """The frames of a message."""
    said = [(">", frame(b"D", b"Mi\0" + b"4F1A2B3C%d\0" % number)), (">", frame(b"M", sender + b"\0")), ("<", GOES_ON),
            (">", frame(b"R", rcpt + b"\0")), ("<", frame(*rcpt_reply))]
    for name, value in ((b"Message-ID", b"<%d@example.com>" % number), (b"Subject", subject)):
        said += [(">", frame(b"L", name + b"\0" + value + b"\0")), ("<", GOES_ON)]
    said += [(">", frame(b"N")), ("<", GOES_ON), (">", frame(b"B", body)), ("<", GOES_ON), (">", frame(b"E"))]
    return said + [("<", frame(letter, payload)) for letter, payload in edits] + [("<", frame(*verdict))]


def session(*messages, client=CONNECT, answer=ANSWER, helo_reply=(b"c", b"")):
    said = [(">", frame(b"O", OFFER)), ("<", answer), (">", frame(b"C", client)), ("<", GOES_ON),
            (">", frame(b"H", b"helo.example\0")), ("<", frame(*helo_reply))]
    for one in messages:
        said += one
    return said + [(">", frame(b"Q"))]


SPAM = (b"h", b"X-Spam\0no\0")

# each kind of difference, planted: the two recordings, what is told, its kind
PLANTED = {
    "verdict": (message(), message(verdict=(b"r", b"")), "reply to eom", "verdict"),
    "recipient": (message(), message(rcpt_reply=(b"y", b"550 5.1.1 no such user\0")), "reply to rcpt <bob@example.net>", "verdict"),
    "code": (message(verdict=(b"y", b"550 5.7.1 no\0")), message(verdict=(b"y", b"554 5.7.1 no\0")), "reply to eom", "verdict"),
    "reply text": (message(verdict=(b"y", b"550 5.7.1 no\0")), message(verdict=(b"y", b"550 5.7.1 never\0")), "reply to eom", "reply-text"),
    "edit": (message(SPAM), message((b"h", b"X-Spam\0yes\0")), "edit add-header X-Spam", "edits"),
    "missing edit": (message(SPAM), message(), "edit add-header X-Spam", "edits"),
    "surplus edit": (message(), message((b"q", b"why\0")), "edit quarantine", "edits"),
    "order of edits": (message(SPAM, (b"h", b"X-Other\0x\0")), message((b"h", b"X-Other\0x\0"), SPAM), "order of the fields", "mail"),
    "body": (message((b"b", b"1\r\n2\r\n")), message((b"b", b"1\r\n3\r\n")), "edit replace-body", "edits"),
    "large body": (message((b"b", b"1" * 900000), (b"b", b"2" * 900000)), message((b"b", b"1" * 900000), (b"b", b"3" * 900000)), "edit replace-body", "edits"),
    "sent field": (message(), message(subject=b"other"), 'field "Subject" of the mail as it was sent', "sent"),
    "sent body": (message(), message(body=b"one\r\n2\r\n"), "body as it was sent", "sent"),
}


@pytest.mark.parametrize("path", WHOLE, ids=lambda p: p.name)
def test_a_capture_is_as_itself(compare, path):
    done = compare("-q", path, path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("a, b", SAME)
def test_the_same_traffic_is_the_same_however_it_was_captured(compare, a, b):
    done = compare(capture(a), capture(b))
    assert done.returncode == 0, done.stdout + done.stderr
    assert " compared, 0 differences" in done.stdout


@pytest.mark.parametrize("path", WHOLE, ids=lambda p: p.name)
def test_a_trace_is_as_the_capture_that_it_was_made_from(compare, tool, tmp_path, path):
    trace = tmp_path / "same.trace"
    subprocess.run([tool("milter-replay"), "convert", "-o", trace, path], check=True, capture_output=True, timeout=60)
    done = compare("-q", path, trace)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def recorder(tool, tmp_path):
    """recorder(SPEC, OPTION…): ended with the test."""
    running = []

    def run(spec, *options, **more):
        running.append(Recorder(tool, tmp_path, spec, *options, **more))
        return running[-1]

    yield run
    for one in running:
        one.kill()


def test_tcpdump_and_the_recorder_have_seen_the_same(compare, recorder, client, play, start, tmp_path):
    """On either side of the recorder."""
    rules = tmp_path / "milter.rules"
    rules.write_text('on rcpt <busy@*> => 451 4.7.1 "later"\non eom\n  => add-header X-Seen: yes\n  => accept\n')
    milter = client(rules, spec="inet:0@127.0.0.1")
    recorder = recorder(milter.spec, "--sessions", "3")
    ports = [spec.removeprefix("inet:").partition("@")[0] for spec in (recorder.spec, milter.spec)]
    captures = []
    for port in ports:
        captures.append(tmp_path / f"{port}.pcap")
        dump = start(["tcpdump", "-i", "lo", "-U", "-B", "16384", "-Z", "root", "-w", captures[-1], "tcp", "port", port],
                     stdout=subprocess.DEVNULL, stderr=(tmp_path / f"{port}.err").open("wb"))
        wait_for(lambda: "listening on" in (tmp_path / f"{port}.err").read_text(), dump)
    for n in range(3):
        done = play("-s", recorder.spec, "-f", f"alice{n}@example.com", "-r", "bob@example.net", "-r", "busy@example.net",
                    "-m", ROOT / "scenarios/quickstart/newsletter.eml")
        assert "status" in done.stdout, done.stdout + done.stderr
    assert recorder.wait() == 0
    for path, port in zip(captures, ports):
        wait_for(lambda: compare(path, recorder.file).returncode == 0)
        done = compare(path, recorder.file)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "3 messages compared, 0 differences" in done.stdout


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_difference_is_found(compare, tmp_path, name):
    """And it is the only one."""
    a, b, what, kind = PLANTED[name]
    one = write_capture(tmp_path / "a.pcap", session(a, message(number=2)))
    other = write_capture(tmp_path / "b.pcap", session(b, message(number=2)))
    done = compare(one, other)
    assert done.returncode == 1
    assert f": {what} (A: frame " in done.stdout
    assert len(re.findall(r"^FAIL .*/message 1 ", done.stdout, re.M)) == 1 and "message 2" not in done.stdout
    assert "2 messages compared, 1 difference" in done.stdout
    lines = [json.loads(line) for line in compare("--json", one, other).stdout.splitlines()]
    found = [line for line in lines if line["type"] == "difference" and "ignored_by" not in line]
    assert [(line["what"], line["kind"]) for line in found] == [(what, kind)]
    assert found[0]["a"]["frame_number"] and found[0]["b"]["frame_number"]
    assert lines[-1]["type"] == "summary" and lines[-1]["n_differences"] == 1


def test_differences_of_a_session_are_found(compare, tmp_path):
    one = write_capture(tmp_path / "a.pcap", session(message()))
    other = write_capture(tmp_path / "b.pcap", session(message(), answer=frame(b"O", struct.pack(">III", 6, 1, 0))))
    refused = write_capture(tmp_path / "c.pcap", session(helo_reply=(b"y", b"550 5.7.1 no\0")))
    done = compare(one, other)
    assert done.returncode == 1
    assert re.search(r"answer to the offer \(A: frame \d+, .*\)\n  expected  version 6, actions all, .*\n  got       version 6, actions ADDHDRS,", done.stdout)
    assert compare("--ignore", "negotiation", one, other).returncode == 0
    done = compare(one, refused)
    assert done.returncode == 1
    assert 'reply to helo helo.example (A: ' in done.stdout and "it is in the first recording alone" in done.stdout


def test_what_passes_is_counted_and_told(compare, tmp_path):
    one = write_capture(tmp_path / "a.pcap", session(message((b"h", b"X-Date\0Mon, 23 Nov 2026 02:08:50 +0000\0"))))
    other = write_capture(tmp_path / "b.pcap", session(message((b"h", b"X-Date\0Tue, 24 Nov 2026 03:08:50 +0000\0"))))
    assert compare(one, other).returncode == 1
    done = compare("--ignore", "dates,ids", one, other)
    assert done.returncode == 0
    assert "1 message compared, 0 differences, 1 difference ignored (dates 1)" in done.stdout and "X-Date" not in done.stdout
    done = compare("-v", "--ignore", "dates", one, other)
    assert done.returncode == 0
    assert re.search(r"note .*edit add-header X-Date .*, ignored by dates: add-header X-Date: Mon, 23 .* became add-header X-Date: Tue", done.stdout)
    assert compare("--ignore", "header:X-Other", one, other).returncode == 1
    assert compare("--ignore", "header:x-d*", one, other).returncode == 0


def test_what_is_in_one_recording_alone_is_a_difference(compare, tmp_path):
    one = write_capture(tmp_path / "a.pcap", session(message(number=1), message(number=2, sender=b"<x@example.com>")), session(message(number=3)))
    other = write_capture(tmp_path / "b.pcap", session(message(number=3)), session(message(number=1)))
    done = compare(one, other)
    assert done.returncode == 1
    assert re.search(r"message 2 <x@example.com>, Message-ID <2@example.com>: it is in the first recording alone\n"
                     r"  expected  frame \d+, \+0\.\d+\n  got       no such message", done.stdout)
    assert "connection 1 and 2" in done.stdout and "connection 2 and 1" in done.stdout
    done = compare(other, one)
    assert done.returncode == 1 and "it is in the second recording alone" in done.stdout


@pytest.mark.parametrize("number", WITH_HOLES)
def test_what_is_missing_is_not_equal(compare, number):
    path = capture(number)
    done = compare(path, path)
    assert done.returncode == 1
    assert "it cannot be compared" in done.stdout and "recording" in done.stdout
    lines = [json.loads(line) for line in compare("--json", path, path).stdout.splitlines()]
    assert [line for line in lines if line["type"] == "not_compared"]


def test_messages_beside_a_hole_are_compared(compare, tmp_path):
    frames = session(message(number=1), message(number=2), message(number=3))
    one = write_capture(tmp_path / "a.pcap", frames)
    # a packet of the second message, the milter's answer to its header field
    at = 2 + frames.index((">", frame(b"M", b"<alice@example.com>\0")), 10) + 6
    other = write_capture(tmp_path / "b.pcap", frames, lost=[at])
    done = compare(one, other)
    assert done.returncode == 1
    assert re.search(r"message 2 .*: it cannot be compared\n  expected .*\n  got       second recording: bytes of it are missing", done.stdout)
    assert "2 messages compared, 1 message not compared, 0 differences" in done.stdout
    done = compare("--ignore", "holes", one, other)
    assert done.returncode == 0
    assert "2 messages compared, 1 message not compared, 0 differences" in done.stdout and "was not compared: second" in done.stdout
    # and what is behind it is judged
    frames[-2] = ("<", frame(b"r"))
    worse = write_capture(tmp_path / "c.pcap", frames, lost=[at])
    done = compare("--ignore", "holes", one, worse)
    assert done.returncode == 1 and "message 3" in done.stdout


def test_a_message_whose_sender_is_lost_is_found_by_its_message_id(compare, tmp_path):
    frames = session(message(number=1), message(number=2), message(number=3))
    one = write_capture(tmp_path / "a.pcap", frames)
    at = 2 + frames.index((">", frame(b"M", b"<alice@example.com>\0")), 10) + 1
    other = write_capture(tmp_path / "b.pcap", frames, lost=[at])
    done = compare("--ignore", "holes", one, other)
    assert "2 messages compared, 1 message not compared, 0 differences" in done.stdout, done.stdout
    assert done.returncode == 0 and "alone" not in done.stdout


def test_a_recording_that_is_cut_is_not_equal(compare, tmp_path):
    whole = capture("07")
    data = whole.read_bytes()
    for size in range(1, len(data) * 9 // 10, len(data) // 40):
        (tmp_path / "cut.pcap").write_bytes(data[:size])
        for pair in ((whole, tmp_path / "cut.pcap"), (tmp_path / "cut.pcap", whole)):
            done = compare(*pair)
            assert done.returncode in (1, 2), f"{size} bytes: {done.stdout}{done.stderr}"
            assert "Sanitizer" not in done.stderr


def test_damage_does_no_harm(compare, tmp_path):
    whole = capture("30")
    chance = random.Random(1)
    for n in range(40):
        data = bytearray(whole.read_bytes())
        for _ in range(chance.randrange(1, 20)):
            data[chance.randrange(24, len(data))] = chance.randrange(256)
        (tmp_path / "damaged.pcap").write_bytes(data)
        done = compare(whole, tmp_path / "damaged.pcap")
        assert done.returncode in (0, 1, 2) and "Sanitizer" not in done.stderr, done.stderr


def test_nothing_compared_is_not_equal(compare):
    path = capture("13")
    done = compare("--ignore", "holes", path, path)
    assert done.returncode == 1
    assert done.stderr == "milter-replay compare: nothing could be compared\n"
    assert re.search(r"^skip .*: nothing of it could be compared$", done.stdout, re.M)


def test_reports_hold_what_differs(compare, tmp_path):
    one = write_capture(tmp_path / "a.pcap", session(message(SPAM)), session(client=b"other.example\0U"))
    other = write_capture(tmp_path / "b.pcap", session(message()), session(client=b"other.example\0U"))
    done = compare("--report", f"junit:{tmp_path}/r.xml", "--report", f"tap:{tmp_path}/r.tap", "--report", f"json:{tmp_path}/r.json", one, other)
    assert done.returncode == 1
    suite = ElementTree.parse(tmp_path / "r.xml").getroot()
    cases = list(suite.iter("testcase"))
    assert len(cases) == 2 and len(list(suite.iter("failure"))) == 1
    assert "X-Spam" in "".join(next(suite.iter("failure")).itertext())
    tap = (tmp_path / "r.tap").read_text()
    assert len(re.findall(r"^ok ", tap, re.M)) == 1 and len(re.findall(r"^not ok ", tap, re.M)) == 1
    lines = [json.loads(line) for line in (tmp_path / "r.json").read_text().splitlines()]
    failures = [failure for line in lines for failure in line.get("failures", [])]
    assert [failure["expected"] for failure in failures] == ["add-header X-Spam: no"]


def test_both_may_come_from_a_pipe_or_a_file_but_not_both_from_one(compare, tmp_path):
    path = write_capture(tmp_path / "a.pcap", session(message()))
    done = compare(path, "-", input=path.read_bytes(), text=False)
    assert done.returncode == 0, done.stderr
    done = compare("-", path, input=path.read_bytes(), text=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments, sentence", [
    ([], "two recordings are needed"),
    (["a.pcap"], "two recordings are needed"),
    (["a.pcap", "a.pcap", "a.pcap"], "two recordings are needed"),
    (["-", "-"], "only one of the recordings can be standard input"),
    (["a.pcap", "none.pcap"], "none.pcap cannot be read: No such file"),
    (["text", "a.pcap"], "text is no capture"),
    (["--ignore", "date", "a.pcap", "a.pcap"], '"date" is no rule; there are: dates, ids,'),
    (["--ignore", "header", "a.pcap", "a.pcap"], '"header" lacks a NAME behind a colon'),
    (["--no-ignore", "dates", "a.pcap", "a.pcap"], "does not hold by default"),
    (["--report", "xml:x", "a.pcap", "a.pcap"], '"xml:x" is not FORMAT:FILE'),
    (["--json", "--report", "tap:-", "a.pcap", "a.pcap"], "--json: the standard output is taken by a report"),
    (["-q", "-v", "a.pcap", "a.pcap"], "--quiet and --verbose exclude each other"),
    (["--color", "red", "a.pcap", "a.pcap"], '"red" is neither auto, always nor never'),
])
def test_wrong_usage_is_told(compare, tmp_path, arguments, sentence):
    write_capture(tmp_path / "a.pcap", session(message()))
    (tmp_path / "text").write_text("no capture at all\n")
    done = compare(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_slow_answers_are_a_difference_on_demand(compare, tmp_path):
    path = write_capture(tmp_path / "a.pcap", session(message()))
    data = path.read_bytes()
    # the time of the packet with the milter's verdict: the third but last, which is behind QUIT and both ends
    at = [24]
    while at[-1] < len(data):
        at.append(at[-1] + 16 + struct.unpack("=I", data[at[-1] + 8:at[-1] + 12])[0])
    late = bytearray(data)
    for start in at[-5:-1]:
        late[start:start + 4] = struct.pack("=I", 1700000060)
    (tmp_path / "b.pcap").write_bytes(late)
    done = compare(path, tmp_path / "b.pcap")
    assert done.returncode == 0 and "1 difference ignored (latency 1)" in done.stdout
    done = compare("--no-ignore", "latency", path, tmp_path / "b.pcap")
    assert done.returncode == 1 and "time of the reply to eom" in done.stdout


def test_the_manual_lists_the_rules(compare):
    shown = compare("--help").stdout
    rules = re.findall(r"^  ([a-z][a-z-]*)(?:\[?:[A-Z]+\]?)? +\S", shown[shown.index("Rules:"):], re.M)
    page = (ROOT / "docs/milter-replay.1").read_text().replace("\\-", "-")
    part = page[page.index(".SS Of compare"):page.index(".SS Of record")]
    assert len(rules) > 15
    assert re.findall(r"^\.B ([a-z][a-z-]*)(?:\[?:[A-Z]+\]?)?$", part[:part.index(".RE")], re.M) == rules


@pytest.fixture
def record(recorder, play, tmp_path):
    """record(NAME, SPEC, ARGUMENT…): what milter-test-server and a milter say."""
    def run(name, spec, *arguments):
        one = recorder(spec, "--sessions", "1", file=tmp_path / name)
        play("-s", one.spec, *arguments)
        assert one.wait() == 0
        return one.file
    return run


@pytest.fixture
def opendkim(start, tmp_path):
    """opendkim(NAME, SETTINGS): Debian's opendkim with further settings."""
    def run(name, settings=""):
        script = ROOT / "scripts/start-opendkim.sh"
        text = script.read_text().replace("AlwaysAddARHeader yes", "AlwaysAddARHeader yes\n" + settings)
        mine = tmp_path / f"{name}.sh"
        mine.write_text(text.replace('here=$(cd "$(dirname "$0")/.." && pwd)', f"here={ROOT}"))
        mine.chmod(0o755)
        start([mine, tmp_path / name, f"unix:{tmp_path}/{name}.sock"], socket=tmp_path / f"{name}.sock")
        return f"unix:{tmp_path}/{name}.sock"
    return run


def test_two_policies_of_opendkim_differ_as_they_do(compare, record, opendkim):
    mail = ROOT / "scenarios/quickstart/newsletter.eml"
    plain = ["--connect-address", "inet:50443@[192.0.2.7]", "-f", "alice@example.com", "-r", "bob@example.net", "-m", mail]
    same = opendkim("one")
    other = opendkim("two", "Canonicalization simple/simple")
    one = record("one.pcap", same, *plain)
    again = record("again.pcap", same, *plain)
    two = record("two.pcap", other, *plain)
    done = compare("--ignore", "signatures", one, again)
    assert done.returncode == 0, done.stdout
    done = compare("--ignore", "signatures", one, two)
    assert done.returncode == 1
    found = re.findall(r"^FAIL .*?: (.*) \(A: ", done.stdout, re.M)
    assert found == ["edit insert-header DKIM-Signature"], done.stdout
    assert "c=relaxed/simple" in done.stdout and "c=simple/simple" in done.stdout
    assert compare("--ignore", "header:DKIM-Signature", one, two).returncode == 0

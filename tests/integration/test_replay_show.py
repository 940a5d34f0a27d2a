# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-replay show: recorded traffic, compared with what another program saw in it."""

import json
import os
import pathlib
import random
import re
import subprocess
import sys

import pytest

CAPTURES = pathlib.Path(__file__).resolve().parents[1] / "data/captures"
WHOLE = sorted(p for p in CAPTURES.glob("*.pcap*") if p.name[:2] not in ("13", "14", "35", "48", "49"))
# all that the capture lacks: who said the bytes that are missing, how many they are, and their frame's number
HOLES = {
    "13-mid-session.pcap": [("mta", None, 1), ("milter", None, 1)],
    "14-snaplen96.pcap": [("mta", 115, 8), ("mta", 77, 12), ("mta", 73, 14), ("mta", 32, 18), ("mta", 20, 20),
                          ("mta", 47, 22), ("mta", 32, 24), ("mta", 24, 26), ("mta", 2047, 28), ("mta", 1803, 30),
                          ("mta", 19, 32), ("mta", 2, 36), ("mta", 82, 41), ("mta", 73, 44), ("mta", 32, 48),
                          ("mta", 20, 50), ("mta", 22, 52), ("mta", 32, 54), ("mta", 24, 56), ("mta", 56, 60)],
    "35-capture-lost-packets.pcap": [("milter", 5, 37), ("mta", 120, 37), ("milter", 40, 56), ("mta", 749, 56)],
    "48-lost-segment.pcap": [("mta", 20, 25)],
    "49-cut-file.pcap": [],
}


@pytest.fixture
def show(tool):
    def run(*arguments, **options):
        options.setdefault("timeout", 180)
        return subprocess.run([tool("milter-replay"), "show", *map(str, arguments)], capture_output=True, **options)
    return run


def objects(done):
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def letters(lines):
    """By connection, in the order of their appearance: `>M` and `<c`."""
    found = {}
    for line in lines:
        if line["type"] == "opened":
            found[line["connection"]] = []
        elif line["type"] == "frame":
            found[line["connection"]].append((">" if line["from"] == "mta" else "<") + line["letter"])
    return list(found.values())


def transcript(path):
    """The same of the text beside a capture."""
    found = {}
    for line in path.with_suffix(".txt").read_text().splitlines():
        match = re.match(r"(\d+) ([<>]) (.)", line)
        if match:
            found.setdefault(match[1], []).append(match[2] + match[3])
    return list(found.values())


@pytest.mark.parametrize("path", WHOLE, ids=lambda p: p.name)
def test_a_whole_capture_gives_all_frames_in_their_order(show, path):
    done = show("--json", path)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = objects(done)
    assert letters(lines) == transcript(path)
    assert not [line for line in lines if line["type"] in ("hole", "note")]
    # the port where the recorded milters listened was not told
    assert all(21300 <= int(line["milter"].rsplit(":", 1)[1]) < 21400 for line in lines if line["type"] == "opened")


@pytest.mark.parametrize("name", HOLES)
def test_a_capture_with_holes_gives_all_before_them_and_what_can_be_known_behind(show, name):
    done = show("--json", CAPTURES / name)
    assert done.returncode == 0
    lines = objects(done)
    assert [(h["from"], h["hole"], h["frame_number"]) for h in lines if h["type"] == "hole"] == HOLES[name]
    wanted, got = transcript(CAPTURES / name), letters(lines)
    assert len(got) == len(wanted)
    for some, every in zip(wanted, got):
        rest = iter(every)
        assert all(letter in rest for letter in some)
    # behind a hole each frame says so, and each is one of the protocol
    for connection in {line["connection"] for line in lines if "connection" in line}:
        lost = set()
        for line in (l for l in lines if l.get("connection") == connection):
            if line["type"] == "hole":
                lost.add(line["from"])
            if line["type"] == "frame":
                assert line.get("behind_hole", False) == (line["from"] in lost)
                assert "word" in line and "fault" not in line


def test_what_was_made_from_another_capture_is_the_same(show):
    """Cut into small segments, put out of order, with other link types: the same lines, but for times and addresses."""
    def text(name):
        shown = show(CAPTURES / name).stdout.decode()
        return re.sub(r"^(start .*|\+[0-9.]+ )|(from|to)=\S+", "", shown, flags=re.M)
    for one, others in (("07-pymilter-recipients.pcap", ["40-small-segments.pcap", "43-seq-wrap.pcap"]),
                        ("03-clamav-reject.pcap", ["41-disordered.pcap"]),
                        ("11-abort.pcap", ["44-big-endian-nano-vlan.pcap"]),
                        ("30-sendmail-actions.pcap", ["45-odd-blocks.pcapng"]),
                        ("12-ipv6-pmilter.pcap", ["46-raw-ip-ipv6.pcap", "47-null-loopback-ipv6.pcap"])):
        for other in others:
            assert text(one) == text(other), other


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap*")), ids=lambda p: p.name)
def test_the_text_is_a_scenario_in_its_canonical_form(show, tool, path, tmp_path):
    shown = show(path).stdout
    (tmp_path / "x.scenario").write_bytes(shown)
    done = subprocess.run([tool("milter-test-server"), "--format", tmp_path / "x.scenario"], capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == (shown, b"")


def test_the_text_tells_holes_with_their_frame_and_side(show):
    shown = show(CAPTURES / "48-lost-segment.pcap").stdout.decode()
    assert re.search(r"^\+0\.061963 @1 lost 20  # frame 25, from the MTA\n\+\S+ @1 macro header ", shown, re.M)
    shown = show(CAPTURES / "13-mid-session.pcap").stdout.decode().splitlines()
    assert shown[3] == "+0 @1 lost  # frame 1, from the MTA" and " @1 macro rcpt i=" in shown[4]


def by_connection(lines):
    """Without what a trace does not tell: packets, and the end of the side that did not end the connection."""
    found = {}
    for line in lines:
        line.pop("frame_number", None)
        found.setdefault(line.get("connection"), []).append(line)
    for connection, own in found.items():
        ends = [line for line in own if line["type"] == "closed"]
        found[connection] = [line for line in own if line["type"] != "closed"] + ends[:1]
    return found


@pytest.mark.parametrize("path", WHOLE, ids=lambda p: p.name)
def test_a_trace_of_a_capture_is_read_as_the_capture_is(show, path, tmp_path):
    shown = show(path).stdout
    (tmp_path / "x.trace").write_bytes(shown)
    again = show(tmp_path / "x.trace")
    assert (again.returncode, again.stderr) == (0, b"")
    assert again.stdout == shown
    assert by_connection(objects(show("--json", tmp_path / "x.trace"))) == by_connection(objects(show("--json", path)))


@pytest.mark.parametrize("name", HOLES)
def test_holes_of_a_trace_are_those_of_the_capture(show, name, tmp_path):
    shown = show(CAPTURES / name).stdout
    (tmp_path / "x.trace").write_bytes(shown)
    assert show(tmp_path / "x.trace").stdout == shown
    assert show("-", input=shown).stdout == shown
    def lines(path):
        return [{k: v for k, v in line.items() if k not in ("frame_number", "time")}
                for line in objects(show("--json", path)) if line["type"] not in ("closed", "note")]
    assert lines(tmp_path / "x.trace") == lines(CAPTURES / name)


TRACE = rb"""start 2026-11-22T14:56:23.5Z
mta exact
# made by hand
+1 @7 session from=192.0.2.7:1 to=unix:/run/x
+1 @7 mail <a>
+5 @7 => continue
+2 @7 rcpt <b>
+6 @7 => continue
+3 @two session
+3 @two raw "\0\0\0\x01Q\0\0"
+7 @two close
"""


def test_lines_of_a_trace_come_in_the_order_of_their_times(show):
    lines = objects(show("--json", "-", input=TRACE))
    assert lines[0] == {"type": "start", "start": "2026-11-22T14:56:23.500000000Z"}
    assert [(l["type"], l.get("connection"), l["time"], l.get("word")) for l in lines[1:]] == [
        ("note", None, 0, None), ("opened", 7, 1, None), ("frame", 7, 1, "mail"), ("frame", 7, 2, "rcpt"),
        ("opened", 8, 3, None), ("frame", 8, 3, "quit"), ("frame", 7, 5, "continue"), ("frame", 7, 6, "continue"),
        ("raw", 8, 7, None), ("closed", 8, 7, None), ("closed", 8, 7.00005, None)]


def test_a_trace_with_mistakes_is_told_by_line_and_read_on(show):
    done = show("--json", "-", input=TRACE.replace(b"+5 @7 => continue", b"+5 @7 => 5xx | continue\n+5 @7 bogus"))
    assert done.returncode == 2
    assert b"standard input:6:10: expected one answer as it was given" in done.stderr and b"standard input:7:7: " in done.stderr
    assert [l["word"] for l in objects(done) if l["type"] == "frame"] == ["mail", "rcpt", "quit", "continue"]


def test_traces_and_captures_are_one_recording(show, tmp_path):
    (tmp_path / "a.trace").write_bytes(show(CAPTURES / "11-abort.pcap").stdout)
    lines = objects(show("--json", CAPTURES / "01-opendkim-sign.pcap", tmp_path / "a.trace", tmp_path / "a.trace"))
    assert letters(lines) == transcript(CAPTURES / "01-opendkim-sign.pcap") + 2 * transcript(CAPTURES / "11-abort.pcap")
    assert [l["connection"] for l in lines if l["type"] == "opened"] == list(range(1, 8))


def test_a_large_trace_takes_no_more_memory_than_a_small_one(show, tool, tmp_path):
    """Some of it is held back to be put in order, whatever its size."""
    def peak(n):
        with open(tmp_path / "large", "w") as out:
            out.write("start 2026-11-22T14:56:23Z\nmta exact\n")
            for i in range(n):
                out.write(f"+{i} @{i} session\n+{i} @{i} body {'x' * 60000}\n+{i} @{i} => continue\n+{i} @{i} close\n")
        code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); " \
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        return int(subprocess.run([sys.executable, "-c", code, tool("milter-replay"), "show", tmp_path / "large"],
                                  capture_output=True, check=True, timeout=300,
                                  env={**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1"}).stdout)
    assert peak(1000) < peak(250) * 1.2


def test_standard_input_and_several_files(show):
    path = CAPTURES / "01-opendkim-sign.pcap"
    assert show("-", input=path.read_bytes()).stdout == show(path).stdout
    both = objects(show("--json", path, CAPTURES / "11-abort.pcap"))
    assert letters(both) == transcript(path) + transcript(CAPTURES / "11-abort.pcap")


def test_what_cannot_be_read_is_told(show, tmp_path):
    (tmp_path / "text").write_text("hello world, this is no capture\n")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "small.gz").write_bytes(b"\x1f\x8b\x08\x00")
    good = (CAPTURES / "01-opendkim-sign.pcap").read_bytes()
    (tmp_path / "damaged").write_bytes(good[:24 + 16 + 74] + b"\xff" * 100)
    (tmp_path / "header").write_bytes(good[:24])
    for arguments, status, message in (
            ([tmp_path / "text"], 2, "text is no capture (pcap, pcapng), no trace (\"start TIME\" at its top), and no scenario:\n"),
            ([tmp_path / "empty"], 2, "empty: the file is empty"),
            ([tmp_path / "small.gz"], 2, "compressed with gzip"),
            ([tmp_path / "none"], 2, "none cannot be read: No such file or directory"),
            ([tmp_path], 2, "Is a directory"),
            ([tmp_path / "damaged"], 2, "damaged: frame 2: a length of 4294967295 bytes, which no packet has"),
            ([tmp_path / "header"], 1, "no milter connection in 0 packets and 0 TCP connections"),
            ([CAPTURES / "49-cut-file.pcap"], 0, "49-cut-file.pcap: frame 33: the file ends in the middle of it"),
            ([], 2, "no capture is given"),
            (["--bogus"], 2, "Unknown option --bogus")):
        done = show(*arguments)
        assert done.returncode == status, arguments
        assert message in done.stderr.decode(), arguments


def test_a_file_that_is_damaged_does_not_hide_the_others(show, tmp_path):
    (tmp_path / "text").write_text("no capture")
    path = CAPTURES / "01-opendkim-sign.pcap"
    done = show("--json", tmp_path / "text", path)
    assert done.returncode == 2
    assert letters(objects(done)) == transcript(path)


def test_commands_and_help(tool):
    def run(*arguments):
        return subprocess.run([tool("milter-replay"), *arguments], capture_output=True, text=True, timeout=60)
    assert run("--version").returncode == 0
    assert "show" in run("--help").stdout
    assert "--json" in run("show", "--help").stdout
    for arguments in ([], ["bogus"]):
        done = run(*arguments)
        assert done.returncode == 2 and "show" in done.stderr


def damaged(content, n, seed):
    """Cut somewhere, with bits flipped, or with large numbers in it."""
    chance = random.Random(seed)
    for i in range(n):
        data = bytearray(content)
        if i % 3 == 0:
            yield bytes(data[:chance.randrange(len(data))])
            continue
        for _ in range(chance.randrange(1, 20)):
            at = chance.randrange(len(data) - 4)
            if i % 3 == 1:
                data[at] ^= 1 << chance.randrange(8)
            else:
                data[at:at + 4] = chance.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f"])
        yield bytes(data)


@pytest.mark.parametrize("name", ["01-opendkim-sign.pcap", "42-disordered-large.pcap", "45-odd-blocks.pcapng"])
def test_damaged_captures_end_in_order(show, name):
    for n, data in enumerate(damaged((CAPTURES / name).read_bytes(), 30, name)):
        done = show("-", input=data, timeout=60)
        assert done.returncode in (0, 1, 2), (n, done.stderr)
        assert b"Sanitizer" not in done.stderr, (n, done.stderr)
        assert done.returncode == 0 or done.stderr, n


@pytest.mark.parametrize("size", [71, 74, 80, 96])
def test_packets_that_are_cut_short_are_a_milters_all_the_same(show, tmp_path, size):
    """Not one command of the MTA is whole, not even the offer, but lengths, letters and most answers are there."""
    data = (CAPTURES / "07-pymilter-recipients.pcap").read_bytes()
    cut, at = data[:24], 24
    while at < len(data):
        captured = int.from_bytes(data[at + 8:at + 12], "little")
        keep = min(captured, size)
        cut += data[at:at + 8] + keep.to_bytes(4, "little") + data[at + 12:at + 16 + keep]
        at += 16 + captured
    path = tmp_path / "cut.pcap"
    path.write_bytes(cut)
    done = show("--json", path)
    assert (done.returncode, done.stderr) == (0, b"")
    found = [line for line in objects(done) if line["type"] == "frame" and line["from"] == "milter" and line["letter"] in "crt"]
    whole = [line for line in objects(show("--json", CAPTURES / "07-pymilter-recipients.pcap"))
             if line["type"] == "frame" and line["from"] == "milter" and line["letter"] in "crt"]
    assert [line["letter"] for line in found] == [line["letter"] for line in whole]
    assert any(line["type"] == "hole" and line.get("in") == "negotiate" and line["from"] == "mta" for line in objects(done)) == (size < 83)

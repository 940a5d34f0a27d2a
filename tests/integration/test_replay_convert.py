# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-replay convert: recordings in other formats say the same."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

CAPTURES = pathlib.Path(__file__).resolve().parents[1] / "data/captures"
ALL = sorted(CAPTURES.glob("*.pcap*"))
SIGN = CAPTURES / "01-opendkim-sign.pcap"
VERDICTS = CAPTURES / "23-verdicts.pcap"


@pytest.fixture
def replay(tool):
    """replay(ARGUMENT…): runs milter-replay; the finished process, its output as bytes."""
    def run(*arguments, **options):
        options.setdefault("timeout", 60)
        return subprocess.run([tool("milter-replay"), *map(str, arguments)], capture_output=True, **options)
    return run


def shown(replay, path):
    """What `show` prints, without the numbers of packets, which are others in another file."""
    return re.sub(rb"# frame \d+", b"# frame", replay("show", path).stdout)


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.name)
def test_a_capture_is_the_same_when_it_was_written_as_one(replay, tmp_path, path):
    done = replay("convert", path, "-o", tmp_path / "out.pcap")
    assert done.returncode == 0, done.stderr
    before = shown(replay, path)
    # what a frame was that is damaged is lost with its bytes, and remarks have no place in a capture
    before = re.sub(rb"^#.*\n", b"", re.sub(rb", in [a-z-]+$", b"", before, flags=re.M), flags=re.M)
    assert shown(replay, tmp_path / "out.pcap") == before


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.name)
def test_a_trace_is_what_show_prints(replay, tmp_path, path):
    assert replay("convert", path, "-o", tmp_path / "out.trace").returncode == 0
    assert (tmp_path / "out.trace").read_bytes() == replay("show", path).stdout


def test_other_programs_read_what_is_written_and_complain_of_nothing(replay, tmp_path):
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    whole = [path for path in ALL if path.name[:2] not in ("14", "35", "48")]
    assert replay("convert", *whole, "-o", tmp_path / "out.pcap").returncode == 0
    done = subprocess.run(
        ["tshark", "-r", tmp_path / "out.pcap", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields",
         "-e", "frame.number", "-e", "tcp.checksum.status", "-e", "ip.checksum.status", "-e", "ip.version",
         "-e", "_ws.expert.message"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(lines) > 3000
    # what is said of a connection that begins and ends as it should, and of one whose beginning was not captured
    fine = r"Connection (establish|finish|reset)[^,]*|This frame (initiates|undergoes) the connection closing|A new tcp session[^,]*|,"
    for number, tcp, ip, version, remarks in lines:
        assert tcp == "1" and ip == ("1" if version == "4" else ""), number
        assert re.sub(fine, "", remarks) == "", number


def test_a_file_for_each_session(replay, tmp_path):
    for kind in ("trace", "pcap"):
        done = replay("convert", VERDICTS, "--split", tmp_path / "new" / kind, "--to", kind)
        assert (done.returncode, done.stderr) == (0, b"")
        files = sorted((tmp_path / "new" / kind).iterdir())
        assert [path.name for path in files] == [f"{n:04}.{kind}" for n in range(1, 9)]
    whole = replay("show", VERDICTS).stdout
    for n, path in enumerate(files, 1):
        lines = re.findall(rb"^\S+ @1 (.*)\n", replay("show", path).stdout, re.M)
        assert lines == re.findall(rb"^\S+ @%d (.*)\n" % n, whole, re.M)


def test_standard_input_and_output(replay):
    done = replay("convert", "-", "-o", "-", "--to", "pcap", input=SIGN.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    assert replay("show", "-", input=done.stdout).stdout == replay("show", SIGN).stdout
    assert replay("convert", SIGN, "-o", "/dev/stdout", "--to", "trace").stdout == replay("show", SIGN).stdout


def test_no_file_is_replaced_unless_that_is_said(replay, tmp_path):
    out = tmp_path / "out.trace"
    out.write_text("precious")
    done = replay("convert", SIGN, "-o", out)
    assert done.returncode == 2 and b"is there already; --force" in done.stderr
    assert out.read_text() == "precious" and list(tmp_path.iterdir()) == [out]
    assert replay("convert", SIGN, "-o", out, "--force").returncode == 0
    assert out.read_bytes() == replay("show", SIGN).stdout and list(tmp_path.iterdir()) == [out]
    # also in a folder, where the others are written all the same
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "0003.trace").write_text("precious")
    done = replay("convert", VERDICTS, "--split", folder, "--to", "trace")
    assert done.returncode == 2 and b"0003.trace is there already" in done.stderr
    assert len(list(folder.iterdir())) == 8 and (folder / "0003.trace").read_text() == "precious"


def test_a_file_that_is_read_can_be_replaced(replay, tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(SIGN.read_bytes())
    assert replay("convert", path, "-o", path, "--force").returncode == 0
    assert replay("show", path).stdout == replay("show", SIGN).stdout


def test_nothing_that_is_partial_has_the_name(tool, replay, tmp_path):
    """While it is written, when the program is killed, and when nothing could be read."""
    out = tmp_path / "out.trace"
    big = (CAPTURES / "09-libmilter-body-quarantine.pcap").read_bytes()
    process = subprocess.Popen([tool("milter-replay"), "convert", "-", "-o", out], stdin=subprocess.PIPE)
    process.stdin.write(big)
    process.stdin.flush()
    end = time.monotonic() + 30
    while not [path for path in tmp_path.iterdir() if path.stat().st_size > 0]:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.02)
    assert not out.exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / "none").write_bytes(b"no capture at all, not in the least")
    assert replay("convert", tmp_path / "none", "-o", out).returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["none"]


def test_a_damaged_recording_is_converted_as_far_as_it_goes(replay, tmp_path):
    (tmp_path / "damaged.pcap").write_bytes(SIGN.read_bytes() + b"\xff" * 100)
    done = replay("convert", tmp_path / "damaged.pcap", "-o", tmp_path / "out.trace")
    assert done.returncode == 2 and b"which no packet has" in done.stderr
    assert (tmp_path / "out.trace").read_bytes() == replay("show", SIGN).stdout


def test_what_cannot_be_done_is_said(replay, tmp_path):
    (tmp_path / "there").mkdir()
    for arguments, message in (
            (["convert"], "no recording is given"),
            (["convert", SIGN], "-o FILE or --split FOLDER is missing"),
            (["convert", SIGN, "-o", "x.trace", "--split", "x"], "exclude each other"),
            (["convert", SIGN, "-o", "-"], "--to is missing"),
            (["convert", SIGN, "-o", "x.zip"], "what x.zip shall be is not told by its name"),
            (["convert", SIGN, "-o", "x", "--to", "text"], "--to text: it is "),
            (["convert", SIGN, "-o", tmp_path / "there", "--to", "trace"], "there cannot be written: Is a directory"),
            (["convert", SIGN, "-o", tmp_path / "no/x.trace"], "x.trace cannot be written: No such file or directory"),
            (["convert", SIGN, "--split", "/dev/null/x", "--to", "trace"], "the folder /dev/null/x cannot be made")):
        done = replay(*arguments, cwd=tmp_path)
        assert done.returncode == 2 and message in done.stderr.decode(), (arguments, done.stderr)
    if os.path.exists("/dev/full"):
        done = replay("convert", SIGN, "-o", "/dev/full", "--to", "trace")
        assert done.returncode == 2 and b"No space left on device" in done.stderr

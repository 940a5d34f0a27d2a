# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people give to milter-replay: files as Wireshark's tools make them, pipes, joined files, and what is no recording."""

import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest

CAPTURES = pathlib.Path(__file__).resolve().parents[1] / "data/captures"
RECIPIENTS = CAPTURES / "07-pymilter-recipients.pcap"
COMMANDS = {"show": ["show"], "summary": ["show", "--summary"], "convert": ["convert", "--to", "trace", "-o", "-"],
            "compare": ["compare", RECIPIENTS], "replay": ["replay", "-s", "unix:none"]}


@pytest.fixture
def run(tool):
    def execute(*arguments, **options):
        options.setdefault("timeout", 180)
        return subprocess.run([tool("milter-replay"), *map(str, arguments)], capture_output=True, text=True, **options)
    return execute


@pytest.fixture
def wireshark(tmp_path):
    """wireshark(PROGRAM, ARGUMENT…): what it writes to a file."""
    def make(program, *arguments):
        if shutil.which(program) is None:
            pytest.skip("tshark is not installed")
        out = tmp_path / f"made{len(list(tmp_path.iterdir()))}.pcap"
        before, after = (["-w", out], []) if program == "mergecap" else ([], [out])
        subprocess.run([program, *map(str, before + list(arguments) + after)], check=True, capture_output=True, timeout=60)
        return out
    return make


def said(trace):
    """All that passed, without times, by the MTA's address."""
    names, found = {}, {}
    for line in trace.splitlines():
        match = re.match(r"\+\S+ @(\d+) (.*)", line)
        if match and match[2].startswith("session"):
            names[match[1]] = match[2]
        if match:
            found.setdefault(names[match[1]], []).append(match[2])
    return found


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind, told", [("empty", "the file is empty"), ("folder", "Is a directory"), ("/dev/null", "the file is empty"),
                                        ("missing", "No such file or directory"), ("noise", "the file is no capture")])
def test_what_is_no_recording_is_told_and_is_2(run, tmp_path, command, kind, told):
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "noise").write_bytes(bytes(range(255, 127, -1)) * 8)
    done = run(*COMMANDS[command], tmp_path / kind)
    assert done.returncode == 2 and told in done.stderr, done.stderr
    assert "no difference" not in done.stdout


def test_a_named_pipe_is_read_as_a_file(run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(RECIPIENTS.read_bytes()))
    writer.start()
    done = run("show", tmp_path / "pipe")
    writer.join()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run("show", RECIPIENTS).stdout


def test_files_that_were_joined_are_told_with_the_frame(run, tmp_path):
    """Of pcapng they are a file of several sections."""
    (tmp_path / "joined.pcap").write_bytes(RECIPIENTS.read_bytes() + (CAPTURES / "23-verdicts.pcap").read_bytes())
    done = run("show", tmp_path / "joined.pcap")
    assert done.returncode == 2 and "frame 54: another file begins here; several are not joined but given one by one" in done.stderr
    assert said(done.stdout) == said(run("show", RECIPIENTS).stdout)
    names = "19-sll2-any.pcapng", "45-odd-blocks.pcapng"
    (tmp_path / "joined.pcapng").write_bytes(b"".join((CAPTURES / name).read_bytes() for name in names))
    done = run("show", tmp_path / "joined.pcapng")
    assert (done.returncode, done.stderr) == (0, "")
    assert said(done.stdout) == {key: lines for name in names for key, lines in said(run("show", CAPTURES / name).stdout).items()}


@pytest.mark.parametrize("options", [["-F", "nsecpcap"], ["-F", "pcapng"], ["-F", "modpcap"], ["-t", "400000000"]], ids=" ".join)
def test_what_editcap_makes_of_a_capture_holds_the_same(run, wireshark, options):
    done = run("show", wireshark("editcap", *options, RECIPIENTS))
    assert (done.returncode, done.stderr) == (0, "")
    assert said(done.stdout) == said(run("show", RECIPIENTS).stdout)


def test_parts_of_a_capture_are_one(run, wireshark, tmp_path):
    wireshark("editcap", "-c", "7", RECIPIENTS)
    parts = sorted(tmp_path.iterdir())
    assert len(parts) > 5
    done = run("show", *parts)
    assert (done.returncode, done.stderr) == (0, "")
    assert said(done.stdout) == said(run("show", RECIPIENTS).stdout)


@pytest.mark.parametrize("names", [["01-opendkim-sign.pcap", "23-verdicts.pcap"],
                                   ["03-clamav-reject.pcap", "17-sll2-any.pcap", "18-sll1-any.pcap", "44-big-endian-nano-vlan.pcap", "47-null-loopback-ipv6.pcap"],
                                   ["19-sll2-any.pcapng", "46-raw-ip-ipv6.pcap", "02-opendkim-verify.pcapng"]])
@pytest.mark.parametrize("options", [[], ["-a"]], ids=["by time", "one by one"])
def test_merged_captures_hold_what_each_of_them_does(run, wireshark, names, options):
    """Of different link types, byte orders and resolutions of time."""
    done = run("show", wireshark("mergecap", *options, *[CAPTURES / name for name in names]))
    assert (done.returncode, done.stderr) == (0, "")
    assert said(done.stdout) == {key: lines for name in names for key, lines in said(run("show", CAPTURES / name).stdout).items()}


def test_another_protocol_is_no_milters(run, wireshark, tmp_path):
    """SMTP on the same machine, as text2pcap writes it."""
    text = tmp_path / "smtp.txt"
    lines = ["I 220 mx.example.com ESMTP", "O EHLO x", "I 250 mx.example.com", "O MAIL FROM:<a@example.com>", "I 250 ok", "O QUIT", "I 221 bye"]
    text.write_text("".join(f"{line[0]}\n000000 {(line[2:] + chr(13) + chr(10)).encode().hex(' ')}\n" for line in lines))
    done = run("show", wireshark("text2pcap", "-D", "-T", "2525,40000", text))
    assert done.returncode == 1 and "no milter connection in 7 packets and 1 TCP connection;" in done.stderr

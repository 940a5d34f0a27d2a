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
        options.setdefault("timeout", 180)
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


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.name)
def test_a_scenario_has_its_form_and_names_no_time(replay, play, tmp_path, path):
    done = replay("convert", path, "-o", tmp_path / "out.scenario")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out.scenario").read_text()
    done = play("--format", tmp_path / "out.scenario")
    assert (done.stdout, done.stderr) == (text, "")
    assert not re.search(r"^\s*\+\d|^start ", text, re.M)
    assert f"# Made by milter-replay convert from {path.name}.\n" in text


def test_what_a_scenario_looks_like(replay):
    """Only what the MTA does not say by itself, and what the milter answered."""
    done = replay("convert", CAPTURES / "30-sendmail-actions.pcap", "-o", "-", "--to", "scenario")
    text = done.stdout.decode()
    assert text.startswith("""# Made by milter-replay convert from 30-sendmail-actions.pcap.
mta sendmail

session "3 messages from localhost"
  negotiate
    => negotiate version=6 actions=all steps=none
  connect localhost 127.0.0.1 port=43416
  helo client.example.com
  message "alice@example.com to bob@example.net and 2 more: accepted"
    mail <alice@example.com>
    rcpt <bob@example.net>
    rcpt <reply@example.net>
      => 554 5.7.1 "Not today, 100% sure"
    rcpt <carol@example.org>
    eml <<END
      From: Alice Moser <alice@example.com>
""")
    assert """
    eom
      => add-header X-A: b
      => insert-header 0 X-Top: t
      => change-header 1 Subject: new
      => replace-body "new body\\r\\n"
      => quarantine held
      => change-from <n@example.org>
      => add-rcpt <x@example.org>
      => delete-rcpt <bob@example.net>
      => only
      => ordered
      => continue
""" in text
    assert "macro" not in text and "abort" not in text and "quit\n" not in text


def test_macros_of_all_sessions_stand_at_the_top_and_an_id_that_is_quoted_is_kept(replay):
    def convert(name):
        return replay("convert", CAPTURES / name, "-o", "-", "--to", "scenario").stdout.decode()
    assert re.search(r"mta postfix\nmacro mail \{mail_mailer\}=discard\nmacro rcpt \{rcpt_mailer\}=discard\n\nsession",
                     convert("23-verdicts.pcap"))
    assert re.search(r"macro eom i=C15D7A741D4\n  eom\n(    => .*\n)*    => insert-header 0 DMARC-Filter: .* C15D7A741D4\n",
                     convert("19-sll2-any.pcapng"))
    assert "macro mail -{mail_mailer}" not in convert("23-verdicts.pcap")


def test_what_changes_every_time_is_left_out(replay):
    def expected(name, *more):
        text = replay("convert", CAPTURES / name, "-o", "-", "--to", "scenario", *more).stdout.decode()
        return re.findall(r"=> ((?:add|insert|change)-header .*)", text)
    assert expected("01-opendkim-sign.pcap")[0].startswith('insert-header 0 DKIM-Signature: "v=1; a=rsa-sha256; c=relaxed/simple; ')
    signature = expected("01-opendkim-sign.pcap", "-i", "signatures,keys")[0]
    assert re.match(r'insert-header 0 DKIM-Signature: v=1;\*a=\*;\*c=relaxed/simple;\*d=example.com;\*.*h=[Ff]rom', signature), signature
    assert expected("02-opendkim-verify.pcapng", "--ignore", "hosts", "--ignore", "keys,signatures")[0] == (
        r'insert-header 0 Authentication-Results: "*;\n\tdkim=pass (*) header.d=example.com header.i=@example.com '
        r'header.a=* header.s=* header.b=*;\n\tdkim-atps=neutral"')
    assert expected("06-spamass.pcap", "-i", "hosts,dates,header:X-Spam-Status") == [
        "add-header X-Spam-Flag: YES", "add-header X-Spam-Status", "add-header X-Spam-Checker-Version: SpamAssassin 4.0.1 (*) on *",
        "change-header 1 Subject: [SPAM] Test spam mail (GTUBE)", "add-header X-Spam-Status",
        "add-header X-Spam-Checker-Version: SpamAssassin 4.0.1 (*) on *"]
    done = replay("convert", SIGN, "-o", "-", "--to", "scenario", "-i", "bogus")
    assert done.returncode == 2 and b'"bogus" is no rule' in done.stderr


def test_a_long_mail_becomes_a_file(replay, play, tmp_path):
    path = CAPTURES / "10-libmilter-large-body.pcapng"
    assert replay("convert", path, "-o", tmp_path / "big.scenario").returncode == 0
    assert "    eml big-1.eml\n" in (tmp_path / "big.scenario").read_text() or "  eml big-1.eml\n" in (
        tmp_path / "big.scenario").read_text()
    assert len((tmp_path / "big-1.eml").read_bytes()) > 190000
    assert play("--list", tmp_path / "big.scenario").returncode == 0
    # nobody's mail is replaced, and the scenario is not there without it
    (tmp_path / "big.scenario").unlink()
    (tmp_path / "big-1.eml").write_text("precious")
    done = replay("convert", path, "-o", tmp_path / "big.scenario")
    assert done.returncode == 2 and b"big-1.eml is there already" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["big-1.eml"]
    assert replay("convert", path, "-o", tmp_path / "big.scenario", "--force").returncode == 0


def test_long_mails_of_one_session_are_files_of_their_own(replay, play, tmp_path):
    """Their scenario says what the recording says, from any folder."""
    mail = """+0 @1 mail <a@example.com>
+0 @1 => continue
+0 @1 rcpt <b@example.net>
+0 @1 => continue
+0 @1 data
+0 @1 => continue
+0 @1 header Subject: {0}
+0 @1 => continue
+0 @1 eoh
+0 @1 => continue
+0 @1 body "{1}"
+0 @1 => continue
+0 @1 eom
+0 @1 => add-header X-Is: {0}
+0 @1 => accept
+0 @1 abort
"""
    (tmp_path / "two.trace").write_text("""start 2026-11-23T10:00:00Z
mta exact
+0 @1 session
+0 @1 negotiate version=6 actions=all steps=all
+0 @1 => negotiate version=6 actions=all steps=none
+0 @1 connect a.example 192.0.2.7 port=50443
+0 @1 => continue
+0 @1 helo a
+0 @1 => continue
""" + mail.format("first", "one\\r\\n" * 3000) + mail.format("second", "two\\r\\n" * 3000) + "+0 @1 abort\n+0 @1 quit\n+0 @1 close\n")
    assert replay("convert", tmp_path / "two.trace", "-o", tmp_path / "two.scenario").returncode == 0
    assert sorted(path.name for path in tmp_path.glob("*.eml")) == ["two-1.eml", "two-2.eml"]
    done = replay("compare", tmp_path / "two.trace", tmp_path / "two.scenario", cwd="/")
    assert done.returncode == 0, done.stdout
    assert b"2 messages compared, 0 differences" in done.stdout


def test_what_no_mta_says_so_is_frame_by_frame(replay):
    text = replay("convert", CAPTURES / "48-lost-segment.pcap", "-o", "-", "--to", "scenario").stdout.decode()
    assert text.startswith("# Made by milter-replay convert from 48-lost-segment.pcap.\nmta exact\n\nsession ")
    assert "\n  # frame by frame: it has gaps, or what no MTA sends\n" in text and "\n  lost 20  # frame 25, from the MTA\n" in text


def test_the_mta_can_be_chosen(replay):
    done = replay("convert", SIGN, "-o", "-", "--to", "scenario", "--mta", "sendmail")
    assert b"\nmta sendmail\n" in done.stdout and b"\n  abort\n  abort\n  quit\n  close\n" in done.stdout
    done = replay("convert", SIGN, "-o", "-", "--to", "scenario", "--mta", "bogus")
    assert done.returncode == 2 and b"--mta bogus: there is no such MTA" in done.stderr


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
    end = time.monotonic() + 60
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

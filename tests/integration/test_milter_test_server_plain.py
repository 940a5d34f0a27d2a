# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-test-server without a scenario: one message from options, and the options themselves."""

import os
import re
import struct

import pytest
from fakemilter import ACCEPT, CONTINUE, options, reply_code
from milterwire import frame


def strings(payload):
    return payload.decode("latin1").split("\0")[:-1]


def macros(milter, stage):
    found = {}
    for payload in milter.payloads("D"):
        if chr(payload[0]) == stage:
            words = strings(payload[1:])
            found.update(zip(words[0::2], words[1::2]))
    return found


# --- verdicts -----------------------------------------------------------------------------------

@pytest.mark.parametrize("answers, status, code", [
    ({}, "pass", 0),
    ({"M": ACCEPT}, "accept", 0),
    ({"E": ACCEPT}, "accept", 0),
    ({"C": ACCEPT}, "accept", 0),
    ({"C": frame(b"r")}, "reject", 1),
    ({"C": frame(b"t")}, "temporary-failure", 1),
    ({"H": reply_code(b"550 5.7.1 not you")}, "reject [550]<5.7.1>(not you)", 1),
    ({"H": frame(b"4")}, "abort", 1),
    ({"M": frame(b"r")}, "reject", 1),
    ({"E": reply_code(b"451 5.7.1 hm")}, "temporary-failure [451 5.7.1 hm]", 1),
    ({"E": frame(b"t")}, "temporary-failure", 1),
    ({"N": frame(b"d")}, "discard", 1),
    ({"E": reply_code(b"550 5.7.1 no way")}, "reject [550]<5.7.1>(no way)", 1),
    ({"E": reply_code(b"451-4.7.1 100%% later\r\n451 4.7.1 really")},
     "temporary-failure [451]<4.7.1>(100% later\\nreally)", 1),
    ({"E": frame(b"q", b"looks bad\0") + CONTINUE}, "quarantine", 0),
    ({"E": frame(b"4")}, "abort", 1),
    ({"E": frame(b"f")}, "error", 3),
])
def test_the_output_begins_with_the_verdict(play, fake, answers, status, code):
    done = play("--lint=off", "-s", fake(answers).spec)
    assert done.returncode == code, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"status: {status}"
    assert re.fullmatch(r"elapsed-time: [0-9.e-]+ seconds", lines[1])
    assert (done.stderr == "") == (code != 3)
    assert len(lines) == 2 or status == "quarantine", "the status says all"


def test_a_transcript_leaves_the_first_lines_alone(play, fake):
    done = play("-v", "-s", fake().spec)
    assert done.stdout.startswith("status: pass\nelapsed-time: ")
    assert re.search(r"^  \+\d\.\d{4} > eom\n  \+\d\.\d{4} < continue$", done.stderr, re.M)


def test_a_transcript_shows_header_fields_as_they_are_in_the_message(play, fake):
    """With HDR_LEADSPC the blank behind the colon travels; it is no part of what one reads."""
    agreed = fake({"O": options(steps=0x100000), "E": frame(b"h", b"X-Seen\0 yes\0") + CONTINUE})
    done = play("-v", "-s", agreed.spec, "-h", "Subject:hello")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " > header Subject: hello\n" in done.stderr
    assert " < add-header X-Seen: yes\n" in done.stderr


def test_a_quarantine_tells_its_reason_safely(play, fake):
    done = play("-s", fake({"E": frame(b"q", b"a\x1b[31mb\0") + CONTINUE}).spec)
    assert "Quarantine reason: <a\\x1b[31mb>\n" in done.stdout


def test_one_refused_recipient_of_two_is_told(play, fake):
    milter = fake({"R": [reply_code(b"550 5.1.1 unknown"), CONTINUE]})
    done = play("-s", milter.spec, "-r", "nobody@example.net", "-r", "bob@example.net")
    assert done.returncode == 1
    assert done.stdout.startswith("status: pass\n")
    assert "rcpt <nobody@example.net>" in done.stdout
    assert milter.letters("D").endswith("EQ")


# --- what is sent -------------------------------------------------------------------------------

def test_defaults_are_those_of_the_tool_that_it_follows(play, fake):
    milter = fake()
    assert play("-s", milter.spec).returncode == 0
    assert milter.letters("D") == "OCHMRTLLNBEQ"
    assert milter.payloads("O") == [struct.pack(">III", 6, 0x1FF, 0x1FFFFF)]
    assert milter.payloads("C") == [b"mx.example.net\x004" + struct.pack(">H", 50443) + b"192.168.123.123\0"]
    assert milter.payloads("H") == [b"delian\0"]
    assert milter.payloads("M") == [b"<sender@example.com>\0"]
    assert milter.payloads("R") == [b"<receiver@example.org>\0"]
    assert milter.payloads("L") == [b"From\0<sender@example.com>\0", b"To\0<receiver@example.org>\0"]
    assert macros(milter, "C")["{if_name}"] == "localhost"
    assert macros(milter, "M")["{mail_addr}"]


def test_every_option_of_the_message_arrives(play, fake):
    milter = fake({"O": options(version=4, actions=0x3F)})
    done = play("-s", milter.spec, "--name", "mine", "--negotiate-version", "4", "--connect-host", "client.example",
                "--connect-address", "inet6:25@[2001:db8::7]", "--helo-fqdn", "helo.example",
                "-f", "<alice@example.com> SIZE=10 BODY=8BITMIME", "--envelope-recipient", "bob@example.net",
                "-r", "<carol@example.net> NOTIFY=NEVER", "--unknown", "FOO bar", "-h", "Subject: one",
                "--header", "X-Two:two", "-b", "first\r\n", "--body", "second\r\n",
                "--connect-macro", "j:mx", "--helo-macro", "{cipher}:none", "--envelope-from-macro", "i:1",
                "--envelope-recipient-macro", "rcpt_host:h", "--data-macro", "d:1", "--end-of-header-macro", "h:2",
                "--end-of-message-macro", "e:3:4", "--authenticated-name", "alice", "--authenticated-type", "plain",
                "--authenticated-author", "bob")
    assert done.returncode == 0, done.stdout + done.stderr
    assert struct.unpack(">III", milter.payloads("O")[0])[0] == 4
    assert milter.payloads("C") == [b"client.example\x006" + struct.pack(">H", 25) + b"2001:db8::7\0"]
    assert milter.payloads("H") == [b"helo.example\0"]
    assert milter.payloads("M") == [b"<alice@example.com>\0SIZE=10\0BODY=8BITMIME\0"]
    assert milter.payloads("R") == [b"<bob@example.net>\0", b"<carol@example.net>\0NOTIFY=NEVER\0"]
    assert milter.payloads("U") == [b"FOO bar\0"]
    assert milter.payloads("L") == [b"Subject\0one\0", b"X-Two\0two\0", b"From\0<alice@example.com>\0",
                                    b"To\0<bob@example.net>\0"]
    assert milter.payloads("B") == [b"first\r\nsecond\r\n"]
    assert macros(milter, "C")["j"] == "mx"
    assert macros(milter, "H")["{cipher}"] == "none"
    assert macros(milter, "R")["{rcpt_host}"] == "h"
    assert macros(milter, "T")["d"] == "1"
    assert macros(milter, "N")["h"] == "2"
    assert macros(milter, "E")["e"] == "3:4"
    mail = macros(milter, "M")
    assert (mail["i"], mail["{auth_authen}"], mail["{auth_type}"], mail["{auth_author}"]) == ("1", "alice", "plain",
                                                                                             "bob")


def test_hidden_options_still_work(play, fake):
    milter = fake()
    assert play("-s", milter.spec, "--from", "a@b", "--recipient", "c@d").returncode == 0
    assert milter.payloads("M") == [b"<a@b>\0"]
    assert milter.payloads("R") == [b"<c@d>\0"]


def test_an_mta_may_be_chosen(play, fake):
    milter = fake()
    assert play("-s", milter.spec, "--mta", "postfix").returncode == 0
    assert milter.letters("D").endswith("EAAAQ") or milter.letters("D").endswith("AQ")
    done = play("-s", milter.spec, "--mta", "exim")
    assert done.returncode == 2
    assert "postfix" in done.stderr


def test_the_client_may_come_by_a_unix_socket(play, fake):
    milter = fake()
    assert play("-s", milter.spec, "--connect-address", "unix:/run/x").returncode == 0
    assert milter.payloads("C") == [b"mx.example.net\0L\0\0/run/x\0"]


# --- mail files ---------------------------------------------------------------------------------

MAIL = (b"From mbox Thu Jan  1 00:00:00 1970\n"
        b"From: \"Alice, of A\" <alice@example.com>\n"
        b"To: Bob <bob@example.net>, carol@example.net (Carol),\n"
        b"\t\"x\"@example.net\n"
        b"Subject: =?x?=\n"
        b"\n"
        b"NUL \0 and \xff\n"
        b"no line end")


def test_a_mail_file_is_taken_as_an_mta_would(play, fake, tmp_path):
    (tmp_path / "mail").write_bytes(MAIL)
    milter = fake()
    done = play("-s", milter.spec, "-m", tmp_path / "mail")
    assert done.returncode == 0, done.stdout + done.stderr
    assert milter.payloads("M") == [b"<alice@example.com>\0"]
    assert milter.payloads("R") == [b"<bob@example.net>\0", b"<carol@example.net>\0", b"<\"x\"@example.net>\0"]
    assert [strings(payload)[0] for payload in milter.payloads("L")] == ["From", "To", "Subject"]
    body = b"".join(milter.payloads("B"))
    assert body.startswith(b"NUL \0 and \xff\r\nno line end")


def test_options_say_the_envelope_before_the_file_does(play, fake, tmp_path):
    (tmp_path / "mail").write_bytes(MAIL)
    milter = fake()
    assert play("-s", milter.spec, "-f", "a@b", "-r", "c@d", "-m", tmp_path / "mail").returncode == 0
    assert milter.payloads("M") == [b"<a@b>\0"]
    assert milter.payloads("R") == [b"<c@d>\0"]


def test_a_mail_may_come_from_the_standard_input(play, fake, tmp_path):
    (tmp_path / "mail").write_bytes(MAIL)
    milter = fake()
    with open(tmp_path / "mail", "rb") as stdin:
        assert play("-s", milter.spec, "-m", "-", stdin=stdin).returncode == 0
    assert milter.payloads("M") == [b"<alice@example.com>\0"]


@pytest.mark.parametrize("mail, is_told", [
    (b"\xef\xbb\xbfSubject: behind a byte order mark\n\nHi.\n", True),
    (b"Dear Bob,\n\nSubject: none of this is one\n", True),
    (b"\r\nmeant to have no header\r\n", False),
    (b"Subject: x\nno field any more\n", False),
    (b"", False),
])
def test_a_mail_file_without_a_header_is_told_and_passes(play, fake, tmp_path, mail, is_told):
    (tmp_path / "mail").write_bytes(mail)
    done = play("-s", fake().spec, "-m", tmp_path / "mail")
    assert done.returncode == 0
    assert ("mail begins with no header field, so that all of it is body" in done.stderr) == is_told


def test_a_line_longer_than_a_chunk_is_no_obstacle(play, fake, tmp_path):
    (tmp_path / "mail").write_bytes(b"Subject: x\n\n" + b"y" * 200000 + b"\n")
    milter = fake()
    assert play("-s", milter.spec, "-m", tmp_path / "mail").returncode == 0
    assert [len(payload) for payload in milter.payloads("B")] == [65535, 65535, 65535, 3397]


def test_binary_mail_is_data(play, fake, tmp_path):
    data = os.urandom(300000)
    (tmp_path / "mail").write_bytes(data)
    assert play("-s", fake().spec, "-m", tmp_path / "mail", "--output-message").returncode == 0


@pytest.mark.parametrize("path, words", [("missing", "No such file"), (".", "directory"), ("/dev/zero", "longer")])
def test_mail_files_that_cannot_be_read(play, tmp_path, path, words):
    done = play("-s", "inet:1@127.0.0.1", "-m", path, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1
    assert path in done.stderr
    assert words in done.stderr


# --- before and after ---------------------------------------------------------------------------

EDITS = (frame(b"h", b"X-New\0one\ntwo\0") + frame(b"m", struct.pack(">I", 1) + b"Subject\0changed\0")
         + frame(b"+", b"<new@example.net>\0") + frame(b"-", b"<receiver@example.org>\0")
         + frame(b"e", b"<other@example.com>\0RET=HDRS\0") + frame(b"b", b"one\r\nthree\x1b[0m\r\n") + CONTINUE)


def test_the_message_is_shown_before_and_after(play, fake):
    done = play("-s", fake({"E": EDITS}).spec, "-h", "Subject: old", "-b", "one\r\ntwo\r\n", "--output-message")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stdout.split("\n\n", 1)[1]
    rule = "-" * 40
    assert shown == f"""Envelope
{rule}
- MAIL FROM:<sender@example.com>
- RCPT TO:<receiver@example.org>
+ MAIL FROM:<other@example.com> RET=HDRS
+ RCPT TO:<new@example.net>
{rule}
Header
{rule}
- Subject: old
+ Subject: changed
  From: <sender@example.com>
  To: <receiver@example.org>
+ X-New: one
+ \ttwo
{rule}
Body
{rule}
  one
- two
+ three\\x1b[0m
{rule}
"""


def test_a_refused_recipient_is_shown_as_taken_away(play, fake):
    done = play("-s", fake({"R": [frame(b"r"), CONTINUE]}).spec, "-r", "a@b", "-r", "c@d NOTIFY=NEVER", "-f",
                "e@f", "--output-message")
    assert "  MAIL FROM:<e@f>\n- RCPT TO:<a@b>\n  RCPT TO:<c@d> NOTIFY=NEVER\n---" in done.stdout


@pytest.mark.parametrize("stage", "CHMR")
def test_a_message_that_was_refused_early_is_shown_whole(play, fake, stage):
    done = play("-s", fake({stage: frame(b"r")}).spec, "-r", "a@b", "-b", "text\r\n", "--output-message")
    assert done.stdout.startswith("status: reject\n")
    assert "\n  RCPT TO:<a@b>\n" in done.stdout
    assert "\n  To: <a@b>\n" in done.stdout
    assert "\n  text\n" in done.stdout


def test_the_message_may_be_saved(play, fake, tmp_path):
    done = play("-s", fake({"E": EDITS}).spec, "-h", "Subject: old", "--save-message", tmp_path / "saved")
    assert done.returncode == 0
    assert (tmp_path / "saved").read_bytes().endswith(b"\r\n\r\none\r\nthree\x1b[0m\r\n")
    done = play("-s", fake().spec, "--save-message", tmp_path / "no" / "such" / "folder")
    assert done.returncode == 2
    done = play("-s", fake().spec, "-b", "x", "--save-message", "/dev/full")
    assert done.returncode == 2
    assert "--save-message: /dev/full cannot be written" in done.stderr


def test_a_message_is_saved_behind_a_link_not_instead_of_it(play, fake, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "saved")
    assert play("-s", fake().spec, "-b", "x", "--save-message", tmp_path / "link").returncode == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "saved").read_bytes().endswith(b"\r\n\r\nx")


# --- the options themselves ---------------------------------------------------------------------

def test_help_and_version(play):
    for option in ["--help", "-?"]:
        done = play(option)
        assert done.returncode == 0
        assert "--envelope-recipient" in done.stdout
        assert "--recipient" not in done.stdout.replace("--envelope-recipient", "")
    done = play("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"milter-test-server \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("arguments, words", [
    ([], "-s"),
    (["-h"], "--help"),
    (["-s", "inet:1", "-h", "nonsense"], "NAME:VALUE.*--help"),
    (["-s", "inet:1", "--no-such-option"], "no-such-option"),
    (["-s", "inet:1", "--negotiate-version", "1"], "2 to 6"),
    (["-s", "inet:1", "--negotiate-version", "99999999999999999999"], "2 to 6"),
    (["-s", "inet:1", "--negotiate-version", "-3"], "2 to 6"),
    (["-s", "inet:1", "--reading-timeout", "-1"], "--reading-timeout.*-1"),
    (["-s", "inet:1", "--reading-timeout", "1e300"], "1e300"),
    (["-s", "inet:1", "--connection-timeout", "99999999999h"], "longer than a year"),
    (["-s", "inet:1", "--all-timeouts", "soon"], "soon"),
    (["-s", "inet:1", "--connect-address", "inet:99999@[1.2.3.4]"], "99999"),
    (["-s", "inet:1", "--connect-macro", "x"], "NAME:VALUE"),
    (["-s", "inet:1", "-v", "-q"], "together"),
    (["-s", "inet:1", "--helo-fqdn", "x", "some.scenario"], "--helo-fqdn"),
    (["-s", "inet:1", "-b", "x", "some.scenario"], "--body"),
])
def test_wrong_usage_is_told_in_one_sentence(play, arguments, words):
    done = play(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("milter-test-server: ")
    assert done.stderr.count("\n") == 1
    assert re.search(words, done.stderr), done.stderr


@pytest.mark.parametrize("option, stage", [("--reading-timeout", "H"), ("--end-of-message-timeout", "E"),
                                           ("--all-timeouts", "E"), ("--timeout", "H"), ("--timeout", "E")])
def test_each_timeout_is_its_own(play, fake, clock, option, stage):
    done = play("-s", fake({stage: clock.start}).spec, option, "300ms", env=clock.environment)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "300" in done.stderr or "nothing in" in done.stderr


def test_an_answer_within_the_end_of_message_timeout_is_awaited(play, fake, clock):
    """The reading timeout is not that of the last answer."""
    def late():
        clock.move_on(ms=4000)
        return frame(b"p") + CONTINUE

    done = play("-s", fake({"E": late}).spec, "--reading-timeout", "1s", "--end-of-message-timeout", "5s",
                env=clock.environment)
    assert done.returncode == 0, done.stderr
    assert re.search(r"elapsed-time: 4\.0", done.stdout), done.stdout


def test_non_ascii_is_shown_in_a_utf8_locale_and_escaped_elsewhere(play, fake):
    arguments = ["-s", fake().spec, "-h", "Subject: Grüße", "--output-message"]
    done = play(*arguments, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert "  Subject: Grüße" in done.stdout
    done = play(*arguments, env={**os.environ, "LC_ALL": "C"})
    assert "  Subject: Gr\\xc3\\xbc\\xc3\\x9fe" in done.stdout

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The options of the tool that milter-test-server follows: spelling, default, effect and error of each."""

import re
import socket
import struct
import subprocess
import threading

import pytest
from fakemilter import ACCEPT, CLOSE, CONTINUE, FakeMilter, options, reply_code
from milterwire import frame

REJECT = frame(b"r")
DISCARD = frame(b"d")
TEMPFAIL = frame(b"t")
SHUTDOWN = frame(b"4")


def fields(payload):
    return payload.decode("latin1").split("\0")[:-1]


def stages(milter):
    """The macros that were sent before each command, as they came: letter -> list of (name, value)."""
    found = {}
    for payload in milter.payloads("D"):
        words = fields(payload[1:])
        found.setdefault(chr(payload[0]), []).extend(zip(words[0::2], words[1::2]))
    return found


# --- spelling: every form of every option has the same effect ------------------------------------

# option, short form, value, letter of the command that shows it, its payload
SPELLINGS = [
    ("--negotiate-version", None, "3", "O", struct.pack(">III", 3, 0x3F, 0x17F)),
    ("--connect-host", None, "client.example", "C", b"client.example\x004" + struct.pack(">H", 50443)
     + b"192.168.123.123\0"),
    ("--connect-address", None, "inet:25@[10.0.0.1]", "C", b"mx.example.net\x004" + struct.pack(">H", 25)
     + b"10.0.0.1\0"),
    ("--connect-address", None, "inet6:26@[2001:db8::1]", "C", b"mx.example.net\x006" + struct.pack(">H", 26)
     + b"2001:db8::1\0"),
    ("--helo-fqdn", None, "helo.example", "H", b"helo.example\0"),
    ("--envelope-from", "-f", "a@example.com", "M", b"<a@example.com>\0"),
    ("--envelope-from", "-f", "<a@example.com>", "M", b"<a@example.com>\0"),
    ("--envelope-from", "-f", "", "M", b"<>\0"),
    ("--envelope-from", "-f", "a@example.com SIZE=1", "M", b"<a@example.com>\0SIZE=1\0"),
    ("--from", None, "a@example.com", "M", b"<a@example.com>\0"),
    ("--envelope-recipient", "-r", "b@example.org", "R", b"<b@example.org>\0"),
    ("--recipient", None, "b@example.org", "R", b"<b@example.org>\0"),
    ("--header", "-h", "X-One:1", "L", b"X-One\x001\0"),
    ("--header", "-h", "X-One: 1:2", "L", b"X-One\x001:2\0"),
    ("--body", "-b", "text", "B", b"text"),
    ("--unknown", None, "NOOP x", "U", b"NOOP x\0"),
    ("--connect-macro", None, "{aa}:1", "C", ("{aa}", "1")),
    ("--helo-macro", None, "a_name:1", "H", ("{a_name}", "1")),
    ("--envelope-from-macro", None, "i:1", "M", ("i", "1")),
    ("--envelope-recipient-macro", None, "{x}:1", "R", ("x", "1")),
    ("--data-macro", None, "aa:", "T", ("{aa}", "")),
    ("--end-of-header-macro", None, "aa:1:2", "N", ("{aa}", "1:2")),
    ("--end-of-message-macro", None, "aa: 1", "E", ("{aa}", " 1")),
    ("--authenticated-name", None, "alice", "M", ("{auth_authen}", "alice")),
    ("--authenticated-type", None, "plain", "M", ("{auth_type}", "plain")),
    ("--authenticated-author", None, "bob", "M", ("{auth_author}", "bob")),
]


def forms(option, short, value):
    yield [f"{option}={value}"]
    yield [option, value]
    if short is not None:
        yield [short, value]


@pytest.mark.parametrize("option, short, value, letter, expected", SPELLINGS)
def test_every_form_of_an_option_has_the_same_effect(play, fake, option, short, value, letter, expected):
    for form in forms(option, short, value):
        agreed = {"O": options(version=3, actions=0x3F)} if option == "--negotiate-version" else {}
        milter = fake(agreed)
        done = play("-s", milter.spec, *form)
        assert (done.returncode, done.stderr) == (0, ""), form
        if isinstance(expected, tuple):
            assert expected in stages(milter)[letter], form
        else:
            assert milter.payloads(letter)[0] == expected, form


@pytest.mark.parametrize("option, value, words", [
    ("--negotiate-version", "7", "2 to 6"),
    ("--connect-address", "bogus", "bogus"),
    ("--header", "bogus", "NAME:VALUE"),
    ("--mail-file", "/no/such/file", "/no/such/file"),
    ("--threads", "-1", "-1.*0 to 1000"),
    ("--threads", "x", "0 to 1000"),
    ("--threads", "1001", "0 to 1000"),
    ("--color", "bogus", "true, false"),
    *[(f"--{stage}-macro", value, words)
      for stage in ("connect", "helo", "envelope-from", "envelope-recipient", "data", "end-of-header",
                    "end-of-message")
      for value, words in [("novalue", "NAME:VALUE"), (":x", "NAME:VALUE"), ("{}:x", "braces"), ("{a:x", "braces")]],
    *[(f"--{limit}", value, value)
      for limit in ("connection-timeout", "reading-timeout", "writing-timeout", "end-of-message-timeout",
                    "all-timeouts")
      for value in ("x", "-1", "1y")],
])
def test_a_wrong_value_is_told_with_its_option(play, option, value, words):
    done = play("-s", "inet:1@127.0.0.1", f"{option}={value}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"milter-test-server: {option}: ")
    assert re.search(words, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", [
    "--connection-spec", "--name", "--negotiate-version", "--connect-host", "--connect-address", "--helo-fqdn",
    "--envelope-from", "-f", "--envelope-recipient", "-r", "--header", "-h", "--body", "-b", "--unknown",
    "--connect-macro", "--mail-file", "-m", "--reading-timeout", "--threads", "-t", "-s"])
def test_a_missing_value_is_told(play, option):
    done = play(option)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert option in done.stderr


# --- defaults and repetition ----------------------------------------------------------------------

DEFAULT_MACROS = {
    "C": [("{daemon_name}", "daemon_name"), ("{if_name}", "localhost"), ("{if_addr}", "127.0.0.1"),
          ("j", "mail.example.com")],
    "H": [("{tls_version}", "0"), ("{cipher}", "0"), ("{cipher_bits}", "0"), ("{cert_subject}", "cert_subject"),
          ("{cert_issuer}", "cert_issuer")],
    "M": [("{mail_mailer}", "mail_mailer"), ("{mail_host}", "mail_host"), ("{mail_addr}", "mail_addr")],
    "R": [("{rcpt_mailer}", "rcpt_mailer"), ("{rcpt_host}", "rcpt_host"), ("{rcpt_addr}", "receiver@example.org")],
    "T": [("i", "i")],
    "N": [("i", "i")],
    "E": [("i", "i")],
}


def test_without_options_every_stage_has_its_default_macros(play, fake):
    milter = fake()
    assert play("-s", milter.spec).returncode == 0
    assert stages(milter) == DEFAULT_MACROS
    body = b"".join(milter.payloads("B"))
    assert body.count(b"\r\n") == 4


@pytest.mark.parametrize("option, letter", [
    ("--connect-macro", "C"), ("--helo-macro", "H"), ("--envelope-from-macro", "M"),
    ("--envelope-recipient-macro", "R"), ("--data-macro", "T"), ("--end-of-header-macro", "N"),
    ("--end-of-message-macro", "E")])
def test_macros_are_added_to_the_defaults_and_replace_those_of_their_name(play, fake, option, letter):
    name, _ = DEFAULT_MACROS[letter][0]
    milter = fake()
    assert play("-s", milter.spec, option, "new:1", option, f"{{{name.strip('{}')}}}:mine", option,
                "other:2").returncode == 0
    expected = {**DEFAULT_MACROS, letter: dict(DEFAULT_MACROS[letter])}
    expected[letter].update({name: "mine", "{new}": "1", "{other}": "2"})
    found = stages(milter)
    assert len(found[letter]) == len(expected[letter]), "each name once"
    assert {stage: dict(pairs) for stage, pairs in found.items()} == {
        stage: dict(pairs) for stage, pairs in expected.items()}


def symbols(*lists):
    return b"".join(struct.pack(">I", stage) + names + b"\0" for stage, names in lists)


def test_what_a_milter_asks_for_it_gets(play, fake):
    """A macro without a value is called as itself; two names for a stage are no more trouble than one."""
    lists = symbols((0, b"j {foo} {if_addr}"), (2, b"{auth_authen} {mail_addr}"), (3, b"{rcpt_addr}, {x1}, i"),
                    (4, b"{eee} {j}"), (5, b"z"))
    milter = fake({"O": options(symbols=lists)})
    done = play("-s", milter.spec, "--authenticated-name", "alice", "--envelope-from-macro", "unasked:1",
                timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert stages(milter) == {
        "C": [("j", "mail.example.com"), ("{foo}", "foo"), ("{if_addr}", "127.0.0.1")],
        "H": DEFAULT_MACROS["H"],
        "M": [("{auth_authen}", "alice"), ("{mail_addr}", "mail_addr"), ("{unasked}", "1")],
        "R": [("{rcpt_addr}", "receiver@example.org"), ("{x1}", "x1"), ("i", "i")],
        "T": [("{eee}", "eee"), ("j", "mail.example.com")],
        "N": [("i", "i")],
        "E": [("z", "z")],
    }


def test_recipients_headers_and_pieces_of_the_body_may_be_repeated(play, fake):
    milter = fake()
    assert play("-s", milter.spec, "-r", "a@b", "-r", "c@d", "-h", "A:1", "-h", "B:2", "-b", "x\n", "-b", "y",
                "--unknown", "FOO").returncode == 0
    assert milter.letters("D") == "OCHMRRUTLLLLNBEQ"
    assert milter.payloads("R") == [b"<a@b>\0", b"<c@d>\0"]
    assert [fields(payload) for payload in milter.payloads("L")] == [
        ["A", "1"], ["B", "2"], ["From", "<sender@example.com>"], ["To", "<a@b>"]]
    assert milter.payloads("B") == [b"x\ny"], "the text of -b is sent as it is"


def test_every_recipient_has_its_own_macro(play, fake):
    milter = fake()
    assert play("-s", milter.spec, "-r", "a@b", "-r", "<c@d> NOTIFY=NEVER").returncode == 0
    assert [value for name, value in stages(milter)["R"] if name == "{rcpt_addr}"] == ["a@b", "c@d"]


def test_a_command_that_the_agreed_version_does_not_know_is_left_out(play, fake):
    milter = fake({"O": options(version=2, actions=0x3F)})
    assert play("-s", milter.spec, "--negotiate-version=2", "--unknown", "FOO").returncode == 0
    assert milter.letters("D") == "OCHMRLLNBEQ"


def test_the_name_is_that_of_the_session_in_reports(play, fake):
    done = play("-s", fake().spec, "--name", "a name", "--report", "tap:-")
    assert "\nok 1 - a name\n" in done.stdout


# --- mail files -----------------------------------------------------------------------------------

# what is in the file, sender, recipients, header as it is sent, body
MAILS = [
    # what an mbox says of it is no header
    (b"From x@y Thu Jan  1 00:00:00 1970\nA: 1\n\nx\n", b"<sender@example.com>", [b"<receiver@example.org>"],
     [b"A\x001", b"From\0<sender@example.com>", b"To\0<receiver@example.org>"], b"x\r\n"),
    # all line ends; folds are LF, as MTAs send them
    (b"A: 1\r\nB: 2\r\n\t3\nC:4\n  5\r\n\r\nx\r\ny\nz", b"<sender@example.com>", [b"<receiver@example.org>"],
     [b"A\x001", b"B\x002\n\t3", b"C\x004\n  5", b"From\0<sender@example.com>", b"To\0<receiver@example.org>"],
     b"x\r\ny\r\nz\r\n"),
    # every address of every To; Cc and Bcc are header fields only
    (b"To: A <a@b>, \"x, y\" <c@d>\nTo: (no) e@f\nCc: g@h\nBcc: i@j\nFrom: N <k@l>\n\nx\n", b"<k@l>",
     [b"<a@b>", b"<c@d>", b"<e@f>"],
     [b"To\0A <a@b>, \"x, y\" <c@d>", b"To\0(no) e@f", b"Cc\0g@h", b"Bcc\0i@j", b"From\0N <k@l>"], b"x\r\n"),
    # names of fields in any case
    (b"FROM: k@l\nto: a@b\n\nx\n", b"<k@l>", [b"<a@b>"], [b"FROM\0k@l", b"to\0a@b"], b"x\r\n"),
    # a line that is no field ends the header, as for an MTA
    (b"A: 1\nno field\nB: 2\n", b"<sender@example.com>", [b"<receiver@example.org>"],
     [b"A\x001", b"From\0<sender@example.com>", b"To\0<receiver@example.org>"], b"no field\r\nB: 2\r\n"),
    # NUL and any other byte
    (b"A: \xff\n\nx\0y\xfe\n", b"<sender@example.com>", [b"<receiver@example.org>"],
     [b"A\0\xff", b"From\0<sender@example.com>", b"To\0<receiver@example.org>"], b"x\0y\xfe\r\n"),
    # no body at all
    (b"A: 1\n", b"<sender@example.com>", [b"<receiver@example.org>"],
     [b"A\x001", b"From\0<sender@example.com>", b"To\0<receiver@example.org>"], b""),
]


@pytest.mark.parametrize("content, sender, recipients, header, body", MAILS)
@pytest.mark.parametrize("form", ["-m", "--mail-file", "--mail-file=", "-"])
def test_mail_files(play, fake, tmp_path, form, content, sender, recipients, header, body):
    path = tmp_path / "mail"
    path.write_bytes(content)
    arguments = {"-": ["-m", "-"], "--mail-file=": [f"--mail-file={path}"]}.get(form, [form, path])
    milter = fake()
    with open(path, "rb") as stdin:
        done = play("-s", milter.spec, *arguments, stdin=stdin if form == "-" else subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")
    assert milter.payloads("M") == [sender + b"\0"]
    assert milter.payloads("R") == [recipient + b"\0" for recipient in recipients]
    assert milter.payloads("L") == [field + b"\0" for field in header]
    assert b"".join(milter.payloads("B")) == body


@pytest.mark.parametrize("first", [True, False])
def test_the_envelope_of_options_counts_more_than_that_of_the_file(play, fake, tmp_path, first):
    (tmp_path / "mail").write_bytes(b"From: a@b\nTo: c@d\n\n")
    envelope, file = ["-f", "e@f", "-r", "g@h"], ["-m", tmp_path / "mail"]
    milter = fake()
    assert play("-s", milter.spec, *(envelope + file if first else file + envelope)).returncode == 0
    assert milter.payloads("M") == [b"<e@f>\0"]
    assert milter.payloads("R") == [b"<g@h>\0"]


def test_header_and_body_of_options_stand_where_the_command_line_has_them(play, fake, tmp_path):
    (tmp_path / "mail").write_bytes(b"From: a@b\nTo: c@d\n\nfile\n")
    milter = fake()
    assert play("-s", milter.spec, "-h", "A:1", "-b", "before ", "-m", tmp_path / "mail", "-h", "B:2", "-b",
                "behind").returncode == 0
    assert [fields(payload)[0] for payload in milter.payloads("L")] == ["A", "From", "To", "B"]
    assert milter.payloads("B") == [b"before file\r\nbehind"]


# --- verdicts -------------------------------------------------------------------------------------

# what the milter answers to a command, status, exit status, commands that were sent (Q always ends them)
VERDICTS = [
    ("C", ACCEPT, "accept", 0, "OC"),
    ("C", REJECT, "reject", 1, "OC"),
    ("C", TEMPFAIL, "temporary-failure", 1, "OC"),
    ("H", ACCEPT, "accept", 0, "OCH"),
    ("H", SHUTDOWN, "abort", 1, "OCH"),
    ("H", reply_code(b"421 4.7.1 later"), "temporary-failure [421]<4.7.1>(later)", 1, "OCH"),
    ("M", ACCEPT, "accept", 0, "OCHM"),
    ("M", DISCARD, "discard", 1, "OCHM"),
    ("M", TEMPFAIL, "temporary-failure", 1, "OCHM"),
    ("R", REJECT, "reject", 1, "OCHMR"),
    ("R", reply_code(b"550 5.1.1 who"), "reject [550]<5.1.1>(who)", 1, "OCHMR"),
    ("T", REJECT, "reject", 1, "OCHMRT"),
    ("L", DISCARD, "discard", 1, "OCHMRTL"),
    ("N", ACCEPT, "accept", 0, "OCHMRTLLN"),
    ("B", REJECT, "reject", 1, "OCHMRTLLNB"),
    ("E", REJECT, "reject", 1, "OCHMRTLLNBE"),
    ("E", reply_code(b"550 no"), "reject [550](no)", 1, "OCHMRTLLNBE"),
    ("E", frame(b"q", b"why\0") + CONTINUE, "quarantine", 0, "OCHMRTLLNBE"),
    ("E", CONTINUE, "pass", 0, "OCHMRTLLNBE"),
]


@pytest.mark.parametrize("stage, answer, status, code, letters", VERDICTS)
def test_the_verdict_is_the_status_and_the_exit_status(play, fake, stage, answer, status, code, letters):
    """Nothing follows a decided message but Q, as with sendmail: no abort."""
    milter = fake({stage: answer})
    done = play("--lint=off", "-s", milter.spec)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr, lines[0]) == (code, "", f"status: {status}")
    assert re.fullmatch(r"elapsed-time: [0-9.e-]+ seconds", lines[1])
    assert lines[2:] == (["Quarantine reason: <why>"] if status == "quarantine" else [])
    assert milter.letters("D") == letters + "Q"


def test_the_rest_of_a_body_is_left_out_where_the_milter_says_so(play, fake):
    milter = fake({"O": options(steps=0x400), "B": frame(b"s")})
    assert play("-s", milter.spec, "-b", "x" * 100000).stdout.startswith("status: pass\n")
    assert milter.letters("D") == "OCHMRTLLNBEQ"


@pytest.mark.parametrize("answers, status, code", [
    ([REJECT, CONTINUE], "pass", 1), ([CONTINUE, REJECT], "pass", 1), ([REJECT, REJECT], "reject", 1)])
def test_a_message_lives_as_long_as_it_has_a_recipient(play, fake, answers, status, code):
    milter = fake({"R": answers})
    done = play("-s", milter.spec, "-r", "a@b", "-r", "c@d")
    assert (done.returncode, done.stdout.splitlines()[0]) == (code, f"status: {status}")
    assert milter.letters("D").endswith("RRTLLNBEQ" if status == "pass" else "RRQ")


@pytest.mark.parametrize("stage", "OCHMRTLNBE")
def test_a_milter_that_closes_never_passes(play, fake, stage):
    done = play("-s", fake({stage: CLOSE}).spec)
    assert done.returncode == 3
    assert done.stdout.splitlines()[0] == "status: error"
    assert re.match(r"milter-test-server: .*closed", done.stderr), done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("n", [1, 2, 4, 8, 10, 20, 50, 100])
def test_threads_are_so_many_connections_at_once(play, fake, n):
    """Each waits for all: one after the other would never end."""
    barrier = threading.Barrier(n)

    class Meeting(FakeMilter):
        def serve_one(self, sock, seen):
            if not seen:
                barrier.wait(50)
            return super().serve_one(sock, seen)

    with Meeting() as milter:
        done = play("-s", milter.spec, "-t", str(n), "--lint=off", timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("status: pass\nelapsed-time: ") == n
    assert milter.n_connections == n


# --- what is shown --------------------------------------------------------------------------------

EDIT = {"E": frame(b"h", b"X-New\0 1\0") + frame(b"-", b"<a@b>\0") + CONTINUE}


@pytest.mark.parametrize("arguments, colour", [
    ([], False), (["--color"], True), (["--color=yes"], True), (["--color=true"], True), (["--color", "true"], True),
    (["--color=always"], True), (["--color=no"], False), (["--color=false"], False), (["--color=never"], False),
    (["--color=auto"], False), (["--color", "no"], False)])
def test_colours_are_only_where_they_are_wanted(play, fake, arguments, colour):
    done = play("-s", fake(EDIT).spec, "-r", "a@b", "-r", "c@d", *arguments, "--output-message",
                env={"TERM": "xterm", "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("\033[32m+ X-New:" in done.stdout) == colour
    assert ("\033[31m- RCPT TO:<a@b>\033[0m\n" in done.stdout) == colour
    assert ("\033" in done.stdout) == colour


def test_every_line_of_the_message_has_its_mark(play, fake):
    done = play("-s", fake(EDIT).spec, "-r", "a@b", "-r", "c@d", "-b", "x\r\n\r\ny", "--output-message")
    lines = done.stdout.splitlines()
    rule = "-" * 40
    assert lines[2:] == [
        "", "Envelope", rule, "  MAIL FROM:<sender@example.com>", "- RCPT TO:<a@b>", "  RCPT TO:<c@d>", rule,
        "Header", rule, "  From: <sender@example.com>", "  To: <a@b>", "+ X-New:  1", rule,
        "Body", rule, "  x", "  ", "  y", rule]


# --- time limits ----------------------------------------------------------------------------------

@pytest.mark.parametrize("option", ["--connection-timeout=200ms", "--connection-timeout=0.2", "--all-timeouts=0.2s"])
def test_the_connection_is_awaited_no_longer_than_told(play, tmp_path, option):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "full.sock"))
        listener.listen(0)
        queue = []
        while not queue or queue[-1] is not None:
            queue.append(socket.socket(socket.AF_UNIX))
            queue[-1].setblocking(False)
            try:
                queue[-1].connect(str(tmp_path / "full.sock"))
            except BlockingIOError:
                queue[-1].close()
                queue[-1] = None
        done = play("-s", f"unix:{tmp_path}/full.sock", option)
        for sock in queue[:-1]:
            sock.close()
    assert done.returncode == 3
    assert done.stdout.startswith("status: error\n")
    assert "connect" in done.stderr


@pytest.mark.parametrize("option", ["--writing-timeout=300ms", "--all-timeouts=0.3"])
def test_what_is_sent_is_left_unread_no_longer_than_told(play, tmp_path, clock, option):
    """The milter wants no reply to the body, and reads none of it."""
    end = threading.Event()

    class Full(FakeMilter):
        def serve_one(self, sock, seen):
            if "N" in seen:
                clock.start()
                end.wait(60)
            return super().serve_one(sock, seen)

    (tmp_path / "mail").write_bytes(b"A: 1\n\n" + b"x" * 20_000_000)
    with Full(tmp_path / "full.sock", {"O": options(steps=0x80000)}) as milter:
        done = play("-s", milter.spec, "-m", tmp_path / "mail", option, env=clock.environment)
        end.set()
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.startswith("status: error\n")
    assert "read" in done.stderr, done.stderr


@pytest.mark.parametrize("option, stage", [
    ("--reading-timeout=0.2", "C"), ("--reading-timeout=200ms", "B"), ("--end-of-message-timeout=200ms", "E"),
    ("--all-timeouts=200ms", "O"), ("--all-timeouts=0.2s", "E")])
def test_an_answer_is_awaited_no_longer_than_told(play, fake, clock, option, stage):
    done = play("-s", fake({stage: clock.start}).spec, option, env=clock.environment)
    assert done.returncode == 3
    assert done.stdout.startswith("status: error\n")
    waited = re.search(r"nothing in ([0-9.]+) ms", done.stderr)
    assert waited is not None and float(waited[1]) >= 200, done.stderr

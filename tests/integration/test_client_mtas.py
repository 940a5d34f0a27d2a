# SPDX-License-Identifier: LGPL-2.1-or-later
"""What real MTAs make of each rule and each fault of milter-test-client.

tests/data/mta-answers.txt has the cases: rules, the clause of docs/protocol.md that speaks of them, and what was
seen of Debian 12's Postfix 3.7.11 and sendmail 8.17.1.9: every reply to the SMTP client that is not the one without
a milter, what became of the message, and what Postfix wrote into its log. With MILTERLAB_UPDATE=1 what is seen is
written there.
"""

import difflib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest
from conftest import ROOT
from postfix_instance import Postfix, free_port, why_not
from sendmail_instance import Sendmail, unpack
from test_sendmail_edits import Queued as SendmailQueued

DATA = ROOT / "tests/data/mta-answers.txt"
MTAS = ("postfix", "sendmail")

MESSAGE = (b"From: alice@example.com\r\nTo: bob@example.net\r\nSubject: answers\r\nX-Same: first\r\nX-Same: second\r\n"
           b"Date: Sun, 22 Nov 2026 09:15:02 +0100\r\nMessage-ID: <answers@example.com>\r\n\r\nold body\r\n")
DIALOGUE = [("EHLO", b"EHLO client.example.com"), ("FOO", b"FOO bar"), ("MAIL", b"MAIL FROM:<alice@example.com>"),
            ("RCPT", b"RCPT TO:<bob@example.net>"), ("RCPT 2", b"RCPT TO:<carol@example.org>"), ("DATA", b"DATA"),
            ("dot", MESSAGE + b".")]


class Case:
    """Lines of the data file from one `case` to the next."""

    def __init__(self, name):
        self.name = name
        self.remarks = []
        self.rules = []
        self.tcp = False
        self.seen = {}


def read_cases():
    cases, block = [], None
    for line in DATA.read_text(encoding="utf-8").splitlines():
        if line.startswith("case "):
            cases.append(Case(line[5:]))
            block = cases[-1].rules
        elif line in MTAS:
            block = cases[-1].seen.setdefault(line, [])
        elif line == "tcp":
            cases[-1].tcp = True
        elif line.startswith("#") and cases:
            cases[-1].remarks.append(line)
        elif line and not line.startswith("#"):
            block.append(line[2:])
    return cases


def write_cases(cases):
    head = [line for line in DATA.read_text(encoding="utf-8").partition("\ncase ")[0].splitlines()]
    text = "\n".join(head).rstrip() + "\n"
    for case in cases:
        text += f"\ncase {case.name}\n" + "".join(f"{line}\n" for line in case.remarks) + ("tcp\n" if case.tcp else "")
        text += "".join(f"  {line}\n" for line in case.rules)
        for mta in MTAS:
            text += f"{mta}\n" + "".join(f"  {line}\n" for line in case.seen.get(mta, []))
    DATA.write_text(text, encoding="utf-8")


CASES = read_cases()


class Service:
    """A milter-test-client with other rules for each case, where the MTA looks for it."""

    def __init__(self, tool, folder):
        self.tool = tool
        self.path = folder / "milter"
        self.port = free_port()

    def start(self, rules, tcp):
        spec = f"inet:{self.port}@127.0.0.1" if tcp else f"unix:{self.path}"
        process = subprocess.Popen([self.tool, "-s", spec, "--unix-socket-mode=666", "-q",
                                    *(["-e", "\n".join(rules)] if rules else [])],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        assert line.startswith("listening on"), line + process.communicate()[1]
        return process

    @staticmethod
    def stop(process):
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, output + errors


def talk(port):
    """The replies to each step of the dialogue, and what the client saw of the connection's end."""
    replies = {}
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        stream = connection.makefile("rwb")

        def reply(step):
            lines = []
            while True:
                line = stream.readline()
                if not line:
                    lines.append("closed")
                    break
                lines.append(line.decode("latin-1").rstrip("\r\n"))
                if re.match(rb"\d{3}(?!-)", line):
                    break
            replies[step] = lines
            return lines[-1]

        try:
            answer = reply("banner")
            for step, line in DIALOGUE:
                if answer == "closed" or answer.startswith("421") or (step == "dot" and not answer.startswith("354")):
                    break
                stream.write(line + b"\r\n")
                stream.flush()
                answer = reply(step)
            if answer.startswith("421"):
                answer = reply("after 421")
            if answer != "closed":
                stream.write(b"QUIT\r\n")
                stream.flush()
                reply("QUIT")
        except (ConnectionResetError, BrokenPipeError):
            replies["the connection"] = ["closed"]
    return replies


def tidy(text):
    """Without what is another one each time."""
    text = re.sub(r"queued as \w+", "queued as ID", text)
    text = re.sub(r"^(250 2\.0\.0) \w{14} ", r"\1 ID ", text)
    text = re.sub(r"(unix|inet):\S*(?=[:,\s]|$)", r"\1:MILTER", text)
    text = re.sub(r"\[127\.0\.0\.1\]:\d+", "[127.0.0.1]:PORT", text)
    text = re.sub(r"pid \d+", "pid PID", text)
    # the banner
    text = re.sub(r"(ESMTP Sendmail [^;]*); .*", r"\1; DATE", text)
    return text


class PostfixRun:
    """Postfix as the cases see it."""

    def __init__(self, mta):
        self.mta = mta
        self.port = {False: mta.ports["unix"], True: mta.ports["tcp"]}
        self.plain = None

    def log_size(self):
        return self.mta.log.stat().st_size if self.mta.log.exists() else 0

    def said(self, since):
        """What the log tells of this connection, once it tells that it is over."""
        end = time.monotonic() + 60
        while not self.log_size() or not re.search(rb"disconnect from |killed by signal", self.mta.log.read_bytes()[since:]):
            assert time.monotonic() < end, "Postfix does not log the end of the connection"
            time.sleep(0.02)
        lines = self.mta.log.read_bytes()[since:].decode("utf-8", "replace").splitlines()
        found = []
        for line in lines:
            text = re.sub(r"^.*?postfix/(\w+)\[\d+\]: ", r"\1: ", line)
            # there is no queue manager
            if "public/qmgr" in text:
                continue
            if "warning" in text or "fatal" in text or "panic" in text or "milter-" in text:
                found.append("log " + tidy(re.sub(r"^(\w+: )[0-9A-F]{8,}: ", r"\1ID: ", text)))
        return found

    def queued(self, answer):
        queue_id = re.search(r"queued as (\w+)", answer)
        if queue_id is None or not (self.mta.work / "spool").rglob(queue_id[1]):
            return None
        if not list((self.mta.work / "spool").rglob(queue_id[1])):
            return None
        message = self.mta.read(queue_id[1])
        # its own Received has the time
        message.content = re.sub(rb"Received: from client.*?\r\n(?![ \t])", b"Received: own\r\n", message.content, count=1,
                                 flags=re.S)
        return message


class SendmailRun:
    """The same of sendmail, which has no log here."""

    def __init__(self, mta):
        self.mta = mta
        self.port = {False: mta.ports[0], True: mta.ports[1]}
        self.plain = None

    def log_size(self):
        return 0

    def said(self, _since):
        return []

    def queued(self, answer):
        match = re.match(r"250 2\.0\.0 (\w+)", answer)
        if match is None or not list(self.mta.work.glob(f"queue/[qh]f{match[1]}")):
            return None
        return SendmailQueued(self.mta, answer)


def describe(message):
    lines = message.content.decode("latin-1").split("\r\n")
    lines = [line.replace("\r", "\\r").replace("\0", "\\0") for line in lines]
    return [f"from <{message.sender}>", *(f"to <{recipient}>" for recipient in message.recipients),
            *(["on hold"] if message.quarantined else []), *lines]


def observe(run, case, service):
    """What is seen of a case, as lines of the data file."""
    since = run.log_size()
    process = service.start(case.rules, case.tcp)
    try:
        replies = talk(run.port[case.tcp])
    finally:
        service.stop(process)
    message = run.queued(replies.get("dot", [""])[-1])
    if run.plain is None:
        return replies, message
    plain_replies, plain_message = run.plain
    seen = []
    for step, lines in replies.items():
        lines = [tidy(line) for line in lines]
        if lines != [tidy(line) for line in plain_replies.get(step, [])]:
            seen += [f"{step}: {line}" for line in lines]
    if message is None:
        seen.append("not queued")
    else:
        difference = list(difflib.unified_diff(describe(plain_message), describe(message), n=0, lineterm=""))[2:]
        seen += ["queued " + line for line in difference if not line.startswith("@@")] or ["queued as it came"]
    return seen + run.said(since)


def check(run, mta, service):
    run.plain = observe(run, Case("nothing"), service)
    assert run.plain[1] is not None, run.plain[0]
    wrong = []
    for case in CASES:
        seen = observe(run, case, service)
        if seen != case.seen.get(mta):
            wrong.append(case.name + "\n" + "\n".join(difflib.ndiff(case.seen.get(mta, []), seen)))
            case.seen[mta] = seen
    if os.environ.get("MILTERLAB_UPDATE"):
        write_cases(CASES)
    assert not wrong, f"{len(wrong)} of {len(CASES)} cases (- expected, + seen):\n\n" + "\n\n".join(wrong)


@pytest.fixture
def service(tool):
    # open to the user postfix, unlike pytest's own folders
    folder = pathlib.Path(tempfile.mkdtemp(prefix="milterlab-answers-"))
    folder.chmod(0o755)
    yield Service(tool("milter-test-client"), folder)
    shutil.rmtree(folder)


def test_postfix_does_with_each_answer_what_is_written(service):
    if why_not() is not None:
        pytest.skip(why_not())
    settings = ("milter_command_timeout=2s", "milter_content_timeout=2s")
    with Postfix(settings, unix=f"unix:{service.path}", tcp=f"inet:127.0.0.1:{service.port}") as mta:
        check(PostfixRun(mta), "postfix", service)


def test_sendmail_does_with_each_answer_what_is_written(service, build):
    root, why = unpack(build)
    if why:
        pytest.skip(why)
    with Sendmail(root, f"unix:{service.path}", f"inet:{service.port}@127.0.0.1", timeouts="C:10s;S:2s;R:2s;E:5s") as mta:
        check(SendmailRun(mta), "sendmail", service)

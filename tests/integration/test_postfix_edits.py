# SPDX-License-Identifier: LGPL-2.1-or-later
"""What milter-test-server rebuilds is what Debian's Postfix queues, for the same mail and the same milter."""

import contextlib
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
from listening import listens
from postfix_instance import Postfix, why_not

HERE = pathlib.Path(__file__).resolve().parent
MAILS = sorted((ROOT / "tests/data/mails").glob("*.eml"))

BASE = (b"From: alice@example.com\r\nTo: bob@example.net\r\nSubject: edits\r\n"
        b"Date: Sun, 22 Nov 2026 09:15:02 +0100\r\nMessage-ID: <edits@example.com>\r\n"
        b"X-Same: first\r\nX-Keep: one\r\nX-Same: second\r\nx-same: third\r\n")

# what the message asks act-milter for (see there): name, then one edit a string
ACTS = {
    "nothing": [],
    "add": ["add|X-New|value"],
    "add a name that is there": ["add|X-Same|fourth"],
    "add Received": ["add|Received|from nowhere"],
    "insert at every end": ["insert|0|X-0|top", "insert|1|X-1|b", "insert|3|X-3|c", "insert|99|X-99|d"],
    "insert below Received": ["insert|1|X-1|b", "insert|2|X-2|c"],
    "insert and change": ["insert|1|X-Same|zeroth", "change|1|X-Same|changed"],
    "change": ["change|2|X-Same|changed", "change|1|subject|Subject changed"],
    "change 0": ["change|0|X-Keep|changed"],
    "change beyond the last": ["change|9|X-Same|ninth", "delete|1|X-Same"],
    "change what is not there": ["change|1|X-New|new", "change|1|Received|mine"],
    "delete": ["delete|1|X-Keep", "delete|9|X-Same", "delete|1|X-New"],
    "delete the first twice": ["delete|1|X-Same", "delete|1|X-Same"],
    "delete first and second": ["delete|1|X-Same", "delete|2|X-Same"],
    "delete from the end": ["delete|3|X-Same", "delete|2|X-Same", "delete|1|X-Same"],
    "delete, then insert": ["delete|1|Subject", "insert|3|X-3|c"],
    "delete, then add again": ["delete|1|X-Keep", "change|1|X-Keep|back"],
    "folded values": ["add|X-Fold|one\\n two\\n\\tthree", "change|1|X-Keep|\\n one"],
    "values with CRLF": ["add|X-Fold|one\\r\\n two", "add|X-Flat|one\\r\\ntwo\\r\\n", "add|X-Cr|a\\rb\\r"],
    "lines without white space": ["add|X-Flat|one\\nX-Two: two", "add|X-End|one\\n", "add|X-Gap|one\\n\\n two"],
    "blanks in values": ["add|X-A| one", "insert|0|X-B|", "change|1|X-Keep| "],
    "body": ["body|new\\r\\nbody\\r\\n"],
    "body with bare line feeds": ["body|\\nnew\\nbody\\n"],
    "body without line end": ["body|new\\r\\nbody"],
    "body in several calls": ["body|one\\r", "body|\\ntwo", "body|\\nthree"],
    "no body": ["body|"],
    "body with dots and CRs": ["body|.\\r\\n..a\\r\\nb\\rc\\r\\r\\n.\\r\\n"],
    "body of one chunk and a byte": ["fill|65536"],
    "big body": ["fill|300000"],
    "body, then headers": ["body|new\\r\\n", "add|X-New|value", "progress"],
    "add recipients": ["addrcpt|<carol@example.org>", "addrcpt|dave@example.org"],
    "add recipients twice": ["addrcpt|<carol@example.org>", "addrcpt|CAROL@example.org", "addrcpt|bob@example.net"],
    "add a recipient with arguments": ["addrcpt|<carol@example.org>|NOTIFY=NEVER"],
    "delete a recipient": ["delrcpt|<bob@example.net>", "addrcpt|carol@example.org"],
    "delete by the bare address": ["delrcpt|bob@example.net", "addrcpt|carol@example.org"],
    "delete in another spelling": ["delrcpt|<BOB@example.net>", "delrcpt|<bob@EXAMPLE.net>",
                                   "delrcpt|<no@example.net>"],
    "change the sender": ["from|<new@example.org>"],
    "change the sender to nobody": ["from|<>"],
    "change the sender with arguments": ["from|new@example.org|RET=HDRS ENVID=xyz"],
    "quarantine": ["quarantine|looks bad"],
    "progress": ["progress", "progress"],
    "everything": [
        "insert|0|X-Top|top", "add|X-Last|last", "insert|4|X-Four|four", "change|2|X-Same|changed", "delete|1|X-Keep",
        "progress", "body|new\\r\\n", "body|body", "addrcpt|<carol@example.org>",
        "addrcpt|dave@example.org|NOTIFY=NEVER", "delrcpt|<bob@example.net>",
        "from|<new@example.org>|ENVID=xyz", "quarantine|all of it", "progress"],
}


def string(*texts):
    return b"".join(text.encode() + b"\0" for text in texts)


def numbered(letter, index, *texts):
    return letter + struct.pack(">I", index) + string(*texts)


# frames that libmilter does not let its users send; Postfix takes these …
FRAMES = {
    "change 0xffffffff": [numbered(b"m", 0xFFFFFFFF, "X-Same", "huge")],
    "insert 0xffffffff": [numbered(b"i", 0xFFFFFFFF, "X-New", "huge")],
    "names that are empty": [b"h" + string("", "v"), numbered(b"i", 0, "", "w")],
    "a name with a line break": [b"h" + string("X\nY", "v")],
    "body with a NUL": [b"ba\0b\r\n"],
    "body with empty frames": [b"b", b"bone\r", b"b", b"b\ntwo", b"b"],
    "recipients that are empty": [b"+" + string(""), b"+" + string("<>")],
    "a recipient with a name": [b"+" + string("Carol <carol@example.org>")],
    "arguments that are empty": [b"2" + string("carol@example.org", ""), b"2" + string("dave@example.org")],
    "arguments that nobody knows": [b"2" + string("carol@example.org", "FOO=bar x NOTIFY=NEVER")],
}

# … and refuses the message for these
REFUSED_FRAMES = {
    "change without a name": [numbered(b"m", 1, "", "v")],
    "delete without a name": [numbered(b"m", 1, "", "")],
    "body, header, body": [b"bone\r\n", b"h" + string("X", "v"), b"btwo\r\n"],
    "body, recipient, body": [b"bone\r\n", b"+" + string("a@example.org"), b"btwo\r\n"],
    "body, progress, body": [b"bone\r\n", b"p", b"btwo\r\n"],
    "sender with three strings": [b"e" + string("a@example.org", "RET=FULL", "ENVID=x")],
    "header without NUL": [b"hX\0y"],
    "header with three strings": [b"h" + string("X", "y", "z")],
    "half an index": [b"i\0\0"],
}


@contextlib.contextmanager
def running(command, path):
    """A milter on the unix socket `path`."""
    process = subprocess.Popen([str(word) for word in command], start_new_session=True)
    try:
        end = time.monotonic() + 60
        while not listens(path):
            assert process.poll() is None and time.monotonic() < end, f"{command[0]} does not listen"
            time.sleep(0.02)
        yield f"unix:{path}"
    finally:
        # a libmilter program takes seconds to end of its own accord
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def milters(build):
    if why_not() is not None:
        pytest.skip(why_not())
    act = build / "tests/integration/act-milter"
    if not act.exists():
        pytest.skip("act-milter was not built: libmilter (Debian package libmilter-dev) is not there")
    # open to the user postfix, unlike pytest's own folders
    work = pathlib.Path(tempfile.mkdtemp(prefix="milterlab-milters-"))
    work.chmod(0o755)
    frames = HERE / "milters/frame_milter.py"
    try:
        with contextlib.ExitStack() as stack:
            def milter(name, *command):
                spec = stack.enter_context(running(command, work / name))
                (work / name).chmod(0o777)
                return spec

            yield {
                "act": milter("act", act, work / "act"),
                "leadspc": milter("leadspc", act, work / "leadspc", "leadspc"),
                "frames": milter("frames", "/usr/bin/python3", frames, work / "frames"),
            }
    finally:
        shutil.rmtree(work)


@pytest.fixture(scope="module")
def postfix(milters):
    with Postfix(**milters) as mta:
        yield mta


def fields_of(content):
    """Header fields, and what follows the empty line."""
    if content.startswith(b"\r\n"):
        return [], content[2:]
    header, _, body = content.partition(b"\r\n\r\n")
    return re.split(rb"\r\n(?![ \t])", header.removesuffix(b"\r\n")) if header else [], body


def without_own(queued, mail):
    """A queued message without the fields that Postfix itself added to the mail."""
    fields, body = fields_of(queued)
    had = {field.partition(b":")[0].strip().lower() for field in fields_of(mail)[0]}
    own = [rb"Received: from client\.example\.com .*"]
    own += [rb"Message-Id: <\d+\.\w+@mx\.example\.com>"] if b"message-id" not in had else []
    own += [rb"Date: .* \(UTC\)"] if b"date" not in had else []
    own += [rb"From: alice@example\.com"] if b"from" not in had else []
    for pattern in own:
        index = next(i for i, field in enumerate(fields) if re.fullmatch(pattern, field, re.S))
        del fields[index]
    return b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def over_smtp(mail):
    """A mail file as an SMTP client would send it."""
    lines = mail.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join(line.rstrip(b"\r") + b"\r\n" for line in lines)


def rebuilt_envelope(output):
    """Sender and recipients after the edits, from the diff that --output-message shows."""
    lines = [line[2:] for line in output.splitlines() if line[:2] in ("  ", "+ ")]
    bare = [re.fullmatch(r"(MAIL FROM|RCPT TO):(?:.*<)?([^ <>]*)>?( .*)?", line) for line in lines]
    return [(match[1], match[2]) for match in bare if match]


def check_same(play, spec, tmp_path, mail, queued):
    """The tool, given the mail, rebuilds what Postfix queued."""
    (tmp_path / "mail.eml").write_bytes(mail)
    (tmp_path / "queued.eml").write_bytes(without_own(queued.content, over_smtp(mail)))
    scenario = tmp_path / "edits.scenario"
    scenario.write_text("mta postfix\nsession edits\n  mail <alice@example.com>\n  rcpt <bob@example.net>\n"
                        "  eml mail.eml\n  eom => result queued.eml\n")
    done = play("-s", spec, scenario)
    assert done.returncode == 0, done.stdout + done.stderr


def check_same_envelope(play, spec, tmp_path, queued):
    done = play("-s", spec, "--mta", "postfix", "-m", tmp_path / "mail.eml", "-f", "<alice@example.com>",
                "-r", "<bob@example.net>", "--output-message")
    assert done.returncode == 0, done.stdout + done.stderr
    expected = [("MAIL FROM", queued.sender)] + [("RCPT TO", recipient) for recipient in queued.recipients]
    assert rebuilt_envelope(done.stdout) == expected, done.stdout
    assert ("uarantine" in done.stdout.partition("Envelope")[0]) == queued.quarantined, done.stdout


def asking(edits):
    return BASE + b"".join(b"X-Act: " + edit.encode() + b"\r\n" for edit in edits) + b"\r\nold body\r\n"


def asking_for_frames(frames):
    return BASE + b"".join(b"X-Frames: " + frame.hex().encode() + b"\r\n" for frame in frames) + b"\r\nold body\r\n"


# HDR_LEADSPC concerns header values alone
LEADING_SPACE_ACTS = ["nothing", "insert at every end", "change what is not there", "delete, then add again",
                      "folded values", "lines without white space", "blanks in values", "everything"]


@pytest.mark.parametrize("milter,name",
                         [("act", name) for name in ACTS] + [("leadspc", name) for name in LEADING_SPACE_ACTS])
def test_edits_give_what_postfix_queues(play, milters, postfix, tmp_path, milter, name):
    mail = asking(ACTS[name])
    queued, answer = postfix.deliver(mail, milter)
    assert queued is not None, answer
    check_same(play, milters[milter], tmp_path, mail, queued)
    check_same_envelope(play, milters[milter], tmp_path, queued)


@pytest.mark.parametrize("name", FRAMES)
def test_odd_frames_give_what_postfix_queues(play, milters, postfix, tmp_path, name):
    mail = asking_for_frames(FRAMES[name])
    queued, answer = postfix.deliver(mail, "frames")
    assert queued is not None, answer
    check_same(play, milters["frames"], tmp_path, mail, queued)


@pytest.mark.parametrize("name", REFUSED_FRAMES)
def test_what_postfix_refuses_is_a_failure(play, milters, postfix, tmp_path, name):
    mail = asking_for_frames(REFUSED_FRAMES[name])
    queued, answer = postfix.deliver(mail, "frames")
    assert queued is None and answer.startswith("451"), answer
    (tmp_path / "mail.eml").write_bytes(mail)
    scenario = tmp_path / "edits.scenario"
    scenario.write_text("mta postfix\nsession edits\n  eml mail.eml\n  eom\n")
    done = play("-s", milters["frames"], scenario)
    assert done.returncode in (1, 3), done.stdout + done.stderr


@pytest.mark.parametrize("path", MAILS, ids=[path.name for path in MAILS])
def test_mails_are_what_postfix_queues(play, milters, postfix, tmp_path, path):
    """Also those with odd headers and bodies; `From ` lines are for programs that hand in mail locally."""
    mail = path.read_bytes()
    sent = over_smtp(re.sub(rb"\AFrom .*\n", b"", mail))
    queued, answer = postfix.deliver(sent, "act")
    assert queued is not None, answer
    check_same(play, milters["act"], tmp_path, mail, queued)


@pytest.mark.parametrize("path", MAILS, ids=[path.name for path in MAILS])
def test_mails_with_edits_are_what_postfix_queues(play, milters, postfix, tmp_path, path):
    edits = ACTS["everything"]
    mail = re.sub(rb"\AFrom .*\n", b"", path.read_bytes())
    mail = b"".join(b"X-Act: " + edit.encode() + b"\n" for edit in edits) + mail
    queued, answer = postfix.deliver(over_smtp(mail), "act")
    assert queued is not None, answer
    check_same(play, milters["act"], tmp_path, mail, queued)

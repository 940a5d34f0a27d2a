# SPDX-License-Identifier: LGPL-2.1-or-later
"""What milter-test-server rebuilds with `mta sendmail` is what Debian's sendmail queues, for the same mail and milter."""

import re
import socket

import pytest
from sendmail_instance import Sendmail, unpack
from test_postfix_edits import ACTS, FRAMES, HERE, asking, asking_for_frames, over_smtp, rebuilt_envelope, running

NOT_COMPARED = {
    # it makes two lines of the queue file, of which the second is no field: what would be delivered is not known
    "a name with a line break",
    # an empty frame between CR and LF keeps them apart in sendmail; this is not played
    "body with empty frames",
}


@pytest.fixture(scope="module")
def sendmail(build, tmp_path_factory):
    root, why = unpack(build)
    if why:
        pytest.skip(why)
    act = build / "tests/integration/act-milter"
    if not act.exists():
        pytest.skip("act-milter was not built: libmilter (Debian package libmilter-dev) is not there")
    work = tmp_path_factory.mktemp("milters")
    with running([act, work / "act"], work / "act") as spec, \
            running(["/usr/bin/python3", HERE / "milters/frame_milter.py", work / "frames"], work / "frames") as frames:
        with Sendmail(root, spec, frames) as mta:
            yield {"act": (spec, mta, 0), "frames": (frames, mta, 1)}


def deliver(mta, number, mail):
    """The reply to the final dot, over SMTP."""
    with socket.create_connection((mta.host, mta.ports[number]), timeout=60) as connection:
        stream = connection.makefile("rwb")

        def say(data):
            stream.write(data)
            stream.flush()
            # it may say `olderrors=0, Errors=1` before a reply (milter-protocol 7)
            while not re.match(rb"\d{3} ", line := stream.readline()):
                assert line, "sendmail hung up"
            return line.decode("latin-1")

        say(b"")
        for line in ("EHLO client.example.com", "MAIL FROM:<alice@example.com>", "RCPT TO:<bob@example.net>", "DATA"):
            answer = say(line.encode() + b"\r\n")
            assert answer[0] in "23", answer
        answer = say(re.sub(rb"(?m)^\.", b"..", mail) + b".\r\n")
        say(b"QUIT\r\n")
    return answer


class Queued:
    """A message in sendmail's queue, as it would be delivered, without sendmail's own fields."""

    def __init__(self, mta, answer):
        queue_id = re.match(r"250 2\.0\.0 (\w+)", answer)[1]
        control = next(mta.work.glob(f"queue/[qh]f{queue_id}"))
        data = mta.work / f"queue/df{queue_id}"
        lines = re.split(rb"\n(?![ \t])", control.read_bytes())
        fields = [re.sub(rb"^H\?[^?]*\?", b"", line) for line in lines if line.startswith(b"H")]
        own = re.compile(rb"Received: from client\.example\.com .*|Return-Path: .*", re.S)
        fields = [field for field in fields if not own.fullmatch(field)]
        body = data.read_bytes() if data.exists() else b""
        self.content = (b"".join(field + b"\n" for field in fields) + b"\n" + body).replace(b"\n", b"\r\n")
        self.sender = next(line[1:] for line in lines if line.startswith(b"S")).decode().strip("<>")
        self.recipients = [line.partition(b":")[2].decode().strip("<>") for line in lines if line.startswith(b"R")]
        self.quarantined = control.name.startswith("hf")


def check_same(play, spec, tmp_path, mail, queued):
    (tmp_path / "mail.eml").write_bytes(mail)
    (tmp_path / "queued.eml").write_bytes(queued.content)
    scenario = tmp_path / "edits.scenario"
    scenario.write_text("mta sendmail\nsession edits\n  mail <alice@example.com>\n  rcpt <bob@example.net>\n"
                        "  eml mail.eml\n  eom => result queued.eml\n")
    done = play("-s", spec, scenario)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ACTS)
def test_edits_give_what_sendmail_queues(play, sendmail, tmp_path, name):
    spec, mta, number = sendmail["act"]
    mail = asking(ACTS[name])
    queued = Queued(mta, deliver(mta, number, over_smtp(mail)))
    check_same(play, spec, tmp_path, mail, queued)
    done = play("-s", spec, "--mta", "sendmail", "-m", tmp_path / "mail.eml", "-f", "<alice@example.com>",
                "-r", "<bob@example.net>", "--output-message")
    assert done.returncode == 0, done.stdout + done.stderr
    envelope = rebuilt_envelope(done.stdout)
    assert envelope[0] == ("MAIL FROM", queued.sender), done.stdout
    assert sorted(address for _, address in envelope[1:]) == sorted(queued.recipients), done.stdout
    assert ("uarantine" in done.stdout.partition("Envelope")[0]) == queued.quarantined, done.stdout


@pytest.mark.parametrize("name", [name for name in FRAMES if name not in NOT_COMPARED])
def test_odd_frames_give_what_sendmail_queues(play, sendmail, tmp_path, name):
    spec, mta, number = sendmail["frames"]
    mail = asking_for_frames(FRAMES[name])
    queued = Queued(mta, deliver(mta, number, over_smtp(mail)))
    check_same(play, spec, tmp_path, mail, queued)

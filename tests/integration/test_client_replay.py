# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-test-client --replay: an MTA is tested with the answers of a recorded milter."""

import pathlib
import subprocess

import pytest
from clientprocess import Client
from milterwire import OFFER, SESSION, Mta
from postfix_instance import Postfix, why_not
from recorder import Recorder

CAPTURES = pathlib.Path(__file__).resolve().parents[1] / "data/captures"
WHOLE = sorted(p for p in CAPTURES.glob("*.pcap*") if p.name[:2] not in ("13", "14", "35", "48", "49"))
# The milter said a part of a frame when the MTA had said QUIT and closed. Nobody reads that: milter-test-client, which
# closes at QUIT as libmilter does, does not say it again, and milter-replay does not wait for it. A trace has it, and
# who plays that waits for it.
UNSAID = ["12-ipv6-pmilter.pcap", "46-raw-ip-ipv6.pcap", "47-null-loopback-ipv6.pcap"]

RULES = """on rcpt <busy@example.net>
  => 451 4.7.1 "later"
on eom
  => add-header X-Seen: yes
  => accept
"""


@pytest.fixture
def answering(tool, tmp_path):
    """answering(CAPTURE, OPTION…): a milter that answers so; .verdict() ends it: exit status and what it said."""
    clients = []

    class Answering(Client):
        def verdict(self):
            status = self.stop()
            return status, self.out.read_text() + self.err.read_text()

    def begin(*captures, options=(), **more):
        words = [word for capture in captures for word in ("--replay", capture)]
        clients.append(Answering(tool, tmp_path, "-q", *words, *options, **more))
        return clients[-1]

    yield begin
    for one in clients:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture
def trace(tool, tmp_path):
    """trace(CAPTURE): the same as a trace."""

    def convert(capture):
        done = subprocess.run([tool("milter-replay"), "show", capture], check=True, capture_output=True)
        path = tmp_path / "shown.trace"
        path.write_bytes(done.stdout)
        return path

    return convert


@pytest.fixture
def recorded(tool, client, scenario, play, tmp_path):
    """recorded(TEXT): a trace of the messages of this scenario, answered by the rules."""

    def make(text):
        milter = client("-q", scenario(RULES, "rules"))
        recorder = Recorder(tool, tmp_path, milter.spec)
        assert play("-s", recorder.spec, scenario(text, "recorded.scenario")).returncode in (0, 1)
        assert recorder.stop() == 0
        return recorder.file

    return make


@pytest.mark.parametrize("path", WHOLE, ids=lambda p: p.name)
def test_every_whole_capture_is_answered_as_it_was(answering, trace, play, path):
    milter = answering(path)
    played = play("-s", milter.spec, trace(path))
    assert played.returncode == (3 if path.name in UNSAID else 0), played.stdout
    assert milter.verdict()[0] == 0


@pytest.mark.parametrize("path", WHOLE, ids=lambda p: p.name)
def test_every_whole_capture_is_replayed_without_a_difference(tool, answering, path):
    """What the MTA said is played to the milter that answers as then: neither side finds that anything is different."""
    milter = answering(path)
    replayed = subprocess.run([tool("milter-replay"), "replay", path, "-s", milter.spec], capture_output=True, text=True, timeout=60)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "; no difference" in replayed.stdout
    assert milter.verdict()[0] == 0


ONE = """mta postfix
session "one"
  message
    mail <alice@example.com>
    rcpt <bob@example.net>
    rcpt <busy@example.net>
      => 451
    header Subject: one
    header Message-ID: <1@example.com>
    body "first\\r\\n"
    eom
  message
    mail <alice@example.com>
    rcpt <bob@example.net>
    header Subject: two
    header Message-ID: <2@example.com>
    body "second\\r\\n"
    eom
"""
SWAPPED = """mta postfix
session "two"
  mail <alice@example.com>
  rcpt <bob@example.net>
  header Subject: two
  header Message-ID: <2@example.com>
  body "second\\r\\n"
  eom
    => add-header X-Seen: yes
    => accept
session "one"
  mail <alice@example.com>
  rcpt <bob@example.net>
  rcpt <busy@example.net>
    => 451 4.7.1 "later"
  header Subject: one
  header Message-ID: <1@example.com>
  body "first\\r\\n"
  eom
    => add-header X-Seen: yes
    => accept
"""


def test_messages_may_come_in_another_order_and_on_other_connections(recorded, answering, play, scenario):
    file = recorded(ONE)
    milter = answering(file)
    played = play("-s", milter.spec, scenario(SWAPPED))
    assert played.returncode == 0, played.stdout
    assert milter.verdict()[0] == 0


def test_what_comes_otherwise_is_a_difference(recorded, answering, play, scenario):
    file = recorded(ONE)
    milter = answering(file)
    other = ONE.replace("<2@", "<3@").replace("second", "other").replace("rcpt <busy@example.net>\n      => 451\n", "")
    play("-s", milter.spec, scenario(other))
    status, said = milter.verdict()
    assert status == 1
    assert "connection 1, message 1: mail <alice@example.com>: did not come: rcpt <busy@example.net>" in said
    assert "came as: header Message-ID: <3@example.com>; recorded is: header Message-ID: <2@example.com>" in said
    assert "connection 1, message 2: mail <alice@example.com>: its body" in said


def test_what_the_recording_lacks_stays_with_the_mta(recorded, answering, play, scenario, tmp_path):
    file = recorded(ONE)
    milter = answering(file, options=("--report", f"junit:{tmp_path}/report.xml"))
    played = play("-s", milter.spec, scenario("mta postfix\nsession\n  mail <eve@example.com>\n    => tempfail\n"
                                              "  mail <alice@example.com>\n  rcpt <new@example.net>\n    => tempfail\n"))
    assert played.returncode == 0, played.stdout
    status, said = milter.verdict()
    assert status == 1
    assert "not in the recording: mail <eve@example.com>" in said
    assert "not in the recording: rcpt <new@example.net>" in said
    assert "connection 1, message 2: mail <alice@example.com>: it did not come" in said
    assert 'failures="3"' in (tmp_path / "report.xml").read_text()


def test_a_recording_answers_again_and_again_when_it_loops(recorded, answering, play, scenario):
    file = recorded(ONE)
    milter = answering(file, options=("--loop", "--n-workers", "2"))
    again = scenario(SWAPPED.replace("session", "repeat 5 session"), "again.scenario")
    played = play("-s", milter.spec, again, "--jobs", "2")
    if "repeat" in played.stderr:
        for _ in range(5):
            assert play("-s", milter.spec, scenario(SWAPPED)).returncode == 0
    else:
        assert played.returncode == 0, played.stdout
    assert milter.verdict()[0] == 0


def test_several_recordings_are_one(recorded, answering, play, tmp_path):
    first = recorded(ONE).rename(tmp_path / "first.trace")
    milter = answering(first, CAPTURES / "01-opendkim-sign.pcap")
    assert play("-s", milter.spec, first).returncode == 0
    status, said = milter.verdict()
    assert status == 1 and "it did not come" in said


def test_a_damaged_recording_is_told_and_answered_as_far_as_it_goes(answering):
    milter = answering(CAPTURES / "48-lost-segment.pcap")
    with Mta(milter.spec) as mta:
        assert mta.ask(b"O", OFFER)
        mta.send(*SESSION[1])
        assert mta.ask(*SESSION[2])
    status, said = milter.verdict()
    assert status == 1
    assert "1 connection of the recording cannot be answered, or not to the end" in said
    assert "the recording is damaged" in said


def test_an_mta_that_breaks_the_protocol_is_told_with_strict(answering):
    milter = answering(CAPTURES / "01-opendkim-sign.pcap", options=("--strict",))
    with Mta(milter.spec) as mta:
        mta.ask(b"O", OFFER)
        mta.send(b"E")
        mta.send(b"Q")
        mta.is_closed()
    status, said = milter.verdict()
    assert status == 3 and "against the protocol" in said


@pytest.mark.parametrize("options, message", [
    (["--replay", "x.pcap", "-e", "on rcpt => reject"], "--replay: rules cannot answer, too"),
    (["--loop"], "--loop: there is no --replay"),
    (["--replay", "missing.pcap"], "missing.pcap cannot be read"),
    (["--replay", str(CAPTURES / "README.md")], ""),
    (["--replay", str(CAPTURES / "13-mid-session.pcap")], "there is no session that could be answered"),
])
def test_what_cannot_be_answered_from_is_told_before_it_listens(tool, tmp_path, options, message):
    done = subprocess.run([tool("milter-test-client"), "-s", f"unix:{tmp_path}/s", *options], capture_output=True, text=True,
                          timeout=60, cwd=tmp_path)
    assert done.returncode == 2 and "listening" not in done.stdout
    assert message in done.stderr and done.stderr


MAIL = (b"From: alice@example.com\r\nTo: bob@example.net\r\nSubject: again\r\n"
        b"Date: Sun, 22 Nov 2026 09:15:02 +0100\r\nMessage-ID: <again@example.com>\r\n\r\nHello.\r\n")


def test_postfix_is_tested_with_the_answers_of_yesterday(tool, client, answering, scenario, tmp_path):
    if why_not() is not None:
        pytest.skip(why_not())
    tmp_path.chmod(0o755)
    milter = client("-q", scenario(RULES, "rules"), spec="inet:0@127.0.0.1")
    recorder = Recorder(tool, tmp_path, milter.spec)

    def place(spec):
        return f"inet:127.0.0.1:{spec.removeprefix('inet:').partition('@')[0]}"

    with Postfix(yesterday=place(recorder.spec)) as mta:
        first, answer = mta.deliver(MAIL, "yesterday")
        assert first is not None, answer
    assert recorder.stop() == 0
    replay = answering(recorder.file, spec="inet:0@127.0.0.1")
    with Postfix(today=place(replay.spec)) as mta:
        second, answer = mta.deliver(MAIL, "today")
        assert second is not None, answer
    assert b"X-Seen: yes" in first.content and b"X-Seen: yes" in second.content
    status, said = replay.verdict()
    assert status == 0, said

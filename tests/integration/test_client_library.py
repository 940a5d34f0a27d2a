# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client library through small programs: edits and replies on the wire, limits, threads, the manual's example."""

import socket
import subprocess
import time

import pytest

from editmilter import edit_milter  # noqa: F401 (a fixture)
from listening import listens
from milterwire import OFFER, Mta, connect, frame


@pytest.fixture
def milter(edit_milter):
    """milter(OPTION…): the spec of a running edit-milter."""
    return lambda *options, **more: edit_milter(*options, **more).spec


@pytest.fixture(params=[[], ["-a"]], ids=["in the handler", "from another thread"])
def answering(request):
    return request.param


def do(*lines):
    return [(b"X-Do", line.encode()) for line in lines]


EDITS = [
    ("add-header X-A value of it", (b"h", b"X-A\0value of it\0")),
    ("insert-header 0 X-B v", (b"i", b"\0\0\0\0X-B\0v\0")),
    ("change-header Subject 1 new", (b"m", b"\0\0\0\1Subject\0new\0")),
    ("delete-header Subject 2", (b"m", b"\0\0\0\2Subject\0\0")),
    ("change-from <new@example.com>", (b"e", b"<new@example.com>\0")),
    ("change-from <> RET=HDRS", (b"e", b"<>\0RET=HDRS\0")),
    ("add-rcpt <r@example.com>", (b"+", b"<r@example.com>\0")),
    ("add-rcpt <r@example.com> NOTIFY=NEVER", (b"2", b"<r@example.com>\0NOTIFY=NEVER\0")),
    ("delete-rcpt <bob@example.net>", (b"-", b"<bob@example.net>\0")),
    ("replace-body 3", (b"b", b"bbb")),
    ("replace-body 0", (b"b", b"")),
    ("progress", (b"p", b"")),
    ("quarantine odd mail", (b"q", b"odd mail\0")),
]


def test_every_edit_is_on_the_wire(milter, answering):
    with Mta(milter(*answering)) as mta:
        mta.ask_if_wanted(b"O", OFFER)
        for line, sent in EDITS:
            assert mta.message(*do(line)) == [sent, (b"c", b"")], line


def test_edits_of_one_message_keep_their_order(milter, answering):
    lines = [line for line, _ in EDITS if "replace" not in line and "quarantine" not in line]
    sent = [edit for line, edit in EDITS if "replace" not in line and "quarantine" not in line]
    with Mta(milter(*answering)) as mta:
        mta.ask_if_wanted(b"O", OFFER)
        assert mta.message(*do(*lines)) == [*sent, (b"c", b"")]
        assert mta.message() == [(b"c", b"")]


def test_a_large_body_is_cut(milter):
    with Mta(milter()) as mta:
        mta.ask_if_wanted(b"O", OFFER)
        *pieces, final = mta.message(*do("replace-body 1500000"))
        assert final == (b"c", b"")
        assert {letter for letter, _ in pieces} == {b"b"}
        assert [len(payload) for _, payload in pieces] == [65535] * 22 + [1500000 - 22 * 65535]


@pytest.mark.parametrize("word, letter", [("accept", b"a"), ("reject", b"r"), ("tempfail", b"t"), ("discard", b"d")])
def test_every_verdict(milter, answering, word, letter):
    with Mta(milter(*answering)) as mta:
        mta.ask_if_wanted(b"O", OFFER)
        assert mta.message(*do(word)) == [(letter, b"")]
        assert mta.message() == [(b"c", b"")]


def test_reply_texts(milter, answering):
    with Mta(milter(*answering)) as mta:
        mta.ask_if_wanted(b"O", OFFER)
        assert mta.message(*do("reply 554 5.7.1 no 100% way", "reject")) == [(b"y", b"554 5.7.1 no 100%% way\0")]
        assert mta.message(*do("reply 451 4.7.1 later", "tempfail")) == [(b"y", b"451 4.7.1 later\0")]
        mta.ask(b"M", b"<a>\0")
        assert mta.ask(b"R", b"<text@example.com>\0") == [(b"y", b"550-5.7.1 first 100%%\r\n550 5.7.1 second\0")]
        assert mta.ask(b"R", b"<reject@example.com>\0") == [(b"r", b"")]
        assert mta.ask(b"R", b"<tempfail@example.com>\0") == [(b"t", b"")]
        assert mta.ask(b"R", b"<fine@example.com>\0") == [(b"c", b"")]


def test_commands_sent_ahead_wait_for_an_answer_that_comes_later(milter):
    with Mta(milter("-a")) as mta:
        mta.ask_if_wanted(b"O", OFFER)
        mta.ask(b"M", b"<a>\0")
        mta.ask(b"R", b"<b>\0")
        mta.ask(b"L", b"X-Do\0add-header A b\0")
        for letter, payload in [(b"E", b""), (b"M", b"<c>\0"), (b"R", b"<reject@x>\0"), (b"Q", b"")]:
            mta.send(letter, payload)
        replies = []
        while (reply := mta.read()) is not None:
            replies.append(reply[0])
        assert b"".join(replies) == b"hccr"


def test_a_milter_that_is_busy_later_survives_a_peer_that_goes(milter):
    spec = milter("-a", "-w", "2")
    for _ in range(30):
        mta = Mta(spec)
        mta.ask_if_wanted(b"O", OFFER)
        mta.ask(b"M", b"<a>\0")
        mta.ask(b"R", b"<b>\0")
        mta.send(b"E")
        mta.sock.close()
    with Mta(spec) as mta:
        mta.ask_if_wanted(b"O", OFFER)
        assert mta.message() == [(b"c", b"")]


# Limits.


def test_more_connections_than_allowed_wait_their_turn(milter):
    spec = milter("-m", "2", "-w", "2")
    first, second, third = (Mta(spec) for _ in range(3))
    for mta in (first, second):
        mta.ask_if_wanted(b"O", OFFER)
    third.send(b"O", OFFER)
    third.sock.settimeout(0.3)
    with pytest.raises(socket.timeout):
        third.read()
    third.sock.settimeout(60)
    first.sock.close()
    assert third.read()[0] == b"O"
    second.sock.close()
    third.sock.close()
    with Mta(spec) as mta:
        mta.ask_if_wanted(b"O", OFFER)


def test_a_peer_that_says_nothing_is_let_go(milter, tmp_path):
    spec = milter("-t", "1")
    with Mta(spec) as silent, Mta(spec) as stalled:
        stalled.ask_if_wanted(b"O", OFFER)
        stalled.sock.sendall(b"\0\0\0\5M<")
        assert silent.is_closed()
        assert stalled.is_closed()
    assert (tmp_path / "err.txt").read_text().count("timeout") == 2


# The manual's example.


def test_the_example_of_the_manual_runs(build, tmp_path):
    process = subprocess.Popen([build / "tests/client/manual-example-unix"], cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        end = time.monotonic() + 60
        while not listens(tmp_path / "manual-example.sock"):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        with Mta(f"unix:{tmp_path}/manual-example.sock") as mta:
            assert mta.ask(b"O", OFFER)[0][0] == b"O"
            # it has no handlers: only the end of the message is left
            assert mta.ask(b"E") == [(b"c", b"")]
        connect(f"unix:{tmp_path}/manual-example.sock").close()
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_peer_that_has_said_all_still_gets_every_answer(milter, answering):
    session = [(b"O", OFFER), (b"M", b"<a>\0"), (b"R", b"<b>\0"), (b"L", b"X-Do\0add-header A b\0"), (b"E", b""),
               (b"M", b"<c>\0"), (b"R", b"<reject@x>\0"), (b"R", b"<d>\0"), (b"E", b"")]
    with Mta(milter(*answering)) as mta:
        mta.sock.sendall(b"".join(frame(*step) for step in session))
        mta.sock.shutdown(socket.SHUT_WR)
        letters = []
        while (reply := mta.read()) is not None:
            letters.append(reply[0])
        assert b"".join(letters) == b"Occchccrcc"

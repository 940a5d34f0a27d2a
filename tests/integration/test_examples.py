# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples of docs/scenarios.md: each parses, is written in its canonical form, and is played."""

import pathlib
import re
import struct

import pytest

from fakemilter import CLOSE, CONTINUE, SILENT, FakeMilter, options, reply_code
from milterwire import frame

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/scenarios.md"
BLOCKS = dict(re.findall(r"^```scenario (\S+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S))
# the page shows what is said of them
WRONG = {"crooked.scenario", "typo.scenario"}
EXAMPLES = sorted(set(BLOCKS) - WRONG)
# no session of its own: what is included, and what a milter plays
PARTS = {"common.scenario", "rules.scenario", "wanted.scenario", "what.scenario", "when.scenario"}

# a milter that has nothing to say
POLITE = {letter: CONTINUE for letter in "CHMRTLNBEU"}
EDITS = b"".join([
    frame(b"q", b"looks like spam\0"),
    frame(b"m", struct.pack(">I", 1) + b"Subject\0[spam] hi\0"),
    frame(b"m", struct.pack(">I", 1) + b"X-Spam\0\0"),
    frame(b"b", b"The text was removed.\r\n"),
    frame(b"e", b"<>\0RET=HDRS\0"),
    frame(b"2", b"<copy@example.org>\0NOTIFY=NEVER\0"),
    frame(b"-", b"<recipient@example.net>\0"),
    reply_code(b"550-5.7.1 first line\r\n550 5.7.1 second"),
])
MARKS = b"".join([
    frame(b"h", b"X-Checked\0yes\0"),
    frame(b"i", struct.pack(">I", 0) + b"DKIM-Signature\0v=1; d=example.com\0"),
    frame(b"a"),
])
# example -> what the milter answers
PLAYED = {
    "first.scenario": POLITE,
    "marks.scenario": {**POLITE, "R": [CONTINUE, reply_code(b"451 4.7.1 mailbox busy, come again")], "E": MARKS},
    "no-leaks.scenario": POLITE,
    "answers.scenario": {**POLITE, "E": EDITS},
    "crowd.scenario": POLITE,
    "rounds.scenario": POLITE,
    "recording.scenario": {"O": options(actions=0x11, steps=0x3), "M": reply_code(b"550 5.7.1 no, 50% sure")},
}


@pytest.fixture
def folder(tmp_path):
    for name, text in BLOCKS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_its_canonical_form(play, folder, name):
    done = play("--format", name, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, BLOCKS[name], "")


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - PARTS))
def test_an_example_is_read(play, folder, name):
    done = play("--list", name, cwd=folder)
    assert done.returncode == 0 and done.stdout.startswith(f"{name}:"), done.stderr


@pytest.mark.parametrize("name", sorted(PLAYED))
def test_an_example_holds_for_a_milter_that_does_so(play, folder, name):
    with FakeMilter(folder / "m.sock", PLAYED[name]) as milter:
        done = play("-s", milter.spec, name, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name, letter, answer, status", [
    ("marks.scenario", "E", frame(b"a"), 1),
    ("no-leaks.scenario", "E", MARKS, 1),
    ("answers.scenario", "E", EDITS.replace(b"NOTIFY=NEVER", b"NOTIFY=DELAY"), 1),
    ("recording.scenario", "M", reply_code(b"550 5.7.1 no, 51% sure"), 1),
    ("crowd.scenario", "E", CLOSE, 3),
    ("no-leaks.scenario", "A", CONTINUE, 3),
])
def test_an_example_fails_for_one_that_does_not(play, folder, name, letter, answer, status):
    with FakeMilter(folder / "m.sock", {**PLAYED[name], letter: answer}) as milter:
        done = play("-s", milter.spec, name, cwd=folder)
    assert done.returncode == status, done.stdout + done.stderr


def test_the_example_of_conformance_holds_for_our_own_library(play, folder, tool, start):
    start([tool("milter-test-client"), "-q", "-s", f"unix:{folder}/c.sock"], socket=folder / "c.sock")
    done = play("-s", f"unix:{folder}/c.sock", "conformance.scenario", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("edit, status", [(frame(b"i", struct.pack(">I", 0) + b"Authentication-Results\0x; dkim=none\0"), 0),
                                          (SILENT, 1)])
def test_the_example_of_a_chain(play, folder, edit, status):
    with FakeMilter(folder / "a.sock", {**POLITE, "E": edit + frame(b"c")}) as dkim, \
            FakeMilter(folder / "b.sock", POLITE) as dmarc:
        text = BLOCKS["chain.scenario"]
        text = text.replace("spawn opendkim -f -p $socket", dkim.spec).replace("inet:8893@127.0.0.1", dmarc.spec)
        (folder / "chain.scenario").write_text(text)
        done = play("chain.scenario", cwd=folder)
        assert done.returncode == status, done.stdout + done.stderr
        # the second milter saw what the first one wrote
        assert status or any(payload.startswith(b"Authentication-Results\0") for letter, payload in dmarc.frames if letter == "L")


def test_rules_have_nothing_for_an_mta(play, folder):
    done = play("-s", "unix:m.sock", "rules.scenario", cwd=folder)
    assert done.returncode == 2
    assert 'expected a session, got only rules ("on", "expect"), which a milter plays, not an MTA' in done.stdout + done.stderr

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each capture has exactly the sessions, messages and replies that tests/data/captures/replies.txt lists, which another program wrote."""

import json
import pathlib
import re
import subprocess

import pytest

CAPTURES = pathlib.Path(__file__).resolve().parents[1] / "data/captures"
# there the list has what a reader finds that gives up at the first hole
DAMAGED = ["13-mid-session.pcap", "14-snaplen96.pcap", "35-capture-lost-packets.pcap", "48-lost-segment.pcap", "49-cut-file.pcap"]


def expand(text):
    """`O c*2 / c`: ["Occ", "c"], what the milter said before the first MAIL and for each message."""
    return ["".join(letter * int(n or 1) for letter, n in re.findall(r"(\S)(?:\*(\d+))?(?: |$)", part)) for part in text.split(" / ")]


def read_list():
    """{CAPTURE: [connection, …]}"""
    found = {}
    for line in (CAPTURES / "replies.txt").read_text().splitlines():
        name, number, text = line.split(" ", 2)
        found.setdefault(name, []).append(expand(text))
        assert len(found[name]) == int(number), line
    return found


LIST = read_list()


@pytest.fixture
def show(tool):
    def run(*arguments):
        done = subprocess.run([tool("milter-replay"), "show", "--json", *map(str, arguments)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
    return run


def replies(lines):
    """The same of what is shown."""
    found = {}
    for line in lines:
        parts = found.setdefault(line.get("connection"), [""])
        if line["type"] == "frame" and line["from"] == "milter":
            parts[-1] += line["letter"]
        elif line["type"] == "frame" and line["letter"] == "M":
            parts.append("")
    found.pop(None, None)
    return list(found.values())


def test_the_list_has_a_row_for_each_capture():
    assert sorted(LIST) == sorted(path.name for path in CAPTURES.glob("*.pcap*"))


@pytest.mark.parametrize("name", sorted(set(LIST) - set(DAMAGED)))
def test_a_whole_capture_has_these_sessions_messages_and_replies(show, name):
    assert replies(show(CAPTURES / name)) == LIST[name]
    summary, = show("--summary", CAPTURES / name)
    assert (summary["connections"], summary["messages"]) == (len(LIST[name]), sum(len(one) - 1 for one in LIST[name]))
    assert summary["holes"] == 0


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_capture_has_at_least_these_replies_in_this_order(tool, name):
    done = subprocess.run([tool("milter-replay"), "show", "--json", CAPTURES / name], capture_output=True, text=True, timeout=60)
    found = replies([json.loads(line) for line in done.stdout.splitlines()])
    assert len(found) == len(LIST[name])
    for ours, theirs in zip(found, LIST[name]):
        left = iter("".join(ours))
        assert all(letter in left for letter in "".join(theirs)), (ours, theirs)

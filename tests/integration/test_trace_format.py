# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of docs/trace.md: its lines are what is written of what passed, and are read as that."""

import json
import re
import subprocess

import pytest
from conftest import ROOT

ROWS = re.findall(r"^\| `([^`]+)` \| (.+) \|$", (ROOT / "docs/trace.md").read_text(), re.M)
HEADING = ["start 2026-11-22T09:15:02.5Z", "mta exact"]
# of the negotiation and what follows it, as far as a player would say it
BEGIN = ["+0 @1 session", "+0 @1 negotiate version=6 actions=all steps=all", "+0 @1 => negotiate version=6 actions=none steps=none"]


@pytest.fixture
def show(tool, tmp_path):
    def run(lines, *options):
        path = tmp_path / "made.trace"
        path.write_text("".join(line + "\n" for line in lines))
        done = subprocess.run([tool("milter-replay"), "show", *options, path], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()
    return run


def test_the_table_is_a_trace_that_is_written_as_it_was_read(show):
    lines = HEADING + [line for line, _ in ROWS]
    assert len(ROWS) >= 17
    assert show(lines) == lines


def test_what_the_table_says_of_a_line_is_what_it_is_read_as(show):
    told = [json.loads(line) for line in show(HEADING + [line for line, _ in ROWS], "--json")]
    kinds = {"session": "opened", "raw": "raw", "lost": "hole", "half-close": "closed", "close": "closed", "closed": "closed"}
    wanted = []
    for line, _ in ROWS:
        match = re.match(r"\+(\S+) @(\d+) (=> )?(\S+)", line)
        if match is None:
            wanted.append(("note", None, None))
            continue
        side = "milter" if match[3] else "mta"
        kind = kinds.get(match[4], "frame")
        wanted.append((kind, int(match[2]), None if kind == "opened" else side))
    found = [(one["type"], one.get("connection") or None, one.get("from") if one["type"] not in ("opened", "note") else None) for one in told]
    # who closes second is made up, and a remark stands where it was read
    left = iter(sorted(found, key=str))
    assert all(row in left for row in sorted(wanted, key=str)), (found, wanted)


@pytest.mark.parametrize("line", ["+0.5 @1 reset", "+0.5 @1 => reset", "+0.5 @1 close", "+0.5 @1 => closed"])
def test_each_way_to_end_is_written_as_it_was_read(show, line):
    lines = HEADING + BEGIN + [line]
    assert show(lines) == lines


def test_an_answer_that_the_mta_did_not_wait_for_is_written_as_it_was_read(show):
    lines = HEADING + BEGIN + ["+0.5 @1 connect x unknown", "+0.6 @1 => progress", "+0.7 @1 => none", "+0.7 @1 close"]
    assert show(lines) == lines


def test_the_words_are_those_of_all_commands(show):
    words = re.search(r"by its word: `([^`]+)`", (ROOT / "docs/trace.md").read_text())[1].split()
    arguments = {"negotiate": "version=6 actions=none steps=none", "macro": "mail i=1", "connect": "x 192.0.2.1", "helo": "x", "mail": "<a>", "rcpt": "<b>",
                 "header": "A: b", "body": "x", "unknown": "x"}
    lines = HEADING + ["+0 @1 session"] + [f"+0 @1 {word} {arguments.get(word, '')}".rstrip() for word in words]
    letters = [one["letter"] for one in map(json.loads, show(lines, "--json")) if one["type"] == "frame"]
    assert len(letters) == len(words)
    assert sorted(letters) == sorted("ODCHMRTLNBEUAQK")

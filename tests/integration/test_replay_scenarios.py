# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scenarios read as recordings: what an MTA would say, and a milter that does what they expect."""

import json
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def show(tool):
    def run(*arguments, **options):
        options.setdefault("timeout", 180)
        if isinstance(options.get("input"), str):
            options["input"] = options["input"].encode()
        return subprocess.run([tool("milter-replay"), "show", *map(str, arguments)], capture_output=True, **options)
    return run


def lines(done):
    """Without the heading, times and connections."""
    return [re.sub(r"^\+\S+ @\d+ ", "", line) for line in done.stdout.decode().splitlines()[2:]]


def test_a_scenario_is_told_as_if_it_had_been_recorded(show):
    done = show("-", input="""mta plain
session "a mark"
  mail <alice@example.com>
  rcpt <bob@example.net>
  rcpt <busy@example.net>
    => 451 4.7.1 "mailbox busy*" | reject within 500ms
  body "Hi.\\r\\n"
  eom
    => add-header X-Checked: yes
    => quarantine *
    => accept
""")
    assert (done.returncode, done.stderr) == (0, b"")
    shown = lines(done)
    assert shown[0] == "session" and shown[1].startswith("negotiate version=6 ")
    assert shown[shown.index("rcpt <busy@example.net>") + 1] == '=> 451 4.7.1 "mailbox busy"'
    assert shown[shown.index("eom"):][:4] == ["eom", "=> add-header X-Checked: yes", '=> quarantine ""', "=> accept"]
    assert shown[-2:] == ["quit", "=> closed"]
    assert 'body "Hi.\\r\\n"' in shown


def test_what_is_told_is_a_trace_that_plays_and_reads_as_such(show, tool, tmp_path):
    scenario = "session\n  mail <a@example.com> => continue\n  eom => 550 5.7.1 no\nsession two\n  helo x => tempfail\n"
    shown = show("-", input=scenario).stdout
    assert show("-", input=shown).stdout == shown
    (tmp_path / "x.scenario").write_bytes(shown)
    done = subprocess.run([tool("milter-test-server"), "--format", tmp_path / "x.scenario"], capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == (shown, b"")


def test_each_session_is_over_before_the_next(show):
    """Also where the milter closes; else all of them would be open until the end."""
    text = "mta exact\n" + "".join(f"session {i}\n  negotiate\n  {end}\n" for i, end in enumerate((
        "quit", "quit => closed", "close", "half-close => closed", "quit => reset", "reset", "mail <a> => closed")))
    done = show("--json", "-", input=text)
    assert (done.returncode, done.stderr) == (0, b"")
    objects = [json.loads(line) for line in done.stdout.splitlines()][1:]
    assert [o["connection"] for o in objects] == sorted(o["connection"] for o in objects)
    ends = {}
    for o in objects:
        if o["type"] == "closed":
            ends.setdefault(o["connection"], []).append("reset" if o["reset"] else o["from"])
    assert ends == {1: ["milter", "mta"], 2: ["milter", "mta"], 3: ["mta", "milter"], 4: ["mta", "milter"], 5: ["reset"],
                    6: ["reset"], 7: ["milter", "mta"]}
    numbers = re.findall(rb"^\+\S+ @(\d+) ", show("-", input=text).stdout, re.M)
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("answer, wanted", [
    ("=> any", "=> continue"),
    ("=> 4xx", '=> 450 4.0.0'),
    ("=> 5xx 5.x.x", '=> 550 5.0.0'),
    ("=> 550 /^no\\. such user$/", '=> 550 "no. such user"'),
    ("=> discard | accept", "=> discard"),
    ("=> closed", "=> closed"),
    ("=> reset", "=> reset"),
    ("=> frame y \"550 x\\0\"", '=> 550 "x"'),
])
def test_the_first_alternative_is_what_the_milter_says(show, answer, wanted):
    done = show("-", input=f"session\n  mail <a> {answer}\n")
    assert (done.returncode, done.stderr) == (0, b"")
    shown = lines(done)
    assert shown[shown.index("mail <a>") + 1] == wanted


@pytest.mark.parametrize("text, message", [
    ("session\n  mail <a> => 550 /a|b/\n", "standard input:2: no text can be made up that /a|b/ matches"),
    ("session\n  eom => and /x/\n", "no capture (pcap, pcapng), no trace"),
    ("session\n  eom\n    => add-header X: a\n    => and /b/\n    => accept\n", "standard input:"),
    ("milter a inet:1@127.0.0.1\nmilter b inet:2@127.0.0.1\nsession\n  eom\n", "a chain of milters cannot be told"),
    ("on mail => reject\n", "got only rules"),
    ("session\n  require negotiate steps=+NR_HDR\n  eom\n", "is told no further"),
    ("nothing\n", "standard input:1:1: expected a verb"),
])
def test_what_cannot_be_told_is_an_error(show, text, message):
    done = show("-", input=text)
    assert done.returncode == 2
    assert message in done.stderr.decode(), done.stderr


def test_time_passes_only_where_somebody_waits(show):
    done = show("--json", "-", input="session\n  mail <a>\n  stall 2m\n  eom\n")
    assert done.returncode == 0
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert objects[0]["start"].startswith("1970-01-01T00:00:00.0")
    times = {o["word"]: o["time"] for o in objects if o["type"] == "frame"}
    assert times["mail"] < 1 and 120 < times["eom"] < 121


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("*/*.scenario")), ids=lambda p: p.name)
def test_scenarios_of_the_project_are_told_or_say_why_not(show, path):
    done = show(path)
    assert done.returncode in (0, 2)
    assert (done.returncode == 0) == (done.stderr == b"")
    if done.returncode == 2:
        assert re.search(r"made up|chain|no further", done.stderr.decode()), done.stderr

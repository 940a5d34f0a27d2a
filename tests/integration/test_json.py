# SPDX-License-Identifier: LGPL-2.1-or-later
"""--json: each frame that passes as an object on a line, compared with what a milter got and said."""

import base64
import json

import pytest
from fakemilter import options, reply_code
from milterwire import frame

SCENARIO = """mta exact
session first
  negotiate
  connect client.example 192.0.2.7 port=25
  macro mail i=4F1 {mail_addr}=a@b
  mail <a@b> SIZE=1
  rcpt <c@d>
    => 451 "later"
  abort
  mail "<\\xe4>"
  rcpt <c@d>
  data
  header Subject: x
  eoh
  body "a\\0\\xff"
  eom
  quit
"""


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def test_every_frame_is_a_line_of_the_stream(play, fake, scenario):
    milter = fake({"O": options(0x1, 0), "R": [reply_code(b"451 later"), frame(b"c")],
                   "E": frame(b"h", b"X\0y\0") + frame(b"a")})
    done = play("-s", milter.spec, "--json", scenario(SCENARIO))
    assert done.returncode == 0, done.stderr
    lines = objects(done.stdout)
    assert [line["type"] for line in lines[:1] + lines[-2:]] == ["run", "case", "summary"]
    frames = lines[1:-2]
    assert all(line["type"] == "frame" and line["connection"] == 1 and line["session"] == "first" for line in frames)
    times = [line["time"] for line in frames]
    assert times == sorted(times) and times[0] >= 0
    sent = [line for line in frames if line["from"] == "mta"]
    assert [line["letter"] for line in sent] == [letter for letter, _ in milter.frames]
    said = "".join(line["letter"] for line in frames if line["from"] == "milter")
    assert said == "Occycccccc" + "ha"
    assert frames[0]["name"] == "SMFIC_OPTNEG" and frames[0]["word"] == "negotiate"
    assert frames[0]["fields"] == {"version": 6, "actions": 0x1FF, "steps": 0x1FFFFF, "tail": ""}
    assert frames[1]["fields"] == {"version": 6, "actions": 1, "steps": 0, "symbols": []}


def test_fields_have_their_names_and_messages_their_numbers(play, fake, scenario):
    milter = fake({"R": [reply_code(b"451 later"), frame(b"c")]})
    lines = [line for line in objects(play("-s", milter.spec, "--json", scenario(SCENARIO)).stdout)
             if line["type"] == "frame"]
    by_word = {}
    for line in lines:
        by_word.setdefault(line["word"], []).append(line)
    assert by_word["connect"][0]["fields"] == {"host": "client.example",
                                               "address": {"family": "4", "port": 25, "text": "192.0.2.7"}}
    assert by_word["macro"][0]["fields"] == {"stage": "M", "macros": {"i": "4F1", "{mail_addr}": "a@b"}}
    assert by_word["mail"][0]["fields"] == {"address": "<a@b>", "arguments": ["SIZE=1"]}
    assert base64.b64decode(by_word["mail"][1]["fields"]["address_base64"]) == b"<\xe4>"
    assert base64.b64decode(by_word["body"][0]["fields"]["chunk_base64"]) == b"a\0\xff"
    assert by_word["reply-code"][0]["fields"] == {"text": "451 later"}
    assert [line.get("message") for line in by_word["mail"]] == [1, 2]
    assert [line.get("message") for line in by_word["rcpt"]] == [1, 2]
    assert [line.get("message") for line in by_word["connect"] + by_word["quit"]] == [None, None]


def test_a_chain_tells_who_said_it(play, fake, scenario):
    one, two = fake(), fake()
    path = scenario("mta exact\nsession\n  negotiate\n  connect\n  quit\n")
    lines = objects(play("-s", one.spec, "-s", two.spec, "--json", path).stdout)
    named = {line["milter"] for line in lines if line["type"] == "frame"}
    assert len(named) == 2


@pytest.mark.parametrize("options_", [["--report", "json:-"], ["--report", "tap:-"]])
def test_two_things_do_not_go_to_the_standard_output(play, scenario, options_):
    done = play("-s", "unix:/nonexistent", "--json", *options_, scenario("session\n quit\n"))
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "--json" in done.stderr


def test_what_people_read_goes_to_the_standard_error(play, fake, scenario):
    done = play("-s", fake().spec, "--json", scenario("session\n  mail\n"))
    assert "1 session: 1 held" in done.stderr
    assert all(line.startswith("{") for line in done.stdout.splitlines())


def test_the_message_from_options_has_its_frames_as_well(play, fake):
    done = play("-s", fake().spec, "--json")
    lines = objects(done.stdout)
    assert "status: pass" in done.stderr
    assert [line["letter"] for line in lines if line.get("from") == "mta"][0] == "O"
    assert lines[-1]["type"] == "summary"

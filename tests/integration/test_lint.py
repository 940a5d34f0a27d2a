# SPDX-License-Identifier: LGPL-2.1-or-later
"""--lint: what a milter does that the protocol does not allow, also where no scenario asks."""

import re

import pytest

from fakemilter import CONTINUE, FakeMilter, options
from milterwire import frame

BAD_HEADER = frame(b"h", b"X:Y\0v\0") + CONTINUE
SESSION = """\
session "one"
  connect
  mail <a@example.com>
  rcpt <b@example.net>
  eom
    => continue
"""


@pytest.fixture
def scenario(tmp_path):
    def write(text=SESSION):
        path = tmp_path / "a.scenario"
        path.write_text(text)
        return path

    return write


def test_a_warning_names_line_session_and_rule_and_leaves_the_verdict(tmp_path, play, scenario):
    path = scenario()
    with FakeMilter(tmp_path / "m.sock", {"E": BAD_HEADER}) as milter:
        result = play("-s", milter.spec, path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f'{path}:5: warning one: [MOD-05] add-header "X:Y" has a colon in its name; ' in result.stdout
    assert "1 session: 1 held" in result.stdout


@pytest.mark.parametrize("mode", ["warn", "error", "off"])
def test_the_mode_decides_what_becomes_of_it(tmp_path, play, scenario, mode):
    with FakeMilter(tmp_path / "m.sock", {"E": BAD_HEADER}) as milter:
        result = play("-s", milter.spec, f"--lint={mode}", scenario())
    assert result.returncode == {"warn": 0, "error": 1, "off": 0}[mode], result.stdout
    assert ("[MOD-05]" in result.stdout) == (mode != "off")
    assert ("FAIL one: [MOD-05]" in result.stdout) == (mode == "error")


def test_a_mode_that_there_is_not_is_told(play, scenario):
    result = play("-s", "unix:/nowhere", "--lint=strict", scenario())
    assert result.returncode == 2
    assert '"strict" is none of warn, error, off' in result.stderr


def test_a_milter_that_keeps_the_rules_is_not_spoken_of(tmp_path, play, scenario):
    good = frame(b"h", b"X\0v\0") + frame(b"p") + CONTINUE
    with FakeMilter(tmp_path / "m.sock", {"E": good}) as milter:
        result = play("-s", milter.spec, "--lint=error", scenario())
    assert result.returncode == 0, result.stdout
    assert "warning" not in result.stdout


def test_the_same_at_one_line_is_told_once_with_a_count(tmp_path, play, scenario):
    with FakeMilter(tmp_path / "m.sock", {"E": frame(b"h", b"X:Y\0v\0") * 5 + CONTINUE}) as milter:
        result = play("-s", milter.spec, scenario())
    assert result.stdout.count("[MOD-05]") == 1
    assert "(5 times)" in result.stdout


def test_the_milter_of_a_chain_is_named(tmp_path, play, scenario):
    with FakeMilter(tmp_path / "1.sock") as first, FakeMilter(tmp_path / "2.sock", {"E": BAD_HEADER}) as second:
        result = play("-s", first.spec, "-s", second.spec, scenario())
    assert re.search(r"warning one: \[MOD-05\] milter 2: add-header", result.stdout), result.stdout


def test_what_a_scenario_provokes_is_no_finding(tmp_path, play, scenario):
    text = 'session "odd"\n  connect\n  frame "N" ""\n  frame "E" ""\n'
    with FakeMilter(tmp_path / "m.sock") as milter:
        result = play("-s", milter.spec, scenario(text))
    assert "warning" not in result.stdout, result.stdout


def test_a_close_after_half_a_command_is_no_finding(tmp_path, play, scenario):
    text = 'session "half"\n  connect\n  half-close after 7 bytes\n  helo a\n  mail\n'
    with FakeMilter(tmp_path / "m.sock") as milter:
        result = play("-s", milter.spec, scenario(text))
    assert "[REP-10]" not in result.stdout, result.stdout


def test_steps_that_were_not_offered_are_told(tmp_path, play, scenario):
    text = 'session "old"\n  negotiate version=2 actions=0x3f steps=0x7f\n    => any\n'
    with FakeMilter(tmp_path / "m.sock", {"O": options(actions=0x1, steps=0x80, version=2)}) as milter:
        result = play("-s", milter.spec, scenario(text))
    assert "[NEG-08] the milter asks for the steps NR_HDR, which were not offered" in result.stdout, result.stdout


def test_an_answer_that_was_negotiated_away_is_told(tmp_path, play, scenario):
    with FakeMilter(tmp_path / "m.sock", {"O": options(steps=0x1000)}) as milter:
        result = play("-s", milter.spec, scenario())
    assert "[REP-04]" in result.stdout, result.stdout


def test_a_plain_run_tells_it_on_its_standard_error(tmp_path, play):
    with FakeMilter(tmp_path / "m.sock", {"E": BAD_HEADER}) as milter:
        result = play("-s", milter.spec)
        failed = play("-s", milter.spec, "--lint=error")
        quiet = play("-s", milter.spec, "-q")
    assert result.returncode == 0
    assert re.fullmatch(r"status: pass\nelapsed-time: \S+ seconds\n", result.stdout)
    assert "warning" in result.stderr and "[MOD-05]" in result.stderr
    assert failed.returncode == 1 and "FAIL" in failed.stderr
    assert quiet.returncode == 0 and quiet.stderr == ""


class Slow:
    """A socket on which each answer comes 40 ms after its command, by the clock of who asks."""

    n_answers = 0

    def __init__(self, sock, clock):
        self.sock = sock
        self.clock = clock

    def __getattr__(self, name):
        return getattr(self.sock, name)

    def sendall(self, data):
        if not data:
            return
        self.n_answers += 1
        self.clock.move_on(ms=40)
        self.sock.sendall(data)


class InTwoPieces(Slow):
    """A socket whose answers are written in two pieces: Nagle's algorithm holds the second one back until the first
    is acknowledged, for 40 ms unless who reads wants that at once."""

    n_held = n_sent = 0

    def sendall(self, data):
        if not data:
            return
        self.n_answers += 1
        self.sock.sendall(data[:4])
        self.clock.wait_until_timed(self.n_sent + 4)
        if self.clock.get("delays_ack"):
            self.clock.move_on(ms=40)
            self.n_held += 1
        self.sock.sendall(data[4:])
        self.n_sent += len(data)


class TimedMilter(FakeMilter):
    """Of which the socket is a KIND; all of them stay in `links`."""

    def __init__(self, kind, clock, path=None):
        self.kind, self.clock, self.links = kind, clock, []
        super().__init__(path)

    def serve(self, sock):
        self.links.append(self.kind(sock, self.clock))
        super().serve(self.links[-1])


MANY_ANSWERS = SESSION.replace("  connect\n", "  connect\n" + "  helo a\n" * 12)


@pytest.mark.parametrize("lint, n_held", [("warn", 4), ("off", 0)])
def test_a_milter_that_writes_in_small_pieces_shows_and_costs_no_more_than_that(play, scenario, clock, lint, n_held):
    with TimedMilter(InTwoPieces, clock) as milter:
        done = play("-s", milter.spec, f"--lint={lint}", scenario(MANY_ANSWERS), env=clock.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"\[TCP-01\] (\d+) frames came", done.stdout) == ([str(n_held)] if n_held else []), done.stdout
    # the others do not wait
    assert milter.links[0].n_held == n_held and milter.links[0].n_answers > 20


@pytest.mark.parametrize("over_tcp", [True, False])
def test_stalls_of_40_ms_are_told_over_tcp_alone(tmp_path, play, scenario, clock, over_tcp):
    with TimedMilter(Slow, clock, None if over_tcp else tmp_path / "m.sock") as milter:
        result = play("-s", milter.spec, scenario(MANY_ANSWERS), env=clock.environment)
    assert result.returncode == 0, result.stdout + result.stderr
    told = re.findall(r"\[TCP-01\] (\d+) frames came", result.stdout)
    assert told == ([str(milter.links[0].n_answers)] if over_tcp else []), result.stdout

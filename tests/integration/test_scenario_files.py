# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scenario files that milter-test-server refuses, each in bounded time and memory and with one clear
sentence; and what it makes of included files, rounds and copies."""

import json
import resource

import pytest

# far above what is allowed to be held of a file, and far below what these files ask for
MEMORY = 1500 << 20


def bounded():
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


@pytest.fixture
def refuse(play, tmp_path, build):
    """refuse(BYTES): the errors of a scenario file that must not be played, without its folder."""

    def run(content, **files):
        for name, text in files.items():
            (tmp_path / name).write_bytes(text)
        file = tmp_path / "t.scenario"
        file.write_bytes(content)
        # a sanitizer reserves more than there is
        built = json.loads((build / "meson-info" / "intro-buildoptions.json").read_text())
        sanitized = any(option["name"] == "b_sanitize" and option["value"] not in ("none", []) for option in built)
        done = play("-s", "unix:" + str(tmp_path / "nobody"), file, timeout=300,
                    preexec_fn=None if sanitized else bounded)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "FAIL" not in done.stdout
        return (done.stdout + done.stderr).replace(str(tmp_path) + "/", "")

    return run


SMALL = [
    (b"session\neml none.eml\n", 't.scenario:2:5: expected a file that can be read, got "none.eml": No such file or directory'),
    (b"session\neom\n  => result none.eml\n", "t.scenario:3:13: expected a file that can be read"),
    (b"include none\n", "t.scenario:1:9: expected a file that can be read"),
    (b"include t.scenario\n", 't.scenario:1:9: expected a file that does not include itself, got "t.scenario", which includes "t.scenario"'),
    (b"session\nrctp <x>\n", 't.scenario:2:1: expected a verb ("rcpt"?), got "rctp"'),
    (b"session\nda\0ta\n", "t.scenario:2:3: expected text, got a NUL byte"),
    (b"on rcpt => accept\n", "t.scenario:1:1: expected a session, got only rules"),
    (b"# nothing\n", "t.scenario:1:1: expected a session, got the end of the file"),
    (b"repeat 4294967295 parallel 1000 session\n", "t.scenario:1:1: expected at most 100000 sessions"),
    (b"session\nbody $who\n", "t.scenario:2:6: expected a variable that was set with let, got $who"),
]


@pytest.mark.parametrize("content, error", SMALL, ids=[error.split(",")[0][-30:] for _, error in SMALL])
def test_a_file_that_does_not_parse_is_not_played(refuse, content, error):
    assert error in refuse(content)


LARGE = [
    (b"session\n" + b"data\n" * 20_000_000, "t.scenario:1:1: expected a scenario that can be read, got more than 64 MiB"),
    (b"session\n" + b"x" * 60_000_000, "t.scenario:2:1: expected a line of at most 16 MiB, got 60000000 bytes"),
    (b"session\n" + b"repeat 3 data\n" * 4_000_000, "expected a scenario that takes at most 256 MiB of memory"),
    (b"let a xxxxxxxx\n" + b"let a $a$a\n" * 100, "expected a text of at most 16 MiB, got a longer one"),
    (b'let a "$n"*16M\nsession\n', "expected a scenario that takes at most 256 MiB of memory"),
]


@pytest.mark.parametrize("content, error", LARGE, ids=["100 MB", "one line", "many repeats", "doubling", "rounds"])
def test_a_file_that_asks_for_too_much_is_refused(refuse, content, error):
    errors = refuse(content)
    assert error in errors and len(errors) < 4000


def test_files_that_include_files_do_not_grow_without_end(refuse):
    files = {name: f"include {next_}\n".encode() * 3000 for name, next_ in zip("abcde", "bcdef")}
    assert "expected a scenario that takes at most" in refuse(b"session\ninclude a\n", f=b"", **files)


def test_rounds_and_copies_tell_themselves_apart(play, fake, tmp_path):
    milter = fake()
    (tmp_path / "common").write_text("let who u$n-$p\n")
    (tmp_path / "t.scenario").write_text("include common\n"
                                         "repeat 2 parallel 2 session s$p\n"
                                         "  mail <$who>\n"
                                         "  repeat 2 rcpt <r$n.$p>\n")
    done = play("-s", milter.spec, tmp_path / "t.scenario")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("s1 (round 1)", "s2 (round 1)", "s1 (round 2)", "s2 (round 2)"):
        assert name in done.stdout
    said = sorted(payload for letter, payload in milter.frames if letter in "MR")
    assert said == sorted([b"<u1-1>\0", b"<u1-2>\0", b"<u2-1>\0", b"<u2-2>\0"]
                          + 2 * [b"<r1.1>\0", b"<r1.2>\0", b"<r2.1>\0", b"<r2.2>\0"])


def test_a_round_that_makes_no_sense_is_broken_and_says_why(play, fake, tmp_path):
    (tmp_path / "m1.eml").write_text("A: b\n\n")
    (tmp_path / "t.scenario").write_text("session\n  repeat 2 eml m$n.eml\n")
    done = play("-s", fake().spec, tmp_path / "t.scenario")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "m2.eml" in done.stdout and "(in round 2, copy 1)" in done.stdout

# SPDX-License-Identifier: LGPL-2.1-or-later
"""scenarios/captures: recordings of real milters, the scenarios that are made of them, and the milters themselves."""

import pathlib
import re
import subprocess
import sys
import tempfile

import pytest
from conftest import ROOT
from postfix_instance import why_not

FOLDER = ROOT / "scenarios/captures"
START = ROOT / "scenarios/real/start.sh"
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| `([^`]+)` \| (?:`([^`]+)`)? ?\| ([^|]+) \|$", re.M)
# recording, its MTA, the milter as start.sh calls it, what --ignore takes, what is in it
ROWS = {row[1]: row for row in ROW.finditer((FOLDER / "README.md").read_text())}
RECORDINGS = sorted(path for path in FOLDER.iterdir() if path.suffix in (".pcap", ".pcapng", ".trace"))


def ignored(path):
    rules = ROWS[path.name][4]
    return ["--ignore", rules] if rules else []


@pytest.fixture
def convert(tool, tmp_path):
    """convert(RECORDING): the scenario that is made of it, in a folder of its own."""
    def run(path):
        out = tmp_path / "made" / f"{path.stem}.scenario"
        out.parent.mkdir(exist_ok=True)
        done = subprocess.run([tool("milter-replay"), "convert", path, "-o", out, *ignored(path)], timeout=60,
                              capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        return out
    return run


@pytest.fixture
def replay(tool):
    """replay(ARGUMENT…): runs milter-replay replay; the finished process."""
    def run(*arguments):
        return subprocess.run([tool("milter-replay"), "replay", *map(str, arguments)], timeout=180, capture_output=True, text=True)
    return run


@pytest.fixture
def short_folder():
    """One in which there is room for the name of a socket: some milters have one of their own below."""
    with tempfile.TemporaryDirectory(prefix="captures-", ignore_cleanup_errors=True) as folder:
        yield pathlib.Path(folder)


def test_every_file_has_its_row_and_every_row_its_files():
    assert sorted(ROWS) == [path.name for path in RECORDINGS]
    stems = {path.stem for path in RECORDINGS}
    assert len(RECORDINGS) >= 12 and len(stems) == len(RECORDINGS)
    for path in FOLDER.iterdir():
        assert path.name in ("README.md", ".gitattributes") or path in RECORDINGS or re.sub(r"-\d+$", "", path.stem) in stems or (
            path.suffix == ".scenario" and path.stem in stems), path
    assert {path.suffix for path in RECORDINGS} == {".pcap", ".pcapng", ".trace"}
    assert len({row[3] for row in ROWS.values()}) >= 10


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.name)
def test_the_scenario_is_what_convert_makes(convert, path):
    made = convert(path)
    for file in made.parent.iterdir():
        assert (FOLDER / file.name).read_bytes() == file.read_bytes(), (
            f"milter-replay convert {path.name} -o {path.stem}.scenario --force {' '.join(ignored(path))}")
    assert "frame by frame" not in made.read_text()


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.name)
def test_the_milter_that_was_recorded_answers_so_again(play, replay, start, short_folder, path):
    """To the recording as it was, and to the scenario."""
    milter = start([START, ROWS[path.name][3], f"unix:{short_folder}/s.sock", short_folder / "milter"], socket=short_folder / "s.sock")
    done = replay(path, "-s", f"unix:{short_folder}/s.sock", *ignored(path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"; no difference\b", done.stdout), done.stdout
    done = play("-s", f"unix:{short_folder}/s.sock", path.with_suffix(".scenario"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^(\d+) sessions?: \1 held\b", done.stdout, re.M), done.stdout
    assert milter.poll() is None


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.name)
def test_the_milter_of_the_recording_answers_so_and_finds_all_that_the_mta_said(play, client, path):
    milter = client("--replay", path, "-q")
    done = play("-s", milter.spec, path.with_suffix(".scenario"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert milter.stop() == 0, milter.err.read_text()


def test_the_milter_of_another_recording_does_not(play, client):
    milter = client("--replay", FOLDER / "clamav-quarantine.trace", "-q")
    assert play("-s", milter.spec, FOLDER / "clamav.scenario").returncode == 1
    assert milter.stop() == 1


@pytest.mark.parametrize("name, other, told", [
    ("opendkim-sign", "opendkim-verify", "edits at eom"),
    ("opendmarc-reject", "opendmarc", "reply to eom"),
    ("clamav", "clamav-quarantine", "reply to eom"),
    ("list-milter-crowd", "footer-milter", "negotiate"),
])
def test_another_milter_does_not(play, name, other, told):
    """The same program with another policy, or another program."""
    done = play("--spawn", f"{START} {other} $socket $dir", "--spawn-timeout", "60", FOLDER / f"{name}.scenario", timeout=300)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"FAIL .*{told}", done.stdout), done.stdout


@pytest.mark.parametrize("name", ["footer-milter-left.trace"])
def test_it_can_be_recorded_anew(build, tmp_path, name):
    """What scripts/record-captures.py does: the same clients, through Postfix, to the same milter; nothing is different."""
    if why_not() is not None:
        pytest.skip(why_not())
    done = subprocess.run([sys.executable, ROOT / "scripts/record-captures.py", build, tmp_path, name], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{name}: 1 client; 3 messages compared, 0 differences" in done.stdout
    assert (tmp_path / name).stat().st_size > 1000 and (tmp_path / name).with_suffix(".scenario").exists()

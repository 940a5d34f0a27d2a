# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-test-server --format: a scenario in its canonical form."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# their canonical form is what people should write, too
SCENARIOS = sorted((ROOT / "scenarios").rglob("*.scenario"))

CROOKED = """\
# what is said stays
let who   'alice@example.com'
session   "one"
mail   "<$who>"   # who
timeout 1000ms
negotiate   actions=0x1
  eml <<END
 A: b
 END
eom
=>   'accept'|reject
"""


def test_a_scenario_is_printed_in_its_form(play, tmp_path):
    file = tmp_path / "x.scenario"
    file.write_text(CROOKED.replace("'accept'|reject", "accept   |   reject"))
    done = play("--format", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == """\
# what is said stays
let who alice@example.com
session one
  mail "<$who>"  # who
  timeout 1s
  negotiate actions=ADDHDRS
  eml <<END
    A: b
    END
  eom
    => accept | reject
"""
    file.write_text(done.stdout)
    assert play("--format", file).stdout == done.stdout


def test_what_does_not_parse_is_not_printed(play, tmp_path):
    file = tmp_path / "x.scenario"
    file.write_text(CROOKED)
    done = play("--format", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{file}:11:6: expected an answer")


@pytest.mark.parametrize("arguments", [["--format"], ["--format", "a", "b"], ["--format", "--body=x", "a"],
                                       ["--format", "/nonexistent/x.scenario"], ["--format", "."]])
def test_one_file_that_is_there_is_needed(play, tmp_path, arguments):
    done = play(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr


def test_variables_of_the_command_line_are_known(play, tmp_path):
    file = tmp_path / "x.scenario"
    file.write_text("session\n  mail <$who>\n")
    assert play("--format", file).returncode == 2
    assert play("--format", "-D", "who=a", file).stdout == file.read_text()


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_scenarios_of_the_project_have_their_form(play, path):
    done = play("--format", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == path.read_text(), f"milter-test-server --format {path.relative_to(ROOT)} says it otherwise"


def test_an_output_that_is_full_is_told(tool, tmp_path):
    file = tmp_path / "x.scenario"
    file.write_text("session\n")
    with open("/dev/full", "w") as full:
        done = subprocess.run([tool("milter-test-server"), "--format", str(file)], stdout=full, stderr=subprocess.PIPE,
                              timeout=60)
    assert done.returncode == 2 and done.stderr

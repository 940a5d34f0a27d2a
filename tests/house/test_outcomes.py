# SPDX-License-Identifier: LGPL-2.1-or-later
"""A skip that nobody allowed is a failure, also one that is allowed for another reason; what failed is listed by name."""

import json
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/list-outcomes.py"
REPORT = """<testsuites><testsuite><testcase classname="tests.a" name="one"><skipped message="needs root"/></testcase>
<testcase classname="tests.a" name="two"/></testsuite></testsuites>"""


@pytest.mark.parametrize("allowed, status", [
    ("", 1),
    ("tests.a.one: needs root", 0),
    ("tests.a.*: needs root", 0),
    ("tests.a.one: no Postfix", 1),
    ("tests.a.two: needs root", 1),
    ("tests.a.one", 1),
])
def test_only_a_skip_that_is_listed_with_its_reason_may_be(tmp_path, allowed, status):
    (tmp_path / "allowed").write_text(allowed + "\n")
    (tmp_path / "report.xml").write_text(REPORT)
    done = subprocess.run([sys.executable, str(SCRIPT), "skipped", str(tmp_path / "allowed"), str(tmp_path / "report.xml")],
                          capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr


def test_what_failed_is_listed_with_the_end_of_what_it_said(tmp_path):
    (tmp_path / "log.json").write_text("".join(json.dumps(run) + "\n" for run in (
        {"name": "unit / fine", "result": "OK", "duration": 1.0, "stdout": "never seen"},
        {"name": "unit / slow", "result": "TIMEOUT", "duration": 120.4, "stdout": "waiting", "stderr": "still waiting"},
        {"name": "unit / wrong", "result": "FAIL", "duration": 0.1, "stdout": "first line\n" * 50 + "last line"})))
    (tmp_path / "report.xml").write_text('<testsuite><testcase classname="tests.b" name="red"><failure message="no">'
                                         "assert 1 == 2</failure></testcase><testcase name='green'/></testsuite>")
    done = subprocess.run([sys.executable, str(SCRIPT), "failed", str(tmp_path / "log.json"), str(tmp_path / "report.xml"),
                           str(tmp_path / "not-there.xml")], capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if line and not line.startswith(" ")] == [
        "unit / slow:", "unit / wrong:", "tests.b.red:"]
    for said in ("TIMEOUT after 120 s", "still waiting", "last line", "assert 1 == 2"):
        assert said in done.stdout
    assert done.stdout.count("first line") < 20
    assert "never seen" not in done.stdout

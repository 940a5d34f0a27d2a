# SPDX-License-Identifier: LGPL-2.1-or-later
"""A skip that nobody allowed is a failure, also one that is allowed for another reason."""

import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/list-skips.py"
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
    done = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path / "allowed"), str(tmp_path / "report.xml")],
                          capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr

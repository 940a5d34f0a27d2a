# SPDX-License-Identifier: LGPL-2.1-or-later
"""The reference of the scenario language is made from the rows that its parser reads."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/scenarios.md"
BEGIN = "<!-- made from lib/script/milter-verbs.c by tests/house/test_verbs.py -->\n"
END = "<!-- end of what is made -->\n"


def test_the_page_shows_the_rows_of_the_parser():
    """MILTERLAB_UPDATE=1 writes them there."""
    build = os.environ.get("MILTERLAB_BUILD", "")
    assert build, "MILTERLAB_BUILD must name the build folder"
    made = subprocess.run([f"{build}/tests/house/print-verbs"], check=True, capture_output=True, text=True, timeout=60).stdout
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    shown, behind = rest.split(END)
    if os.environ.get("MILTERLAB_UPDATE"):
        PAGE.write_text(f"{before}{BEGIN}\n{made}{END}{behind}")
    else:
        assert shown == f"\n{made}", "MILTERLAB_UPDATE=1 pytest tests/house/test_verbs.py writes it anew"

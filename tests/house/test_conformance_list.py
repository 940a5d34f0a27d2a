# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every requirement, for milters and for MTAs, is a case of the suite, or is listed with the reason why it is none."""

import os
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUITE = ROOT / "scenarios/conformance"
PAGE = ROOT / "docs/conformance.md"
CASE = re.compile(r'^case (\S+) (must|should) "((?:[^"\\]|\\.)*)"(?: source="([^"]*)")?(.*)$', re.M)
TITLE = "by tests/house/test_conformance_list.py -->\n"

# the folder of the cases, the column of the table in docs/protocol.md, the list of those without, how many there are,
# and where the page shows them
SIDES = {
    "milter": (0, "unproven.txt", 218, f"<!-- made from scenarios/conformance {TITLE}", "<!-- end of what is made -->\n"),
    "mta": (1, "unproven-mta.txt", 108, f"<!-- made from scenarios/conformance/mta {TITLE}",
            "<!-- end of what is made for MTAs -->\n"),
}


def expand(numbers):
    for part in numbers.split(", "):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def read_required(column):
    """The ids of docs/protocol.md, section 8."""
    section = (ROOT / "docs/protocol.md").read_text().split("\n## 8. ")[1]
    rows = re.findall(r"^\| ([A-Z]{3}) \| ([^|]*) \| ([^|]*) \|", section, re.M)
    assert rows
    return [f"{row[0]}-{number:02d}" for row in rows for number in expand(row[1 + column])]


def read_cases(folder):
    return [found for path in sorted((SUITE / folder).glob("*.scenario")) for found in CASE.findall(path.read_text())
            if not found[0].startswith("PROBE-")]


def read_unproven(name):
    lines = (SUITE / name).read_text().splitlines()
    return dict(line.split(None, 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("folder", SIDES)
def test_each_requirement_is_a_case_or_has_a_reason_not_to_be(folder):
    column, unproven, number, _, _ = SIDES[folder]
    required = read_required(column)
    cases = [case[0] for case in read_cases(folder)]
    reasons = read_unproven(unproven)
    assert len(required) == len(set(required)) == number
    assert sorted([*cases, *reasons]) == sorted(required)
    assert not set(cases) & set(reasons)
    assert all(len(reason) > 20 for reason in reasons.values())


def test_known_deviations_are_cases():
    sides = [{case[0] for case in read_cases(folder)} for folder in SIDES]
    for path in (SUITE / "deviations").glob("*.txt"):
        known = [line.split()[0] for line in path.read_text().splitlines() if line and not line.startswith("#")]
        assert any(set(known) <= cases for cases in sides), path
        assert len(known) == len(set(known)), path


@pytest.mark.parametrize("folder", SIDES)
def test_the_page_shows_the_cases(folder):
    """MILTERLAB_UPDATE=1 writes them there."""
    column, unproven, _, begin, end = SIDES[folder]
    order = read_required(column)
    made = "| id | | requirement | source |\n|---|---|---|---|\n"
    for name, severity, text, source, flags in sorted(read_cases(folder), key=lambda case: order.index(case[0])):
        remarks = f" ({flags.strip()})" if flags.strip() else ""
        made += f"| {name} | {severity.upper()} | {text}{remarks} | {source} |\n"
    for name, reason in read_unproven(unproven).items():
        made += f"| {name} | | not tested: {reason} | |\n"
    text = PAGE.read_text()
    before, rest = text.split(begin)
    shown, behind = rest.split(end)
    if os.environ.get("MILTERLAB_UPDATE"):
        PAGE.write_text(f"{before}{begin}\n{made}\n{end}{behind}")
    else:
        assert shown == f"\n{made}\n", "MILTERLAB_UPDATE=1 pytest tests/house/test_conformance_list.py writes it anew"

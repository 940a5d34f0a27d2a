# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every requirement for milters is a case of the suite, or is listed with the reason why it is none."""

import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUITE = ROOT / "scenarios/conformance"
PAGE = ROOT / "docs/conformance.md"
BEGIN = "<!-- made from scenarios/conformance by tests/house/test_conformance_list.py -->\n"
END = "<!-- end of what is made -->\n"
CASE = re.compile(r'^case (\S+) (must|should) "((?:[^"\\]|\\.)*)"(?: source="([^"]*)")?(.*)$', re.M)


def expand(numbers):
    for part in numbers.split(", "):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def read_required():
    """The ids of docs/protocol.md, section 8."""
    section = (ROOT / "docs/protocol.md").read_text().split("\n## 8. ")[1]
    rows = re.findall(r"^\| ([A-Z]{3}) \| ([^|]*) \|", section, re.M)
    assert rows
    return [f"{group}-{number:02d}" for group, numbers in rows for number in expand(numbers)]


def read_cases():
    return [found for path in sorted((SUITE / "milter").glob("*.scenario")) for found in CASE.findall(path.read_text())]


def read_unproven():
    lines = (SUITE / "unproven.txt").read_text().splitlines()
    return dict(line.split(None, 1) for line in lines if line and not line.startswith("#"))


def test_each_requirement_is_a_case_or_has_a_reason_not_to_be():
    required = read_required()
    cases = [case[0] for case in read_cases()]
    unproven = read_unproven()
    assert len(required) == len(set(required)) == 218
    assert sorted([*cases, *unproven]) == sorted(required)
    assert not set(cases) & set(unproven)
    assert all(len(reason) > 20 for reason in unproven.values())


def test_known_deviations_are_cases():
    cases = {case[0] for case in read_cases()}
    for path in (SUITE / "deviations").glob("*.txt"):
        known = [line.split()[0] for line in path.read_text().splitlines() if line and not line.startswith("#")]
        assert set(known) <= cases, path
        assert len(known) == len(set(known)), path


def test_the_page_shows_the_cases():
    """MILTERLAB_UPDATE=1 writes them there."""
    order = read_required()
    made = "| id | | requirement | source |\n|---|---|---|---|\n"
    for name, severity, text, source, flags in sorted(read_cases(), key=lambda case: order.index(case[0])):
        remarks = f" ({flags.strip()})" if flags.strip() else ""
        made += f"| {name} | {severity.upper()} | {text}{remarks} | {source} |\n"
    for name, reason in read_unproven().items():
        made += f"| {name} | | not tested: {reason} | |\n"
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    shown, behind = rest.split(END)
    if os.environ.get("MILTERLAB_UPDATE"):
        PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{behind}")
    else:
        assert shown == f"\n{made}\n", "MILTERLAB_UPDATE=1 pytest tests/house/test_conformance_list.py writes it anew"

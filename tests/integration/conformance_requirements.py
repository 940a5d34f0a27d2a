# SPDX-License-Identifier: LGPL-2.1-or-later
"""The requirements of the protocol, for milters and for MTAs: those that are cases of the suite, and those that are none."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUITE = ROOT / "scenarios/conformance"
CASE = re.compile(r'^case (\S+) (must|should) "((?:[^"\\]|\\.)*)"(?: source="([^"]*)")?(.*)$', re.M)

# by the folder of the cases: the column of the table in docs/protocol.md, the list of those without, how many there are
SIDES = {"milter": (0, "unproven.txt", 218), "mta": (1, "unproven-mta.txt", 108)}


def expand(numbers):
    for part in numbers.split(", "):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def read_required(side):
    """The ids of docs/protocol.md, section 8."""
    section = (ROOT / "docs/protocol.md").read_text().split("\n## 8. ")[1]
    rows = re.findall(r"^\| ([A-Z]{3}) \| ([^|]*) \| ([^|]*) \|", section, re.M)
    assert rows
    return [f"{row[0]}-{number:02d}" for row in rows for number in expand(row[1 + SIDES[side][0]])]


def read_cases(side):
    """Id, severity, text, source and flags of each."""
    return [found for path in sorted((SUITE / side).glob("*.scenario")) for found in CASE.findall(path.read_text())
            if not found[0].startswith("PROBE-")]


def read_unproven(side):
    """Why a requirement has no case, by its id."""
    lines = (SUITE / SIDES[side][1]).read_text().splitlines()
    return dict(line.split(None, 1) for line in lines if line and not line.startswith("#"))


def make_table(side):
    order = read_required(side)
    made = "| id | | requirement | source |\n|---|---|---|---|\n"
    for name, severity, text, source, flags in sorted(read_cases(side), key=lambda case: order.index(case[0])):
        remarks = f" ({flags.strip()})" if flags.strip() else ""
        made += f"| {name} | {severity.upper()} | {text}{remarks} | {source} |\n"
    for name, reason in read_unproven(side).items():
        made += f"| {name} | | not tested: {reason} | |\n"
    return made

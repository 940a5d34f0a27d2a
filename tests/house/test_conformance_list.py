# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every requirement, for milters and for MTAs, is a case of the suite, or is listed with the reason why it is none; and
the tables of docs/conformance.md are those that scripts/conformance.py makes."""

import importlib.util
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from conformance_requirements import SIDES, SUITE, make_table, read_cases, read_required, read_unproven  # noqa: E402

specification = importlib.util.spec_from_file_location("conformance", ROOT / "scripts/conformance.py")
conformance = importlib.util.module_from_spec(specification)
specification.loader.exec_module(conformance)


@pytest.mark.parametrize("side", SIDES)
def test_each_requirement_is_a_case_or_has_a_reason_not_to_be(side):
    required = read_required(side)
    cases = [case[0] for case in read_cases(side)]
    reasons = read_unproven(side)
    assert len(required) == len(set(required)) == SIDES[side][2]
    assert sorted([*cases, *reasons]) == sorted(required)
    assert not set(cases) & set(reasons)
    assert all(len(reason) > 20 for reason in reasons.values())


def test_known_deviations_are_cases():
    sides = [{case[0] for case in read_cases(side)} for side in SIDES]
    for path in (SUITE / "deviations").glob("*.txt"):
        known = [line.split()[0] for line in path.read_text().splitlines() if line and not line.startswith("#")]
        assert any(set(known) <= cases for cases in sides), path
        assert len(known) == len(set(known)), path


@pytest.mark.parametrize("side", SIDES)
def test_the_page_shows_the_cases(side):
    shown = conformance.read_table(f"{side}-requirements")
    assert shown == make_table(side), "scripts/conformance.py --update requirements writes it anew"


@pytest.mark.parametrize("part", ["milters", "mtas"])
def test_the_page_has_a_line_for_each_peer_with_as_many_cases_as_there_are(part):
    """What came of them only a run can tell; that no peer is missing, and that no case has come since, is seen here."""
    peers, _ = conformance.PARTS[part]
    rows = [line.strip("| ").split(" | ") for line in conformance.read_table(part).splitlines()[2:]]
    assert [row[0] for row in rows] == [title for title, *_ in peers.values()]
    for row in rows:
        assert int(row[2]) == len(read_cases(part.removesuffix("s"))) == sum(map(int, row[3:8])), row


@pytest.mark.parametrize("name", [name for name in conformance.PARTS["milters"][0] if name != "reference"])
def test_each_milter_of_the_table_has_a_file_of_known_deviations(name):
    assert (SUITE / f"deviations/{name}.txt").exists()


def test_a_line_that_was_not_made_anew_stays():
    old = "| milter | n |\n|---|---|\n| a | 1 |\n| b | 2 |\n"
    made = ["| milter | n | s |", "|---|---|---|", "| b | 3 | 4 |"]
    assert conformance.merge(old, made, ["a", "b", "c"]) == "| milter | n | s |\n|---|---|---|\n| a | 1 |\n| b | 3 | 4 |\n"

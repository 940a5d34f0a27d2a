# SPDX-License-Identifier: LGPL-2.1-or-later
"""--conformance against milters of other people: what does not hold is what the files of known deviations say, no
more and no less. scripts/conformance.py plays all milters, and all of the suite; here are those that are quick."""

import importlib.util

import pytest
from conftest import ROOT

specification = importlib.util.spec_from_file_location("conformance", ROOT / "scripts/conformance.py")
conformance = importlib.util.module_from_spec(specification)
specification.loader.exec_module(conformance)


@pytest.mark.parametrize("name,part", [
    ("pymilter", "*"),
    ("pmilter", "FRM-"),
    ("pmilter", "NEG-"),
    ("pmilter", "MOD-"),
    ("opendkim", "*"),
])
def test_a_milter_does_what_its_known_deviations_say(build, name, part):
    _, package, _, _ = conformance.MILTERS[name]
    if conformance.version_of(package) is None:
        pytest.skip(f"the package {package} is not installed")
    cases, _, run = conformance.judge(name, build, "--filter", part, "--jobs", "64")
    assert cases, run.stdout + run.stderr
    assert not list(conformance.surprises_of(cases)), run.stderr
    assert any(case["outcome"] == "known-deviation" for case in cases)


def test_a_case_that_dies_is_known_and_the_run_goes_on(build):
    cases, _, run = conformance.judge("opendkim", build, "--filter", "NEG-2")
    if not cases:
        pytest.skip("the package opendkim is not installed")
    told = {case["id"]: case for case in cases}
    assert "the milter has died" in told["NEG-21"]["problems"], run.stdout
    assert told["NEG-21"]["outcome"] == "known-deviation"
    assert told["NEG-25"]["outcome"] == "held"


def test_all_milters_of_the_table_have_files_of_known_deviations():
    for name, (title, _, _, deviations) in conformance.MILTERS.items():
        if deviations is not None:
            assert (ROOT / f"scenarios/conformance/deviations/{deviations}.txt").exists(), name
        assert f"| {title} |" in conformance.PAGE.read_text()

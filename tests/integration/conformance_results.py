# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the report json of a conformance run says, for the tables of docs/conformance.md and the tests."""

import json

COLUMNS = (("passed", ("held", "unexpected-pass")), ("failed", ("failed",)), ("failed SHOULD", ("failed-should",)),
           ("known deviations", ("known-deviation",)), ("not applicable", ("skipped", "unplayed")))
# what is not as the file of known deviations says
SURPRISES = {"failed": "does not hold", "failed-should": "does not hold", "unexpected-pass": "holds, and is listed as a known deviation",
             "unplayed": "was not played"}


def read_cases(run):
    """The cases of a run, in order."""
    lines = map(json.loads, run.stdout.splitlines())
    return [line for line in lines if line["type"] == "case" and "id" in line]


def count_outcomes(cases):
    """A number for each of COLUMNS."""
    return [sum(case["outcome"] in outcomes for case in cases) for _, outcomes in COLUMNS]


def tell_surprises(cases):
    """A paragraph for each case that is not as the known deviations say."""
    for case in cases:
        if case["outcome"] in SURPRISES:
            failure = (case["failures"] or [{}])[0]
            yield (f"{case['id']} {case['severity']} {SURPRISES[case['outcome']]}: {case['requirement']}\n"
                   f"  expected {failure.get('expected')}\n  actual   {(case.get('problems') or failure.get('got') or '').strip()}")

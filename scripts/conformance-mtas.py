#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints the table of MTAs in docs/conformance.md: the conformance suite against Postfix and sendmail.

    MILTERLAB_BUILD=build scripts/conformance-mtas.py [postfix] [sendmail]

Each is an instance of its own, as the tests have it, and is played with cases that wait for long. What is not as
the file of known deviations says stands below the table; then the exit status is 1."""

import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("MILTERLAB_BUILD", ROOT / "build")).resolve()
sys.path.insert(0, str(ROOT / "tests/integration"))

import conformance_mtas  # noqa: E402

COLUMNS = (("passed", ("held", "unexpected-pass")), ("failed", ("failed",)), ("failed SHOULD", ("failed-should",)),
           ("known deviations", ("known-deviation",)), ("not applicable", ("skipped", "unplayed")))
EXPECTED = ("held", "known-deviation", "skipped")


def main():
    surprises = []
    print("| MTA | cases |" + "".join(f" {title} |" for title, _ in COLUMNS))
    print("|---|---|" + "---|" * len(COLUMNS))
    for name in sys.argv[1:] or ("postfix", "sendmail"):
        reason = conformance_mtas.why_not(name, BUILD)
        if reason:
            print(f"{name}: {reason}", file=sys.stderr)
            continue
        run = conformance_mtas.judge(name, BUILD, "-q", "--slow", "--report", "json:-", "--deviations", name,
                                     capture_output=True)
        cases = [line for line in map(json.loads, run.stdout.splitlines()) if line["type"] == "case"]
        counts = [sum(case["outcome"] in outcomes for case in cases) for _, outcomes in COLUMNS]
        version = conformance_mtas.get_version(name, BUILD)
        print(f"| {version} | {len(cases)} |" + "".join(f" {count} |" for count in counts), flush=True)
        if not cases:
            surprises.append(f"{name}: {run.stderr.strip()}")
        surprises += [f"{name}: {case['id']} {case['outcome']}: {case['failures'][:1]}" for case in cases
                      if case["outcome"] not in EXPECTED]
    print("".join(f"\n{surprise}" for surprise in surprises), end="")
    return bool(surprises)


if __name__ == "__main__":
    sys.exit(main())

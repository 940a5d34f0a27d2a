#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints the table of docs/conformance.md: the conformance suite against the milters that are installed.

    MILTERLAB_BUILD=build scripts/conformance.py [NAME…]

NAME is one that scenarios/real/start.sh knows, `reference` or `libmilter`; without any, all. A line each, and what
failed below the table."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("MILTERLAB_BUILD", ROOT / "build")).resolve()
TOOLS = BUILD / "tools"

# what it is called, how it is started, its known deviations
MILTERS = {
    "reference": ("`milter-test-client --conformance-rules`", f"{TOOLS}/milter-test-client/milter-test-client -q --conformance-rules -s $socket", None),
    "libmilter": ("libmilter: a program that does what the suite asks for", f"{BUILD}/tests/integration/conformance-milter $socket", "libmilter"),
    "opendkim": ("opendkim (libmilter)", None, "libmilter"),
    "opendmarc": ("opendmarc (libmilter)", None, "libmilter"),
    "clamav": ("clamav-milter (libmilter)", None, "libmilter"),
    "spamass": ("spamass-milter (libmilter)", None, "libmilter"),
    "rspamd": ("rspamd", None, None),
    "list-milter": ("pymilter (libmilter): scenarios/real/list-milter.py", None, "libmilter"),
    "footer-milter": ("libmilter: scenarios/real/footer-milter.c", None, "libmilter"),
}
COLUMNS = (("passed", ("held", "unexpected-pass")), ("failed", ("failed",)), ("failed SHOULD", ("failed-should",)),
           ("known deviations", ("known-deviation",)), ("not applicable", ("skipped", "unplayed")))


def judge(name):
    title, spawn, deviations = MILTERS[name]
    spawn = spawn or f"{ROOT}/scenarios/real/start.sh {name} $socket $dir"
    command = [TOOLS / "milter-test-server/milter-test-server", "--conformance", "-q", "--report", "json:-", "--timeout", "3s", "--spawn", spawn]
    if deviations:
        command += ["--deviations", deviations]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    cases = [line for line in map(json.loads, run.stdout.splitlines()) if line["type"] == "case" and "id" in line]
    return title, cases, run


def main():
    names = sys.argv[1:] or list(MILTERS)
    red = []
    print("| milter | cases |" + "".join(f" {title} |" for title, _ in COLUMNS))
    print("|---|---|" + "---|" * len(COLUMNS))
    for name in names:
        title, cases, run = judge(name)
        if not cases:
            print(f"{name}: {run.stderr.strip()}", file=sys.stderr)
            continue
        counts = [sum(case["outcome"] in outcomes for case in cases) for _, outcomes in COLUMNS]
        print(f"| {title} | {len(cases)} |" + "".join(f" {count} |" for count in counts), flush=True)
        red += [(name, case) for case in cases if case["outcome"] in ("failed", "failed-should")]
    for name, case in red:
        failure = (case["failures"] or [{}])[0]
        print(f"\n{name}: {case['id']} {case['severity']}: {case['requirement']}\n  expected {failure.get('expected')}\n"
              f"  actual   {failure.get('got') or case.get('problems')}")


if __name__ == "__main__":
    main()

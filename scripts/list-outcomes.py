# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists the tests that were skipped, or those that failed, from what the runs have left behind.

usage: list-outcomes.py skipped ALLOWED FILE...
       list-outcomes.py failed FILE...

FILE is a JUnit report, or the testlog.json of meson, which unlike its JUnit report tells what took too long; one that
is not there is passed over.

`skipped` gives each with its reason, and exits 1 if one is not in the list of those that may be. A line of
the list is `NAME: REASON`. The name may hold `*`; the reason has to occur in what the test says when it is
skipped, so that a test that may be skipped for one reason is not for another.

`failed` gives each with the end of what it said."""

import fnmatch
import json
import pathlib
import sys
import xml.etree.ElementTree as ET

LINES_OF_A_FAILURE = 12


def allowed(path):
    entries = []
    for line in pathlib.Path(path).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(": ")
            if not reason.strip():
                sys.exit(f"{path}: '{line}' has no reason")
            entries.append((name.strip(), reason.strip()))
    return entries


def outcomes(paths):
    """Name, outcome and what was said, of each test that was skipped or failed."""
    for path in map(pathlib.Path, paths):
        if not path.exists():
            continue
        if path.suffix == ".json":
            for run in map(json.loads, path.read_text().splitlines()):
                outcome = {"OK": None, "EXPECTEDFAIL": None, "SKIP": "skipped"}.get(run["result"], "failed")
                if outcome:
                    said = "\n".join(run.get(stream, "") for stream in ("stdout", "stderr"))
                    yield run["name"], outcome, f"{run['result']} after {run['duration']:.0f} s\n{said}"
            continue
        for case in ET.parse(path).iter("testcase"):
            name = f"{case.get('classname')}.{case.get('name')}"
            for tag, outcome in (("skipped", "skipped"), ("failure", "failed"), ("error", "failed")):
                mark = case.find(tag)
                if mark is not None:
                    yield name, outcome, (mark.get("message") or "") if tag == "skipped" else (mark.text or "")


def list_skipped(list_of_allowed, paths):
    may = allowed(list_of_allowed)
    surprise = False
    count = 0
    for name, outcome, reason in outcomes(paths):
        if outcome != "skipped":
            continue
        count += 1
        known = any(fnmatch.fnmatchcase(name, pattern) and why in reason for pattern, why in may)
        surprise = surprise or not known
        print(f"{name}: {reason.strip()}" + ("" if known else "  [not in the list of allowed skips]"))
    if count == 0:
        print("None.")
    return 1 if surprise else 0


def list_failed(paths):
    for name, outcome, said in outcomes(paths):
        if outcome == "failed":
            print(f"{name}:")
            print("".join(f"    {line}\n" for line in said.strip().splitlines()[-LINES_OF_A_FAILURE:]))
    return 0


def main():
    what, *rest = sys.argv[1:]
    return {"skipped": lambda: list_skipped(rest[0], rest[1:]), "failed": lambda: list_failed(rest)}[what]()


sys.exit(main())

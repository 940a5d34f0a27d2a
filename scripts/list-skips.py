# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists the tests that were skipped, with their reasons; exits 1 if one is not in the list of those
that may be.

usage: list-skips.py ALLOWED JUNIT-XML...

A line of the list is `NAME: REASON`. The name may hold `*`; the reason has to occur in what the test
says when it is skipped, so that a test that may be skipped for one reason is not for another."""

import fnmatch
import pathlib
import sys
import xml.etree.ElementTree as ET


def allowed(path):
    entries = []
    for line in pathlib.Path(path).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(": ")
            if not reason.strip():
                sys.exit(f"{path}: '{line}' has no reason")
            entries.append((name.strip(), reason.strip()))
    return entries


def skipped(paths):
    for path in paths:
        if not pathlib.Path(path).exists():
            continue
        for case in ET.parse(path).iter("testcase"):
            mark = case.find("skipped")
            if mark is not None:
                yield f"{case.get('classname')}.{case.get('name')}", mark.get("message") or mark.text or ""


def main():
    may = allowed(sys.argv[1])
    surprise = False
    count = 0
    for name, reason in skipped(sys.argv[2:]):
        count += 1
        known = any(fnmatch.fnmatchcase(name, pattern) and why in reason for pattern, why in may)
        surprise = surprise or not known
        print(f"{name}: {reason.strip()}" + ("" if known else "  [not in the list of allowed skips]"))
    if count == 0:
        print("None.")
    return 1 if surprise else 0


sys.exit(main())

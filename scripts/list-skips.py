# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists the tests that were skipped, with their reasons; exits 1 if one is not in the list of those
that may be.

usage: list-skips.py ALLOWED JUNIT-XML..."""

import pathlib
import sys
import xml.etree.ElementTree as ET


def allowed(path):
    names = {}
    for line in pathlib.Path(path).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(": ")
            if not reason.strip():
                sys.exit(f"{path}: '{line}' has no reason")
            names[name.strip()] = reason.strip()
    return names


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
        known = name in may
        surprise = surprise or not known
        print(f"{name}: {reason.strip()}" + ("" if known else "  [not in the list of allowed skips]"))
    if count == 0:
        print("None.")
    return 1 if surprise else 0


sys.exit(main())

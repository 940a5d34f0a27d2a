#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables of docs/conformance.md: the suite against real milters and real MTAs, and its requirements.

    scripts/conformance.py [--update] [--html FOLDER] [milters] [mtas] [requirements] [NAME…]

Prints all tables, or those that are named; NAME is a milter or an MTA, whose line alone is made. Below a table
stands what failed, or holds, against the file of known deviations (scenarios/conformance/deviations) that a milter
or an MTA has; then the exit status is 1. What is not installed here is told, has no line, and makes the exit
status 77 if it is nothing worse; scripts/packages.sh has the names of the packages. --update writes the tables into
docs/conformance.md, where a line that was not made anew stays as it is; --html FOLDER makes a page for each.

The tools are those of MILTERLAB_BUILD, or of build/; the seconds say something only if these are optimised. Each
MTA is an instance of its own, as the tests have it, needs root, and is played with cases that wait for long.
"""

import argparse
import os
import pathlib
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))

import conformance_milters  # noqa: E402
import conformance_mtas  # noqa: E402
import conformance_requirements  # noqa: E402
from conformance_results import COLUMNS, count_outcomes, read_cases, tell_surprises  # noqa: E402

PAGE = ROOT / "docs/conformance.md"
# of each part of the results: whom it is about, by name, and who plays them with which arguments
PARTS = {
    "milters": (conformance_milters.MILTERS, (conformance_milters, ())),
    "mtas": (conformance_mtas.MTAS, (conformance_mtas, ("--slow",))),
}
NOT_HERE = 77


def split_page(table):
    """What stands before the table, the table, and what stands behind it."""
    begin, end = f"<!-- made by scripts/conformance.py: {table} -->\n\n", f"\n<!-- end of {table} -->\n"
    before, _, rest = PAGE.read_text().partition(begin)
    shown, found, behind = rest.partition(end)
    assert found, f"{PAGE} has no place for the table {table}"
    return before + begin, shown, end + behind


def read_table(table):
    return split_page(table)[1]


def write_table(table, text):
    before, _, behind = split_page(table)
    PAGE.write_text(before + text + behind)


def title_of(line):
    return line.strip("| ").split(" | ")[0]


def merge(old, made, order):
    """The lines that were @made in place of the old ones; those of others stay."""
    lines = {title_of(line): line for line in [*old.splitlines()[2:], *made[2:]]}
    return "".join(f"{line}\n" for line in [*made[:2], *(lines[title] for title in order if title in lines)])


def play_one(part, name, build, html):
    """The line of the table, or None; and sentences about what is wrong."""
    peers, arguments = PARTS[part][1]
    if html is not None:
        arguments = (*arguments, "--report", f"html:{html}/{name}.html")
    began = time.monotonic()
    run = peers.judge(name, build, *arguments)
    seconds = time.monotonic() - began
    cases = read_cases(run)
    if not cases:
        return None, [(run.stderr or run.stdout).strip() or f"it ended with status {run.returncode}"]
    cells = [*peers.describe(name, build), len(cases), *count_outcomes(cases), f"{seconds:.0f}"]
    return "| " + " | ".join(map(str, cells)) + " |", list(tell_surprises(cases))


def make_results(part, names, build, options):
    """The exit status."""
    rows, (peers, _) = PARTS[part]
    titles = [part.removesuffix("s").replace("mta", "MTA"), "version", "cases", *(title for title, _ in COLUMNS), "seconds"]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    surprises, missing = [], False
    print("\n".join(lines), flush=True)
    for name in names:
        reason = peers.why_not(name, build)
        if reason:
            print(f"{name}: {reason}", file=sys.stderr)
            missing = True
            continue
        line, wrong = play_one(part, name, build, options.html)
        surprises += [f"{name}: {text}" for text in wrong]
        if line:
            lines.append(line)
            print(line, flush=True)
    print("".join(f"\n{text}\n" for text in surprises))
    if options.update:
        write_table(part, merge(read_table(part), lines, [title for title, *_ in rows.values()]))
    return 1 if surprises else NOT_HERE if missing else 0


def make_requirements(side, options):
    table = conformance_requirements.make_table(side)
    print(table)
    if options.update:
        write_table(f"{side}-requirements", table)


def find_tools(parser):
    build = pathlib.Path(os.environ.get("MILTERLAB_BUILD", ROOT / "build")).resolve()
    for tool in ("milter-test-server", "milter-test-client"):
        if not (build / "tools" / tool / tool).exists():
            parser.error(f"{build} has no {tool}: build it, or name another folder with MILTERLAB_BUILD")
    return build


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = {name: part for part, (rows, _) in PARTS.items() for name in rows}
    parts = [*PARTS, "requirements"]
    parser.add_argument("--update", action="store_true", help="write the tables into docs/conformance.md")
    parser.add_argument("--html", metavar="FOLDER", type=pathlib.Path, help="make a page for each milter and MTA")
    parser.add_argument("wanted", metavar="NAME", nargs="*", help=" ".join([*parts, *names]))
    options = parser.parse_args()
    for name in options.wanted:
        if name not in parts and name not in names:
            parser.error(f"{name} is neither a part nor a name; there are: {' '.join([*parts, *names])}")
    wanted = options.wanted or parts
    chosen = {part: [name for name in rows if part in wanted or name in wanted] for part, (rows, _) in PARTS.items()}
    build = find_tools(parser) if any(chosen.values()) else None
    statuses = [make_results(part, chosen[part], build, options) for part in PARTS if chosen[part]]
    if "requirements" in wanted:
        for side in conformance_requirements.SIDES:
            make_requirements(side, options)
    return 1 if 1 in statuses else max(statuses, default=0)


if __name__ == "__main__":
    sys.exit(main())

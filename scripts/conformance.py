#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of milters in docs/conformance.md: the conformance suite against real milters.

    scripts/conformance.py [--update] [--html FOLDER] [NAME…]

Prints a line for each milter (all, or those that are named), and below the table what failed, or holds, against
the file of known deviations (scenarios/conformance/deviations) that the milter has; then the exit status is 1.
A milter whose packages are missing has no line: scripts/packages.sh has their names. --update writes the table
into docs/conformance.md; --html FOLDER makes a page for each milter.

The tools are those of MILTERLAB_BUILD, or of build/; the seconds say something only if these are optimised.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/conformance.md"
OWN = ROOT / "tests/integration/milters"
BEGIN = "<!-- made by scripts/conformance.py --update -->\n"
END = "<!-- end of what is made by scripts/conformance.py -->\n"

# Of each milter: what it is called; the package whose version counts; the command line, or the name of what
# scenarios/real/start.sh starts; the known deviations. A program that says nothing of it does what it always does.
MILTERS = {
    "reference": ("`milter-test-client --conformance-rules`", None, "{tools}/milter-test-client/milter-test-client -q --conformance-rules -s $socket", None),
    "libmilter": ("libmilter: conformance-milter.c", "libmilter-dev", "{build}/tests/integration/conformance-milter $socket", "libmilter"),
    "pymilter": ("pymilter (libmilter): conformance-milter.py", "python3-milter", "/usr/bin/python3 {own}/conformance-milter.py $socket", "pymilter"),
    "pmilter": ("Sendmail::PMilter: conformance-milter.pl", "libsendmail-pmilter-perl", "/usr/bin/perl {own}/conformance-milter.pl $socket", "pmilter"),
    "go-milter": ("go-milter: conformance-milter.go", "golang-github-emersion-go-milter-dev", "{go} $socket", "go-milter"),
    "opendkim": ("opendkim (libmilter)", "opendkim", None, "opendkim"),
    "opendmarc": ("opendmarc (libmilter)", "opendmarc", None, "opendmarc"),
    "clamav": ("clamav-milter (libmilter)", "clamav-milter", None, "clamav"),
    "spamass": ("spamass-milter (libmilter)", "spamass-milter", None, "spamass"),
    "rspamd": ("rspamd", "rspamd", None, "rspamd"),
}
COLUMNS = (("passed", ("held", "unexpected-pass")), ("failed", ("failed",)), ("failed SHOULD", ("failed-should",)),
           ("known deviations", ("known-deviation",)), ("not applicable", ("skipped", "unplayed")))
# what is not as the file of known deviations says
SURPRISES = {"failed": "does not hold", "failed-should": "does not hold", "unexpected-pass": "holds, and is listed as a known deviation",
             "unplayed": "was not played"}


def version_of(package):
    """None: it is not installed."""
    if package is None:
        return "this one"
    found = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package], capture_output=True, text=True, check=False)
    status, _, version = found.stdout.partition(" ")
    return re.sub(r"^\d+:", "", version) if status == "installed" else None


def build_go(folder):
    """The program of the milter in Go, built of what Debian packages, without a network. None: there is no Go."""
    program = pathlib.Path(folder, "go-milter")
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "GOCACHE": f"{folder}/cache"}
    try:
        subprocess.run(["go", "build", "-o", program, OWN / "conformance-milter.go"], check=True, env=environment)
    except FileNotFoundError:
        return None
    return program


def command_of(name, build, folder):
    command = MILTERS[name][2]
    if command is None:
        return f"{ROOT}/scenarios/real/start.sh {name} $socket $dir"
    return command.format(tools=build / "tools", build=build, own=OWN, go=build_go(folder) if "{go}" in command else None)


def judge(name, build, *arguments):
    """The cases, in order; the seconds; and what the tool said."""
    deviations = MILTERS[name][3]
    with tempfile.TemporaryDirectory() as folder:
        command = [build / "tools/milter-test-server/milter-test-server", "--conformance", "-q", "--report", "json:-", "--timeout", "3s",
                   "--spawn-grace", "1s", *arguments, "--spawn", command_of(name, build, folder)]
        if deviations:
            command += ["--deviations", ROOT / f"scenarios/conformance/deviations/{deviations}.txt"]
        began = time.monotonic()
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    cases = [line for line in map(json.loads, run.stdout.splitlines()) if line["type"] == "case" and "id" in line]
    return cases, time.monotonic() - began, run


def surprises_of(cases):
    """A paragraph for each case that is not as the known deviations say."""
    for case in cases:
        if case["outcome"] in SURPRISES:
            failure = (case["failures"] or [{}])[0]
            yield (f"{case['id']} {case['severity']} {SURPRISES[case['outcome']]}: {case['requirement']}\n"
                   f"  expected {failure.get('expected')}\n  actual   {(case.get('problems') or failure.get('got') or '').strip()}")


def update(table):
    before, rest = PAGE.read_text().split(BEGIN)
    behind = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{behind}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the table into docs/conformance.md")
    parser.add_argument("--html", metavar="FOLDER", type=pathlib.Path, help="make a page for each milter")
    parser.add_argument("name", nargs="*", choices=[*MILTERS, []], help=" ".join(MILTERS))
    options = parser.parse_args()
    build = pathlib.Path(os.environ.get("MILTERLAB_BUILD", ROOT / "build")).resolve()
    titles = ["milter", "version", "cases", *(title for title, _ in COLUMNS), "seconds"]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    print("\n".join(lines))
    surprises = []
    for name in options.name or MILTERS:
        title, package, _, _ = MILTERS[name]
        version = version_of(package)
        more = [] if options.html is None else ["--report", f"html:{options.html}/{name}.html"]
        cases, seconds, run = judge(name, build, *more) if version else ([], 0, None)
        if not cases:
            said = (run.stderr or run.stdout).strip() if run else f"the package {package} is not installed"
            print(f"{name}: {said}", file=sys.stderr)
            continue
        counts = [sum(case["outcome"] in outcomes for case in cases) for _, outcomes in COLUMNS]
        lines.append("| " + " | ".join(map(str, [title, version, len(cases), *counts, f"{seconds:.0f}"])) + " |")
        print(lines[-1], flush=True)
        surprises += [f"{name}: {text}" for text in surprises_of(cases)]
    print("".join(f"\n{text}" for text in surprises))
    if options.update:
        update("\n".join(lines) + "\n")
    return bool(surprises)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: LGPL-2.1-or-later
"""--conformance: the suite holds for the reference milter, and each of its cases can fail."""

import concurrent.futures
import json
import pathlib
import re

import pytest

from fakemilter import FakeMilter

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUITE = ROOT / "scenarios/conformance"


def read_mutants():
    """Of each mutant the cases that turn red."""
    table = {}
    for path in sorted((SUITE / "mutants").glob("*.scenario")):
        for line in path.read_text().splitlines():
            found = re.match(r"mutant (\S+)(?: also=(\S+))?", line)
            if found:
                table[found[1]] = {found[1], *(found[2].split(",") if found[2] else [])}
    return table


def read_cases():
    return [found[1]
            for path in sorted((SUITE / "milter").glob("*.scenario"))
            for found in re.finditer(r"^case (\S+)", path.read_text(), re.M)]


def read_slow():
    return {found[1]
            for path in sorted((SUITE / "milter").glob("*.scenario"))
            for found in re.finditer(r"^case (\S+) .* slow\b", path.read_text(), re.M)}


@pytest.fixture
def judge(tool, play):
    """judge(CLIENT OPTIONS, …): the run against milter-test-client; the process, and the cases by id."""

    def run(client, *arguments):
        spawn = f"{tool('milter-test-client')} -q {client} -s $socket"
        # with the rules of all mutants it is not ready at once under a sanitizer
        result = play("--conformance", "-q", "--report", "json:-", "--jobs", "64", "--spawn-timeout", "2m", "--spawn", spawn,
                      *arguments, timeout=600)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        return result, {line["id"]: line for line in lines if line["type"] == "case"}

    return run


def test_the_reference_milter_keeps_every_requirement(judge):
    result, cases = judge("--conformance-rules", "--strict")
    wrong = {name: case["failures"] or case.get("reason") for name, case in cases.items() if case["outcome"] != "held"}
    slow = {name for name, why in wrong.items() if "--slow" in str(why)}
    assert not set(wrong) - slow, json.dumps(wrong, indent=1)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr
    assert set(cases) == set(read_cases())


def test_each_case_has_a_mutant():
    assert sorted(read_cases()) == sorted(read_mutants())


def test_libmilter_keeps_all_but_its_known_deviations(build, play):
    milter = build / "tests/integration/conformance-milter"

    def judge(*arguments):
        result = play("--conformance", "-q", "--report", "json:-", "--strict", "--deviations", "libmilter",
                      "--spawn-grace", "1s", "--spawn", f"{milter} $socket", *arguments, timeout=300)
        cases = [json.loads(line) for line in result.stdout.splitlines()]
        cases = {case["id"]: case for case in cases if case["type"] == "case"}
        return result, {name: [case.get("failures"), case.get("known_deviation")] for name, case in cases.items()
                        if case["outcome"] not in ("held", "known-deviation", "skipped")}

    result, wrong = judge("--timeout", "2s")
    # an answer may be late where many wait at once; what is wrong is wrong alone, too
    for name, why in wrong.items():
        result, still = judge("--timeout", "30s", "--filter", name)
        assert name not in still, json.dumps(why, indent=1)
    assert result.returncode == 0, result.stderr


def groups_of(mutants):
    """Any two mutants are apart in one of these: the number of each, bit by bit."""
    names = sorted(mutants)
    for bit in range(max(len(names) - 1, 1).bit_length()):
        for value in (0, 1):
            yield [name for number, name in enumerate(names) if (number >> bit & 1) == value]


def test_each_case_fails_by_its_mutant_and_by_no_other(judge):
    """In each run half of the mutants break what is theirs, so that a case that turns red for a mutant that is not
    its own is found in the run where its own is silent."""
    mutants = read_mutants()

    def run(group):
        result, cases = judge("--mutant " + ",".join(group), "--strict", "--timeout", "2s")
        assert cases, f"the suite was not played: {result.stdout}{result.stderr}"
        red = {name for name, case in cases.items() if case["outcome"] in ("failed", "unplayed")}
        return group, red, cases

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for group, red, cases in pool.map(run, [group for group in groups_of(mutants) if group]):
            wanted = set().union(*(mutants[name] for name in group)) - read_slow()
            assert not wanted - red, f"no mutant turns these red: {sorted(wanted - red)}"
            # an answer may be late where many wait at once; what is red without a reason is red alone, too
            for name in sorted(red - wanted):
                _, alone = judge("--mutant " + ",".join(group), "--strict", "--timeout", "30s", "--filter", name)
                if alone[name]["outcome"] not in ("failed", "unplayed"):
                    red.remove(name)
            why = {name: cases[name]["failures"][:1] for name in red - wanted}
            assert not red - wanted, f"red without a reason: {json.dumps(why, indent=1)}"


def test_cases_that_wait_for_long_fail_by_their_mutants_too(judge):
    assert read_slow() == {"TMO-01"}
    for client, outcome in (("--conformance-rules", "held"), ("--mutant TMO-01", "failed")):
        _, cases = judge(client, "--slow", "-D", "silence=200ms", "--filter", "TMO-01")
        assert cases["TMO-01"]["outcome"] == outcome


def test_a_page_is_one_file_without_scripts(tool, play, tmp_path):
    page = tmp_path / "report.html"
    result = play("--conformance", "--filter", "NEG-0", "--report", f"html:{page}", "--spawn",
                  f"{tool('milter-test-client')} -q --mutant NEG-05 -s $socket", timeout=300)
    assert result.returncode == 1
    text = page.read_text()
    assert text.startswith("<!DOCTYPE html>") and text.endswith("</html>\n")
    assert not re.search(r"<script|<link|<img|https?:|@import|url\(", text)
    row = re.search(r'<tr id="NEG-05">.*?(?=<tr id|</table>)', text, re.S)[0]
    assert "<dt>expected<dd>negotiate version=2..6" in row
    assert '<td class="result bad">failed' in row
    assert "&lt;" in text and "<sender@" not in text


def test_a_page_is_made_of_the_suite_only(play, scenario, tmp_path):
    result = play("-s", "unix:x", "--report", f"html:{tmp_path}/x.html", scenario("session\n  mail\n"))
    assert result.returncode == 2
    assert "a page is made of the conformance suite only" in result.stderr


def test_a_mutant_alone_turns_its_case_red(judge):
    result, cases = judge("--mutant NEG-02")
    red = {name for name, case in cases.items() if case["outcome"] == "failed"}
    assert red == {"NEG-02", "NEG-03"}
    assert result.returncode == 1
    assert cases["NEG-02"]["severity"] == "MUST"
    assert cases["NEG-02"]["failures"][0]["expected"] == "negotiate version=2 | closed"


def test_a_mutant_that_there_is_not_is_told(tool, start, tmp_path):
    import subprocess
    result = subprocess.run([tool("milter-test-client"), "--mutant", "NEG-99", "-s", f"unix:{tmp_path}/m.sock"],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert "there are no rules that break NEG-99" in result.stderr


def test_a_should_fails_only_where_the_run_is_strict(judge):
    result, cases = judge("--mutant NEG-18")
    assert cases["NEG-18"]["outcome"] == "failed-should"
    assert result.returncode == 0
    result, cases = judge("--mutant NEG-18", "--strict")
    assert cases["NEG-18"]["outcome"] == "failed"
    assert result.returncode == 1


def test_known_deviations_are_told_apart_and_so_are_those_that_hold(judge, tmp_path):
    known = tmp_path / "known.txt"
    known.write_text("# of this milter\nNEG-02  it answers 3\nNEG-03 the same\n\nNEG-05 was so once\n")
    result, cases = judge("--mutant NEG-02", "--deviations", known)
    assert cases["NEG-02"]["outcome"] == "known-deviation"
    assert cases["NEG-02"]["known_deviation"] == "it answers 3"
    assert cases["NEG-05"]["outcome"] == "unexpected-pass"
    assert result.returncode == 0
    result, cases = judge("--mutant NEG-02", "--deviations", known, "--strict")
    assert cases["NEG-05"]["outcome"] == "failed"
    assert result.returncode == 1


@pytest.mark.parametrize("text,sentence", [
    ("NEG-99 why\n", "the suite has no requirement NEG-99"),
    ("NEG-02\n", '"NEG-02" has no reason behind the id'),
])
def test_a_file_of_deviations_is_checked(judge, tmp_path, text, sentence):
    path = tmp_path / "known.txt"
    path.write_text(text)
    result, _ = judge("--conformance-rules", "--deviations", path)
    assert result.returncode == 2
    assert f"{path}:1: {sentence}" in result.stderr


def test_what_a_milter_does_not_do_is_not_applicable_and_never_passed(tool, play, tmp_path):
    """Without rules milter-test-client does nothing that a message asks for."""
    report = tmp_path / "report.xml"
    result = play("--conformance", "--report", f"junit:{report}", "--spawn", f"{tool('milter-test-client')} -q -s $socket",
                  "--filter", "NEG-2", timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"n/a    NEG-23  MUST .*\n +because +the milter does not help with \"lists\" \(reply to negotiate: ",
                     result.stdout), result.stdout
    text = report.read_text()
    case = re.search(r'<testcase name="NEG-23 .*?</testcase>', text, re.S)[0]
    assert "<skipped" in case
    assert '<skipped' not in re.search(r'<testcase name="NEG-25 .*?</testcase>', text, re.S)[0]
    assert 'classname="NEG"' in text


def test_tap_marks_what_does_not_count_as_todo(judge, tool, play, tmp_path):
    report = tmp_path / "report.tap"
    play("--conformance", "--report", f"tap:{report}", "--spawn",
         f"{tool('milter-test-client')} -q --mutant NEG-18 -s $socket", "--filter", "NEG-18", timeout=300)
    text = report.read_text()
    assert re.search(r"^not ok 1 - .*NEG-18 .* # TODO a SHOULD that does not hold$", text, re.M), text
    assert '  severity: "SHOULD"\n' in text


def test_the_table_has_expected_and_actual_by_group(tool, play):
    result = play("--conformance", "--filter", "NEG-0", "--spawn",
                  f"{tool('milter-test-client')} -q --mutant NEG-05 -s $socket", timeout=300)
    assert result.returncode == 1
    assert result.stdout.startswith("NEG  negotiation\n  ok     NEG-01  MUST  ")
    assert re.search(r"  FAIL   NEG-05  MUST    a version above 6 is never answered.*\n"
                     r" +at +\S*neg\.scenario:\d+: reply to negotiate\n"
                     r" +expected  negotiate version=2\.\.6\n +actual    negotiate version=100 ", result.stdout), result.stdout
    assert re.search(r"^group   cases  passed  failed\nNEG         9       8       1\nall         9       8       1\n",
                     result.stdout, re.M)
    assert "9 requirements: 8 passed, 1 failed (" in result.stdout


def test_the_list_has_all_requirements(play):
    result = play("--conformance", "--list")
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == len(read_cases())
    assert "NEG-21  SHOULD  mail before the offer is not answered: the milter closes\n" in result.stdout


def test_without_a_probe_that_passes_nothing_is_told(play, tmp_path):
    with FakeMilter(tmp_path / "m.sock", {"M": b"\0\0\0\1r"}) as milter:
        result = play("--conformance", "-s", milter.spec, timeout=300)
    assert result.returncode == 1
    assert "a message that should pass did not: reply to mail <sender@example.com>: " in result.stderr
    assert "-D sender=ADDRESS" in result.stderr
    assert result.stdout == ""


def test_a_milter_that_is_not_there_is_out_of_reach(play, tmp_path):
    result = play("--conformance", "-s", f"unix:{tmp_path}/none.sock", "--connection-timeout", "1s", timeout=300)
    assert result.returncode == 3, result.stderr
    assert "the milter cannot be tested: connection to the milter: cannot connect to " in result.stderr


def test_neutral_addresses_can_be_named(judge, tmp_path):
    result, cases = judge("-e 'on mail <sender@example.com> => reject' --conformance-rules",
                          "-D", "sender=other@example.org", "--filter", "MAI-01")
    assert result.returncode == 0, result.stderr
    assert cases["MAI-01"]["outcome"] == "held"


@pytest.mark.parametrize("arguments,sentence", [
    (["--slow", "-s", "unix:x"], "--slow goes with --conformance"),
    (["--conformance"], "--conformance tests one milter"),
    (["--conformance", "-s", "unix:x", "-f", "a@b"], "--conformance has its own"),
    (["--conformance", "-s", "unix:x", "--update"], "--conformance and --update do not go together"),
    (["--conformance", "-s", "unix:x", "--filter", "NOTHING"], 'no requirement holds "NOTHING"'),
    (["--conformance", "-s", "unix:x", "-D", "sendr=a"], "the suite has no variable $sendr"),
    (["--conformance", "-s", "unix:x", "--deviations", "nobody"],
     '--deviations: there is no file "nobody", and none comes along for it, as for clamav, go-milter, libmilter, '),
])
def test_wrong_usage_is_told(play, arguments, sentence):
    result = play(*arguments)
    assert result.returncode == 2
    assert sentence in result.stderr


def test_a_file_of_ones_own_cases_is_played_with_the_probe_of_the_suite(judge, scenario):
    path = scenario('case MY-01 must "mail is answered"\nsession\n  mail <a@example.com> => continue\n')
    result, cases = judge("--conformance-rules", path)
    assert result.returncode == 0, result.stderr
    assert cases["MY-01"]["outcome"] == "held"


@pytest.fixture
def watch(play):
    """watch(BEHAVIOUR, …): the run against spawned_milter.py; the process, and the cases by id."""

    def run(behaviour, *arguments, wrap="{}", timeout="2s"):
        milter = f"/usr/bin/python3 {ROOT}/tests/integration/milters/spawned_milter.py $socket {behaviour}"
        result = play("--conformance", "-q", "--report", "json:-", "--timeout", timeout, "--spawn", wrap.format(milter), *arguments,
                      timeout=300)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        return result, {line["id"]: line for line in lines if line["type"] == "case"}

    return run


def who_died(cases):
    return {name for name, case in cases.items() if "has died" in case.get("problems", "")}


def test_a_milter_that_dies_is_named_where_it_died_and_the_run_goes_on(watch):
    """It dies of cases that are played alone, and of some that are played many at once."""
    result, cases = watch("at=U exit=3", "--filter", "*command*")
    assert who_died(cases) == {"UNK-01", "UNK-02", "UNK-04", "UNK-05", "UNK-07"}, result.stdout
    assert "exited with status 3" in str(cases["UNK-01"]["problems"])
    assert cases["UNK-01"]["outcome"] == cases["UNK-07"]["outcome"] == "failed", "whatever was asked"
    assert cases["FRM-03"]["outcome"] == cases["MAC-01"]["outcome"] == cases["CCY-09"]["outcome"] == "held"
    assert result.returncode != 0


def test_a_milter_that_dies_behind_a_script_is_named(watch):
    """The script ends later than its milter: on a busy machine perhaps behind the case, which is red all the same."""
    result, cases = watch("at=U exit=3", "--filter", "UNK-0*", wrap="sh -c '{}; sleep 1'")
    assert "UNK-01" in who_died(cases), result.stdout
    for name in ("UNK-01", "UNK-02", "UNK-04", "UNK-05", "UNK-07"):
        assert cases[name]["outcome"] in ("failed", "failed-should"), result.stdout


@pytest.mark.parametrize("leak,sentence", [
    ("files", r"the milter has \d+ files open, before it were \d+"),
    ("memory", r"the milter holds [\d.]+ MiB of memory, before it were [\d.]+"),
])
def test_what_a_milter_keeps_is_told_of_the_case(watch, scenario, leak, sentence):
    """Also if a script has started it."""
    path = scenario('case MY-01 must "nothing is kept" steady\nrepeat 15 parallel 20 session\n  connect\n'
                    'case MY-02 must "a session is played"\nsession\n  connect\n')
    result, cases = watch(f"leak={leak}", path, wrap="sh -c '{} & wait'", timeout="60s")
    assert cases["MY-01"]["outcome"] == "failed", result.stdout
    assert re.search(sentence, str(cases["MY-01"]["problems"]))
    assert cases["MY-02"]["outcome"] == "held"


def test_what_an_allocator_keeps_is_not_lost(watch, scenario):
    """It grows in six rounds, up to 240 MB, as a milter does whose freed memory AddressSanitizer keeps."""
    path = scenario('case MY-01 must "nothing is kept" steady\nrepeat 15 parallel 20 session\n  connect\n')
    result, cases = watch("leak=pool", path, timeout="60s")
    assert cases["MY-01"]["outcome"] == "held", result.stdout


def test_a_milter_that_answers_quit_is_told_of_the_cases_about_quit(watch):
    result, cases = watch("at=Q answer=63 close", "--filter", "QUI-0*")
    assert cases["QUI-01"]["outcome"] == "failed", result.stdout
    result, cases = watch("at=Q answer=63 close", "--filter", "MAI-0*")
    assert cases["MAI-01"]["outcome"] == "held", result.stdout
    assert not cases["MAI-01"]["warnings"]

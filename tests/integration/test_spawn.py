# SPDX-License-Identifier: LGPL-2.1-or-later
"""Milters that milter-test-server starts: until they are ready, while they work, until nothing of them is left."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import pytest

MILTER = pathlib.Path(__file__).with_name("milters") / "spawned_milter.py"

SESSION = """session one
  eom
session two
  body "x"
  eom
"""


@pytest.fixture
def tmpdir_env():
    """The folder in which temporary folders are made, and the environment that says so. tmp_path is too long for
    the sockets in them."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield pathlib.Path(folder), {**os.environ, "TMPDIR": folder}


@pytest.fixture
def run(play, tmp_path, tmpdir_env):
    """run(BEHAVIOUR…, scenario=TEXT, options=[…]): plays beside a spawned_milter. Nothing may stay behind unless
    it is to be kept."""
    folder, env = tmpdir_env

    def run_it(*behaviour, scenario=SESSION, options=(), kept=False, socket="$socket", **more):
        command = " ".join([sys.executable, str(MILTER), socket, *behaviour])
        paths = []
        if scenario is not None:
            path = tmp_path / "test.scenario"
            path.write_text(scenario)
            paths = [path]
        done = play("--spawn", command, *options, *paths, env=env, cwd=tmp_path, **more)
        left = list(folder.iterdir())
        assert bool(left) == kept, left
        return done

    return run_it


def is_alive(pid):
    """A zombie that nobody has waited for is dead."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


# --- ready ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("socket", ["$socket", "unix:$path", "unix:$dir/milter.sock", "inet:$port@127.0.0.1", "inet:${port}@127.0.0.1"])
def test_the_places_of_a_spawned_milter(run, socket):
    done = run(socket=socket)
    assert done.returncode == 0, done.stderr
    assert "2 sessions: 2 held" in done.stdout


def test_the_plain_run_starts_its_milter_too(run):
    done = run(scenario=None)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("status: pass\nelapsed-time: ")


def test_a_spawn_line_of_a_file_in_the_folder_of_the_file(play, tmp_path, tmpdir_env):
    folder, env = tmpdir_env
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "milter").symlink_to(MILTER)
    (tmp_path / "suite" / "a.scenario").write_text("spawn ./milter $socket\n" + SESSION)
    (tmp_path / "suite" / "b.scenario").write_text("spawn ./milter inet:$port@127.0.0.1\n" + SESSION)
    MILTER.chmod(0o755)
    done = play(tmp_path / "suite", env=env, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 sessions: 4 held" in done.stdout
    assert list(folder.iterdir()) == []


def test_a_late_milter_is_waited_for(run):
    assert run("late=0.7").returncode == 0


def test_environment_folder_and_standard_input(run, tmp_path, tmpdir_env):
    done = run("print-environment", "at=E", "exit=1", kept=False)
    folder, socket, cwd, given = re.search(r"^  stderr +(/\S+) (\S+) (\S+) ('.*')$", done.stdout, re.M).groups()
    assert pathlib.Path(folder).parent == tmpdir_env[0]
    assert socket == f"unix:{folder}/milter.sock"
    assert (cwd, given) == (str(tmp_path), "''")


@pytest.mark.parametrize("command, sentence", [
    ("./nope $socket", r"\./nope cannot be started: there is no such file \(/.*/nope\)"),
    ("no-such-milter", "no-such-milter cannot be started: there is no program of this name in PATH"),
    ("./plain.txt", r"\./plain\.txt cannot be started: it is not executable"),
    ("./folder", r"\./folder cannot be started: it is a folder"),
    ("./lost.sh", r"\./lost\.sh cannot be started: the interpreter .* does not exist"),
    ("sh -c 'echo no config; exit 3'", "exited with status 3 before it negotiated(.|\n)*no config"),
    ("sh -c 'exit 0'", "exited with status 0 before it negotiated"),
    ("sh -c 'kill -SEGV $$$$'", r"was killed by signal 11 \(Segmentation fault\) before it negotiated"),
])
def test_a_milter_that_does_not_start(play, tmp_path, tmpdir_env, command, sentence):
    (tmp_path / "plain.txt").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "lost.sh").write_text("#!/no/such/shell\n")
    (tmp_path / "lost.sh").chmod(0o755)
    (tmp_path / "x.scenario").write_text(SESSION)
    # it is told at once, and not when no milter has come for 10 s
    plain = play("--spawn", command, "--spawn-timeout", "1h", cwd=tmp_path, env=tmpdir_env[1])
    whole = play("--spawn", command, "--spawn-timeout", "1h", "x.scenario", cwd=tmp_path, env=tmpdir_env[1])
    for done in plain, whole:
        assert done.returncode == 3, done
        assert re.search(sentence, done.stdout + done.stderr), done.stdout + done.stderr
    assert "2 sessions: 2 broken" in whole.stdout
    # all of it is told once
    assert len(re.findall(sentence, whole.stdout)) == 1
    assert re.search(r"^\S+:3: BROKEN two: not played, the milter did not start: \S*x\.scenario:1$", whole.stdout, re.M)
    assert list(tmpdir_env[0].iterdir()) == []


def test_a_command_that_does_not_say_where_to_listen(play, tmpdir_env):
    done = play("--spawn", "sleep 60", "--spawn-timeout", "200ms", env=tmpdir_env[1])
    assert done.returncode == 3
    assert "it listens nowhere (its command does not name $socket)" in done.stderr


@pytest.mark.parametrize("behaviour, timeout, sentence", [
    ("never", "1s", "did not negotiate on unix:.* within 1.00 s: .*there is no such socket; it listens nowhere"),
    # it has to listen there by then
    ("elsewhere", "5s", "did not negotiate on .*; it listens on unix:/.*/elsewhere.sock"),
    ("daemon", "1h", "went into the background, .*start it in the foreground"),
    ("greet", "1h", 'is no milter that can be tested: what answers there is no milter; it says "220 mail'),
    ("at=O", "1h", "is no milter that can be tested: it answers the negotiation with SMFIR_CONTINUE"),
])
def test_a_milter_that_never_is_ready(run, behaviour, timeout, sentence):
    done = run(behaviour, options=["--spawn-timeout", timeout], timeout=60)
    assert done.returncode == 3
    assert re.search(sentence, done.stdout + done.stderr), done.stdout + done.stderr
    assert "2 sessions: 2 broken" in done.stdout


@pytest.mark.parametrize("command, sentence", [
    ("cat $sokcet", r"none of \$socket, \$path, \$port and \$dir"),
    ("cat 'open", "--spawn: "),
    ("", "--spawn: "),
])
def test_a_command_that_is_none(play, command, sentence):
    done = play("--spawn", command)
    assert done.returncode == 2
    assert re.search(sentence, done.stderr), done.stderr


# --- what goes wrong while it works -------------------------------------------------------------------

@pytest.mark.parametrize("behaviour, sentence", [
    (["at=E", "signal=11"], r"was killed by signal 11 \(Segmentation fault\)"),
    (["at=E", "signal=6"], r"was killed by signal 6 \(Aborted\)"),
    (["at=E", "exit=4"], "exited with status 4"),
    (["at=E", "exit=0"], "exited with status 0"),
    (["at=M", "signal=9"], r"was killed by signal 9 \(Killed\)"),
])
def test_a_crash_breaks_the_session_that_saw_it_and_the_next_one_has_a_new_milter(run, behaviour, sentence):
    done = run(*behaviour)
    assert done.returncode == 3
    assert "2 sessions: 2 broken" in done.stdout
    assert len(re.findall(sentence, done.stdout)) >= 2, done.stdout
    assert "started once more" in done.stdout
    assert "about to" in done.stdout


@pytest.mark.parametrize("ending", ["signal=11", "exit=4"])
def test_a_milter_that_minds_a_socket_that_is_left_is_started_once_more(run, ending):
    done = run("at=E", "strict", ending)
    assert done.returncode == 3
    assert "before it negotiated" not in done.stdout
    assert "started once more" in done.stdout
    # the end of the process says it; that of the connection adds nothing
    assert "closed the connection" not in done.stdout


def test_only_the_session_that_saw_the_crash_is_broken(run):
    done = run("at=B", "signal=11")
    assert re.search(r"^ok +\S+: one", done.stdout, re.M), done.stdout
    assert re.search(r"^BROKEN \S+: two", done.stdout, re.M)
    assert done.returncode == 3


def test_a_crash_is_broken_also_where_the_end_of_the_connection_is_expected(run):
    done = run("at=E", "signal=11", scenario="session one\n  eom => closed | reset\n")
    assert done.returncode == 3, done.stdout
    assert "signal 11" in done.stdout


def test_a_crash_at_quit(run):
    done = run("at=Q", "signal=11", scenario="session one\n  eom\n")
    assert done.returncode == 3, done.stdout
    assert "signal 11" in done.stdout


def test_a_crash_at_the_same_time_breaks_all_that_saw_it(run):
    text = "".join(f"parallel session s{i}\n  barrier there\n  body x\n  eom\n" for i in range(5))
    done = run("at=B", "signal=11", scenario=text)
    assert done.returncode == 3
    assert "5 sessions: 5 broken" in done.stdout, done.stdout


def test_what_a_sanitizer_prints_breaks_a_session_that_held(run):
    done = run("at=B", "report=a.c:3:5:_runtime_error:_signed_integer_overflow")
    assert done.returncode == 3
    assert re.search(r"^ok +\S+: one", done.stdout, re.M)
    assert re.search(r"^BROKEN \S+: two", done.stdout, re.M)
    assert "a.c:3:5: runtime error: signed integer overflow" in done.stdout


def test_much_output_is_cut_in_the_middle(run):
    done = run("at=E", "print=20000", "exit=1", scenario="session one\n  eom\n")
    assert "last words" in done.stdout
    assert len(done.stdout) < 200000


def test_a_milter_that_sends_without_end_is_bounded(run):
    done = run("at=E", "flood", scenario="timeout 2s\nsession one\n  eom\n", timeout=60)
    assert done.returncode == 3, done.stdout


# --- the end ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("where", ["near", "apart"])
def test_helpers_end_with_their_milter(run, tmp_path, where):
    assert run(f"child={where}", f"pid-file={tmp_path}/pid").returncode == 0
    assert not pathlib.Path("/proc", (tmp_path / "pid").read_text()).exists()


def test_a_milter_that_ignores_sigterm_is_killed_and_told(run):
    done = run("ignore", options=["--spawn-grace", "300ms"])
    assert done.returncode == 0
    assert "did not end within 300 ms after SIGTERM, and was killed" in done.stderr


def test_a_bad_end_fails_a_run_that_held(run):
    done = run("status=7")
    assert done.returncode == 3
    assert "2 held" in done.stdout
    assert "exited with status 7 when it was told to end" in done.stdout + done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_stays_behind_when_the_tool_is_ended(tool, tmp_path, tmpdir_env, number):
    folder, env = tmpdir_env
    pid_file = tmp_path / "pid"
    (tmp_path / "x.scenario").write_text("session one\n  stall 60s\n")
    process = subprocess.Popen(
        [tool("milter-test-server"), "--spawn", f"{sys.executable} {MILTER} $socket child=apart pid-file={pid_file}",
         tmp_path / "x.scenario"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + 60
    while not pid_file.exists() or not pid_file.read_text():
        assert time.monotonic() < end
        time.sleep(0.02)
    helper = int(pid_file.read_text())
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 1), output
    end = time.monotonic() + 60
    while is_alive(helper) or list(folder.iterdir()):
        assert time.monotonic() < end, list(folder.iterdir())
        time.sleep(0.02)


def test_the_folder_is_kept_if_that_is_asked_for(run):
    done = run(options=["--spawn-keep"], kept=True)
    assert done.returncode == 0
    assert pathlib.Path(re.search(r"kept: (\S+)", done.stderr)[1]).is_dir()


# --- chains and several at once ---------------------------------------------------------------------

def test_a_chain_of_the_command_line(play, tmp_path, tmpdir_env):
    (tmp_path / "x.scenario").write_text("session one\n  eom => from 1 continue\n")
    command = f"{sys.executable} {MILTER} $socket"
    done = play("--spawn", command, "--spawn", command.replace("$socket", "inet:$port@127.0.0.1"), "-v", "x.scenario",
                cwd=tmp_path, env=tmpdir_env[1])
    assert done.returncode == 0, done.stdout
    assert list(tmpdir_env[0].iterdir()) == []


def test_the_report_keeps_the_order_of_the_files_with_many_jobs(run, tmp_path):
    text = "".join(f"session s{i}\n  eom\n" for i in range(20))
    done = run(scenario=text, options=["--jobs", "8", "--report", f"tap:{tmp_path}/out.tap"])
    assert done.returncode == 0, done.stdout
    names = re.findall(r"^ok \d+ - .*: (s\d+)", (tmp_path / "out.tap").read_text(), re.M)
    assert names == [f"s{i}" for i in range(20)]


def test_the_message_on_several_connections(run):
    done = run(scenario=None, options=["-t", "5"])
    assert done.returncode == 0
    assert re.fullmatch(r"(status: pass\nelapsed-time: \S+ seconds\n){5}", done.stdout)


# --- a first scenario --------------------------------------------------------------------------------

@pytest.mark.parametrize("behaviour, expectation", [
    ([], r"  eom\n(    #.*\n)+    => continue\n"),
    (["at=E", "answer=61"], r"  eom\n(    #.*\n)+    => accept\n"),
    (["at=R", "answer=72"], r"  rcpt <bob@example.net>\n    => reject\n"),
    (["at=C", "answer=79" + b"451 4.7.1 later\0".hex()], r"  connect .*\n    => 451\n"),
    (["at=M", "answer=61"], r"  mail <alice@example.com>\n    => accept\n"),
    (["'at=a b \"c\" #d'"], r"  eom"),
])
def test_init_writes_a_scenario_that_the_milter_holds(play, tmp_path, tmpdir_env, behaviour, expectation):
    command = " ".join([sys.executable, str(MILTER), "$socket", *behaviour])
    written = play("--init", command, cwd=tmp_path, env=tmpdir_env[1])
    assert (written.returncode, written.stderr) == (0, "")
    assert "=> negotiate version=6 actions=all steps=none\n" in written.stdout
    assert re.search(expectation, written.stdout), written.stdout
    (tmp_path / "first.scenario").write_text(written.stdout)
    done = play("first.scenario", cwd=tmp_path, env=tmpdir_env[1])
    assert done.returncode == 0, done.stdout
    assert "2 sessions: 2 held" in done.stdout
    assert list(tmpdir_env[0].iterdir()) == []


def test_init_of_a_milter_that_does_not_start_or_dies(play, tmpdir_env):
    for command in ["./nope", f"{sys.executable} {MILTER} $socket at=E signal=11"]:
        done = play("--init", command, env=tmpdir_env[1])
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr
    assert play("--init", "cat", "-s", "inet:1").returncode == 2


# --- sanitizers that really speak ---------------------------------------------------------------------

@pytest.fixture(scope="session")
def asan_milter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asan")
    source = MILTER.with_name("asan-milter.c")
    built = subprocess.run(["cc", "-g", "-fsanitize=address,undefined", str(source), "-o", str(folder / "milter")],
                           capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder / "milter"


@pytest.mark.parametrize("what, sentence, n_held", [
    ("overflow", "AddressSanitizer: heap-buffer-overflow", 0),
    # it tells each place once
    ("undefined", "runtime error: signed integer overflow", 1),
    ("leak", "LeakSanitizer: detected memory leaks", 2),
])
def test_reports_of_sanitizers(play, asan_milter, tmp_path, tmpdir_env, what, sentence, n_held):
    folder, env = tmpdir_env
    env = {name: value for name, value in env.items() if not name.endswith("SAN_OPTIONS")}
    (tmp_path / "x.scenario").write_text(SESSION)
    done = play("--spawn", f"{asan_milter} $path {what}", "x.scenario", cwd=tmp_path, env=env)
    assert done.returncode == 3, done.stdout + done.stderr
    assert sentence in done.stdout + done.stderr
    assert len(re.findall(r"^ok ", done.stdout, re.M)) == n_held, done.stdout
    if what == "undefined":
        # beside AddressSanitizer, this one only knows the standard error
        return
    reports = re.findall(r"the report is in ([^\s)]+)", done.stdout + done.stderr)
    assert len(set(reports)) == len(reports)
    report = reports[0]
    assert "asan-milter.c" in pathlib.Path(report).read_text()
    assert pathlib.Path(report).parent.parent == folder

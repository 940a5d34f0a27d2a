# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of the process of a milter: users and groups, the background, its pid file, its socket."""

import grp
import os
import pathlib
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time

import pytest

from clientprocess import Client
from listening import listens
from milterwire import OFFER, Mta

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def folder():
    """A folder that everybody may enter, as a temporary one of pytest is not."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="milter-process-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def milter(build, folder):
    return lambda *options, **more: subprocess.Popen(
        [build / "tests/client/option-milter", "-s", f"unix:{folder}/s", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, **more)


def facts(process):
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return dict(word.split("=", 1) for word in line.split())


def end(process):
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    return process.returncode, err


def wait_until(condition, what):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.01)


def test_nobody_asked_for_anything(milter, folder):
    process = milter()
    found = facts(process)
    assert found["uid"] == f"{os.geteuid()},{os.geteuid()}"
    assert found["gid"] == f"{os.getegid()},{os.getegid()}"
    assert end(process)[0] == 0
    assert list(folder.iterdir()) == []


@as_root
@pytest.mark.parametrize("options, user, group, groups", [
    (["--user", "nobody"], NOBODY.pw_uid, NOBODY.pw_gid, [NOBODY.pw_gid]),
    (["--group", "nogroup"], NOBODY.pw_uid, NOBODY.pw_gid, [NOBODY.pw_gid]),
    (["-u", "nobody", "-g", "mail"], NOBODY.pw_uid, grp.getgrnam("mail").gr_gid, [grp.getgrnam("mail").gr_gid]),
    (["--user-id", "54321", "--group-id", "54322"], 54321, 54322, [54322]),
])
def test_user_group_and_all_groups_change(milter, folder, options, user, group, groups):
    folder.chmod(0o777)
    process = milter(*options, extra_groups=[0, 4, 6])
    found = facts(process)
    assert found["uid"] == f"{user},{user}"
    assert found["gid"] == f"{group},{group}"
    assert found["groups"] == ",".join(map(str, groups))
    status = (folder / "s").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (user, group, 0o660)
    assert end(process)[0] == 0
    assert list(folder.iterdir()) == []


@as_root
def test_a_user_without_an_entry_needs_a_group(milter, folder):
    process = milter("--user-id", "54321")
    assert process.wait(timeout=60) == 1
    assert "name a group as well" in process.stderr.read()
    assert list(folder.iterdir()) == []


@as_root
@pytest.mark.parametrize("options, wanted", [
    (["--user", "daemon"], "become the user daemon"),
    (["--group", "mail"], "take the group mail"),
    (["--user", "daemon", "--group", "mail"], "become the user daemon with the group mail"),
])
def test_who_is_not_root_stays_who_it_is(milter, folder, options, wanted):
    folder.chmod(0o777)
    process = milter(*options, user="nobody", group="nogroup", extra_groups=[])
    assert process.wait(timeout=60) == 1
    assert f"the user {NOBODY.pw_uid}, group {NOBODY.pw_gid}, cannot {wanted}: only root can" in process.stderr.read()
    assert list(folder.iterdir()) == []


@as_root
def test_what_the_new_user_cannot_remove_is_told(milter, folder):
    process = milter("--user", "nobody", "--pid-file", f"{folder}/pid")
    facts(process)
    returncode, err = end(process)
    assert returncode == 1
    assert f"the socket {folder}/s cannot be removed: Permission denied" in err
    assert "may write to" in err


@as_root
def test_a_run_is_judged_even_if_its_socket_cannot_be_removed(tool, folder):
    one = Client(tool, folder, "--user=nobody", "-q", "--trace", folder / "trace", "--report", f"tap:{folder}/tap",
                 "-e", "expect 0 negotiate")
    with Mta(one.spec) as mta:
        mta.ask(b"O", OFFER)
    assert one.stop() == 2
    assert "cannot be removed" in one.err.read_text()
    assert "FAIL" in one.out.read_text()
    assert "not ok 1" in (folder / "tap").read_text()
    assert "negotiate" in (folder / "trace").read_text()


@as_root
def test_the_pid_file_is_written_before_the_user_changes(tool, folder):
    one = Client(tool, folder, "-q", "--user=nobody", "--pid-file", folder / "pid", spec="inet:0@127.0.0.1")
    assert (folder / "pid").read_text() == f"{one.process.pid}\n"
    assert one.stop() == 2
    assert f"the pid file {folder}/pid cannot be removed: Permission denied" in one.err.read_text()


@as_root
def test_the_group_of_the_socket_stays_the_one_that_was_named(milter, folder):
    folder.chmod(0o777)
    process = milter("--user", "nobody", "--unix-socket-group", "mail", "--unix-socket-mode", "u=rw,g=rw,o=r")
    facts(process)
    status = (folder / "s").stat()
    assert (status.st_uid, status.st_gid) == (NOBODY.pw_uid, grp.getgrnam("mail").gr_gid)
    assert stat.S_IMODE(status.st_mode) == 0o664
    assert end(process)[0] == 0


def test_a_daemon_serves_and_cleans_up(build, folder):
    """Paths count from the folder that it was started in, though its own is the root."""
    done = subprocess.run([build / "tests/client/option-milter", "-s", "unix:s", "--pid-file", "pid", "--daemon",
                           "--log-path", "log", "-v"], cwd=folder, timeout=180, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # it is ready when the first process has ended
    pid = int((folder / "pid").read_text())
    try:
        found = dict(word.split("=", 1) for word in done.stdout.split())
        assert int(found["pid"]) == pid
        assert found["folder"] == "/"
        assert found["umask"] == "022"
        assert int(found["session"]) not in (pid, os.getsid(0))
        assert [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)] == ["/dev/null"] * 3
        with Mta(f"unix:{folder}/s") as mta:
            assert mta.ask(b"O", OFFER)[0][0] == b"O"
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not (folder / "pid").exists(), "the pid file is removed")
    assert not (folder / "s").exists()
    assert "[message] it listens" in (folder / "log").read_text()


def test_a_daemon_that_does_not_start_is_told(build, folder):
    for options, message in [
        (["-s", "unix:/nowhere/at/all"], "/nowhere/at/all"),
        (["-s", "unix:s", "--pid-file", "/nowhere/at/all"], "the pid file /nowhere/at/all cannot be written"),
    ]:
        done = subprocess.run([build / "tests/client/option-milter", "--daemon", *options], cwd=folder, timeout=60,
                              capture_output=True, text=True)
        assert done.returncode == 1
        assert message in done.stderr
        assert list(folder.iterdir()) == []


def test_a_pid_file_has_one_owner(milter, build, folder):
    first = milter("--pid-file", "pid")
    facts(first)
    done = subprocess.run([build / "tests/client/option-milter", "-s", "unix:other", "--pid-file", "pid"], cwd=folder,
                          timeout=180, capture_output=True, text=True)
    assert done.returncode == 1
    assert "belongs to a milter that runs" in done.stderr
    assert (folder / "pid").read_text() == f"{first.pid}\n"
    assert end(first)[0] == 0
    assert list(folder.iterdir()) == []


def test_a_live_socket_is_left_to_its_owner(milter, folder):
    first = milter()
    facts(first)
    second = milter()
    assert second.wait(timeout=60) == 1
    assert "somebody listens on it already" in second.stderr.read()
    assert listens(folder / "s")
    assert end(first)[0] == 0


@pytest.mark.parametrize("option, message", [
    ("--n-workers=-1", "--n-workers: -1 is not from 0 to 1000"),
    ("--n-workers=1000000000", "--n-workers: 1000000000 is not from 0 to 1000"),
    ("--unix-socket-mode=999", "--unix-socket-mode: this is no octal digit: <|@|999>"),
    ("--user=no-such-user", '--user: there is no user "no-such-user"'),
])
def test_a_wrong_option_ends_it_before_it_listens(milter, folder, option, message):
    process = milter(option)
    assert process.wait(timeout=60) == 1
    assert message in process.stderr.read()
    assert list(folder.iterdir()) == []


EXAMPLE = """
#include <stdlib.h>
#include <milter/client.h>
static void
cb_connection_established (MilterClient *client, MilterClientContext *context, gpointer user_data)
{
}
int
main (int argc, char **argv)
{
  gboolean success;
  const gchar spec[] = "inet:10025@localhost";
  MilterClient *client;
  GError *error = NULL;
  milter_init ();
  milter_client_init ();
  client = milter_client_new ();
  if (!milter_client_set_connection_spec (client, spec, &error))
    {
      g_print ("%s\\n", error->message);
      g_error_free (error);
      return EXIT_FAILURE;
    }
  g_signal_connect (client, "connection-established", G_CALLBACK (cb_connection_established), NULL);
  milter_client_run (RUN);
  milter_client_quit ();
  milter_quit ();
  return success ? EXIT_SUCCESS : EXIT_FAILURE;
}
"""


@pytest.mark.parametrize("arguments", ["client", "client, &error"])
def test_the_manuals_program_compiles_with_its_variable_that_nobody_sets(build, tmp_path, arguments):
    root = pathlib.Path(__file__).resolve().parents[2]
    (tmp_path / "example.c").write_text(EXAMPLE.replace("RUN", arguments))
    flags = subprocess.run(["pkg-config", "--cflags", "gio-2.0"], check=True, capture_output=True, text=True).stdout
    rooms = [f"-I{top}/lib/{room}" for top in (root, build) for room in ("core", "io/public", "client")]
    subprocess.run(["cc", "-std=c17", "-fsyntax-only", *rooms, *flags.split(), "example.c"], cwd=tmp_path, check=True)

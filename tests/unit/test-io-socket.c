/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-socket.c: listening, connecting, and what is said when either fails.
 */
#include "io-test.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>

static GMainContext *context;
static MilterIoLoop *loop;
static Peer peer;
static char *directory;
static char *path;
static MilterConnectionSpec *spec;

static void
setup (void)
{
  context = g_main_context_new ();
  loop = make_loop (context);
  peer_init (&peer);
  directory = g_dir_make_tmp ("milterlab-XXXXXX", NULL);
  path = g_build_filename (directory, "socket", NULL);
  spec = milter_connection_spec_parse (path, NULL);
}

static void
teardown (void)
{
  _milter_io_loop_free (loop);
  peer_clear (&peer);
  g_unlink (path);
  g_chmod (directory, 0700);
  g_rmdir (directory);
  g_free (path);
  g_free (directory);
  milter_connection_spec_free (spec);
  g_main_context_unref (context);
}

TestSuite (io_socket, .init = setup, .fini = teardown);

static int
listen_on (const char *text, MilterConnectionSpec **where)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MilterConnectionSpec) asked = milter_connection_spec_parse (text, NULL);
  g_autofree struct sockaddr *address = NULL;
  socklen_t size;
  int fd = _milter_io_listen (asked, 1, 0, false, &address, &size, &error);

  cr_assert (fd >= 0, "%s", error ? error->message : "");
  g_autofree char *real = _milter_io_address_to_text (address, size);
  *where = milter_connection_spec_parse (real, NULL);
  cr_assert (*where != NULL, "%s", real);
  return fd;
}

/* a stale socket: bound, and nobody listens any more */
static void
leave_socket (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  cr_assert (bind (fd, (struct sockaddr *) &address, sizeof address) == 0);
  close (fd);
}

static void
assert_says (const GError *error, MilterConnectionError code, const char *text)
{
  cr_assert (g_error_matches (error, MILTER_CONNECTION_ERROR, (int) code));
  cr_assert (strstr (error->message, text) != NULL, "%s", error->message);
}

/* listening */

Test (io_socket, a_unix_socket_gets_its_mode_whatever_the_umask)
{
  static const guint modes[] = { 0600, 0660, 0666, 0777 };
  mode_t before = umask (0077);

  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      struct stat status;
      int fd = _milter_io_listen (spec, 1, modes[i], true, NULL, NULL, NULL);

      cr_assert (fd >= 0);
      cr_assert (stat (path, &status) == 0);
      cr_expect ((status.st_mode & 07777) == modes[i], "%o", status.st_mode);
      close (fd);
    }
  umask (before);
}

Test (io_socket, a_stale_socket_is_removed_when_asked_to)
{
  g_autoptr (GError) error = NULL;

  leave_socket ();
  cr_expect (_milter_io_listen (spec, 1, 0, false, NULL, NULL, &error) < 0);
  assert_says (error, MILTER_CONNECTION_ERROR_LISTEN, "already");
  int fd = _milter_io_listen (spec, 1, 0, true, NULL, NULL, NULL);
  cr_assert (fd >= 0);
  close (fd);
}

Test (io_socket, a_live_socket_is_never_removed)
{
  g_autoptr (GError) error = NULL;
  int fd = _milter_io_listen (spec, 0, 0, true, NULL, NULL, NULL);

  cr_assert (fd >= 0);
  /* the last one finds the queue full */
  for (guint i = 0; i < 3; i++)
    {
      cr_expect (_milter_io_listen (spec, 0, 0, true, NULL, NULL, &error) < 0);
      assert_says (error, MILTER_CONNECTION_ERROR_LISTEN, "somebody listens");
      g_clear_error (&error);
    }
  close (fd);
}

Test (io_socket, what_is_not_a_socket_is_never_removed)
{
  g_autoptr (GError) error = NULL;

  cr_assert (g_file_set_contents (path, "precious", -1, NULL));
  cr_expect (_milter_io_listen (spec, 1, 0, true, NULL, NULL, &error) < 0);
  assert_says (error, MILTER_CONNECTION_ERROR_LISTEN, "not a socket");
  cr_expect (g_file_test (path, G_FILE_TEST_IS_REGULAR));
}

Test (io_socket, a_port_in_use_is_called_so)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MilterConnectionSpec) where = NULL;
  int fd = listen_on ("inet:0@127.0.0.1", &where);

  cr_expect (where->port != 0);
  cr_expect (_milter_io_listen (where, 1, 0, false, NULL, NULL, &error) < 0);
  assert_says (error, MILTER_CONNECTION_ERROR_LISTEN, "somebody else listens");
  cr_expect (strstr (error->message, where->text) != NULL);
  close (fd);
}

Test (io_socket, an_address_that_is_not_ours_cannot_be_listened_on)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MilterConnectionSpec) where
      = milter_connection_spec_parse ("inet:0@[192.0.2.1]", NULL);

  cr_expect (_milter_io_listen (where, 1, 0, false, NULL, NULL, &error) < 0);
  assert_says (error, MILTER_CONNECTION_ERROR_LISTEN, "<inet:0@[192.0.2.1]>");
}

/* connecting */

static void
assert_connects (const MilterConnectionSpec *where)
{
  g_autoptr (GError) error = NULL;

  peer.n_connected = 0;
  peer.connection = _milter_io_connection_connect (loop, where, &peer_handlers, &peer, &error);
  cr_assert (peer.connection != NULL, "%s", error ? error->message : "");
  cr_expect (peer.n_connected == 0, "a handler was called at once");
  iterate_until (context, peer.n_connected == 1);
  _milter_io_connection_close (peer.connection, MILTER_IO_CLOSE_NOW);
}

Test (io_socket, connections_are_made_to_every_kind_of_socket)
{
  static const char *const texts[] = { "inet:0", "inet:0@localhost", "inet:0@[127.0.0.1]" };

  int unix_fd = _milter_io_listen (spec, 1, 0, false, NULL, NULL, NULL);
  assert_connects (spec);
  close (unix_fd);
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (MilterConnectionSpec) where = NULL;
      int fd = listen_on (texts[i], &where);
      g_autofree char *loopback = g_strdup_printf ("inet:%u", where->port);
      g_autoptr (MilterConnectionSpec) near = milter_connection_spec_parse (loopback, NULL);

      assert_connects (where);
      assert_connects (near);
      close (fd);
    }
}

Test (io_socket, what_is_written_before_the_connection_is_there_leaves_with_it)
{
  g_autoptr (MilterConnectionSpec) where = NULL;
  int fd = listen_on ("inet:0@127.0.0.1", &where);

  peer.connection = _milter_io_connection_connect (loop, where, &peer_handlers, &peer, NULL);
  _milter_io_connection_write (peer.connection, (const guint8 *) "early", 5);
  _milter_io_connection_shutdown_write (peer.connection);
  iterate_until (context, peer.n_connected == 1);
  iterate_ready (context);
  int there = accept (fd, NULL, NULL);
  assert_taken (there, "early");
  assert_taken (there, "EOF");
  close (there);
  close (fd);
}

static GError *
connect_error (const MilterConnectionSpec *where)
{
  GError *error = NULL;

  peer.connection = _milter_io_connection_connect (loop, where, &peer_handlers, &peer, &error);
  if (peer.connection == NULL)
    return error;
  iterate_until (context, peer.n_ended == 1);
  cr_expect (peer.end == MILTER_IO_END_ERROR);
  cr_expect (peer.n_connected == 0);
  _milter_io_connection_close (peer.connection, MILTER_IO_CLOSE_FLUSH);
  return g_error_copy (peer.error);
}

Test (io_socket, errors_of_unix_sockets_say_what_is_wrong)
{
  g_autoptr (GError) missing = connect_error (spec);
  assert_says (missing, MILTER_CONNECTION_ERROR_UNREACHABLE, "no such socket");
  cr_expect (strstr (missing->message, path) != NULL);

  leave_socket ();
  g_autoptr (GError) stale = connect_error (spec);
  assert_says (stale, MILTER_CONNECTION_ERROR_UNREACHABLE, "nobody listens on it");
  g_unlink (path);

  cr_assert (g_file_set_contents (path, "", 0, NULL));
  g_autoptr (GError) file = connect_error (spec);
  assert_says (file, MILTER_CONNECTION_ERROR_UNREACHABLE, "not a socket");
  g_unlink (path);

  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_DGRAM, 0);
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  cr_assert (bind (fd, (struct sockaddr *) &address, sizeof address) == 0);
  g_autoptr (GError) datagram = connect_error (spec);
  assert_says (datagram, MILTER_CONNECTION_ERROR_UNREACHABLE, "not a stream socket");
  close (fd);
}

/* root may do anything: the test becomes somebody else, in its own process */
static void
become_nobody (void)
{
  if (geteuid () == 0)
    cr_assert (seteuid (65534) == 0);
}

Test (io_socket, permission_denied_says_who_we_are_and_whose_the_socket_is)
{
  uid_t before = geteuid ();
  g_autofree char *owner = g_strdup_printf ("(uid %u)", before);
  int fd = _milter_io_listen (spec, 1, 0600, false, NULL, NULL, NULL);

  cr_assert (fd >= 0);
  g_chmod (directory, 0711);
  g_chmod (path, 0);
  become_nobody ();
  g_autoptr (GError) error = connect_error (spec);
  g_autofree char *we = g_strdup_printf ("uid %u", geteuid ());
  assert_says (error, MILTER_CONNECTION_ERROR_UNREACHABLE, "permission denied");
  assert_says (error, MILTER_CONNECTION_ERROR_UNREACHABLE, "its mode is 0000");
  assert_says (error, MILTER_CONNECTION_ERROR_UNREACHABLE, we);
  assert_says (error, MILTER_CONNECTION_ERROR_UNREACHABLE, owner);
  g_clear_error (&error);
  cr_assert (seteuid (before) == 0);

  g_chmod (directory, 0);
  become_nobody ();
  error = connect_error (spec);
  assert_says (error, MILTER_CONNECTION_ERROR_UNREACHABLE, "may not enter its directory");
  cr_assert (seteuid (before) == 0);
  close (fd);
}

Test (io_socket, a_refused_port_and_a_name_that_nobody_knows_are_told)
{
  g_autoptr (MilterConnectionSpec) where = NULL;
  close (listen_on ("inet:0@127.0.0.1", &where));
  g_autoptr (GError) refused = connect_error (where);
  assert_says (refused, MILTER_CONNECTION_ERROR_UNREACHABLE, "nobody listens there");
  cr_expect (strstr (refused->message, where->text) != NULL);

  g_autoptr (MilterConnectionSpec) unknown
      = milter_connection_spec_parse ("inet:1@no-such-host.invalid", NULL);
  g_autoptr (GError) name = connect_error (unknown);
  assert_says (name, MILTER_CONNECTION_ERROR_INVALID_HOST, "no-such-host.invalid");

  g_autoptr (MilterConnectionSpec) zero = milter_connection_spec_parse ("inet:0", NULL);
  g_autoptr (GError) port = connect_error (zero);
  assert_says (port, MILTER_CONNECTION_ERROR_INVALID_PORT, "port 0");
}

Test (io_socket, a_full_queue_is_tried_again_until_there_is_room)
{
  int fd = _milter_io_listen (spec, 0, 0, false, NULL, NULL, NULL);
  Peer first;
  guint n_accepted = 0;

  peer_init (&first);
  first.connection = _milter_io_connection_connect (loop, spec, &peer_handlers, &first, NULL);
  peer.connection = _milter_io_connection_connect (loop, spec, &peer_handlers, &peer, NULL);
  cr_assert (first.connection != NULL && peer.connection != NULL);
  iterate_until (context, first.n_connected == 1);
  for (guint i = 0; i < 5; i++)
    g_main_context_iteration (context, TRUE);
  cr_expect (peer.n_connected == 0 && peer.n_ended == 0);

  int accepted[2];
  accepted[n_accepted++] = accept4 (fd, NULL, NULL, SOCK_CLOEXEC);
  iterate_until (context, peer.n_connected == 1);
  accepted[n_accepted++] = accept4 (fd, NULL, NULL, SOCK_CLOEXEC);
  for (guint i = 0; i < n_accepted; i++)
    close (accepted[i]);
  close (fd);
  peer_clear (&first);
}

Test (io_socket, a_connection_may_be_closed_while_it_is_being_made)
{
  g_autoptr (MilterConnectionSpec) where = NULL;
  int fd = listen_on ("inet:0@127.0.0.1", &where);

  for (guint how = MILTER_IO_CLOSE_FLUSH; how <= MILTER_IO_CLOSE_RESET; how++)
    {
      peer.connection = _milter_io_connection_connect (loop, where, &peer_handlers, &peer, NULL);
      _milter_io_connection_write (peer.connection, (const guint8 *) "x", 1);
      _milter_io_connection_close (peer.connection, (MilterIoClose) how);
    }
  iterate_ready (context);
  cr_expect (peer.n_connected == 0 && peer.n_ended == 0);
  close (fd);
}

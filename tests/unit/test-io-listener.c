/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-listener.c: accepting, pausing, and being out of descriptors.
 */
#include "io-test.h"

#include <dlfcn.h>
#include <glib/gstdio.h>
#include <sys/un.h>

/* stands before the C library's: fails as often as it is told to */
static int fail_errno;
static guint n_failures;
static guint n_accepts;

int
accept4 (int fd, struct sockaddr *address, socklen_t *size, int flags)
{
  static int (*real) (int, struct sockaddr *, socklen_t *, int);

  if (real == NULL)
    *(void **) &real = dlsym (RTLD_NEXT, "accept4");
  n_accepts++;
  if (n_failures > 0)
    {
      n_failures--;
      errno = fail_errno;
      return -1;
    }
  return real (fd, address, size, flags);
}

static GMainContext *context;
static MilterIoLoop *loop;
static MilterIoListener *listener;
static char *directory;
static char *path;
static guint n_accepted;
static guint n_errors;
static guint pause_at;
static bool free_listener;
static char *error_text;

static void
on_accepted (MilterIoListener *from,
             int fd,
             const struct sockaddr *address,
             socklen_t size,
             gpointer user_data)
{
  cr_expect (address->sa_family == AF_UNIX);
  cr_expect (fcntl (fd, F_GETFL) & O_NONBLOCK);
  cr_expect (fcntl (fd, F_GETFD) & FD_CLOEXEC);
  close (fd);
  if (++n_accepted == pause_at)
    _milter_io_listener_pause (from, true);
  if (free_listener)
    _milter_io_listener_free (from);
}

static void
on_error (MilterIoListener *from, const GError *error, gpointer user_data)
{
  n_errors++;
  g_free (error_text);
  error_text = g_strdup (error->message);
}

static const MilterIoListenerHandlers handlers = { .accepted = on_accepted, .error = on_error };

static void
setup (void)
{
  g_autoptr (GError) error = NULL;

  context = g_main_context_new ();
  loop = make_loop (context);
  directory = g_dir_make_tmp ("milterlab-XXXXXX", NULL);
  path = g_build_filename (directory, "socket", NULL);
  g_autoptr (MilterConnectionSpec) spec = milter_connection_spec_parse (path, NULL);
  int fd = _milter_io_listen (spec, 128, 0, false, NULL, NULL, &error);
  cr_assert (fd >= 0, "%s", error ? error->message : "");
  listener = _milter_io_listener_new (loop, fd, 30, &handlers, NULL, &error);
  cr_assert (listener != NULL);
}

static void
teardown (void)
{
  _milter_io_loop_free (loop);
  g_unlink (path);
  g_rmdir (directory);
  g_free (path);
  g_free (directory);
  g_free (error_text);
  g_main_context_unref (context);
}

TestSuite (io_listener, .init = setup, .fini = teardown);

static int
call (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  cr_assert (connect (fd, (struct sockaddr *) &address, sizeof address) == 0);
  return fd;
}

Test (io_listener, all_that_wait_are_accepted)
{
  int fds[100];

  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = call ();
  iterate_until (context, n_accepted == G_N_ELEMENTS (fds));
  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
}

Test (io_listener, a_paused_one_accepts_nothing_until_it_is_resumed)
{
  int fds[] = { call (), call (), call () };

  pause_at = 2;
  iterate_ready (context);
  cr_expect (n_accepted == 2);
  cr_expect (!g_main_context_iteration (context, FALSE));
  _milter_io_listener_pause (listener, false);
  iterate_until (context, n_accepted == 3);
  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
}

Test (io_listener, without_descriptors_it_reports_waits_and_goes_on)
{
  gint64 begin = g_get_monotonic_time ();
  int fd = call ();

  fail_errno = EMFILE;
  n_failures = 2;
  iterate_until (context, n_errors == 1);
  cr_expect (strstr (error_text, "cannot accept") != NULL);
  cr_expect (n_accepts == 1);
  /* nobody sleeps and nobody spins, unless this machine took that long */
  bool busy = g_main_context_iteration (context, FALSE);
  cr_expect (!busy || g_get_monotonic_time () - begin >= 30 * 1000);
  iterate_until (context, n_accepted == 1);
  cr_expect (n_errors == 2);
  cr_expect (g_get_monotonic_time () - begin >= 60 * 1000, "twice 30 ms");
  close (fd);
}

Test (io_listener, resuming_does_not_end_its_own_wait)
{
  gint64 begin = g_get_monotonic_time ();
  int fd = call ();

  fail_errno = EMFILE;
  n_failures = 1;
  iterate_until (context, n_errors == 1);
  _milter_io_listener_pause (listener, true);
  _milter_io_listener_pause (listener, false);
  iterate_ready (context);
  cr_expect (n_accepts == 1 || g_get_monotonic_time () - begin >= 30 * 1000);
  iterate_until (context, n_accepted == 1);
  close (fd);
}

Test (io_listener, what_befell_one_connection_does_not_hold_up_the_next)
{
  int fd = call ();

  fail_errno = ECONNABORTED;
  n_failures = 3;
  iterate_until (context, n_accepted == 1);
  cr_expect (n_errors == 0);
  close (fd);
}

Test (io_listener, it_may_be_freed_by_its_own_handler)
{
  int fds[] = { call (), call () };

  free_listener = true;
  iterate_ready (context);
  cr_expect (n_accepted == 1);
  close (fds[0]);
  close (fds[1]);
}

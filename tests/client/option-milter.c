/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * option-milter.c: a milter with the common options, for tests of what becomes of its process.
 *
 * When it listens it prints a line with its ids, its process, its directory and its mask.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <milter/client.h>

static MilterClient *client;

static void
on_signal (int number)
{
  milter_client_shutdown (client);
}

static void
on_listen_started (MilterClient *self, struct sockaddr *address, guint size, gpointer data)
{
  gid_t groups[64];
  int n = getgroups (64, groups);
  mode_t mask = umask (0);
  char *folder = g_get_current_dir ();

  umask (mask);
  printf ("uid=%d,%d gid=%d,%d pid=%d session=%d umask=%03o folder=%s groups=",
          (int) getuid (),
          (int) geteuid (),
          (int) getgid (),
          (int) getegid (),
          (int) getpid (),
          (int) getsid (0),
          (unsigned) mask,
          folder);
  for (int i = 0; i < n; i++)
    printf ("%s%d", i > 0 ? "," : "", (int) groups[i]);
  printf ("\n");
  fflush (stdout);
  g_message ("it listens");
  g_free (folder);
}

int
main (int argc, char **argv)
{
  GOptionContext *context = g_option_context_new (NULL);
  GError *error = NULL;
  gboolean succeeded;

  milter_init ();
  milter_client_init ();
  client = milter_client_new ();
  g_signal_connect (client, "listen-started", G_CALLBACK (on_listen_started), NULL);
  g_option_context_add_group (context, milter_client_get_option_group (client));
  signal (SIGTERM, on_signal);
  succeeded = g_option_context_parse (context, &argc, &argv, &error)
              && milter_client_run (client, &error);
  if (!succeeded)
    fprintf (stderr, "%s\n", error->message);
  g_clear_error (&error);
  g_option_context_free (context);
  g_object_unref (client);
  milter_client_quit ();
  milter_quit ();
  return succeeded ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: milter-test-client, the reference milter: shows what an MTA sends, and lets it pass.
 *
 * Also a first example of the library: a client, a table of handlers, and a loop that a signal
 * ends.
 */
#include <signal.h>
#include <stdlib.h>

#include <milter/client.h>

#include "print-events.h"
#include "test-client-options.h"
#include "tool-console.h"
#include "tool-exit.h"

/* for the signal handler */
static MilterClient *client;

/* the first signal ends the program when its messages are over, the second one at once */
static void
on_signal (int number)
{
  milter_client_shutdown (client);
}

static void
handle_signals (void)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int) SA_RESETHAND };

  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
}

static void
on_listen_started (MilterClient *self, struct sockaddr *address, guint size, gpointer data)
{
  g_autofree char *spec = milter_connection_address_to_spec (address);

  printf ("listening on %s\n", spec);
}

static void
on_error (MilterClient *self, GError *error, gpointer data)
{
  tool_error ("%s", error->message);
}

static void
on_sessions_finished (MilterClient *self, guint n_sessions, TestClientOptions *options)
{
  options->n_seen += n_sessions;
  if (options->n_sessions > 0 && options->n_seen >= options->n_sessions)
    milter_client_shutdown (self);
}

static ToolExit
run (TestClientOptions *options)
{
  g_autoptr (GError) error = NULL;

  milter_client_set_n_workers (client, options->n_workers);
  milter_client_set_unix_socket_mode (client, options->unix_socket_mode);
  milter_client_set_unix_socket_group (client, options->unix_socket_group);
  print_events_of (client, options);
  g_signal_connect (client, "listen-started", G_CALLBACK (on_listen_started), NULL);
  g_signal_connect (client, "sessions-finished", G_CALLBACK (on_sessions_finished), options);
  g_signal_connect (client, "error", G_CALLBACK (on_error), NULL);
  handle_signals ();

  if (milter_client_set_connection_spec (client, options->spec, &error)
      && milter_client_run (client, &error))
    return TOOL_EXIT_OK;
  tool_error ("%s", error->message);
  return TOOL_EXIT_USAGE;
}

int
main (int argc, char **argv)
{
  TestClientOptions options = { 0 };
  ToolExit status = TOOL_EXIT_OK;

  tool_init (argv[0]);
  /* who reads a pipe sees each line at once */
  setvbuf (stdout, NULL, _IOLBF, 0);
  milter_init ();
  milter_client_init ();

  if (test_client_options_parse (&options, argc, argv, &status))
    {
      client = milter_client_new ();
      status = run (&options);
      g_object_unref (client);
    }

  test_client_options_clear (&options);
  milter_client_quit ();
  milter_quit ();
  return status;
}

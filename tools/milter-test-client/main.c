/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: milter-test-client, the reference milter: shows what an MTA sends, answers by rules, and
 * lets pass what no rule speaks of.
 *
 * Also a first example of the library: a client with its options, a look at each connection, and a
 * loop that a signal ends.
 */
#include <errno.h>
#include <signal.h>

#include <milter/client.h>

#include "client-report.h"
#include "conformance-rules.h"
#include "frame-log.h"
#include "mta-conformance.h"
#include "print-events.h"
#include "replay-book.h"
#include "rules.h"
#include "tell-ready.h"
#include "test-client-options.h"
#include "tool-data.h"

typedef struct
{
  TestClientOptions options;
  Rules *rules;
  MilterEchoBook *book; /* (nullable) without --replay */
  FrameLog *log;
  guint64 n_sessions; /* that are over */
  bool served;        /* it has listened */
} Tool;

/* for the signal handler */
static MilterClient *client;

/* timeout(1) sends its signal twice, to us and to our process group */
#define SECOND_SIGNAL_US (500 * G_TIME_SPAN_MILLISECOND)

/* The first signal ends the program when its messages are over, a second one at once. SIGHUP, which
 * libmilter takes for SIGTERM, never is the second one: a terminal that goes away sends it on top of
 * others. */
static void
on_signal (int number)
{
  static _Atomic gint64 first_us;
  int errsv = errno;
  gint64 now_us = g_get_monotonic_time ();

  if (first_us == 0)
    first_us = now_us;
  else if (number != SIGHUP && now_us - first_us >= SECOND_SIGNAL_US)
    {
      signal (number, SIG_DFL);
      raise (number);
    }
  milter_client_shutdown (client);
  errno = errsv;
}

static void
handle_signals (void)
{
  static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
  struct sigaction inherited;

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    sigaddset (&action.sa_mask, numbers[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    /* nohup(1) wants it to be ignored */
    if (numbers[i] != SIGHUP || sigaction (SIGHUP, NULL, &inherited) != 0
        || inherited.sa_handler != SIG_IGN)
      sigaction (numbers[i], &action, NULL);
}

static void
on_listen_started (MilterClient *self, struct sockaddr *address, guint size, Tool *tool)
{
  tool->served = true;
  frame_log_set_address (tool->log, address, size);
  tell_ready (&tool->options, address);
}

/* in the thread that will serve it */
static void
on_connection_established (MilterClient *self, MilterClientContext *context, Tool *tool)
{
  gpointer watched = NULL;
  const MilterClientTap *watcher = frame_log_watch (tool->log, context, &watched);

  rules_attach (tool->rules, context, watcher, watched);
}

static void
on_sessions_finished (MilterClient *self, guint n_sessions, Tool *tool)
{
  tool->n_sessions += n_sessions;
  if (tool->options.n_sessions > 0 && tool->n_sessions >= tool->options.n_sessions)
    milter_client_shutdown (self);
}

static void
on_error (MilterClient *self, GError *error, Tool *tool)
{
  tool_error ("%s", error->message);
}

/* what no rule speaks of is answered by more than the library */
static bool
has_program (const TestClientOptions *options)
{
  return options->conformance_rules || options->mutant != NULL;
}

static bool
serve (Tool *tool)
{
  g_autoptr (GError) error = NULL;

  print_events_of (client, &tool->options);
  /* its handlers take the place of those that print */
  if (has_program (&tool->options))
    conformance_rules_serve (client);
  g_signal_connect (client, "listen-started", G_CALLBACK (on_listen_started), tool);
  g_signal_connect (
      client, "connection-established", G_CALLBACK (on_connection_established), tool);
  g_signal_connect (client, "sessions-finished", G_CALLBACK (on_sessions_finished), tool);
  g_signal_connect (client, "error", G_CALLBACK (on_error), tool);
  handle_signals ();

  if (milter_client_run (client, &error))
    return true;
  tool_error ("%s", error->message);
  return false;
}

/* what breaks a requirement stands before what keeps it */
static Rules *
open_rules (const TestClientOptions *options, ToolExit *status)
{
  g_autofree char *mutants = tool_data_find ("conformance/mutants");
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  g_auto (GStrv) ids = NULL;
  RulesSources sources = { .lines = (const char *const *) options->lines,
                           .variables = options->variables,
                           .has_program = has_program (options) };

  if (options->mutant != NULL)
    ids = g_strsplit (options->mutant, ",", /* max_tokens= */ -1);
  sources.mutants = (const char *const *) ids;
  for (char **path = options->paths; path != NULL && *path != NULL; path++)
    g_ptr_array_add (paths, *path);
  if (options->mutant != NULL)
    g_ptr_array_add (paths, mutants);
  g_ptr_array_add (paths, NULL);
  sources.paths = (const char *const *) paths->pdata;
  return rules_open (&sources, status);
}

static ToolExit
run_conformance (Tool *tool)
{
  handle_signals ();
  /* a connection that is gone is told by what fails on it */
  signal (SIGPIPE, SIG_IGN);
  return mta_conformance (&tool->options, client);
}

static ToolExit
run (Tool *tool)
{
  const TestClientOptions *options = &tool->options;
  g_autoptr (Report) report = client_report_open (options);
  ToolExit status = TOOL_EXIT_USAGE;

  if (report == NULL)
    return TOOL_EXIT_USAGE;
  tool->rules = open_rules (options, &status);
  if (tool->rules == NULL)
    return status;
  tool->book = replay_book_open (options, &status);
  if (status != TOOL_EXIT_OK)
    return status;
  rules_replay (tool->rules, tool->book);
  if (options->strict)
    rules_be_strict (tool->rules);
  tool->log = frame_log_new (options);
  if (tool->log == NULL)
    return TOOL_EXIT_USAGE;

  status = serve (tool) ? TOOL_EXIT_OK : TOOL_EXIT_USAGE;
  /* what could not begin is not judged; what could not clean up behind itself is */
  if (status != TOOL_EXIT_OK && !tool->served)
    return status;
  if (!frame_log_finish (tool->log))
    status = TOOL_EXIT_USAGE;
  rules_judge (tool->rules, report);
  if (tool->book != NULL)
    replay_book_judge (tool->book, report);
  return tool_exit_worse (status, client_report_close (report));
}

int
main (int argc, char **argv)
{
  Tool tool = { 0 };
  ToolExit status;

  tool_init (argv[0]);
  milter_init ();
  milter_client_init ();
  client = milter_client_new ();

  if (test_client_options_parse (&tool.options, client, argc, argv, &status))
    status = tool.options.conformance ? run_conformance (&tool) : run (&tool);

  frame_log_free (tool.log);
  rules_free (tool.rules);
  milter_echo_book_free (tool.book);
  test_client_options_clear (&tool.options);
  g_object_unref (client);
  milter_client_quit ();
  milter_quit ();
  return (int) (tool_flush_output () ? status : tool_exit_worse (status, TOOL_EXIT_USAGE));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.c: `milter-replay record`: a proxy between MTAs and a milter that writes down what passes.
 */
#include "record.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "milter-connection.h"
#include "record-options.h"
#include "record-proxy.h"
#include "record-socket.h"
#include "tool-console.h"
#include "tool-ready.h"
#include "tool-signals.h"

typedef struct
{
  RecordOptions options;
  GMainLoop *main_loop;
  MilterIoLoop *io_loop;
  RecordSocket *socket;
  RecordLog *log;
  RecordProxy *proxy;
  ToolSignals *signals;
} Recorder;

static void
on_signal (int number, gpointer data)
{
  g_main_loop_quit (((Recorder *) data)->main_loop);
}

static void
on_finished (gpointer data)
{
  g_main_loop_quit (((Recorder *) data)->main_loop);
}

/* two descriptors a connection: as many as we may have */
static void
raise_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
    return;
  limit.rlim_cur = limit.rlim_max;
  (void) setrlimit (RLIMIT_NOFILE, &limit);
}

/* where the recording is printed is no place for sentences */
static FILE *
choose_stream (const RecordOptions *options)
{
  return g_strcmp0 (options->output, "-") == 0 ? stderr : stdout;
}

static void
tell_ready (const Recorder *recorder)
{
  g_autofree char *spec
      = milter_connection_address_to_spec (record_socket_get_address (recorder->socket));
  FILE *out = choose_stream (&recorder->options);

  if (!recorder->options.quiet)
    fprintf (out, "listening on %s\n", spec);
  fflush (out);
  tool_ready_write (recorder->options.ready_fd, spec);
}

/* What passed is only what was recorded if it could be written. */
static void
tell_end (const Recorder *recorder, bool is_whole)
{
  guint n = record_proxy_get_n_connections (recorder->proxy);

  if (recorder->options.quiet)
    return;
  fprintf (choose_stream (&recorder->options),
           "%s %u connection%s: %" G_GUINT64_FORMAT " bytes of the MTA, %" G_GUINT64_FORMAT
           " of the milter%s\n",
           is_whole ? "recorded" : "passed on",
           n,
           n == 1 ? "" : "s",
           record_proxy_get_n_bytes (recorder->proxy, MILTER_SIDE_MTA),
           record_proxy_get_n_bytes (recorder->proxy, MILTER_SIDE_MILTER),
           is_whole ? "" : "; not all of it was recorded");
}

/* The recording comes last: what cannot be listened on leaves no file behind. */
static bool
open_all (Recorder *recorder, GError **error)
{
  const RecordOptions *options = &recorder->options;
  static const int signals[] = { SIGINT, SIGTERM, 0 };
  RecordProxySettings settings = { .milter = options->to,
                                   .max_connections = (guint) options->max_connections,
                                   .n_sessions = options->n_sessions,
                                   .timeout_us = options->timeout_us };
  RecordFile *file;

  recorder->io_loop = _milter_io_loop_new (/* context= */ NULL, error);
  if (recorder->io_loop == NULL)
    return false;
  recorder->socket
      = record_socket_open (options->listen, options->socket_mode, options->socket_group, error);
  if (recorder->socket == NULL)
    return false;
  file = record_file_open (options->output, options->existing, error);
  if (file == NULL)
    return false;
  recorder->log = record_log_new (file, options->kind);
  recorder->signals = tool_signals_watch (signals, on_signal, recorder, error);
  if (recorder->signals == NULL)
    return false;
  recorder->proxy = record_proxy_new (recorder->io_loop,
                                      record_socket_take_fd (recorder->socket),
                                      &settings,
                                      recorder->log,
                                      on_finished,
                                      recorder,
                                      error);
  return recorder->proxy != NULL;
}

static void
close_all (Recorder *recorder)
{
  tool_signals_free (recorder->signals);
  record_proxy_free (recorder->proxy);
  record_log_free (recorder->log);
  record_socket_free (recorder->socket);
  _milter_io_loop_free (recorder->io_loop);
  g_main_loop_unref (recorder->main_loop);
}

static ToolExit
record (Recorder *recorder)
{
  g_autoptr (GError) error = NULL;
  ToolExit status = TOOL_EXIT_OK;
  bool is_whole;

  if (!open_all (recorder, &error))
    {
      tool_usage_error ("%s", error->message);
      return TOOL_EXIT_USAGE;
    }
  /* there is nothing else to do that is urgent */
  _milter_io_loop_set_linger (recorder->io_loop, true);
  tell_ready (recorder);
  g_main_loop_run (recorder->main_loop);

  is_whole = record_log_finish (recorder->log);
  if (!is_whole)
    status = TOOL_EXIT_USAGE;
  tell_end (recorder, is_whole);
  if (record_proxy_get_n_unreached (recorder->proxy) > 0)
    status = tool_exit_worse (status, TOOL_EXIT_BROKEN);
  return status;
}

ToolExit
record_run (int argc, char **argv)
{
  Recorder recorder = { 0 };
  ToolExit status;

  recorder.main_loop = g_main_loop_new (/* context= */ NULL, /* is_running= */ FALSE);
  if (record_options_parse (&recorder.options, argc, argv, &status))
    {
      /* a reader that has gone is told as what it is */
      signal (SIGPIPE, SIG_IGN);
      /* and a limit on the size of files as a full disk */
      signal (SIGXFSZ, SIG_IGN);
      raise_limit ();
      status = record (&recorder);
    }
  close_all (&recorder);
  record_options_clear (&recorder.options);
  return status;
}

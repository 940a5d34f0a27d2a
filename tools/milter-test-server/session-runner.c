/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-runner.c: does what a player says.
 */
#include "session-runner.h"

#include <signal.h>

#include "milter-server-port-private.h"
#include "tool-console.h"
#include "tool-signals.h"
#include "tool-values.h"

typedef struct
{
  SessionRunner *runner;
  guint number;
  MilterServerPort *port; /* (nullable) */
} Peer;

struct _SessionRunner
{
  const GPtrArray *specs;
  MilterServerPortConfig config;
  char **names; /* of the milters of a chain: their numbers */
  gboolean *over_tcp;
  Peer *peers;
  MilterPlayer *player; /* (nullable) unowned: what is played now */
  GSource *clock;       /* wakes at the player's deadline */
  ToolSignals *signals; /* (nullable) */
  bool interrupted;
};

static void pump (SessionRunner *runner);

/* --- what comes ------------------------------------------------------------------------------- */

static void
on_ready (MilterServerPort *port, const GError *error, gpointer user_data)
{
  Peer *peer = user_data;

  milter_player_opened (peer->runner->player, peer->number, g_get_monotonic_time (), error);
  pump (peer->runner);
}

static void
on_message (MilterServerPort *port, const MilterMessage *message, gpointer user_data)
{
  Peer *peer = user_data;

  milter_player_received (peer->runner->player, peer->number, message, g_get_monotonic_time ());
}

/* only now: a second answer that came with the first one answers nothing that is sent next */
static void
on_settled (MilterServerPort *port, gpointer user_data)
{
  pump (((Peer *) user_data)->runner);
}

static void
on_garbage (MilterServerPort *port, const GError *error, MilterBytes head, gpointer user_data)
{
  Peer *peer = user_data;

  milter_player_received_garbage (
      peer->runner->player, peer->number, error, head, g_get_monotonic_time ());
}

static void
on_ended (MilterServerPort *port, gboolean reset, MilterBytes leftover, gpointer user_data)
{
  Peer *peer = user_data;

  milter_player_ended (
      peer->runner->player, peer->number, reset, leftover, g_get_monotonic_time ());
  pump (peer->runner);
}

static void
on_stalled (MilterServerPort *port, gpointer user_data)
{
  Peer *peer = user_data;
  g_autofree char *why = g_strdup_printf ("the milter did not read what was sent to it for %g s",
                                          peer->runner->config.writing_timeout);

  milter_player_cancel (peer->runner->player, MILTER_OUTCOME_BROKEN, why, g_get_monotonic_time ());
  pump (peer->runner);
}

static const MilterServerPortHandlers handlers = {
  .ready = on_ready,
  .message = on_message,
  .settled = on_settled,
  .garbage = on_garbage,
  .ended = on_ended,
  .stalled = on_stalled,
};

static void
on_interrupt (int signal_number, gpointer user_data)
{
  SessionRunner *runner = user_data;

  runner->interrupted = true;
  if (runner->player != NULL)
    {
      milter_player_cancel (
          runner->player, MILTER_OUTCOME_FAILED, "interrupted", g_get_monotonic_time ());
      pump (runner);
    }
}

/* --- what is to be done ----------------------------------------------------------------------- */

static void
close_peer (Peer *peer, bool reset)
{
  MilterServerPort *port = g_steal_pointer (&peer->port);

  if (port != NULL)
    _milter_server_port_close (port, reset);
}

static void
open_peer (Peer *peer)
{
  SessionRunner *runner = peer->runner;
  const char *spec = g_ptr_array_index (runner->specs, peer->number);
  g_autoptr (GError) error = NULL;

  close_peer (peer, /* reset= */ false);
  peer->port = _milter_server_port_new (spec, &runner->config, &handlers, peer, &error);
  if (peer->port == NULL)
    milter_player_opened (runner->player, peer->number, g_get_monotonic_time (), error);
}

/* Asks the player until it wants to wait, or is done. */
static void
pump (SessionRunner *runner)
{
  while (runner->player != NULL)
    {
      MilterPlayerAction action = { 0 };
      Peer *peer;

      milter_player_next (runner->player, g_get_monotonic_time (), &action);
      peer = &runner->peers[action.peer];
      switch (action.kind)
        {
        case MILTER_PLAYER_OPEN:
          open_peer (peer);
          break;
        case MILTER_PLAYER_SEND:
          if (peer->port != NULL)
            {
              _milter_server_port_send (peer->port, action.bytes);
              _milter_server_port_flush (peer->port);
            }
          break;
        case MILTER_PLAYER_RESET:
          close_peer (peer, /* reset= */ true);
          break;
        case MILTER_PLAYER_HALF_CLOSE:
          if (peer->port != NULL)
            _milter_server_port_half_close (peer->port);
          break;
        case MILTER_PLAYER_PAUSE_READING:
        case MILTER_PLAYER_RESUME_READING:
          if (peer->port != NULL)
            _milter_server_port_set_reading (peer->port,
                                                action.kind == MILTER_PLAYER_RESUME_READING);
          break;
        case MILTER_PLAYER_BARRIER:
          milter_player_pass_barrier (runner->player, g_get_monotonic_time ());
          break;
        case MILTER_PLAYER_CLOSE:
          close_peer (peer, /* reset= */ false);
          break;
        case MILTER_PLAYER_WAIT:
          g_source_set_ready_time (runner->clock,
                                   action.deadline_us == G_MAXINT64 ? -1 : action.deadline_us);
          return;
        case MILTER_PLAYER_DONE:
          runner->player = NULL;
          break;
        }
    }
}

static gboolean
on_clock (gpointer user_data)
{
  SessionRunner *runner = user_data;

  g_source_set_ready_time (runner->clock, -1);
  pump (runner);
  return G_SOURCE_CONTINUE;
}

static gboolean
clock_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs clock_funcs = { .dispatch = clock_dispatch };

/* --- from outside ----------------------------------------------------------------------------- */

SessionRunner *
session_runner_new (const GPtrArray *specs, double connection_timeout, double writing_timeout)
{
  SessionRunner *runner = g_new0 (SessionRunner, 1);
  g_autoptr (GError) error = NULL;

  runner->specs = specs;
  runner->config = (MilterServerPortConfig){
    .connection_timeout = connection_timeout,
    .writing_timeout = writing_timeout,
    .limits = { .max_payload = MILTER_LIMIT_FROM_MILTER },
  };
  runner->peers = g_new0 (Peer, specs->len);
  runner->names = g_new0 (char *, specs->len + 1);
  runner->over_tcp = g_new0 (gboolean, specs->len);
  for (guint i = 0; i < specs->len; i++)
    {
      runner->peers[i] = (Peer){ .runner = runner, .number = i };
      runner->names[i] = g_strdup_printf ("%u", i + 1);
      runner->over_tcp[i] = tool_spec_is_over_tcp (g_ptr_array_index (specs, i));
    }
  runner->clock = g_source_new (&clock_funcs, sizeof (GSource));
  g_source_set_callback (runner->clock, on_clock, runner, /* notify= */ NULL);
  g_source_attach (runner->clock, /* context= */ NULL);
  runner->signals = tool_signals_watch ((const int[]){ SIGINT, 0 }, on_interrupt, runner, &error);
  if (runner->signals == NULL)
    tool_error ("%s", error->message);
  /* a peer that is gone is told by the write that fails */
  signal (SIGPIPE, SIG_IGN);
  return runner;
}

void
session_runner_free (SessionRunner *runner)
{
  if (runner == NULL)
    return;
  for (guint i = 0; i < runner->specs->len; i++)
    close_peer (&runner->peers[i], /* reset= */ false);
  tool_signals_free (runner->signals);
  g_source_destroy (runner->clock);
  g_source_unref (runner->clock);
  g_strfreev (runner->names);
  g_free (runner->over_tcp);
  g_free (runner->peers);
  g_free (runner);
}

const char *const *
session_runner_get_names (const SessionRunner *runner)
{
  return runner->specs->len > 1 ? (const char *const *) runner->names : NULL;
}

const gboolean *
session_runner_get_over_tcp (const SessionRunner *runner)
{
  return runner->over_tcp;
}

gint64
session_runner_play (SessionRunner *runner, MilterPlayer *player)
{
  gint64 started_us = g_get_monotonic_time ();

  runner->player = player;
  pump (runner);
  while (runner->player != NULL)
    g_main_context_iteration (/* context= */ NULL, /* may_block= */ TRUE);
  g_source_set_ready_time (runner->clock, -1);
  for (guint i = 0; i < runner->specs->len; i++)
    close_peer (&runner->peers[i], /* reset= */ false);
  return g_get_monotonic_time () - started_us;
}

bool
session_runner_is_interrupted (const SessionRunner *runner)
{
  return runner->interrupted;
}

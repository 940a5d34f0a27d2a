/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-run.c: does what a player says.
 */
#include "session-run.h"

#include <string.h>

#include "milter-server-port-private.h"
#include "tool-source.h"

/* A process that dies closes its connections before it can be waited for, and writes its core first:
 * that long the end of a connection is kept back. */
#define MAX_DYING_US (30 * G_TIME_SPAN_SECOND)

typedef struct
{
  SessionRun *run;
  guint number;
  MilterServerPort *port; /* (nullable) */
} Peer;

/* an end of a connection that is told once it is known whether its milter has died */
typedef struct
{
  Peer *peer; /* NULL: none */
  gboolean reset;
  guint8 leftover[64];
  gsize leftover_size;
} KeptEnd;

struct _SessionRun
{
  MilterPlayer *player; /* (nullable) unowned; NULL: it is over */
  ToolChain *chain;     /* unowned */
  guint problems_told; /* the mark of those of the chain that are not our own, or were told */
  char *untold;        /* (nullable) problems that the player did not take */
  MilterServerPortConfig config;
  const SessionRunHandlers *handlers;
  gpointer user_data;
  Peer *peers;
  guint n_peers;
  GSource *clock; /* wakes at the player's deadline */
  KeptEnd kept;
  gint64 started_us, ended_us;
};

static void pump (SessionRun *run);
static void judge_kept_end (SessionRun *run);

/* --- what comes ------------------------------------------------------------------------------- */

static void
on_ready (MilterServerPort *port, const GError *error, gpointer user_data)
{
  Peer *peer = user_data;

  milter_player_opened (peer->run->player, peer->number, g_get_monotonic_time (), error);
  pump (peer->run);
}

static void
on_message (MilterServerPort *port, const MilterMessage *message, gpointer user_data)
{
  Peer *peer = user_data;

  milter_player_received (peer->run->player, peer->number, message, g_get_monotonic_time ());
}

/* only now: a second answer that came with the first one answers nothing that is sent next */
static void
on_settled (MilterServerPort *port, gpointer user_data)
{
  pump (((Peer *) user_data)->run);
}

static void
on_garbage (MilterServerPort *port, const GError *error, MilterBytes head, gpointer user_data)
{
  Peer *peer = user_data;

  milter_player_received_garbage (
      peer->run->player, peer->number, error, head, g_get_monotonic_time ());
}

static void
on_ended (MilterServerPort *port, gboolean reset, MilterBytes leftover, gpointer user_data)
{
  Peer *peer = user_data;
  SessionRun *run = peer->run;
  KeptEnd *kept = &run->kept;

  /* two at once: the first one is looked into already */
  if (kept->peer != NULL)
    {
      milter_player_ended (run->player, peer->number, reset, leftover, g_get_monotonic_time ());
      return;
    }
  kept->peer = peer;
  kept->reset = reset;
  kept->leftover_size = MIN (leftover.size, sizeof kept->leftover);
  if (kept->leftover_size > 0)
    memcpy (kept->leftover, leftover.data, kept->leftover_size);
  if (tool_chain_is_ending (run->chain, peer->number))
    tool_clock_set (run->clock, g_get_monotonic_time () + MAX_DYING_US);
  else
    judge_kept_end (run);
}

static void
on_stalled (MilterServerPort *port, gpointer user_data)
{
  Peer *peer = user_data;
  g_autofree char *why = g_strdup_printf ("the milter did not read what was sent to it for %g s",
                                          peer->run->config.writing_timeout);

  session_run_cancel (peer->run, MILTER_OUTCOME_BROKEN, why);
}

static const MilterServerPortHandlers port_handlers = {
  .ready = on_ready,
  .message = on_message,
  .settled = on_settled,
  .garbage = on_garbage,
  .ended = on_ended,
  .stalled = on_stalled,
};

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
  SessionRun *run = peer->run;
  const char *spec = tool_chain_get_spec (run->chain, peer->number);
  g_autoptr (GError) error = NULL;

  close_peer (peer, /* reset= */ false);
  peer->port = _milter_server_port_new (spec, &run->config, &port_handlers, peer, &error);
  if (peer->port == NULL)
    milter_player_opened (run->player, peer->number, g_get_monotonic_time (), error);
}

/* one connection is to be used as the action says; it may be gone */
static void
use_port (const MilterPlayerAction *action, MilterServerPort *port)
{
  if (port == NULL)
    return;
  if (action->kind == MILTER_PLAYER_SEND)
    {
      _milter_server_port_send (port, action->bytes);
      _milter_server_port_flush (port);
    }
  else if (action->kind == MILTER_PLAYER_HALF_CLOSE)
    _milter_server_port_half_close (port);
  else
    _milter_server_port_set_reading (port, action->kind == MILTER_PLAYER_RESUME_READING);
}

static void
finish (SessionRun *run)
{
  run->ended_us = g_get_monotonic_time ();
  run->player = NULL;
  run->kept.peer = NULL;
  tool_clock_set (run->clock, -1);
  for (guint i = 0; i < run->n_peers; i++)
    close_peer (&run->peers[i], /* reset= */ false);
  run->handlers->done (run, run->user_data);
}

/* Asks the player until it wants to wait, or is done. */
static void
pump (SessionRun *run)
{
  while (run->player != NULL && run->kept.peer == NULL)
    {
      MilterPlayerAction action = { 0 };
      Peer *peer;

      milter_player_next (run->player, g_get_monotonic_time (), &action);
      peer = &run->peers[action.peer];
      switch (action.kind)
        {
        case MILTER_PLAYER_OPEN:
          open_peer (peer);
          break;
        case MILTER_PLAYER_SEND:
        case MILTER_PLAYER_HALF_CLOSE:
        case MILTER_PLAYER_PAUSE_READING:
        case MILTER_PLAYER_RESUME_READING:
          use_port (&action, peer->port);
          break;
        case MILTER_PLAYER_RESET:
        case MILTER_PLAYER_CLOSE:
          close_peer (peer, action.kind == MILTER_PLAYER_RESET);
          break;
        case MILTER_PLAYER_BARRIER:
          run->handlers->barrier (run, action.barrier, run->user_data);
          break;
        case MILTER_PLAYER_WAIT:
          tool_clock_set (run->clock,
                          action.deadline_us == G_MAXINT64 ? -1 : action.deadline_us);
          return;
        case MILTER_PLAYER_DONE:
          finish (run);
          return;
        }
    }
}

/* tells the player of the end that was kept back */
static void
tell_kept_end (SessionRun *run)
{
  KeptEnd kept = run->kept;

  run->kept.peer = NULL;
  milter_player_ended (run->player,
                       kept.peer->number,
                       kept.reset,
                       milter_bytes (kept.leftover, kept.leftover_size),
                       g_get_monotonic_time ());
}

/* FALSE: a session that is as good as over takes no more failures; they are told beside it */
static bool
tell_problems (SessionRun *run, const char *problems)
{
  guint before = milter_player_get_failures (run->player)->len;

  milter_player_cancel (run->player, MILTER_OUTCOME_BROKEN, problems, g_get_monotonic_time ());
  if (milter_player_get_failures (run->player)->len > before)
    return true;
  run->untold = g_strdup (problems);
  return false;
}

static gboolean
on_clock (gpointer user_data)
{
  SessionRun *run = user_data;

  tool_clock_set (run->clock, -1);
  if (run->player != NULL && run->kept.peer != NULL)
    tell_kept_end (run);
  pump (run);
  return G_SOURCE_CONTINUE;
}

/* whether its milter has died is known now */
static void
judge_kept_end (SessionRun *run)
{
  g_autofree char *problems = session_run_take_problems (run);

  if (problems != NULL && tell_problems (run, problems))
    run->kept.peer = NULL;
  else
    tell_kept_end (run);
  pump (run);
}

void
session_run_chain_changed (SessionRun *run)
{
  if (run->player != NULL && run->kept.peer != NULL
      && !tool_chain_is_ending (run->chain, run->kept.peer->number))
    judge_kept_end (run);
}

/* --- from outside ----------------------------------------------------------------------------- */

SessionRun *
session_run_new (MilterPlayer *player,
                 ToolChain *chain,
                 double connection_timeout,
                 double writing_timeout,
                 bool delays_ack,
                 const SessionRunHandlers *handlers,
                 gpointer user_data)
{
  SessionRun *run = g_new0 (SessionRun, 1);

  run->player = player;
  run->chain = chain;
  run->config = (MilterServerPortConfig){
    .connection_timeout = connection_timeout,
    .writing_timeout = writing_timeout,
    .limits = { .max_payload = MILTER_LIMIT_FROM_MILTER },
    .delays_ack = delays_ack,
    .lingers = TRUE,
  };
  run->handlers = handlers;
  run->user_data = user_data;
  run->n_peers = tool_chain_get_n_links (chain);
  run->peers = g_new0 (Peer, run->n_peers);
  for (guint i = 0; i < run->n_peers; i++)
    run->peers[i] = (Peer){ .run = run, .number = i };
  run->clock = tool_clock_new (on_clock, run);
  return run;
}

void
session_run_free (SessionRun *run)
{
  if (run == NULL)
    return;
  for (guint i = 0; i < run->n_peers; i++)
    close_peer (&run->peers[i], /* reset= */ false);
  tool_source_free (run->clock);
  g_free (run->untold);
  g_free (run->peers);
  g_free (run);
}

void
session_run_start (SessionRun *run)
{
  run->started_us = g_get_monotonic_time ();
  run->problems_told = tool_chain_mark_problems (run->chain);
  pump (run);
}

void
session_run_pass_barrier (SessionRun *run)
{
  if (run->player == NULL)
    return;
  milter_player_pass_barrier (run->player, g_get_monotonic_time ());
  pump (run);
}

void
session_run_cancel (SessionRun *run, MilterOutcome outcome, const char *why)
{
  if (run->player == NULL)
    return;
  run->kept.peer = NULL;
  milter_player_cancel (run->player, outcome, why, g_get_monotonic_time ());
  pump (run);
}

char *
session_run_take_problems (SessionRun *run)
{
  char *problems = g_steal_pointer (&run->untold);

  if (problems == NULL)
    {
      problems = tool_chain_get_problems (run->chain, run->problems_told);
      run->problems_told = tool_chain_mark_problems (run->chain);
    }
  return problems;
}

gint64
session_run_get_elapsed_us (const SessionRun *run)
{
  return (run->ended_us != 0 ? run->ended_us : g_get_monotonic_time ()) - run->started_us;
}

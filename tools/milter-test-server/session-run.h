/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-run.h: one session that is played: does what its player says, with real connections and a
 * real clock. Many may run at once.
 */
#pragma once

#include <stdbool.h>

#include "milter-player.h"
#include "tool-chain.h"

G_BEGIN_DECLS

typedef struct _SessionRun SessionRun;

typedef struct
{
  /* The session is over: the player has its verdict. From the main loop or from within
   * session_run_start(); the run must not be freed here. */
  void (*done) (SessionRun *run, gpointer user_data);
  /* it waits at a barrier, until session_run_pass_barrier() or session_run_cancel() */
  void (*barrier) (SessionRun *run, const char *name, gpointer user_data);
} SessionRunHandlers;

/* The milters are those of @chain, which has to be ready; @player is not owned. Seconds, 0: none.
 * delays_ack: so that a milter that writes in small pieces shows over TCP. */
SessionRun *session_run_new (MilterPlayer *player,
                             ToolChain *chain,
                             double connection_timeout,
                             double writing_timeout,
                             bool delays_ack,
                             const SessionRunHandlers *handlers,
                             gpointer user_data);
/* closes its connections */
void session_run_free (SessionRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SessionRun, session_run_free)

void session_run_start (SessionRun *run);
void session_run_pass_barrier (SessionRun *run);
/* it ends now, for this reason */
void session_run_cancel (SessionRun *run, MilterOutcome outcome, const char *why);
/* something has happened to the chain: a milter of it may have died */
void session_run_chain_changed (SessionRun *run);
/* What went wrong with its milters while it ran and is in no failure of the player, one sentence a
 * line; NULL: nothing. (transfer full) */
char *session_run_take_problems (SessionRun *run);
/* how long it took so far, or in all */
gint64 session_run_get_elapsed_us (const SessionRun *run);

G_END_DECLS

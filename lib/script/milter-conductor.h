/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-conductor.h: which of several sessions may begin now (`--jobs`, `repeat`, `parallel`), and
 * who waits for whom (`barrier`). Sans-I/O as the player is.
 *
 * It knows sessions by what the caller starts them by, and makes no player: that is done when a
 * session begins, so that ten thousand of them need not be held in memory.
 */
#pragma once

#include "milter-scenario.h"

G_BEGIN_DECLS

typedef struct _MilterConductor MilterConductor;

/* @jobs: so many at once; the sessions of a group count as one and run at once, however many */
MilterConductor *milter_conductor_new (guint jobs);
void milter_conductor_free (MilterConductor *conductor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterConductor, milter_conductor_free)

/* Adds a session behind the others. @what: the caller's own (not NULL, another one for each call).
 * @round of `repeat session`, @copy of `parallel session`, from 1: a round begins when the one
 * before is over, the copies of a round run at once, with those of the same group that have this
 * round. The scenario must outlive the conductor. */
void milter_conductor_add (MilterConductor *conductor,
                           gpointer what,
                           const MilterScenario *scenario,
                           const MilterScenarioSession *session,
                           guint round,
                           guint copy);
/* the next session that may begin now, or NULL: none now (or none left) */
gpointer milter_conductor_start_next (MilterConductor *conductor);
/* a session that was started is over */
void milter_conductor_finished (MilterConductor *conductor, gpointer what);
/* all sessions are over */
gboolean milter_conductor_is_done (const MilterConductor *conductor);

/* a session waits at a barrier (MILTER_PLAYER_BARRIER) */
void milter_conductor_arrive (MilterConductor *conductor, gpointer what, const char *barrier);
/* Ask until it says NULL, after each of the two calls before: a session that waits no longer. It is
 * told milter_player_pass_barrier(); or, if @why is set (transfer full), what it waits for can
 * never come, milter_player_cancel() with this sentence. */
gpointer milter_conductor_pass_next (MilterConductor *conductor, char **why);

G_END_DECLS

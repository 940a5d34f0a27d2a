/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-runner.h: does what a player says, with real connections and a real clock.
 */
#pragma once

#include "milter-player.h"

G_BEGIN_DECLS

typedef struct _SessionRunner SessionRunner;

/* specs: of char, one for each peer; must outlive the runner. Seconds, 0: none */
SessionRunner *
session_runner_new (const GPtrArray *specs, double connection_timeout, double writing_timeout);
void session_runner_free (SessionRunner *runner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SessionRunner, session_runner_free)

/* what reports call the milters of a chain: their numbers, from 1; NULL if there is only one */
const char *const *session_runner_get_names (const SessionRunner *runner);

/* of each milter, whether TCP lies between, for MilterPlayerConfig */
const gboolean *session_runner_get_over_tcp (const SessionRunner *runner);

/* Plays until the session is over; returns how long it took. */
gint64 session_runner_play (SessionRunner *runner, MilterPlayer *player);
/* SIGINT has come: the session was ended, nothing more should be begun */
bool session_runner_is_interrupted (const SessionRunner *runner);

G_END_DECLS

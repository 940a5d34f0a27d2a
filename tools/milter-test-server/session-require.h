/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-require.h: `require` lines that this machine, or the probe of a milter, decides.
 */
#pragma once

#include "milter-scenario.h"

G_BEGIN_DECLS

/* Why a session cannot be played here; NULL: it can. What only the milter's answer decides is left to
 * the player. @probes: (nullable) see run_all_set_probes() (transfer full) */
char *session_require_check (const MilterScenario *scenario,
                             const MilterScenarioSession *session,
                             GHashTable *probes);

G_END_DECLS

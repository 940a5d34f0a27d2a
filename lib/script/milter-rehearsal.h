/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-rehearsal.h: a scenario played in memory, against a milter that answers as a recorded one did.
 *
 * Tells whether the scenario says what the recording said, and holds, before anybody gets to see it; and
 * which macros an MTA would send by itself.
 */
#pragma once

#include "milter-exchange.h"

G_BEGIN_DECLS

/**
 * MilterRehearsal:
 * @held: the player said to the milter what was recorded, all of it, and judged the answers as right
 * @why: (nullable) what was not so
 * @macros: for each exchange packed names and values of the macros that went with it, as #GBytes
 *
 * What came of it.
 */
typedef struct
{
  bool held;
  char *why;
  GPtrArray *macros;
} MilterRehearsal;

/* @session: of @scenario. Macros are not compared. */
MilterRehearsal *milter_rehearsal_run (const MilterScenario *scenario,
                                       const MilterScenarioSession *session,
                                       const MilterExchanges *exchanges);
void milter_rehearsal_free (MilterRehearsal *rehearsal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterRehearsal, milter_rehearsal_free)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run-all.h: plays the sessions of all files: several at once, each with the milters of its file.
 */
#pragma once

#include "report.h"
#include "server-options.h"
#include "tool-chain.h"

G_BEGIN_DECLS

typedef struct _RunAll RunAll;

/* Both have to outlive the run. */
RunAll *run_all_new (const ServerOptions *options, Report *report);
void run_all_free (RunAll *all);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RunAll, run_all_free)

/* Adds a file's sessions behind the others. @chain: the milters that they speak with; if it is the
 * file's @own, they are ended with its last session, else with the last of the run. Both have to
 * outlive the run. */
void
run_all_add (RunAll *all, const MilterScenario *scenario, ToolChain *chain, bool own);
/* one session of it, with its rounds and copies */
void run_all_add_session (RunAll *all,
                          const MilterScenario *scenario,
                          const MilterScenarioSession *session,
                          ToolChain *chain);
/* What `require probe NAME` finds: the name, and a sentence that says why not; "" if it is there.
 * Without these nothing is. To outlive the run. */
void run_all_set_probes (RunAll *all, GHashTable *probes);
/* A milter may answer the QUIT that nobody wrote: see MilterPlayerConfig. */
void run_all_let_answer_quit (RunAll *all);
/* The milters are not ended with the run: another one follows. */
void run_all_keep_milters (RunAll *all);
/* Plays until all is over, the milters are ended, and all is reported. */
void run_all_play (RunAll *all);
/* a signal has ended it early */
bool run_all_is_interrupted (const RunAll *all);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rules.h: answers MTAs by the rules of scenarios, and judges them by their `expect` lines.
 *
 *   Rules *rules = rules_open (&sources, &status);
 *
 *   rules_attach (rules, context, NULL, NULL);   in "connection-established", any thread
 *
 *   rules_judge (rules, report);                 milter_client_run() has returned
 *   status = report_get_status (report);
 *   rules_free (rules);
 */
#pragma once

#include <milter/client.h>

#include "milter-client-tap-private.h"
#include "milter-echo-book.h"
#include "report.h"

G_BEGIN_DECLS

typedef struct _Rules Rules;

typedef struct
{
  const char *const *paths; /* (nullable) files, and folders of scenarios */
  const char *const *lines; /* (nullable) of -e */
  GHashTable *variables;    /* (nullable) of -D: char * to GBytes */
  const char *const *mutants; /* (nullable) whose rules speak; those of other mutants do not */
  bool has_program;         /* what no rule speaks of is answered by handlers of the program */
} RulesSources;

/* Reads the rules of files, of the scenarios in folders, and of `-e` lines, in this order. With no source
 * at all the rules answer nothing and expect nothing. NULL: what is wrong has been told, and the program ends with @status:
 * TOOL_EXIT_USAGE, or TOOL_EXIT_SKIPPED if `require` left nothing over. */
Rules *rules_open (const RulesSources *sources, ToolExit *status);
/* Those of one case of the conformance suite for MTAs; whatever an MTA does against the protocol counts, and
 * is told by the judge alone. @scenario: lives longer */
Rules *rules_new_for_case (const MilterScenario *scenario, const MilterScenarioCase *entry);
void rules_free (Rules *rules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Rules, rules_free)

/* `--strict`: whatever an MTA does that the protocol does not allow is told on stderr when it comes,
 * and makes the run broken. Before the first rules_attach() */
void rules_be_strict (Rules *rules);

/* `--replay`: answers are those of a recording. @book lives longer. Before the first rules_attach() */
void rules_replay (Rules *rules, MilterEchoBook *book);

/* The context answers by the rules; in its thread, before its first byte is read. It takes the
 * context's tap. @watcher: (nullable) sees what passes, and the end, too; its `command` is not asked. */
void rules_attach (Rules *rules,
                   MilterClientContext *context,
                   const MilterClientTap *watcher,
                   gpointer watcher_data);

/* Whose a client is, by its helo: other rules, or NULL: these. @watcher_data: of rules_attach() */
typedef Rules *(*RulesChooser) (const char *helo, gpointer watcher_data);
/* Of rules_new_for_case(): each connection is asked about when its client says helo. Before the first
 * rules_attach() */
void rules_choose_by_helo (Rules *rules, RulesChooser choose);

/* A case for each `expect` line, and for each MTA that broke the protocol. All connections are over. */
void rules_judge (Rules *rules, Report *report);
/* The same as failures of one case. */
void rules_judge_case (Rules *rules, ReportCase *report_case);

G_END_DECLS

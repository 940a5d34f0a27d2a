/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-suite.h: the cases of the conformance suite, for milters or for MTAs, from its files.
 */
#pragma once

#include "milter-scenario.h"
#include "report.h"

G_BEGIN_DECLS

/* what the command line says of it; all unowned */
typedef struct
{
  MilterScenarioUse use;       /* SESSIONS: of milters; RULES: of MTAs */
  bool list;                   /* the requirements are printed, nothing is played */
  char *const *paths;          /* (nullable) other files instead */
  GHashTable *variables;       /* -D: of char to GBytes */
  const GPtrArray *deviations; /* of char: files of known deviations, or names of those that come along */
  const char *filter;          /* (nullable) */
} ConformanceSource;

/* one requirement, and what tests it */
typedef struct
{
  const MilterScenarioCase *entry;
  const MilterScenario *scenario;
  GPtrArray *sessions; /* of MilterScenarioSession, unowned; of MTAs none */
  char *group;         /* what stands before the dash */
  const char *title;   /* of the group */
  char *deviation;     /* (nullable) why it is known not to hold */
} ConformanceCase;

typedef struct
{
  GPtrArray *scenarios;             /* of MilterScenario */
  GPtrArray *cases;                 /* of ConformanceCase: by group, then by number */
  GHashTable *by_id;                /* of char * to ConformanceCase, unowned */
  const MilterScenario *probe;      /* probe.scenario: what the milter, or the MTA, can */
  const MilterScenario *good;       /* good.scenario: a message that has to pass at any time; of MTAs NULL */
} ConformanceSuite;

typedef ToolExit (*ConformancePlay) (const ConformanceSuite *suite, gconstpointer user_data);

/* Reads the suite's files, or those of the command line, and --deviations; --filter leaves cases out.
 * Then the requirements are listed on the standard output, a line each, or @play has the suite. If something
 * is wrong that has been told. */
ToolExit
conformance_suite_use (const ConformanceSource *source, ConformancePlay play, gconstpointer user_data);

/* a case of the report for the requirement, with its known deviation */
ReportCase *conformance_case_add_to (const ConformanceCase *entry, Report *report);

/* --- conformance-deviations.c */

/* Of a file of `ID REASON` lines, or one that comes along, called by its name. False: what is wrong has
 * been told. @take: false if there is no such requirement */
bool conformance_deviations_read (const char *file,
                                  bool (*take) (const char *id, const char *reason, gpointer data),
                                  gpointer data);

G_END_DECLS

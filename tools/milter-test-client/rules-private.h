/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rules-private.h: what the files of the rules share.
 *
 * rules-read.c reads the sources, rules-speaker.c answers on one connection, rules-judge.c tells what
 * became of it.
 */
#pragma once

#include <pthread.h>

#include "milter-echo.h"
#include "milter-responder.h"
#include "rules.h"

G_BEGIN_DECLS

struct _Rules
{
  GPtrArray *scenarios;  /* of MilterScenario, in order */
  GHashTable *lines;     /* of MilterRule that judge to char *: the line as it stands in its file */
  MilterRuleBook *book;  /* (nullable) NULL: there is no source */
  MilterEchoBook *echoes; /* unowned (nullable) answers of a recording, instead of rules */
  bool strict;
  RulesChooser choose;   /* (nullable) */
  bool silent;           /* what is wrong is told when it is judged, not when it comes */
  bool has_program;
  pthread_mutex_t lock;  /* several threads serve */
  GPtrArray *violations; /* of Violation */
};

/* what an MTA did wrong on one connection */
typedef struct
{
  char *who;
  GString *sentences; /* one a line */
} Violation;

/* (transfer full) where a connection comes from */
char *rules_name_connection (MilterClientContext *context);
/* Takes it; any thread. */
void rules_add_violation (Rules *rules, Violation *violation);
void rules_violation_free (gpointer violation);

/* --- rules-read.c --- */
/* Fills in scenarios and lines; false: what is wrong has been told. */
bool rules_read (Rules *rules, const RulesSources *sources, ToolExit *status);

G_END_DECLS

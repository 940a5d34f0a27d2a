/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-options.h: the command line of `milter-replay compare`.
 */
#pragma once

#include "milter-compare.h"
#include "tool-console.h"
#include "tool-exit.h"

G_BEGIN_DECLS

typedef struct
{
  char **paths; /* two of them */
  MilterCompareRules *rules;
  GPtrArray *reports; /* of char: FORMAT:FILE */
  gboolean json;
  gboolean quiet;
  gboolean verbose;
  ToolColor color;
} CompareOptions;

/* false: the program ends with @status; what is to be said has been said */
bool compare_options_parse (CompareOptions *options, int argc, char **argv, ToolExit *status);
void compare_options_clear (CompareOptions *options);

/* The rules as a part of --help: a line each (transfer full). */
char *compare_options_describe_rules (void);

G_END_DECLS

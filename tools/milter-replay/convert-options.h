/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-options.h: the command line of `milter-replay convert`.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "convert-format.h"
#include "milter-compare.h"
#include "milter-profile-private.h"
#include "tool-exit.h"

G_BEGIN_DECLS

struct _ConvertOptions
{
  char **paths; /* at least one */
  char *output; /* (nullable) `-` for the standard output */
  char *split;  /* (nullable) a folder: one file a session; one of the two is given */
  char *to;     /* (nullable) as it was written */
  char *mta;    /* (nullable) as it was written */
  MilterCompareRules *ignored; /* (nullable) what a scenario does not expect */
  gboolean force;
  gboolean anonymize;
  char *anonymize_key; /* (nullable) a file; anonymizes, too */

  const ConvertFormat *format;
  const MilterProfile *profile; /* (nullable) the MTA of a scenario; else it is found out */
};

/* false: the program ends with @status; what is to be said has been said */
bool convert_options_parse (ConvertOptions *options, int argc, char **argv, ToolExit *status);
void convert_options_clear (ConvertOptions *options);

G_END_DECLS

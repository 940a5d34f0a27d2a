/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-options.h: the command line of `milter-replay show`.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "recording-filter.h"
#include "tool-exit.h"

G_BEGIN_DECLS

typedef struct
{
  char **paths; /* at least one */
  gboolean json;
  gboolean summary;
  char **conditions;       /* (nullable) of --filter, as written */
  RecordingFilter *filter; /* (nullable) … and read */
} ShowOptions;

/* false: the program ends with @status; what is to be said has been said */
bool show_options_parse (ShowOptions *options, int argc, char **argv, ToolExit *status);
void show_options_clear (ShowOptions *options);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-options.h: the command line of `milter-replay replay`.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "milter-compare.h"
#include "recording-filter.h"
#include "tool-console.h"
#include "tool-exit.h"

G_BEGIN_DECLS

/* --loop without a number */
#define REPLAY_FOR_EVER G_MAXUINT

typedef struct
{
  char **paths; /* at least one */
  char **conditions;
  RecordingFilter *filter; /* (nullable) of these */
  char *spec;   /* (nullable) where the milter listens; else … */
  char *spawn;  /* … the command that starts it */
  gint64 spawn_timeout_us, spawn_grace_us;
  gboolean keep_folder;
  double speed;      /* times as fast as recorded; 0: as fast as can be */
  guint connections; /* at once; 0: as many as were recorded */
  guint rounds;      /* 1, or REPLAY_FOR_EVER */
  gint64 timeout_us, connection_timeout_us, writing_timeout_us;
  MilterCompareRules *rules;
  gboolean heeds_latency; /* they tell how long answers took */
  GPtrArray *reports;     /* of char *: FORMAT:FILE */
  gboolean json, verbose, quiet;
  ToolColor color;
} ReplayOptions;

/* false: the program ends with @status; what is to be said has been said */
bool replay_options_parse (ReplayOptions *options, int argc, char **argv, ToolExit *status);
void replay_options_clear (ReplayOptions *options);

G_END_DECLS

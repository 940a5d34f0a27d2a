/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-options.h: the command line of `milter-replay record`.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "milter-connection-spec.h"
#include "record-log.h"
#include "tool-exit.h"

G_BEGIN_DECLS

typedef struct
{
  MilterConnectionSpec *listen, *to;
  guint socket_mode;
  char *socket_group; /* (nullable) */

  char *output;
  RecordLogKind kind;
  RecordFileExisting existing;

  guint64 max_connections;
  guint64 n_sessions; /* 0: any number */
  gint64 timeout_us;  /* 0: never */
  int ready_fd;       /* -1: none */
  gboolean quiet;
} RecordOptions;

/* false: the program ends with @status; what is to be said has been said */
bool record_options_parse (RecordOptions *options, int argc, char **argv, ToolExit *status);
void record_options_clear (RecordOptions *options);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-options.h: the command line of milter-test-client.
 */
#pragma once

#include <glib.h>

#include "tool-console.h"
#include "tool-exit.h"

typedef struct
{
  char *spec; /* (nullable): the library's default */
  guint n_workers;
  guint64 n_sessions; /* to end after; 0: never */
  guint64 n_seen;
  guint unix_socket_mode; /* 0: the default */
  char *unix_socket_group;
  ToolColor color;
  gboolean quiet;
  gboolean verbose;
} TestClientOptions;

/* false: the program ends with @status; what is to be said has been said */
bool
test_client_options_parse (TestClientOptions *options, int argc, char **argv, ToolExit *status);
void test_client_options_clear (TestClientOptions *options);

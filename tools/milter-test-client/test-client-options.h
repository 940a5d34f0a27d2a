/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-options.h: the command line of milter-test-client.
 */
#pragma once

#include <glib.h>
#include <milter/client.h>

#include "tool-console.h"
#include "tool-exit.h"

G_BEGIN_DECLS

/* what is printed on the standard output */
typedef enum
{
  TEST_CLIENT_PRINTS_EVENTS,
  TEST_CLIENT_PRINTS_JSON,
  TEST_CLIENT_PRINTS_TRACE,
  TEST_CLIENT_PRINTS_REPORT, /* when all is over; nothing before */
  TEST_CLIENT_PRINTS_NOTHING /* but where it listens */
} TestClientPrints;

typedef struct
{
  /* what it shows */
  TestClientPrints prints;
  char *trace; /* (nullable) the file of --trace; `-` is the standard output */
  gboolean json, quiet, verbose;
  ToolColor color;

  /* how long it runs */
  guint64 n_sessions; /* to end after; 0: never */
  int ready_fd;       /* where it tells that it listens; -1: nowhere */

  /* how it answers, and judges */
  char **paths;          /* (nullable) files and folders of rules */
  char **lines;          /* (nullable) of -e */
  GHashTable *variables; /* of -D: char * to GBytes */
  char **replay;         /* (nullable) recordings to answer from, instead of rules */
  gboolean loop;         /* … again and again */
  char **reports;        /* (nullable) FORMAT:FILE */
  gboolean strict;
  gboolean conformance_rules;

  /* how it judges by the conformance suite */
  gboolean conformance, list, slow;
  char *smtp;               /* (nullable) where the MTA listens */
  char *delivery;           /* (nullable) where we listen for what it delivers */
  char *mta;                /* (nullable) which one it is */
  char *filter;             /* (nullable) */
  GPtrArray *deviations;    /* of char: files, or names of those that come along */
  gint64 smtp_timeout_us;
  char *mutant; /* (nullable) the requirements that are broken, parted by commas */
} TestClientOptions;

/* Options of every milter are set in @client. false: the program ends with @status; what is to be said
 * has been said. */
bool test_client_options_parse (TestClientOptions *options,
                                MilterClient *client,
                                int argc,
                                char **argv,
                                ToolExit *status);
void test_client_options_clear (TestClientOptions *options);

G_END_DECLS

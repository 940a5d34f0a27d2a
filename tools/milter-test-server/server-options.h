/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-options.h: the command line of milter-test-server.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "milter-profile-private.h"
#include "tool-console.h"
#include "tool-exit.h"

G_BEGIN_DECLS

/* --lint: what it means if an answer breaks a rule of the protocol */
typedef enum
{
  SERVER_LINT_WARN,
  SERVER_LINT_ERROR,
  SERVER_LINT_OFF
} ServerLint;

/* one --…-macro */
typedef struct
{
  guint8 command; /* before which command it travels */
  char *name;     /* as on the wire: `j`, `{mail_addr}` */
  char *value;
} ServerMacro;

/* -s or --spawn: a link of the chain */
typedef struct
{
  char *text;      /* where it listens, or the command that starts it */
  bool is_command;
} ServerMilter;

typedef struct
{
  /* for every run */
  GPtrArray *milters;           /* of ServerMilter, in the order of the command line */
  gint64 spawn_timeout_us;      /* how long a milter that we start may take to negotiate */
  gint64 spawn_grace_us;        /* how long it may take to end */
  bool keep_folder;             /* its temporary folder stays */
  char *init;                   /* (nullable) write a first scenario for this command */
  char **paths;                 /* (nullable) scenario files and folders */
  const MilterProfile *profile; /* (nullable) --mta */
  ServerLint lint;
  ToolColor color;
  bool verbose, quiet, version_wanted;
  bool json; /* each frame on stdout, and the report json */
  GPtrArray *reports; /* of char: FORMAT:FILE */
  gint64 timeout_us; /* --timeout; -1: not given */
  gint64 connection_timeout_us;
  gint64 writing_timeout_us;
  gint64 reading_timeout_us;        /* of the plain run */
  gint64 end_of_message_timeout_us; /* of the plain run */

  /* of the run with scenarios */
  const char *scenario_option; /* (nullable) an option that was given and belongs to it alone */
  char *filter;                /* (nullable) */
  GHashTable *variables;       /* -D: of char to GBytes */
  guint jobs; /* 0: not given */
  bool list, fail_fast, format, update;
  bool conformance;      /* the suite's cases instead of sessions */
  bool slow, strict;     /* of it */
  GPtrArray *deviations; /* of char: files of known deviations, or names of those that come along */

  /* of the plain run: one message */
  const char *plain_option; /* (nullable) an option that was given and belongs to it alone */
  char *name;
  guint version;
  char *connect_host;
  char *connect_address; /* as `connect` of a scenario takes it */
  guint16 connect_port;
  char *helo_fqdn;
  char *envelope_from;   /* with brackets */
  GPtrArray *recipients; /* of char, with brackets */
  char *unknown;         /* (nullable) */
  GPtrArray *macros;     /* of ServerMacro */
  MilterMail *mail;      /* headers and body */
  bool has_body;         /* some option gave it */
  bool output_message;
  guint threads; /* connections at once; 0: one */
  char *save_message; /* (nullable) path */
} ServerOptions;

/* Reads the command line. NULL: the program ends with @status, all has been said. */
ServerOptions *server_options_parse (int argc, char **argv, ToolExit *status);
void server_options_free (ServerOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ServerOptions, server_options_free)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-options-private.h: how the tables of options are written.
 *
 * An option is one row: the parser, --help and what a run allows are made of it.
 */
#pragma once

#include "server-options.h"

G_BEGIN_DECLS

typedef struct _ServerOptionRow ServerOptionRow;

/* @value: NULL for an option without one */
typedef bool (*ServerOptionSet) (ServerOptions *options,
                                 const ServerOptionRow *row,
                                 const char *value,
                                 GError **error);

typedef enum
{
  SERVER_OPTION_SHOWN,
  SERVER_OPTION_HIDDEN /* works, and is not in --help */
} ServerOptionShow;

struct _ServerOptionRow
{
  const char *name;
  char letter; /* 0: none */
  const char *hint; /* what its value is called; NULL: it has none */
  ServerOptionSet set;
  const char *text; /* for --help */
  gsize offset;     /* of the member that server_option_set_… sets */
  guint8 command;   /* of a macro's option: before which command it travels */
  const char *macro; /* … and its name, if the option says it */
  ServerOptionShow show;
  bool optional; /* its value may be missing */
};

/* which runs an option belongs to */
typedef enum
{
  SERVER_RUN_ANY,
  SERVER_RUN_PLAIN,    /* without a scenario */
  SERVER_RUN_SCENARIOS /* with one */
} ServerRun;

typedef struct
{
  ServerRun run;
  const ServerOptionRow *rows;
  gsize n_rows;
} ServerOptionTable;

extern const ServerOptionTable server_options_common;
extern const ServerOptionTable server_options_plain;
extern const ServerOptionTable server_options_scenarios;

/* FALSE, with the sentence */
bool server_option_refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* the member at the row's offset: a text, TRUE, a duration in microseconds */
bool server_option_set_text (ServerOptions *options,
                             const ServerOptionRow *row,
                             const char *value,
                             GError **error);
bool server_option_set_flag (ServerOptions *options,
                             const ServerOptionRow *row,
                             const char *value,
                             GError **error);
bool server_option_set_duration (ServerOptions *options,
                                 const ServerOptionRow *row,
                                 const char *value,
                                 GError **error);

/* what is left of the plain run's message when all options are read */
void server_options_complete_message (ServerOptions *options);
void server_macro_free (ServerMacro *macro);

G_END_DECLS

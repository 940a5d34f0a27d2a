/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-options-common.c: options of every run, with and without a scenario.
 */
#include "server-options-private.h"

#include <string.h>

#include "milter-connection-spec.h"
#include "tool-values.h"

static void
add_milter (ServerOptions *options, const char *text, bool is_command)
{
  ServerMilter *milter = g_new0 (ServerMilter, 1);

  milter->text = g_strdup (text);
  milter->is_command = is_command;
  g_ptr_array_add (options->milters, milter);
}

static bool
add_spec (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  g_autoptr (MilterConnectionSpec) spec = milter_connection_spec_parse (value, error);

  if (spec == NULL)
    return false;
  add_milter (options, value, /* is_command= */ false);
  return true;
}

/* the words are made where it is known what $socket is */
static bool
add_command (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  if (!g_shell_parse_argv (value, /* argcp= */ NULL, /* argvp= */ NULL, error))
    return false;
  add_milter (options, value, /* is_command= */ true);
  return true;
}

static bool
set_profile (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);
  const MilterProfile *rows;
  gsize n;

  options->profile = milter_profile_get (value);
  if (options->profile != NULL)
    return true;
  rows = milter_profile_list (&n);
  for (gsize i = 0; i < n; i++)
    g_string_append_printf (known, "%s%s", i > 0 ? ", " : "", rows[i].name);
  return server_option_refuse (
      error, "there is no MTA called \"%s\"; there are: %s", value, known->str);
}

static const char *const lint_words[] = {
  [SERVER_LINT_WARN] = "warn",
  [SERVER_LINT_ERROR] = "error",
  [SERVER_LINT_OFF] = "off",
};

static bool
set_lint (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (lint_words); i++)
    if (strcmp (value, lint_words[i]) == 0)
      {
        options->lint = (ServerLint) i;
        return true;
      }
  return server_option_refuse (error, "\"%s\" is none of warn, error, off", value);
}

static bool
set_color (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  if (value == NULL)
    value = "yes";
  return tool_color_from_string (value, &options->color)
         || server_option_refuse (
             error, "\"%s\" is none of auto, always, never, yes, no, true, false", value);
}

/* for every answer, the last one of a plain run's message included */
static bool
set_timeout (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  if (!tool_parse_duration (value, &options->timeout_us, error))
    return false;
  options->reading_timeout_us = options->timeout_us;
  options->end_of_message_timeout_us = options->timeout_us;
  return true;
}

static bool
set_all_timeouts (ServerOptions *options,
                  const ServerOptionRow *row,
                  const char *value,
                  GError **error)
{
  if (!set_timeout (options, row, value, error))
    return false;
  options->connection_timeout_us = options->timeout_us;
  options->writing_timeout_us = options->timeout_us;
  return true;
}

/* the files are opened when all options are read, so that a slip behind them leaves them alone */
static bool
add_report (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  g_ptr_array_add (options->reports, g_strdup (value));
  return true;
}

#define MEMBER(name) G_STRUCT_OFFSET (ServerOptions, name)

/* clang-format off */
static const ServerOptionRow rows[] = {
  { "connection-spec", 's', "SPEC", add_spec, "the milter; several make a chain" },
  { "spawn", 0, "COMMAND", add_command, "a milter to start; in it, $socket is where it shall listen" },
  { "spawn-timeout", 0, "TIME", server_option_set_duration, "how long it may take to be ready (30s)",
    MEMBER (spawn_timeout_us) },
  { "spawn-grace", 0, "TIME", server_option_set_duration, "how long it may take to end (6s)", MEMBER (spawn_grace_us) },
  { "spawn-keep", 0, NULL, server_option_set_flag, "keep its temporary folder", MEMBER (keep_folder) },
  { "mta", 0, "NAME", set_profile, "the MTA that is played: postfix, postfix-3.12, postfix-local, sendmail, plain or exact" },
  { "init", 0, "COMMAND", server_option_set_text, "start this milter, and write a first scenario for it to stdout",
    MEMBER (init) },
  { "timeout", 0, "TIME", set_timeout, "how long to wait for an answer (30s)" },
  { "connection-timeout", 0, "TIME", server_option_set_duration, "how long to wait for the connection (300s)",
    MEMBER (connection_timeout_us) },
  { "writing-timeout", 0, "TIME", server_option_set_duration,
    "how long the milter may leave what was sent unread (10s)", MEMBER (writing_timeout_us) },
  { "all-timeouts", 0, "TIME", set_all_timeouts, "all time limits" },
  { "report", 0, "FORMAT:FILE", add_report, "a report: text, junit, tap, json or (with --conformance) html, - is stdout; may be repeated" },
  { "json", 0, NULL, server_option_set_flag, "show each frame on stdout as a JSON object on a line, and the report json",
    MEMBER (json) },
  { "lint", 0, "MODE", set_lint, "answers that break a rule of the protocol: warn (default), error or off" },
  { "color", 0, "WHEN", set_color, "colours: auto, always, never, yes or no", .optional = true },
  { "verbose", 'v', NULL, server_option_set_flag, "show what is said, > to the milter and < from it", MEMBER (verbose) },
  { "quiet", 'q', NULL, server_option_set_flag, "show what went wrong only", MEMBER (quiet) },
  { "version", 0, NULL, server_option_set_flag, "show the version and end", MEMBER (version_wanted) },
};
/* clang-format on */

const ServerOptionTable server_options_common = { SERVER_RUN_ANY, rows, G_N_ELEMENTS (rows) };

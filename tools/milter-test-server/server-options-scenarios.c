/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-options-scenarios.c: options of the run with scenarios: which sessions, with what, how.
 */
#include "server-options-private.h"

#include <string.h>

#include "milter-scenario.h"
#include "tool-values.h"

/* more at once than this is a load test */
#define MAX_JOBS 1000

static bool
set_keep_going (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  options->fail_fast = false;
  return true;
}

static bool
set_jobs (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  guint64 number;

  if (!tool_parse_number (value, 1, MAX_JOBS, &number, error))
    return false;
  options->jobs = (guint) number;
  return true;
}

static bool
add_variable (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  gsize size = strcspn (value, "=");
  g_autofree char *name = g_strndup (value, size);

  if (value[size] != '=')
    return server_option_refuse (error, "\"%s\" is not NAME=VALUE", value);
  if (!milter_scenario_may_set_variable (name))
    return server_option_refuse (
        error,
        "\"%s\" is not NAME=VALUE: NAME is of letters, digits and _, and none of the language's own, "
        "as dir or socket",
        value);
  g_hash_table_replace (options->variables,
                        g_steal_pointer (&name),
                        g_bytes_new (value + size + 1, strlen (value + size + 1)));
  return true;
}

static bool
add_deviations (ServerOptions *options, const ServerOptionRow *row, const char *value, GError **error)
{
  g_ptr_array_add (options->deviations, g_strdup (value));
  return true;
}

#define MEMBER(name) G_STRUCT_OFFSET (ServerOptions, name)

/* clang-format off */
static const ServerOptionRow rows[] = {
  { "filter", 0, "PATTERN", server_option_set_text,
    "only the sessions whose \"FILE: NAME\" holds PATTERN, or matches it if it has a * or ?", MEMBER (filter) },
  { "list", 0, NULL, server_option_set_flag, "show which sessions there are, and play none", MEMBER (list) },
  { "format", 0, NULL, server_option_set_flag, "print one scenario in its canonical form, and play nothing",
    MEMBER (format) },
  { "define", 'D', "NAME=VALUE", add_variable, "a variable of the scenarios, wins over let; may be repeated" },
  { "jobs", 0, "N", set_jobs, "so many sessions at once (1)" },
  { "keep-going", 0, NULL, set_keep_going, "play all sessions, also behind one that failed (this is the default)" },
  { "fail-fast", 0, NULL, server_option_set_flag, "begin no session any more when one has failed", MEMBER (fail_fast) },
  { "conformance", 0, NULL, server_option_set_flag,
    "test the milter against the requirements of the protocol; scenarios are the suite's own if none are given",
    MEMBER (conformance) },
  { "slow", 0, NULL, server_option_set_flag, "with --conformance: also cases that wait for long", MEMBER (slow) },
  { "strict", 0, NULL, server_option_set_flag,
    "with --conformance: a SHOULD that does not hold fails, and a known deviation that does", MEMBER (strict) },
  { "deviations", 0, "FILE", add_deviations,
    "with --conformance: what is known not to hold: a file, or libmilter; may be repeated" },
  { "update", 0, NULL, server_option_set_flag, "write the messages that came into the files of => result", MEMBER (update) },
};
/* clang-format on */

const ServerOptionTable server_options_scenarios
    = { SERVER_RUN_SCENARIOS, rows, G_N_ELEMENTS (rows) };

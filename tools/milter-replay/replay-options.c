/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-options.c: the command line of `milter-replay replay`.
 */
#include "replay-options.h"

#include <string.h>

#include "compare-options.h"
#include "milter-connection-spec.h"
#include "tool-values.h"

/* more than a machine has ports for, or anybody waits for */
#define MAX_CONNECTIONS 60000u
#define MAX_ROUNDS      1000000000u
#define MAX_SPEED       1000000.0

static bool
refuse (GError **error, const char *name, const char *value, const char *what)
{
  g_set_error (
      error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: \"%s\" is not %s", name, value, what);
  return false;
}

static bool
prefix (GError **error, const char *name)
{
  g_prefix_error (error, "%s: ", name);
  return false;
}

static gboolean
set_spec (const char *name, const char *value, gpointer data, GError **error)
{
  ReplayOptions *options = data;
  g_autoptr (MilterConnectionSpec) spec = milter_connection_spec_parse (value, error);

  if (spec == NULL)
    return prefix (error, name);
  g_free (options->spec);
  options->spec = g_strdup (value);
  return TRUE;
}

static gboolean
set_spawn (const char *name, const char *value, gpointer data, GError **error)
{
  ReplayOptions *options = data;

  if (!g_shell_parse_argv (value, /* argcp= */ NULL, /* argvp= */ NULL, error))
    return prefix (error, name);
  g_free (options->spawn);
  options->spawn = g_strdup (value);
  return TRUE;
}

static gboolean
set_speed (const char *name, const char *value, gpointer data, GError **error)
{
  ReplayOptions *options = data;
  char *end = NULL;
  double speed = strcmp (value, "max") == 0 ? 0 : g_ascii_strtod (value, &end);

  if (end != NULL && (*value == '\0' || *end != '\0' || !(speed > 0) || speed > MAX_SPEED))
    return refuse (error, name, value, "a number above 0, as 1 for the recorded pace, nor max");
  options->speed = speed;
  return TRUE;
}

static gboolean
set_connections (const char *name, const char *value, gpointer data, GError **error)
{
  guint64 number;

  if (!tool_parse_number (value, 1, MAX_CONNECTIONS, &number, error))
    return prefix (error, name);
  ((ReplayOptions *) data)->connections = (guint) number;
  return TRUE;
}

static gboolean
set_loop (const char *name, const char *value, gpointer data, GError **error)
{
  guint64 number = REPLAY_FOR_EVER;

  if (value != NULL && !tool_parse_number (value, 1, MAX_ROUNDS, &number, error))
    return prefix (error, name);
  ((ReplayOptions *) data)->rounds = (guint) number;
  return TRUE;
}

static gboolean
set_time (const char *name, const char *value, gpointer data, GError **error)
{
  ReplayOptions *options = data;
  const struct
  {
    const char *name;
    gint64 *time_us;
  } rows[] = {
    { "--timeout", &options->timeout_us },
    { "--connection-timeout", &options->connection_timeout_us },
    { "--writing-timeout", &options->writing_timeout_us },
    { "--spawn-timeout", &options->spawn_timeout_us },
    { "--spawn-grace", &options->spawn_grace_us },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strcmp (name, rows[i].name) == 0)
      return tool_parse_duration (value, rows[i].time_us, error) || prefix (error, name);
  g_assert_not_reached ();
}

static gboolean
set_color (const char *name, const char *value, gpointer data, GError **error)
{
  return tool_color_from_string (value != NULL ? value : "yes", &((ReplayOptions *) data)->color)
         || refuse (error, name, value, "auto, always, never, yes or no");
}

static gboolean
ignore (const char *name, const char *value, gpointer data, GError **error)
{
  return milter_compare_rules_ignore (((ReplayOptions *) data)->rules, value, error)
         || prefix (error, name);
}

static gboolean
heed (const char *name, const char *value, gpointer data, GError **error)
{
  ReplayOptions *options = data;

  options->heeds_latency = options->heeds_latency || strstr (value, "latency") != NULL;
  return milter_compare_rules_heed (options->rules, value, error) || prefix (error, name);
}

static gboolean
add_report (const char *name, const char *value, gpointer data, GError **error)
{
  g_ptr_array_add (((ReplayOptions *) data)->reports, g_strdup (value));
  return TRUE;
}

static bool
parse (ReplayOptions *options, int argc, char **argv, GError **error)
{
  /* clang-format off */
  const GOptionEntry entries[] = {
    { "connection-spec", 's', 0, G_OPTION_ARG_CALLBACK, set_spec, "The milter", "SPEC" },
    { "spawn", 0, 0, G_OPTION_ARG_CALLBACK, set_spawn, "Start it; in it, $socket is where it shall listen", "COMMAND" },
    { "spawn-timeout", 0, 0, G_OPTION_ARG_CALLBACK, set_time, "How long it may take to be ready (30s)", "TIME" },
    { "spawn-grace", 0, 0, G_OPTION_ARG_CALLBACK, set_time, "How long it may take to end (6s)", "TIME" },
    { "spawn-keep", 0, 0, G_OPTION_ARG_NONE, &options->keep_folder, "Keep its temporary folder", NULL },
    { "speed", 0, 0, G_OPTION_ARG_CALLBACK, set_speed, "1: as recorded, 10: ten times as fast, max: no pauses (max)", "SPEED" },
    { "connections", 0, 0, G_OPTION_ARG_CALLBACK, set_connections, "So many at once, instead of as many as were recorded", "N" },
    { "loop", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, set_loop, "Play it N times, or until interrupted", "[N]" },
    { "filter", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->conditions, "Play sessions with such a message; several: with all of it", "CONDITION" },
    { "ignore", 'i', 0, G_OPTION_ARG_CALLBACK, ignore, "What RULE names may differ; may be repeated", "RULE[,RULE…]" },
    { "no-ignore", 0, 0, G_OPTION_ARG_CALLBACK, heed, "… may not, though it may by default", "RULE[,RULE…]" },
    { "timeout", 0, 0, G_OPTION_ARG_CALLBACK, set_time, "How long to wait for an answer (30s)", "TIME" },
    { "connection-timeout", 0, 0, G_OPTION_ARG_CALLBACK, set_time, "How long to wait for a connection (300s)", "TIME" },
    { "writing-timeout", 0, 0, G_OPTION_ARG_CALLBACK, set_time, "How long the milter may leave what was sent unread (10s)", "TIME" },
    { "report", 0, 0, G_OPTION_ARG_CALLBACK, add_report, "A report: text, junit, tap or json, - is stdout; may be repeated", "FORMAT:FILE" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Show each frame as a JSON object on a line, and the report json", NULL },
    { "color", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, set_color, "Colours: auto, always, never, yes or no", "WHEN" },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &options->verbose, "Show what is said, > to the milter and < from it", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet, "Show what is different only", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->paths, NULL, "CAPTURE…" },
    G_OPTION_ENTRY_NULL
  };
  /* clang-format on */
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autofree char *rules = compare_options_describe_rules ();
  g_autofree char *conditions = recording_filter_make_help ("a session is played");
  g_autofree char *description = NULL;
  GOptionGroup *group = g_option_group_new ("replay", "", "", options, /* destroy= */ NULL);

  g_option_context_set_summary (context,
                                "Plays what the MTA said in recordings against a milter, and tells "
                                "what the milter answers otherwise than\n"
                                "it did then: verdicts, reply texts, edits, the mail that they "
                                "make. Several recordings are read as one, in their\n"
                                "order; - is standard input.");
  description = g_strdup_printf (
      "%s\n\nRules:\n%s\nExit status: 0 no difference, 1 differences, 2 usage or a recording that cannot be read, 3 the\n"
      "milter could not be reached, died or broke the protocol.",
      conditions,
      rules);
  g_option_context_set_description (context, description);
  g_option_group_add_entries (group, entries);
  g_option_context_set_main_group (context, group);
  return g_option_context_parse (context, &argc, &argv, error);
}

/* (nullable) what is missing, or too much */
static const char *
find_slip (const ReplayOptions *options)
{
  if (options->paths == NULL)
    return "no recording is given";
  if (options->spec == NULL && options->spawn == NULL)
    return "no milter is given: -s SPEC, or --spawn COMMAND";
  if (options->spec != NULL && options->spawn != NULL)
    return "both -s and --spawn are given; one milter is played against";
  if (options->rounds > 1 && g_strv_contains ((const char *const *) options->paths, "-"))
    return "--loop reads the recording again and again, which standard input cannot be";
  return NULL;
}

static bool
read_conditions (ReplayOptions *options, GError **error)
{
  if (options->conditions == NULL)
    return true;
  options->filter = recording_filter_new (options->conditions, error);
  return options->filter != NULL;
}

bool
replay_options_parse (ReplayOptions *options, int argc, char **argv, ToolExit *status)
{
  g_autoptr (GError) error = NULL;
  const char *slip;

  *options = (ReplayOptions){
    .rounds = 1,
    .timeout_us = 30 * G_TIME_SPAN_SECOND,
    .connection_timeout_us = 300 * G_TIME_SPAN_SECOND,
    .writing_timeout_us = 10 * G_TIME_SPAN_SECOND,
    .spawn_timeout_us = 30 * G_TIME_SPAN_SECOND,
    .spawn_grace_us = 6 * G_TIME_SPAN_SECOND,
    .rules = milter_compare_rules_new (),
    .reports = g_ptr_array_new_with_free_func (g_free),
  };
  g_set_prgname ("milter-replay replay");
  *status = TOOL_EXIT_USAGE;
  if (!parse (options, argc, argv, &error) || !read_conditions (options, &error))
    {
      tool_usage_error ("%s", error->message);
      return false;
    }
  slip = find_slip (options);
  if (slip != NULL)
    tool_usage_error ("%s", slip);
  return slip == NULL;
}

void
replay_options_clear (ReplayOptions *options)
{
  g_strfreev (options->paths);
  g_strfreev (options->conditions);
  recording_filter_free (options->filter);
  g_free (options->spec);
  g_free (options->spawn);
  milter_compare_rules_free (options->rules);
  g_ptr_array_unref (options->reports);
}

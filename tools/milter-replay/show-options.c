/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-options.c: the command line of `milter-replay show`.
 */
#include "show-options.h"

#include "tool-console.h"

static bool
check (ShowOptions *options)
{
  g_autoptr (GError) error = NULL;

  if (options->paths == NULL)
    {
      tool_usage_error ("no capture is given");
      return false;
    }
  if (options->conditions == NULL)
    return true;
  options->filter = recording_filter_new (options->conditions, &error);
  if (options->filter == NULL)
    tool_usage_error ("%s", error->message);
  return options->filter != NULL;
}

bool
show_options_parse (ShowOptions *options, int argc, char **argv, ToolExit *status)
{
  /* clang-format off */
  const GOptionEntry entries[] = {
    { "filter", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->conditions, "Show sessions with such a message; several: with all of it", "CONDITION" },
    { "summary", 0, 0, G_OPTION_ARG_NONE, &options->summary, "Print how much there is: messages, verdicts, edits, latencies, holes", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print an object on a line for each frame, hole and end; with --summary one", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->paths, NULL, "RECORDING…" },
    G_OPTION_ENTRY_NULL
  };
  /* clang-format on */
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autofree char *conditions = recording_filter_make_help ("a session is shown");
  g_autoptr (GError) error = NULL;

  g_set_prgname ("milter-replay show");
  g_option_context_set_summary (
      context,
      "Prints what MTAs and milters said, as a trace: a scenario with the time and the connection of each\n"
      "line. Recordings are captures (pcap, pcapng), traces and scenarios; several are read as one, in their\n"
      "order, and - is standard input.");
  g_option_context_set_description (context, conditions);
  g_option_context_add_main_entries (context, entries, NULL);
  *status = TOOL_EXIT_USAGE;
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      tool_usage_error ("%s", error->message);
      return false;
    }
  return check (options);
}

void
show_options_clear (ShowOptions *options)
{
  g_strfreev (options->paths);
  g_strfreev (options->conditions);
  recording_filter_free (options->filter);
}

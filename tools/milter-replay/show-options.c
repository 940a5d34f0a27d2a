/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-options.c: the command line of `milter-replay show`.
 */
#include "show-options.h"

#include "tool-console.h"

bool
show_options_parse (ShowOptions *options, int argc, char **argv, ToolExit *status)
{
  /* clang-format off */
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print an object on a line for each frame, hole and end", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->paths, NULL, "CAPTURE…" },
    G_OPTION_ENTRY_NULL
  };
  /* clang-format on */
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_set_prgname ("milter-replay show");
  g_option_context_set_summary (
      context,
      "Prints what MTAs and milters said, as a trace: a scenario with the time and the connection of each\n"
      "line. Several captures are read as one, in their order; - is standard input.");
  g_option_context_add_main_entries (context, entries, NULL);
  *status = TOOL_EXIT_USAGE;
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      tool_usage_error ("%s", error->message);
      return false;
    }
  if (options->paths == NULL)
    {
      tool_usage_error ("no capture is given");
      return false;
    }
  return true;
}

void
show_options_clear (ShowOptions *options)
{
  g_strfreev (options->paths);
}

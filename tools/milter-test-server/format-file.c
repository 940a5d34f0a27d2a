/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format-file.c: prints a scenario in its canonical form.
 */
#include "format-file.h"

#include <stdio.h>

#include "milter-format.h"

ToolExit
format_file (const ServerOptions *options)
{
  MilterScenarioHost host = { .variables = options->variables };
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (GString) text = milter_scenario_format_file (options->paths[0], &host, errors);

  if (text == NULL)
    {
      fputs (errors->str, stderr);
      return TOOL_EXIT_USAGE;
    }
  /* whether it could be written is asked at the end of the program */
  fwrite (text->str, 1, text->len, stdout);
  return TOOL_EXIT_OK;
}

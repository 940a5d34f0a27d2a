/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show.c: recordings in; text, JSON or numbers out.
 */
#include "show.h"

#include "show-json.h"
#include "show-options.h"
#include "show-summary.h"
#include "show-text.h"

static ToolExit
show (const ShowOptions *options)
{
  if (options->summary)
    return show_summary (options);
  return options->json ? show_json (options) : show_text (options);
}

ToolExit
show_run (int argc, char **argv)
{
  ShowOptions options = { 0 };
  ToolExit status;

  if (show_options_parse (&options, argc, argv, &status))
    status = show (&options);
  show_options_clear (&options);
  return status;
}

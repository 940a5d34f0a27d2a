/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show.c: recordings in, text or JSON out.
 */
#include "show.h"

#include "show-json.h"
#include "show-options.h"
#include "show-text.h"

ToolExit
show_run (int argc, char **argv)
{
  ShowOptions options = { 0 };
  ToolExit status;

  if (show_options_parse (&options, argc, argv, &status))
    status = options.json ? show_json (options.paths) : show_text (options.paths);
  show_options_clear (&options);
  return status;
}

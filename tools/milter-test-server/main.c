/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: milter-test-server, an MTA that judges milters.
 */
#include "format-file.h"
#include "play-conformance.h"
#include "play-files.h"
#include "play-init.h"
#include "play-plain.h"
#include "tool-console.h"

int
main (int argc, char **argv)
{
  g_autoptr (ServerOptions) options = NULL;
  ToolExit status;

  tool_init (argv[0]);
  options = server_options_parse (argc, argv, &status);
  if (options == NULL)
    return (int) status;
  status = options->conformance     ? play_conformance (options)
           : options->format        ? format_file (options)
           : options->init != NULL  ? play_init (options)
           : options->paths != NULL ? play_files (options)
                                    : play_plain (options);
  return (int) (tool_flush_output () ? status : tool_exit_worse (status, TOOL_EXIT_USAGE));
}

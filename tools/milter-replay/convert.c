/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert.c: recordings to other formats.
 */
#include "convert.h"

#include "convert-options.h"
#include "convert-read.h"
#include "convert-split.h"
#include "tool-console.h"

static ToolExit
fail (const GError *error)
{
  tool_error ("%s", error->message);
  return TOOL_EXIT_USAGE;
}

static ToolExit
convert_split (const ConvertOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ConvertSplit) split = convert_split_new (options, &error);
  ToolExit status;

  if (split == NULL)
    return fail (error);
  status = convert_read (options, &convert_split_sink, split);
  return convert_split_finish (split) ? status : tool_exit_worse (status, TOOL_EXIT_USAGE);
}

/* Of a recording that is damaged there is what could be read of it, and of none there is no file. */
static ToolExit
convert_whole (const ConvertOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ConvertOutput) output = convert_output_new (options->output, options->force, &error);
  gpointer state;
  ToolExit status;

  if (output == NULL)
    return fail (error);
  state = options->format->begin (output, options);
  status = convert_read (options, options->format->sink, state);
  if (!options->format->end (state))
    return tool_exit_worse (status, TOOL_EXIT_USAGE);
  if (!convert_output_is_begun (output) || convert_output_finish (output, &error))
    return status;
  return tool_exit_worse (status, fail (error));
}

ToolExit
convert_run (int argc, char **argv)
{
  ConvertOptions options = { 0 };
  ToolExit status;

  if (convert_options_parse (&options, argc, argv, &status))
    status = options.split != NULL ? convert_split (&options) : convert_whole (&options);
  convert_options_clear (&options);
  return status;
}

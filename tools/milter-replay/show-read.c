/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-read.c: files to a sink, with or without a filter between.
 */
#include "show-read.h"

#include "filter-sink.h"
#include "read-recording.h"
#include "tool-console.h"

ToolExit
show_nothing_matches (void)
{
  tool_error ("no message matches --filter");
  return TOOL_EXIT_FAILED;
}

ToolExit
show_read (const ShowOptions *options, const MilterCaptureSink *sink, gpointer data)
{
  g_autoptr (FilterSink) between = NULL;
  ToolExit status;

  if (options->filter == NULL)
    return read_recordings (options->paths, sink, data);
  between = filter_sink_new (options->filter, sink, data);
  status = read_recordings (options->paths, &filter_sink, between);
  if (filter_sink_finish (between) > 0 || status != TOOL_EXIT_OK)
    return status;
  return show_nothing_matches ();
}

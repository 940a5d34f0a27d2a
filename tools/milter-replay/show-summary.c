/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-summary.c: a sink that counts.
 */
#include "show-summary.h"

#include <stdio.h>

#include "read-recording.h"
#include "recording-summary.h"
#include "show-read.h"

ToolExit
show_summary (const ShowOptions *options)
{
  g_autoptr (RecordingSummary) summary = recording_summary_new (options->filter);
  g_autoptr (GString) text = g_string_new (NULL);
  ToolExit status = read_recordings (options->paths, &recording_summary_sink, summary);

  if (!recording_summary_finish (summary) && status == TOOL_EXIT_OK && options->filter != NULL)
    status = show_nothing_matches ();
  if (options->json)
    recording_summary_append_json (summary, text);
  else
    recording_summary_append_text (summary, text);
  fwrite (text->str, 1, text->len, stdout);
  return status;
}

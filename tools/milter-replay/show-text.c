/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-text.c: a trace on the standard output.
 */
#include "show-text.h"

#include <stdio.h>

#include "read-recording.h"
#include "trace-sink.h"

static void
print (const GString *text, gpointer data)
{
  fwrite (text->str, 1, text->len, stdout);
}

ToolExit
show_text (char **paths)
{
  TraceSink sink;
  ToolExit status;

  trace_sink_init (&sink, print, /* data= */ NULL);
  status = read_recordings (paths, &trace_sink, &sink);
  trace_sink_finish (&sink);
  trace_sink_clear (&sink);
  return status;
}

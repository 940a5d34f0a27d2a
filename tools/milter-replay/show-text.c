/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show-text.c: a trace on the standard output.
 */
#include "show-text.h"

#include <stdio.h>

#include "show-read.h"
#include "trace-sink.h"

static void
print (const GString *text, gpointer data)
{
  fwrite (text->str, 1, text->len, stdout);
}

ToolExit
show_text (const ShowOptions *options)
{
  TraceSink sink;
  ToolExit status;

  trace_sink_init (&sink, print, /* data= */ NULL);
  status = show_read (options, &trace_sink, &sink);
  trace_sink_finish (&sink);
  trace_sink_clear (&sink);
  return status;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-trace.c: recordings to traces.
 */
#include "convert-format.h"
#include "trace-sink.h"

static void
write_text (const GString *text, gpointer data)
{
  convert_output_write (data, text->str, text->len);
}

static gpointer
begin (ConvertOutput *output, const ConvertOptions *options)
{
  TraceSink *sink = g_new0 (TraceSink, 1);

  trace_sink_init (sink, write_text, output);
  return sink;
}

static bool
end (gpointer state)
{
  trace_sink_finish (state);
  trace_sink_clear (state);
  g_free (state);
  return true;
}

const ConvertFormat convert_format_trace = {
  .name = "trace",
  .suffix = ".trace",
  .sink = &trace_sink,
  .begin = begin,
  .end = end,
};

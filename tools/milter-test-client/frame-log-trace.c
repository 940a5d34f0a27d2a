/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * frame-log-trace.c: --trace: a scenario that milter-test-server plays back.
 */
#include "frame-log-private.h"
#include "milter-trace-writer.h"

static gpointer
trace_new (gint64 start_us, GString *text)
{
  return milter_trace_writer_new (start_us, text);
}

static void
trace_free (gpointer self)
{
  milter_trace_writer_free (self);
}

static gint64
time_ns (const FrameLogPlace *place)
{
  return place->time_us * 1000;
}

static void
trace_opened (gpointer self, const FrameLogPlace *place, const char *from, const char *to)
{
  milter_trace_writer_opened (self, place->connection, from, to, time_ns (place));
}

static void
trace_passed (gpointer self, const FrameLogPlace *place, MilterSide from, MilterBytes bytes)
{
  milter_trace_writer_passed (self, place->connection, from, bytes, time_ns (place));
}

static void
trace_closed (gpointer self, const FrameLogPlace *place, MilterSide by, bool reset)
{
  MilterSide other = by == MILTER_SIDE_MTA ? MILTER_SIDE_MILTER : MILTER_SIDE_MTA;

  milter_trace_writer_closed (self, place->connection, by, reset, time_ns (place));
  milter_trace_writer_closed (self, place->connection, other, FALSE, time_ns (place));
}

static void
trace_finish (gpointer self)
{
  milter_trace_writer_finish (self);
}

const FrameLogKind frame_log_trace = {
  .new = trace_new,
  .free = trace_free,
  .opened = trace_opened,
  .passed = trace_passed,
  .closed = trace_closed,
  .finish = trace_finish,
};

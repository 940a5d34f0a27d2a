/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace-replay.h: for tests: what passed on a connection, written as a trace, read again and played
 * against a milter that says what it said then.
 */
#pragma once

#include "milter-player.h"
#include "milter-trace-writer.h"

/* something that passed */
typedef struct
{
  MilterSide from;
  gboolean ends, reset;
  GByteArray *bytes; /* unless it ends */
} TraceEvent;

typedef struct
{
  GString *text;    /* the trace */
  GByteArray *said; /* by the MTA, as it passed … */
  GByteArray *sent; /* … and when it was played */
  GByteArray *answered;      /* by the milter, as it passed */
  GByteArray *read_back[2];  /* by side: as the trace is read */
  MilterOutcome outcome;
  GString *report;  /* what went wrong: a line each */
  gint64 took_us;
} TraceReplay;

/* of TraceEvent */
GPtrArray *trace_events_new (void);
void trace_events_add (GPtrArray *events, MilterSide from, const guint8 *data, gsize size);
void trace_events_add_end (GPtrArray *events, MilterSide from, gboolean reset);

/* NULL in @replay->sent: the trace did not parse, as the report tells. @in_order: the MTA waited for
 * the answers, so that the milter says nothing before the bytes have come that it answered then */
TraceReplay *trace_replay_run (const GPtrArray *events, gboolean in_order);
void trace_replay_free (TraceReplay *replay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TraceReplay, trace_replay_free)

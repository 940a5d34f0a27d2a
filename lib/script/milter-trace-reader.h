/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-trace-reader.h: a trace, line by line, as the bytes that passed.
 *
 * The reverse of the writer (milter-trace-writer.h): a line is turned into the very bytes that it was
 * written for. Nothing is held but the latest command of each open connection, so that a trace of any
 * length can be read. Lines that only a player can make bytes of (`eml`, `generate`, `repeat` …) are errors.
 */
#pragma once

#include "milter-scenario.h"

G_BEGIN_DECLS

/**
 * MilterTraceEventKind:
 * @MILTER_TRACE_STARTED: the line `start`: `time_ns` is the time of day that +0 is, since 1970
 * @MILTER_TRACE_OPENED: `session`: `mta` and `milter` (nullable)
 * @MILTER_TRACE_BYTES: a frame, or what `raw` has
 * @MILTER_TRACE_LOST: `size` bytes are missing, or 0: nobody knows how many
 * @MILTER_TRACE_CLOSED: `from` has closed, or with `reset` reset the connection
 * @MILTER_TRACE_NOTE: a comment on a line of its own, of no connection
 */
typedef enum
{
  MILTER_TRACE_STARTED,
  MILTER_TRACE_OPENED,
  MILTER_TRACE_BYTES,
  MILTER_TRACE_LOST,
  MILTER_TRACE_CLOSED,
  MILTER_TRACE_NOTE
} MilterTraceEventKind;

/**
 * MilterTraceEvent:
 * @connection: its name, the CONN of `@CONN`; "" without one
 * @time_ns: since the start; that of the line before if the line has none
 * @answers: the line stands below a command (`=>`), which came before it whatever its time is
 * @over: with CLOSED: nothing more comes of this connection
 * @text: (nullable) of NOTE the comment; of LOST the comment behind it
 *
 * What a line tells, as views that live as long as the call.
 */
typedef struct
{
  MilterTraceEventKind kind;
  const char *connection;
  MilterSide from;
  gint64 time_ns;
  gboolean answers;
  MilterBytes bytes;
  guint64 size;
  gboolean reset, over;
  const char *mta, *milter;
  const char *text;
} MilterTraceEvent;

typedef void (*MilterTraceEventFunc) (const MilterTraceEvent *event, gpointer user_data);

typedef struct _MilterTraceReader MilterTraceReader;

/* @path: for errors; @messages: where they are appended, as milter_scenario_load() tells them */
MilterTraceReader *milter_trace_reader_new (const char *path,
                                            GString *messages,
                                            MilterTraceEventFunc func,
                                            gpointer user_data);
void milter_trace_reader_free (MilterTraceReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterTraceReader, milter_trace_reader_free)

/* The next line, with or without its end. FALSE: it has an error, which has been told, and nothing else;
 * the lines behind it can be read all the same. */
gboolean milter_trace_reader_line (MilterTraceReader *reader, MilterBytes line);
/* so many errors that the rest is not worth to be read */
gboolean milter_trace_reader_gave_up (const MilterTraceReader *reader);

/* whether a text is a trace: its first line that says something is `start …` */
gboolean milter_trace_recognize (MilterBytes text);

G_END_DECLS

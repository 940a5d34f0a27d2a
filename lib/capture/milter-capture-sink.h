/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-sink.h: what passed between MTAs and milters, as a reader of recordings tells it.
 *
 * Captures and traces are told in the same words, so that whoever shows, converts, plays or compares
 * them needs one set of functions.
 */
#pragma once

#include "milter-capture-assembly.h"

G_BEGIN_DECLS

/* of `soon` */
#define MILTER_CAPTURE_SINK_STEPS 3u

/**
 * MilterCapturePlace:
 * @connection: from 1, in the order in which they were recognised; 0: of the capture as a whole
 * @from: who said it; without meaning where nobody did
 * @moment: which packet it was (0: not of a packet), and when
 *
 * Where something happened.
 */
typedef struct
{
  guint connection;
  MilterSide from;
  MilterCaptureMoment moment;
} MilterCapturePlace;

/**
 * MilterCaptureOpening:
 * @mta: (nullable): its address and port, as `192.0.2.7:34290`
 * @milter: (nullable): …
 * @from_start: its beginning was seen; else a hole follows on each side
 */
typedef struct
{
  const char *mta;
  const char *milter;
  bool from_start;
} MilterCaptureOpening;

/**
 * MilterCaptureSink:
 * @started: the recording says when it was begun, in nanoseconds since 1970; before anything else, or
 *   not at all: captures do not
 * @opened: a connection; nothing comes of it before
 * @message: a whole frame, with its length field. @behind_hole: something of this side is missing before it
 * @raw: bytes that are no whole frame: an end in the middle of one, or of a side that breaks the protocol
 * @hole: @size bytes of one side are missing in the recording, %MILTER_HOLE_UNKNOWN if nobody knows how
 *   many. @letter: of the frame that is damaged; 0: not known, or more than one
 * @closed: one side has closed the connection, or reset it
 * @note: a remark about what could not be read; @text is a part of a sentence, `an IP fragment`
 * @soon: something of this connection follows, most likely, and of some others: each @step, from 0, may have the
 *   processor fetch what will be needed and can be found with what the one before has fetched. Nothing else may be done
 * @stopped: nothing more is wanted: the rest of the recording is not read
 * @wait: the recording is about to be read from this descriptor, which may take until more is recorded; %FALSE:
 *   nothing more is wanted
 *
 * All are called in the order in which things happened on a connection, with views that live as long as the
 * call. Any of them may be %NULL.
 */
typedef struct
{
  void (*started) (gint64 time_ns, gpointer data);
  void (*opened) (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data);
  void (*message) (const MilterCapturePlace *place,
                   MilterBytes frame,
                   bool behind_hole,
                   gpointer data);
  void (*raw) (const MilterCapturePlace *place, MilterBytes bytes, gpointer data);
  void (*hole) (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data);
  void (*closed) (const MilterCapturePlace *place, bool reset, gpointer data);
  void (*note) (const MilterCapturePlace *place, const char *text, gpointer data);
  void (*soon) (guint connection, guint step, gpointer data);
  bool (*stopped) (gpointer data);
  bool (*wait) (int fd, gpointer data);
} MilterCaptureSink;

G_END_DECLS

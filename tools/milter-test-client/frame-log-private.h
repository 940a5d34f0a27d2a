/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * frame-log-private.h: the kinds of a log, for their files.
 */
#pragma once

#include <stdbool.h>

#include "milter-text.h"

G_BEGIN_DECLS

/* where something happened, and when */
typedef struct
{
  guint connection; /* from 1 */
  guint message;    /* of that connection, from 1; 0: none */
  gint64 time_us;   /* since the log was opened */
} FrameLogPlace;

/* A kind of log appends lines to the text that it was made with. Calls come one at a time; all but
 * `new`, `free` and `opened` may be missing. */
typedef struct
{
  gpointer (*new) (gint64 start_us, GString *text);
  void (*free) (gpointer self);
  /* @from, @to: (nullable) the addresses of the MTA and of the milter */
  void (*opened) (gpointer self, const FrameLogPlace *place, const char *from, const char *to);
  /* bytes, cut anywhere */
  void (*passed) (gpointer self, const FrameLogPlace *place, MilterSide from, MilterBytes bytes);
  /* the same as whole frames … @flags: how they are written as text */
  void (*message) (gpointer self,
                   const FrameLogPlace *place,
                   const MilterMessage *message,
                   MilterTextFlags flags);
  /* … and what makes none */
  void (*rest) (gpointer self, const FrameLogPlace *place, MilterSide from, MilterBytes bytes);
  void (*closed) (gpointer self, const FrameLogPlace *place, MilterSide by, bool reset);
  void (*finish) (gpointer self);
} FrameLogKind;

extern const FrameLogKind frame_log_json;
extern const FrameLogKind frame_log_trace;
extern const FrameLogKind frame_log_transcript;

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recorded-test.h: for tests: recordings written by hand, told to a builder.
 */
#pragma once

#include "milter-recorded-builder.h"

/* What happens, one a string: `>` or `<` and the letter and payload of a frame, as `>M<a@b>\0`;
 * `>!12` a hole of so many bytes (`>!` of an unknown number), `>*bytes` bytes that are no frame,
 * `>.` and `>x` the end of a side and its reset, `+` a connection from its start, `-` one whose
 * start was not seen; `@7` the connection of those behind it. Each takes a millisecond. */
typedef struct
{
  const char *bytes;
  gsize size;
} RecordedStep;

#define STEP(text)                                                                                 \
  {                                                                                                \
    text, sizeof (text) - 1                                                                        \
  }
/* sessions in short: what nearly all begin with, and a whole message of one recipient */
#define STEP_OFFER  STEP (">O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")
#define STEP_ANSWER STEP ("<O\0\0\0\6\0\0\1\xff\0\0\0\0")

/* tells a builder @n steps, from number 1 of the packets on */
void recorded_tell (MilterRecordedBuilder *builder, const RecordedStep *steps, gsize n);

/* … or any sink */
void recorded_tell_sink (const MilterCaptureSink *sink,
                         gpointer data,
                         const RecordedStep *steps,
                         gsize n);

/* Events that append a line for each message and session to a GString: the messages' commands with
 * their answers, edits, verdict. */
extern const MilterRecordedEvents recorded_log;

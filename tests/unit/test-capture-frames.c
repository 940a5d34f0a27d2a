/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-capture-frames.c: frames of a stream, and what is found behind its holes.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "capture-test.h"
#include "milter-capture-frames.h"

/* what came out: letters, `?` behind those that stand behind a hole; `[3M]` a hole in a MAIL, `[-1]`;
 * `raw3`; `skip3` */
static void
on_message (gpointer owner, MilterSide side, MilterBytes frame, bool behind_hole, const MilterCaptureMoment *moment)
{
  g_string_append_printf (owner, "%c%s ", frame.data[4], behind_hole ? "?" : "");
}

static void
on_raw (gpointer owner, MilterSide side, MilterBytes bytes, const MilterCaptureMoment *moment)
{
  g_string_append_printf (owner, "raw%zu ", bytes.size);
}

static void
on_hole (gpointer owner, MilterSide side, gint64 size, guint8 letter, const MilterCaptureMoment *moment)
{
  g_string_append_printf (owner, "[%d%c] ", (int) size, letter != 0 ? letter : ' ');
}

static void
on_skipped (gpointer owner, MilterSide side, guint64 n, const MilterCaptureMoment *moment)
{
  g_string_append_printf (owner, "skip%d ", (int) n);
}

static const MilterFramesEvents events = { on_message, on_raw, on_hole, on_skipped };
static const MilterCaptureMoment moment = { 1, 0 };

/* a piece of a stream: a segment; one without bytes is a hole */
typedef struct
{
  MilterBytes bytes;
  gint64 lost;
  bool goes_on; /* the rest of the segment before */
} Piece;

#define HOLE(n) { { NULL, 0 }, n, false }
#define BYTES(text) { MILTER_BYTES_INIT (text), 0, false }

#define DATA "\0\0\0\1T"
#define EOH  "\0\0\0\1N"
#define RCPT "\0\0\0\5R<a>\0"
#define HEADER "\0\0\0\12LFrom\0a@b\0"

static char *
run (const Piece *pieces, gsize n)
{
  GString *out = g_string_new (NULL);
  MilterFrames frames;

  milter_frames_init (&frames, &events, out, MILTER_SIDE_MTA);
  for (gsize i = 0; i < n && (pieces[i].bytes.size > 0 || pieces[i].lost != 0); i++)
    if (pieces[i].lost != 0)
      milter_frames_lost (&frames, pieces[i].lost, &moment);
    else
      milter_frames_take (&frames, pieces[i].bytes, !pieces[i].goes_on, &moment);
  milter_frames_finish (&frames, &moment);
  milter_frames_clear (&frames);
  return g_strchomp (g_string_free (out, FALSE));
}

static const struct
{
  const char *name, *result;
  Piece pieces[6];
} cases[] = {
  { "several in a segment", "T N R", { BYTES (DATA EOH RCPT) } },
  { "one in several segments", "R T", { BYTES ("\0\0"), BYTES ("\0\5R"), BYTES ("<a>\0" DATA) } },
  { "the end of one is missing", "T raw3", { BYTES (DATA "\0\0\0") } },
  { "a length of 0", "T raw5 raw5", { BYTES (DATA "\0\0\0\0X"), BYTES (DATA) } },
  { "a length beyond all, in pieces", "raw4 raw3", { BYTES ("\x7f\xff"), BYTES ("\xff\xff" "abc") } },
  { "an unknown letter is a frame", "! T", { BYTES ("\0\0\0\1!" DATA) } },
  { "a hole inside of a frame", "T [2R] N?", { BYTES (DATA "\0\0\0\5R<"), HOLE (2), BYTES ("\0" EOH) } },
  { "a hole that ends a frame", "T [3R] N?", { BYTES (DATA "\0\0\0\5R<"), HOLE (3), BYTES (EOH) } },
  { "two holes in a frame", "[1R] [1 ] N?",
    { BYTES ("\0\0\0\5R<"), HOLE (1), { MILTER_BYTES_INIT (">"), 0, true }, HOLE (1), BYTES (EOH) } },
  { "a letter that is missing", "[2 ] N?", { BYTES ("\0\0\0\5"), HOLE (2), BYTES ("a>\0" EOH) } },
  { "a hole behind the frame's end", "T [4 ] R?", { BYTES (DATA "\0\0\0\5R<"), HOLE (4), BYTES (RCPT) } },
  { "a hole between frames", "T [7 ] R? N?", { BYTES (DATA), HOLE (7), BYTES (RCPT EOH) } },
  { "nobody knows how large", "T [-1 ] R?", { BYTES (DATA), HOLE (-1), BYTES (RCPT) } },
  { "the rest of a frame behind a hole", "T [7 ] skip4 R?", { BYTES (DATA), HOLE (7), BYTES ("abc\0"), BYTES (RCPT) } },
  { "frames in the middle of a segment are not believed", "[-1 ] skip13 N?",
    { HOLE (-1), BYTES ("abc\0" RCPT), BYTES (EOH) } },
  { "a frame in several segments", "[-1 ] L? T?",
    { HOLE (-1), BYTES ("\0\0\0\12LFr"), BYTES ("om\0a@b\0" DATA) } },
  { "what looks like one and is none", "[-1 ] skip14 T?",
    { HOLE (-1), BYTES ("\0\0\0\12LFrom,a@b\0"), BYTES (DATA) } },
  { "one that ends nowhere is none", "[-1 ] skip12 T?", { HOLE (-1), BYTES (EOH "x and y"), BYTES (DATA) } },
  { "a hole in what may be one", "[-1 ] [3 ] skip7 T?",
    { HOLE (-1), BYTES ("\0\0\0\12LFr"), HOLE (3), BYTES (DATA) } },
  { "a step that was none", "[-1 ] T? skip9 R?",
    { HOLE (-1), BYTES (DATA "\0\0\0"), BYTES ("\0" "zzzzz"), BYTES (RCPT) } },
};

Test (capture_frames, frames_come_out_whole_or_not_at_all)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *result = run (cases[i].pieces, G_N_ELEMENTS (cases[i].pieces));

      cr_assert_str_eq (result, cases[i].result, "%s: %s", cases[i].name, result);
    }
}

Test (capture_frames, splitting_changes_nothing)
{
  static const guint8 stream[] = RCPT DATA HEADER EOH;
  gsize size = sizeof stream - 1;

  for (gsize at = 1; at < size; at++)
    {
      Piece pieces[] = { { milter_bytes (stream, at), 0, false },
                         { milter_bytes (stream + at, size - at), 0, false } };
      g_autofree char *result = run (pieces, 2);

      cr_assert_str_eq (result, "R T L N", "split at %zu", at);
    }
}

/* a stream with any hole: no frame comes out that was not there, and none of which a byte is missing */
Test (capture_frames, a_hole_anywhere)
{
  static const guint8 stream[] = RCPT DATA HEADER EOH RCPT;
  gsize size = sizeof stream - 1;

  for (gsize at = 0; at < size; at++)
    for (gsize n = 1; n <= size - at; n++)
      {
        Piece pieces[] = { { milter_bytes (stream, at), 0, false },
                           HOLE ((gint64) n),
                           { milter_bytes (stream + at + n, size - at - n), 0, true },
                           { milter_bytes ((const guint8 *) DATA, 5), 0, false } };
        g_autofree char *result = NULL;
        const char *frame;

        if (at == 0)
          continue;
        if (pieces[2].bytes.size == 0)
          pieces[2] = pieces[3], pieces[3].bytes.size = 0;
        result = run (pieces, 4);
        cr_assert (g_str_has_suffix (result, "T?"), "%zu bytes at %zu: %s", n, at, result);
        frame = strchr (result, ']');
        cr_assert_not_null (frame);
        for (; *frame != '\0'; frame++)
          cr_assert_not_null (strchr ("RTLN? ]skip0123456789", *frame), "%s", result);
      }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-anonymizer.c: any frames, and any bytes that are none. What comes out has the same lengths,
 * letters and order; line ends of texts stay; and it is the same each time.
 *
 * The input: for each event a byte that tells what it is, two with a length, and so many bytes.
 */
#include <string.h>

#include "fuzz.h"
#include "milter-anonymizer.h"

/* what an event was, and a hash of all that came out */
typedef struct
{
  MilterBytes expected;
  guint n_told;
  guint64 hash;
} Told;

static void
add (Told *told, MilterBytes bytes)
{
  told->n_told++;
  for (gsize i = 0; i < bytes.size; i++)
    told->hash = (told->hash ^ bytes.data[i]) * 0x100000001b3u;
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  Told *told = data;
  gsize n_kept = MIN (frame.size, 5);

  g_assert_cmpuint (frame.size, ==, told->expected.size);
  g_assert_cmpmem (frame.data, n_kept, told->expected.data, n_kept);
  for (gsize i = n_kept; i < frame.size && frame.data[4] == 'L'; i++)
    g_assert_true ((frame.data[i] == '\n') == (told->expected.data[i] == '\n'));
  add (told, frame);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  g_assert_cmpuint (bytes.size, ==, ((Told *) data)->expected.size);
  add (data, bytes);
}

static void
on_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  g_assert_cmpuint (strlen (text), ==, ((Told *) data)->expected.size);
  add (data, milter_bytes_from_string (text));
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  g_assert_cmpuint (strlen (opening->mta), ==, strlen (opening->milter));
  add (data, milter_bytes_from_string (opening->mta));
}

static const MilterCaptureSink told_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .note = on_note,
};

static void
tell_frame (MilterAnonymizer *anonymizer,
            const MilterCapturePlace *place,
            bool behind_hole,
            MilterBytes bytes,
            Told *told)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();

  if (bytes.size == 0)
    return;
  milter_frame_append (bytes.data[0], milter_bytes (bytes.data + 1, bytes.size - 1), frame);
  told->expected = milter_bytes (frame->data, frame->len);
  milter_anonymizer_get_sink ()->message (place, told->expected, behind_hole, anonymizer);
}

static void
tell (MilterAnonymizer *anonymizer, guint8 what, MilterBytes bytes, Told *told)
{
  const MilterCaptureSink *sink = milter_anonymizer_get_sink ();
  MilterCapturePlace place = { .connection = what >> 6, .from = what & 1 };
  /* of exact size, so that a read past the end is caught */
  g_autofree guint8 *copy = g_memdup2 (bytes.data, bytes.size);
  g_autofree char *text
      = bytes.size > 0 ? g_strndup ((const char *) bytes.data, bytes.size) : g_strdup ("");
  MilterCaptureOpening opening = { text, text, true };

  told->expected = milter_bytes (copy, bytes.size);
  switch (what >> 1 & 15)
    {
    case 15:
      sink->raw (&place, told->expected, anonymizer);
      break;
    case 14:
      sink->hole (&place, MILTER_HOLE_UNKNOWN, 0, anonymizer);
      break;
    case 13:
      sink->closed (&place, (what & 0x20) != 0, anonymizer);
      break;
    case 12:
      told->expected.size = strlen (text);
      sink->note (&place, text, anonymizer);
      break;
    case 11:
      sink->opened (&place, &opening, anonymizer);
      break;
    default:
      tell_frame (anonymizer, &place, (what >> 1 & 15) == 10, told->expected, told);
    }
}

static guint64
tell_all (MilterBytes input)
{
  Told told = { .hash = 1 };
  g_autoptr (MilterAnonymizer) anonymizer
      = milter_anonymizer_new ((MilterBytes) MILTER_BYTES_INIT ("a secret"), &told_sink, &told);

  while (input.size >= 3)
    {
      gsize size = MIN ((gsize) input.data[1] << 8 | input.data[2], input.size - 3);

      tell (anonymizer, input.data[0], milter_bytes (input.data + 3, size), &told);
      input = milter_bytes (input.data + 3 + size, input.size - 3 - size);
    }
  return told.hash;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  MilterBytes input = milter_bytes (data, size);
  guint64 hash = tell_all (input);

  /* to begin takes longest */
  if (hash % 8 == 0)
    g_assert_true (tell_all (input) == hash);
  return 0;
}

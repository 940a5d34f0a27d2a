/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-frame-stream.c: frames out of bytes that come cut anywhere.
 */
#include <criterion/criterion.h>

#include "milter-frame-stream.h"

#define DATA   "\0\0\0\1T"
#define RCPT   "\0\0\0\5R<a>\0"
#define EMPTY  "\0\0\0\0xyz"
#define ABSURD "\x7f\0\0\0Bxyz"

#define BYTES(text) MILTER_BYTES_INIT (text)

/* as `T R<a>. !7`: frames with their payloads (a NUL is a point), then how many bytes are left of a side
 * that is broken, or `+N` of a frame that is not whole */
static char *
cut (MilterBytes all, gsize piece)
{
  GString *out = g_string_new (NULL);
  MilterFrameStream stream;
  gsize n_raw = 0;

  milter_frame_stream_init (&stream, MILTER_SIDE_MTA);
  for (gsize at = 0; at < all.size; at += piece)
    {
      /* of its own, so that a view that lives too long is seen */
      g_autofree guint8 *copy = g_memdup2 (all.data + at, MIN (piece, all.size - at));
      guint8 letter;
      MilterBytes payload;

      milter_frame_stream_feed (&stream, milter_bytes (copy, MIN (piece, all.size - at)));
      while (milter_frame_stream_next (&stream, &letter, &payload))
        {
          g_string_append_c (out, (char) letter);
          for (gsize i = 0; i < payload.size; i++)
            g_string_append_c (out, payload.data[i] != 0 ? (char) payload.data[i] : '.');
          g_string_append_c (out, ' ');
        }
      if (stream.broken)
        {
          g_autoptr (GByteArray) rest = milter_frame_stream_take_rest (&stream);
          n_raw += rest->len;
        }
    }
  if (stream.broken)
    g_string_append_printf (out, "!%zu", n_raw);
  else
    {
      g_autoptr (GByteArray) rest = milter_frame_stream_take_rest (&stream);
      g_string_append_printf (out, "+%u", rest->len);
    }
  milter_frame_stream_clear (&stream);
  return g_string_free (out, FALSE);
}

static const struct
{
  MilterBytes bytes;
  const char *found;
} streams[] = {
  { BYTES (DATA), "T +0" },
  { BYTES (DATA RCPT DATA), "T R<a>. T +0" },
  { BYTES (RCPT "\0\0"), "R<a>. +2" },
  { BYTES (RCPT "\0\0\0\5R<a"), "R<a>. +7" },
  { BYTES (DATA EMPTY DATA), "T !12" },
  { BYTES (RCPT ABSURD), "R<a>. !8" },
  { BYTES (EMPTY), "!7" },
};

Test (frame_stream, gives_the_same_frames_and_the_same_rest_wherever_bytes_are_cut)
{
  for (gsize i = 0; i < G_N_ELEMENTS (streams); i++)
    for (gsize piece = 1; piece <= streams[i].bytes.size; piece++)
      {
        g_autofree char *found = cut (streams[i].bytes, piece);

        cr_expect_str_eq (found, streams[i].found, "stream %zu in pieces of %zu: %s", i, piece, found);
      }
}

Test (frame_stream, does_not_keep_the_memory_of_a_large_frame)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  MilterFrameStream stream;
  guint8 letter;
  MilterBytes payload;

  g_byte_array_append (frame, (const guint8 *) "\0\0\xc0\1B", 5);
  g_byte_array_set_size (frame, 4 + 0xc001);
  milter_frame_stream_init (&stream, MILTER_SIDE_MTA);
  milter_frame_stream_feed (&stream, milter_bytes (frame->data, 30000));
  cr_assert (!milter_frame_stream_next (&stream, &letter, &payload));
  cr_assert_eq (stream.partial->len, 30000);
  milter_frame_stream_feed (&stream, milter_bytes (frame->data + 30000, frame->len - 30000));
  cr_assert (milter_frame_stream_next (&stream, &letter, &payload));
  cr_assert_eq (payload.size, 0xc000);
  cr_assert (!milter_frame_stream_next (&stream, &letter, &payload));
  cr_assert_null (stream.partial);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-capture-recognize.c: what is a frame, and what only looks like one.
 */
#include <criterion/criterion.h>

#include "milter-capture-recognize.h"

static const struct
{
  const char *name;
  MilterBytes bytes;
  guint n_commands, n_replies;
} rows[] = {
  { "nothing", MILTER_BYTES_INIT (""), 0, 0 },
  { "a command", MILTER_BYTES_INIT ("\0\0\0\1N"), 1, 0 },
  { "a reply", MILTER_BYTES_INIT ("\0\0\0\1c"), 0, 1 },
  { "two commands", MILTER_BYTES_INIT ("\0\0\0\2DR\0\0\0\5R<a>\0"), 2, 0 },
  { "an offer may be either's", MILTER_BYTES_INIT ("\0\0\0\15O\0\0\0\6\0\0\0\0\0\0\0\0"), 1, 1 },
  { "one byte too many", MILTER_BYTES_INIT ("\0\0\0\1c\0"), 0, 0 },
  { "one byte too few", MILTER_BYTES_INIT ("\0\0\0\5R<a>"), 0, 0 },
  { "a payload that is malformed", MILTER_BYTES_INIT ("\0\0\0\4R<a>"), 0, 0 },
  { "a reply with a payload that it has not", MILTER_BYTES_INIT ("\0\0\0\2cx"), 0, 0 },
  { "a length of 0", MILTER_BYTES_INIT ("\0\0\0\0c"), 0, 0 },
  { "a length beyond all", MILTER_BYTES_INIT ("\x7f\0\0\1c"), 0, 0 },
  { "no letter", MILTER_BYTES_INIT ("\0\0\0\1!"), 0, 0 },
  { "text", MILTER_BYTES_INIT ("220 mx.example.com ESMTP\r\n"), 0, 0 },
};

Test (capture_recognize, frames)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      cr_assert_eq (milter_recognize_frames (MILTER_SIDE_MTA, rows[i].bytes), rows[i].n_commands, "%s", rows[i].name);
      cr_assert_eq (milter_recognize_frames (MILTER_SIDE_MILTER, rows[i].bytes), rows[i].n_replies, "%s", rows[i].name);
    }
}

Test (capture_recognize, offers)
{
  static const struct
  {
    MilterBytes bytes;
    MilterRecognition result;
  } offers[] = {
    { MILTER_BYTES_INIT (""), MILTER_RECOGNITION_MAYBE },
    { MILTER_BYTES_INIT ("\0\0\0\15"), MILTER_RECOGNITION_MAYBE },
    { MILTER_BYTES_INIT ("\0\0\0\15O\0\0\0\6\0\0\1\xff\0\x1f\xff"), MILTER_RECOGNITION_MAYBE },
    { MILTER_BYTES_INIT ("\0\0\0\15O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"), MILTER_RECOGNITION_YES },
    { MILTER_BYTES_INIT ("\0\0\0\15O\0\0\0\0\0\0\1\xff\0\x1f\xff\xff"), MILTER_RECOGNITION_NO },
    { MILTER_BYTES_INIT ("\0\0\0\15O\1\0\0\6\0\0\1\xff\0\x1f\xff\xff"), MILTER_RECOGNITION_NO },
    { MILTER_BYTES_INIT ("\0\0\0\14O"), MILTER_RECOGNITION_NO },
    { MILTER_BYTES_INIT ("\0\0\0\15M"), MILTER_RECOGNITION_NO },
    { MILTER_BYTES_INIT ("\0\1\0\1O"), MILTER_RECOGNITION_NO },
    { MILTER_BYTES_INIT ("G"), MILTER_RECOGNITION_NO },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (offers); i++)
    cr_assert_eq (milter_recognize_offer (offers[i].bytes), offers[i].result, "row %zu", i);
}

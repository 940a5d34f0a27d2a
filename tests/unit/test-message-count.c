/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-message-count.c: to which message each frame belongs.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "message-count.h"

typedef struct
{
  const char *name;
  const char *frames;  /* letters: behind `>` of the MTA, behind `<` of the milter */
  const char *numbers; /* one each */
  guint32 steps;       /* that the milter asked for */
} Case;

static const Case cases[] = {
  { "two messages", ">O<O>C<c>H<c>D>M<c>R<c>T<c>L<c>N<c>B<c>E<h<c>A>D>M<c>R<c>A>Q", "000000011111111111111100222220", 0 },
  { "one that is refused", ">O<O>C<c>H<c>M<c>R<r>A>M<r>M<c>Q", "0000001111122333", 0 },
  { "MAIL that the milter does not want", ">O<O>C<c>H<c>R<c>E<c>A>R<c>Q", "00000011110222", MILTER_STEP_NO_ENVELOPE_FROM },
  { "a next client", ">O<O>C<c>H<c>M<c>K>C<c>H<c>M<c>Q", "0000001110000222", 0 },
};

static MilterBytes
payload_of (MilterSide side, guint8 letter)
{
  static const struct
  {
    MilterSide side;
    const char *letters;
    MilterBytes payload;
  } payloads[] = {
    { MILTER_SIDE_MTA, "C", MILTER_BYTES_INIT ("h\0U") },
    { MILTER_SIDE_MTA, "H", MILTER_BYTES_INIT ("x\0") },
    { MILTER_SIDE_MTA, "MR", MILTER_BYTES_INIT ("<a>\0") },
    { MILTER_SIDE_MTA, "L", MILTER_BYTES_INIT ("X\0y\0") },
    { MILTER_SIDE_MTA, "D", MILTER_BYTES_INIT ("M") },
    { MILTER_SIDE_MILTER, "h", MILTER_BYTES_INIT ("X\0y\0") },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (payloads); i++)
    if (payloads[i].side == side && strchr (payloads[i].letters, letter) != NULL)
      return payloads[i].payload;
  return milter_bytes (NULL, 0);
}

static guint
take (MessageCount *count, MilterSide side, guint8 letter, guint32 steps)
{
  guint32 options[] = { GUINT32_TO_BE (6),
                        GUINT32_TO_BE (0x1ff),
                        GUINT32_TO_BE (side == MILTER_SIDE_MTA ? 0x1fffff : steps) };
  MilterMessage message;

  milter_message_parse (side,
                        letter,
                        letter == 'O' ? milter_bytes (options, sizeof options)
                                      : payload_of (side, letter),
                        &message);
  return message_count_take (count, &message);
}

Test (message_count, frames_belong_to_the_message_that_is_open)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MessageCount) count = message_count_new ();
      g_autoptr (GString) numbers = g_string_new (NULL);

      for (const char *at = cases[i].frames; *at != '\0'; at += 2)
        g_string_append_printf (numbers,
                                "%u",
                                take (count,
                                      *at == '>' ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER,
                                      (guint8) at[1],
                                      cases[i].steps));
      cr_expect_str_eq (numbers->str, cases[i].numbers, "%s: %s", cases[i].name, numbers->str);
    }
}

Test (message_count, the_leading_blank_is_told_by_what_was_agreed)
{
  g_autoptr (MessageCount) count = message_count_new ();

  take (count, MILTER_SIDE_MTA, 'O', 0);
  cr_assert_eq (message_count_get_flags (count), MILTER_TEXT_PLAIN);
  take (count, MILTER_SIDE_MILTER, 'O', MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE);
  cr_assert_eq (message_count_get_flags (count), MILTER_TEXT_LEADING_SPACE);
}

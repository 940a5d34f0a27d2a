/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-test.c: what the tests of the session rules share.
 */
#include "session-test.h"

static const char full_offer[] = FULL_OFFER;

/* a payload without fault for every letter that needs one */
static const struct
{
  MilterSide side;
  guint8 letter;
  MilterBytes payload;
} payloads[] = {
  { MILTER_SIDE_MTA, 'O', { (const guint8 *) full_offer, 12 } },
  { MILTER_SIDE_MTA, 'D', MILTER_BYTES_INIT ("Mi\0A1\0") },
  { MILTER_SIDE_MTA,
    'C',
    MILTER_BYTES_INIT ("mx\0"
                       "4\x12\x34"
                       "192.0.2.1\0") },
  { MILTER_SIDE_MTA, 'H', MILTER_BYTES_INIT ("client\0") },
  { MILTER_SIDE_MTA, 'M', MILTER_BYTES_INIT ("<a@example.com>\0") },
  { MILTER_SIDE_MTA, 'R', MILTER_BYTES_INIT ("<b@example.net>\0") },
  { MILTER_SIDE_MTA, 'L', MILTER_BYTES_INIT ("Subject\0hi\0") },
  { MILTER_SIDE_MTA, 'B', MILTER_BYTES_INIT ("text\r\n") },
  { MILTER_SIDE_MTA, 'U', MILTER_BYTES_INIT ("FOO bar\0") },
  { MILTER_SIDE_MILTER, 'O', { (const guint8 *) OFFER ("\6", "\1\xff", "\0\4\0"), 12 } },
  { MILTER_SIDE_MILTER, 'y', MILTER_BYTES_INIT ("550 5.7.1 no\0") },
  { MILTER_SIDE_MILTER, 'h', MILTER_BYTES_INIT ("X\0y\0") },
  { MILTER_SIDE_MILTER, 'i', MILTER_BYTES_INIT ("\0\0\0\1X\0y\0") },
  { MILTER_SIDE_MILTER, 'm', MILTER_BYTES_INIT ("\0\0\0\1X\0y\0") },
  { MILTER_SIDE_MILTER, 'b', MILTER_BYTES_INIT ("new") },
  { MILTER_SIDE_MILTER, '+', MILTER_BYTES_INIT ("<c@example.net>\0") },
  { MILTER_SIDE_MILTER, '2', MILTER_BYTES_INIT ("<c@example.net>\0NOTIFY=NEVER\0") },
  { MILTER_SIDE_MILTER, '-', MILTER_BYTES_INIT ("<b@example.net>\0") },
  { MILTER_SIDE_MILTER, 'e', MILTER_BYTES_INIT ("<>\0") },
  { MILTER_SIDE_MILTER, 'q', MILTER_BYTES_INIT ("later\0") },
};

MilterBytes
get_payload (MilterSide side, guint8 letter)
{
  for (gsize i = 0; i < G_N_ELEMENTS (payloads); i++)
    if (payloads[i].side == side && payloads[i].letter == letter)
      return payloads[i].payload;
  return milter_bytes (NULL, 0);
}

gboolean
say_bytes (MilterSession *session,
           MilterSide side,
           guint8 letter,
           MilterBytes payload,
           GError **error)
{
  MilterMessage message;

  milter_message_parse (side, letter, payload, &message);
  if (side == MILTER_SIDE_MTA)
    return milter_session_command (session, &message, error);
  return milter_session_reply (session, &message, error);
}

gboolean
say (MilterSession *session, MilterSide side, guint8 letter, GError **error)
{
  return say_bytes (session, side, letter, get_payload (side, letter), error);
}

MilterSide
get_side (char mark)
{
  return mark == '>' ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER;
}

void
talk (MilterSession *session, const char *words)
{
  for (const char *word = words; *word != '\0'; word += 2)
    {
      g_autoptr (GError) error = NULL;

      if (*word == ' ')
        word++;
      cr_assert (say (session, get_side (word[0]), word[1], &error),
                 "%s at %s: %s",
                 words,
                 word,
                 error == NULL ? "-" : error->message);
    }
}

void
check_deviates (const char *words, int code)
{
  MilterSession session;
  g_autoptr (GError) error = NULL;
  gsize length = strlen (words);
  g_autofree char *before = g_strndup (words, length - 2);

  milter_session_init (&session, MILTER_SESSION_STRICT);
  talk (&session, g_strchomp (before));
  cr_assert_not (
      say (&session, get_side (words[length - 2]), words[length - 1], &error), "%s is fine", words);
  cr_assert (g_error_matches (error, MILTER_SESSION_ERROR, code),
             "%s: code %d instead of %d: %s",
             words,
             error->code,
             code,
             error->message);
  cr_assert_eq (session.n_deviations, 1);
  milter_session_clear (&session);
}

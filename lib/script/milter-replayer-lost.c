/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-replayer-lost.c: behind bytes that are missing in the recording: what the milter has seen
 * of the message does not go on, and what it has to hear before the next one is filled in.
 */
#include "milter-replayer-private.h"

#include <string.h>

#include "milter-profile-private.h"

/* as Postfix would say it: the recording does not have it */
static void
say (MilterReplayer *replayer, guint8 letter, gint64 now_us)
{
  static const char client[] = "client.example.com\0"
                               "4\xc5\x0b"
                               "192.0.2.1";
  static const char name[] = "client.example.com";
  const MilterProfile *profile = milter_profile_get ("postfix");
  MilterProfileFacts facts = {
    .host = milter_bytes_from_string (name),
    .address = milter_bytes_from_string ("192.0.2.1"),
    .helo = milter_bytes_from_string (name),
    .port = 50443,
  };
  g_autoptr (GByteArray) macros = g_byte_array_new ();
  GBytes *symbols[MILTER_N_MACRO_STAGES] = { NULL };
  MilterMessage offer;

  g_byte_array_append (macros, &letter, 1);
  if (letter != MILTER_COMMAND_NEGOTIATE
      && milter_profile_append_macros (profile, letter, &facts, symbols, macros))
    milter_replayer_put_own (
        replayer, MILTER_COMMAND_DEFINE_MACRO, milter_bytes (macros->data, macros->len), now_us);
  if (letter == MILTER_COMMAND_CONNECT)
    milter_replayer_put_own (replayer, letter, milter_bytes (client, sizeof client), now_us);
  else if (letter == MILTER_COMMAND_HELO)
    milter_replayer_put_own (replayer, letter, milter_bytes (name, sizeof name), now_us);
  else
    {
      g_autoptr (GByteArray) frame = g_byte_array_new ();

      milter_message_init (&offer, MILTER_SIDE_MTA, letter);
      offer.fields[0].number = profile->offer.version;
      offer.fields[1].number = profile->offer.actions;
      offer.fields[2].number = profile->offer.steps;
      milter_message_append (&offer, frame, /* error= */ NULL);
      milter_replayer_put_own (
          replayer, letter, milter_bytes (frame->data + 5, frame->len - 5), now_us);
    }
}

/* what is missing before this command; 0: nothing */
static guint8
find_missing (const MilterReplayer *replayer, guint8 stage)
{
  static const char order[] = "OCH";
  const bool there[] = { replayer->live.negotiated, replayer->connected, replayer->heloed };
  gsize n = stage == MILTER_COMMAND_CONNECT ? 1 : stage == MILTER_COMMAND_HELO ? 2 : 3;

  if (strchr ("CHM", stage) == NULL)
    return 0;
  for (gsize i = 0; i < n; i++)
    if (!there[i] && !replayer->live.client_over
        && (!replayer->live.negotiated
            || milter_session_is_wanted (&replayer->live.session, (guint8) order[i])))
      return (guint8) order[i];
  return 0;
}

bool
milter_replayer_fill_in (MilterReplayer *replayer, guint8 stage, gint64 now_us)
{
  guint8 missing = find_missing (replayer, stage);

  if (missing != 0)
    say (replayer, missing, now_us);
  return missing != 0;
}

void
milter_replayer_lose (MilterReplayer *replayer, gint64 now_us)
{
  replayer->lost = true;
  if (milter_session_in_message (&replayer->live.session)
      && replayer->phase == MILTER_REPLAY_PLAYING)
    milter_replayer_put_own (replayer, MILTER_COMMAND_ABORT, milter_bytes (NULL, 0), now_us);
}

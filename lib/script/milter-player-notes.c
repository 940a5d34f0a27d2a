/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-notes.c: what has passed, for failures ("last"), the trace and the lint.
 *
 * None of them decides what is sent next, and the milter works while they are told: a frame is
 * only put down when it passes, and told when all that was to be sent has left. Whoever asks for
 * what was told has it told first.
 */
#include "milter-player-private.h"

#include "milter-text.h"

/* a frame up to this size is kept as it is until somebody wants to see it */
#define MAX_NOTE 1024
/* a larger payload is told at once: it would have to be copied */
#define MAX_UNTOLD_PAYLOAD 4096
/* so many bytes may wait at most, where many frames leave in one go */
#define MAX_UNTOLD (256 * 1024)

void
milter_player_init_notes (MilterPlayer *player)
{
  for (guint i = 0; i < MILTER_PLAYER_N_LAST; i++)
    {
      player->last[i].payload = g_byte_array_new ();
      player->last[i].text = g_string_new (NULL);
    }
  player->untold = g_array_new (FALSE, FALSE, sizeof (MilterUntoldNote));
  player->untold_bytes = g_byte_array_new ();
}

void
milter_player_clear_notes (MilterPlayer *player)
{
  for (guint i = 0; i < MILTER_PLAYER_N_LAST; i++)
    {
      g_byte_array_unref (player->last[i].payload);
      g_string_free (player->last[i].text, TRUE);
    }
  g_array_unref (player->untold);
  g_byte_array_unref (player->untold_bytes);
}

void
milter_player_set_trace (MilterPlayer *player, MilterPlayerTrace trace, gpointer user_data)
{
  player->trace = trace;
  player->trace_data = user_data;
}

const MilterWhere *
milter_player_get_where (const MilterPlayer *player)
{
  return player->turn.open ? &player->turn.where : &player->last_where;
}

/* most frames are never looked at again: they are kept as they are, and told in words when asked */
static void
keep_for_last (MilterPlayer *player, const MilterUntoldNote *untold, const MilterMessage *message)
{
  MilterNote *note = &player->last[player->n_last++ % MILTER_PLAYER_N_LAST];

  note->peer = untold->peer;
  note->from = untold->from;
  note->letter = untold->letter;
  note->flags = untold->flags;
  g_byte_array_set_size (note->payload, 0);
  g_string_truncate (note->text, 0);
  if (message->payload.size > MAX_NOTE)
    milter_message_append_text (message, note->flags, note->text);
  else if (message->payload.size > 0)
    g_byte_array_append (note->payload, message->payload.data, message->payload.size);
}

static void
tell (MilterPlayer *player, const MilterUntoldNote *note, MilterBytes payload)
{
  MilterMessage message;

  milter_message_parse (note->from, note->letter, payload, &message);
  keep_for_last (player, note, &message);
  if (player->trace != NULL)
    player->trace (note->peer, note->from, &message, note->flags, note->at_us, player->trace_data);
  if (player->config.lint && !note->passed_over)
    milter_lint_frame (player->lint, note->peer, &message, &note->where, note->at_us);
}

void
milter_player_tell_notes (MilterPlayer *player)
{
  const guint8 *bytes = player->untold_bytes->data;

  if (player->untold->len == 0)
    return;
  for (guint i = 0; i < player->untold->len; i++)
    {
      const MilterUntoldNote *note = &g_array_index (player->untold, MilterUntoldNote, i);

      tell (player, note, milter_bytes (bytes, note->size));
      bytes += note->size;
    }
  g_array_set_size (player->untold, 0);
  g_byte_array_set_size (player->untold_bytes, 0);
}

void
milter_player_note (
    MilterPlayer *player, guint peer, MilterSide from, guint8 letter, MilterBytes payload)
{
  bool leading_space = milter_player_has_leading_space (player, peer);
  MilterUntoldNote note = {
    .peer = peer,
    .from = from,
    .flags = MILTER_TEXT_SHORT | (leading_space ? MILTER_TEXT_LEADING_SPACE : 0),
    .letter = letter,
    .size = payload.size,
    .at_us = player->now_us,
    .where = *milter_player_get_where (player),
    .passed_over = player->config.quit_answered && from == MILTER_SIDE_MILTER
                   && letter == MILTER_REPLY_CONTINUE
                   && player->peers[peer].last_command == MILTER_COMMAND_QUIT,
  };

  if (payload.size > MAX_UNTOLD_PAYLOAD || player->untold_bytes->len > MAX_UNTOLD)
    milter_player_tell_notes (player);
  if (payload.size > MAX_UNTOLD_PAYLOAD)
    {
      tell (player, &note, payload);
      return;
    }
  g_array_append_val (player->untold, note);
  if (payload.size > 0)
    g_byte_array_append (player->untold_bytes, payload.data, (guint) payload.size);
}

void
milter_player_provoke (MilterPlayer *player, guint peer)
{
  milter_player_tell_notes (player);
  milter_lint_raw (player->lint, peer);
}

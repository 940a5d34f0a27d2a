/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-player-output.c: how bytes leave: whole, in pieces, not before a time, and nothing behind
 * the byte at which a line cuts them off.
 */
#include "milter-player-private.h"

/* what has left is cleared away when it is as much as this */
#define MAX_LEFT (64 * 1024)

static bool
may_write (const MilterPlayer *player, guint peer)
{
  return milter_player_has_output (player, peer) && !player->peers[peer].ended
         && player->peers[peer].opened;
}

bool
milter_player_has_output (const MilterPlayer *player, guint peer)
{
  return player->peers[peer].out->len > player->peers[peer].out_at;
}

void
milter_player_drop_output (MilterPeer *peer)
{
  g_byte_array_set_size (peer->out, 0);
  peer->out_at = 0;
}

bool
milter_player_is_writing (const MilterPlayer *player)
{
  bool held = player->now_us < player->hold_until_us;

  for (guint i = 0; i < player->config.n_peers; i++)
    if (may_write (player, i) && (player->peers[i].out_at > 0 || held))
      return true;
  return false;
}

/* the last byte of what was due: from now on the milter may be waited for */
static void
finish_write (MilterPlayer *player, guint index)
{
  MilterPeer *peer = &player->peers[index];
  GByteArray *bytes = peer->out;

  /* the bytes that are handed out live until the next call */
  peer->out = player->handed_out;
  player->handed_out = bytes;
  milter_player_drop_output (peer);
  peer->sent_us = player->now_us;
  if (player->wait.peer == index)
    milter_player_restart_wait (player);
}

static bool
next_write (MilterPlayer *player, MilterPlayerAction *action)
{
  if (player->now_us < player->hold_until_us)
    return false;
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];
      gsize size;

      if (!may_write (player, i))
        continue;
      size = milter_writes_next_size (&player->writes, peer->out->len - peer->out_at);
      if (size == 0)
        return false;
      *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_SEND,
                                      .peer = i,
                                      .bytes = milter_bytes (peer->out->data + peer->out_at, size) };
      peer->out_at += size;
      milter_writes_count (&player->writes, size);
      if (peer->out_at == peer->out->len)
        finish_write (player, i);
      return true;
    }
  return false;
}

/* what has left in pieces is forgotten now and then; the last piece may still be looked at */
static void
clear_away (MilterPlayer *player)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      if (peer->out_at < MAX_LEFT)
        continue;
      g_byte_array_remove_range (peer->out, 0, peer->out_at);
      peer->out_at = 0;
    }
}

/* `stall T reading`: T counts from the command that leaves now */
static bool
next_pause (MilterPlayer *player, MilterPlayerAction *action)
{
  for (guint i = 0; player->read_stall_due && i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      if (!peer->opened || peer->ended || peer->paused)
        continue;
      peer->paused = true;
      *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_PAUSE_READING, .peer = i };
      return true;
    }
  if (player->read_stall_due)
    {
      player->read_again_us = player->now_us + player->read_stall_us;
      player->read_stall_us = 0;
      player->read_stall_due = false;
    }
  return false;
}

static bool
next_resume (MilterPlayer *player, MilterPlayerAction *action)
{
  bool over = player->now_us >= player->read_again_us && !player->read_stall_due;

  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      if (!peer->paused || !over)
        continue;
      peer->paused = false;
      if (player->wait.peer == i)
        milter_player_restart_wait (player);
      *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_RESUME_READING, .peer = i };
      return true;
    }
  return false;
}

/* what a line does to the connection, behind the bytes before it */
static bool
next_todo (MilterPlayer *player, MilterPlayerAction *action)
{
  for (guint i = 0; i < player->config.n_peers; i++)
    {
      MilterPeer *peer = &player->peers[i];

      if (peer->todo == MILTER_PLAYER_DONE)
        continue;
      *action = (MilterPlayerAction){ .kind = peer->todo, .peer = i };
      if (peer->todo != MILTER_PLAYER_HALF_CLOSE)
        peer->let_go = true;
      peer->todo = MILTER_PLAYER_DONE;
      return true;
    }
  return false;
}

bool
milter_player_next_output (MilterPlayer *player, MilterPlayerAction *action)
{
  clear_away (player);
  return next_resume (player, action) || next_pause (player, action) || next_write (player, action)
         || next_todo (player, action);
}

gint64
milter_player_output_deadline (const MilterPlayer *player)
{
  gint64 deadline = milter_player_armed_deadline (player);

  for (guint i = 0; i < player->config.n_peers; i++)
    {
      if (player->peers[i].paused)
        deadline = MIN (deadline, player->read_again_us);
      if (may_write (player, i))
        deadline = MIN (deadline, player->hold_until_us);
    }
  return deadline;
}

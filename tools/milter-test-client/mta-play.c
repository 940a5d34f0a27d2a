/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-play.c: the SMTP client of a case for MTAs, in a thread that may wait.
 */
#include "mta-play.h"

#include <string.h>

#include "mta-sink-session.h"

/* how long an MTA may take to end what it has with the milter when its client has gone, at most */
#define SETTLE_US (10 * G_TIME_SPAN_SECOND)

typedef struct
{
  MtaTurn *turn;
  const MtaSmtpPeer *peer;
  GPtrArray *connections; /* of MtaSmtp; the last one talks */
  char *reply;            /* (nullable) the last one */
} Client;

static MtaSmtp *
get_connection (const Client *client)
{
  return client->connections->len > 0
             ? g_ptr_array_index (client->connections, client->connections->len - 1)
             : NULL;
}

static void
fail (Client *client, const MilterSmtpStep *step, const char *what, const char *expected, const char *got)
{
  mta_turn_set_problem (client->turn, &step->where, what, expected, got != NULL ? got : "nothing");
}

static void
read_reply (Client *client)
{
  g_free (client->reply);
  client->reply = mta_smtp_read_reply (get_connection (client));
  mta_turn_note (client->turn, "S", client->reply);
}

/* --- what the client does --------------------------------------------------------------------- */

static bool
do_connect (Client *client, const MilterSmtpStep *step)
{
  g_autoptr (GError) error = NULL;
  gsize size;
  const char *text = step->bytes != NULL ? g_bytes_get_data (step->bytes, &size) : NULL;
  g_autofree char *from = text != NULL ? g_strndup (text, size) : NULL;
  MtaSmtp *smtp = mta_smtp_connect (client->peer, from, &error);

  if (smtp == NULL)
    {
      fail (client, step, "the SMTP client", /* expected= */ NULL, error->message);
      return false;
    }
  g_ptr_array_add (client->connections, smtp);
  mta_turn_note (client->turn, "C", "(connects)");
  read_reply (client);
  return true;
}

static void
say_line (Client *client, const char *line, gsize size)
{
  g_autoptr (GString) text = g_string_new_len (line, (gssize) size);

  mta_turn_note (client->turn, "C", text->str);
  /* in one piece: the end of a line that comes late is waited for */
  g_string_append (text, "\r\n");
  mta_smtp_send (get_connection (client), milter_bytes ((const guint8 *) text->str, text->len));
}

static bool
do_say (Client *client, const MilterSmtpStep *step)
{
  gsize size;
  const char *line = g_bytes_get_data (step->bytes, &size);

  say_line (client, line, size);
  read_reply (client);
  return true;
}

/* where the second field of a message begins, or its body */
static gsize
find_second_field (const char *text, gsize size)
{
  const char *end = g_strstr_len (text, (gssize) size, "\r\n");

  while (end != NULL && end + 2 < text + size && (end[2] == ' ' || end[2] == '\t'))
    end = g_strstr_len (end + 2, text + size - end - 2, "\r\n");
  return end != NULL ? (gsize) (end + 2 - text) : 0;
}

/* A message that is to be found again when it is delivered says whose it is; not in its first or last
 * field, where an edit that goes wrong by one would not show. */
static void
append_message (GByteArray *bytes, const MilterScenarioCase *entry, const char *text, gsize size)
{
  g_autoptr (GString) whole = g_string_new_len (text, (gssize) size);
  g_autofree char *tag = g_strdup_printf (MTA_SINK_TAG ": %s\r\n", entry->id);

  if (mta_judge_needs_delivery (entry))
    g_string_insert (whole, (gssize) find_second_field (text, size), tag);
  mta_smtp_append_message (bytes, milter_bytes ((const guint8 *) whole->str, whole->len));
}

static bool
do_message (Client *client, const MilterSmtpStep *step)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  gsize size;
  const char *text = g_bytes_get_data (step->bytes, &size);

  if (client->reply == NULL || !g_str_has_prefix (client->reply, "354"))
    {
      fail (client, step, "the reply to DATA", "354", client->reply);
      return false;
    }
  append_message (bytes, client->turn->entry, text, size);
  mta_turn_note (client->turn, "C", "(the message)");
  mta_smtp_send (get_connection (client), milter_bytes (bytes->data, bytes->len));
  read_reply (client);
  return true;
}

static bool
do_close (Client *client, const MilterSmtpStep *step)
{
  mta_turn_note (client->turn, "C", "(hangs up)");
  g_ptr_array_remove_index (client->connections, client->connections->len - 1);
  g_clear_pointer (&client->reply, g_free);
  return true;
}

static bool (*const actions[]) (Client *client, const MilterSmtpStep *step) = {
  [MILTER_SMTP_CONNECT] = do_connect,
  [MILTER_SMTP_SAY] = do_say,
  [MILTER_SMTP_MESSAGE] = do_message,
  [MILTER_SMTP_CLOSE] = do_close,
};

/* --- a case ----------------------------------------------------------------------------------- */

/* (transfer full) as reports call it */
static char *
describe_step (const MilterSmtpStep *step)
{
  gsize size;
  const char *line;

  if (step->action == MILTER_SMTP_CONNECT)
    return g_strdup ("the banner");
  if (step->action != MILTER_SMTP_SAY)
    return g_strdup ("the reply to the message");
  line = g_bytes_get_data (step->bytes, &size);
  return g_strdup_printf ("the reply to %.*s", (int) size, line);
}

static bool
check_reply (Client *client, const MilterSmtpStep *step)
{
  g_autofree char *what = NULL;

  if (step->replies->len == 0)
    return true;
  for (guint i = 0; i < step->replies->len; i++)
    if (client->reply != NULL
        && milter_pattern_matches (g_ptr_array_index (step->replies, i),
                                   milter_bytes_from_string (client->reply)))
      return true;
  what = describe_step (step);
  fail (client, step, what, step->text, client->reply);
  return false;
}

static bool
do_step (Client *client, const MilterSmtpStep *step)
{
  if (step->action != MILTER_SMTP_CONNECT && get_connection (client) == NULL)
    {
      fail (client, step, "the SMTP client", "a connection (\"smtp connect\")", "none");
      return false;
    }
  return actions[step->action](client, step) && check_reply (client, step);
}

/* QUIT would be a line of the message that the MTA waits for */
static bool
can_quit (const Client *client)
{
  return mta_smtp_is_open (get_connection (client)) && g_atomic_int_get (client->peer->stop) == 0
         && (client->reply == NULL || !g_str_has_prefix (client->reply, "354"));
}

static void
leave (Client *client)
{
  while (client->connections->len > 0)
    {
      if (can_quit (client))
        {
          say_line (client, "QUIT", strlen ("QUIT"));
          read_reply (client);
        }
      g_ptr_array_remove_index (client->connections, client->connections->len - 1);
    }
}

void
mta_play (MtaTurn *turn, const MtaSmtpPeer *peer)
{
  Client client = { .turn = turn, .peer = peer };
  gint64 deadline_us;

  client.connections = g_ptr_array_new_with_free_func ((GDestroyNotify) mta_smtp_free);
  for (guint i = 0; i < turn->entry->smtp->len; i++)
    if (g_atomic_int_get (peer->stop) != 0 || !do_step (&client, g_ptr_array_index (turn->entry->smtp, i)))
      break;
  leave (&client);
  g_ptr_array_unref (client.connections);
  g_free (client.reply);
  turn->played = g_atomic_int_get (peer->stop) == 0;
  deadline_us = g_get_monotonic_time () + MIN (SETTLE_US, peer->timeout_us);
  if (!mta_turn_settle (turn, deadline_us, peer->stop))
    mta_turn_note (turn, "!", "the MTA does not end its connection to the milter");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-sink-session.c: takes mail by SMTP or LMTP, and refuses nothing.
 */
#include "mta-sink-session.h"

#include <stdbool.h>
#include <string.h>

/* a message that is longer is none of ours */
#define MAX_LINE (16u << 20)

struct _MtaSinkSession
{
  MtaSinkFunc func;
  gpointer user_data;
  GString *unread;
  MtaDelivered *message; /* (nullable) since MAIL */
  bool is_lmtp;          /* each recipient has a reply to the dot */
  bool in_content;
  bool in_header;
};

void
mta_delivered_free (MtaDelivered *delivered)
{
  if (delivered == NULL)
    return;
  g_free (delivered->tag);
  g_free (delivered->from);
  g_ptr_array_unref (delivered->to);
  g_string_free (delivered->content, TRUE);
  g_free (delivered);
}

MtaSinkSession *
mta_sink_session_new (MtaSinkFunc func, gpointer user_data)
{
  MtaSinkSession *session = g_new0 (MtaSinkSession, 1);

  session->func = func;
  session->user_data = user_data;
  session->unread = g_string_new (NULL);
  return session;
}

static void
forget_message (MtaSinkSession *session)
{
  g_clear_pointer (&session->message, mta_delivered_free);
  session->in_content = false;
}

void
mta_sink_session_free (MtaSinkSession *session)
{
  if (session == NULL)
    return;
  forget_message (session);
  g_string_free (session->unread, TRUE);
  g_free (session);
}

/* --- content ---------------------------------------------------------------------------------- */

static void
end_content (MtaSinkSession *session, GString *reply)
{
  guint n_replies = session->is_lmtp ? session->message->to->len : 1;

  session->in_content = false;
  session->func (g_steal_pointer (&session->message), session->user_data);
  for (guint i = 0; i < n_replies; i++)
    g_string_append (reply, "250 2.0.0 taken\r\n");
}

/* the field that names its case is ours, not the MTA's */
static bool
take_tag (MtaDelivered *message, const char *line)
{
  static const char field[] = MTA_SINK_TAG ":";

  if (g_ascii_strncasecmp (line, field, strlen (field)) != 0)
    return false;
  g_free (message->tag);
  message->tag = g_strstrip (g_strdup (line + strlen (field)));
  return true;
}

static void
take_content (MtaSinkSession *session, const char *line, gsize size, GString *reply)
{
  if (size == 1 && *line == '.')
    {
      end_content (session, reply);
      return;
    }
  if (size > 0 && *line == '.')
    {
      line++;
      size--;
    }
  if (size == 0)
    session->in_header = false;
  if (session->in_header && take_tag (session->message, line))
    return;
  g_string_append_len (session->message->content, line, (gssize) size);
  g_string_append_c (session->message->content, '\n');
}

/* --- commands --------------------------------------------------------------------------------- */

/* (transfer full) what stands behind the colon, up to its arguments */
static char *
pick_path (const char *line)
{
  const char *colon = strchr (line, ':');
  const char *path = colon != NULL ? colon + 1 + strspn (colon + 1, " ") : "";

  return g_strndup (path, strcspn (path, " "));
}

static const char *
say_hello (MtaSinkSession *session, const char *line)
{
  forget_message (session);
  session->is_lmtp = g_ascii_toupper (*line) == 'L';
  return "250-sink.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n";
}

static const char *
begin_message (MtaSinkSession *session, const char *line)
{
  forget_message (session);
  session->message = g_new0 (MtaDelivered, 1);
  session->message->from = pick_path (line);
  session->message->to = g_ptr_array_new_with_free_func (g_free);
  session->message->content = g_string_new (NULL);
  return "250 2.1.0 ok\r\n";
}

static const char *
add_recipient (MtaSinkSession *session, const char *line)
{
  if (session->message == NULL)
    return "503 5.5.1 MAIL first\r\n";
  g_ptr_array_add (session->message->to, pick_path (line));
  return "250 2.1.5 ok\r\n";
}

static const char *
begin_content (MtaSinkSession *session, const char *line)
{
  if (session->message == NULL || session->message->to->len == 0)
    return "503 5.5.1 RCPT first\r\n";
  session->in_content = session->in_header = true;
  return "354 go on\r\n";
}

static const char *
reset (MtaSinkSession *session, const char *line)
{
  forget_message (session);
  return "250 2.0.0 ok\r\n";
}

static const char *
say_yes (MtaSinkSession *session, const char *line)
{
  return "250 2.0.0 ok\r\n";
}

static const struct
{
  const char *verb;
  const char *(*take) (MtaSinkSession *session, const char *line);
} commands[] = {
  { "EHLO", say_hello },     { "HELO", say_hello }, { "LHLO", say_hello }, { "MAIL", begin_message },
  { "RCPT", add_recipient }, { "DATA", begin_content }, { "RSET", reset }, { "NOOP", say_yes },
};

static bool
take_command (MtaSinkSession *session, const char *line, GString *reply)
{
  if (g_ascii_strncasecmp (line, "QUIT", 4) == 0)
    {
      g_string_append (reply, "221 2.0.0 bye\r\n");
      return false;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_ascii_strncasecmp (line, commands[i].verb, 4) == 0)
      {
        g_string_append (reply, commands[i].take (session, line));
        return true;
      }
  g_string_append (reply, "502 5.5.1 unknown\r\n");
  return true;
}

/* --- bytes ------------------------------------------------------------------------------------ */

gboolean
mta_sink_session_take (MtaSinkSession *session, MilterBytes bytes, GString *reply)
{
  GString *unread = session->unread;
  bool stays = true;
  gsize at = 0;
  const char *end;

  g_string_append_len (unread, (const char *) bytes.data, (gssize) bytes.size);
  while (stays && (end = g_strstr_len (unread->str + at, (gssize) (unread->len - at), "\r\n")) != NULL)
    {
      gsize size = (gsize) (end - unread->str) - at;
      g_autofree char *line = g_strndup (unread->str + at, size);

      at += size + 2;
      if (session->in_content)
        take_content (session, line, size, reply);
      else
        stays = take_command (session, line, reply);
    }
  g_string_erase (unread, 0, (gssize) at);
  return stays && unread->len <= MAX_LINE;
}

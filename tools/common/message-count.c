/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message-count.c: to which message of a connection each frame belongs.
 */
#include "message-count.h"

#include "milter-session.h"

struct _MessageCount
{
  MilterSession session;
  guint n_messages;
};

MessageCount *
message_count_new (void)
{
  MessageCount *count = g_new0 (MessageCount, 1);

  milter_session_init (&count->session, MILTER_SESSION_LENIENT);
  return count;
}

void
message_count_free (MessageCount *count)
{
  if (count == NULL)
    return;
  milter_session_clear (&count->session);
  g_free (count);
}

guint
message_count_take (MessageCount *count, const MilterMessage *message)
{
  MilterSession *session = &count->session;
  bool is_command = message->sender == MILTER_SIDE_MTA;
  bool was_in = milter_session_in_message (session);
  bool is_in;

  if (is_command)
    milter_session_command (session, message, /* error= */ NULL);
  else
    milter_session_reply (session, message, /* error= */ NULL);
  is_in = milter_session_in_message (session);
  /* one whose MAIL the milter did not want begins with what comes first of it */
  if (is_in && is_command && (!was_in || message->letter == MILTER_COMMAND_ENVELOPE_FROM))
    count->n_messages++;
  return was_in || is_in ? count->n_messages : 0;
}

MilterTextFlags
message_count_get_flags (const MessageCount *count)
{
  return count->session.agreed.steps & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE
             ? MILTER_TEXT_LEADING_SPACE
             : MILTER_TEXT_PLAIN;
}

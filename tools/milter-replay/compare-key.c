/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-key.c: see compare-key.h.
 */
#include "compare-key.h"

#include <string.h>

#include "milter-text.h"

static void
append_string (GString *key, const GString *string)
{
  MilterBytes bytes
      = string != NULL ? milter_bytes (string->str, string->len) : milter_bytes (NULL, 0);

  milter_text_append_quoted (bytes, MILTER_TEXT_PLAIN, key);
  g_string_append_c (key, ' ');
}

static int
compare_addresses (gconstpointer a, gconstpointer b)
{
  const MilterMailAddress *one = *(const MilterMailAddress *const *) a;
  const MilterMailAddress *other = *(const MilterMailAddress *const *) b;

  return strcmp (one->address->str, other->address->str);
}

static void
append_envelope (GString *key, const MilterRecordedMessage *message)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();

  append_string (key, message->mail->sender.address);
  for (guint i = 0; i < message->mail->recipients->len; i++)
    g_ptr_array_add (sorted, g_ptr_array_index (message->mail->recipients, i));
  g_ptr_array_sort (sorted, compare_addresses);
  for (guint i = 0; i < sorted->len; i++)
    append_string (key, ((MilterMailAddress *) g_ptr_array_index (sorted, i))->address);
}

static void
append_message (GString *key, const MilterRecordedMessage *message)
{
  append_envelope (key, message);
  if (message->message_id != NULL)
    {
      g_string_append (key, "message ");
      append_string (key, message->message_id);
    }
  else if (message->queue_id != NULL)
    {
      g_string_append (key, "queue ");
      append_string (key, message->queue_id);
    }
}

char *
compare_key_of_message (const MilterRecordedMessage *message)
{
  GString *key = g_string_new (NULL);

  append_message (key, message);
  return g_string_free (key, FALSE);
}

char *
compare_key_at_first_sight (const MilterRecordedMessage *message,
                            const MilterRecordedSession *session)
{
  GString *key = g_string_new (NULL);

  append_message (key, message);
  g_string_append_printf (key,
                          " %u %x %x %u",
                          session->answer.version,
                          session->answer.actions,
                          session->answer.steps,
                          session->symbols != NULL ? session->symbols->len : 0);
  return g_string_free (key, FALSE);
}

char *
compare_key_of_message_id_and_sender (const MilterRecordedMessage *message)
{
  GString *key;

  if (message->message_id == NULL)
    return NULL;
  key = g_string_new (NULL);
  append_string (key, message->message_id);
  append_string (key, message->mail->sender.address);
  return g_string_free (key, FALSE);
}

char *
compare_key_of_message_id (const MilterRecordedMessage *message)
{
  GString *key;

  if (message->message_id == NULL)
    return NULL;
  key = g_string_new (NULL);
  append_string (key, message->message_id);
  return g_string_free (key, FALSE);
}

char *
compare_key_of_envelope (const MilterRecordedMessage *message)
{
  GString *key = g_string_new (NULL);

  append_envelope (key, message);
  return g_string_free (key, FALSE);
}

char *
compare_key_of_sender (const MilterRecordedMessage *message)
{
  GString *key = g_string_new (NULL);

  append_string (key, message->mail->sender.address);
  return g_string_free (key, FALSE);
}

char *
compare_key_of_client (const MilterRecordedSession *session)
{
  GString *key = g_string_new (NULL);

  append_string (key, session->host);
  append_string (key, session->address);
  append_string (key, session->helo);
  return g_string_free (key, FALSE);
}

char *
compare_key_of_order (const MilterRecordedSession *session)
{
  return session->n_messages == 0 ? g_strdup ("") : NULL;
}

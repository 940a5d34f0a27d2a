/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-message-result.c: what became of one message.
 */
#include "milter-message-result.h"

#include <string.h>

#include "milter-message-result-private.h"

struct _MilterMessageResult
{
  GObject parent_instance;

  char *from;
  GQueue recipients; /* those that were not refused */
  GQueue temporary_failed;
  GQueue rejected;
  MilterHeaders *headers;
  MilterHeaders *added;
  MilterHeaders *removed;
  guint64 body_size;
  MilterState state;
  MilterStatus status;
  gboolean quarantine;
  gint64 start; /* 0: not begun */
  gint64 end;   /* 0: not over */
};

G_DEFINE_TYPE (MilterMessageResult, milter_message_result, G_TYPE_OBJECT)

static void
milter_message_result_finalize (GObject *object)
{
  MilterMessageResult *result = MILTER_MESSAGE_RESULT (object);

  g_free (result->from);
  g_queue_clear_full (&result->recipients, g_free);
  g_queue_clear_full (&result->temporary_failed, g_free);
  g_queue_clear_full (&result->rejected, g_free);
  g_clear_object (&result->headers);
  g_clear_object (&result->added);
  g_clear_object (&result->removed);
  G_OBJECT_CLASS (milter_message_result_parent_class)->finalize (object);
}

static void
milter_message_result_class_init (MilterMessageResultClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = milter_message_result_finalize;
}

static void
milter_message_result_init (MilterMessageResult *result)
{
  g_queue_init (&result->recipients);
  g_queue_init (&result->temporary_failed);
  g_queue_init (&result->rejected);
  result->headers = milter_headers_new ();
  result->added = milter_headers_new ();
  result->removed = milter_headers_new ();
  result->state = MILTER_STATE_START;
  result->status = MILTER_STATUS_DEFAULT;
}

/* For the contexts. */

MilterMessageResult *
_milter_message_result_new (void)
{
  return g_object_new (MILTER_TYPE_MESSAGE_RESULT, NULL);
}

void
_milter_message_result_start (MilterMessageResult *result, gint64 now)
{
  result->start = now;
  result->end = 0;
}

void
_milter_message_result_stop (MilterMessageResult *result, gint64 now)
{
  result->end = now;
}

void
_milter_message_result_set_from (MilterMessageResult *result, const char *from)
{
  g_free (result->from);
  result->from = g_strdup (from);
}

void
_milter_message_result_add_recipient (MilterMessageResult *result, const char *recipient)
{
  g_queue_push_tail (&result->recipients, g_strdup (recipient));
}

void
_milter_message_result_refuse_recipient (MilterMessageResult *result,
                                         const char *recipient,
                                         MilterStatus status)
{
  GQueue *refused
      = status == MILTER_STATUS_TEMPORARY_FAILURE ? &result->temporary_failed : &result->rejected;

  /* from the end: it is nearly always the last one */
  for (GList *node = result->recipients.tail; node != NULL; node = node->prev)
    if (strcmp (node->data, recipient) == 0)
      {
        g_queue_unlink (&result->recipients, node);
        g_queue_push_tail_link (refused, node);
        return;
      }
  g_queue_push_tail (refused, g_strdup (recipient));
}

void
_milter_message_result_add_body_size (MilterMessageResult *result, guint64 size)
{
  result->body_size += size;
}

void
_milter_message_result_set_state (MilterMessageResult *result, MilterState state)
{
  result->state = state;
}

void
_milter_message_result_set_status (MilterMessageResult *result, MilterStatus status)
{
  result->status = status;
}

void
_milter_message_result_set_quarantine (MilterMessageResult *result, gboolean quarantine)
{
  result->quarantine = quarantine;
}

/* For programs. */

/**
 * milter_message_result_get_from:
 * @result: a result
 *
 * Returns: (transfer none) (nullable): the sender as the MTA gave it; %NULL if it gave none
 */
const char *
milter_message_result_get_from (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), NULL);

  return result->from;
}

/**
 * milter_message_result_get_recipients:
 * @result: a result
 *
 * Returns: (transfer none) (element-type utf8) (nullable): the recipients that were not refused, as
 *   the MTA gave them
 */
GList *
milter_message_result_get_recipients (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), NULL);

  return result->recipients.head;
}

/**
 * milter_message_result_get_temporary_failed_recipients:
 * @result: a result
 *
 * Returns: (transfer none) (element-type utf8) (nullable): the recipients that were refused for now
 */
GList *
milter_message_result_get_temporary_failed_recipients (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), NULL);

  return result->temporary_failed.head;
}

/**
 * milter_message_result_get_rejected_recipients:
 * @result: a result
 *
 * Returns: (transfer none) (element-type utf8) (nullable): the recipients that were refused for
 * good
 */
GList *
milter_message_result_get_rejected_recipients (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), NULL);

  return result->rejected.head;
}

/**
 * milter_message_result_get_headers:
 * @result: a result
 *
 * Returns: (transfer none): the header fields as the MTA sent them
 */
MilterHeaders *
milter_message_result_get_headers (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), NULL);

  return result->headers;
}

/**
 * milter_message_result_get_body_size:
 * @result: a result
 *
 * Returns: how many bytes of body the MTA sent
 */
guint64
milter_message_result_get_body_size (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), 0);

  return result->body_size;
}

/**
 * milter_message_result_get_state:
 * @result: a result
 *
 * Returns: how far the message came
 */
MilterState
milter_message_result_get_state (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), MILTER_STATE_INVALID);

  return result->state;
}

/**
 * milter_message_result_get_status:
 * @result: a result
 *
 * Returns: what was decided; %MILTER_STATUS_DEFAULT before that
 */
MilterStatus
milter_message_result_get_status (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), MILTER_STATUS_DEFAULT);

  return result->status;
}

/**
 * milter_message_result_get_added_headers:
 * @result: a result
 *
 * Returns: (transfer none): the header fields that the milter added, and the new values of those
 *   that it changed
 */
MilterHeaders *
milter_message_result_get_added_headers (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), NULL);

  return result->added;
}

/**
 * milter_message_result_get_removed_headers:
 * @result: a result
 *
 * Returns: (transfer none): the header fields that the milter deleted, and the old values of those
 *   that it changed
 */
MilterHeaders *
milter_message_result_get_removed_headers (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), NULL);

  return result->removed;
}

/**
 * milter_message_result_is_quarantine:
 * @result: a result
 *
 * Returns: whether the milter asked for the message to be held
 */
gboolean
milter_message_result_is_quarantine (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), FALSE);

  return result->quarantine;
}

/**
 * milter_message_result_get_elapsed_time:
 * @result: a result
 *
 * Returns: the seconds from the message's beginning to its end; 0 before that
 */
double
milter_message_result_get_elapsed_time (MilterMessageResult *result)
{
  g_return_val_if_fail (MILTER_IS_MESSAGE_RESULT (result), 0);

  if (result->end <= result->start)
    return 0;
  return (double) (result->end - result->start) / G_USEC_PER_SEC;
}

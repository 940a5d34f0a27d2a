/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-session-result.c: what became of one connection.
 */
#include "milter-session-result.h"

#include "milter-session-result-private.h"

struct _MilterSessionResult
{
  GObject parent_instance;

  GQueue messages;
  gboolean disconnected;
  gint64 start;
  gint64 end;
};

G_DEFINE_TYPE (MilterSessionResult, milter_session_result, G_TYPE_OBJECT)

static void
milter_session_result_finalize (GObject *object)
{
  g_queue_clear_full (&MILTER_SESSION_RESULT (object)->messages, g_object_unref);
  G_OBJECT_CLASS (milter_session_result_parent_class)->finalize (object);
}

static void
milter_session_result_class_init (MilterSessionResultClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = milter_session_result_finalize;
}

static void
milter_session_result_init (MilterSessionResult *result)
{
  g_queue_init (&result->messages);
}

MilterSessionResult *
_milter_session_result_new (void)
{
  return g_object_new (MILTER_TYPE_SESSION_RESULT, NULL);
}

void
_milter_session_result_start (MilterSessionResult *result, gint64 now)
{
  result->start = now;
  result->end = 0;
}

void
_milter_session_result_stop (MilterSessionResult *result, gint64 now)
{
  result->end = now;
}

void
_milter_session_result_add_message (MilterSessionResult *result, MilterMessageResult *message)
{
  g_queue_push_tail (&result->messages, g_object_ref (message));
}

void
_milter_session_result_set_disconnected (MilterSessionResult *result, gboolean disconnected)
{
  result->disconnected = disconnected;
}

/**
 * milter_session_result_get_message_results:
 * @result: a result
 *
 * Returns: (transfer none) (element-type MilterMessageResult) (nullable): its messages, in order
 */
GList *
milter_session_result_get_message_results (MilterSessionResult *result)
{
  g_return_val_if_fail (MILTER_IS_SESSION_RESULT (result), NULL);

  return result->messages.head;
}

/**
 * milter_session_result_is_disconnected:
 * @result: a result
 *
 * Returns: whether the connection ended without a QUIT
 */
gboolean
milter_session_result_is_disconnected (MilterSessionResult *result)
{
  g_return_val_if_fail (MILTER_IS_SESSION_RESULT (result), FALSE);

  return result->disconnected;
}

/**
 * milter_session_result_get_elapsed_time:
 * @result: a result
 *
 * Returns: the seconds from the connection's beginning to its end; 0 before that
 */
double
milter_session_result_get_elapsed_time (MilterSessionResult *result)
{
  g_return_val_if_fail (MILTER_IS_SESSION_RESULT (result), 0);

  if (result->end <= result->start)
    return 0;
  return (double) (result->end - result->start) / G_USEC_PER_SEC;
}

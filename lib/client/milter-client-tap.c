/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-tap.c: looks at what a context reads and writes, and answers in its place.
 *
 * While a command is taken the connection is read on, as a milter's own thread would leave it to the
 * kernel: what comes is kept, and handled when the command is answered. So an MTA that closes
 * meanwhile has its commands heard before its end.
 */
#include "milter-client-tap-private.h"

#include "milter-client-context-private.h"

/* what an MTA may send ahead before it is read no more: more than a kernel keeps for it */
#define MAX_HELD (1024 * 1024)

struct _MilterClientTapState
{
  const MilterClientTap *table; /* unowned */
  gpointer user_data;           /* unowned */

  bool taken;                 /* a command waits for its answer */
  const MilterClientRow *row; /* (nullable): its row */
  bool deaf;                  /* nothing is to be read */
  bool drops;                 /* what is read is no frame, and thrown away */
  bool has_mark;              /* bytes are being written … */
  guint mark;                 /* … behind this one */
  bool mta_ended;             /* the MTA said FIN … */
  bool end_told;              /* … which was told */
  bool by_mta;                /* it ended the connection */
  bool reset;
};

void
_milter_client_context_set_tap (MilterClientContext *context,
                                const MilterClientTap *tap,
                                gpointer user_data)
{
  MilterClientContextPrivate *priv;

  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  priv = context->priv;
  g_return_if_fail (priv->tap == NULL || !priv->tap->taken);
  milter_client_context_tap_clear (context);
  if (tap == NULL)
    return;
  priv->tapped = true;
  priv->tap = g_new0 (MilterClientTapState, 1);
  priv->tap->table = tap;
  priv->tap->user_data = user_data;
}

void
milter_client_context_tap_clear (MilterClientContext *context)
{
  g_clear_pointer (&context->priv->tap, g_free);
  context->priv->tapped = false;
}

/* What passes. */

void
milter_client_context_tap_passed (MilterClientContext *context, MilterSide from, MilterBytes bytes)
{
  MilterClientTapState *tap = context->priv->tap;

  if (bytes.size > 0 && tap->table->passed != NULL)
    tap->table->passed (context, from, bytes, tap->user_data);
}

void
milter_client_context_tap_writes (MilterClientContext *context, const GByteArray *output)
{
  MilterClientTapState *tap = context->priv->tap;

  if (tap->has_mark)
    return;
  tap->has_mark = true;
  tap->mark = output->len;
}

void
milter_client_context_tap_wrote (MilterClientContext *context)
{
  MilterClientTapState *tap = context->priv->tap;
  GByteArray *output = milter_client_context_get_output (context);

  tap->has_mark = false;
  milter_client_context_tap_passed (context,
                                    MILTER_SIDE_MILTER,
                                    milter_bytes (output->data + tap->mark, output->len - tap->mark));
}

/* What comes. */

static void
update_reading (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;
  bool full = priv->input != NULL && priv->input->len > MAX_HELD;

  if (priv->connection != NULL)
    _milter_io_connection_pause (priv->connection, priv->tap->deaf || full);
}

void
milter_client_context_tap_received (MilterClientContext *context, const guint8 *data, gsize size)
{
  MilterClientContextPrivate *priv = context->priv;
  gsize held;

  if (priv->input == NULL)
    priv->input = g_byte_array_new ();
  g_byte_array_append (priv->input, data, size);
  held = priv->input->len;
  if (!priv->pending)
    milter_client_context_take_input (context, /* error= */ NULL);
  if (priv->closing)
    return;
  /* bytes that make no whole command yet do not buy time */
  if (priv->input->len < held)
    milter_client_context_arm (context);
  if (priv->tap != NULL && priv->tap->taken)
    update_reading (context);
}

/* What is told next may be answered in there: from here on it counts as taken … */
static void
offer_to_take (MilterClientContext *context, const MilterClientRow *row)
{
  context->priv->tap->taken = true;
  context->priv->tap->row = row;
  context->priv->pending = true;
}

/* … unless nobody took it. @taken: what they said; a connection that ends meanwhile is theirs, too. */
static bool
was_taken (MilterClientContext *context, bool taken)
{
  MilterClientContextPrivate *priv = context->priv;

  if (taken || priv->closing)
    return true;
  priv->tap->taken = false;
  priv->pending = false;
  return false;
}

bool
milter_client_context_tap_command (MilterClientContext *context,
                                   const MilterClientRow *row,
                                   const MilterMessage *message)
{
  MilterClientContextPrivate *priv = context->priv;
  MilterClientTapState *tap = priv->tap;
  const MilterClientRow *current = g_steal_pointer (&priv->current);

  if (tap->table->command != NULL)
    {
      offer_to_take (context, row);
      if (was_taken (context, tap->table->command (context, message, tap->user_data)))
        return true;
    }
  priv->current = current;
  return false;
}

bool
milter_client_context_tap_garbage (MilterClientContext *context, MilterBytes bytes)
{
  MilterClientTapState *tap = context->priv->tap;

  if (tap->drops || tap->table->garbage == NULL)
    return tap->drops;
  tap->drops = true;
  offer_to_take (context, /* row= */ NULL);
  if (was_taken (context, tap->table->garbage (context, bytes, tap->user_data)))
    return true;
  tap->drops = false;
  return false;
}

bool
milter_client_context_tap_drops (MilterClientContext *context)
{
  return context->priv->tap->drops;
}

/* The end. */

/* whether somebody has something to do behind the MTA's FIN */
static bool
is_end_taken (MilterClientContext *context)
{
  MilterClientTapState *tap = context->priv->tap;

  if (tap->end_told || tap->table->closed == NULL)
    return false;
  tap->end_told = true;
  offer_to_take (context, /* row= */ NULL);
  return was_taken (context, tap->table->closed (context, tap->user_data));
}

bool
milter_client_context_tap_ended (MilterClientContext *context, MilterIoEnd end)
{
  MilterClientTapState *tap = context->priv->tap;

  tap->by_mta = true;
  tap->reset = end != MILTER_IO_END_EOF;
  tap->mta_ended = !tap->reset;
  return tap->mta_ended && (tap->taken || is_end_taken (context));
}

gsize
milter_client_context_tap_count_held (MilterClientContext *context)
{
  return context->priv->input != NULL ? context->priv->input->len : 0;
}

void
milter_client_context_tap_finish (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;
  MilterClientTapState *tap = priv->tap;

  if (priv->input != NULL)
    milter_client_context_tap_passed (
        context, MILTER_SIDE_MTA, milter_bytes (priv->input->data, priv->input->len));
  if (tap->table->ended != NULL)
    tap->table->ended (context, !tap->by_mta, tap->reset, tap->user_data);
  milter_client_context_tap_clear (context);
}

void
milter_client_context_tap_resume (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;

  if (priv->input != NULL && !priv->pending)
    milter_client_context_take_input (context, /* error= */ NULL);
  if (priv->closing || priv->tap == NULL)
    return;
  if (!priv->pending && priv->tap->mta_ended)
    {
      if (!is_end_taken (context))
        milter_client_context_lose (context, milter_client_context_tap_count_held (context));
    }
  else if (!priv->pending || priv->tap->taken)
    update_reading (context);
}

/* What is done instead. */

void
_milter_client_context_send (MilterClientContext *context, MilterBytes bytes)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  g_return_if_fail (bytes.size <= G_MAXUINT);
  if (context->priv->closing || bytes.size == 0)
    return;
  g_byte_array_append (
      milter_client_context_get_output (context), bytes.data, (guint) bytes.size);
  milter_client_context_written (context);
}

void
_milter_client_context_flush (MilterClientContext *context)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  if (context->priv->connection != NULL)
    _milter_io_connection_flush (context->priv->connection);
}

void
_milter_client_context_half_close (MilterClientContext *context)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  if (context->priv->connection != NULL)
    _milter_io_connection_shutdown_write (context->priv->connection);
}

void
_milter_client_context_end (MilterClientContext *context, gboolean reset)
{
  MilterClientContextPrivate *priv;

  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  priv = context->priv;
  if (priv->closing)
    return;
  if (priv->tap != NULL)
    priv->tap->reset = reset;
  /* an MTA that said FIN before is told of ours, but the end is hers; a reset is ours */
  if (priv->tap != NULL && reset)
    priv->tap->by_mta = false;
  _milter_client_context_flush (context);
  milter_client_context_close (context, reset ? MILTER_IO_CLOSE_RESET : MILTER_IO_CLOSE_FLUSH);
}

void
_milter_client_context_set_reading (MilterClientContext *context, gboolean reading)
{
  MilterClientContextPrivate *priv;

  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  priv = context->priv;
  g_return_if_fail (priv->tap != NULL);
  priv->tap->deaf = !reading;
  /* a handler that answers later reads nothing either */
  if (!priv->pending || priv->tap->taken)
    update_reading (context);
}

/* The answer. */

/* what each reply says, for who looks at the context's status */
static const struct
{
  guint8 letter;
  MilterStatus status;
} statuses[] = {
  { MILTER_REPLY_CONTINUE, MILTER_STATUS_CONTINUE },
  { MILTER_REPLY_ACCEPT, MILTER_STATUS_ACCEPT },
  { MILTER_REPLY_REJECT, MILTER_STATUS_REJECT },
  { MILTER_REPLY_TEMPORARY_FAILURE, MILTER_STATUS_TEMPORARY_FAILURE },
  { MILTER_REPLY_DISCARD, MILTER_STATUS_DISCARD },
  { MILTER_REPLY_SKIP, MILTER_STATUS_SKIP },
  { MILTER_REPLY_CONNECTION_FAILURE, MILTER_STATUS_REJECT },
  { MILTER_REPLY_SHUTDOWN, MILTER_STATUS_TEMPORARY_FAILURE },
};

static MilterStatus
status_of (const MilterMessage *reply)
{
  if (reply->letter == MILTER_REPLY_REPLY_CODE)
    return reply->payload.size > 0 && reply->payload.data[0] == '4'
               ? MILTER_STATUS_TEMPORARY_FAILURE
               : MILTER_STATUS_REJECT;
  for (gsize i = 0; i < G_N_ELEMENTS (statuses); i++)
    if (statuses[i].letter == reply->letter)
      return statuses[i].status;
  return MILTER_STATUS_CONTINUE;
}

static bool
is_edit (const MilterMessage *reply)
{
  return reply->spec != NULL && reply->spec->kind == MILTER_REPLY_KIND_EDIT;
}

/* whether an MTA would take it for the answer; an answer to an offer that cannot be read is none */
static bool
is_answer (const MilterSession *session, const MilterMessage *reply)
{
  return reply->spec != NULL && !is_edit (reply)
         && reply->spec->kind != MILTER_REPLY_KIND_PROGRESS
         && milter_session_may_reply (session, reply->letter, /* error= */ NULL)
         && (reply->letter != MILTER_REPLY_NEGOTIATE || reply->fault == MILTER_NO_FAULT);
}

/* the session goes on by the first legal reply; FALSE: there is none */
static bool
follow_frames (MilterClientContext *context, MilterBytes frames, MilterStatus *status)
{
  MilterSession *session = &context->priv->session;
  const MilterLimits limits = { MILTER_LIMIT_FROM_MILTER };
  MilterMessage reply;
  gsize size = 0;

  for (; milter_message_decode (
             MILTER_SIDE_MILTER, frames.data, frames.size, &limits, &reply, &size, NULL)
         == MILTER_DECODE_COMPLETE;
       frames = milter_bytes (frames.data + size, frames.size - size))
    {
      if (is_edit (&reply) && reply.fault == MILTER_NO_FAULT
          && milter_session_may_reply (session, reply.letter, /* error= */ NULL))
        milter_client_context_track_edit (context, milter_bytes (frames.data, size));
      if (!is_answer (session, &reply))
        continue;
      milter_session_reply (session, &reply, /* error= */ NULL);
      *status = status_of (&reply);
      return true;
    }
  return false;
}

/* an MTA that is told nothing of use, or nothing at all, goes on as if all were well, if it does */
static void
follow_nothing (MilterClientContext *context, guint8 command)
{
  MilterSession *session = &context->priv->session;
  bool is_offer = command == MILTER_COMMAND_NEGOTIATE;
  MilterMessage reply;

  milter_message_init (
      &reply, MILTER_SIDE_MILTER, is_offer ? MILTER_REPLY_NEGOTIATE : MILTER_REPLY_CONTINUE);
  if (is_offer)
    {
      reply.fields[0].number = session->offer.version;
      reply.fields[1].number = session->offer.actions;
    }
  milter_session_reply (session, &reply, /* error= */ NULL);
}

static void
settle (MilterClientContext *context, const MilterClientRow *row, MilterBytes frames)
{
  MilterClientContextPrivate *priv = context->priv;
  MilterStatus status = MILTER_STATUS_CONTINUE;

  if (row != NULL && milter_session_due (&priv->session) == row->letter
      && !follow_frames (context, frames, &status))
    follow_nothing (context, row->letter);
  if (row != NULL && row->event == EVENT_NEGOTIATE)
    milter_client_context_forget_offer (context);
  if (row != NULL)
    milter_client_context_settle (context, row, status);
  else if (priv->leaving)
    milter_client_context_leave (context);
}

void
_milter_client_context_answered (MilterClientContext *context, MilterBytes frames)
{
  MilterClientContextPrivate *priv;

  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  priv = context->priv;
  if (priv->closing)
    return;
  g_return_if_fail (priv->tap != NULL && priv->tap->taken);
  g_object_ref (context);
  priv->tap->taken = false;
  priv->pending = false;
  priv->busy++;
  settle (context, g_steal_pointer (&priv->tap->row), frames);
  if (!priv->closing)
    milter_client_context_arm (context);
  milter_client_context_unbusy (context);
  milter_client_context_resume (context);
  g_object_unref (context);
}

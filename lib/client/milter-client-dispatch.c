/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-dispatch.c: bytes come, rules are asked, events happen, and the connection ends.
 */
#include "milter-client-context-private.h"
#include "milter-message-private.h"
#include "milter-session-private.h"

/* What libmilter takes though it is not as it should be: bytes behind the last field
 * (FRM-15, HDR-08, CON-07). */
static gboolean
check_payload (MilterMessage *message, GError **error)
{
  if (message->fault == MILTER_CODEC_ERROR_TRAILING_BYTES)
    message->fault = MILTER_NO_FAULT;
  if (message->fault == MILTER_NO_FAULT)
    return TRUE;
  g_propagate_error (error, milter_message_get_fault (message));
  return FALSE;
}

/* a field without a name would be the end of the header to whoever writes it again (HDR-05) */
static gboolean
check_field (const MilterMessage *message, GError **error)
{
  if (message->letter != MILTER_COMMAND_HEADER || message->fields[0].bytes.size > 0)
    return TRUE;
  g_set_error_literal (error,
                       MILTER_CODEC_ERROR,
                       MILTER_CODEC_ERROR_TRUNCATED,
                       "header (SMFIC_HEADER): the name is empty");
  return FALSE;
}

/* a handler's message is cut short: by ABORT, by a command that begins another one, or by the end
 */
static void
cut_message (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;
  MilterClientContextState state = priv->state;

  milter_client_context_enter (context, MILTER_CLIENT_CONTEXT_STATE_ABORT);
  milter_client_context_ask_abort (context, state);
  milter_client_context_enter (context, MILTER_CLIENT_CONTEXT_STATE_ABORT_REPLIED);
  milter_client_context_end_message (context, MILTER_STATUS_ABORT);
}

/* Whether a deviation is passed over in silence. What was on its way for a message or a client that
 * is already decided is dropped without a reply, as the MTA expects; also a second negotiation.
 * A command that fits nowhere would leave its sender waiting for ever, so the connection ends. */
static bool
may_drop (MilterSessionState before, guint8 letter)
{
  return before == MILTER_SESSION_MESSAGE_OVER || before == MILTER_SESSION_CONNECTION_OVER
         || (letter == MILTER_COMMAND_NEGOTIATE && before != MILTER_SESSION_START);
}

/* A command deviates. Sets @dropped, or FALSE with the reason to close. */
static gboolean
judge_deviation (MilterClientContext *context,
                 const MilterMessage *message,
                 MilterSessionState before,
                 GError *deviation,
                 bool *dropped,
                 GError **error)
{
  const MilterSession *session = &context->priv->session;

  /* An offer that cannot be answered is refused where it is answered, with the offer's own error.
   * What comes before any offer is no session (NEG-21), though libmilter takes it. */
  if (!session->dropped
      && (before != MILTER_SESSION_START || message->spec->answer != MILTER_ANSWER_REPLY))
    return TRUE;
  *dropped = true;
  if (may_drop (before, message->letter))
    return TRUE;
  g_propagate_error (error, g_error_copy (deviation));
  return FALSE;
}

/* sets @dropped, or FALSE with the reason to close */
static inline gboolean
follow_rules (MilterClientContext *context,
              const MilterMessage *message,
              bool *dropped,
              GError **error)
{
  MilterSession *session = &context->priv->session;
  MilterSessionState before = session->state;
  GError *deviation = NULL;
  gboolean followed;

  *dropped = false;
  if (G_LIKELY (milter_session_command (session, message, &deviation)))
    return TRUE;
  followed = judge_deviation (context, message, before, deviation, dropped, error);
  g_error_free (deviation);
  return followed;
}

static void
take_macros (MilterClientContext *context, const MilterMessage *message)
{
  MilterProtocolAgent *agent = MILTER_PROTOCOL_AGENT (context);
  guint8 command = message->fields[0].number;
  guint id = milter_client_context_signals[SIGNAL_DEFINE_MACRO];
  bool is_heard_here = g_signal_has_handler_pending (context, id, 0, FALSE)
                       || MILTER_CLIENT_CONTEXT_GET_CLASS (context)->define_macro != NULL;

  milter_macros_set (_milter_protocol_agent_get_store (agent), command, message->fields[1].bytes);
  if (is_heard_here)
    {
      milter_protocol_agent_set_macro_context (agent, command);
      g_signal_emit (context, id, 0, command, milter_protocol_agent_get_macros (agent));
    }
}

/* QUIT_NC: the SMTP client is gone, the connection stays for the next one */
static void
take_next_client (MilterClientContext *context)
{
  milter_client_context_set_private_data (context, NULL, NULL);
  milter_client_context_reset_message_related_data (context);
  milter_macros_clear (_milter_protocol_agent_get_store (MILTER_PROTOCOL_AGENT (context)));
  milter_client_context_enter (context, MILTER_CLIENT_CONTEXT_STATE_NEGOTIATE_REPLIED);
}

/* whether a tool deals with it */
static bool
is_tapped (MilterClientContext *context, const MilterClientRow *row, const MilterMessage *message)
{
  return G_UNLIKELY (context->priv->tap != NULL)
         && milter_client_context_tap_command (context, row, message);
}

/* the commands that have no event: macros, abort, quit, quit-nc */
static void
take_silent (MilterClientContext *context, const MilterMessage *message)
{
  switch (message->letter)
    {
    case MILTER_COMMAND_DEFINE_MACRO:
      take_macros (context, message);
      is_tapped (context, NULL, message);
      break;
    case MILTER_COMMAND_QUIT:
      milter_client_context_enter (context, MILTER_CLIENT_CONTEXT_STATE_QUIT);
      if (!is_tapped (context, NULL, message))
        milter_client_context_close (context, MILTER_IO_CLOSE_LAST);
      break;
    case MILTER_COMMAND_QUIT_NC:
      is_tapped (context, NULL, message);
      take_next_client (context);
      break;
    default:
      is_tapped (context, NULL, message);
      break;
    }
}

/* whether the MTA has so many answers to read that it gets no more for the moment */
static bool
is_held_up (MilterClientContext *context)
{
  MilterIoConnection *connection = context->priv->connection;

  return connection != NULL && _milter_io_connection_is_full (connection);
}

/* the command has reached the context */
static inline void
enter_command (MilterClientContext *context,
               MilterClientContextPrivate *priv,
               const MilterClientRow *row,
               bool of_message,
               const MilterField *fields)
{
  MilterProtocolAgentState *agent = priv->agent;

  if (agent->macros != NULL)
    milter_macros_command (agent->macros, row->letter);
  agent->macro_context = row->letter;
  priv->last_state = priv->state;
  priv->state = row->state;
  priv->current = row;
  if (of_message && !priv->in_message)
    {
      priv->in_message = true;
      milter_client_context_begin_result (context);
    }
  if (priv->tracked)
    milter_client_context_track (context, row->letter, fields);
}

static inline MilterStatus
ask_handlers (MilterClientContext *context,
              MilterClientContextPrivate *priv,
              const MilterClientRow *row,
              const MilterField *fields,
              GError **error)
{
  MilterStatus status;

  /* one that was given in a handler which then answered by itself is no answer to this */
  priv->has_early = false;
  priv->in_handler = true;
  status = row->take (context, fields, error);
  priv->in_handler = false;
  return status;
}

/* what the handlers said is answered, or waited for */
static void
conclude (MilterClientContext *context, MilterStatus status)
{
  if (status != MILTER_STATUS_PROGRESS)
    milter_client_context_answer (context, status);
  else
    milter_client_context_wait (context);
}

static gboolean
take_event (MilterClientContext *context,
            const MilterClientRow *row,
            const MilterMessage *message,
            GError **error)
{
  MilterClientContextPrivate *priv = context->priv;
  GError *refusal = NULL;
  MilterStatus status;

  enter_command (context, priv, row, message->spec->in_message, message->fields);
  status = ask_handlers (context, priv, row, message->fields, &refusal);
  if (refusal != NULL)
    {
      g_propagate_error (error, refusal);
      return FALSE;
    }
  if (!priv->closing && !is_tapped (context, row, message))
    conclude (context, status);
  return TRUE;
}

/* Does what milter_client_context_answer() would do for a CONTINUE that nothing else goes with.
 * Returns whether there is a reply: it may have been agreed that there is none. */
static inline bool
let_pass (MilterClientContext *context,
          MilterClientContextPrivate *priv,
          const MilterClientRow *row)
{
  static const guint8 frame[] = { 0, 0, 0, 1, MILTER_REPLY_CONTINUE };
  bool is_due = milter_session_let_pass (&priv->session);

  if (is_due)
    _milter_io_connection_answer (priv->connection, frame, sizeof frame);
  priv->current = NULL;
  priv->status = MILTER_STATUS_CONTINUE;
  priv->last_state = priv->state;
  priv->state = row->state + 1;
  if (row->event == EVENT_END_OF_MESSAGE)
    milter_client_context_end_message (context, MILTER_STATUS_CONTINUE);
  return is_due;
}

/* The rest for a command of take_plain() that turned out to be less plain: its handler did not let
 * it pass, or made the context something unusual. */
static G_GNUC_NO_INLINE void
conclude_plain (MilterClientContext *context,
                const MilterClientRow *row,
                MilterBytes payload,
                MilterStatus status)
{
  MilterMessage message;

  if (context->priv->closing)
    return;
  if (context->priv->tapped)
    {
      milter_message_parse (MILTER_SIDE_MTA, row->letter, payload, &message);
      if (is_tapped (context, row, &message))
        return;
    }
  conclude (context, status);
}

static inline gboolean
dispatch (MilterClientContext *context, MilterMessage *message, GError **error)
{
  MilterClientContextPrivate *priv = context->priv;
  guint32 message_before = priv->session.message;
  const MilterClientRow *row = milter_client_row_get (message->letter);
  bool dropped;

  if (message->fault != MILTER_NO_FAULT && !check_payload (message, error))
    return FALSE;
  if (!check_field (message, error))
    return FALSE;
  if (!follow_rules (context, message, &dropped, error))
    return FALSE;
  /* The session counts on where a message begins and where one is cut short. Of the commands without
   * an event, macros alone leave a message as it is. */
  if (priv->in_message
      && (priv->session.message != message_before
          || (row == NULL && message->letter != MILTER_COMMAND_DEFINE_MACRO)))
    cut_message (context);
  if (priv->closing || dropped)
    {
      if (!priv->closing)
        is_tapped (context, NULL, message);
      return TRUE;
    }
  if (message->letter == MILTER_COMMAND_ABORT && priv->agent->macros != NULL)
    milter_macros_command (priv->agent->macros, MILTER_COMMAND_ABORT);
  if (row != NULL)
    return take_event (context, row, message, error);
  take_silent (context, message);
  /* an abort ends a message, too */
  if (priv->leaving && !priv->pending)
    milter_client_context_leave (context);
  return TRUE;
}

/* a tap has taken bytes that make no frame: nothing behind them can be read */
static bool
drop_rest (MilterClientContext *context, const guint8 *data, gsize size, gsize *used)
{
  milter_client_context_tap_passed (
      context, MILTER_SIDE_MTA, milter_bytes (data + *used, size - *used));
  *used = size;
  return false;
}

/* One command, whatever it is. FALSE if there is no whole one, or if it is nothing that an MTA may
 * send: then @fault is set. */
static bool
take_next (MilterClientContext *context,
           const guint8 *data,
           gsize size,
           gsize *used,
           GError **fault)
{
  MilterClientContextPrivate *priv = context->priv;
  MilterMessage message;
  gsize n = 0;
  MilterDecodeStatus found;

  if (G_UNLIKELY (priv->tap != NULL) && milter_client_context_tap_drops (context))
    return drop_rest (context, data, size, used);
  found = milter_message_decode (
      MILTER_SIDE_MTA, data + *used, size - *used, &priv->limits, &message, &n, fault);

  if (G_UNLIKELY (priv->tap != NULL))
    milter_client_context_tap_passed (context, MILTER_SIDE_MTA, milter_bytes (data + *used, n));
  if (G_UNLIKELY (priv->tap != NULL) && found == MILTER_DECODE_ERROR
      && milter_client_context_tap_garbage (
          context, milter_bytes (data + *used, size - *used)))
    {
      g_clear_error (fault);
      return drop_rest (context, data, size, used);
    }
  if (found != MILTER_DECODE_COMPLETE)
    return false;
  *used += n;
  if (dispatch (context, &message, fault))
    return true;
  if (!is_tapped (context, NULL, &message))
    return false;
  g_clear_error (fault);
  return true;
}

gboolean
milter_client_context_take (MilterClientContext *context,
                            const guint8 *data,
                            gsize size,
                            gsize *consumed,
                            GError **error)
{
  MilterClientContextPrivate *priv = context->priv;
  g_autoptr (GError) fault = NULL;
  gsize used = 0;
  bool failed;

  priv->busy++;
  while (!priv->closing && !priv->pending && take_next (context, data, size, &used, &fault)
         && used < size)
    ;
  *consumed = used;
  /* what is read no more */
  if (G_UNLIKELY (priv->tap != NULL) && (fault != NULL || priv->closing))
    milter_client_context_tap_passed (
        context, MILTER_SIDE_MTA, milter_bytes (data + used, size - used));
  if (fault != NULL)
    milter_client_context_fail (context, fault);
  failed = priv->seldom->failure != NULL;
  if (failed)
    g_propagate_error (error, g_error_copy (priv->seldom->failure));
  milter_client_context_unbusy (context);
  return !failed;
}

/* What nearly every command is: well-formed, legal, of a message, seen by nobody but its handler,
 * and that lets it pass. Handles as many of them as stand between @at and @end, and returns where
 * they end. What is left is for take_next(), which does the same for any command. */
static inline const guint8 *
take_plain (MilterClientContext *context, const guint8 *at, const guint8 *end)
{
  MilterClientContextPrivate *priv = context->priv;

  while (at < end && priv->unusual == 0)
    {
      MilterField fields[2];
      const guint8 *payload = at + MILTER_FRAME_OVERHEAD;
      gsize size = 0;
      const MilterSpec *spec = milter_command_find (at, (gsize) (end - at), &priv->limits, &size);
      guint8 next = spec != NULL ? milter_session_find_step (&priv->session, spec) : 0;
      const MilterClientRow *row;
      MilterStatus status;

      /* a message that is still under way is cut short by MAIL */
      if (next == 0 || (next == MILTER_SESSION_MAIL && priv->in_message)
          || !milter_payload_parse_plain (spec, payload, size, fields)
          /* a field without a name, which check_field() refuses */
          || (next == MILTER_SESSION_HEADER && fields[0].bytes.size == 0))
        break;
      milter_session_step (&priv->session, spec, next);
      at = payload + size;

      row = &milter_client_rows[spec->letter - 'A'];
      enter_command (context, priv, row, /* of_message= */ true, fields);
      status = ask_handlers (context, priv, row, fields, /* error= */ NULL);
      bool answered = true;
      if (G_UNLIKELY (status != MILTER_STATUS_CONTINUE || priv->unusual != 0))
        conclude_plain (context, row, milter_bytes (payload, size), status);
      else
        answered = let_pass (context, priv, row);
      if (answered && at < end && is_held_up (context))
        break;
    }
  return at;
}

/* The next one, which take_plain() did not take. Returns where it ends; where it begins if it
 * cannot be handled now. */
static G_GNUC_NO_INLINE const guint8 *
take_other (MilterClientContext *context, const guint8 *at, const guint8 *end, bool is_first)
{
  MilterClientContextPrivate *priv = context->priv;
  g_autoptr (GError) fault = NULL;
  gsize used = 0;

  /* the first command has room for its answer */
  if (priv->closing || priv->pending || (!is_first && is_held_up (context)))
    return at;
  take_next (context, at, (gsize) (end - at), &used, &fault);
  if (fault != NULL)
    milter_client_context_fail (context, fault);
  return at + used;
}

gsize
milter_client_context_received (MilterIoConnection *connection,
                                const guint8 *data,
                                gsize size,
                                gpointer user_data)
{
  MilterClientContext *context = user_data;
  const guint8 *const end = data + size;
  const guint8 *at = data, *begin;

  if (G_UNLIKELY (context->priv->tapped))
    {
      g_object_ref (context);
      milter_client_context_tap_received (context, data, size);
      g_object_unref (context);
      return size;
    }
  context->priv->busy++;
  do
    {
      at = take_plain (context, at, end);
      begin = at;
      if (at < end)
        at = take_other (context, at, end, /* is_first= */ at == data);
    }
  while (at > begin && at < end);
  milter_client_context_unbusy (context);
  return (gsize) (at - data);
}

/* The end of a connection. */

void
milter_client_context_fail (MilterClientContext *context, const GError *error)
{
  if (context->priv->seldom->failure == NULL)
    milter_client_context_get_seldom (context->priv)->failure = g_error_copy (error);
  milter_client_context_emit_error (context, error);
  milter_client_context_close (context, MILTER_IO_CLOSE_FLUSH);
}

void
milter_client_context_finish (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;

  if (priv->finished)
    return;
  priv->finished = true;
  g_object_ref (context);
  if (priv->in_message)
    cut_message (context);
  if (priv->tap != NULL)
    milter_client_context_tap_finish (context);
  milter_client_context_enter (context, MILTER_CLIENT_CONTEXT_STATE_FINISHED);
  if (!priv->unmet)
    g_signal_emit (context, milter_client_context_signals[SIGNAL_FINISHED], 0);
  if (priv->worker != NULL)
    milter_client_worker_forget (priv->worker, context);
  g_object_unref (context);
}

void
milter_client_context_close (MilterClientContext *context, MilterIoClose how)
{
  MilterClientContextPrivate *priv = context->priv;

  if (priv->closing)
    return;
  priv->closing = true;
  priv->pending = false;
  if (priv->connection != NULL)
    _milter_io_connection_close (g_steal_pointer (&priv->connection), how);
  if (priv->busy == 0)
    milter_client_context_finish (context);
}

static void
shut_down (MilterClientContext *context, gpointer data)
{
  milter_client_context_close (context, MILTER_IO_CLOSE_FLUSH);
}

/**
 * milter_client_context_shutdown:
 * @context: a context
 *
 * Ends the connection: what is to be written still leaves, nothing more is read. May be called from
 * any thread and in a handler, whose status then counts for nothing.
 */
void
milter_client_context_shutdown (MilterClientContext *context)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  if (milter_client_context_is_here (context))
    shut_down (context, NULL);
  else
    milter_client_context_post (context, shut_down, NULL, NULL);
}

void
milter_client_context_leave (MilterClientContext *context)
{
  context->priv->leaving = true;
  /* the program meets it first */
  if (context->priv->unmet)
    return;
  if (!context->priv->in_message && context->priv->current == NULL && !context->priv->pending)
    milter_client_context_close (context, MILTER_IO_CLOSE_FLUSH);
}

/* Feeding by hand. */

gboolean
milter_client_context_take_input (MilterClientContext *context, GError **error)
{
  MilterClientContextPrivate *priv = context->priv;
  gsize consumed = 1;
  gboolean taken = TRUE;

  /* a handler may feed on */
  while (taken && consumed > 0 && priv->input->len > 0 && !priv->closing && !priv->pending)
    {
      g_autoptr (GByteArray) input = g_steal_pointer (&priv->input);

      priv->input = g_byte_array_new ();
      taken = milter_client_context_take (context, input->data, input->len, &consumed, error);
      g_byte_array_prepend (priv->input, input->data + consumed, input->len - consumed);
    }
  return taken;
}

/**
 * milter_client_context_feed:
 * @context: a context without a connection
 * @chunk: (array length=size) (element-type guint8): bytes as an MTA sends them, cut anywhere
 * @size: how many
 * @error: return location for what the MTA did wrong
 *
 * Handles all commands that are complete. Within a handler of the same context the bytes are only
 * kept for afterwards.
 *
 * Returns: %FALSE if the bytes are nothing that an MTA may send: "error" was emitted and the
 * context is finished
 */
gboolean
milter_client_context_feed (MilterClientContext *context,
                            const char *chunk,
                            gsize size,
                            GError **error)
{
  MilterClientContextPrivate *priv;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  g_return_val_if_fail (chunk != NULL || size == 0, FALSE);
  g_return_val_if_fail (size <= G_MAXINT, FALSE);
  priv = context->priv;
  g_return_val_if_fail (priv->connection == NULL, FALSE);
  if (priv->closing)
    {
      g_set_error (error,
                   MILTER_CLIENT_CONTEXT_ERROR,
                   MILTER_CLIENT_CONTEXT_ERROR_INVALID_STATE,
                   "the context is finished and takes no more bytes");
      return FALSE;
    }
  if (priv->input == NULL)
    priv->input = g_byte_array_new ();
  g_byte_array_append (priv->input, (const guint8 *) chunk, size);
  return priv->busy > 0 ? TRUE : milter_client_context_take_input (context, error);
}

void
milter_client_context_resume (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;

  if (priv->closing || (priv->tap != NULL && priv->busy > 0))
    return;
  if (priv->tap != NULL)
    milter_client_context_tap_resume (context);
  else if (priv->connection != NULL)
    _milter_io_connection_pause (priv->connection, false);
  else if (priv->input != NULL && priv->busy == 0)
    milter_client_context_take_input (context, NULL);
}

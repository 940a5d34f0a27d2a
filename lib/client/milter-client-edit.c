/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-edit.c: edits of the message, in the order of the calls.
 *
 * The frame is built where the edit is asked for; whether it may go is decided in the context's own
 * thread: only at the end of a message, before its reply, and only with the action agreed.
 */
#include <string.h>

#include "milter-client-context-private.h"

/* an edit on its way: whole frames */
typedef struct
{
  const MilterSpec *spec;
  GByteArray *frames;
} Edit;

static void
edit_free (gpointer data)
{
  Edit *edit = data;

  g_byte_array_unref (edit->frames);
  g_free (edit);
}

static gboolean G_GNUC_PRINTF (4, 5) refuse (GError **error,
                                             MilterClientContextError code,
                                             const MilterSpec *spec,
                                             const char *format,
                                             ...)
{
  g_autofree char *why = NULL;
  va_list args;

  va_start (args, format);
  why = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (
      error, MILTER_CLIENT_CONTEXT_ERROR, code, "%s (%s): %s", spec->word, spec->field_name, why);
  return FALSE;
}

static bool
is_at_end_of_message (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;

  return !priv->closing && priv->current != NULL && priv->current->event == EVENT_END_OF_MESSAGE;
}

/* Postfix takes a replacement only in one piece (MOD-08) */
static gboolean
check_body_in_one_piece (MilterClientContext *context, const MilterSpec *spec, GError **error)
{
  MilterClientContextPrivate *priv = context->priv;

  if (spec->letter == MILTER_REPLY_REPLACE_BODY)
    {
      if (priv->body_closed)
        return refuse (error,
                       MILTER_CLIENT_CONTEXT_ERROR_INVALID_STATE,
                       spec,
                       "another edit came after the first piece; replace the body in one go");
      priv->body_replaced = true;
    }
  else
    priv->body_closed = priv->body_replaced;
  return TRUE;
}

static gboolean
check_edit (MilterClientContext *context, const MilterSpec *spec, GError **error)
{
  if (!is_at_end_of_message (context))
    return refuse (error,
                   MILTER_CLIENT_CONTEXT_ERROR_INVALID_STATE,
                   spec,
                   "may only be sent at the end of a message, before the answer");
  if ((context->priv->session.agreed.actions & spec->action) == 0)
    {
      g_autofree char *action = milter_actions_to_string (spec->action);

      return refuse (error,
                     MILTER_CLIENT_CONTEXT_ERROR_INVALID_ACTION,
                     spec,
                     "the action %s was not agreed with the MTA",
                     action);
    }
  return check_body_in_one_piece (context, spec, error);
}

static gboolean
send_edit (MilterClientContext *context, const Edit *edit, GError **error)
{
  GByteArray *output;

  if (!check_edit (context, edit->spec, error))
    return FALSE;
  output = milter_client_context_get_output (context);
  g_byte_array_append (output, edit->frames->data, edit->frames->len);
  milter_client_context_written (context);
  milter_client_context_track_edit (context, milter_bytes (edit->frames->data, edit->frames->len));
  return TRUE;
}

static void
take_edit (MilterClientContext *context, gpointer data)
{
  g_autoptr (GError) error = NULL;

  /* the connection may end before the program knows; "finished" is the last that it hears */
  if (context->priv->closing)
    return;
  if (!send_edit (context, data, &error))
    milter_client_context_emit_error (context, error);
}

/* from any thread: takes @frames over */
static gboolean
submit (MilterClientContext *context, guint8 letter, GByteArray *frames, GError **error)
{
  Edit *edit = g_new (Edit, 1);
  gboolean sent = TRUE;

  *edit = (Edit){ milter_spec_get (MILTER_SIDE_MILTER, letter), frames };
  if (!milter_client_context_is_here (context))
    {
      milter_client_context_post (context, take_edit, edit, edit_free);
      return TRUE;
    }
  sent = send_edit (context, edit, error);
  edit_free (edit);
  return sent;
}

/* from any thread: one frame with these fields */
static gboolean
submit_message (MilterClientContext *context, const MilterMessage *message, GError **error)
{
  g_autoptr (GByteArray) frames = g_byte_array_new ();

  if (!milter_message_append (message, frames, error))
    return FALSE;
  /* FRM-20: what an MTA need not read is not sent; 5 is length and letter */
  if (frames->len - 5 > MILTER_LIMIT_FROM_MTA)
    return refuse (error,
                   MILTER_CLIENT_CONTEXT_ERROR_TOO_LONG,
                   message->spec,
                   "%u bytes are more than the %u of one frame",
                   frames->len - 5,
                   MILTER_LIMIT_FROM_MTA);
  return submit (context, message->letter, g_steal_pointer (&frames), error);
}

/* Arguments. */

static gboolean
check_argument (const MilterSpec *spec, const char *what, const char *value, GError **error)
{
  if (value == NULL)
    return refuse (error, MILTER_CLIENT_CONTEXT_ERROR_NULL, spec, "%s must not be NULL", what);
  if (value[0] == '\0')
    return refuse (error, MILTER_CLIENT_CONTEXT_ERROR_EMPTY, spec, "%s must not be empty", what);
  if (strpbrk (value, "\r\n") != NULL)
    return refuse (error,
                   MILTER_CLIENT_CONTEXT_ERROR_INVALID_VALUE,
                   spec,
                   "%s must not have a line end in it",
                   what);
  return TRUE;
}

/* RFC 5322: printable ASCII but the colon (MOD-05) */
static gboolean
check_header_name (const MilterSpec *spec, const char *name, GError **error)
{
  if (!check_argument (spec, "the header name", name, error))
    return FALSE;
  for (const char *c = name; *c != '\0'; c++)
    if (*c <= ' ' || *c >= 0x7f || *c == ':')
      return refuse (error,
                     MILTER_CLIENT_CONTEXT_ERROR_INVALID_VALUE,
                     spec,
                     "a header name must not have the byte 0x%02x in it",
                     (guint8) *c);
  return TRUE;
}

/* Lines of a folded value end in LF on the wire, and go on with a blank or a tab: anything else
 * would begin a field of its own in the message (MOD-06, MOD-31). */
static char *
clean_header_value (const MilterSpec *spec, const char *value, GError **error)
{
  g_autoptr (GString) clean = NULL;

  if (value == NULL)
    {
      refuse (error, MILTER_CLIENT_CONTEXT_ERROR_NULL, spec, "the value must not be NULL");
      return NULL;
    }
  clean = g_string_sized_new (strlen (value));
  for (const char *c = value; *c != '\0'; c++)
    {
      if (c[0] == '\r' && c[1] == '\n')
        c++;
      if (*c == '\r' || (*c == '\n' && c[1] != ' ' && c[1] != '\t'))
        {
          refuse (error,
                  MILTER_CLIENT_CONTEXT_ERROR_INVALID_VALUE,
                  spec,
                  "a line end in the value must be followed by a blank or a tab");
          return NULL;
        }
      g_string_append_c (clean, *c);
    }
  return g_string_free (g_steal_pointer (&clean), FALSE);
}

/* libmilter refuses negative numbers, and sendmail takes large ones for such (MOD-04) */
static gboolean
check_index (const MilterSpec *spec, guint32 index, GError **error)
{
  if (index <= G_MAXINT32)
    return TRUE;
  return refuse (error,
                 MILTER_CLIENT_CONTEXT_ERROR_INVALID_VALUE,
                 spec,
                 "the index %u is above %d",
                 index,
                 G_MAXINT32);
}

/* Header fields. */

/* @i: where the name stands among the fields; the value follows it */
static gboolean
submit_header (MilterClientContext *context,
               MilterMessage *message,
               guint i,
               const char *name,
               const char *value,
               GError **error)
{
  g_autofree char *clean = NULL;

  if (!check_header_name (message->spec, name, error))
    return FALSE;
  clean = clean_header_value (message->spec, value, error);
  if (clean == NULL)
    return FALSE;
  message->fields[i].bytes = milter_bytes_from_string (name);
  message->fields[i + 1].bytes = milter_bytes_from_string (clean);
  return submit_message (context, message, error);
}

/**
 * milter_client_context_add_header:
 * @context: a context at the end of a message
 * @name: the field's name
 * @value: its value; a folded one has line ends followed by a blank or a tab
 * @error: return location for an error
 *
 * Adds a header field.
 *
 * Returns: %FALSE if it was not sent: wrong arguments, not now, or not agreed. From another thread
 *   the last two are told by the context's signal "error" instead. So it is for all edits.
 */
gboolean
milter_client_context_add_header (MilterClientContext *context,
                                  const char *name,
                                  const char *value,
                                  GError **error)
{
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  milter_message_init (&message, MILTER_SIDE_MILTER, MILTER_REPLY_ADD_HEADER);
  return submit_header (context, &message, 0, name, value, error);
}

/**
 * milter_client_context_insert_header:
 * @context: a context at the end of a message
 * @index: before which field, 0 is the top; which fields count differs between MTAs
 * @name: the field's name
 * @value: its value
 * @error: return location for an error
 *
 * Inserts a header field.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_insert_header (MilterClientContext *context,
                                     guint32 index,
                                     const char *name,
                                     const char *value,
                                     GError **error)
{
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  milter_message_init (&message, MILTER_SIDE_MILTER, MILTER_REPLY_INSERT_HEADER);
  if (!check_index (message.spec, index, error))
    return FALSE;
  message.fields[0].number = index;
  return submit_header (context, &message, 1, name, value, error);
}

/**
 * milter_client_context_change_header:
 * @context: a context at the end of a message
 * @name: the field's name
 * @index: which of those with that name; 1 is the first
 * @value: (nullable): its new value; %NULL deletes it
 * @error: return location for an error
 *
 * Changes a header field.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_change_header (MilterClientContext *context,
                                     const char *name,
                                     guint32 index,
                                     const char *value,
                                     GError **error)
{
  MilterMessage message;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  milter_message_init (&message, MILTER_SIDE_MILTER, MILTER_REPLY_CHANGE_HEADER);
  if (!check_index (message.spec, index, error))
    return FALSE;
  message.fields[0].number = index;
  return submit_header (context, &message, 1, name, value != NULL ? value : "", error);
}

/**
 * milter_client_context_delete_header:
 * @context: a context at the end of a message
 * @name: the field's name
 * @index: which of those with that name; 1 is the first
 * @error: return location for an error
 *
 * Deletes a header field. Several of one name are deleted from the last to the first: MTAs differ
 * in how later ones count then.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_delete_header (MilterClientContext *context,
                                     const char *name,
                                     guint32 index,
                                     GError **error)
{
  return milter_client_context_change_header (context, name, index, NULL, error);
}

/* The envelope. */

/* an address and its ESMTP arguments in one string, joined by blanks; NULL leaves them out */
static gboolean
submit_address (MilterClientContext *context,
                guint8 letter,
                const char *what,
                const char *address,
                const char *parameters,
                GError **error)
{
  MilterMessage message;
  g_autoptr (GByteArray) packed = g_byte_array_new ();

  milter_message_init (&message, MILTER_SIDE_MILTER, letter);
  if (!check_argument (message.spec, what, address, error))
    return FALSE;
  message.fields[0].bytes = milter_bytes_from_string (address);
  if (parameters != NULL)
    {
      if (!check_argument (message.spec, "the parameters", parameters, error))
        return FALSE;
      milter_strings_append (packed, milter_bytes_from_string (parameters));
      message.fields[1].bytes = milter_bytes (packed->data, packed->len);
    }
  return submit_message (context, &message, error);
}

/**
 * milter_client_context_change_from:
 * @context: a context at the end of a message
 * @from: the new sender; `<>` for none
 * @parameters: (nullable): ESMTP arguments, separated by blanks
 * @error: return location for an error
 *
 * Changes the sender.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_change_from (MilterClientContext *context,
                                   const char *from,
                                   const char *parameters,
                                   GError **error)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  return submit_address (context, MILTER_REPLY_CHANGE_FROM, "the sender", from, parameters, error);
}

/**
 * milter_client_context_add_recipient:
 * @context: a context at the end of a message
 * @recipient: the address
 * @parameters: (nullable): ESMTP arguments, separated by blanks; they need an action of their own
 * @error: return location for an error
 *
 * Adds a recipient.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_add_recipient (MilterClientContext *context,
                                     const char *recipient,
                                     const char *parameters,
                                     GError **error)
{
  guint8 letter = parameters != NULL ? MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS
                                     : MILTER_REPLY_ADD_RECIPIENT;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  return submit_address (context, letter, "the recipient", recipient, parameters, error);
}

/**
 * milter_client_context_delete_recipient:
 * @context: a context at the end of a message
 * @recipient: the address exactly as it came
 * @error: return location for an error
 *
 * Takes a recipient out.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_delete_recipient (MilterClientContext *context,
                                        const char *recipient,
                                        GError **error)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  return submit_address (context,
                         MILTER_REPLY_DELETE_RECIPIENT,
                         "the recipient",
                         recipient,
                         /* parameters= */ NULL,
                         error);
}

/* The body. */

/**
 * milter_client_context_replace_body:
 * @context: a context at the end of a message
 * @body: (array length=body_size) (element-type guint8): any bytes; lines end in CRLF
 * @body_size: how many; 0 for an empty body
 * @error: return location for an error
 *
 * Replaces the body, or appends to the replacement if no other edit came in between. Any size is
 * cut into frames.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_replace_body (MilterClientContext *context,
                                    const char *body,
                                    gsize body_size,
                                    GError **error)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MILTER, MILTER_REPLY_REPLACE_BODY);
  g_autoptr (GByteArray) frames = NULL;
  gsize sent = 0;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  if (body == NULL && body_size > 0)
    return refuse (error, MILTER_CLIENT_CONTEXT_ERROR_NULL, spec, "the body must not be NULL");
  /* GByteArray counts in 32 bits */
  if (body_size > G_MAXUINT / 2)
    return refuse (error,
                   MILTER_CLIENT_CONTEXT_ERROR_TOO_LONG,
                   spec,
                   "%" G_GSIZE_FORMAT " bytes are too many",
                   body_size);
  frames = g_byte_array_sized_new (body_size + 5 * (body_size / MILTER_BODY_CHUNK_MAX + 1));
  do
    {
      gsize n = MIN (body_size - sent, MILTER_BODY_CHUNK_MAX);

      milter_frame_append (MILTER_REPLY_REPLACE_BODY, milter_bytes (body + sent, n), frames);
      sent += n;
    }
  while (sent < body_size);
  return submit (context, MILTER_REPLY_REPLACE_BODY, g_steal_pointer (&frames), error);
}

/**
 * milter_client_context_replace_body_bytes:
 * @context: a context
 * @body: any bytes; lines end in CRLF
 * @error: return location for an error
 *
 * As milter_client_context_replace_body().
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_replace_body_bytes (MilterClientContext *context,
                                          GBytes *body,
                                          GError **error)
{
  gsize size = 0;
  const char *data;

  g_return_val_if_fail (body != NULL, FALSE);
  data = g_bytes_get_data (body, &size);
  return milter_client_context_replace_body (context, data, size, error);
}

/* Progress. */

static gboolean
send_progress (MilterClientContext *context)
{
  if (!is_at_end_of_message (context))
    return FALSE;
  milter_frame_append (
      MILTER_REPLY_PROGRESS, milter_bytes (NULL, 0), milter_client_context_get_output (context));
  milter_client_context_written (context);
  /* at once: it is about the time that passes now */
  if (context->priv->connection != NULL)
    _milter_io_connection_flush (context->priv->connection);
  return TRUE;
}

static void
take_progress (MilterClientContext *context, gpointer data)
{
  send_progress (context);
}

/**
 * milter_client_context_progress:
 * @context: a context at the end of a message
 *
 * Tells the MTA that we are still at work, so that it waits on.
 *
 * Returns: %FALSE if nothing was sent, because the MTA waits for nothing at the moment; from
 * another thread always %TRUE
 */
gboolean
milter_client_context_progress (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  if (milter_client_context_is_here (context))
    return send_progress (context);
  milter_client_context_post (context, take_progress, NULL, NULL);
  return TRUE;
}

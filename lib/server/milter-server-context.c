/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-context.c: the object: properties and state.
 */
#include "milter-server-context.h"

#include "milter-enum-types.h"
#include "milter-server-context-private.h"
#include "milter-server-enum-types.h"

static void milter_server_context_reply_signals_init (MilterReplySignalsInterface *iface);

G_DEFINE_QUARK (milter-server-context-error-quark, milter_server_context_error)

G_DEFINE_TYPE_WITH_CODE (MilterServerContext,
                         milter_server_context,
                         MILTER_TYPE_PROTOCOL_AGENT,
                         G_ADD_PRIVATE (MilterServerContext)
                             G_IMPLEMENT_INTERFACE (MILTER_TYPE_REPLY_SIGNALS,
                                                    milter_server_context_reply_signals_init))

enum
{
  PROP_0,
  PROP_NAME,
  PROP_STATUS,
  PROP_STATE,
  PROP_MESSAGE_RESULT,
  /* in the order of MilterServerLimit */
  PROP_CONNECTION_TIMEOUT,
  PROP_WRITING_TIMEOUT,
  PROP_READING_TIMEOUT,
  PROP_END_OF_MESSAGE_TIMEOUT,
  N_PROPERTIES
};
static GParamSpec *properties[N_PROPERTIES];

/* clang-format off */
const char *const _milter_server_limit_names[MILTER_SERVER_N_LIMITS] = {
  [MILTER_SERVER_LIMIT_CONNECTION]     = "connection-timeout",
  [MILTER_SERVER_LIMIT_WRITING]        = "writing-timeout",
  [MILTER_SERVER_LIMIT_READING]        = "reading-timeout",
  [MILTER_SERVER_LIMIT_END_OF_MESSAGE] = "end-of-message-timeout",
};
static const double default_timeouts[MILTER_SERVER_N_LIMITS] = {
  [MILTER_SERVER_LIMIT_CONNECTION]     = MILTER_SERVER_CONTEXT_DEFAULT_CONNECTION_TIMEOUT,
  [MILTER_SERVER_LIMIT_WRITING]        = MILTER_SERVER_CONTEXT_DEFAULT_WRITING_TIMEOUT,
  [MILTER_SERVER_LIMIT_READING]        = MILTER_SERVER_CONTEXT_DEFAULT_READING_TIMEOUT,
  [MILTER_SERVER_LIMIT_END_OF_MESSAGE] = MILTER_SERVER_CONTEXT_DEFAULT_END_OF_MESSAGE_TIMEOUT,
};
/* clang-format on */

MilterServerContextPrivate *
_milter_server_private (MilterServerContext *context)
{
  return milter_server_context_get_instance_private (context);
}

/* --- state ------------------------------------------------------------------------------------ */

void
_milter_server_enter (MilterServerContext *context, MilterServerContextState state)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  priv->last_state = priv->state;
  priv->state = state;
  g_signal_emit_by_name (context, "state-transited", state);
}

/**
 * milter_server_context_get_status:
 * @context: a context
 *
 * Returns: what the milter decided; %MILTER_STATUS_DEFAULT while it has not
 */
MilterStatus
milter_server_context_get_status (MilterServerContext *context)
{
  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), MILTER_STATUS_DEFAULT);
  return _milter_server_private (context)->status;
}

/**
 * milter_server_context_set_status:
 * @context: a context
 * @status: what counts as the decision of the milter
 */
void
milter_server_context_set_status (MilterServerContext *context, MilterStatus status)
{
  g_return_if_fail (MILTER_IS_SERVER_CONTEXT (context));
  _milter_server_private (context)->status = status;
}

/**
 * milter_server_context_get_state:
 * @context: a context
 *
 * Returns: the last thing that was sent
 */
MilterServerContextState
milter_server_context_get_state (MilterServerContext *context)
{
  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), MILTER_SERVER_CONTEXT_STATE_INVALID);
  return _milter_server_private (context)->state;
}

/**
 * milter_server_context_set_state:
 * @context: a context
 * @state: what counts as the last thing that was sent
 */
void
milter_server_context_set_state (MilterServerContext *context, MilterServerContextState state)
{
  g_return_if_fail (MILTER_IS_SERVER_CONTEXT (context));
  _milter_server_enter (context, state);
}

/**
 * milter_server_context_get_last_state:
 * @context: a context
 *
 * Returns: the state before the present one
 */
MilterServerContextState
milter_server_context_get_last_state (MilterServerContext *context)
{
  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), MILTER_SERVER_CONTEXT_STATE_INVALID);
  return _milter_server_private (context)->last_state;
}

/**
 * milter_server_context_is_processing:
 * @context: a context
 *
 * Returns: whether a reply is due
 */
gboolean
milter_server_context_is_processing (MilterServerContext *context)
{
  MilterServerContextPrivate *priv;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  priv = _milter_server_private (context);
  return priv->connection != NULL
         && (priv->rest != NULL || milter_session_due (&priv->session) != 0);
}

/**
 * milter_server_context_set_option:
 * @context: a context
 * @option: (nullable): what holds from now on
 */
void
milter_server_context_set_option (MilterServerContext *context, MilterOption *option)
{
  MilterServerContextPrivate *priv;

  g_return_if_fail (MILTER_IS_SERVER_CONTEXT (context));
  priv = _milter_server_private (context);
  if (option == priv->option)
    return;
  g_clear_object (&priv->option);
  priv->option = option != NULL ? milter_option_copy (option) : NULL;
}

/**
 * milter_server_context_get_option:
 * @context: a context
 *
 * Tells what holds: the offer, and when the milter has answered, what was agreed.
 *
 * Returns: (transfer none) (nullable): the option; %NULL before there is an offer
 */
MilterOption *
milter_server_context_get_option (MilterServerContext *context)
{
  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), NULL);
  return _milter_server_private (context)->option;
}

/**
 * milter_server_context_is_enable_step:
 * @context: a context
 * @step: a step
 *
 * Returns: whether it was agreed
 */
gboolean
milter_server_context_is_enable_step (MilterServerContext *context, MilterStepFlags step)
{
  MilterOption *option = milter_server_context_get_option (context);

  return option != NULL && (milter_option_get_step (option) & step) != 0;
}

/**
 * milter_server_context_get_skip_body:
 * @context: a context
 *
 * Returns: whether the milter wants no more of the body of this message
 */
gboolean
milter_server_context_get_skip_body (MilterServerContext *context)
{
  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  return _milter_server_private (context)->skip_body;
}

/**
 * milter_server_context_get_name:
 * @context: a context
 *
 * Returns: (nullable): a name for the milter, for people
 */
const char *
milter_server_context_get_name (MilterServerContext *context)
{
  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), NULL);
  return _milter_server_private (context)->name;
}

/**
 * milter_server_context_set_name:
 * @context: a context
 * @name: (nullable): a name for the milter, for people
 */
void
milter_server_context_set_name (MilterServerContext *context, const char *name)
{
  MilterServerContextPrivate *priv;

  g_return_if_fail (MILTER_IS_SERVER_CONTEXT (context));
  priv = _milter_server_private (context);
  if (g_strcmp0 (name, priv->name) == 0)
    return;
  g_free (priv->name);
  priv->name = g_strdup (name);
}

/**
 * milter_server_context_get_elapsed:
 * @context: a context
 *
 * Returns: seconds since the connection was begun
 */
gdouble
milter_server_context_get_elapsed (MilterServerContext *context)
{
  MilterServerContextPrivate *priv;
  gint64 until_us;

  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), 0.0);
  priv = _milter_server_private (context);
  if (priv->established_us == 0)
    return 0.0;
  until_us = priv->ended_us != 0 ? priv->ended_us : g_get_monotonic_time ();
  return (double) (until_us - priv->established_us) / G_USEC_PER_SEC;
}

/**
 * milter_server_context_is_negotiated:
 * @context: a context
 *
 * Returns: whether the milter has answered the offer
 */
gboolean
milter_server_context_is_negotiated (MilterServerContext *context)
{
  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  return _milter_server_private (context)->negotiated;
}

/**
 * milter_server_context_is_processing_message:
 * @context: a context
 *
 * Returns: whether a message is under way
 */
gboolean
milter_server_context_is_processing_message (MilterServerContext *context)
{
  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  return _milter_server_private (context)->processing_message;
}

/**
 * milter_server_context_set_processing_message:
 * @context: a context
 * @processing_message: whether a message is under way
 */
void
milter_server_context_set_processing_message (MilterServerContext *context,
                                              gboolean processing_message)
{
  g_return_if_fail (MILTER_IS_SERVER_CONTEXT (context));
  _milter_server_private (context)->processing_message = processing_message;
}

/**
 * milter_server_context_is_quitted:
 * @context: a context
 *
 * Returns: whether QUIT was sent
 */
gboolean
milter_server_context_is_quitted (MilterServerContext *context)
{
  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  return _milter_server_private (context)->quitted;
}

/**
 * milter_server_context_set_quitted:
 * @context: a context
 * @quitted: whether QUIT was sent
 */
void
milter_server_context_set_quitted (MilterServerContext *context, gboolean quitted)
{
  g_return_if_fail (MILTER_IS_SERVER_CONTEXT (context));
  _milter_server_private (context)->quitted = quitted;
}

/**
 * milter_server_context_reset_message_related_data:
 * @context: a context
 *
 * Forgets what belongs to the message.
 */
void
milter_server_context_reset_message_related_data (MilterServerContext *context)
{
  MilterServerContextPrivate *priv;

  g_return_if_fail (MILTER_IS_SERVER_CONTEXT (context));
  priv = _milter_server_private (context);
  priv->status = MILTER_STATUS_DEFAULT;
  priv->skip_body = false;
  priv->n_accepted_recipients = 0;
  priv->processing_message = false;
  milter_protocol_agent_clear_message_related_macros (MILTER_PROTOCOL_AGENT (context));
}

/**
 * milter_server_context_has_accepted_recipient:
 * @context: a context
 *
 * Returns: whether the milter let a recipient of this message pass
 */
gboolean
milter_server_context_has_accepted_recipient (MilterServerContext *context)
{
  g_return_val_if_fail (MILTER_IS_SERVER_CONTEXT (context), FALSE);
  return _milter_server_private (context)->n_accepted_recipients > 0;
}

static void
set_timeout (MilterServerContext *context, MilterServerLimit limit, gdouble timeout)
{
  MilterServerContextPrivate *priv;

  g_return_if_fail (MILTER_IS_SERVER_CONTEXT (context));
  g_return_if_fail (timeout >= 0.0);
  priv = _milter_server_private (context);
  if (timeout > priv->timeouts[limit] || timeout < priv->timeouts[limit])
    {
      priv->timeouts[limit] = timeout;
      g_object_notify_by_pspec (G_OBJECT (context), properties[PROP_CONNECTION_TIMEOUT + limit]);
    }
}

/**
 * milter_server_context_set_connection_timeout:
 * @context: a context
 * @timeout: seconds until the milter must be connected; 0 is for ever
 */
void
milter_server_context_set_connection_timeout (MilterServerContext *context, gdouble timeout)
{
  set_timeout (context, MILTER_SERVER_LIMIT_CONNECTION, timeout);
}

/**
 * milter_server_context_set_writing_timeout:
 * @context: a context
 * @timeout: seconds in which it must take a command; 0 is for ever
 */
void
milter_server_context_set_writing_timeout (MilterServerContext *context, gdouble timeout)
{
  set_timeout (context, MILTER_SERVER_LIMIT_WRITING, timeout);
}

/**
 * milter_server_context_set_reading_timeout:
 * @context: a context
 * @timeout: seconds in which the milter must answer; 0 is for ever
 */
void
milter_server_context_set_reading_timeout (MilterServerContext *context, gdouble timeout)
{
  set_timeout (context, MILTER_SERVER_LIMIT_READING, timeout);
}

/**
 * milter_server_context_set_end_of_message_timeout:
 * @context: a context
 * @timeout: seconds in which the end of a message must be answered, or progress told; 0 is for ever
 */
void
milter_server_context_set_end_of_message_timeout (MilterServerContext *context, gdouble timeout)
{
  set_timeout (context, MILTER_SERVER_LIMIT_END_OF_MESSAGE, timeout);
}

/**
 * milter_server_context_set_all_timeouts:
 * @context: a context
 * @timeout: seconds; 0 is for ever
 *
 * Sets the four timeouts at once.
 */
void
milter_server_context_set_all_timeouts (MilterServerContext *context, gdouble timeout)
{
  for (guint i = 0; i < MILTER_SERVER_N_LIMITS; i++)
    set_timeout (context, (MilterServerLimit) i, timeout);
}

/* --- GObject ---------------------------------------------------------------------------------- */

static void
milter_server_context_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MilterServerContextPrivate *priv = _milter_server_private (MILTER_SERVER_CONTEXT (object));

  if (id == PROP_NAME)
    g_value_set_string (value, priv->name);
  else if (id == PROP_STATUS)
    g_value_set_enum (value, (int) priv->status);
  else if (id == PROP_STATE)
    g_value_set_enum (value, (int) priv->state);
  else if (id == PROP_MESSAGE_RESULT)
    g_value_set_object (value, priv->result);
  else if (id >= PROP_CONNECTION_TIMEOUT && id < N_PROPERTIES)
    g_value_set_double (value, priv->timeouts[id - PROP_CONNECTION_TIMEOUT]);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
milter_server_context_set_property (GObject *object,
                                    guint id,
                                    const GValue *value,
                                    GParamSpec *pspec)
{
  MilterServerContext *context = MILTER_SERVER_CONTEXT (object);
  MilterServerContextPrivate *priv = _milter_server_private (context);

  if (id == PROP_NAME)
    milter_server_context_set_name (context, g_value_get_string (value));
  else if (id == PROP_STATUS)
    priv->status = (MilterStatus) g_value_get_enum (value);
  else if (id == PROP_STATE)
    milter_server_context_set_state (context, (MilterServerContextState) g_value_get_enum (value));
  else if (id == PROP_MESSAGE_RESULT)
    milter_server_context_set_message_result (context, g_value_get_object (value));
  else if (id >= PROP_CONNECTION_TIMEOUT && id < N_PROPERTIES)
    priv->timeouts[id - PROP_CONNECTION_TIMEOUT] = g_value_get_double (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
milter_server_context_dispose (GObject *object)
{
  MilterServerContext *context = MILTER_SERVER_CONTEXT (object);
  MilterServerContextPrivate *priv = _milter_server_private (context);

  /* whoever lets go of a context does not want to hear of its end */
  priv->finished = true;
  _milter_server_drop_rest (context);
  _milter_server_release (priv, MILTER_IO_CLOSE_NOW);
  g_clear_object (&priv->option);
  g_clear_object (&priv->result);
  G_OBJECT_CLASS (milter_server_context_parent_class)->dispose (object);
}

static void
milter_server_context_finalize (GObject *object)
{
  MilterServerContextPrivate *priv = _milter_server_private (MILTER_SERVER_CONTEXT (object));

  milter_session_clear (&priv->session);
  g_clear_pointer (&priv->spec, milter_connection_spec_free);
  g_free (priv->name);
  G_OBJECT_CLASS (milter_server_context_parent_class)->finalize (object);
}

/**
 * MilterServerContext:name:
 *
 * A name for the milter, for people.
 */

/**
 * MilterServerContext:status:
 *
 * What the milter decided.
 */

/**
 * MilterServerContext:state:
 *
 * The last thing that was sent.
 */

/**
 * MilterServerContext:message-result:
 *
 * What is known of the message that is under way.
 */

/**
 * MilterServerContext:connection-timeout:
 *
 * Seconds until the milter must be connected; 0 is for ever.
 */

/**
 * MilterServerContext:writing-timeout:
 *
 * Seconds in which it must take a command; 0 is for ever.
 */

/**
 * MilterServerContext:reading-timeout:
 *
 * Seconds in which it must answer one; 0 is for ever.
 */

/**
 * MilterServerContext:end-of-message-timeout:
 *
 * Seconds in which it must answer the end of a message, or tell progress; 0 is for ever.
 */

static void
milter_server_context_class_init (MilterServerContextClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = milter_server_context_get_property;
  object_class->set_property = milter_server_context_set_property;
  object_class->dispose = milter_server_context_dispose;
  object_class->finalize = milter_server_context_finalize;

  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_STATUS]
      = g_param_spec_enum ("status", NULL, NULL, MILTER_TYPE_STATUS, MILTER_STATUS_DEFAULT, flags);
  properties[PROP_STATE] = g_param_spec_enum ("state",
                                              NULL,
                                              NULL,
                                              MILTER_TYPE_SERVER_CONTEXT_STATE,
                                              MILTER_SERVER_CONTEXT_STATE_INVALID,
                                              flags);
  properties[PROP_MESSAGE_RESULT]
      = g_param_spec_object ("message-result", NULL, NULL, MILTER_TYPE_MESSAGE_RESULT, flags);
  for (guint i = 0; i < MILTER_SERVER_N_LIMITS; i++)
    properties[PROP_CONNECTION_TIMEOUT + i] = g_param_spec_double (_milter_server_limit_names[i],
                                                                   NULL,
                                                                   NULL,
                                                                   0.0,
                                                                   G_MAXDOUBLE,
                                                                   default_timeouts[i],
                                                                   flags | G_PARAM_CONSTRUCT);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
  _milter_server_add_signals (G_TYPE_FROM_CLASS (klass));
}

static void
milter_server_context_reply_signals_init (MilterReplySignalsInterface *iface)
{
}

static void
milter_server_context_init (MilterServerContext *context)
{
  MilterServerContextPrivate *priv = _milter_server_private (context);

  priv->limits.max_payload = MILTER_LIMIT_FROM_MILTER;
  milter_session_init (&priv->session, MILTER_SESSION_STRICT);
}

/**
 * milter_server_context_new:
 *
 * Returns: (transfer full): a context that is not connected
 *
 * Since: 0.1
 */
MilterServerContext *
milter_server_context_new (void)
{
  return g_object_new (MILTER_TYPE_SERVER_CONTEXT, NULL);
}

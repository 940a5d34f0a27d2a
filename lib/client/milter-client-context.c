/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-context.c: the object: properties, what can be asked and set.
 */
#include "milter-client-context.h"

#include <string.h>

#include "milter-client-context-private.h"
#include "milter-client-private.h"

/* as libmilter's smfi_settimeout: longer than any MTA waits for its client */
#define DEFAULT_TIMEOUT 7210

G_DEFINE_TYPE_WITH_PRIVATE (MilterClientContext, milter_client_context, MILTER_TYPE_PROTOCOL_AGENT)

GQuark
milter_client_context_error_quark (void)
{
  return g_quark_from_static_string ("milter-client-context-error-quark");
}

enum
{
  PROP_0,
  PROP_CLIENT,
  PROP_STATE,
  PROP_STATUS,
  PROP_OPTION,
  PROP_QUARANTINE_REASON,
  PROP_MESSAGE_RESULT,
  PROP_USE_BYTES,
  PROP_PACKET_BUFFER_SIZE,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

const MilterClientContextSeldom milter_client_context_nothing = { .offer = NULL };

void
milter_client_context_drop_seldom (MilterClientContextPrivate *priv)
{
  if (priv->seldom == &milter_client_context_nothing
      || memcmp (priv->seldom, &milter_client_context_nothing, sizeof *priv->seldom) != 0)
    return;
  g_free (milter_client_context_get_seldom (priv));
  priv->seldom = &milter_client_context_nothing;
}

static void
seldom_free (MilterClientContextSeldom *seldom)
{
  g_clear_object (&seldom->offer);
  g_clear_object (&seldom->requests);
  g_clear_object (&seldom->option);
  g_clear_error (&seldom->failure);
  if (seldom->reply != NULL)
    g_string_free (seldom->reply, TRUE);
  g_free (seldom->quarantine_reason);
  g_clear_pointer (&seldom->shelf, g_hash_table_unref);
  g_clear_pointer (&seldom->output, g_byte_array_unref);
  g_free (seldom);
}

static void
milter_client_context_finalize (GObject *object)
{
  MilterClientContextPrivate *priv = MILTER_CLIENT_CONTEXT (object)->priv;

  if (priv->private_data_destroy != NULL)
    priv->private_data_destroy (priv->private_data);
  milter_session_clear (&priv->session);
  if (priv->seldom != &milter_client_context_nothing)
    seldom_free (milter_client_context_get_seldom (priv));
  g_clear_object (&priv->result);
  milter_client_context_tap_clear (MILTER_CLIENT_CONTEXT (object));
  g_clear_pointer (&priv->input, g_byte_array_unref);
  g_free (priv->address);
  g_clear_pointer (&priv->worker, milter_client_worker_unref);
  g_clear_object (&priv->client);
  G_OBJECT_CLASS (milter_client_context_parent_class)->finalize (object);
}

static void
milter_client_context_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MilterClientContext *context = MILTER_CLIENT_CONTEXT (object);

  switch (id)
    {
    case PROP_CLIENT:
      g_value_set_object (value, context->priv->client);
      break;
    case PROP_STATE:
      g_value_set_enum (value, context->priv->state);
      break;
    case PROP_STATUS:
      g_value_set_enum (value, context->priv->status);
      break;
    case PROP_OPTION:
      g_value_set_object (value, milter_client_context_get_option (context));
      break;
    case PROP_QUARANTINE_REASON:
      g_value_set_string (value, context->priv->seldom->quarantine_reason);
      break;
    case PROP_MESSAGE_RESULT:
      g_value_set_object (value, milter_client_context_get_message_result (context));
      break;
    case PROP_USE_BYTES:
      g_value_set_boolean (value, context->priv->use_bytes);
      break;
    case PROP_PACKET_BUFFER_SIZE:
      g_value_set_uint (value, 0);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
milter_client_context_set_property (GObject *object,
                                    guint id,
                                    const GValue *value,
                                    GParamSpec *pspec)
{
  MilterClientContext *context = MILTER_CLIENT_CONTEXT (object);

  switch (id)
    {
    case PROP_CLIENT:
      context->priv->client = g_value_dup_object (value);
      break;
    case PROP_STATE:
      milter_client_context_set_state (context, g_value_get_enum (value));
      break;
    case PROP_STATUS:
      milter_client_context_set_status (context, g_value_get_enum (value));
      break;
    case PROP_OPTION:
      milter_client_context_set_option (context, g_value_get_object (value));
      break;
    case PROP_QUARANTINE_REASON:
      milter_client_context_set_quarantine_reason (context, g_value_get_string (value));
      break;
    case PROP_MESSAGE_RESULT:
      milter_client_context_set_message_result (context, g_value_get_object (value));
      break;
    case PROP_USE_BYTES:
      milter_client_context_set_use_bytes (context, g_value_get_boolean (value));
      break;
    case PROP_PACKET_BUFFER_SIZE:
      /* without effect: what is due in one turn always leaves in one write */
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

/* takes timeout and handlers over from the client, now that it is known */
static void
milter_client_context_constructed (GObject *object)
{
  MilterClientContextPrivate *priv = MILTER_CLIENT_CONTEXT (object)->priv;

  if (priv->client != NULL)
    {
      priv->timeout = priv->client->priv->timeout;
      priv->handlers = priv->client->priv->handlers;
      priv->handlers_data = priv->client->priv->handlers_data;
    }
  G_OBJECT_CLASS (milter_client_context_parent_class)->constructed (object);
}

/**
 * MilterClientContext:client:
 *
 * The client that it belongs to; %NULL for a context of its own.
 */

/**
 * MilterClientContext:state:
 *
 * Where the connection stands.
 */

/**
 * MilterClientContext:status:
 *
 * The status that answered last.
 */

/**
 * MilterClientContext:option:
 *
 * What was agreed with the MTA; %NULL before the negotiation.
 */

/**
 * MilterClientContext:quarantine-reason:
 *
 * Why the message is held; %NULL if it is not.
 */

/**
 * MilterClientContext:message-result:
 *
 * What is known of the message that is under way.
 */

/**
 * MilterClientContext:packet-buffer-size:
 *
 * Without effect: what is due in one turn always leaves in one write.
 */

/**
 * MilterClientContext:use-bytes:
 *
 * Whether events hand out bytes; see milter_client_context_set_use_bytes().
 */

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags plain = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  properties[PROP_CLIENT]
      = g_param_spec_object ("client",
                             NULL,
                             NULL,
                             MILTER_TYPE_CLIENT,
                             G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  properties[PROP_STATE] = g_param_spec_enum ("state",
                                              NULL,
                                              NULL,
                                              MILTER_TYPE_CLIENT_CONTEXT_STATE,
                                              MILTER_CLIENT_CONTEXT_STATE_START,
                                              plain);
  properties[PROP_STATUS]
      = g_param_spec_enum ("status", NULL, NULL, MILTER_TYPE_STATUS, MILTER_STATUS_DEFAULT, plain);
  properties[PROP_OPTION] = g_param_spec_object ("option", NULL, NULL, MILTER_TYPE_OPTION, plain);
  properties[PROP_QUARANTINE_REASON]
      = g_param_spec_string ("quarantine-reason", NULL, NULL, NULL, plain);
  properties[PROP_MESSAGE_RESULT]
      = g_param_spec_object ("message-result", NULL, NULL, MILTER_TYPE_MESSAGE_RESULT, plain);
  properties[PROP_USE_BYTES] = g_param_spec_boolean ("use-bytes", NULL, NULL, FALSE, plain);
  properties[PROP_PACKET_BUFFER_SIZE]
      = g_param_spec_uint ("packet-buffer-size", NULL, NULL, 0, G_MAXUINT, 0, plain);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
milter_client_context_class_init (MilterClientContextClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = milter_client_context_finalize;
  object_class->get_property = milter_client_context_get_property;
  object_class->set_property = milter_client_context_set_property;
  object_class->constructed = milter_client_context_constructed;
  install_properties (object_class);
  milter_client_context_install_signals (klass);
}

static void
milter_client_context_init (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = milter_client_context_get_instance_private (context);

  context->priv = priv;
  priv->seldom = &milter_client_context_nothing;
  milter_session_init (&priv->session, MILTER_SESSION_LENIENT);
  priv->limits.max_payload = MILTER_LIMIT_FROM_MTA;
  priv->state = MILTER_CLIENT_CONTEXT_STATE_START;
  priv->last_state = MILTER_CLIENT_CONTEXT_STATE_INVALID;
  priv->timeout = DEFAULT_TIMEOUT;
  priv->link.data = context;
  priv->agent = _milter_protocol_agent_get_state (MILTER_PROTOCOL_AGENT (context));
}

/**
 * milter_client_context_new:
 * @client: (nullable): whose timeout and handlers it takes
 *
 * A context without a connection, to be fed with milter_client_context_feed(). Those with one are
 * made by the client.
 *
 * Returns: (transfer full): a context
 */
MilterClientContext *
milter_client_context_new (MilterClient *client)
{
  g_return_val_if_fail (client == NULL || MILTER_IS_CLIENT (client), NULL);
  return g_object_new (MILTER_TYPE_CLIENT_CONTEXT, "client", client, NULL);
}

/**
 * milter_client_context_get_client:
 * @context: a context
 *
 * Returns: (transfer none) (nullable): the client it belongs to
 */
MilterClient *
milter_client_context_get_client (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  return context->priv->client;
}

/**
 * milter_client_context_set_handlers:
 * @context: a context
 * @handlers: (nullable): functions for its events; not copied
 * @user_data: what they are given
 *
 * Gives this context other handlers than its client has. In a handler of "connection-established"
 * it is in time for the negotiation.
 */
void
milter_client_context_set_handlers (MilterClientContext *context,
                                    const MilterClientHandlers *handlers,
                                    gpointer user_data)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  context->priv->handlers = handlers;
  context->priv->handlers_data = user_data;
}

/* States. */

/**
 * milter_client_context_set_state:
 * @context: a context
 * @state: where the connection stands
 *
 * For tests and for programs that feed a context themselves.
 */
void
milter_client_context_set_state (MilterClientContext *context, MilterClientContextState state)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  milter_client_context_enter (context, state);
  g_object_notify_by_pspec (G_OBJECT (context), properties[PROP_STATE]);
}

/**
 * milter_client_context_get_state:
 * @context: a context
 *
 * Returns: where the connection stands
 */
MilterClientContextState
milter_client_context_get_state (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), MILTER_CLIENT_CONTEXT_STATE_INVALID);
  return context->priv->state;
}

/**
 * milter_client_context_get_last_state:
 * @context: a context
 *
 * Returns: the state before the present one
 */
MilterClientContextState
milter_client_context_get_last_state (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), MILTER_CLIENT_CONTEXT_STATE_INVALID);
  return context->priv->last_state;
}

/**
 * milter_client_context_set_status:
 * @context: a context
 * @status: what milter_client_context_get_status() tells until the next answer
 *
 * Does not answer anything.
 */
void
milter_client_context_set_status (MilterClientContext *context, MilterStatus status)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  context->priv->status = status;
  g_object_notify_by_pspec (G_OBJECT (context), properties[PROP_STATUS]);
}

/**
 * milter_client_context_get_status:
 * @context: a context
 *
 * Returns: the status that answered last
 */
MilterStatus
milter_client_context_get_status (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), MILTER_STATUS_DEFAULT);
  return context->priv->status;
}

/* What a context carries. */

/**
 * milter_client_context_set_private_data:
 * @context: a context
 * @data: (nullable): the program's own
 * @destroy: (nullable): frees it when it is replaced or the context goes
 */
void
milter_client_context_set_private_data (MilterClientContext *context,
                                        gpointer data,
                                        GDestroyNotify destroy)
{
  MilterClientContextPrivate *priv;
  GDestroyNotify old_destroy;
  gpointer old;

  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  priv = context->priv;
  old = priv->private_data;
  old_destroy = priv->private_data_destroy;
  priv->private_data = data;
  priv->private_data_destroy = destroy;
  if (old_destroy != NULL)
    old_destroy (old);
}

/**
 * milter_client_context_get_private_data:
 * @context: a context
 *
 * Returns: (nullable) (transfer none): what milter_client_context_set_private_data() set
 */
gpointer
milter_client_context_get_private_data (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  return context->priv->private_data;
}

/**
 * milter_client_context_set_timeout:
 * @context: a context
 * @timeout: seconds that the MTA may be silent, 0 for ever
 *
 * The time runs while we wait for the MTA, from the first byte on; it counts anew from each
 * command.
 */
void
milter_client_context_set_timeout (MilterClientContext *context, guint timeout)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  context->priv->timeout = timeout;
  milter_client_context_arm (context);
}

/**
 * milter_client_context_get_timeout:
 * @context: a context
 *
 * Returns: seconds that the MTA may be silent; 0 is for ever
 */
guint
milter_client_context_get_timeout (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), 0);
  return context->priv->timeout;
}

/**
 * milter_client_context_set_option:
 * @context: a context
 * @option: (nullable): what this connection needs of its MTA
 *
 * Before the negotiation, as in a handler of "connection-established", it declares for this
 * connection what milter_client_set_option() does for all of them. The negotiation replaces it by
 * what was agreed.
 */
void
milter_client_context_set_option (MilterClientContext *context, MilterOption *option)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  g_return_if_fail (option == NULL || MILTER_IS_OPTION (option));
  if (g_set_object (&milter_client_context_get_seldom (context->priv)->option, option))
    g_object_notify_by_pspec (G_OBJECT (context), properties[PROP_OPTION]);
}

/**
 * milter_client_context_get_option:
 * @context: a context
 *
 * Returns: (transfer none) (nullable): what was agreed with the MTA; before the negotiation, what
 *   milter_client_context_set_option() was given
 */
MilterOption *
milter_client_context_get_option (MilterClientContext *context)
{
  MilterClientContextPrivate *priv;
  const MilterOffer *agreed;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  priv = context->priv;
  agreed = &priv->session.agreed;
  if (priv->seldom->option == NULL && priv->session.state >= MILTER_SESSION_READY)
    milter_client_context_get_seldom (priv)->option
        = milter_option_new (agreed->version, agreed->actions, agreed->steps);
  return priv->seldom->option;
}

/**
 * milter_client_context_set_socket_address:
 * @context: a context
 * @address: (nullable): where the MTA connects from; copied
 *
 * For a context without a connection; the client sets it for others.
 */
void
milter_client_context_set_socket_address (MilterClientContext *context,
                                          MilterGenericSocketAddress *address)
{
  MilterGenericSocketAddress *old;

  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  old = context->priv->address;
  /* it may be the old one that is set again */
  context->priv->address = g_memdup2 (address, sizeof *address);
  g_free (old);
  context->priv->address_size = sizeof *address;
}

/**
 * milter_client_context_get_socket_address:
 * @context: a context
 *
 * Returns: (transfer none) (nullable): where the MTA connects from
 */
MilterGenericSocketAddress *
milter_client_context_get_socket_address (MilterClientContext *context)
{
  MilterClientContextPrivate *priv;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  priv = context->priv;
  if (priv->address_size > 0 && priv->address_size < sizeof *priv->address)
    {
      MilterGenericSocketAddress *whole = g_new0 (MilterGenericSocketAddress, 1);

      whole->base.sa_family = AF_UNIX;
      if (priv->address != NULL)
        memcpy (whole, priv->address, priv->address_size);
      g_free (priv->address);
      priv->address = whole;
      priv->address_size = sizeof *whole;
    }
  return priv->address;
}

/**
 * milter_client_context_get_n_processing_sessions:
 * @context: a context
 *
 * Returns: connections that the client serves at the moment, this one included; 0 without a client
 */
guint
milter_client_context_get_n_processing_sessions (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), 0);
  if (context->priv->client == NULL)
    return 0;
  return milter_client_get_n_processing_sessions (context->priv->client);
}

/**
 * milter_client_context_set_use_bytes:
 * @context: a context
 * @use: whether events hand out bytes
 *
 * With bytes, each event that has strings or a chunk is told by the signal and the class function
 * whose name ends in `-bytes`, instead of the one without. Bindings need it: they do not call a
 * handler whose string is not UTF-8, and mail has such strings. Set it in a handler of
 * "connection-established", before the negotiation looks which events are listened to.
 *
 * An event that has handlers of the other form alone, as of "header" in a context that uses bytes
 * and has none of "header-bytes", is told in that form: a filter whose handlers are never called
 * would let all mail pass. So a program written for milter-manager, which has bytes for bodies
 * only, works as it is.
 */
void
milter_client_context_set_use_bytes (MilterClientContext *context, gboolean use)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  context->priv->use_bytes = use != FALSE;
  milter_client_context_look_for_listeners (context);
  if (context->priv->session.state > MILTER_SESSION_NEGOTIATING)
    milter_client_context_choose_forms (context);
  g_object_notify_by_pspec (G_OBJECT (context), properties[PROP_USE_BYTES]);
}

/**
 * milter_client_context_get_use_bytes:
 * @context: a context
 *
 * Returns: whether events hand out bytes
 */
gboolean
milter_client_context_get_use_bytes (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  return context->priv->use_bytes;
}

void
milter_client_context_emit_error (MilterClientContext *context, const GError *error)
{
  g_signal_emit (context, milter_client_context_signals[SIGNAL_ERROR], 0, error);
}

/* Threads. */

bool
milter_client_context_is_here (MilterClientContext *context)
{
  MilterClientWorker *worker = context->priv->worker;

  return worker == NULL || milter_client_worker_is_here (worker);
}

void
milter_client_context_post (MilterClientContext *context,
                            void (*func) (MilterClientContext *context, gpointer data),
                            gpointer data,
                            GDestroyNotify free_data)
{
  milter_client_worker_post (context->priv->worker, context, func, data, free_data);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-context.c: the object: signals, properties, what can be asked and set.
 */
#include "milter-client-context.h"

#include <string.h>

#include "milter-client-context-private.h"
#include "milter-client-marshal-private.h"
#include "milter-client-private.h"

/* as libmilter's smfi_settimeout: longer than any MTA waits for its client */
#define DEFAULT_TIMEOUT 7210

G_DEFINE_TYPE_WITH_PRIVATE (MilterClientContext, milter_client_context, MILTER_TYPE_PROTOCOL_AGENT)

G_DEFINE_QUARK (milter-client-context-error-quark, milter_client_context_error)

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
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];
guint milter_client_context_signals[N_SIGNALS];

static void
milter_client_context_finalize (GObject *object)
{
  MilterClientContextPrivate *priv = MILTER_CLIENT_CONTEXT (object)->priv;

  if (priv->private_data_destroy != NULL)
    priv->private_data_destroy (priv->private_data);
  milter_session_clear (&priv->session);
  g_clear_object (&priv->offer);
  g_clear_object (&priv->requests);
  g_clear_object (&priv->option);
  if (priv->reply != NULL)
    g_string_free (priv->reply, TRUE);
  g_clear_error (&priv->failure);
  g_clear_object (&priv->result);
  g_free (priv->quarantine_reason);
  g_clear_pointer (&priv->input, g_byte_array_unref);
  g_clear_pointer (&priv->output, g_byte_array_unref);
  g_clear_pointer (&priv->shelf, g_hash_table_unref);
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
      g_value_set_string (value, context->priv->quarantine_reason);
      break;
    case PROP_MESSAGE_RESULT:
      g_value_set_object (value, milter_client_context_get_message_result (context));
      break;
    case PROP_USE_BYTES:
      g_value_set_boolean (value, context->priv->use_bytes);
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

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags plain = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  properties[PROP_CLIENT]
      = g_param_spec_object ("client", NULL, NULL, MILTER_TYPE_CLIENT,
                             G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  properties[PROP_STATE]
      = g_param_spec_enum ("state", NULL, NULL, MILTER_TYPE_CLIENT_CONTEXT_STATE,
                           MILTER_CLIENT_CONTEXT_STATE_START, plain);
  properties[PROP_STATUS] = g_param_spec_enum ("status", NULL, NULL, MILTER_TYPE_STATUS,
                                               MILTER_STATUS_DEFAULT, plain);
  properties[PROP_OPTION] = g_param_spec_object ("option", NULL, NULL, MILTER_TYPE_OPTION, plain);
  properties[PROP_QUARANTINE_REASON]
      = g_param_spec_string ("quarantine-reason", NULL, NULL, NULL, plain);
  properties[PROP_MESSAGE_RESULT]
      = g_param_spec_object ("message-result", NULL, NULL, MILTER_TYPE_MESSAGE_RESULT, plain);
  properties[PROP_USE_BYTES] = g_param_spec_boolean ("use-bytes", NULL, NULL, FALSE, plain);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

#define TEXT (G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE)
#define MARSHAL(shape) milter_client_marshal_##shape, milter_client_marshal_##shape##_va

/* The event signals. Their class functions are called directly, not by the emission: an emission
 * with a handler and a class closure costs two and a half times one with a handler alone. */
static const struct
{
  guint id;
  const char *name;
  GSignalCMarshaller marshal;
  GSignalCVaMarshaller va_marshal;
  guint n_types;
  GType types[3];
} event_signals[] = {
  { EVENT_HELO, "helo", MARSHAL (string), 1, { TEXT } },
  { EVENT_ENVELOPE_FROM, "envelope-from", MARSHAL (string), 1, { TEXT } },
  { EVENT_ENVELOPE_RECIPIENT, "envelope-recipient", MARSHAL (string), 1, { TEXT } },
  { EVENT_UNKNOWN, "unknown", MARSHAL (string), 1, { TEXT } },
  { EVENT_CONNECT, "connect", MARSHAL (string_address), 3, { TEXT, G_TYPE_POINTER, G_TYPE_UINT } },
  { EVENT_DATA, "data", MARSHAL (nothing), 0, { 0 } },
  { EVENT_HEADER, "header", MARSHAL (string_string), 2, { TEXT, TEXT } },
  { EVENT_END_OF_HEADER, "end-of-header", MARSHAL (nothing), 0, { 0 } },
  { EVENT_BODY, "body", MARSHAL (chunk), 2, { G_TYPE_POINTER, G_TYPE_UINT64 } },
  { EVENT_END_OF_MESSAGE, "end-of-message", MARSHAL (chunk), 2, { G_TYPE_POINTER, G_TYPE_UINT64 } },
};

/* types that are made at run time; @name's signal returns a status */
static void
install_event (MilterClientContextClass *klass,
               guint id,
               const char *name,
               GSignalCMarshaller marshal,
               GSignalCVaMarshaller va_marshal,
               guint n_types,
               const GType *types)
{
  GType mutable_types[3] = { 0 };

  for (guint i = 0; i < n_types; i++)
    mutable_types[i] = types[i];
  milter_client_context_signals[id]
      = g_signal_newv (name, G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, /* class_closure= */ NULL,
                       /* accumulator= */ NULL, NULL, marshal, MILTER_TYPE_STATUS, n_types,
                       mutable_types);
  g_signal_set_va_marshaller (milter_client_context_signals[id], G_TYPE_FROM_CLASS (klass),
                              va_marshal);
}

static void
install_event_signals (MilterClientContextClass *klass)
{
  const GType negotiate[] = { MILTER_TYPE_OPTION, MILTER_TYPE_MACROS_REQUESTS };
  const GType abort_[] = { MILTER_TYPE_CLIENT_CONTEXT_STATE };
  const GType bytes[] = { G_TYPE_BYTES };

  for (gsize i = 0; i < G_N_ELEMENTS (event_signals); i++)
    install_event (klass, event_signals[i].id, event_signals[i].name, event_signals[i].marshal,
                   event_signals[i].va_marshal, event_signals[i].n_types, event_signals[i].types);
  install_event (klass, EVENT_NEGOTIATE, "negotiate", MARSHAL (objects), 2, negotiate);
  install_event (klass, EVENT_ABORT, "abort", MARSHAL (state), 1, abort_);
  install_event (klass, SIGNAL_BODY_BYTES, "body-bytes", MARSHAL (bytes), 1, bytes);
  install_event (klass, SIGNAL_END_OF_MESSAGE_BYTES, "end-of-message-bytes", MARSHAL (bytes), 1,
                 bytes);
}

static void
on_response (MilterClientContext *context, MilterStatus status, gpointer event)
{
  milter_client_context_respond (context, GPOINTER_TO_UINT (event), NULL, NULL, status);
}

static void
on_negotiate_response (MilterClientContext *context,
                       MilterOption *option,
                       MilterMacrosRequests *requests,
                       MilterStatus status,
                       gpointer event)
{
  milter_client_context_respond (context, GPOINTER_TO_UINT (event), option, requests, status);
}

/* The response signals: programs emit them, the class closure answers. Which event it is stands in
 * the closure: asking for the invocation hint would find another thread's emission. */
static void
install_response_signals (MilterClientContextClass *klass)
{
  GType negotiate[] = { MILTER_TYPE_OPTION, MILTER_TYPE_MACROS_REQUESTS, MILTER_TYPE_STATUS };
  GType status[] = { MILTER_TYPE_STATUS };

  for (guint event = 0; event < N_EVENTS; event++)
    {
      bool is_negotiate = event == EVENT_NEGOTIATE;
      g_autofree char *name = NULL;
      GCallback callback
          = is_negotiate ? G_CALLBACK (on_negotiate_response) : G_CALLBACK (on_response);

      name = g_strconcat (g_signal_name (milter_client_context_signals[event]), "-response", NULL);
      milter_client_context_signals[SIGNAL_RESPONSES + event]
          = g_signal_newv (name, G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                           g_cclosure_new (callback, GUINT_TO_POINTER (event), NULL), NULL, NULL,
                           is_negotiate ? NULL : g_cclosure_marshal_VOID__ENUM, G_TYPE_NONE,
                           is_negotiate ? 3 : 1, is_negotiate ? negotiate : status);
    }
}

static void
install_other_signals (MilterClientContextClass *klass)
{
  const GType type = G_TYPE_FROM_CLASS (klass);
  const GSignalFlags last = G_SIGNAL_RUN_LAST;
  guint *signals = milter_client_context_signals;

  /* before a command: the macros that the MTA defines for it */
  signals[SIGNAL_DEFINE_MACRO]
      = g_signal_new ("define-macro", type, last,
                      G_STRUCT_OFFSET (MilterClientContextClass, define_macro), NULL, NULL, NULL,
                      G_TYPE_NONE, 2, MILTER_TYPE_COMMAND, G_TYPE_HASH_TABLE);
  /* the MTA said nothing for so long that the connection is given up */
  signals[SIGNAL_TIMEOUT]
      = g_signal_new ("timeout", type, last, G_STRUCT_OFFSET (MilterClientContextClass, timeout),
                      NULL, NULL, NULL, G_TYPE_NONE, 0);
  /* a message is over, however it ended */
  signals[SIGNAL_MESSAGE_PROCESSED]
      = g_signal_new ("message-processed", type, last,
                      G_STRUCT_OFFSET (MilterClientContextClass, message_processed), NULL, NULL,
                      NULL, G_TYPE_NONE, 1, MILTER_TYPE_MESSAGE_RESULT);
  signals[SIGNAL_ERROR]
      = g_signal_new ("error", type, last, G_STRUCT_OFFSET (MilterClientContextClass, error), NULL,
                      NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
  /* the last signal of a connection */
  signals[SIGNAL_FINISHED]
      = g_signal_new ("finished", type, last, G_STRUCT_OFFSET (MilterClientContextClass, finished),
                      NULL, NULL, NULL, G_TYPE_NONE, 0);
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
  install_event_signals (klass);
  install_response_signals (klass);
  install_other_signals (klass);
}

static void
milter_client_context_init (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = milter_client_context_get_instance_private (context);

  context->priv = priv;
  milter_session_init (&priv->session, MILTER_SESSION_LENIENT);
  priv->limits.max_payload = MILTER_LIMIT_FROM_MTA;
  priv->state = MILTER_CLIENT_CONTEXT_STATE_START;
  priv->last_state = MILTER_CLIENT_CONTEXT_STATE_INVALID;
  priv->timeout = DEFAULT_TIMEOUT;
  priv->link.data = context;
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
 * Gives this context other handlers than its client has. In a handler of "connection-established" it
 * is in time for the negotiation.
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

void
milter_client_context_enter (MilterClientContext *context, MilterClientContextState state)
{
  context->priv->last_state = context->priv->state;
  context->priv->state = state;
}

void
milter_client_context_set_state (MilterClientContext *context, MilterClientContextState state)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  milter_client_context_enter (context, state);
  g_object_notify_by_pspec (G_OBJECT (context), properties[PROP_STATE]);
}

MilterClientContextState
milter_client_context_get_state (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), MILTER_CLIENT_CONTEXT_STATE_INVALID);
  return context->priv->state;
}

/* the state before the present one */
MilterClientContextState
milter_client_context_get_last_state (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), MILTER_CLIENT_CONTEXT_STATE_INVALID);
  return context->priv->last_state;
}

/* the status that answered last */
void
milter_client_context_set_status (MilterClientContext *context, MilterStatus status)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  context->priv->status = status;
  g_object_notify_by_pspec (G_OBJECT (context), properties[PROP_STATUS]);
}

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
 * The time runs while we wait for the MTA, from the first byte on; it counts anew from each command.
 */
void
milter_client_context_set_timeout (MilterClientContext *context, guint timeout)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  context->priv->timeout = timeout;
  milter_client_worker_arm (context);
}

guint
milter_client_context_get_timeout (MilterClientContext *context)
{
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), 0);
  return context->priv->timeout;
}

void
milter_client_context_set_option (MilterClientContext *context, MilterOption *option)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  g_return_if_fail (option == NULL || MILTER_IS_OPTION (option));
  if (g_set_object (&context->priv->option, option))
    g_object_notify_by_pspec (G_OBJECT (context), properties[PROP_OPTION]);
}

/**
 * milter_client_context_get_option:
 * @context: a context
 *
 * Returns: (transfer none) (nullable): what was agreed with the MTA; %NULL before the negotiation
 */
MilterOption *
milter_client_context_get_option (MilterClientContext *context)
{
  MilterClientContextPrivate *priv;
  const MilterOffer *agreed;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  priv = context->priv;
  agreed = &priv->session.agreed;
  if (priv->option == NULL && priv->session.state >= MILTER_SESSION_READY)
    priv->option = milter_option_new (agreed->version, agreed->actions, agreed->steps);
  return priv->option;
}

void
milter_client_context_set_socket_address (MilterClientContext *context,
                                          MilterGenericSocketAddress *address)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  g_free (context->priv->address);
  context->priv->address = g_memdup2 (address, sizeof *address);
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
  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), NULL);
  return context->priv->address;
}

/* connections that the client serves at the moment, this one included */
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
 * @use: whether "body-bytes" and "end-of-message-bytes" are emitted instead of "body" and
 *   "end-of-message"
 */
void
milter_client_context_set_use_bytes (MilterClientContext *context, gboolean use)
{
  g_return_if_fail (MILTER_IS_CLIENT_CONTEXT (context));
  context->priv->use_bytes = use != FALSE;
  milter_client_context_look_for_listeners (context);
  g_object_notify_by_pspec (G_OBJECT (context), properties[PROP_USE_BYTES]);
}

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

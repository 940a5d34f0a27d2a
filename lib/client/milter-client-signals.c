/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-signals.c: the signals of a context: events, responses, and what else happens.
 */
#include "milter-client-context-private.h"
#include "milter-client-marshal-private.h"

guint milter_client_context_signals[N_SIGNALS];

#define TEXT           (G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE)
#define MARSHAL(shape) milter_client_marshal_##shape, milter_client_marshal_##shape##_va

/**
 * MilterClientContext::negotiate:
 * @context: the context
 * @option: the MTA's offer, to be edited
 * @requests: (nullable): lists of macros to ask for, to be filled in
 *
 * The MTA offers version, actions and steps. With %MILTER_STATUS_CONTINUE, those of them that are
 * edited in @option are the answer; those that are left as they are, and with
 * %MILTER_STATUS_ALL_OPTIONS all, become the default: the actions that were declared or else every
 * one, and only events that are listened to. A word that is set to what it was is edited, too: steps
 * that are set as they were offered ask the MTA to send nothing.
 *
 * Returns: %MILTER_STATUS_CONTINUE, %MILTER_STATUS_ALL_OPTIONS, or %MILTER_STATUS_REJECT to refuse
 *   the MTA
 */

/**
 * MilterClientContext::connect:
 * @context: the context
 * @host_name: the SMTP client's name, or its address in brackets
 * @address: (type gpointer) (nullable): its address, a `struct sockaddr`, valid during the call;
 *   %NULL if the MTA does not know it. Bindings use milter_client_context_get_connect_address()
 * @address_length: its size
 *
 * An SMTP client has connected (SMFIC_CONNECT).
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::helo:
 * @context: the context
 * @fqdn: what it calls itself
 *
 * The client said HELO or EHLO (SMFIC_HELO). It may come more than once.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::envelope-from:
 * @context: the context
 * @from: the sender with its brackets; `<>` for none
 *
 * A message begins (SMFIC_MAIL). milter_client_context_get_envelope_arguments() has the ESMTP
 * arguments.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::envelope-recipient:
 * @context: the context
 * @recipient: a recipient with its brackets
 *
 * One recipient (SMFIC_RCPT). The status decides on this recipient alone, unless it is accept or
 * discard.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::data:
 * @context: the context
 *
 * The envelope is complete (SMFIC_DATA); from version 4 on.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::unknown:
 * @context: the context
 * @command: the whole line
 *
 * The client said something that the MTA does not know (SMFIC_UNKNOWN).
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::header:
 * @context: the context
 * @name: the field's name
 * @value: its value; folds are line feeds with blanks or tabs behind
 *
 * One header field (SMFIC_HEADER), in the order of the message.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::end-of-header:
 * @context: the context
 *
 * The header is complete (SMFIC_EOH).
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::body:
 * @context: the context
 * @chunk: (type gpointer): bytes, valid during the call; bindings listen to
 *   [signal@ClientContext::body-bytes]
 * @size: how many, up to 65,535
 *
 * A piece of the body (SMFIC_BODY): any bytes, cut anywhere. %MILTER_STATUS_SKIP: no more of them
 * for this message.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::end-of-message:
 * @context: the context
 * @chunk: (type gpointer) (nullable): a last piece of the body, of MTAs that send one; valid during
 *   the call
 * @size: its size, mostly 0
 *
 * The message is complete (SMFIC_BODYEOB). Now, and only now, it can be edited.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::abort:
 * @context: the context
 * @state: where the message was
 *
 * The message is cancelled, by the MTA or because the connection ended (SMFIC_ABORT). The status
 * counts for nothing.
 *
 * Returns: any status
 */

/**
 * MilterClientContext::connect-bytes:
 * @context: the context
 * @host_name: the SMTP client's name
 * @address: (nullable): its address; %NULL if the MTA does not know it
 *
 * [signal@ClientContext::connect] in a context that uses bytes: emitted instead of it.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::helo-bytes:
 * @context: the context
 * @fqdn: what the client calls itself
 *
 * [signal@ClientContext::helo] in a context that uses bytes: emitted instead of it.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::envelope-from-bytes:
 * @context: the context
 * @from: the sender with its brackets
 *
 * [signal@ClientContext::envelope-from] in a context that uses bytes: emitted instead of it.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::envelope-recipient-bytes:
 * @context: the context
 * @recipient: a recipient with its brackets
 *
 * [signal@ClientContext::envelope-recipient] in a context that uses bytes: emitted instead of it.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::unknown-bytes:
 * @context: the context
 * @command: the whole line
 *
 * [signal@ClientContext::unknown] in a context that uses bytes: emitted instead of it.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::header-bytes:
 * @context: the context
 * @name: the field's name
 * @value: its value
 *
 * [signal@ClientContext::header] in a context that uses bytes: emitted instead of it.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::body-bytes:
 * @context: the context
 * @chunk: bytes, which may be kept
 *
 * [signal@ClientContext::body] in a context that uses bytes: emitted instead of it.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/**
 * MilterClientContext::end-of-message-bytes:
 * @context: the context
 * @chunk: (nullable): a last piece of the body
 *
 * [signal@ClientContext::end-of-message] in a context that uses bytes: emitted instead of it.
 *
 * Returns: what the MTA is to do; see [enum@MilterCore.Status]
 */

/* Class functions whose arguments a binding cannot know by their types: bytes have no NUL behind them. */

/**
 * MilterClientContextClass::body:
 * @context: the context
 * @chunk: (array length=size) (element-type guint8): a piece of the body
 * @size: how many bytes
 *
 * As [signal@ClientContext::body].
 *
 * Returns: what the MTA is to do
 */

/**
 * MilterClientContextClass::end_of_message:
 * @context: the context
 * @chunk: (array length=size) (element-type guint8) (nullable): a last piece of the body
 * @size: how many bytes
 *
 * As [signal@ClientContext::end-of-message].
 *
 * Returns: what the MTA is to do
 */

/**
 * MilterClientContextClass::define_macro:
 * @context: the context
 * @command: the command that they belong to
 * @macros: (element-type utf8 utf8): the macros, by name
 *
 * As [signal@ClientContext::define-macro].
 */

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

/* those of them that are one piece of bytes in a context that uses bytes */
static const struct
{
  guint id;
  const char *name;
} bytes_signals[] = {
  { SIGNAL_HELO_BYTES, "helo-bytes" },
  { SIGNAL_ENVELOPE_FROM_BYTES, "envelope-from-bytes" },
  { SIGNAL_ENVELOPE_RECIPIENT_BYTES, "envelope-recipient-bytes" },
  { SIGNAL_UNKNOWN_BYTES, "unknown-bytes" },
  { SIGNAL_BODY_BYTES, "body-bytes" },
  { SIGNAL_END_OF_MESSAGE_BYTES, "end-of-message-bytes" },
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
  milter_client_context_signals[id] = g_signal_newv (name,
                                                     G_TYPE_FROM_CLASS (klass),
                                                     G_SIGNAL_RUN_LAST,
                                                     /* class_closure= */ NULL,
                                                     /* accumulator= */ NULL,
                                                     NULL,
                                                     marshal,
                                                     MILTER_TYPE_STATUS,
                                                     n_types,
                                                     mutable_types);
  g_signal_set_va_marshaller (
      milter_client_context_signals[id], G_TYPE_FROM_CLASS (klass), va_marshal);
}

static void
install_event_signals (MilterClientContextClass *klass)
{
  const GType negotiate[] = { MILTER_TYPE_OPTION, MILTER_TYPE_MACROS_REQUESTS };
  const GType abort_[] = { MILTER_TYPE_CLIENT_CONTEXT_STATE };
  /* one kind of bytes, or two; a peer goes with the first */
  const GType bytes[] = { G_TYPE_BYTES, G_TYPE_BYTES };
  const GType peer[] = { G_TYPE_BYTES, G_TYPE_SOCKET_ADDRESS };

  for (gsize i = 0; i < G_N_ELEMENTS (event_signals); i++)
    install_event (klass,
                   event_signals[i].id,
                   event_signals[i].name,
                   event_signals[i].marshal,
                   event_signals[i].va_marshal,
                   event_signals[i].n_types,
                   event_signals[i].types);
  install_event (klass, EVENT_NEGOTIATE, "negotiate", MARSHAL (objects), 2, negotiate);
  install_event (klass, EVENT_ABORT, "abort", MARSHAL (state), 1, abort_);
  install_event (klass, SIGNAL_CONNECT_BYTES, "connect-bytes", MARSHAL (objects), 2, peer);
  install_event (klass, SIGNAL_HEADER_BYTES, "header-bytes", MARSHAL (objects), 2, bytes);
  for (gsize i = 0; i < G_N_ELEMENTS (bytes_signals); i++)
    install_event (
        klass, bytes_signals[i].id, bytes_signals[i].name, MARSHAL (bytes), 1, bytes);
}

/**
 * MilterClientContext::negotiate-response:
 * @context: the context
 * @option: (nullable): the answer; %NULL: what the handlers left
 * @requests: (nullable): lists of macros; %NULL: what the handlers left
 * @status: the answer
 *
 * Emit it to answer [signal@ClientContext::negotiate] after its handler has returned
 * %MILTER_STATUS_PROGRESS, from any thread. An answer that nobody waits for is told by "error".
 */

/**
 * MilterClientContext::connect-response:
 * @context: the context
 * @status: the answer
 *
 * Emit it to answer [signal@ClientContext::connect] after its handler has returned
 * %MILTER_STATUS_PROGRESS, from any thread. An answer that nobody waits for is told by "error".
 */

/**
 * MilterClientContext::helo-response:
 * @context: the context
 * @status: the answer
 *
 * Emit it to answer [signal@ClientContext::helo] after its handler has returned
 * %MILTER_STATUS_PROGRESS, from any thread. An answer that nobody waits for is told by "error".
 */

/**
 * MilterClientContext::envelope-from-response:
 * @context: the context
 * @status: the answer
 *
 * Emit it to answer [signal@ClientContext::envelope-from] after its handler has returned
 * %MILTER_STATUS_PROGRESS, from any thread. An answer that nobody waits for is told by "error".
 */

/**
 * MilterClientContext::envelope-recipient-response:
 * @context: the context
 * @status: the answer
 *
 * Emit it to answer [signal@ClientContext::envelope-recipient] after its handler has returned
 * %MILTER_STATUS_PROGRESS, from any thread. An answer that nobody waits for is told by "error".
 */

/**
 * MilterClientContext::data-response:
 * @context: the context
 * @status: the answer
 *
 * Emit it to answer [signal@ClientContext::data] after its handler has returned
 * %MILTER_STATUS_PROGRESS, from any thread. An answer that nobody waits for is told by "error".
 */

/**
 * MilterClientContext::unknown-response:
 * @context: the context
 * @status: the answer
 *
 * Emit it to answer [signal@ClientContext::unknown] after its handler has returned
 * %MILTER_STATUS_PROGRESS, from any thread. An answer that nobody waits for is told by "error".
 */

/**
 * MilterClientContext::header-response:
 * @context: the context
 * @status: the answer
 *
 * Emit it to answer [signal@ClientContext::header] after its handler has returned
 * %MILTER_STATUS_PROGRESS, from any thread. An answer that nobody waits for is told by "error".
 */

/**
 * MilterClientContext::end-of-header-response:
 * @context: the context
 * @status: the answer
 *
 * Emit it to answer [signal@ClientContext::end-of-header] after its handler has returned
 * %MILTER_STATUS_PROGRESS, from any thread. An answer that nobody waits for is told by "error".
 */

/**
 * MilterClientContext::body-response:
 * @context: the context
 * @status: the answer
 *
 * Emit it to answer [signal@ClientContext::body] after its handler has returned
 * %MILTER_STATUS_PROGRESS, from any thread. An answer that nobody waits for is told by "error".
 */

/**
 * MilterClientContext::end-of-message-response:
 * @context: the context
 * @status: the answer
 *
 * Emit it to answer [signal@ClientContext::end-of-message] after its handler has returned
 * %MILTER_STATUS_PROGRESS, from any thread. An answer that nobody waits for is told by "error".
 */

/**
 * MilterClientContext::abort-response:
 * @context: the context
 * @status: the answer
 *
 * Does nothing: an abort is never answered.
 */

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
          = g_signal_newv (name,
                           G_TYPE_FROM_CLASS (klass),
                           G_SIGNAL_RUN_LAST,
                           g_cclosure_new (callback, GUINT_TO_POINTER (event), NULL),
                           NULL,
                           NULL,
                           is_negotiate ? NULL : g_cclosure_marshal_VOID__ENUM,
                           G_TYPE_NONE,
                           is_negotiate ? 3 : 1,
                           is_negotiate ? negotiate : status);
    }
}

/**
 * MilterClientContext::define-macro:
 * @context: the context
 * @command: the command that they travel with
 * @macros: (element-type utf8 utf8): values by name, without braces; valid during the call
 *
 * The MTA defines macros, right before the command that they belong to.
 */

/**
 * MilterClientContext::timeout:
 * @context: the context
 *
 * The MTA said nothing for so long that the connection is given up; "finished" follows.
 */

/**
 * MilterClientContext::message-processed:
 * @context: the context
 * @result: what became of it
 *
 * A message is over, however it ended. Results are only kept for those who listen. They tell of what
 * the MTA has sent: without a handler of "envelope-from" nobody asks for the sender, and so on.
 */

/**
 * MilterClientContext::error:
 * @context: the context
 * @error: what, where and what follows
 *
 * The MTA broke the protocol, the connection broke, an edit from another thread could not be sent,
 * or a handler of a binding failed. Where the connection cannot go on, "finished" follows.
 */

/**
 * MilterClientContext::finished:
 * @context: the context
 *
 * The last signal of a connection.
 */

static void
install_other_signals (MilterClientContextClass *klass)
{
  const GType type = G_TYPE_FROM_CLASS (klass);
  const GSignalFlags last = G_SIGNAL_RUN_LAST;
  guint *signals = milter_client_context_signals;

  /* before a command: the macros that the MTA defines for it */
  signals[SIGNAL_DEFINE_MACRO]
      = g_signal_new ("define-macro",
                      type,
                      last,
                      G_STRUCT_OFFSET (MilterClientContextClass, define_macro),
                      NULL,
                      NULL,
                      NULL,
                      G_TYPE_NONE,
                      2,
                      MILTER_TYPE_COMMAND,
                      G_TYPE_HASH_TABLE);
  /* the MTA said nothing for so long that the connection is given up */
  signals[SIGNAL_TIMEOUT] = g_signal_new ("timeout",
                                          type,
                                          last,
                                          G_STRUCT_OFFSET (MilterClientContextClass, timeout),
                                          NULL,
                                          NULL,
                                          NULL,
                                          G_TYPE_NONE,
                                          0);
  /* a message is over, however it ended */
  signals[SIGNAL_MESSAGE_PROCESSED]
      = g_signal_new ("message-processed",
                      type,
                      last,
                      G_STRUCT_OFFSET (MilterClientContextClass, message_processed),
                      NULL,
                      NULL,
                      NULL,
                      G_TYPE_NONE,
                      1,
                      MILTER_TYPE_MESSAGE_RESULT);
  signals[SIGNAL_ERROR] = g_signal_new ("error",
                                        type,
                                        last,
                                        G_STRUCT_OFFSET (MilterClientContextClass, error),
                                        NULL,
                                        NULL,
                                        NULL,
                                        G_TYPE_NONE,
                                        1,
                                        G_TYPE_ERROR);
  /* the last signal of a connection */
  signals[SIGNAL_FINISHED] = g_signal_new ("finished",
                                           type,
                                           last,
                                           G_STRUCT_OFFSET (MilterClientContextClass, finished),
                                           NULL,
                                           NULL,
                                           NULL,
                                           G_TYPE_NONE,
                                           0);
}

void
milter_client_context_install_signals (MilterClientContextClass *klass)
{
  install_event_signals (klass);
  install_response_signals (klass);
  install_other_signals (klass);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-signals.c: the signals of a context: events, responses, and what else happens.
 */
#include "milter-client-context-private.h"
#include "milter-client-marshal-private.h"

guint milter_client_context_signals[N_SIGNALS];

#define TEXT           (G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE)
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

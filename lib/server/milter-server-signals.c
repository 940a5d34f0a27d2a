/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-signals.c: the signals of a MilterServerContext, and what each tells.
 */
#include "milter-enum-types.h"
#include "milter-server-context-private.h"
#include "milter-server-enum-types.h"

#define SLOT(member) G_STRUCT_OFFSET (MilterServerContextClass, member)

/* gsize as a signal parameter */
#if GLIB_SIZEOF_SIZE_T == 8
#define TYPE_SIZE G_TYPE_UINT64
#else
#define TYPE_SIZE G_TYPE_UINT
#endif

void
_milter_server_add_signals (GType type)
{
  /* clang-format off */
  const struct
  {
    const char *name;
    guint slot;
    GType result;         /* BOOLEAN: the first handler that says TRUE stops the emission */
    GType parameters[3];  /* ends at the first 0 */
  } rows[] = {
    { "ready",                      SLOT (ready),                      G_TYPE_NONE,    { 0 } },
    { "stopped",                    SLOT (stopped),                    G_TYPE_NONE,    { 0 } },
    { "connection-timeout",         SLOT (connection_timeout),         G_TYPE_NONE,    { 0 } },
    { "writing-timeout",            SLOT (writing_timeout),            G_TYPE_NONE,    { 0 } },
    { "reading-timeout",            SLOT (reading_timeout),            G_TYPE_NONE,    { 0 } },
    { "end-of-message-timeout",     SLOT (end_of_message_timeout),     G_TYPE_NONE,    { 0 } },
    { "message-processed",          SLOT (message_processed),          G_TYPE_NONE,    { MILTER_TYPE_MESSAGE_RESULT } },
    { "state-transited",            SLOT (state_transited),            G_TYPE_NONE,    { MILTER_TYPE_SERVER_CONTEXT_STATE } },
    { "error",                      SLOT (error),                      G_TYPE_NONE,    { G_TYPE_ERROR } },
    { "finished",                   SLOT (finished),                   G_TYPE_NONE,    { 0 } },
    { "stop-on-connect",            SLOT (stop_on_connect),            G_TYPE_BOOLEAN, { G_TYPE_STRING, G_TYPE_POINTER, G_TYPE_UINT } },
    { "stop-on-helo",               SLOT (stop_on_helo),               G_TYPE_BOOLEAN, { G_TYPE_STRING } },
    { "stop-on-envelope-from",      SLOT (stop_on_envelope_from),      G_TYPE_BOOLEAN, { G_TYPE_STRING } },
    { "stop-on-envelope-recipient", SLOT (stop_on_envelope_recipient), G_TYPE_BOOLEAN, { G_TYPE_STRING } },
    { "stop-on-data",               SLOT (stop_on_data),               G_TYPE_BOOLEAN, { 0 } },
    { "stop-on-header",             SLOT (stop_on_header),             G_TYPE_BOOLEAN, { G_TYPE_STRING, G_TYPE_STRING } },
    { "stop-on-end-of-header",      SLOT (stop_on_end_of_header),      G_TYPE_BOOLEAN, { 0 } },
    { "stop-on-body",               SLOT (stop_on_body),               G_TYPE_BOOLEAN, { G_TYPE_POINTER, TYPE_SIZE } },
    { "stop-on-end-of-message",     SLOT (stop_on_end_of_message),     G_TYPE_BOOLEAN, { G_TYPE_POINTER, TYPE_SIZE } },
  };
  /* clang-format on */

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      guint n = 0;

      while (n < G_N_ELEMENTS (rows[i].parameters) && rows[i].parameters[n] != 0)
        n++;
      g_signal_newv (rows[i].name,
                     type,
                     G_SIGNAL_RUN_LAST,
                     g_signal_type_cclosure_new (type, rows[i].slot),
                     rows[i].result == G_TYPE_BOOLEAN ? g_signal_accumulator_true_handled : NULL,
                     /* accu_data= */ NULL,
                     /* c_marshaller= */ NULL,
                     rows[i].result,
                     n,
                     (GType *) rows[i].parameters);
    }
}

/**
 * MilterServerContext::ready:
 * @context: the context
 *
 * The milter is connected; the offer may be sent.
 */

/**
 * MilterServerContext::stopped:
 * @context: the context
 *
 * A handler of a `stop-on-…` signal ended the session.
 */

/**
 * MilterServerContext::connection-timeout:
 * @context: the context
 *
 * The milter could not be reached in time.
 */

/**
 * MilterServerContext::writing-timeout:
 * @context: the context
 *
 * The milter did not take a command in time.
 */

/**
 * MilterServerContext::reading-timeout:
 * @context: the context
 *
 * No reply came in time.
 */

/**
 * MilterServerContext::end-of-message-timeout:
 * @context: the context
 *
 * No reply to the end of the message came in time, nor a progress.
 */

/**
 * MilterServerContext::message-processed:
 * @context: the context
 * @result: what became of it
 *
 * A message is over.
 */

/**
 * MilterServerContext::state-transited:
 * @context: the context
 * @state: the new state
 *
 * A command has left.
 */

/**
 * MilterServerContext::error:
 * @context: the context
 * @error: what went wrong
 *
 * The connection failed, or one side broke the protocol.
 */

/**
 * MilterServerContext::finished:
 * @context: the context
 *
 * The connection is over.
 */

/**
 * MilterServerContext::stop-on-connect:
 * @context: the context
 * @host_name: the SMTP client's name
 * @address: (type gpointer) (nullable): its address, a `struct sockaddr`
 * @address_length: its size
 *
 * Before CONNECT is sent.
 *
 * Returns: %TRUE: nothing is sent, the status is %MILTER_STATUS_STOP, and "stopped" is emitted
 */

/**
 * MilterServerContext::stop-on-helo:
 * @context: the context
 * @fqdn: the name
 *
 * Before HELO is sent.
 *
 * Returns: %TRUE: nothing is sent, the status is %MILTER_STATUS_STOP, and "stopped" is emitted
 */

/**
 * MilterServerContext::stop-on-envelope-from:
 * @context: the context
 * @from: the sender
 *
 * Before MAIL is sent.
 *
 * Returns: %TRUE: nothing is sent, the status is %MILTER_STATUS_STOP, and "stopped" is emitted
 */

/**
 * MilterServerContext::stop-on-envelope-recipient:
 * @context: the context
 * @recipient: the recipient
 *
 * Before RCPT is sent.
 *
 * Returns: %TRUE: nothing is sent, the status is %MILTER_STATUS_STOP, and "stopped" is emitted
 */

/**
 * MilterServerContext::stop-on-data:
 * @context: the context
 *
 * Before DATA is sent.
 *
 * Returns: %TRUE: nothing is sent, the status is %MILTER_STATUS_STOP, and "stopped" is emitted
 */

/**
 * MilterServerContext::stop-on-header:
 * @context: the context
 * @name: the field's name
 * @value: its value
 *
 * Before a header field is sent.
 *
 * Returns: %TRUE: nothing is sent, the status is %MILTER_STATUS_STOP, and "stopped" is emitted
 */

/**
 * MilterServerContext::stop-on-end-of-header:
 * @context: the context
 *
 * Before the end of the header is sent.
 *
 * Returns: %TRUE: nothing is sent, the status is %MILTER_STATUS_STOP, and "stopped" is emitted
 */

/**
 * MilterServerContext::stop-on-body:
 * @context: the context
 * @chunk: (type gpointer): a piece of the body
 * @size: its size
 *
 * Before a piece of the body is sent.
 *
 * Returns: %TRUE: nothing is sent, the status is %MILTER_STATUS_STOP, and "stopped" is emitted
 */

/**
 * MilterServerContext::stop-on-end-of-message:
 * @context: the context
 * @chunk: (type gpointer) (nullable): the last piece of the body
 * @size: its size
 *
 * Before the end of the message is sent.
 *
 * Returns: %TRUE: nothing is sent, the status is %MILTER_STATUS_STOP, and "stopped" is emitted
 */

/* Class functions whose arguments a binding cannot know by their types: bytes have no NUL behind them. */

/**
 * MilterServerContextClass::stop_on_body:
 * @context: the context
 * @chunk: (array length=size) (element-type guint8): a piece of the body
 * @size: how many bytes
 *
 * As [signal@ServerContext::stop-on-body].
 *
 * Returns: whether to stop
 */

/**
 * MilterServerContextClass::stop_on_end_of_message:
 * @context: the context
 * @chunk: (array length=size) (element-type guint8) (nullable): the last piece of the body
 * @size: how many bytes
 *
 * As [signal@ServerContext::stop-on-end-of-message].
 *
 * Returns: whether to stop
 */

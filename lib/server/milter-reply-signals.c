/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-reply-signals.c: the interface whose signals tell what a milter answered.
 */
#include "milter-reply-signals.h"

G_DEFINE_INTERFACE (MilterReplySignals, milter_reply_signals, G_TYPE_OBJECT)

/* gsize as a signal parameter */
#if GLIB_SIZEOF_SIZE_T == 8
#define TYPE_SIZE G_TYPE_UINT64
#else
#define TYPE_SIZE G_TYPE_UINT
#endif

#define MAX_PARAMETERS 3

#define SLOT(member) G_STRUCT_OFFSET (MilterReplySignalsInterface, member)

/**
 * MilterReplySignals::negotiate-reply:
 * @reply: the context
 * @option: its version, actions and steps
 * @requests: (nullable): the lists of macros that it asks for
 *
 * The milter answered the offer (SMFIC_OPTNEG).
 */

/**
 * MilterReplySignals::continue:
 * @reply: the context
 *
 * The milter lets it go on (SMFIR_CONTINUE). Also emitted for a command that the milter does not
 * want to be sent.
 */

/**
 * MilterReplySignals::reply-code:
 * @reply: the context
 * @code: 400 to 599
 * @extended_code: (nullable): as `5.7.1`
 * @message: the text; several lines are separated by line feeds
 *
 * The milter refuses with this SMTP reply (SMFIR_REPLYCODE).
 */

/**
 * MilterReplySignals::temporary-failure:
 * @reply: the context
 *
 * The milter refuses with 4xx (SMFIR_TEMPFAIL).
 */

/**
 * MilterReplySignals::reject:
 * @reply: the context
 *
 * The milter refuses with 5xx (SMFIR_REJECT).
 */

/**
 * MilterReplySignals::accept:
 * @reply: the context
 *
 * The milter takes it and wants to see no more of it (SMFIR_ACCEPT).
 */

/**
 * MilterReplySignals::discard:
 * @reply: the context
 *
 * The message is to be taken and thrown away (SMFIR_DISCARD).
 */

/**
 * MilterReplySignals::add-header:
 * @reply: the context
 * @name: the field's name
 * @value: its value
 *
 * A field is added (SMFIR_ADDHEADER).
 */

/**
 * MilterReplySignals::insert-header:
 * @reply: the context
 * @index: before which field, 0 is the top
 * @name: the field's name
 * @value: its value
 *
 * A field is inserted (SMFIR_INSHEADER).
 */

/**
 * MilterReplySignals::change-header:
 * @reply: the context
 * @name: the field's name
 * @index: which of those with that name; 1 is the first
 * @value: its new value
 *
 * A field is changed (SMFIR_CHGHEADER).
 */

/**
 * MilterReplySignals::delete-header:
 * @reply: the context
 * @name: the field's name
 * @index: which of those with that name; 1 is the first
 *
 * A field is deleted: SMFIR_CHGHEADER without a value.
 */

/**
 * MilterReplySignals::change-from:
 * @reply: the context
 * @from: the new sender
 * @parameters: (nullable): ESMTP arguments
 *
 * The sender is changed (SMFIR_CHGFROM).
 */

/**
 * MilterReplySignals::add-recipient:
 * @reply: the context
 * @recipient: the address
 * @parameters: (nullable): ESMTP arguments
 *
 * A recipient is added (SMFIR_ADDRCPT, SMFIR_ADDRCPT_PAR).
 */

/**
 * MilterReplySignals::delete-recipient:
 * @reply: the context
 * @recipient: the address
 *
 * A recipient is taken out (SMFIR_DELRCPT).
 */

/**
 * MilterReplySignals::replace-body:
 * @reply: the context
 * @body: (type gpointer): a piece of the new body, valid during the call
 * @size: its size
 *
 * A piece of the new body (SMFIR_REPLBODY).
 */

/**
 * MilterReplySignalsInterface::replace_body:
 * @reply: the context
 * @body: (array length=size) (element-type guint8): a piece of the new body
 * @size: how many bytes
 *
 * As [signal@ReplySignals::replace-body].
 */

/**
 * MilterReplySignals::progress:
 * @reply: the context
 *
 * The milter is still at work; the time for its answer begins anew (SMFIR_PROGRESS).
 */

/**
 * MilterReplySignals::quarantine:
 * @reply: the context
 * @reason: why
 *
 * The message is to be held (SMFIR_QUARANTINE).
 */

/**
 * MilterReplySignals::connection-failure:
 * @reply: the context
 *
 * The milter failed (SMFIR_CONN_FAIL).
 */

/**
 * MilterReplySignals::shutdown:
 * @reply: the context
 *
 * The SMTP connection is to be refused with 421 and closed (SMFIR_SHUTDOWN).
 */

/**
 * MilterReplySignals::skip:
 * @reply: the context
 *
 * No more of the body is wanted (SMFIR_SKIP).
 */

/**
 * MilterReplySignals::abort:
 * @reply: the context
 *
 * For programs that connect to it: no letter of the protocol says it.
 */

/* `abort` is here for programs that connect to it: no letter of the protocol says it */
static void
milter_reply_signals_default_init (MilterReplySignalsInterface *iface)
{
  /* clang-format off */
  const struct
  {
    const char *name;
    guint slot;
    GType parameters[MAX_PARAMETERS];   /* ends at the first 0 */
  } rows[] = {
    { "negotiate-reply",    SLOT (negotiate_reply),    { MILTER_TYPE_OPTION, MILTER_TYPE_MACROS_REQUESTS } },
    { "continue",           SLOT (continue_reply),     { 0 } },
    { "reply-code",         SLOT (reply_code),         { G_TYPE_UINT, G_TYPE_STRING, G_TYPE_STRING } },
    { "temporary-failure",  SLOT (temporary_failure),  { 0 } },
    { "reject",             SLOT (reject),             { 0 } },
    { "accept",             SLOT (accept),             { 0 } },
    { "discard",            SLOT (discard),            { 0 } },
    { "add-header",         SLOT (add_header),         { G_TYPE_STRING, G_TYPE_STRING } },
    { "insert-header",      SLOT (insert_header),      { G_TYPE_UINT, G_TYPE_STRING, G_TYPE_STRING } },
    { "change-header",      SLOT (change_header),      { G_TYPE_STRING, G_TYPE_UINT, G_TYPE_STRING } },
    { "delete-header",      SLOT (delete_header),      { G_TYPE_STRING, G_TYPE_UINT } },
    { "change-from",        SLOT (change_from),        { G_TYPE_STRING, G_TYPE_STRING } },
    { "add-recipient",      SLOT (add_recipient),      { G_TYPE_STRING, G_TYPE_STRING } },
    { "delete-recipient",   SLOT (delete_recipient),   { G_TYPE_STRING } },
    { "replace-body",       SLOT (replace_body),       { G_TYPE_POINTER, TYPE_SIZE } },
    { "progress",           SLOT (progress),           { 0 } },
    { "quarantine",         SLOT (quarantine),         { G_TYPE_STRING } },
    { "connection-failure", SLOT (connection_failure), { 0 } },
    { "shutdown",           SLOT (shutdown),           { 0 } },
    { "skip",               SLOT (skip),               { 0 } },
    { "abort",              SLOT (abort),              { 0 } },
  };
  /* clang-format on */

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      guint n = 0;

      while (n < MAX_PARAMETERS && rows[i].parameters[n] != 0)
        n++;
      g_signal_newv (rows[i].name,
                     MILTER_TYPE_REPLY_SIGNALS,
                     G_SIGNAL_RUN_LAST,
                     g_signal_type_cclosure_new (MILTER_TYPE_REPLY_SIGNALS, rows[i].slot),
                     /* accumulator= */ NULL,
                     /* accu_data= */ NULL,
                     /* c_marshaller= */ NULL,
                     G_TYPE_NONE,
                     n,
                     (GType *) rows[i].parameters);
    }
}

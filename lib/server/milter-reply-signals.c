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

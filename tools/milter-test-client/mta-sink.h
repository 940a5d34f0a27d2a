/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-sink.h: where an MTA delivers what it took: a thread that takes every mail.
 */
#pragma once

#include "mta-sink-session.h"

G_BEGIN_DECLS

typedef struct _MtaSink MtaSink;

/* Listens at a spec, and begins. NULL with @error */
MtaSink *mta_sink_new (const char *spec, GError **error);
void mta_sink_free (MtaSink *sink);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MtaSink, mta_sink_free)

/* Waits until a message of a case is there; FALSE: it is not at that time, or @stop (atomic) is not 0. */
gboolean mta_sink_wait (MtaSink *sink, const char *tag, gint64 deadline_us, const gint *stop);
/* (transfer full) (nullable) What was delivered of a case: `from ADDRESS`, `to ADDRESS` for each
 * recipient, sorted, and the message, all lines ended by \n. NULL: nothing */
char *mta_sink_describe (MtaSink *sink, const char *tag);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-handover-private.h: work handed from one thread to another, in order.
 *
 * The only place where our threads meet: a queue under a pthread mutex and an eventfd that wakes
 * the receiving main context. Anything may be posted from any thread; posting to a closed hand-over
 * frees the item and returns false.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "milter-version-macros.h"

G_BEGIN_DECLS

typedef struct _MilterHandover MilterHandover;

typedef void (*MilterHandoverFunc) (gpointer item, gpointer user_data);

/* items that were posted are handed to @receive in @context's thread, in order; those never
 * received are freed with @free_item */
MILTER_AVAILABLE MilterHandover *_milter_handover_new (GMainContext *context,
                                                       MilterHandoverFunc receive,
                                                       gpointer user_data,
                                                       GDestroyNotify free_item,
                                                       GError **error);
MILTER_AVAILABLE MilterHandover *_milter_handover_ref (MilterHandover *handover);
MILTER_AVAILABLE void _milter_handover_unref (MilterHandover *handover);
/* any thread */
MILTER_AVAILABLE bool _milter_handover_post (MilterHandover *handover, gpointer item);
/* wakes the receiver without an item: calls @receive with a NULL item. The only function here that
 * may be called in a signal handler. */
MILTER_AVAILABLE void _milter_handover_wake (MilterHandover *handover);
/* receiver's thread: nothing is received after this */
MILTER_AVAILABLE void _milter_handover_close (MilterHandover *handover);
/* one that was closed is received again, in @context's thread */
MILTER_AVAILABLE void _milter_handover_reopen (MilterHandover *handover, GMainContext *context);

G_END_DECLS

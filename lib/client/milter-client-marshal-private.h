/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-marshal-private.h: how a status comes back from the handlers of a signal.
 *
 * Each shape of arguments has a marshaller of both kinds that GSignal knows. They accumulate by
 * themselves, which costs a third less than a GSignalAccumulator: a handler is passed over once an
 * earlier one has decided, and MILTER_STATUS_NOT_CHANGE keeps what was there. The signals must
 * return MILTER_TYPE_STATUS.
 */
#pragma once

#include <glib-object.h>

#define MILTER_CLIENT_MARSHAL_DECLARE(shape)                                                       \
  G_GNUC_INTERNAL void milter_client_marshal_##shape (GClosure *closure, GValue *return_value,     \
                                                      guint n_values, const GValue *values,        \
                                                      gpointer hint, gpointer marshal_data);       \
  G_GNUC_INTERNAL void milter_client_marshal_##shape##_va (                                        \
      GClosure *closure, GValue *return_value, gpointer instance, va_list args,                    \
      gpointer marshal_data, int n_params, GType *types);

MILTER_CLIENT_MARSHAL_DECLARE (nothing)        /* data, end-of-header */
MILTER_CLIENT_MARSHAL_DECLARE (string)         /* helo, envelope-from, envelope-recipient, unknown */
MILTER_CLIENT_MARSHAL_DECLARE (string_string)  /* header */
MILTER_CLIENT_MARSHAL_DECLARE (string_address) /* connect */
MILTER_CLIENT_MARSHAL_DECLARE (chunk)          /* body, end-of-message */
MILTER_CLIENT_MARSHAL_DECLARE (bytes)          /* helo-bytes and its like */
MILTER_CLIENT_MARSHAL_DECLARE (objects)        /* negotiate, header-bytes, connect-bytes */
MILTER_CLIENT_MARSHAL_DECLARE (state)          /* abort */

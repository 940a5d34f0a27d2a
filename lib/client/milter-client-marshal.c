/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-marshal.c: the eight shapes of event signals, each for values and for a va_list.
 */
#include "milter-client-marshal-private.h"

#include <sys/socket.h>

#include "milter-enums.h"

/* the status stands in the return value from handler to handler; g_value_get_enum() and
 * g_value_set_enum() check types that are known here, and cost as much as the rest */
static inline gboolean
already_decided (const GValue *return_value)
{
  glong status = return_value->data[0].v_long;

  return !MILTER_STATUS_IS_PASS (status) && status != MILTER_STATUS_ALL_OPTIONS;
}

/* A handler that answered leaves something else than 0 behind: the value then still is 0 only if
 * none was there, or if a closure with a marshaller of its own failed (milter-client-events.c). */
static inline void
take_status (GValue *return_value, MilterStatus status)
{
  if (status == MILTER_STATUS_DEFAULT
      || (status == MILTER_STATUS_NOT_CHANGE && return_value->data[0].v_long == 0))
    status = MILTER_STATUS_CONTINUE;
  if (status != MILTER_STATUS_NOT_CHANGE)
    return_value->data[0].v_long = status;
}

/* what a closure calls, and its first and last argument (g_signal_connect_swapped) */
typedef struct
{
  GCallback callback;
  gpointer first;
  gpointer last;
} Target;

static inline Target
find_target (GClosure *closure, gpointer instance, gpointer marshal_data)
{
  GCClosure *c_closure = (GCClosure *) closure;
  GCallback callback
      = marshal_data != NULL ? (GCallback) marshal_data : (GCallback) c_closure->callback;

  if (G_CCLOSURE_SWAP_DATA (closure))
    return (Target){ callback, closure->data, instance };
  return (Target){ callback, instance, closure->data };
}

/* Both marshallers of a shape. `prototype`: the middle arguments' types with commas behind;
 * `from_values`, `from_va`: the middle arguments with commas behind; `fetch`: takes them off the
 * va_list first, because the order in which arguments of a call are evaluated is not defined. */
#define SHAPE(shape, n, prototype, from_values, fetch, from_va)                                    \
  void milter_client_marshal_##shape (GClosure *closure,                                           \
                                      GValue *return_value,                                        \
                                      guint n_values,                                              \
                                      const GValue *values,                                        \
                                      gpointer hint,                                               \
                                      gpointer marshal_data)                                       \
  {                                                                                                \
    typedef MilterStatus (*Callback) (gpointer, PROTOTYPE prototype gpointer);                     \
    Target target;                                                                                 \
                                                                                                   \
    g_return_if_fail (return_value != NULL && n_values == (n) + 1);                                \
    if (already_decided (return_value))                                                            \
      return;                                                                                      \
    target = find_target (closure, g_value_peek_pointer (&values[0]), marshal_data);               \
    take_status (return_value,                                                                     \
                 ((Callback) target.callback) (target.first, ARGUMENTS from_values target.last));  \
  }                                                                                                \
  void milter_client_marshal_##shape##_va (GClosure *closure,                                      \
                                           GValue *return_value,                                   \
                                           gpointer instance,                                      \
                                           va_list args,                                           \
                                           gpointer marshal_data,                                  \
                                           int n_params,                                           \
                                           GType *types)                                           \
  {                                                                                                \
    typedef MilterStatus (*Callback) (gpointer, PROTOTYPE prototype gpointer);                     \
    Target target;                                                                                 \
    va_list copy;                                                                                  \
                                                                                                   \
    g_return_if_fail (return_value != NULL);                                                       \
    if (already_decided (return_value))                                                            \
      return;                                                                                      \
    target = find_target (closure, instance, marshal_data);                                        \
    va_copy (copy, args);                                                                          \
    {                                                                                              \
      FETCH fetch take_status (                                                                    \
          return_value,                                                                            \
          ((Callback) target.callback) (target.first, ARGUMENTS from_va target.last));             \
    }                                                                                              \
    va_end (copy);                                                                                 \
  }
/* strip the brackets that keep commas together */
#define PROTOTYPE(...) __VA_ARGS__
#define ARGUMENTS(...) __VA_ARGS__
#define FETCH(...)     __VA_ARGS__

#define STRING_AT(i)  ((const char *) values[i].data[0].v_pointer)
#define POINTER_AT(i) (values[i].data[0].v_pointer)

/* clang-format off */
SHAPE (nothing, 0, (), (), (), ())

SHAPE (string, 1,
       (const char *,),
       (STRING_AT (1),),
       (const char *string = va_arg (copy, const char *);),
       (string,))

SHAPE (string_string, 2,
       (const char *, const char *,),
       (STRING_AT (1), STRING_AT (2),),
       (const char *name = va_arg (copy, const char *); const char *value = va_arg (copy, const char *);),
       (name, value,))

SHAPE (string_address, 3,
       (const char *, gpointer, socklen_t,),
       (STRING_AT (1), POINTER_AT (2), values[3].data[0].v_uint,),
       (const char *host = va_arg (copy, const char *); gpointer address = va_arg (copy, gpointer);
        guint size = va_arg (copy, guint);),
       (host, address, size,))

SHAPE (chunk, 2,
       (const char *, gsize,),
       (STRING_AT (1), values[2].data[0].v_uint64,),
       (const char *chunk = va_arg (copy, const char *); guint64 size = va_arg (copy, guint64);),
       (chunk, size,))

SHAPE (bytes, 1,
       (gpointer,),
       (POINTER_AT (1),),
       (gpointer bytes = va_arg (copy, gpointer);),
       (bytes,))

SHAPE (objects, 2,
       (gpointer, gpointer,),
       (POINTER_AT (1), POINTER_AT (2),),
       (gpointer option = va_arg (copy, gpointer); gpointer requests = va_arg (copy, gpointer);),
       (option, requests,))

SHAPE (state, 1,
       (int,),
       ((int) values[1].data[0].v_long,),
       (int state = va_arg (copy, int);),
       (state,))
/* clang-format on */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-events.c: what each command asks of which handlers.
 */
#include <arpa/inet.h>
#include <string.h>

#include "milter-client-context-private.h"

/* Handlers. */

static bool
passes (MilterStatus status)
{
  return MILTER_STATUS_IS_PASS (status) || status == MILTER_STATUS_ALL_OPTIONS;
}

static MilterStatus
take_status (MilterStatus before, MilterStatus status)
{
  return status == MILTER_STATUS_NOT_CHANGE ? before : status;
}

/* Where each event has its function in the table and in the class, and, for a context that uses
 * bytes, the class function and the signal that stand in for them; 0 is none. */
static const struct
{
  gsize slot;
  gsize class_function;
  gsize class_bytes;
  guint bytes_signal;
} places[N_EVENTS] = {
#define PLACE(name)                                                                                \
  offsetof (MilterClientHandlers, name), offsetof (MilterClientContextClass, name)
#define BYTES(name, NAME)                                                                          \
  offsetof (MilterClientContextClass, name##_bytes), SIGNAL_##NAME##_BYTES
  /* clang-format off */
  [EVENT_NEGOTIATE]          = { PLACE (negotiate),          0, 0 },
  [EVENT_CONNECT]            = { PLACE (connect),            BYTES (connect, CONNECT) },
  [EVENT_HELO]               = { PLACE (helo),               BYTES (helo, HELO) },
  [EVENT_ENVELOPE_FROM]      = { PLACE (envelope_from),      BYTES (envelope_from, ENVELOPE_FROM) },
  [EVENT_ENVELOPE_RECIPIENT] = { PLACE (envelope_recipient), BYTES (envelope_recipient, ENVELOPE_RECIPIENT) },
  [EVENT_DATA]               = { PLACE (data),               0, 0 },
  [EVENT_UNKNOWN]            = { PLACE (unknown),            BYTES (unknown, UNKNOWN) },
  [EVENT_HEADER]             = { PLACE (header),             BYTES (header, HEADER) },
  [EVENT_END_OF_HEADER]      = { PLACE (end_of_header),      0, 0 },
  [EVENT_BODY]               = { PLACE (body),               BYTES (body, BODY) },
  [EVENT_END_OF_MESSAGE]     = { PLACE (end_of_message),     BYTES (end_of_message, END_OF_MESSAGE) },
  [EVENT_ABORT]              = { PLACE (abort),              0, 0 },
  /* clang-format on */
#undef PLACE
#undef BYTES
};

static inline bool
is_given_as_bytes (const MilterClientContext *context, MilterClientEvent event)
{
  return (context->priv->as_bytes & (1u << event)) != 0;
}

static guint
signal_of (MilterClientContext *context, MilterClientEvent event)
{
  guint id = is_given_as_bytes (context, event) ? places[event].bytes_signal : (guint) event;

  return milter_client_context_signals[id];
}

/* whether a handler is connected; once one was seen, its signal is emitted without a question, which
 * finds out by itself if it has gone or is blocked */
static bool
ask_for_listener (MilterClientContext *context, MilterClientEvent event, bool may_be_blocked)
{
  if (!g_signal_has_handler_pending (context, signal_of (context, event), 0, may_be_blocked))
    return false;
  context->priv->listened |= 1u << event;
  return true;
}

/* Whether to emit. Where a function is there anyway, what was connected since the last look counts
 * from the next MAIL on; this is the only difference between the two shapes of handlers. */
static inline bool
is_heard (MilterClientContext *context, MilterClientEvent event, bool has_function)
{
  if (context->priv->listened & (1u << event))
    return true;
  return !has_function && ask_for_listener (context, event, /* may_be_blocked= */ false);
}

/* atomic (nullable): a class that has overridden no signal's own closure, the one that was seen
 * last: where nothing is connected, nobody listens */
static gconstpointer plain_class;

/* whether the table or the class has a function for the event */
static bool
has_function (MilterClientContext *context, MilterClientEvent event)
{
  const MilterClientHandlers *handlers = context->priv->handlers;
  const MilterClientContextClass *klass = MILTER_CLIENT_CONTEXT_GET_CLASS (context);
  gsize function = is_given_as_bytes (context, event) ? places[event].class_bytes
                                                      : places[event].class_function;

  return (handlers != NULL && G_STRUCT_MEMBER (GCallback, handlers, places[event].slot) != NULL)
         || G_STRUCT_MEMBER (GCallback, klass, function) != NULL;
}

/* Each question costs some hundred instructions: they are for those events alone that would not be
 * asked for otherwise. */
static void
look_at_functions (MilterClientContext *context)
{
  for (guint event = 0; event < N_EVENTS; event++)
    if ((context->priv->listened & (1u << event)) == 0 && has_function (context, event))
      ask_for_listener (context, event, /* may_be_blocked= */ true);
}

/* until it is known which form has handlers */
static void
use_form (MilterClientContext *context)
{
  context->priv->as_bytes = 0;
  for (guint event = 0; context->priv->use_bytes && event < N_EVENTS; event++)
    if (places[event].bytes_signal != 0)
      context->priv->as_bytes |= (guint16) (1u << event);
}

/* One question answers all for a program that has functions instead. */
void
milter_client_context_look_for_listeners (MilterClientContext *context)
{
  gconstpointer klass = MILTER_CLIENT_CONTEXT_GET_CLASS (context);

  context->priv->listened = 0;
  use_form (context);
  /* of any signal, blocked or not: these signals have no details */
  if (g_signal_handler_find (context, G_SIGNAL_MATCH_DETAIL, 0, 0, NULL, NULL, NULL) != 0)
    {
      look_at_functions (context);
      return;
    }
  if (!context->priv->use_bytes && g_atomic_pointer_get (&plain_class) == klass)
    return;
  for (guint event = 0; event < N_EVENTS; event++)
    ask_for_listener (context, event, /* may_be_blocked= */ true);
  if (!context->priv->use_bytes && context->priv->listened == 0)
    g_atomic_pointer_set (&plain_class, klass);
}

/* Handlers may have been connected since the last look: one cheap question a message. */
static void
look_again (MilterClientContext *context)
{
  if (g_signal_handler_find (context, G_SIGNAL_MATCH_UNBLOCKED, 0, 0, NULL, NULL, NULL) == 0)
    context->priv->listened = 0;
  else
    look_at_functions (context);
}

/* An emission that left no status: nobody was there after all, or only closures with marshallers of
 * their own, as bindings have, and the last one failed: it raised, or was not even called, because
 * a string is not UTF-8. Mail must not pass for that. */
static G_GNUC_NO_INLINE MilterStatus
judge_silence (MilterClientContext *context, MilterClientEvent event)
{
  MilterClientContextPrivate *priv = context->priv;
  g_autoptr (GError) error = NULL;

  if (!g_signal_has_handler_pending (context, signal_of (context, event), 0, FALSE))
    return MILTER_STATUS_DEFAULT;
  error = g_error_new (MILTER_CLIENT_CONTEXT_ERROR,
                       MILTER_CLIENT_CONTEXT_ERROR_NO_STATUS,
                       "a handler of \"%s\" left no status: it raised, returned none, or could not "
                       "be given a string that is not UTF-8 (see use-bytes)",
                       g_signal_name (signal_of (context, event)));
  /* where no answer can say so, the end of the connection does */
  if (event == EVENT_NEGOTIATE
      || (event != EVENT_ABORT
          && !milter_session_is_answered (&priv->session, priv->current->letter)))
    milter_client_context_fail (context, error);
  else
    milter_client_context_emit_error (context, error);
  return MILTER_STATUS_TEMPORARY_FAILURE;
}

/* Functions that ask all handlers of an event, in order, as long as they let it pass: connected
 * ones, the table's, the class's. `parameters`, `arguments` and `emitted` begin with a comma;
 * `convert` makes what is emitted, if that is not the arguments themselves. */
#define EXPAND(...) __VA_ARGS__
#define DEFINE_ASK_ALL(ask, name, class_name, EVENT, parameters, arguments, convert, emitted)      \
  static G_GNUC_NO_INLINE MilterStatus ask (MilterClientContext *context EXPAND parameters)        \
  {                                                                                                \
    const MilterClientHandlers *handlers = context->priv->handlers;                                \
    const MilterClientContextClass *klass = MILTER_CLIENT_CONTEXT_GET_CLASS (context);             \
    bool has_slot = handlers != NULL && handlers->name != NULL;                                    \
    MilterStatus status = MILTER_STATUS_DEFAULT;                                                   \
    EXPAND convert                                                                                 \
                                                                                                   \
    if (is_heard (context, EVENT, has_slot || klass->class_name != NULL))                          \
      {                                                                                            \
        g_signal_emit (context, signal_of (context, EVENT), 0 EXPAND emitted, &status);            \
        if (status == MILTER_STATUS_DEFAULT)                                                       \
          status = judge_silence (context, EVENT);                                                 \
      }                                                                                            \
    if (has_slot && passes (status))                                                               \
      status = take_status (                                                                       \
          status, handlers->name (context EXPAND arguments, context->priv->handlers_data));        \
    if (klass->class_name != NULL && passes (status))                                              \
      status = take_status (status, klass->class_name (context EXPAND emitted));                   \
    return status;                                                                                 \
  }
/* ... and nearly always there is one alone, of the table */
#define DEFINE_ASK_AS(ask, name, class_name, EVENT, parameters, arguments, convert, emitted)       \
  DEFINE_ASK_ALL (ask##_all, name, class_name, EVENT, parameters, arguments, convert, emitted)     \
  static inline MilterStatus ask (MilterClientContext *context EXPAND parameters)                  \
  {                                                                                                \
    const MilterClientContextPrivate *priv = context->priv;                                        \
    const MilterClientContextClass *klass = MILTER_CLIENT_CONTEXT_GET_CLASS (context);             \
                                                                                                   \
    if (priv->handlers != NULL && priv->handlers->name != NULL && klass->class_name == NULL        \
        && (priv->listened & (1u << EVENT)) == 0)                                                  \
      return take_status (MILTER_STATUS_DEFAULT,                                                   \
                          priv->handlers->name (context EXPAND arguments, priv->handlers_data));   \
    return ask##_all (context EXPAND arguments);                                                   \
  }
#define DEFINE_ASK(name, EVENT, parameters, arguments)                                             \
  DEFINE_ASK_AS (ask_##name, name, name, EVENT, parameters, arguments, (), arguments)
/* ... and in a context that uses bytes, which a binding can keep and which need not be UTF-8. The
 * table's functions are the program's own C and see what they always see. */
#define DEFINE_ASK_BYTES(name, EVENT, parameters, arguments, convert, emitted)                     \
  DEFINE_ASK_AS (ask_##name##_bytes,                                                               \
                 name,                                                                             \
                 name##_bytes,                                                                     \
                 EVENT,                                                                            \
                 parameters,                                                                       \
                 arguments,                                                                        \
                 convert,                                                                          \
                 emitted)
#define ASK(name, EVENT, ...)                                                                      \
  (is_given_as_bytes (context, EVENT) ? ask_##name##_bytes (context, __VA_ARGS__)                  \
                                      : ask_##name (context, __VA_ARGS__))

DEFINE_ASK (negotiate,
            EVENT_NEGOTIATE,
            (, MilterOption *option, MilterMacrosRequests *requests),
            (, option, requests))
DEFINE_ASK (connect,
            EVENT_CONNECT,
            (, const char *host, struct sockaddr *address, socklen_t size),
            (, host, address, size))
DEFINE_ASK (helo, EVENT_HELO, (, const char *fqdn), (, fqdn))
DEFINE_ASK (envelope_from, EVENT_ENVELOPE_FROM, (, const char *from), (, from))
DEFINE_ASK (envelope_recipient, EVENT_ENVELOPE_RECIPIENT, (, const char *recipient), (, recipient))
DEFINE_ASK (data, EVENT_DATA, (), ())
DEFINE_ASK (unknown, EVENT_UNKNOWN, (, const char *command), (, command))
DEFINE_ASK (header, EVENT_HEADER, (, const char *name, const char *value), (, name, value))
DEFINE_ASK (end_of_header, EVENT_END_OF_HEADER, (), ())
DEFINE_ASK (abort, EVENT_ABORT, (, MilterClientContextState state), (, state))
DEFINE_ASK (body, EVENT_BODY, (, const char *chunk, gsize size), (, chunk, size))
DEFINE_ASK (end_of_message,
            EVENT_END_OF_MESSAGE,
            (, const char *chunk, gsize size),
            (, chunk, size))

static GBytes *
bytes_from_string (const char *string)
{
  return g_bytes_new (string, strlen (string));
}

DEFINE_ASK_BYTES (connect,
                  EVENT_CONNECT,
                  (, const char *host, struct sockaddr *native, socklen_t size),
                  (, host, native, size),
                  (g_autoptr (GBytes) bytes = bytes_from_string (host);
                   g_autoptr (GSocketAddress) address
                   = native != NULL ? g_socket_address_new_from_native (native, size) : NULL;),
                  (, bytes, address))
DEFINE_ASK_BYTES (helo,
                  EVENT_HELO,
                  (, const char *fqdn),
                  (, fqdn),
                  (g_autoptr (GBytes) bytes = bytes_from_string (fqdn);),
                  (, bytes))
DEFINE_ASK_BYTES (envelope_from,
                  EVENT_ENVELOPE_FROM,
                  (, const char *from),
                  (, from),
                  (g_autoptr (GBytes) bytes = bytes_from_string (from);),
                  (, bytes))
DEFINE_ASK_BYTES (envelope_recipient,
                  EVENT_ENVELOPE_RECIPIENT,
                  (, const char *recipient),
                  (, recipient),
                  (g_autoptr (GBytes) bytes = bytes_from_string (recipient);),
                  (, bytes))
DEFINE_ASK_BYTES (unknown,
                  EVENT_UNKNOWN,
                  (, const char *command),
                  (, command),
                  (g_autoptr (GBytes) bytes = bytes_from_string (command);),
                  (, bytes))
DEFINE_ASK_BYTES (header,
                  EVENT_HEADER,
                  (, const char *name, const char *value),
                  (, name, value),
                  (g_autoptr (GBytes) name_bytes = bytes_from_string (name);
                   g_autoptr (GBytes) value_bytes = bytes_from_string (value);),
                  (, name_bytes, value_bytes))
DEFINE_ASK_BYTES (body,
                  EVENT_BODY,
                  (, const char *chunk, gsize size),
                  (, chunk, size),
                  (g_autoptr (GBytes) bytes = g_bytes_new (chunk, size);),
                  (, bytes))
/* an end of message without a last piece has no bytes at all */
DEFINE_ASK_BYTES (end_of_message,
                  EVENT_END_OF_MESSAGE,
                  (, const char *chunk, gsize size),
                  (, chunk, size),
                  (g_autoptr (GBytes) bytes = size > 0 ? g_bytes_new (chunk, size) : NULL;),
                  (, bytes))

void
milter_client_context_ask_abort (MilterClientContext *context, MilterClientContextState state)
{
  ask_abort (context, state);
}

MilterStatus
milter_client_context_ask_negotiate (MilterClientContext *context,
                                     MilterOption *option,
                                     MilterMacrosRequests *requests)
{
  return ask_negotiate (context, option, requests);
}

/* Commands. A function for each takes the fields apart and asks. Strings of a decoded message are
 * followed by their NUL. */

#define STRING(i) ((const char *) fields[i].bytes.data)

static gboolean
refuse_address (GError **error, MilterBytes text, const char *what)
{
  g_autofree char *shown = g_strndup ((const char *) text.data, MIN (text.size, 60));
  g_autofree char *valid = g_utf8_make_valid (shown, -1);

  g_set_error (error,
               MILTER_SESSION_ERROR,
               MILTER_SESSION_ERROR_MALFORMED,
               "connect (SMFIC_CONNECT): \"%s\" is no %s",
               valid,
               what);
  return FALSE;
}

/* sendmail puts IPv6: before the address, Postfix does not (milter-protocol 4) */
static const char *
skip_ipv6_prefix (const char *text)
{
  return g_ascii_strncasecmp (text, "IPv6:", 5) == 0 ? text + 5 : text;
}

static gboolean
read_address (const MilterAddress *from,
              MilterGenericSocketAddress *to,
              socklen_t *size,
              GError **error)
{
  const char *text = (const char *) from->text.data;

  switch (from->family)
    {
    case '4':
      to->inet = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = g_htons (from->port) };
      *size = sizeof to->inet;
      if (inet_pton (AF_INET, text, &to->inet.sin_addr) != 1)
        return refuse_address (error, from->text, "IPv4 address");
      return TRUE;
    case '6':
      to->inet6
          = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = g_htons (from->port) };
      *size = sizeof to->inet6;
      if (inet_pton (AF_INET6, skip_ipv6_prefix (text), &to->inet6.sin6_addr) != 1)
        return refuse_address (error, from->text, "IPv6 address");
      return TRUE;
    case 'L':
      to->un = (struct sockaddr_un){ .sun_family = AF_UNIX };
      if (from->text.size >= sizeof to->un.sun_path)
        return refuse_address (error, from->text, "path that fits into a socket address");
      memcpy (to->un.sun_path, text, from->text.size);
      *size = offsetof (struct sockaddr_un, sun_path) + from->text.size + 1;
      return TRUE;
    default:
      /* unknown: the handlers get no address */
      *size = 0;
      return TRUE;
    }
}

static MilterStatus
take_connect (MilterClientContext *context, const MilterField *fields, GError **error)
{
  MilterGenericSocketAddress address = { 0 };
  socklen_t size = 0;
  MilterStatus status;

  if (!read_address (&fields[1].address, &address, &size, error))
    return MILTER_STATUS_ERROR;
  context->priv->arguments = milter_bytes (&address, size);
  status = ASK (connect, EVENT_CONNECT, STRING (0), size > 0 ? &address.base : NULL, size);
  context->priv->arguments = milter_bytes (NULL, 0);
  return status;
}

#define DEFINE_TAKE(name, call)                                                                    \
  static MilterStatus take_##name (                                                                \
      MilterClientContext *context, const MilterField *fields, GError **error)                     \
  {                                                                                                \
    return call;                                                                                   \
  }

DEFINE_TAKE (helo, ASK (helo, EVENT_HELO, STRING (0)))
DEFINE_TAKE (data, ask_data (context))
DEFINE_TAKE (unknown, ASK (unknown, EVENT_UNKNOWN, STRING (0)))
DEFINE_TAKE (header, ASK (header, EVENT_HEADER, STRING (0), STRING (1)))
DEFINE_TAKE (end_of_header, ask_end_of_header (context))
DEFINE_TAKE (negotiate, milter_client_context_take_offer (context))

static MilterStatus
take_envelope_from (MilterClientContext *context, const MilterField *fields, GError **error)
{
  MilterStatus status;

  look_again (context);
  context->priv->arguments = fields[1].bytes;
  status = ASK (envelope_from, EVENT_ENVELOPE_FROM, STRING (0));
  context->priv->arguments = milter_bytes (NULL, 0);
  return status;
}

static MilterStatus
take_envelope_recipient (MilterClientContext *context, const MilterField *fields, GError **error)
{
  MilterStatus status;

  context->priv->arguments = fields[1].bytes;
  status = ASK (envelope_recipient, EVENT_ENVELOPE_RECIPIENT, STRING (0));
  context->priv->arguments = milter_bytes (NULL, 0);
  return status;
}

static MilterStatus
take_body (MilterClientContext *context, const MilterField *fields, GError **error)
{
  MilterBytes chunk = fields[0].bytes;

  /* a handler said SKIP, but the MTA cannot know, or sends on all the same */
  if (context->priv->skip_body)
    return MILTER_STATUS_CONTINUE;
  return ASK (body, EVENT_BODY, (const char *) chunk.data, chunk.size);
}

static MilterStatus
take_end_of_message (MilterClientContext *context, const MilterField *fields, GError **error)
{
  MilterBytes chunk = fields[0].bytes;

  return ASK (end_of_message, EVENT_END_OF_MESSAGE, (const char *) chunk.data, chunk.size);
}

/* A row a command that is handed to programs, by letter. */
#define STATE(name) MILTER_CLIENT_CONTEXT_STATE_##name
#define STEP(name)  MILTER_STEP_NO_##name
#define ROW(letter) [(letter) - 'A']

/* clang-format off */
const MilterClientRow milter_client_rows['Z' - 'A' + 1] = {
  ROW ('O') = { 'O', EVENT_NEGOTIATE,          STATE (NEGOTIATE),          0,                        take_negotiate },
  ROW ('C') = { 'C', EVENT_CONNECT,            STATE (CONNECT),            STEP (CONNECT),            take_connect },
  ROW ('H') = { 'H', EVENT_HELO,               STATE (HELO),               STEP (HELO),               take_helo },
  ROW ('M') = { 'M', EVENT_ENVELOPE_FROM,      STATE (ENVELOPE_FROM),      STEP (ENVELOPE_FROM),      take_envelope_from },
  ROW ('R') = { 'R', EVENT_ENVELOPE_RECIPIENT, STATE (ENVELOPE_RECIPIENT), STEP (ENVELOPE_RECIPIENT), take_envelope_recipient },
  ROW ('T') = { 'T', EVENT_DATA,               STATE (DATA),               STEP (DATA),               take_data },
  ROW ('U') = { 'U', EVENT_UNKNOWN,            STATE (UNKNOWN),            STEP (UNKNOWN),            take_unknown },
  ROW ('L') = { 'L', EVENT_HEADER,             STATE (HEADER),             STEP (HEADERS),            take_header },
  ROW ('N') = { 'N', EVENT_END_OF_HEADER,      STATE (END_OF_HEADER),      STEP (END_OF_HEADER),      take_end_of_header },
  ROW ('B') = { 'B', EVENT_BODY,               STATE (BODY),               STEP (BODY),               take_body },
  ROW ('E') = { 'E', EVENT_END_OF_MESSAGE,     STATE (END_OF_MESSAGE),     0,                         take_end_of_message },
};
/* clang-format on */

/* whether anything is there for the event; asked exactly, because it decides what the MTA sends */
static bool
handles (MilterClientContext *context, MilterClientEvent event, bool may_have_signals)
{
  return (context->priv->listened & (1u << event)) != 0 || has_function (context, event)
         || (may_have_signals && ask_for_listener (context, event, /* may_be_blocked= */ true));
}

bool
milter_client_context_wants_offer (MilterClientContext *context)
{
  return handles (context, EVENT_NEGOTIATE, /* may_have_signals= */ true);
}

/* the steps that ask away what nobody here listens to */
guint32
milter_client_context_get_unwanted (MilterClientContext *context)
{
  guint32 unwanted = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (milter_client_rows); i++)
    if (milter_client_rows[i].unwanted != 0
        && !handles (context, milter_client_rows[i].event, /* may_have_signals= */ true))
      unwanted |= milter_client_rows[i].unwanted;
  return unwanted;
}

/* --- forms --- */

/* whether somebody may be connected: one question answers all for a program that connects nothing */
static bool
may_have_signals (MilterClientContext *context)
{
  return g_atomic_pointer_get (&plain_class) != MILTER_CLIENT_CONTEXT_GET_CLASS (context)
         || g_signal_handler_find (context, G_SIGNAL_MATCH_DETAIL, 0, 0, NULL, NULL, NULL) != 0;
}

void
milter_client_context_choose_forms (MilterClientContext *context)
{
  bool has_signals = may_have_signals (context);

  for (guint event = 0; event < N_EVENTS; event++)
    {
      guint16 bit = (guint16) (1u << event);

      if (places[event].bytes_signal == 0 || handles (context, event, has_signals))
        continue;
      /* the other form, unless there is nothing for that either */
      context->priv->as_bytes ^= bit;
      if (!handles (context, event, has_signals))
        context->priv->as_bytes ^= bit;
    }
}

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

static guint
signal_of (MilterClientContext *context, MilterClientEvent event)
{
  guint id = event;

  if (context->priv->use_bytes && event == EVENT_BODY)
    id = SIGNAL_BODY_BYTES;
  else if (context->priv->use_bytes && event == EVENT_END_OF_MESSAGE)
    id = SIGNAL_END_OF_MESSAGE_BYTES;
  return milter_client_context_signals[id];
}

/* Whether to emit. Where a function is there anyway, what was connected since the last look counts
 * from the next MAIL on; this is the only difference between the two shapes of handlers. */
static bool
is_heard (MilterClientContext *context, MilterClientEvent event, bool has_function)
{
  if (context->priv->listened & (1u << event))
    return true;
  return !has_function
         && g_signal_has_handler_pending (context, signal_of (context, event), 0, FALSE);
}

void
milter_client_context_look_for_listeners (MilterClientContext *context)
{
  context->priv->listened = 0;
  for (guint event = 0; event < N_EVENTS; event++)
    if (g_signal_has_handler_pending (context, signal_of (context, event), 0, TRUE))
      context->priv->listened |= 1u << event;
}

/* A function that asks all handlers of an event, in order, as long as they let it pass: connected
 * ones, the table's, the class's. `parameters` and `arguments` begin with a comma. */
#define EXPAND(...) __VA_ARGS__
#define DEFINE_ASK(name, EVENT, parameters, arguments)                                             \
  static MilterStatus ask_##name (MilterClientContext *context EXPAND parameters)                  \
  {                                                                                                \
    const MilterClientHandlers *handlers = context->priv->handlers;                                \
    const MilterClientContextClass *klass = MILTER_CLIENT_CONTEXT_GET_CLASS (context);             \
    bool has_slot = handlers != NULL && handlers->name != NULL;                                    \
    MilterStatus status = MILTER_STATUS_DEFAULT;                                                   \
                                                                                                   \
    if (is_heard (context, EVENT, has_slot || klass->name != NULL))                                \
      g_signal_emit (context, milter_client_context_signals[EVENT], 0 EXPAND arguments, &status);  \
    if (has_slot && passes (status))                                                               \
      status = take_status (                                                                       \
          status, handlers->name (context EXPAND arguments, context->priv->handlers_data));        \
    if (klass->name != NULL && passes (status))                                                    \
      status = take_status (status, klass->name (context EXPAND arguments));                       \
    return status;                                                                                 \
  }

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

/* body and end of message: the same, but for the second pair of signals with bytes that a binding
 * can keep */
typedef MilterStatus (*ChunkFunc) (MilterClientContext *, const char *, gsize, gpointer);
typedef MilterStatus (*ClassChunkFunc) (MilterClientContext *, const char *, gsize);
typedef MilterStatus (*ClassBytesFunc) (MilterClientContext *, GBytes *);

static MilterStatus
ask_chunk (MilterClientContext *context,
           MilterClientEvent event,
           MilterBytes chunk,
           ChunkFunc slot,
           ClassChunkFunc class_chunk,
           ClassBytesFunc class_bytes)
{
  const char *data = (const char *) chunk.data;
  bool use_bytes = context->priv->use_bytes;
  bool has_class = use_bytes ? class_bytes != NULL : class_chunk != NULL;
  MilterStatus status = MILTER_STATUS_DEFAULT;
  g_autoptr (GBytes) bytes = NULL;

  /* an end of message without a last piece has no bytes at all */
  if (use_bytes && (chunk.size > 0 || event == EVENT_BODY))
    bytes = g_bytes_new (chunk.data, chunk.size);
  if (is_heard (context, event, slot != NULL || has_class))
    {
      if (use_bytes)
        g_signal_emit (context, signal_of (context, event), 0, bytes, &status);
      else
        g_signal_emit (context, signal_of (context, event), 0, data, (guint64) chunk.size, &status);
    }
  if (slot != NULL && passes (status))
    status = take_status (status, slot (context, data, chunk.size, context->priv->handlers_data));
  if (has_class && passes (status))
    status = take_status (
        status, use_bytes ? class_bytes (context, bytes) : class_chunk (context, data, chunk.size));
  return status;
}

/* Commands. A function for each takes the fields apart and asks; FALSE for what cannot be handed
 * on. Strings of a decoded message are followed by their NUL. */

#define STRING(i) ((const char *) message->fields[i].bytes.data)

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

static gboolean
take_connect (MilterClientContext *context,
              const MilterMessage *message,
              MilterStatus *status,
              GError **error)
{
  MilterGenericSocketAddress address = { 0 };
  socklen_t size = 0;

  if (!read_address (&message->fields[1].address, &address, &size, error))
    return FALSE;
  *status = ask_connect (context, STRING (0), size > 0 ? &address.base : NULL, size);
  return TRUE;
}

#define DEFINE_TAKE(name, call)                                                                    \
  static gboolean take_##name (MilterClientContext *context,                                       \
                               const MilterMessage *message,                                       \
                               MilterStatus *status,                                               \
                               GError **error)                                                     \
  {                                                                                                \
    *status = call;                                                                                \
    return TRUE;                                                                                   \
  }

DEFINE_TAKE (helo, ask_helo (context, STRING (0)))
DEFINE_TAKE (data, ask_data (context))
DEFINE_TAKE (unknown, ask_unknown (context, STRING (0)))
DEFINE_TAKE (header, ask_header (context, STRING (0), STRING (1)))
DEFINE_TAKE (end_of_header, ask_end_of_header (context))
DEFINE_TAKE (negotiate, milter_client_context_take_offer (context))

static gboolean
take_envelope_from (MilterClientContext *context,
                    const MilterMessage *message,
                    MilterStatus *status,
                    GError **error)
{
  /* handlers may have been connected since the last look; one cheap question a message */
  if (g_signal_handler_find (context, G_SIGNAL_MATCH_UNBLOCKED, 0, 0, NULL, NULL, NULL) != 0)
    milter_client_context_look_for_listeners (context);
  context->priv->arguments = message->fields[1].bytes;
  *status = ask_envelope_from (context, STRING (0));
  context->priv->arguments = milter_bytes (NULL, 0);
  return TRUE;
}

static gboolean
take_envelope_recipient (MilterClientContext *context,
                         const MilterMessage *message,
                         MilterStatus *status,
                         GError **error)
{
  context->priv->arguments = message->fields[1].bytes;
  *status = ask_envelope_recipient (context, STRING (0));
  context->priv->arguments = milter_bytes (NULL, 0);
  return TRUE;
}

static gboolean
take_body (MilterClientContext *context,
           const MilterMessage *message,
           MilterStatus *status,
           GError **error)
{
  const MilterClientHandlers *handlers = context->priv->handlers;
  const MilterClientContextClass *klass = MILTER_CLIENT_CONTEXT_GET_CLASS (context);

  /* a handler said SKIP, but the MTA cannot know, or sends on all the same */
  *status = MILTER_STATUS_CONTINUE;
  if (!context->priv->skip_body)
    *status = ask_chunk (context,
                         EVENT_BODY,
                         message->fields[0].bytes,
                         handlers != NULL ? handlers->body : NULL,
                         klass->body,
                         klass->body_bytes);
  return TRUE;
}

static gboolean
take_end_of_message (MilterClientContext *context,
                     const MilterMessage *message,
                     MilterStatus *status,
                     GError **error)
{
  const MilterClientHandlers *handlers = context->priv->handlers;
  const MilterClientContextClass *klass = MILTER_CLIENT_CONTEXT_GET_CLASS (context);

  *status = ask_chunk (context,
                       EVENT_END_OF_MESSAGE,
                       message->fields[0].bytes,
                       handlers != NULL ? handlers->end_of_message : NULL,
                       klass->end_of_message,
                       klass->end_of_message_bytes);
  return TRUE;
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
handles (MilterClientContext *context, MilterClientEvent event)
{
  const MilterClientHandlers *handlers = context->priv->handlers;
  const MilterClientContextClass *klass = MILTER_CLIENT_CONTEXT_GET_CLASS (context);

  if (g_signal_has_handler_pending (context, signal_of (context, event), 0, TRUE))
    return true;

#define IS_SET(EVENT, name)                                                                        \
  (event == (EVENT) && ((handlers != NULL && handlers->name != NULL) || klass->name != NULL))
  return IS_SET (EVENT_NEGOTIATE, negotiate) || IS_SET (EVENT_CONNECT, connect)
         || IS_SET (EVENT_HELO, helo) || IS_SET (EVENT_ENVELOPE_FROM, envelope_from)
         || IS_SET (EVENT_ENVELOPE_RECIPIENT, envelope_recipient) || IS_SET (EVENT_DATA, data)
         || IS_SET (EVENT_UNKNOWN, unknown) || IS_SET (EVENT_HEADER, header)
         || IS_SET (EVENT_END_OF_HEADER, end_of_header) || IS_SET (EVENT_BODY, body)
         || (event == EVENT_BODY && context->priv->use_bytes && klass->body_bytes != NULL);
#undef IS_SET
}

bool
milter_client_context_wants_offer (MilterClientContext *context)
{
  return handles (context, EVENT_NEGOTIATE);
}

/* the steps that ask away what nobody here listens to */
guint32
milter_client_context_get_unwanted (MilterClientContext *context)
{
  guint32 unwanted = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (milter_client_rows); i++)
    if (milter_client_rows[i].unwanted != 0 && !handles (context, milter_client_rows[i].event))
      unwanted |= milter_client_rows[i].unwanted;
  return unwanted;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-context-private.h: a context from inside, for the files that make it up.
 *
 * milter-client-context.c     the object: properties, what can be asked and set
 * milter-client-signals.c     its signals
 * milter-client-dispatch.c    bytes come: rules, state, macros, and the end of a connection
 * milter-client-events.c      which handlers a command asks for
 * milter-client-answer.c      a status goes: replies, response signals, reply text
 * milter-client-negotiate.c   offer and answer
 * milter-client-edit.c        edits of the message
 * milter-client-edit-bytes.c  ... whose values need not be UTF-8
 * milter-client-message.c     what belongs to one message: shelf, quarantine, arguments
 * milter-client-result.c      ... and what became of it
 * milter-client-peer.c        addresses as GIO has them
 * milter-client-tap.c         tools that look at all of it, and answer instead
 * milter-client-worker.c      the connection below, and the thread
 */
#pragma once

#include <stdbool.h>

#include "milter-client-context.h"
#include "milter-client-worker-private.h"
#include "milter-io-private.h"
#include "milter-protocol-agent-private.h"

G_BEGIN_DECLS

/* the events, in the order of the members of MilterClientHandlers */
typedef enum
{
  EVENT_NEGOTIATE,
  EVENT_CONNECT,
  EVENT_HELO,
  EVENT_ENVELOPE_FROM,
  EVENT_ENVELOPE_RECIPIENT,
  EVENT_DATA,
  EVENT_UNKNOWN,
  EVENT_HEADER,
  EVENT_END_OF_HEADER,
  EVENT_BODY,
  EVENT_END_OF_MESSAGE,
  EVENT_ABORT,
  N_EVENTS,
  EVENT_NONE = N_EVENTS
} MilterClientEvent;

/* the signals; those of the events are at the events' own numbers */
enum
{
  SIGNAL_CONNECT_BYTES = N_EVENTS,
  SIGNAL_HELO_BYTES,
  SIGNAL_ENVELOPE_FROM_BYTES,
  SIGNAL_ENVELOPE_RECIPIENT_BYTES,
  SIGNAL_UNKNOWN_BYTES,
  SIGNAL_HEADER_BYTES,
  SIGNAL_BODY_BYTES,
  SIGNAL_END_OF_MESSAGE_BYTES,
  SIGNAL_DEFINE_MACRO,
  SIGNAL_TIMEOUT,
  SIGNAL_MESSAGE_PROCESSED,
  SIGNAL_ERROR,
  SIGNAL_FINISHED,
  SIGNAL_RESPONSES, /* + event */
  N_SIGNALS = SIGNAL_RESPONSES + N_EVENTS
};

/* what is known of a command before it comes */
typedef struct
{
  guint8 letter;
  MilterClientEvent event;
  MilterClientContextState state; /* while it is handled; the next value is "replied" */
  guint32 unwanted;               /* the step that keeps it away */
  /* Asks the handlers. Of a CONNECT with contents that cannot be handed to them, sets @error. */
  MilterStatus (*take) (MilterClientContext *context, const MilterField *fields, GError **error);
} MilterClientRow;

/* of milter-client-tap.c */
typedef struct _MilterClientTapState MilterClientTapState;

/* What a context has for some moments only, or never: most connections wait for their next message
 * most of the time. */
typedef struct
{
  MilterOption *offer; /* while the negotiation is pending */
  MilterMacrosRequests *requests;
  MilterOption *option; /* (nullable): made when asked for */
  GError *failure;      /* (nullable): why it closed */
  GString *reply;       /* (nullable): text for the next refusal */
  guint reply_code;
  char *quarantine_reason;
  GHashTable *shelf;  /* (nullable) */
  GByteArray *output; /* of a context without a connection */
} MilterClientContextSeldom;

struct _MilterClientContextPrivate
{
  MilterClient *client;           /* (nullable) */
  MilterClientWorker *worker;     /* (nullable): NULL for a context without a connection */
  MilterIoConnection *connection; /* (nullable), unowned */
  MilterProtocolAgentState *agent; /* of the base class */
  GList link;                     /* among the worker's contexts */
  MilterClientTapState *tap;      /* (nullable) */

  const MilterClientHandlers *handlers;
  gpointer handlers_data;

  MilterSession session;
  guint32 listened; /* 1 << event: a signal handler was seen */
  MilterLimits limits;
  MilterClientContextState state;
  MilterClientContextState last_state;
  MilterStatus status;
  guint timeout; /* seconds, 0 for none */

  const MilterClientRow *current; /* (nullable): the command that is being handled or pending */
  bool in_handler;
  bool has_early; /* the response came before its handler had returned */
  MilterStatus early;
  guint busy; /* dispatching; what ends the context waits until 0 */
  socklen_t address_size;
  const MilterClientContextSeldom *seldom; /* to be read; see below */
  /* What a context mostly is not: with each command, one look at all of it. */
  union
  {
    struct
    {
      bool pending; /* the current command waits for its response signal */
      bool closing; /* nothing more is read, handled or answered */
      bool leaving; /* closes when no message is under way */
      bool tapped;  /* there is a tap */
      bool tracked; /* there is a result */
      bool held;    /* there is a quarantine reason */
    };
    guint64 unusual;
  };
  bool finished;
  bool unmet; /* accepted, and the program does not know it yet */
  bool use_bytes;
  guint16 as_bytes;   /* the events that are given as bytes, a bit each */
  bool in_message;    /* between MAIL and its end, as the handlers see it */
  bool skip_body;     /* SKIP was answered where the MTA does not know it */
  bool body_replaced; /* a replacement has begun */
  bool body_closed;   /* ... and another edit came behind it */

  MilterBytes arguments; /* of the MAIL or RCPT that is being handled; a CONNECT's address */
  MilterMessageResult *result; /* (nullable) */
  GByteArray *input;           /* fed and not yet consumed */

  gpointer private_data;
  GDestroyNotify private_data_destroy;
  /* (nullable): as the system gave it, maybe shorter than its type: most programs never ask. Of a
   * unix socket without a name there is only the size. */
  MilterGenericSocketAddress *address;
};

G_GNUC_INTERNAL extern guint milter_client_context_signals[N_SIGNALS];

/* milter-client-signals.c */
G_GNUC_INTERNAL void milter_client_context_install_signals (MilterClientContextClass *klass);

/* what all have that have nothing of it */
G_GNUC_INTERNAL extern const MilterClientContextSeldom milter_client_context_nothing;
/* to be changed */
static inline MilterClientContextSeldom *
milter_client_context_get_seldom (MilterClientContextPrivate *priv)
{
  if (priv->seldom == &milter_client_context_nothing)
    priv->seldom = g_new0 (MilterClientContextSeldom, 1);
  return (MilterClientContextSeldom *) priv->seldom;
}
/* its memory goes if there is nothing any more */
G_GNUC_INTERNAL void milter_client_context_drop_seldom (MilterClientContextPrivate *priv);

static inline void
milter_client_context_enter (MilterClientContext *context, MilterClientContextState state)
{
  MilterClientContextPrivate *priv = context->priv;

  priv->last_state = priv->state;
  priv->state = state;
}

/* milter-client-context.c */
G_GNUC_INTERNAL void
milter_client_context_emit_error (MilterClientContext *context, const GError *error);
/* whether the calling thread is the context's own */
G_GNUC_INTERNAL bool milter_client_context_is_here (MilterClientContext *context);
/* calls @func in the context's thread, with others in order; @free_data is always called */
G_GNUC_INTERNAL void
milter_client_context_post (MilterClientContext *context,
                            void (*func) (MilterClientContext *context, gpointer data),
                            gpointer data,
                            GDestroyNotify free_data);

/* milter-client-connection.c */
/* The connection takes @fd over, also on failure. Nothing of the program's is called here. */
G_GNUC_INTERNAL bool milter_client_context_connect (MilterClientContext *context,
                                                    MilterIoLoop *io,
                                                    int fd,
                                                    const struct sockaddr *address,
                                                    socklen_t address_size,
                                                    GError **error);
/* sets the time by which the peer must have said something */
G_GNUC_INTERNAL void milter_client_context_arm (MilterClientContext *context);
/* the MTA has closed, with @leftover bytes that nobody handles */
G_GNUC_INTERNAL void milter_client_context_lose (MilterClientContext *context, gsize leftover);

/* milter-client-events.c */
G_GNUC_INTERNAL extern const MilterClientRow milter_client_rows['Z' - 'A' + 1];
/* (nullable) */
static inline const MilterClientRow *
milter_client_row_get (guint8 letter)
{
  if (letter < 'A' || letter > 'Z' || milter_client_rows[letter - 'A'].letter == 0)
    return NULL;
  return &milter_client_rows[letter - 'A'];
}
/* looks which signals have handlers, and remembers it */
G_GNUC_INTERNAL void milter_client_context_look_for_listeners (MilterClientContext *context);
/* the steps that ask away what nobody listens to */
G_GNUC_INTERNAL guint32 milter_client_context_get_unwanted (MilterClientContext *context);
/* Events are given as bytes or not as the context says, but for those that have handlers of the other
 * form alone, which nobody would call otherwise. */
G_GNUC_INTERNAL void milter_client_context_choose_forms (MilterClientContext *context);
/* whether anybody wants to see the offer */
G_GNUC_INTERNAL bool milter_client_context_wants_offer (MilterClientContext *context);
G_GNUC_INTERNAL MilterStatus milter_client_context_ask_negotiate (MilterClientContext *context,
                                                                  MilterOption *option,
                                                                  MilterMacrosRequests *requests);
G_GNUC_INTERNAL void
milter_client_context_ask_abort (MilterClientContext *context, MilterClientContextState state);

/* milter-client-dispatch.c */
/* Takes whole commands off @data until one is pending, the context closes, or more bytes are needed.
 * FALSE for what a peer must not send: the error has been told and the context is closing. */
G_GNUC_INTERNAL gboolean milter_client_context_take (MilterClientContext *context,
                                                     const guint8 *data,
                                                     gsize size,
                                                     gsize *consumed,
                                                     GError **error);
/* The same for the bytes of a connection: its `received`. It stops, too, when too many answers wait
 * for an MTA that does not read. */
G_GNUC_INTERNAL gsize milter_client_context_received (MilterIoConnection *connection,
                                                      const guint8 *data,
                                                      gsize size,
                                                      gpointer user_data);
/* handles what was fed, or kept, and not yet consumed */
G_GNUC_INTERNAL gboolean
milter_client_context_take_input (MilterClientContext *context, GError **error);
/* reads again what was left while an answer was pending */
G_GNUC_INTERNAL void milter_client_context_resume (MilterClientContext *context);
/* tells the error and closes the connection */
G_GNUC_INTERNAL void milter_client_context_fail (MilterClientContext *context, const GError *error);
/* closes the connection; the context is over as soon as no handler of it is running: "abort" if it
 * is in a message, "finished", and its worker forgets it */
G_GNUC_INTERNAL void milter_client_context_close (MilterClientContext *context, MilterIoClose how);
/* the last of a context: what ends it waits until no handler is on the stack */
G_GNUC_INTERNAL void milter_client_context_finish (MilterClientContext *context);
/* Pairs with ->busy++. A context with a connection lives as long as it is busy: a plain count,
 * because taking a reference with each command costs more than all the rest of it. */
static inline void
milter_client_context_unbusy (MilterClientContext *context)
{
  MilterClientContextPrivate *priv = context->priv;

  priv->busy--;
  if (G_UNLIKELY (priv->closing) && priv->busy == 0)
    milter_client_context_finish (context);
}
/* the client shuts down: closes now if nothing is under way, else at the end of the message */
G_GNUC_INTERNAL void milter_client_context_leave (MilterClientContext *context);

/* milter-client-answer.c */
G_GNUC_INTERNAL void
milter_client_context_answer (MilterClientContext *context, MilterStatus status);
/* the command of @row has been answered: what follows from it */
G_GNUC_INTERNAL void milter_client_context_settle (MilterClientContext *context,
                                                   const MilterClientRow *row,
                                                   MilterStatus status);
/* the handler wants to answer later */
G_GNUC_INTERNAL void milter_client_context_wait (MilterClientContext *context);
/* what the class closures of the response signals do; any thread */
G_GNUC_INTERNAL void milter_client_context_respond (MilterClientContext *context,
                                                    MilterClientEvent event,
                                                    MilterOption *option,
                                                    MilterMacrosRequests *requests,
                                                    MilterStatus status);
/* append to this, then say so */
G_GNUC_INTERNAL GByteArray *milter_client_context_get_output (MilterClientContext *context);
G_GNUC_INTERNAL void milter_client_context_written (MilterClientContext *context);

/* milter-client-negotiate.c */
G_GNUC_INTERNAL MilterStatus milter_client_context_take_offer (MilterClientContext *context);
/* a response that brings an option or requests of its own: they replace what the handlers saw */
G_GNUC_INTERNAL void milter_client_context_replace_offer (MilterClientContext *context,
                                                          MilterOption *option,
                                                          MilterMacrosRequests *requests);
G_GNUC_INTERNAL void
milter_client_context_answer_offer (MilterClientContext *context, MilterStatus status);
/* it has been answered */
G_GNUC_INTERNAL void milter_client_context_forget_offer (MilterClientContext *context);

/* milter-client-tap.c; all but _clear() for a context with a tap only */
G_GNUC_INTERNAL void milter_client_context_tap_clear (MilterClientContext *context);
G_GNUC_INTERNAL void milter_client_context_tap_passed (MilterClientContext *context,
                                                       MilterSide from,
                                                       MilterBytes bytes);
/* something will be appended to @output … */
G_GNUC_INTERNAL void
milter_client_context_tap_writes (MilterClientContext *context, const GByteArray *output);
/* … and has been */
G_GNUC_INTERNAL void milter_client_context_tap_wrote (MilterClientContext *context);
/* bytes of the connection: handled, or kept while a command is taken */
G_GNUC_INTERNAL void milter_client_context_tap_received (MilterClientContext *context,
                                                         const guint8 *data,
                                                         gsize size);
/* Whether the command is done with: taken, or the connection is closing. @row: (nullable) it is
 * handled by its rules once it is answered. */
G_GNUC_INTERNAL bool milter_client_context_tap_command (MilterClientContext *context,
                                                        const MilterClientRow *row,
                                                        const MilterMessage *message);
/* bytes came that make no frame; whether they, and all that follow, are thrown away */
G_GNUC_INTERNAL bool milter_client_context_tap_garbage (MilterClientContext *context,
                                                        MilterBytes bytes);
G_GNUC_INTERNAL bool milter_client_context_tap_drops (MilterClientContext *context);
/* the MTA has ended; whether the end waits until the taken command is answered */
G_GNUC_INTERNAL bool
milter_client_context_tap_ended (MilterClientContext *context, MilterIoEnd end);
/* bytes that were read and not handled */
G_GNUC_INTERNAL gsize milter_client_context_tap_count_held (MilterClientContext *context);
G_GNUC_INTERNAL void milter_client_context_tap_finish (MilterClientContext *context);
G_GNUC_INTERNAL void milter_client_context_tap_resume (MilterClientContext *context);

/* milter-client-message.c */
G_GNUC_INTERNAL void milter_client_context_send_quarantine (MilterClientContext *context);
/* the message is over: it is told, and what belongs to it goes */
G_GNUC_INTERNAL void
milter_client_context_end_message (MilterClientContext *context, MilterStatus status);

/* milter-client-result.c: keeps the message's result up to date, if anybody wants one */
/* a message begins */
G_GNUC_INTERNAL void milter_client_context_begin_result (MilterClientContext *context);
/* a command is about to be handled; there is a result */
G_GNUC_INTERNAL void milter_client_context_track (MilterClientContext *context,
                                                  guint8 letter,
                                                  const MilterField *fields);
G_GNUC_INTERNAL void
milter_client_context_track_edit (MilterClientContext *context, MilterBytes frame);
/* there is a result */
G_GNUC_INTERNAL void milter_client_context_track_answer (MilterClientContext *context,
                                                         guint8 command,
                                                         MilterStatus status);
/* emits "message-processed" */
G_GNUC_INTERNAL void
milter_client_context_tell_result (MilterClientContext *context, MilterStatus status);

/* for tests: what a context without a connection would have sent (transfer full) */
G_GNUC_INTERNAL GByteArray *milter_client_context_take_output (MilterClientContext *context);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-context-private.h: what the files of a MilterServerContext share.
 *
 *   milter-server-context.c   the object: properties and state
 *   milter-server-signals.c   its signals
 *   milter-server-link.c      the connection: made, read, timed and ended
 *   milter-server-commands.c  what the MTA says, a function for each command
 *   milter-server-send.c      how a command leaves: macros, what is not sent or not answered
 *   milter-server-replies.c   what the milter answers
 *   milter-server-result.c    what became of a message
 */
#pragma once

#include <stdbool.h>

#include "milter-io-private.h"
#include "milter-server-context.h"
#include "milter-session.h"

G_BEGIN_DECLS

/**
 * MilterServerLimit: the time limits
 */
typedef enum
{
  MILTER_SERVER_LIMIT_CONNECTION,
  MILTER_SERVER_LIMIT_WRITING,
  MILTER_SERVER_LIMIT_READING,
  MILTER_SERVER_LIMIT_END_OF_MESSAGE
} MilterServerLimit;
#define MILTER_SERVER_N_LIMITS 4
/* the names of their properties and of the signals when one passes */
G_GNUC_INTERNAL extern const char *const _milter_server_limit_names[MILTER_SERVER_N_LIMITS];

typedef struct
{
  char *name;
  MilterConnectionSpec *spec;
  double timeouts[MILTER_SERVER_N_LIMITS]; /* seconds, 0: none */
  MilterStatus status;
  MilterServerContextState state, last_state;
  MilterOption *option; /* what holds; before the answer, the offer */

  /* the connection; NULL before and after */
  MilterIoLoop *loop;
  MilterIoConnection *connection;
  bool connected;
  bool finished; /* "finished" was emitted */
  MilterSession session;
  MilterLimits limits;
  gint64 established_us, ended_us;
  gint64 writing_deadline_us; /* 0: unset */
  gint64 reading_deadline_us; /* 0: unset; counts from when all was written */

  bool negotiated, quitted, processing_message;
  bool skip_body;
  MilterMessageResult *result; /* (nullable) of the present message */
  guint n_accepted_recipients;

  /* the rest of a body that is longer than a frame may be; NULL: none */
  GBytes *rest;
  gsize rest_offset;
  bool rest_ends_message; /* the last piece goes into the BODYEOB frame */

  /* "continue" and "skip" that stand for replies that never come; see _milter_server_settle() */
  guint n_due_continue;
  bool due_skip;
  bool settling;

} MilterServerContextPrivate;

G_GNUC_INTERNAL MilterServerContextPrivate *_milter_server_private (MilterServerContext *context);

/* Sets status ERROR, emits "error" and ends the connection. Takes @error. */
G_GNUC_INTERNAL void _milter_server_fail (MilterServerContext *context, GError *error);
/* Emits "error" alone: the program asked for what cannot be done; the connection stays. */
G_GNUC_INTERNAL void _milter_server_refuse (MilterServerContext *context,
                                            MilterServerContextError code,
                                            const char *format,
                                            ...) G_GNUC_PRINTF (3, 4);
/* Closes the connection and emits "finished", once. */
G_GNUC_INTERNAL void _milter_server_end (MilterServerContext *context, MilterIoClose how);
/* Closes the connection and lets the loop go; nothing is emitted. */
G_GNUC_INTERNAL void _milter_server_release (MilterServerContextPrivate *priv, MilterIoClose how);
/* Moves to @state and tells it. */
G_GNUC_INTERNAL void
_milter_server_enter (MilterServerContext *context, MilterServerContextState state);
/* A time limit from now on, as a deadline; 0 if there is none. */
G_GNUC_INTERNAL gint64 _milter_server_deadline (const MilterServerContextPrivate *priv,
                                                MilterServerLimit limit);
/* Sets the connection's deadline by what is due. */
G_GNUC_INTERNAL void _milter_server_arm (MilterServerContext *context);
/* A command has been appended to the output: time limits run. */
G_GNUC_INTERNAL void _milter_server_sent (MilterServerContext *context);
/* Emits "continue" (or "skip") for a command that is not sent or not answered. */
G_GNUC_INTERNAL void _milter_server_settle (MilterServerContext *context, bool skip);
/* Whether the context can say anything now; else tells why not. */
G_GNUC_INTERNAL bool _milter_server_can_send (MilterServerContext *context, guint8 letter);
/* The signals of the class are made. */
G_GNUC_INTERNAL void _milter_server_add_signals (GType type);
/* Appends one command with its macros. On an error nothing has been appended. */
G_GNUC_INTERNAL bool
_milter_server_append (MilterServerContext *context, const MilterMessage *message, GError **error);
/* Sends one message that the milter wants; false, and "error" was emitted, if it is not legal. */
G_GNUC_INTERNAL bool
_milter_server_send_wanted (MilterServerContext *context, const MilterMessage *message);
/* Sends a message, or does not because the milter asked for that. */
G_GNUC_INTERNAL gboolean _milter_server_say (MilterServerContext *context,
                                             const MilterMessage *message);
/* Whether an answer is due. */
G_GNUC_INTERNAL bool _milter_server_is_due (MilterServerContext *context);
/* Sends the next piece of a long body; FALSE if there is none. */
G_GNUC_INTERNAL bool _milter_server_send_rest (MilterServerContext *context);
G_GNUC_INTERNAL void _milter_server_drop_rest (MilterServerContext *context);
/* A frame has come: signals are emitted, the status follows. */
G_GNUC_INTERNAL void
_milter_server_reply (MilterServerContext *context, const MilterMessage *message);
/* What is known of a message is written down, if somebody wants it. */
G_GNUC_INTERNAL void _milter_server_result_begin (MilterServerContext *context, const char *from);
G_GNUC_INTERNAL void
_milter_server_result_recipient (MilterServerContext *context, const char *recipient);
G_GNUC_INTERNAL void
_milter_server_result_header (MilterServerContext *context, const char *name, const char *value);
G_GNUC_INTERNAL void _milter_server_result_body (MilterServerContext *context, gsize size);
G_GNUC_INTERNAL void
_milter_server_result_edit (MilterServerContext *context, const MilterMessage *message);
/* the last recipient was refused */
G_GNUC_INTERNAL void
_milter_server_result_refuse (MilterServerContext *context, MilterStatus status);
/* emits "message-processed" */
G_GNUC_INTERNAL void _milter_server_result_end (MilterServerContext *context, MilterStatus status);
/* The word of the command that waits for its reply, or of the last one sent. */
G_GNUC_INTERNAL const char *_milter_server_stage (MilterServerContext *context);

G_END_DECLS

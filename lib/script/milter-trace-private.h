/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-trace-private.h: what the files of the writer of traces share.
 */
#pragma once

#include <stdbool.h>

#include "milter-session.h"
#include "milter-text.h"

G_BEGIN_DECLS

/* A session that is recorded: what the milter sees, which drops what does not fit as libmilter does;
 * and what a player will make of it. Commands are told in order, each when those before it are
 * answered. */
typedef struct
{
  MilterSession session;
  guint8 command;     /* the latest */
  bool plain;         /* … its word may be played: it will be sent */
  bool due;           /* … it is still to be answered */

  bool negotiated;
  bool derailed;      /* who saw what of the negotiation is not sure: no words from here on */
  bool blind;         /* a hole hides what was agreed: who waits for what is not known */
  bool client_over, message_over;
  guint8 skipped;     /* 0, or no more of this command until there was another */
  guint n_recipients, n_accepted;
} MilterTraceSession;

void milter_trace_session_init (MilterTraceSession *trace);
void milter_trace_session_clear (MilterTraceSession *trace);
/* Whether a player leaves this command out now, since it belongs to what is decided, or the milter does not
 * want it; macros go where their command goes. */
bool milter_trace_session_leaves_out (const MilterTraceSession *trace, guint8 letter, MilterBytes payload);
void milter_trace_session_ask (MilterTraceSession *trace, guint8 letter, MilterBytes payload);
/* neither an edit nor progress; @spec: (nullable) of its letter */
static inline bool
milter_trace_is_final_kind (const MilterSpec *spec)
{
  return spec == NULL
         || (spec->kind != MILTER_REPLY_KIND_EDIT && spec->kind != MILTER_REPLY_KIND_PROGRESS);
}
bool milter_trace_is_final (const MilterMessage *reply);
/* the final answer to the latest command */
void milter_trace_session_answer (MilterTraceSession *trace, const MilterMessage *reply);
/* nothing answers it: it counts as let pass, which is what an MTA takes it for that goes on */
void milter_trace_session_give_up (MilterTraceSession *trace);
/* Something is missing of what was said: nobody knows what is due, and a player leaves nothing out that
 * is told from here on because of what was said before. */
void milter_trace_session_lose (MilterTraceSession *trace);
/* how messages are written, by what was agreed */
MilterTextFlags milter_trace_session_get_flags (const MilterTraceSession *trace);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-session-private.h: what the two halves of the session rules share: commands are judged in
 * milter-session.c, replies in milter-session-reply.c.
 */
#pragma once

#include <string.h>

#include "milter-session.h"

#define MILTER_SESSION_SET(state) (1u << MILTER_SESSION_##state)

/* from MAIL to the final reply */
#define MILTER_SESSION_IN_MESSAGE                                                                  \
  (MILTER_SESSION_SET (MAIL) | MILTER_SESSION_SET (RCPT) | MILTER_SESSION_SET (DATA)               \
   | MILTER_SESSION_SET (HEADER) | MILTER_SESSION_SET (BODY) | MILTER_SESSION_SET (END_OF_MESSAGE))

static inline bool
milter_session_state_in (const MilterSession *session, guint set)
{
  return (set & (1u << session->state)) != 0;
}

static inline bool
milter_session_letter_in (guint8 letter, const char *letters)
{
  return letter != '\0' && strchr (letters, letter) != NULL;
}

/* a command in session->skipped and in other sets of letters */
static inline guint
milter_session_letter_bit (guint8 letter)
{
  return letter >= 'A' && letter <= 'Z' ? 1u << (letter - 'A') : 0;
}

/* whether field @n was reached before the fault, if there is one */
static inline bool
milter_session_has_field (const MilterMessage *message, guint n)
{
  return message->fault == MILTER_NO_FAULT || message->fault_field > n;
}

/* sets the error and returns FALSE */
gboolean milter_session_deviation (GError **error, MilterSessionError code, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* a payload that is malformed is a deviation */
gboolean milter_session_check_fault (const MilterMessage *message, GError **error);

/* the list of what is due; its size is a power of two */
static inline MilterSessionDue *
milter_session_due_at (const MilterSession *session, guint n)
{
  return &session->due[(session->due_first + n) & (session->due_size - 1)];
}

/* takes the oldest command off the list, of which there must be one */
static inline MilterSessionDue
milter_session_due_pop (MilterSession *session)
{
  MilterSessionDue oldest = *milter_session_due_at (session, 0);

  session->due_first = (session->due_first + 1) & (session->due_size - 1);
  session->due_count--;
  return oldest;
}

/* what was before belongs to another message */
static inline void
milter_session_cut_message (MilterSession *session)
{
  session->message++;
  session->n_recipients = 0;
  session->n_refused = 0;
  session->skipped = 0;
}

/* Where a command of a message leads that comes in its usual place, by state and letter: what
 * `states` and `moves` of milter-session.c say of these; 0 for all others. */
MILTER_AVAILABLE const guint8 _milter_session_steps[MILTER_SESSION_CLOSED + 1][32];

/* The state to which such a command leads, if nothing that was negotiated or answered before makes
 * it special, and no answer is due; else 0. */
static inline guint8
milter_session_find_step (const MilterSession *session, const MilterSpec *spec)
{
  guint8 next = _milter_session_steps[session->state][spec->letter & 31];

  if ((session->skipped | session->n_refused | session->due_count) != 0
      || spec->since > session->agreed.version || (session->agreed.steps & spec->skip) != 0)
    return 0;
  return next;
}

/* what milter_session_command() does with it; its payload has no fault */
static inline void
milter_session_step (MilterSession *session, const MilterSpec *spec, guint8 next)
{
  session->dropped = FALSE;
  session->state = next;
  if (next == MILTER_SESSION_RCPT)
    session->n_recipients++;
  if (next == MILTER_SESSION_MAIL)
    milter_session_cut_message (session);
  if ((session->agreed.steps & spec->no_reply) == 0)
    {
      session->due[0] = (MilterSessionDue){ spec->letter, session->message };
      session->due_first = 0;
      session->due_count = 1;
    }
}

/* What milter_session_reply() does with the CONTINUE for such a command, right behind it. Returns
 * whether there is a reply at all. */
static inline bool
milter_session_let_pass (MilterSession *session)
{
  if (session->due_count == 0)
    return false;
  session->due_count = 0;
  if (session->state == MILTER_SESSION_END_OF_MESSAGE)
    session->state = MILTER_SESSION_ENVELOPE;
  return true;
}

/* Whether CONTINUE can answer the oldest command: it can answer each but a negotiation, whatever
 * was agreed. */
static inline bool
milter_session_may_continue (const MilterSession *session)
{
  return session->due_count > 0
         && milter_session_due_at (session, 0)->letter != MILTER_COMMAND_NEGOTIATE;
}

/* what milter_session_reply() does with the CONTINUE that may come, which is nearly every reply */
static inline void
milter_session_continue (MilterSession *session)
{
  MilterSessionDue due = milter_session_due_pop (session);

  if (due.letter == MILTER_COMMAND_END_OF_MESSAGE && due.message == session->message
      && session->state == MILTER_SESSION_END_OF_MESSAGE)
    session->state = MILTER_SESSION_ENVELOPE;
}

/* what was sent ahead of a message that is now decided is not answered any more; UNKNOWN is */
void milter_session_due_drop (MilterSession *session, guint32 message);

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

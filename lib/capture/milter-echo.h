/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-echo.h: one connection that is answered as a recorded milter did.
 *
 * What is answered: the negotiation, connect and HELO of the first session of the recording that
 * nobody has had, or of a later one that fits what the MTA says better; a message as the one of the
 * recording with the same sender that fits, by its Message-ID if it comes to that, whatever session it
 * is of. What fits but is not the same is answered alike, and told as a difference. What the recording
 * does not have is a difference, and a client, sender, recipient or message that it lacks, or lacks
 * the answer to, is answered "tempfail": an MTA keeps the mail and loses nothing. Anything else is let pass.
 */
#pragma once

#include "milter-echo-book.h"

G_BEGIN_DECLS

/**
 * MilterEchoEnd:
 * @MILTER_ECHO_STAYS: the connection stays open
 * @MILTER_ECHO_CLOSES: the milter closed behind it
 * @MILTER_ECHO_RESETS: … or reset the connection
 *
 * What the milter did behind an answer.
 */
typedef enum
{
  MILTER_ECHO_STAYS,
  MILTER_ECHO_CLOSES,
  MILTER_ECHO_RESETS
} MilterEchoEnd;

/**
 * MilterEchoAnswer:
 * @bytes: edits, requests for time and the reply, as they were; none: it was silent
 * @end: what it did then
 *
 * An answer.
 */
typedef struct
{
  MilterBytes bytes;
  MilterEchoEnd end;
} MilterEchoAnswer;

typedef struct _MilterEcho MilterEcho;

/* @book lives longer */
MilterEcho *milter_echo_new (MilterEchoBook *book);
/* The connection is over: what did not come is a difference. */
void milter_echo_free (MilterEcho *answerer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterEcho, milter_echo_free)

/* A frame of the MTA came. false: nothing was recorded to say to it: the milter does what it always
 * does. @answer: valid until the next call. */
bool milter_echo_received (MilterEcho *answerer,
                               const MilterMessage *command,
                               MilterEchoAnswer *answer);

/* The MTA has said that it sends no more; false: nothing was said to that. */
bool milter_echo_ended (MilterEcho *echo, MilterEchoAnswer *answer);

G_END_DECLS

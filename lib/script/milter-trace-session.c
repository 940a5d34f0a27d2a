/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-trace-session.c: whether a player will send a command of a recording again.
 *
 * A player leaves out what no longer applies: what belongs to a client or a message that is decided,
 * what the milter did not want. So do MTAs; what one sent all the same can only be played as `frame`.
 * The rules are those of the player (milter-player-plan.c, milter-player-reply.c), or stricter: fuzz-trace
 * holds them together.
 */
#include "milter-trace-private.h"

#include <string.h>

void
milter_trace_session_init (MilterTraceSession *trace)
{
  *trace = (MilterTraceSession){ 0 };
  milter_session_init (&trace->session, MILTER_SESSION_LENIENT);
}

void
milter_trace_session_clear (MilterTraceSession *trace)
{
  milter_session_clear (&trace->session);
}

MilterTextFlags
milter_trace_session_get_flags (const MilterTraceSession *trace)
{
  return trace->session.agreed.steps & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE
             ? MILTER_TEXT_LEADING_SPACE
             : MILTER_TEXT_PLAIN;
}

static bool
is_one_of (guint8 letter, const char *letters)
{
  return letter != 0 && strchr (letters, letter) != NULL;
}

/* commands that begin a message, or end the one before */
#define ENDS_MESSAGE "MHAK"

static bool
is_left_out (const MilterTraceSession *trace, guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, letter);

  if (spec == NULL || is_one_of (letter, "OAQK"))
    return false;
  if (trace->client_over || trace->skipped == letter)
    return true;
  if (!spec->in_message || letter == MILTER_COMMAND_ENVELOPE_FROM)
    return false;
  return trace->message_over
         || (letter != MILTER_COMMAND_ENVELOPE_RECIPIENT && trace->n_recipients > 0
             && trace->n_accepted == 0);
}

static void
forget_message (MilterTraceSession *trace)
{
  trace->message_over = false;
  trace->n_recipients = trace->n_accepted = 0;
}

static void
note_command (MilterTraceSession *trace, guint8 letter)
{
  if (is_one_of (letter, ENDS_MESSAGE))
    forget_message (trace);
  if (letter == MILTER_COMMAND_QUIT_NC)
    trace->client_over = false;
  if (letter == MILTER_COMMAND_ENVELOPE_RECIPIENT)
    trace->n_recipients++;
  if (letter != trace->skipped && !is_one_of (letter, "DAQ"))
    trace->skipped = 0;
}

/* both MTAs hang up on their client with it (milter-protocol 3.7) */
static bool
hangs_up (const MilterMessage *reply)
{
  return is_one_of (reply->letter, "4f")
         || (reply->letter == MILTER_REPLY_REPLY_CODE && reply->payload.size >= 3
             && memcmp (reply->payload.data, "421", 3) == 0);
}

/* The final answer to a command. One that is malformed lets nothing pass. */
static void
note_answer (MilterTraceSession *trace, guint8 command, const MilterMessage *message)
{
  guint8 reply = message->letter;
  bool goes_on = is_one_of (reply, "cs") && message->fault == MILTER_NO_FAULT;

  if (command == MILTER_COMMAND_NEGOTIATE)
    trace->negotiated = true;
  else if (hangs_up (message) || (is_one_of (command, "CH") && !goes_on))
    trace->client_over = true;
  else if (command == MILTER_COMMAND_END_OF_MESSAGE && trace->plain)
    forget_message (trace);
  else if (!goes_on && is_one_of (command, "MRTLNB")
           && (command != MILTER_COMMAND_ENVELOPE_RECIPIENT || !is_one_of (reply, "rty")))
    trace->message_over = true;
  if (reply == MILTER_REPLY_SKIP)
    trace->skipped = command;
  if (command == MILTER_COMMAND_ENVELOPE_RECIPIENT && goes_on)
    trace->n_accepted++;
}

/* the stage's command decides about a macro frame */
static guint8
letter_that_counts (guint8 letter, MilterBytes payload)
{
  return letter == MILTER_COMMAND_DEFINE_MACRO && payload.size > 0 ? payload.data[0] : letter;
}

bool
milter_trace_session_leaves_out (const MilterTraceSession *trace, guint8 letter, MilterBytes payload)
{
  guint8 counts = letter_that_counts (letter, payload);

  return is_left_out (trace, counts)
         || (trace->negotiated && milter_spec_get (MILTER_SIDE_MTA, counts) != NULL
             && !milter_session_is_wanted (&trace->session, counts));
}

void
milter_trace_session_ask (MilterTraceSession *trace, guint8 letter, MilterBytes payload)
{
  bool left_out = is_left_out (trace, letter_that_counts (letter, payload));
  MilterMessage message;
  bool legal;

  milter_message_parse (MILTER_SIDE_MTA, letter, payload, &message);
  legal = milter_session_command (&trace->session, &message, /* error= */ NULL);
  if (!legal && (!trace->negotiated || letter == MILTER_COMMAND_NEGOTIATE))
    trace->derailed = true;
  trace->command = letter;
  trace->plain = legal && !left_out && !trace->derailed;
  trace->due = !trace->blind && milter_session_due (&trace->session) != 0;
  note_command (trace, letter);
  /* nobody says no to it */
  if (letter == MILTER_COMMAND_ENVELOPE_RECIPIENT && !trace->due)
    trace->n_accepted++;
}

bool
milter_trace_is_final (const MilterMessage *reply)
{
  return milter_trace_is_final_kind (reply->spec);
}

void
milter_trace_session_answer (MilterTraceSession *trace, const MilterMessage *reply)
{
  note_answer (trace, trace->command, reply);
  milter_session_reply (&trace->session, reply, /* error= */ NULL);
  trace->due = false;
}

void
milter_trace_session_give_up (MilterTraceSession *trace)
{
  MilterMessage message;

  if (!trace->due)
    return;
  milter_message_init (&message, MILTER_SIDE_MILTER, MILTER_REPLY_CONTINUE);
  milter_session_reply (&trace->session, &message, /* error= */ NULL);
  trace->due = false;
}

/* What was agreed still holds behind a hole: it is said again. */
static void
agree_again (MilterTraceSession *trace, const MilterOffer *offer, const MilterOffer *agreed)
{
  MilterMessage message;

  milter_message_init (&message, MILTER_SIDE_MTA, MILTER_COMMAND_NEGOTIATE);
  message.fields[0].number = offer->version;
  message.fields[1].number = offer->actions;
  message.fields[2].number = offer->steps;
  milter_session_command (&trace->session, &message, /* error= */ NULL);
  milter_message_init (&message, MILTER_SIDE_MILTER, MILTER_REPLY_NEGOTIATE);
  message.fields[0].number = agreed->version;
  message.fields[1].number = agreed->actions;
  message.fields[2].number = agreed->steps;
  milter_session_reply (&trace->session, &message, /* error= */ NULL);
}

void
milter_trace_session_lose (MilterTraceSession *trace)
{
  MilterOffer offer = trace->session.offer, agreed = trace->session.agreed;
  bool negotiated = trace->negotiated;

  milter_trace_session_clear (trace);
  milter_trace_session_init (trace);
  trace->session.policy = MILTER_SESSION_OFF;
  trace->negotiated = negotiated;
  trace->blind = !negotiated;
  if (negotiated)
    agree_again (trace, &offer, &agreed);
}

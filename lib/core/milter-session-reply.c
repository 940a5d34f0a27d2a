/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-session-reply.c: which replies may come, and what each does to the session.
 */
#include "milter-session-private.h"

#include "milter-smtp-reply.h"

/* what a final reply does, by the kind of command that it answers (milter-protocol 3.2, 3.3) */
typedef enum
{
  GO_ON,
  REFUSE_RECIPIENT,
  END_MESSAGE,
  END_CONNECTION
} Effect;

/* clang-format off */
static const struct
{
  guint8 reply;
  Effect client;      /* CONNECT, HELO */
  Effect message;     /* MAIL, DATA, header, end of headers, body */
  Effect recipient;   /* RCPT */
  Effect unknown;     /* UNKNOWN */
  Effect end;         /* end of message: it is over whatever the verdict is */
} effects[] = {
  { MILTER_REPLY_ACCEPT,            END_CONNECTION, END_MESSAGE,    END_MESSAGE,      END_MESSAGE,    GO_ON },
  { MILTER_REPLY_REJECT,            END_CONNECTION, END_MESSAGE,    REFUSE_RECIPIENT, GO_ON,          GO_ON },
  { MILTER_REPLY_TEMPORARY_FAILURE, END_CONNECTION, END_MESSAGE,    REFUSE_RECIPIENT, GO_ON,          GO_ON },
  { MILTER_REPLY_REPLY_CODE,        END_CONNECTION, END_MESSAGE,    REFUSE_RECIPIENT, GO_ON,          GO_ON },
  /* neither MTA applies a discard that answers CONNECT or HELO */
  { MILTER_REPLY_DISCARD,           GO_ON,          END_MESSAGE,    END_MESSAGE,      GO_ON,          GO_ON },
  { MILTER_REPLY_SHUTDOWN,          END_CONNECTION, END_CONNECTION, END_CONNECTION,   END_CONNECTION, END_CONNECTION },
};
/* clang-format on */

/* Replies: whether they may come. */

static gboolean
check_unasked (const MilterSession *session, const MilterSpec *spec, GError **error)
{
  guint8 due = milter_session_due (session);

  if (spec->kind == MILTER_REPLY_KIND_EDIT || spec->kind == MILTER_REPLY_KIND_PROGRESS)
    {
      if (due == MILTER_COMMAND_END_OF_MESSAGE)
        return TRUE;
      return milter_session_deviation (
          error,
          MILTER_SESSION_ERROR_EDIT_OUTSIDE,
          "%s (%s) may only come between the end of a message and the reply to it",
          spec->word,
          spec->field_name);
    }
  if (due == 0)
    return milter_session_deviation (error,
                                     MILTER_SESSION_ERROR_UNASKED,
                                     "%s (%s): no command waits for a reply",
                                     spec->word,
                                     spec->field_name);
  return TRUE;
}

static gboolean
check_fits (const MilterSession *session, const MilterSpec *spec, GError **error)
{
  guint8 due = milter_session_due (session);
  const MilterSpec *command = milter_spec_get (MILTER_SIDE_MTA, due);

  if (spec->kind == MILTER_REPLY_KIND_RESERVED || !milter_session_letter_in (due, spec->answers))
    return milter_session_deviation (error,
                                     MILTER_SESSION_ERROR_WRONG_REPLY,
                                     "%s (%s) cannot answer %s (%s)",
                                     spec->word,
                                     spec->field_name,
                                     command->word,
                                     command->field_name);
  if (spec->since > session->agreed.version)
    return milter_session_deviation (error,
                                     MILTER_SESSION_ERROR_TOO_NEW,
                                     "%s (%s) needs protocol version %u, the session has %u",
                                     spec->word,
                                     spec->field_name,
                                     spec->since,
                                     session->agreed.version);
  return TRUE;
}

static gboolean
check_agreed (const MilterSession *session, const MilterSpec *spec, GError **error)
{
  g_autofree char *needed = NULL;

  if ((session->agreed.actions & spec->action) != spec->action)
    {
      if (error != NULL)
        needed = milter_actions_to_string (spec->action);
      return milter_session_deviation (error,
                                       MILTER_SESSION_ERROR_ACTION,
                                       "%s (%s) needs the action %s, which was not negotiated",
                                       spec->word,
                                       spec->field_name,
                                       needed);
    }
  if (spec->letter == MILTER_REPLY_SKIP && (session->agreed.steps & MILTER_STEP_SKIP) == 0)
    return milter_session_deviation (error,
                                     MILTER_SESSION_ERROR_ACTION,
                                     "%s (%s) needs the step SKIP, which was not negotiated",
                                     spec->word,
                                     spec->field_name);
  return TRUE;
}

/**
 * milter_session_may_reply: (skip)
 * @session: a session
 * @letter: a reply
 * @error: where to put the deviation, a #MilterSessionError
 *
 * Returns: whether the milter may send this reply now, whatever the policy
 */
gboolean
milter_session_may_reply (const MilterSession *session, guint8 letter, GError **error)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MILTER, letter);

  if (spec == NULL)
    return milter_session_deviation (
        error, MILTER_SESSION_ERROR_UNKNOWN_LETTER, "0x%02x is no reply of a milter", letter);
  return check_unasked (session, spec, error) && check_fits (session, spec, error)
         && check_agreed (session, spec, error);
}

static MilterOffer
get_answer (const MilterMessage *message)
{
  return (MilterOffer){ message->fields[0].number,
                        message->fields[1].number,
                        message->fields[2].number };
}

/* NEG-23, NEG-24 */
static gboolean
check_symbol_lists (const MilterSession *session, MilterBytes lists, GError **error)
{
  guint32 stage;
  MilterBytes names;
  guint seen = 0;

  if (lists.size > 0 && (session->offer.actions & MILTER_ACTION_SET_SYMBOL_LIST) == 0)
    return milter_session_deviation (
        error,
        MILTER_SESSION_ERROR_NEGOTIATION,
        "the milter asks for macros, but the MTA did not offer SETSYMLIST");
  while (milter_symbol_lists_next (&lists, &stage, &names))
    {
      if (stage >= MILTER_N_MACRO_STAGES)
        return milter_session_deviation (
            error,
            MILTER_SESSION_ERROR_NEGOTIATION,
            "the milter asks for macros of stage %u, the highest is %d",
            stage,
            MILTER_N_MACRO_STAGES - 1);
      if ((seen & (1u << stage)) != 0)
        return milter_session_deviation (error,
                                         MILTER_SESSION_ERROR_NEGOTIATION,
                                         "the milter asks twice for macros of stage %u (%s)",
                                         stage,
                                         milter_macro_stage_to_word (stage));
      seen |= 1u << stage;
    }
  return TRUE;
}

static gboolean
check_answer (const MilterSession *session, const MilterMessage *message, GError **error)
{
  g_autoptr (GError) cause = NULL;
  MilterOffer answer = get_answer (message);

  if (!milter_offer_check_answer (&session->offer, &answer, &cause))
    return milter_session_deviation (error, MILTER_SESSION_ERROR_NEGOTIATION, "%s", cause->message);
  return check_symbol_lists (session, message->fields[3].bytes, error);
}

static gboolean
check_text (const MilterMessage *message, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autoptr (MilterSmtpReply) reply = milter_smtp_reply_parse (message->fields[0].bytes, &cause);

  if (reply == NULL)
    return milter_session_deviation (error, MILTER_SESSION_ERROR_REPLY_TEXT, "%s", cause->message);
  return TRUE;
}

static gboolean
check_reply (const MilterSession *session, const MilterMessage *message, GError **error)
{
  if (!milter_session_may_reply (session, message->letter, error)
      || !milter_session_check_fault (message, error))
    return FALSE;
  if (message->letter == MILTER_REPLY_NEGOTIATE)
    return check_answer (session, message, error);
  if (message->letter == MILTER_REPLY_REPLY_CODE)
    return check_text (message, error);
  return TRUE;
}

/* Replies: what they do. */

/* an answer that cannot be read, or is none, leaves nothing to go on with (NEG-31, NEG-32) */
static void
take_answer (MilterSession *session, const MilterMessage *message)
{
  MilterOffer answer;

  if (message->letter != MILTER_REPLY_NEGOTIATE || !milter_session_has_field (message, 2))
    {
      session->state = MILTER_SESSION_CONNECTION_OVER;
      return;
    }
  answer = get_answer (message);
  session->agreed = milter_offer_settle (&session->offer, &answer);
  if (session->state == MILTER_SESSION_NEGOTIATING)
    session->state = MILTER_SESSION_READY;
}

static Effect
effect_on (gsize row, guint8 command)
{
  if (milter_session_letter_in (command, "CH"))
    return effects[row].client;
  if (command == MILTER_COMMAND_ENVELOPE_RECIPIENT)
    return effects[row].recipient;
  if (command == MILTER_COMMAND_UNKNOWN)
    return effects[row].unknown;
  if (command == MILTER_COMMAND_END_OF_MESSAGE)
    return effects[row].end;
  return effects[row].message;
}

static Effect
get_effect (const MilterMessage *message, guint8 command)
{
  /* both MTAs hang up on their client with it (milter-protocol 3.7) */
  if (message->letter == MILTER_REPLY_REPLY_CODE && message->payload.size >= 3
      && memcmp (message->payload.data, "421", 3) == 0)
    return END_CONNECTION;
  for (gsize i = 0; i < G_N_ELEMENTS (effects); i++)
    if (effects[i].reply == message->letter)
      return effect_on (i, command);
  return GO_ON;
}

static void
take_effect (MilterSession *session, MilterSessionDue due, Effect effect)
{
  bool current = due.message == session->message;

  if (effect == REFUSE_RECIPIENT && current)
    session->n_refused++;
  if (effect == END_MESSAGE)
    {
      milter_session_due_drop (session, due.message);
      if (current && milter_session_state_in (session, MILTER_SESSION_IN_MESSAGE))
        session->state = MILTER_SESSION_MESSAGE_OVER;
    }
  if (effect == END_CONNECTION && due.message >= session->first_message
      && session->state != MILTER_SESSION_CLOSED)
    session->state = MILTER_SESSION_CONNECTION_OVER;
}

static void
take_final (MilterSession *session, const MilterMessage *message)
{
  MilterSessionDue due;

  if (session->due_count == 0)
    return;
  due = milter_session_due_pop (session);
  if (due.letter == MILTER_COMMAND_NEGOTIATE)
    {
      take_answer (session, message);
      return;
    }
  if (message->letter == MILTER_REPLY_SKIP && due.message == session->message)
    session->skipped |= milter_session_letter_bit (due.letter);
  if (due.letter == MILTER_COMMAND_END_OF_MESSAGE && due.message == session->message
      && session->state == MILTER_SESSION_END_OF_MESSAGE)
    session->state = MILTER_SESSION_ENVELOPE;
  take_effect (session, due, get_effect (message, due.letter));
}

/**
 * milter_session_reply: (skip)
 * @session: a session
 * @message: what the milter sends
 * @error: where to put a deviation, a #MilterSessionError
 *
 * Shows the session a message of the milter. A reply with a letter that nobody knows, or one that
 * cannot answer the command, is taken for its answer all the same when the policy lets it pass: so
 * do the MTAs (milter-protocol 7.1, 30).
 *
 * Returns: %FALSE with @error set for a deviation, unless the policy is %MILTER_SESSION_OFF
 */
gboolean
milter_session_reply (MilterSession *session, const MilterMessage *message, GError **error)
{
  gboolean fine = TRUE;

  if (message->letter == MILTER_REPLY_CONTINUE && message->fault == MILTER_NO_FAULT
      && milter_session_may_continue (session))
    {
      milter_session_continue (session);
      return TRUE;
    }
  if (session->policy != MILTER_SESSION_OFF)
    fine = check_reply (session, message, error);
  if (!fine)
    session->n_deviations++;
  if (!fine && session->policy == MILTER_SESSION_STRICT)
    return FALSE;
  if (message->spec == NULL
      || (message->spec->kind != MILTER_REPLY_KIND_EDIT
          && message->spec->kind != MILTER_REPLY_KIND_PROGRESS))
    take_final (session, message);
  return fine;
}

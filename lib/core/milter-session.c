/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-session.c: the order of a session, as tables, and the one place that walks them.
 *
 * Legal order is that of milter-protocol 3.1 with nothing left out. Where a step was negotiated
 * away, the session may pass through the state behind it without being told (`passages`). What
 * libmilter takes beyond that is in `tolerated`; it counts as a deviation all the same.
 */
#include "milter-session.h"

#include <stdarg.h>
#include <string.h>

#include "milter-smtp-reply.h"

#define SET(state) (1u << MILTER_SESSION_##state)

/* from MAIL to the final reply */
static const guint message_states
    = SET (MAIL) | SET (RCPT) | SET (DATA) | SET (HEADER) | SET (BODY) | SET (END_OF_MESSAGE);
/* where the milter still has something to lose when the message is cut short */
static const guint unfinished_states
    = SET (MAIL) | SET (RCPT) | SET (DATA) | SET (HEADER) | SET (BODY);
/* where an ABORT leads back between messages; elsewhere it changes nothing (ABT-02) */
static const guint abortable_states
    = SET (MAIL) | SET (RCPT) | SET (DATA) | SET (HEADER) | SET (BODY) | SET (END_OF_MESSAGE)
      | SET (MESSAGE_OVER);

/* clang-format off */

/* each state's name and the commands that may come in it, if nothing was negotiated away */
static const struct
{
  const char *name;
  const char *legal;
} states[] = {
  [MILTER_SESSION_START]           = { "start",           "OQ" },
  [MILTER_SESSION_NEGOTIATING]     = { "negotiating",     "Q" },
  [MILTER_SESSION_READY]           = { "ready",           "CDAQK" },
  [MILTER_SESSION_ENVELOPE]        = { "envelope",        "HMUDAQK" },
  [MILTER_SESSION_MAIL]            = { "mail",            "RHMUDAQK" },
  [MILTER_SESSION_RCPT]            = { "rcpt",            "RTHMUDAQK" },
  [MILTER_SESSION_DATA]            = { "data",            "LNHMDAQK" },
  [MILTER_SESSION_HEADER]          = { "header",          "LNHMDAQK" },
  [MILTER_SESSION_BODY]            = { "body",            "BEHMDAQK" },
  [MILTER_SESSION_END_OF_MESSAGE]  = { "end-of-message",  "HMUDAQK" },
  [MILTER_SESSION_MESSAGE_OVER]    = { "message-over",    "HMUDAQK" },
  [MILTER_SESSION_CONNECTION_OVER] = { "connection-over", "DAQK" },
  [MILTER_SESSION_CLOSED]          = { "closed",          "" },
};

/* what a step makes invisible: with @skip agreed, @from is as good as @to */
static const struct
{
  MilterSessionState from;
  guint32 skip;
  MilterSessionState to;
} passages[] = {
  { MILTER_SESSION_READY,          MILTER_STEP_NO_CONNECT,            MILTER_SESSION_ENVELOPE },
  { MILTER_SESSION_ENVELOPE,       MILTER_STEP_NO_ENVELOPE_FROM,      MILTER_SESSION_MAIL },
  { MILTER_SESSION_END_OF_MESSAGE, MILTER_STEP_NO_ENVELOPE_FROM,      MILTER_SESSION_MAIL },
  { MILTER_SESSION_MESSAGE_OVER,   MILTER_STEP_NO_ENVELOPE_FROM,      MILTER_SESSION_MAIL },
  { MILTER_SESSION_MAIL,           MILTER_STEP_NO_ENVELOPE_RECIPIENT, MILTER_SESSION_RCPT },
  { MILTER_SESSION_RCPT,           MILTER_STEP_NO_DATA,               MILTER_SESSION_DATA },
  { MILTER_SESSION_DATA,           MILTER_STEP_NO_END_OF_HEADER,      MILTER_SESSION_BODY },
  { MILTER_SESSION_HEADER,         MILTER_STEP_NO_END_OF_HEADER,      MILTER_SESSION_BODY },
};

/* libmilter goes from the envelope right into any part of the content */
static const struct
{
  MilterSessionState state;
  const char *letters;
} tolerated[] = {
  { MILTER_SESSION_RCPT, "LNBE" },
};

/* libmilter takes a command that does not fit as if it came after HELO: these fit there */
static const char *const fits_after_helo = "HMU";

/* where a command leads; STAY is for those that lead nowhere */
#define STAY 0xff
static const struct
{
  guint8 letter;
  guint8 state;
  bool ends_message;
} moves[] = {
  { MILTER_COMMAND_NEGOTIATE,          MILTER_SESSION_NEGOTIATING,    false },
  { MILTER_COMMAND_DEFINE_MACRO,       STAY,                          false },
  { MILTER_COMMAND_CONNECT,            MILTER_SESSION_ENVELOPE,       false },
  { MILTER_COMMAND_HELO,               MILTER_SESSION_ENVELOPE,       true },
  { MILTER_COMMAND_ENVELOPE_FROM,      MILTER_SESSION_MAIL,           true },
  { MILTER_COMMAND_ENVELOPE_RECIPIENT, MILTER_SESSION_RCPT,           false },
  { MILTER_COMMAND_DATA,               MILTER_SESSION_DATA,           false },
  { MILTER_COMMAND_HEADER,             MILTER_SESSION_HEADER,         false },
  { MILTER_COMMAND_END_OF_HEADER,      MILTER_SESSION_BODY,           false },
  { MILTER_COMMAND_BODY,               MILTER_SESSION_BODY,           false },
  { MILTER_COMMAND_END_OF_MESSAGE,     MILTER_SESSION_END_OF_MESSAGE, false },
  { MILTER_COMMAND_ABORT,              STAY,                          true },
  { MILTER_COMMAND_QUIT,               MILTER_SESSION_CLOSED,         true },
  { MILTER_COMMAND_QUIT_NC,            MILTER_SESSION_READY,          true },
  { MILTER_COMMAND_UNKNOWN,            STAY,                          false },
};

/* what a final reply does, by the kind of command that it answers (milter-protocol 3.2, 3.3) */
typedef enum
{
  GO_ON,
  REFUSE_RECIPIENT,
  END_MESSAGE,
  END_CONNECTION
} Effect;

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

GQuark
milter_session_error_quark (void)
{
  return g_quark_from_static_string ("milter-session-error-quark");
}

/* Sets. */

static bool
state_in (MilterSessionState state, guint set)
{
  return (set & (1u << state)) != 0;
}

static bool
letter_in (guint8 letter, const char *letters)
{
  return letter != '\0' && strchr (letters, letter) != NULL;
}

static guint
skip_bit (guint8 letter)
{
  return letter >= 'A' && letter <= 'Z' ? 1u << (letter - 'A') : 0;
}

/**
 * milter_session_state_to_string:
 * @state: a state
 *
 * Returns: its name, as "envelope"
 */
const char *
milter_session_state_to_string (MilterSessionState state)
{
  g_return_val_if_fail ((gsize) state < G_N_ELEMENTS (states), "unknown");
  return states[state].name;
}

/* The list of what is due. */

static MilterSessionDue *
due_at (const MilterSession *session, guint n)
{
  return &session->due[(session->due_first + n) % session->due_size];
}

static void
due_grow (MilterSession *session)
{
  guint size = session->due_size * 2;
  MilterSessionDue *due = g_new (MilterSessionDue, size);

  for (guint i = 0; i < session->due_count; i++)
    due[i] = *due_at (session, i);
  if (session->due != session->due_inline)
    g_free (session->due);
  session->due = due;
  session->due_size = size;
  session->due_first = 0;
}

static void
due_push (MilterSession *session, guint8 letter)
{
  if (session->due_count == session->due_size)
    due_grow (session);
  *due_at (session, session->due_count++) = (MilterSessionDue){ letter, session->message };
}

static MilterSessionDue
due_pop (MilterSession *session)
{
  MilterSessionDue oldest = *due_at (session, 0);

  session->due_first = (session->due_first + 1) % session->due_size;
  session->due_count--;
  return oldest;
}

/* what was sent ahead of a message that is now decided is not answered any more; UNKNOWN is */
static void
due_drop_message (MilterSession *session, guint32 message)
{
  guint kept = 0;

  for (guint i = 0; i < session->due_count; i++)
    {
      MilterSessionDue due = *due_at (session, i);

      if (due.message != message || !milter_spec_get (MILTER_SIDE_MTA, due.letter)->in_message)
        *due_at (session, kept++) = due;
    }
  session->due_count = kept;
}

/**
 * milter_session_init:
 * @session: what to set up
 * @policy: what a deviation means
 *
 * Sets up a session of which nothing has been said. Release it with milter_session_clear().
 */
void
milter_session_init (MilterSession *session, MilterSessionPolicy policy)
{
  *session = (MilterSession){
    .policy = policy,
    .offer = { MILTER_PROTOCOL_VERSION_MAX, MILTER_ACTIONS_ALL, 0 },
    .agreed = { MILTER_PROTOCOL_VERSION_MAX, MILTER_ACTIONS_ALL, 0 },
    .due_size = G_N_ELEMENTS (session->due_inline),
  };
  session->due = session->due_inline;
}

/**
 * milter_session_clear:
 * @session: a session
 *
 * Releases what the session holds; it is then as after milter_session_init(). Twice is harmless.
 */
void
milter_session_clear (MilterSession *session)
{
  if (session->due != session->due_inline)
    g_free (session->due);
  milter_session_init (session, session->policy);
}

/**
 * milter_session_due:
 * @session: a session
 *
 * Returns: the oldest command that waits for its reply, 0 if none does
 */
guint8
milter_session_due (const MilterSession *session)
{
  return session->due_count == 0 ? 0 : due_at (session, 0)->letter;
}

/**
 * milter_session_is_answered:
 * @session: a session
 * @letter: a command
 *
 * Returns: whether such a command would be answered, as negotiated
 */
gboolean
milter_session_is_answered (const MilterSession *session, guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, letter);

  return spec != NULL && spec->answer != MILTER_ANSWER_NONE
         && (session->agreed.steps & spec->no_reply) == 0;
}

/**
 * milter_session_is_wanted:
 * @session: a session
 * @letter: a command
 *
 * Returns: whether the milter wants this command at all, by its steps and the version
 */
gboolean
milter_session_is_wanted (const MilterSession *session, guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, letter);

  return spec != NULL && spec->since <= session->agreed.version
         && (session->agreed.steps & spec->skip) == 0;
}

/**
 * milter_session_in_message:
 * @session: a session
 *
 * Returns: whether MAIL has been sent and the message is neither over nor decided
 */
gboolean
milter_session_in_message (const MilterSession *session)
{
  return state_in (session->state, message_states);
}

/* Deviations. */

static gboolean G_GNUC_PRINTF (3, 4)
deviation (GError **error, MilterSessionError code, const char *format, ...)
{
  va_list args;

  if (error == NULL)
    return FALSE;
  va_start (args, format);
  *error = g_error_new_valist (MILTER_SESSION_ERROR, code, format, args);
  va_end (args);
  return FALSE;
}

/* Commands: whether they may come. */

static bool
next_passage (const MilterSession *session, MilterSessionState *state)
{
  for (gsize i = 0; i < G_N_ELEMENTS (passages); i++)
    if (passages[i].from == *state && (session->agreed.steps & passages[i].skip) != 0)
      {
        *state = passages[i].to;
        return true;
      }
  return false;
}

static bool
is_legal (const MilterSession *session, guint8 letter)
{
  MilterSessionState state = session->state;

  do
    if (letter_in (letter, states[state].legal))
      return true;
  while (next_passage (session, &state));
  return false;
}

static bool
is_tolerated (const MilterSession *session, guint8 letter)
{
  MilterSessionState state = session->state;

  do
    for (gsize i = 0; i < G_N_ELEMENTS (tolerated); i++)
      if (tolerated[i].state == state && letter_in (letter, tolerated[i].letters))
        return true;
  while (next_passage (session, &state));
  return false;
}

/* RCP-15: an MTA ends a message of which no recipient is left, and does not ask on */
static bool
lacks_recipients (const MilterSession *session, guint8 letter)
{
  return session->state == MILTER_SESSION_RCPT && letter_in (letter, "TLNBE")
         && session->n_recipients > 0 && session->n_refused == session->n_recipients;
}

static gboolean
check_order (const MilterSession *session, const MilterSpec *spec, GError **error)
{
  if (!is_legal (session, spec->letter))
    return deviation (error,
                      MILTER_SESSION_ERROR_OUT_OF_ORDER,
                      "%s (%s) may not come now: the session is in state %s",
                      spec->word,
                      spec->field_name,
                      states[session->state].name);
  if (lacks_recipients (session, spec->letter))
    return deviation (error,
                      MILTER_SESSION_ERROR_OUT_OF_ORDER,
                      "%s (%s) may not come now: the milter refused every recipient",
                      spec->word,
                      spec->field_name);
  return TRUE;
}

/* milter-protocol 2.6 and the skip steps of 2.3 */
static gboolean
check_wanted (const MilterSession *session, const MilterSpec *spec, GError **error)
{
  if (spec->since > session->agreed.version)
    return deviation (error,
                      MILTER_SESSION_ERROR_TOO_NEW,
                      "%s (%s) needs protocol version %u, the session has %u",
                      spec->word,
                      spec->field_name,
                      spec->since,
                      session->agreed.version);
  if ((session->agreed.steps & spec->skip) != 0)
    return deviation (error,
                      MILTER_SESSION_ERROR_SKIPPED,
                      "%s (%s): the milter negotiated not to be sent it",
                      spec->word,
                      spec->field_name);
  if ((session->skipped & skip_bit (spec->letter)) != 0)
    return deviation (error,
                      MILTER_SESSION_ERROR_SKIPPED,
                      "%s (%s): the milter asked for no more of it in this message",
                      spec->word,
                      spec->field_name);
  return TRUE;
}

/**
 * milter_session_may_command:
 * @session: a session
 * @letter: a command
 * @error: where to put the deviation, a #MilterSessionError
 *
 * Returns: whether the MTA may send this command now, whatever the policy
 */
gboolean
milter_session_may_command (const MilterSession *session, guint8 letter, GError **error)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, letter);

  if (spec == NULL)
    return deviation (error,
                      MILTER_SESSION_ERROR_UNKNOWN_LETTER,
                      "0x%02x is no command of an MTA",
                      letter);
  return check_wanted (session, spec, error) && check_order (session, spec, error);
}

static gboolean
check_fault (const MilterMessage *message, GError **error)
{
  g_autoptr (GError) fault = NULL;

  if (message->fault == MILTER_NO_FAULT || message->spec == NULL)
    return TRUE;
  fault = milter_message_get_fault (message);
  return deviation (error, MILTER_SESSION_ERROR_MALFORMED, "%s", fault->message);
}

/* whether field @n was reached before the fault, if there is one */
static bool
has_field (const MilterMessage *message, guint n)
{
  return message->fault == MILTER_NO_FAULT || message->fault_field > n;
}

static gboolean
check_command (const MilterSession *session, const MilterMessage *message, GError **error)
{
  if (!milter_session_may_command (session, message->letter, error)
      || !check_fault (message, error))
    return FALSE;
  /* libmilter hangs up on such an offer (NEG-06) */
  if (message->letter == MILTER_COMMAND_NEGOTIATE
      && message->fields[0].number < MILTER_PROTOCOL_VERSION_MIN)
    return deviation (error,
                      MILTER_SESSION_ERROR_NEGOTIATION,
                      "the MTA offers protocol version %u, the lowest that exists is %u",
                      message->fields[0].number,
                      MILTER_PROTOCOL_VERSION_MIN);
  return TRUE;
}

/* Commands: what they do. */

static void
cut_message (MilterSession *session)
{
  session->message++;
  session->n_recipients = 0;
  session->n_refused = 0;
  session->skipped = 0;
}

static void
take_offer (MilterSession *session, const MilterMessage *message)
{
  if (!has_field (message, 2))
    return;
  session->offer = (MilterOffer){ message->fields[0].number,
                                  message->fields[1].number,
                                  message->fields[2].number };
  session->agreed = session->offer;
  session->agreed.steps = 0;
}

static void
take_move (MilterSession *session, guint8 letter)
{
  for (gsize i = 0; i < G_N_ELEMENTS (moves); i++)
    if (moves[i].letter == letter)
      {
        if (moves[i].ends_message)
          cut_message (session);
        if (moves[i].state != STAY)
          session->state = moves[i].state;
        return;
      }
}

static void
take_command (MilterSession *session, const MilterMessage *message)
{
  const MilterSpec *spec = message->spec;
  guint8 letter = spec->letter;

  /* a message whose MAIL is suppressed begins with whatever comes first of it */
  if (spec->in_message
      && (session->state == MILTER_SESSION_END_OF_MESSAGE
          || !state_in (session->state, message_states)))
    cut_message (session);
  /* Postfix: SKIP to anything but BODY holds until something else comes (milter-protocol 3.5) */
  if (letter != MILTER_COMMAND_DEFINE_MACRO)
    session->skipped &= skip_bit (MILTER_COMMAND_BODY) | skip_bit (letter);

  if (letter == MILTER_COMMAND_NEGOTIATE)
    take_offer (session, message);
  if (letter == MILTER_COMMAND_ABORT && state_in (session->state, abortable_states))
    session->state = MILTER_SESSION_ENVELOPE;
  take_move (session, letter);
  if (letter == MILTER_COMMAND_QUIT_NC)
    session->first_message = session->message;
  if (letter == MILTER_COMMAND_ENVELOPE_RECIPIENT)
    session->n_recipients++;
  if (milter_session_is_answered (session, letter))
    due_push (session, letter);
}

/* what libmilter does with a command that does not fit (milter-protocol 3.1) */
static bool
lenient_drops (MilterSession *session, guint8 letter)
{
  if (is_legal (session, letter) || is_tolerated (session, letter))
    return false;
  if (letter == MILTER_COMMAND_NEGOTIATE || session->state == MILTER_SESSION_CLOSED)
    return true;
  /* a message that only waits for its verdict gets it first: the milter answers in order */
  if (state_in (session->state, unfinished_states))
    {
      cut_message (session);
      session->state = MILTER_SESSION_ENVELOPE;
    }
  return !letter_in (letter, fits_after_helo);
}

/**
 * milter_session_command:
 * @session: a session
 * @message: what the MTA sends
 * @error: where to put a deviation, a #MilterSessionError
 *
 * Shows the session a message of the MTA.
 *
 * Returns: %FALSE with @error set for a deviation, unless the policy is %MILTER_SESSION_OFF
 */
gboolean
milter_session_command (MilterSession *session, const MilterMessage *message, GError **error)
{
  gboolean fine = TRUE;

  session->dropped = FALSE;
  if (session->policy != MILTER_SESSION_OFF)
    fine = check_command (session, message, error);
  if (!fine)
    session->n_deviations++;
  if (!fine && session->policy == MILTER_SESSION_STRICT)
    return FALSE;

  if (message->spec == NULL)
    session->dropped = session->policy == MILTER_SESSION_LENIENT;
  else if (!fine)
    session->dropped = lenient_drops (session, message->letter);
  if (message->spec != NULL && !session->dropped)
    take_command (session, message);
  return fine;
}

/* Replies: whether they may come. */

static gboolean
check_unasked (const MilterSession *session, const MilterSpec *spec, GError **error)
{
  guint8 due = milter_session_due (session);

  if (spec->kind == MILTER_REPLY_KIND_EDIT || spec->kind == MILTER_REPLY_KIND_PROGRESS)
    {
      if (due == MILTER_COMMAND_END_OF_MESSAGE)
        return TRUE;
      return deviation (error,
                        MILTER_SESSION_ERROR_EDIT_OUTSIDE,
                        "%s (%s) may only come between the end of a message and the reply to it",
                        spec->word,
                        spec->field_name);
    }
  if (due == 0)
    return deviation (error,
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

  if (spec->kind == MILTER_REPLY_KIND_RESERVED || !letter_in (due, spec->answers))
    return deviation (error,
                      MILTER_SESSION_ERROR_WRONG_REPLY,
                      "%s (%s) cannot answer %s (%s)",
                      spec->word,
                      spec->field_name,
                      command->word,
                      command->field_name);
  if (spec->since > session->agreed.version)
    return deviation (error,
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
      return deviation (error,
                        MILTER_SESSION_ERROR_ACTION,
                        "%s (%s) needs the action %s, which was not negotiated",
                        spec->word,
                        spec->field_name,
                        needed);
    }
  if (spec->letter == MILTER_REPLY_SKIP && (session->agreed.steps & MILTER_STEP_SKIP) == 0)
    return deviation (error,
                      MILTER_SESSION_ERROR_ACTION,
                      "%s (%s) needs the step SKIP, which was not negotiated",
                      spec->word,
                      spec->field_name);
  return TRUE;
}

/**
 * milter_session_may_reply:
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
    return deviation (error,
                      MILTER_SESSION_ERROR_UNKNOWN_LETTER,
                      "0x%02x is no reply of a milter",
                      letter);
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
    return deviation (error,
                      MILTER_SESSION_ERROR_NEGOTIATION,
                      "the milter asks for macros, but the MTA did not offer SETSYMLIST");
  while (milter_symbol_lists_next (&lists, &stage, &names))
    {
      if (stage >= MILTER_N_MACRO_STAGES)
        return deviation (error,
                          MILTER_SESSION_ERROR_NEGOTIATION,
                          "the milter asks for macros of stage %u, the highest is %d",
                          stage,
                          MILTER_N_MACRO_STAGES - 1);
      if ((seen & (1u << stage)) != 0)
        return deviation (error,
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
    return deviation (error, MILTER_SESSION_ERROR_NEGOTIATION, "%s", cause->message);
  return check_symbol_lists (session, message->fields[3].bytes, error);
}

static gboolean
check_text (const MilterMessage *message, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autoptr (MilterSmtpReply) reply = milter_smtp_reply_parse (message->fields[0].bytes, &cause);

  if (reply == NULL)
    return deviation (error, MILTER_SESSION_ERROR_REPLY_TEXT, "%s", cause->message);
  return TRUE;
}

static gboolean
check_reply (const MilterSession *session, const MilterMessage *message, GError **error)
{
  if (!milter_session_may_reply (session, message->letter, error) || !check_fault (message, error))
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

  if (message->letter != MILTER_REPLY_NEGOTIATE || !has_field (message, 2))
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
  if (letter_in (command, "CH"))
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
      due_drop_message (session, due.message);
      if (current && state_in (session->state, message_states))
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
  due = due_pop (session);
  if (due.letter == MILTER_COMMAND_NEGOTIATE)
    {
      take_answer (session, message);
      return;
    }
  if (message->letter == MILTER_REPLY_SKIP && due.message == session->message)
    session->skipped |= skip_bit (due.letter);
  if (due.letter == MILTER_COMMAND_END_OF_MESSAGE && due.message == session->message
      && session->state == MILTER_SESSION_END_OF_MESSAGE)
    session->state = MILTER_SESSION_ENVELOPE;
  take_effect (session, due, get_effect (message, due.letter));
}

/**
 * milter_session_reply:
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

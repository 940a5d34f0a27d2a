/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-session.c: the order of the commands of a session, as tables, and what walks them.
 *
 * Legal order is that of milter-protocol 3.1 with nothing left out. Where a step was negotiated
 * away, the session may pass through the state behind it without being told (`passages`). What
 * libmilter takes beyond that is in `tolerated`; it counts as a deviation all the same.
 */
#include "milter-session-private.h"

#include <stdarg.h>

/* where the milter still has something to lose when the message is cut short */
#define UNFINISHED (MILTER_SESSION_IN_MESSAGE & ~MILTER_SESSION_SET (END_OF_MESSAGE))
/* where an ABORT leads back between messages; elsewhere it changes nothing (ABT-02) */
#define ABORTABLE (MILTER_SESSION_IN_MESSAGE | MILTER_SESSION_SET (MESSAGE_OVER))

/* clang-format off */

/* a set of up to ten letters */
#define LETTER(l) ((l) == 0 ? 0 : 1u << (((l) - 'A') & 31))
#define TEN_LETTERS(a, b, c, d, e, f, g, h, i, j, ...)                                             \
  (LETTER (a) | LETTER (b) | LETTER (c) | LETTER (d) | LETTER (e) | LETTER (f) | LETTER (g)        \
   | LETTER (h) | LETTER (i) | LETTER (j))
#define LETTERS(...) TEN_LETTERS (__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

/* each state's name and the commands that may come in it, if nothing was negotiated away */
static const struct
{
  const char *name;
  guint legal;
} states[] = {
  [MILTER_SESSION_START]           = { "start",           LETTERS ('O', 'Q') },
  [MILTER_SESSION_NEGOTIATING]     = { "negotiating",     LETTERS ('Q') },
  [MILTER_SESSION_READY]           = { "ready",           LETTERS ('C', 'D', 'A', 'Q', 'K') },
  [MILTER_SESSION_ENVELOPE]        = { "envelope",        LETTERS ('H', 'M', 'U', 'D', 'A', 'Q', 'K') },
  [MILTER_SESSION_MAIL]            = { "mail",            LETTERS ('R', 'H', 'M', 'U', 'D', 'A', 'Q', 'K') },
  [MILTER_SESSION_RCPT]            = { "rcpt",            LETTERS ('R', 'T', 'H', 'M', 'U', 'D', 'A', 'Q', 'K') },
  [MILTER_SESSION_DATA]            = { "data",            LETTERS ('L', 'N', 'H', 'M', 'D', 'A', 'Q', 'K') },
  [MILTER_SESSION_HEADER]          = { "header",          LETTERS ('L', 'N', 'H', 'M', 'D', 'A', 'Q', 'K') },
  [MILTER_SESSION_BODY]            = { "body",            LETTERS ('B', 'E', 'H', 'M', 'D', 'A', 'Q', 'K') },
  [MILTER_SESSION_END_OF_MESSAGE]  = { "end-of-message",  LETTERS ('H', 'M', 'U', 'D', 'A', 'Q', 'K') },
  [MILTER_SESSION_MESSAGE_OVER]    = { "message-over",    LETTERS ('H', 'M', 'U', 'D', 'A', 'Q', 'K') },
  [MILTER_SESSION_CONNECTION_OVER] = { "connection-over", LETTERS ('D', 'A', 'Q', 'K') },
  [MILTER_SESSION_CLOSED]          = { "closed",          LETTERS (0) },
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
#define BY_LETTER(command) [MILTER_COMMAND_##command - 'A']
static const struct
{
  guint8 state;
  bool ends_message;
} moves['Z' - 'A' + 1] = {
  BY_LETTER (NEGOTIATE)         = { MILTER_SESSION_NEGOTIATING,    false },
  BY_LETTER (DEFINE_MACRO)      = { STAY,                          false },
  BY_LETTER (CONNECT)           = { MILTER_SESSION_ENVELOPE,       false },
  BY_LETTER (HELO)              = { MILTER_SESSION_ENVELOPE,       true },
  BY_LETTER (ENVELOPE_FROM)     = { MILTER_SESSION_MAIL,           true },
  BY_LETTER (ENVELOPE_RECIPIENT)= { MILTER_SESSION_RCPT,           false },
  BY_LETTER (DATA)              = { MILTER_SESSION_DATA,           false },
  BY_LETTER (HEADER)            = { MILTER_SESSION_HEADER,         false },
  BY_LETTER (END_OF_HEADER)     = { MILTER_SESSION_BODY,           false },
  BY_LETTER (BODY)              = { MILTER_SESSION_BODY,           false },
  BY_LETTER (END_OF_MESSAGE)    = { MILTER_SESSION_END_OF_MESSAGE, false },
  BY_LETTER (ABORT)             = { STAY,                          true },
  BY_LETTER (QUIT)              = { MILTER_SESSION_CLOSED,         true },
  BY_LETTER (QUIT_NC)           = { MILTER_SESSION_READY,          true },
  BY_LETTER (UNKNOWN)           = { STAY,                          false },
};

#define STEP(from, command, to)                                                                     \
  [MILTER_SESSION_##from][MILTER_COMMAND_##command & 31] = MILTER_SESSION_##to
const guint8 _milter_session_steps[MILTER_SESSION_CLOSED + 1][32] = {
  STEP (ENVELOPE, ENVELOPE_FROM,      MAIL),
  STEP (MAIL,     ENVELOPE_RECIPIENT, RCPT),
  STEP (RCPT,     ENVELOPE_RECIPIENT, RCPT),
  STEP (RCPT,     DATA,               DATA),
  STEP (DATA,     HEADER,             HEADER),
  STEP (DATA,     END_OF_HEADER,      BODY),
  STEP (HEADER,   HEADER,             HEADER),
  STEP (HEADER,   END_OF_HEADER,      BODY),
  STEP (BODY,     BODY,               BODY),
  STEP (BODY,     END_OF_MESSAGE,     END_OF_MESSAGE),
};

/* clang-format on */

GQuark
milter_session_error_quark (void)
{
  return g_quark_from_static_string ("milter-session-error-quark");
}

/**
 * milter_session_state_to_string: (skip)
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

static void
due_grow (MilterSession *session)
{
  guint size = session->due_size * 2;
  MilterSessionDue *due = g_new (MilterSessionDue, size);

  for (guint i = 0; i < session->due_count; i++)
    due[i] = *milter_session_due_at (session, i);
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
  *milter_session_due_at (session, session->due_count++)
      = (MilterSessionDue){ letter, session->message };
}

void
milter_session_due_drop (MilterSession *session, guint32 message)
{
  guint kept = 0;

  for (guint i = 0; i < session->due_count; i++)
    {
      MilterSessionDue due = *milter_session_due_at (session, i);

      if (due.message != message || !milter_spec_get (MILTER_SIDE_MTA, due.letter)->in_message)
        *milter_session_due_at (session, kept++) = due;
    }
  session->due_count = kept;
}

/**
 * milter_session_init: (skip)
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
 * milter_session_clear: (skip)
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
 * milter_session_due: (skip)
 * @session: a session
 *
 * Returns: the oldest command that waits for its reply, 0 if none does
 */
guint8
milter_session_due (const MilterSession *session)
{
  return session->due_count == 0 ? 0 : milter_session_due_at (session, 0)->letter;
}

static bool
is_answered (const MilterSession *session, const MilterSpec *spec)
{
  return spec->answer != MILTER_ANSWER_NONE && (session->agreed.steps & spec->no_reply) == 0;
}

/**
 * milter_session_is_answered: (skip)
 * @session: a session
 * @letter: a command
 *
 * Returns: whether such a command would be answered, as negotiated
 */
gboolean
milter_session_is_answered (const MilterSession *session, guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, letter);

  return spec != NULL && is_answered (session, spec);
}

/**
 * milter_session_is_wanted: (skip)
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
 * milter_session_in_message: (skip)
 * @session: a session
 *
 * Returns: whether MAIL has been sent and the message is neither over nor decided
 */
gboolean
milter_session_in_message (const MilterSession *session)
{
  return milter_session_state_in (session, MILTER_SESSION_IN_MESSAGE);
}

/* Deviations. */

gboolean
milter_session_deviation (GError **error, MilterSessionError code, const char *format, ...)
{
  va_list args;

  if (error == NULL)
    return FALSE;
  va_start (args, format);
  *error = g_error_new_valist (MILTER_SESSION_ERROR, code, format, args);
  va_end (args);
  return FALSE;
}

gboolean
milter_session_check_fault (const MilterMessage *message, GError **error)
{
  g_autoptr (GError) fault = NULL;

  if (message->fault == MILTER_NO_FAULT || message->spec == NULL)
    return TRUE;
  /* what nobody reads is not put into words */
  if (error == NULL)
    return FALSE;
  fault = milter_message_get_fault (message);
  return milter_session_deviation (error, MILTER_SESSION_ERROR_MALFORMED, "%s", fault->message);
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
    if ((milter_session_letter_bit (letter) & states[state].legal) != 0)
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
      if (tolerated[i].state == state && milter_session_letter_in (letter, tolerated[i].letters))
        return true;
  while (next_passage (session, &state));
  return false;
}

/* RCP-15: an MTA ends a message of which no recipient is left, and does not ask on */
static bool
lacks_recipients (const MilterSession *session, guint8 letter)
{
  return session->state == MILTER_SESSION_RCPT && milter_session_letter_in (letter, "TLNBE")
         && session->n_recipients > 0 && session->n_refused == session->n_recipients;
}

static gboolean
check_order (const MilterSession *session, const MilterSpec *spec, GError **error)
{
  if (!is_legal (session, spec->letter))
    return milter_session_deviation (error,
                                     MILTER_SESSION_ERROR_OUT_OF_ORDER,
                                     "%s (%s) may not come now: the session is in state %s",
                                     spec->word,
                                     spec->field_name,
                                     states[session->state].name);
  if (lacks_recipients (session, spec->letter))
    return milter_session_deviation (error,
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
    return milter_session_deviation (error,
                                     MILTER_SESSION_ERROR_TOO_NEW,
                                     "%s (%s) needs protocol version %u, the session has %u",
                                     spec->word,
                                     spec->field_name,
                                     spec->since,
                                     session->agreed.version);
  if ((session->agreed.steps & spec->skip) != 0)
    return milter_session_deviation (error,
                                     MILTER_SESSION_ERROR_SKIPPED,
                                     "%s (%s): the milter negotiated not to be sent it",
                                     spec->word,
                                     spec->field_name);
  if ((session->skipped & milter_session_letter_bit (spec->letter)) != 0)
    return milter_session_deviation (error,
                                     MILTER_SESSION_ERROR_SKIPPED,
                                     "%s (%s): the milter asked for no more of it in this message",
                                     spec->word,
                                     spec->field_name);
  return TRUE;
}

/**
 * milter_session_may_command: (skip)
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
    return milter_session_deviation (
        error, MILTER_SESSION_ERROR_UNKNOWN_LETTER, "0x%02x is no command of an MTA", letter);
  return check_wanted (session, spec, error) && check_order (session, spec, error);
}

static gboolean
check_command (const MilterSession *session, const MilterMessage *message, GError **error)
{
  if (!milter_session_may_command (session, message->letter, error)
      || !milter_session_check_fault (message, error))
    return FALSE;
  /* libmilter hangs up on such an offer (NEG-06) */
  if (message->letter == MILTER_COMMAND_NEGOTIATE
      && message->fields[0].number < MILTER_PROTOCOL_VERSION_MIN)
    return milter_session_deviation (
        error,
        MILTER_SESSION_ERROR_NEGOTIATION,
        "the MTA offers protocol version %u, the lowest that exists is %u",
        message->fields[0].number,
        MILTER_PROTOCOL_VERSION_MIN);
  return TRUE;
}

/* What nearly every command is: nothing that was negotiated or answered before plays a part. One
 * that is not plain may be fine all the same. */
static bool
is_plain (const MilterSession *session, const MilterMessage *message)
{
  const MilterSpec *spec = message->spec;
  guint bit = milter_session_letter_bit (message->letter);

  return message->fault == MILTER_NO_FAULT && (states[session->state].legal & bit) != 0
         && session->skipped == 0 && spec->since <= session->agreed.version
         && (session->agreed.steps & spec->skip) == 0 && session->n_refused == 0
         && message->letter != MILTER_COMMAND_NEGOTIATE;
}

/* Commands: what they do. */

static void
take_offer (MilterSession *session, const MilterMessage *message)
{
  if (!milter_session_has_field (message, 2))
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
  guint i = letter - 'A';

  if (moves[i].ends_message)
    milter_session_cut_message (session);
  if (moves[i].state != STAY)
    session->state = moves[i].state;
}

static void
take_command (MilterSession *session, const MilterMessage *message)
{
  const MilterSpec *spec = message->spec;
  guint8 letter = spec->letter;

  /* a message whose MAIL is suppressed begins with whatever comes first of it */
  if (spec->in_message && letter != MILTER_COMMAND_ENVELOPE_FROM
      && (session->state == MILTER_SESSION_END_OF_MESSAGE
          || !milter_session_state_in (session, MILTER_SESSION_IN_MESSAGE)))
    milter_session_cut_message (session);
  /* Postfix: SKIP to anything but BODY holds until something else comes (milter-protocol 3.5) */
  if (letter != MILTER_COMMAND_DEFINE_MACRO)
    session->skipped
        &= milter_session_letter_bit (MILTER_COMMAND_BODY) | milter_session_letter_bit (letter);

  if (letter == MILTER_COMMAND_NEGOTIATE)
    take_offer (session, message);
  if (letter == MILTER_COMMAND_ABORT && milter_session_state_in (session, ABORTABLE))
    session->state = MILTER_SESSION_ENVELOPE;
  take_move (session, letter);
  if (letter == MILTER_COMMAND_QUIT_NC)
    session->first_message = session->message;
  if (letter == MILTER_COMMAND_ENVELOPE_RECIPIENT)
    session->n_recipients++;
  if (is_answered (session, spec))
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
  if (milter_session_state_in (session, UNFINISHED))
    {
      milter_session_cut_message (session);
      session->state = MILTER_SESSION_ENVELOPE;
    }
  return !milter_session_letter_in (letter, fits_after_helo);
}

/**
 * milter_session_command: (skip)
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
  if (G_LIKELY (is_plain (session, message)))
    {
      take_command (session, message);
      return TRUE;
    }
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

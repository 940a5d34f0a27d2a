/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-echo.c: one connection that is answered as a recorded milter did.
 */
#include "milter-echo-private.h"

#include <string.h>

typedef MilterEchoMatch Match;

struct _MilterEcho
{
  MilterEchoBook *book; /* unowned */
  Match session, message;
  MilterSession rules;
  GByteArray *macros; /* (nullable) for the next command */
  GByteArray *answer;
};

/* --- matches -------------------------------------------------------------------------------------- */

static void
let_go (Match *match)
{
  if (match->recorded != NULL && match->recorded->owner == match)
    match->recorded->owner = NULL;
  match->recorded = NULL;
  g_clear_pointer (&match->taken, g_byte_array_unref);
}

/* From now on it is this one; the first @n_answered commands have been answered as it says. */
static void
hold (Match *match, MilterEchoPart *recorded, guint n_answered)
{
  let_go (match);
  if (recorded == NULL)
    return;
  match->recorded = recorded;
  recorded->owner = match;
  match->taken = milter_echo_taken_new (recorded);
  for (guint i = 0; i < n_answered; i++)
    milter_echo_part_take (recorded, g_ptr_array_index (match->came->steps, i), match->taken);
}

/* Another connection, for which the one of @match is as good, gives what it has for it. */
static void
swap (Match *match, MilterEchoPart *better)
{
  MilterEchoPart *present = match->recorded;
  Match *other = better->owner;

  let_go (match);
  if (other != NULL)
    hold (other, present, other->came->steps->len);
  hold (match, better, match->came->steps->len - 1);
}

static void
end_match (MilterEcho *echo, Match *match, const char *lacking)
{
  if (match->came == NULL)
    return;
  milter_echo_part_end_body (match->came);
  if (match->recorded != NULL)
    {
      match->recorded->n_uses++;
      milter_echo_part_compare (match->recorded, match->came);
    }
  else
    {
      milter_echo_part_differ (match->came, "%s", lacking);
      g_ptr_array_add (echo->book->extra, g_steal_pointer (&match->came));
    }
  g_clear_pointer (&match->came, milter_echo_part_free);
  let_go (match);
}

static void
end_message (MilterEcho *echo)
{
  end_match (echo, &echo->message, "no such message is left in the recording");
}

static void
end_session (MilterEcho *echo)
{
  end_message (echo);
  end_match (echo, &echo->session, "no session is left in the recording");
}

static MilterEchoStep *
latest_step (const Match *match)
{
  return g_ptr_array_index (match->came->steps, match->came->steps->len - 1);
}

/* The recorded step that answers the latest one; NULL: there is none. Another one of the recording may
 * fit better, now that more is known. */
static MilterEchoStep *
find_step (MilterEcho *echo, Match *match)
{
  const MilterEchoStep *came = latest_step (match);
  MilterEchoPart *better;
  g_autoptr (GByteArray) taken = NULL;
  const MilterEchoStep *found;

  if (match->recorded == NULL)
    return NULL;
  taken = milter_echo_taken_new (match->recorded);
  memcpy (taken->data, match->taken->data, taken->len);
  found = milter_echo_part_take (match->recorded, came, taken);
  if (found == NULL || milter_echo_step_fit (found, came) != MILTER_ECHO_FIT_SAME)
    {
      better = match == &echo->message
                   ? milter_echo_book_find_better_message (echo->book, match->recorded, match->came)
                   : milter_echo_book_find_better_session (echo->book, match->recorded, match->came);
      if (better != NULL)
        swap (match, better);
    }
  return milter_echo_part_take (match->recorded, came, match->taken);
}

/* --- commands ------------------------------------------------------------------------------------- */

static Match *
add_to_message (MilterEcho *echo, const MilterMessage *command)
{
  Match *match = &echo->message;
  bool is_first = match->came == NULL;

  if (is_first)
    match->came = milter_echo_part_new (0, 1);
  milter_echo_part_add (match->came, command, &echo->macros);
  if (is_first)
    hold (match,
          milter_echo_book_find_message (echo->book, echo->session.recorded, match->came),
          /* n_answered= */ 0);
  return match;
}

static Match *
add_to_session (MilterEcho *echo, const MilterMessage *command)
{
  Match *match = &echo->session;
  bool is_first = match->came == NULL;

  if (is_first)
    match->came = milter_echo_part_new (0, 0);
  milter_echo_part_add (match->came, command, &echo->macros);
  if (is_first)
    hold (match, milter_echo_book_find_session (echo->book, match->came), /* n_answered= */ 0);
  return match;
}

static Match *
add_command (MilterEcho *echo, const MilterMessage *command)
{
  bool is_open = echo->message.came != NULL;
  bool in_message = milter_echo_begins_message (&echo->rules, command->letter, is_open)
                    || (is_open && milter_echo_is_in_message (command->letter));

  return in_message ? add_to_message (echo, command) : add_to_session (echo, command);
}

/* --- answers -------------------------------------------------------------------------------------- */

/* what the recording lacks: the mail stays with the MTA, and nothing is lost */
static bool
answer_unknown (MilterEcho *echo, guint8 letter)
{
  static const guint8 delayed[] = { MILTER_COMMAND_CONNECT,
                                    MILTER_COMMAND_ENVELOPE_FROM,
                                    MILTER_COMMAND_ENVELOPE_RECIPIENT,
                                    MILTER_COMMAND_END_OF_MESSAGE };
  const MilterEchoPart *any
      = echo->book->sessions->len > 0 ? g_ptr_array_index (echo->book->sessions, 0) : NULL;
  MilterBytes agreed = milter_echo_view (any != NULL ? any->agreed : NULL);

  if (letter == MILTER_COMMAND_NEGOTIATE && agreed.size > 0)
    {
      g_byte_array_append (echo->answer, agreed.data, (guint) agreed.size);
      return true;
    }
  if (memchr (delayed, letter, sizeof delayed) == NULL
      || !milter_session_is_answered (&echo->rules, letter))
    return false;
  milter_frame_append (MILTER_REPLY_TEMPORARY_FAILURE, milter_bytes (NULL, 0), echo->answer);
  return true;
}

/* what was said decides about what may come, and what is due */
static void
follow (MilterEcho *echo, const MilterMessage *command)
{
  static const MilterLimits limits = { MILTER_LIMIT_FROM_MILTER };
  MilterBytes rest = milter_echo_view (echo->answer);
  MilterMessage reply;
  gsize consumed;

  milter_session_command (&echo->rules, command, /* error= */ NULL);
  while (milter_message_decode (
             MILTER_SIDE_MILTER, rest.data, rest.size, &limits, &reply, &consumed, /* error= */ NULL)
         == MILTER_DECODE_COMPLETE)
    {
      milter_session_reply (&echo->rules, &reply, /* error= */ NULL);
      rest = milter_bytes (rest.data + consumed, rest.size - consumed);
    }
}

static bool
answer (MilterEcho *echo, const MilterMessage *command, MilterEchoAnswer *result)
{
  Match *match = add_command (echo, command);
  MilterEchoStep *came = latest_step (match);
  const MilterEchoStep *recorded = find_step (echo, match);
  bool is_known = true;

  came->optional = echo->rules.dropped;
  if (recorded != NULL && recorded->replies->len > 0)
    g_byte_array_append (echo->answer, recorded->replies->data, recorded->replies->len);
  if (recorded == NULL || recorded->lacks_answer)
    is_known = answer_unknown (echo, command->letter);
  if (echo->answer->len > 0)
    g_byte_array_append (came->replies, echo->answer->data, echo->answer->len);
  follow (echo, command);
  result->bytes = milter_echo_view (echo->answer);
  result->end = recorded != NULL ? recorded->end : MILTER_ECHO_STAYS;
  return is_known;
}

/* a milter that says something though nothing is to be said, or goes */
static bool
answer_all_the_same (MilterEcho *echo, guint8 letter, MilterEchoAnswer *result)
{
  const MilterEchoStep came = { .letter = letter };
  const MilterEchoStep *recorded
      = echo->session.recorded != NULL
            ? milter_echo_part_take (echo->session.recorded, &came, echo->session.taken)
            : NULL;

  if (recorded == NULL)
    return false;
  if (recorded->replies->len > 0)
    g_byte_array_append (echo->answer, recorded->replies->data, recorded->replies->len);
  result->bytes = milter_echo_view (echo->answer);
  result->end = recorded->end;
  return true;
}

static bool
take (MilterEcho *echo, const MilterMessage *command, MilterEchoAnswer *result)
{
  guint8 letter = command->letter;
  bool is_known;

  if (letter == MILTER_COMMAND_DEFINE_MACRO)
    {
      milter_echo_take_macros (&echo->macros, command->payload);
      return false;
    }
  if (milter_echo_ends_message (letter))
    end_message (echo);
  if (milter_echo_says_nothing (letter))
    {
      is_known = answer_all_the_same (echo, letter, result);
      if (letter == MILTER_COMMAND_QUIT_NC)
        end_session (echo);
      milter_session_command (&echo->rules, command, /* error= */ NULL);
      return is_known;
    }
  is_known = answer (echo, command, result);
  if (letter == MILTER_COMMAND_END_OF_MESSAGE)
    end_message (echo);
  return is_known;
}

bool
milter_echo_received (MilterEcho *echo, const MilterMessage *command, MilterEchoAnswer *result)
{
  bool is_known;

  g_byte_array_set_size (echo->answer, 0);
  g_mutex_lock (&echo->book->lock);
  is_known = take (echo, command, result);
  g_mutex_unlock (&echo->book->lock);
  return is_known;
}

bool
milter_echo_ended (MilterEcho *echo, MilterEchoAnswer *result)
{
  bool is_known;

  g_byte_array_set_size (echo->answer, 0);
  g_mutex_lock (&echo->book->lock);
  is_known = answer_all_the_same (echo, MILTER_ECHO_FAREWELL, result);
  g_mutex_unlock (&echo->book->lock);
  return is_known;
}

/* --- a connection --------------------------------------------------------------------------------- */

MilterEcho *
milter_echo_new (MilterEchoBook *book)
{
  MilterEcho *echo = g_new0 (MilterEcho, 1);

  echo->book = book;
  echo->answer = g_byte_array_new ();
  milter_session_init (&echo->rules, MILTER_SESSION_LENIENT);
  return echo;
}

void
milter_echo_free (MilterEcho *echo)
{
  if (echo == NULL)
    return;
  g_mutex_lock (&echo->book->lock);
  end_session (echo);
  g_mutex_unlock (&echo->book->lock);
  milter_session_clear (&echo->rules);
  g_clear_pointer (&echo->macros, g_byte_array_unref);
  g_byte_array_unref (echo->answer);
  g_free (echo);
}

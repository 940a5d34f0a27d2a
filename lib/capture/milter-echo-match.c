/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-echo-match.c: which message of a recording is it that comes?
 *
 * Known from what has come so far: commands are answered one by one. Where two messages fit, as two of
 * one sender, it is the first of them in the recording until a recipient or a field tells them apart;
 * then another one takes its place, if that would have been answered alike so far.
 */
#include "milter-echo-private.h"

#include "milter-session-private.h"

static MilterBytes
field (const MilterMessage *message, guint n)
{
  return milter_session_has_field (message, n) ? message->fields[n].bytes : milter_bytes (NULL, 0);
}

static void
parse (const MilterEchoStep *step, MilterMessage *message)
{
  milter_message_parse (MILTER_SIDE_MTA, step->letter, milter_echo_view (step->payload), message);
}

/* --- commands ------------------------------------------------------------------------------------- */

/* the client's port is another one each time */
static bool
is_same_client (const MilterMessage *a, const MilterMessage *b)
{
  return milter_session_has_field (a, 1) && milter_session_has_field (b, 1)
         && milter_bytes_equal (a->fields[0].bytes, b->fields[0].bytes)
         && a->fields[1].address.family == b->fields[1].address.family
         && milter_bytes_equal (a->fields[1].address.text, b->fields[1].address.text);
}

static bool
is_alike (guint8 letter, const MilterMessage *a, const MilterMessage *b)
{
  switch (letter)
    {
    case MILTER_COMMAND_ENVELOPE_FROM:
    case MILTER_COMMAND_ENVELOPE_RECIPIENT:
    case MILTER_COMMAND_HEADER:
      return milter_bytes_equal_caseless (field (a, 0), field (b, 0));
    case MILTER_COMMAND_UNKNOWN:
      return false;
    default:
      return true;
    }
}

MilterEchoFit
milter_echo_step_fit (const MilterEchoStep *recorded, const MilterEchoStep *came)
{
  MilterMessage a, b;

  if (recorded->letter != came->letter)
    return MILTER_ECHO_FIT_NOT;
  if (milter_bytes_equal (milter_echo_view (recorded->payload), milter_echo_view (came->payload)))
    return MILTER_ECHO_FIT_SAME;
  parse (recorded, &a);
  parse (came, &b);
  if (came->letter == MILTER_COMMAND_CONNECT && is_same_client (&a, &b))
    return MILTER_ECHO_FIT_SAME;
  return is_alike (came->letter, &a, &b) ? MILTER_ECHO_FIT_ALIKE : MILTER_ECHO_FIT_NOT;
}

/* --- parts ---------------------------------------------------------------------------------------- */

GByteArray *
milter_echo_taken_new (const MilterEchoPart *recorded)
{
  GByteArray *taken = g_byte_array_new ();

  g_byte_array_set_size (taken, recorded->steps->len);
  for (guint i = 0; i < taken->len; i++)
    taken->data[i] = 0;
  return taken;
}

MilterEchoStep *
milter_echo_part_take (const MilterEchoPart *recorded, const MilterEchoStep *came, GByteArray *taken)
{
  MilterEchoFit best_fit = MILTER_ECHO_FIT_NOT;
  guint best = 0;

  for (guint i = 0; i < recorded->steps->len && best_fit != MILTER_ECHO_FIT_SAME; i++)
    {
      MilterEchoFit fit
          = taken->data[i] ? MILTER_ECHO_FIT_NOT
                           : milter_echo_step_fit (g_ptr_array_index (recorded->steps, i), came);

      if (fit <= best_fit)
        continue;
      best_fit = fit;
      best = i;
    }
  if (best_fit == MILTER_ECHO_FIT_NOT)
    return NULL;
  taken->data[best] = 1;
  return g_ptr_array_index (recorded->steps, best);
}

static bool
is_said_alike (const MilterEchoStep *recorded, const MilterEchoStep *came)
{
  return milter_bytes_equal (milter_echo_view (recorded->replies), milter_echo_view (came->replies));
}

/* Whether all that came is in @recorded, and what was said to the first @n_answered of it, too. @at_least:
 * how much commands have to be the same; those that are not there at all do not count with ALIKE. */
static bool
part_fits (const MilterEchoPart *recorded,
                       const MilterEchoPart *came,
                       guint n_answered,
                       MilterEchoFit at_least)
{
  g_autoptr (GByteArray) taken = milter_echo_taken_new (recorded);

  for (guint i = 0; i < came->steps->len; i++)
    {
      const MilterEchoStep *step = g_ptr_array_index (came->steps, i);
      const MilterEchoStep *found = milter_echo_part_take (recorded, step, taken);

      if (found == NULL && at_least == MILTER_ECHO_FIT_ALIKE)
        continue;
      if (found == NULL || milter_echo_step_fit (found, step) < at_least
          || (i < n_answered && !is_said_alike (found, step)))
        return false;
    }
  return true;
}

/* --- the book ------------------------------------------------------------------------------------- */

/* what loops can be had by any number */
static bool
is_free (const MilterEchoBook *book, const MilterEchoPart *part)
{
  return book->loops || (part->owner == NULL && part->n_uses == 0);
}

/* Who has it is as well off with the other one. */
static bool
may_be_swapped (const MilterEchoPart *part, const MilterEchoPart *other)
{
  return part->owner != NULL
         && part_fits (other,
                                   part->owner->came,
                                   part->owner->came->steps->len,
                                   MILTER_ECHO_FIT_SAME);
}

static const MilterEchoStep *
first_step (const MilterEchoPart *part)
{
  return part->steps->len > 0 ? g_ptr_array_index (part->steps, 0) : NULL;
}

/* what was agreed decides which commands come at all */
static bool
is_agreed_alike (const MilterEchoPart *session, const MilterEchoPart *other)
{
  return session != NULL && other != NULL
         && milter_bytes_equal (milter_echo_view (session->agreed),
                                milter_echo_view (other->agreed));
}

/* the less the better; sessions in the order of the recording, each use after those before it */
static guint
rank_message (const MilterEchoPart *message, const MilterEchoPart *session, MilterEchoFit fit)
{
  return message->n_uses * 8 + (is_agreed_alike (message->session, session) ? 0 : 4)
         + (fit == MILTER_ECHO_FIT_SAME ? 0 : 2) + (message->session == session ? 0 : 1);
}

MilterEchoPart *
milter_echo_book_find_message (const MilterEchoBook *book,
                               const MilterEchoPart *session,
                               const MilterEchoPart *came)
{
  const MilterEchoStep *mail = first_step (came);
  MilterEchoPart *best = NULL;
  guint best_rank = G_MAXUINT;

  for (guint i = 0; i < book->messages->len; i++)
    {
      MilterEchoPart *message = g_ptr_array_index (book->messages, i);
      MilterEchoFit fit = is_free (book, message)
                              ? milter_echo_step_fit (first_step (message), mail)
                              : MILTER_ECHO_FIT_NOT;
      guint rank = rank_message (message, session, fit);

      if (fit == MILTER_ECHO_FIT_NOT || rank >= best_rank)
        continue;
      best = message;
      best_rank = rank;
    }
  return best;
}

static bool
has_same_id (const MilterEchoPart *message, const MilterEchoPart *came)
{
  return message->message_id != NULL && came->message_id != NULL
         && g_string_equal (message->message_id, came->message_id);
}

/* The id decides, whatever else is not the same. */
static bool
is_better_message (const MilterEchoPart *message, const MilterEchoPart *came)
{
  guint n_answered = came->steps->len - 1;

  return (has_same_id (message, came)
          && milter_echo_step_fit (first_step (message), first_step (came)) != MILTER_ECHO_FIT_NOT
          && part_fits (message, came, n_answered, MILTER_ECHO_FIT_ALIKE))
         || part_fits (message, came, n_answered, MILTER_ECHO_FIT_SAME);
}

MilterEchoPart *
milter_echo_book_find_better_message (const MilterEchoBook *book,
                                      const MilterEchoPart *present,
                                      const MilterEchoPart *came)
{
  if (has_same_id (present, came))
    return NULL;
  for (guint i = 0; i < book->messages->len; i++)
    {
      MilterEchoPart *message = g_ptr_array_index (book->messages, i);

      if (message != present && (book->loops || message->n_uses <= present->n_uses)
          && (is_free (book, message) || may_be_swapped (message, present))
          && is_agreed_alike (message->session, present->session)
          && is_better_message (message, came))
        return message;
    }
  return NULL;
}

/* how well a session has what came first */
static MilterEchoFit
fit_first (const MilterEchoPart *session, const MilterEchoStep *first)
{
  g_autoptr (GByteArray) taken = milter_echo_taken_new (session);
  const MilterEchoStep *found = milter_echo_part_take (session, first, taken);

  return found != NULL ? milter_echo_step_fit (found, first) : MILTER_ECHO_FIT_NOT;
}

static bool
has_free_message (const MilterEchoBook *book)
{
  for (guint i = 0; i < book->messages->len; i++)
    if (is_free (book, g_ptr_array_index (book->messages, i)))
      return true;
  return false;
}

/* An MTA may bring on several connections what came on one: as long as there are messages, sessions
 * can be had more than once. */
MilterEchoPart *
milter_echo_book_find_session (const MilterEchoBook *book, const MilterEchoPart *came)
{
  bool may_share = has_free_message (book);
  MilterEchoPart *best = NULL;
  guint best_rank = G_MAXUINT;

  for (guint i = 0; i < book->sessions->len; i++)
    {
      MilterEchoPart *session = g_ptr_array_index (book->sessions, i);
      bool is_shared = !is_free (book, session);
      guint rank = (is_shared ? 1u << 16 : 0) + MIN (session->n_uses, 1000) * 4
                   + (MILTER_ECHO_FIT_SAME - fit_first (session, first_step (came)));

      if ((is_shared && !may_share) || rank >= best_rank)
        continue;
      best = session;
      best_rank = rank;
    }
  return best;
}

MilterEchoPart *
milter_echo_book_find_better_session (const MilterEchoBook *book,
                                      const MilterEchoPart *present,
                                      const MilterEchoPart *came)
{
  for (guint i = 0; i < book->sessions->len; i++)
    {
      MilterEchoPart *session = g_ptr_array_index (book->sessions, i);

      if ((is_free (book, session) || may_be_swapped (session, present))
          && part_fits (session, came, came->steps->len - 1, MILTER_ECHO_FIT_SAME))
        return session;
    }
  return NULL;
}

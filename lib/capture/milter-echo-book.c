/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-echo-book.c: a recording, taken apart into sessions and messages, each command with what was
 * said to it.
 *
 * An MTA may send ahead: a reply is that of the oldest command that is still to be answered, as the
 * session rules have it.
 */
#include "milter-echo-private.h"

/* a connection of the recording */
typedef struct
{
  MilterEchoBook *book;      /* unowned */
  MilterEchoPart *session;   /* unowned (nullable) behind QUIT_NC, until there is another one */
  MilterEchoPart *message;   /* unowned (nullable) the one that is open */
  MilterSession rules;
  GQueue waiting;            /* of MilterEchoStep, unowned: to be answered */
  MilterEchoStep *latest;    /* unowned (nullable) */
  GByteArray *macros;        /* (nullable) for the next command */
  GByteArray *agreed;        /* (nullable) */
  guint connection, n_messages;
  guint8 letter;             /* of the latest command; MILTER_ECHO_GREETING: there was none */
  bool lost;                 /* what follows cannot be used */
  bool mta_closed, milter_closed;
} Reading;

static void
reading_free (gpointer data)
{
  Reading *reading = data;

  milter_session_clear (&reading->rules);
  g_queue_clear (&reading->waiting);
  g_clear_pointer (&reading->macros, g_byte_array_unref);
  g_clear_pointer (&reading->agreed, g_byte_array_unref);
  g_free (reading);
}

static Reading *
find_reading (MilterEchoBook *book, const MilterCapturePlace *place)
{
  Reading *reading
      = g_hash_table_lookup (book->readings, GUINT_TO_POINTER (place->connection));

  return reading != NULL && !reading->lost ? reading : NULL;
}

/* What is said to the commands that wait is not known: not all of it, so none. A milter that was silent is
 * another matter: there the MTA went. */
static void
lose_answers (Reading *reading)
{
  MilterEchoStep *step;

  while ((step = g_queue_pop_head (&reading->waiting)) != NULL)
    {
      step->lacks_answer = true;
      g_byte_array_set_size (step->replies, 0);
    }
}

static void
lose (Reading *reading)
{
  lose_answers (reading);
  reading->lost = true;
  reading->book->n_damaged++;
  if (reading->message != NULL)
    reading->message->damaged = true;
  if (reading->session != NULL)
    reading->session->damaged = true;
}

/* --- what the MTA says ---------------------------------------------------------------------------- */

static void
end_message (Reading *reading)
{
  if (reading->message != NULL)
    milter_echo_part_end_body (reading->message);
  reading->message = NULL;
}

static void
begin_session (Reading *reading)
{
  reading->session = milter_echo_part_new (reading->connection, 0);
  if (reading->agreed != NULL)
    reading->session->agreed = g_byte_array_ref (reading->agreed);
  g_ptr_array_add (reading->book->sessions, reading->session);
}

static void
begin_message (Reading *reading)
{
  reading->message = milter_echo_part_new (reading->connection, ++reading->n_messages);
  reading->message->session = reading->session;
  g_ptr_array_add (reading->session->messages, reading->message);
  g_ptr_array_add (reading->book->messages, reading->message);
}

static void
take_step (Reading *reading, const MilterMessage *command)
{
  guint n_due = reading->rules.due_count;
  bool in_message = reading->message != NULL && milter_echo_is_in_message (command->letter);
  MilterEchoStep *step = milter_echo_part_add (
      in_message ? reading->message : reading->session, command, &reading->macros);

  milter_session_command (&reading->rules, command, /* error= */ NULL);
  reading->latest = step;
  if (reading->rules.due_count > n_due)
    g_queue_push_tail (&reading->waiting, step);
  else
    step->optional = milter_session_is_answered (&reading->rules, command->letter);
  /* nobody heard it */
  step->optional = step->optional || reading->milter_closed;
}

static void
take_command (Reading *reading, const MilterMessage *command)
{
  guint8 letter = command->letter;

  reading->letter = letter;
  if (milter_echo_ends_message (letter))
    end_message (reading);
  if (milter_echo_says_nothing (letter))
    {
      milter_session_command (&reading->rules, command, /* error= */ NULL);
      reading->latest = NULL;
      if (letter == MILTER_COMMAND_QUIT_NC)
        reading->session = NULL;
      return;
    }
  if (reading->session == NULL)
    begin_session (reading);
  if (milter_echo_begins_message (&reading->rules, letter, reading->message != NULL))
    begin_message (reading);
  take_step (reading, command);
  if (letter == MILTER_COMMAND_END_OF_MESSAGE)
    end_message (reading);
}

/* --- what the milter says ------------------------------------------------------------------------- */

/* What a reply answers. Who speaks before anything was asked, or behind a command that nothing is said to,
 * answers just that. */
static MilterEchoStep *
find_asked (Reading *reading)
{
  MilterEchoStep *step = g_queue_peek_head (&reading->waiting);

  if (step == NULL)
    step = reading->latest;
  if (step != NULL)
    return step;
  if (reading->session == NULL)
    begin_session (reading);
  reading->latest = milter_echo_step_new (reading->letter, milter_bytes (NULL, 0));
  reading->latest->optional = true;
  g_ptr_array_add (reading->session->steps, reading->latest);
  return reading->latest;
}

static void
take_bytes (Reading *reading, MilterBytes bytes)
{
  MilterEchoStep *step = find_asked (reading);

  if (bytes.size > 0)
    g_byte_array_append (step->replies, bytes.data, (guint) bytes.size);
  if (step->letter != MILTER_COMMAND_NEGOTIATE || reading->agreed != NULL)
    return;
  reading->agreed = g_byte_array_ref (step->replies);
  reading->session->agreed = g_byte_array_ref (step->replies);
}

static void
take_reply (Reading *reading, MilterBytes frame)
{
  MilterMessage reply;

  milter_message_parse (MILTER_SIDE_MILTER,
                        frame.data[4],
                        milter_bytes (frame.data + 5, frame.size - 5),
                        &reply);
  take_bytes (reading, frame);
  milter_session_reply (&reading->rules, &reply, /* error= */ NULL);
  /* a decision takes the commands of its message that were sent ahead with it */
  while (reading->waiting.length > reading->rules.due_count)
    {
      MilterEchoStep *step = g_queue_pop_head (&reading->waiting);

      step->optional = step->replies->len == 0;
    }
}

/* --- the sink ------------------------------------------------------------------------------------- */

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  MilterEchoBook *book = data;
  Reading *reading = g_new0 (Reading, 1);

  reading->book = book;
  reading->connection = place->connection;
  milter_session_init (&reading->rules, MILTER_SESSION_LENIENT);
  g_queue_init (&reading->waiting);
  g_hash_table_replace (book->readings, GUINT_TO_POINTER (place->connection), reading);
  if (!opening->from_start)
    lose (reading);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  Reading *reading = find_reading (data, place);
  MilterBytes payload = milter_bytes (frame.data + 5, frame.size - 5);
  MilterMessage command;

  if (reading == NULL)
    return;
  if (place->from == MILTER_SIDE_MILTER)
    {
      take_reply (reading, frame);
      return;
    }
  if (frame.data[4] == MILTER_COMMAND_DEFINE_MACRO)
    {
      milter_echo_take_macros (&reading->macros, payload);
      return;
    }
  milter_message_parse (MILTER_SIDE_MTA, frame.data[4], payload, &command);
  take_command (reading, &command);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  Reading *reading = find_reading (data, place);

  if (reading != NULL && place->from == MILTER_SIDE_MILTER)
    take_bytes (reading, bytes);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  Reading *reading = find_reading (data, place);

  if (reading != NULL)
    lose (reading);
}

/* A milter closes behind QUIT as always; before that it is a part of what it said. */
static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  Reading *reading = find_reading (data, place);

  if (reading == NULL)
    return;
  if (place->from == MILTER_SIDE_MTA)
    {
      reading->mta_closed = true;
      reading->letter = MILTER_ECHO_FAREWELL;
      /* an answer that is due is one still */
      if (reading->waiting.length == 0)
        reading->latest = NULL;
    }
  else if (!reading->mta_closed && !reading->milter_closed
           && (reading->letter != MILTER_COMMAND_QUIT || reading->latest != NULL))
    find_asked (reading)->end = reset ? MILTER_ECHO_RESETS : MILTER_ECHO_CLOSES;
  reading->milter_closed = reading->milter_closed || place->from == MILTER_SIDE_MILTER;
}

const MilterCaptureSink milter_echo_book_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
};

/* --- the book ------------------------------------------------------------------------------------- */

MilterEchoBook *
milter_echo_book_new (void)
{
  MilterEchoBook *book = g_new0 (MilterEchoBook, 1);

  g_mutex_init (&book->lock);
  book->sessions = g_ptr_array_new_with_free_func (milter_echo_part_free);
  book->messages = g_ptr_array_new_with_free_func (milter_echo_part_free);
  book->extra = g_ptr_array_new_with_free_func (milter_echo_part_free);
  book->readings = g_hash_table_new_full (/* hash= */ NULL, /* equal= */ NULL, NULL, reading_free);
  return book;
}

void
milter_echo_book_free (MilterEchoBook *book)
{
  if (book == NULL)
    return;
  g_hash_table_unref (book->readings);
  g_ptr_array_unref (book->extra);
  g_ptr_array_unref (book->messages);
  g_ptr_array_unref (book->sessions);
  g_mutex_clear (&book->lock);
  g_free (book);
}

void
milter_echo_book_finish (MilterEchoBook *book)
{
  GHashTableIter i;
  gpointer value;

  g_hash_table_iter_init (&i, book->readings);
  while (g_hash_table_iter_next (&i, NULL, &value))
    {
      Reading *reading = value;
      bool is_cut = !reading->mta_closed && !reading->milter_closed;

      if (is_cut)
        lose_answers (reading);
      if (is_cut && reading->message != NULL)
        reading->message->damaged = true;
      end_message (reading);
    }
  g_hash_table_remove_all (book->readings);
}

void
milter_echo_book_set_loops (MilterEchoBook *book, bool loops)
{
  book->loops = loops;
}

guint
milter_echo_book_get_n_sessions (const MilterEchoBook *book)
{
  return book->sessions->len;
}

guint
milter_echo_book_get_n_damaged (const MilterEchoBook *book)
{
  return book->n_damaged;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-recorded.c: anything that a sink can be told, in any order. Whatever it is, nothing is kept
 * beyond the limits, each message is told before its session and knows what became of its commands,
 * and compared with itself it does not differ.
 *
 * The input is a list of events: a byte that says what it is and whose (the highest bit), for
 * frames the letter, and the length of the payload; then the payload.
 */
#include "fuzz.h"
#include "milter-compare.h"
#include "milter-recorded-builder.h"

#define MAX_KEPT ((gsize) 4000)
/* beside what is counted: a body that is being sent, lists that have grown */
#define N_CONNECTIONS 3u

static const MilterRecordedLimits limits
    = { .max_body = 200, .max_kept = MAX_KEPT, .digests = true };

typedef struct
{
  MilterRecordedBuilder *builder;
  MilterCompareRules *rules;
  MilterRecordedMessage *previous;
  guint n_messages[N_CONNECTIONS + 1];
  guint n_open; /* of the connections */
} State;

static void
check_command (const MilterRecordedCommand *command)
{
  g_assert_cmpuint (command->count, >, 0);
  g_assert_true (command->answer != MILTER_RECORDED_WAITING);
  g_assert_true ((command->reply != 0)
                 == (command->answer == MILTER_RECORDED_ANSWERED
                     || command->answer == MILTER_RECORDED_UNASKED));
}

static void
check_commands (const GPtrArray *commands)
{
  for (guint i = 0; i < commands->len; i++)
    check_command (g_ptr_array_index (commands, i));
}

static void
check_same (State *state, const MilterRecordedMessage *message)
{
  g_autoptr (MilterComparison) comparison
      = milter_compare_messages (message, message, state->rules);

  g_assert_true ((comparison->not_compared != NULL) == (message->missing != 0));
  g_assert_cmpuint (comparison->differences->len, ==, 0);
}

static void
on_message (const MilterRecordedSession *session, MilterRecordedMessage *message, gpointer data)
{
  State *state = data;
  G_GNUC_UNUSED g_autoptr (MilterMail) after = milter_recorded_message_build_after (message);

  g_assert_cmpuint (message->connection, ==, session->connection);
  g_assert_cmpuint (message->number, <=, session->n_messages);
  g_assert_cmpuint (message->kept, <=, MAX_KEPT);
  g_assert_cmpuint (message->n_due, ==, 0);
  g_assert_cmpuint (message->recipients->len, ==, message->mail->recipients->len);
  g_assert_cmpuint (message->body.bytes->len, <=, limits.max_body);
  g_assert_cmpuint (message->body.bytes->len, <=, message->body.size);
  state->n_messages[session->connection]++;
  check_commands (message->commands);
  check_same (state, message);
  if (state->previous != NULL)
    milter_comparison_free (milter_compare_messages (state->previous, message, state->rules));
  milter_recorded_message_free (state->previous);
  state->previous = message;
}

static void
on_session (MilterRecordedSession *session, gpointer data)
{
  State *state = data;
  g_autoptr (MilterComparison) comparison
      = milter_compare_sessions (session, session, state->rules);

  g_assert_cmpuint (comparison->differences->len, ==, 0);
  g_assert_cmpuint (session->n_messages, ==, state->n_messages[session->connection]);
  state->n_messages[session->connection] = 0;
  check_commands (session->commands);
  milter_recorded_session_free (session);
}

static void
open_connection (State *state, MilterCapturePlace *place, bool from_start)
{
  const MilterCaptureOpening opening = { "a", NULL, from_start };

  /* numbers are not used twice */
  if (state->n_open >= N_CONNECTIONS)
    return;
  place->connection = ++state->n_open;
  milter_recorded_sink.opened (place, &opening, state->builder);
}

static void
tell_frame (State *state, const MilterCapturePlace *place, guint8 letter, MilterBytes payload)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();

  milter_frame_append (letter, payload, frame);
  milter_recorded_sink.message (
      place, milter_bytes (frame->data, frame->len), /* behind_hole= */ false, state->builder);
}

/* Tells one event; returns how many bytes it took. */
static gsize
tell_event (State *state, const guint8 *data, gsize size, guint64 number)
{
  guint8 what = data[0] & 7;
  MilterCapturePlace place = {
    .connection = 1 + ((guint) data[0] >> 3) % N_CONNECTIONS,
    .from = (data[0] & 0x80) != 0 ? MILTER_SIDE_MILTER : MILTER_SIDE_MTA,
    .moment = { number, (gint64) number },
  };
  guint8 letter = size > 1 ? data[1] : 0;
  gsize length = size > 2 ? MIN (data[2], size - 3) : 0;
  MilterBytes payload = size > 3 ? milter_bytes (data + 3, length) : milter_bytes (NULL, 0);

  if (what == 0)
    open_connection (state, &place, /* from_start= */ letter != 0);
  else if (what == 1 && letter < 64)
    milter_recorded_sink.hole (
        &place, letter == 0 ? MILTER_HOLE_UNKNOWN : letter, /* letter= */ 0, state->builder);
  else if (what == 2 && letter < 16)
    milter_recorded_sink.closed (&place, /* reset= */ letter == 0, state->builder);
  else if (what == 3 && letter < 64 && length > 0)
    milter_recorded_sink.raw (&place, payload, state->builder);
  else
    tell_frame (state, &place, letter, payload);
  return MIN (size, 3 + length);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const MilterRecordedEvents events = { .message = on_message, .session = on_session };
  State state = { .rules = milter_compare_rules_new () };
  guint64 number = 1;

  milter_compare_rules_ignore (
      state.rules, "dates,ids,signatures,keys,hosts,white-space", /* error= */ NULL);
  state.builder = milter_recorded_builder_new (&limits, &events, &state);
  for (gsize at = 0; at < size; number++)
    at += tell_event (&state, data + at, size - at, number);
  milter_recorded_builder_finish (state.builder);
  milter_recorded_builder_free (state.builder);
  milter_recorded_message_free (state.previous);
  milter_compare_rules_free (state.rules);
  return 0;
}

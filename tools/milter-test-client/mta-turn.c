/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-turn.c: what an MTA says to the milter while a case is played.
 */
#include "mta-turn.h"

#include <string.h>

#include "milter-frame-stream.h"
#include "milter-text.h"
#include "tool-console.h"

/* of what was said: enough to see what happened */
#define MAX_LOG (64u << 10)
/* so much of a body comes in one piece (milter-protocol 1.2) */
#define MAX_CHUNK 65535u
/* so often it is looked whether everything ends */
#define GLANCE_NS (100 * 1000000L)

/* a connection that is followed */
typedef struct
{
  MtaTurn *turn;
  MtaSaid *said; /* unowned */
  guint number;
  MilterFrameStream streams[2]; /* by side */
} Watched;

static void
said_free (gpointer data)
{
  MtaSaid *said = data;

  g_string_free (said->order, TRUE);
  g_string_free (said->macros, TRUE);
  g_free (said);
}

MtaTurn *
mta_turn_new (const MilterScenario *scenario, const MilterScenarioCase *entry)
{
  MtaTurn *turn = g_new0 (MtaTurn, 1);

  turn->entry = entry;
  turn->rules = rules_new_for_case (scenario, entry);
  turn->said = g_ptr_array_new_with_free_func (said_free);
  turn->log = g_string_new (NULL);
  pthread_mutex_init (&turn->lock, NULL);
  pthread_cond_init (&turn->changed, NULL);
  return turn;
}

static void
problem_free (MtaProblem *problem)
{
  g_free (problem->what);
  g_free (problem->expected);
  g_free (problem->got);
  g_free (problem);
}

void
mta_turn_set_problem (
    MtaTurn *turn, const MilterWhere *where, const char *what, const char *expected, const char *got)
{
  if (turn->problem != NULL)
    return;
  turn->problem = g_new0 (MtaProblem, 1);
  turn->problem->where = *where;
  turn->problem->what = g_strdup (what);
  turn->problem->expected = g_strdup (expected);
  turn->problem->got = g_strdup (got);
}

void
mta_turn_free (MtaTurn *turn)
{
  if (turn == NULL)
    return;
  g_clear_pointer (&turn->problem, problem_free);
  rules_free (turn->rules);
  g_ptr_array_unref (turn->said);
  g_string_free (turn->log, TRUE);
  if (turn->garbage != NULL)
    g_string_free (turn->garbage, TRUE);
  pthread_cond_destroy (&turn->changed);
  pthread_mutex_destroy (&turn->lock);
  g_free (turn);
}

/* --- the log ---------------------------------------------------------------------------------- */

static void
append_line (MtaTurn *turn, const char *who, const char *text)
{
  if (turn->log->len > MAX_LOG)
    return;
  if (turn->began_us == 0)
    turn->began_us = g_get_monotonic_time ();
  g_string_append_printf (turn->log,
                          "+%.3f %s ",
                          (double) (g_get_monotonic_time () - turn->began_us) / G_USEC_PER_SEC,
                          who);
  tool_append_safe (turn->log, milter_bytes_from_string (text));
  g_string_append_c (turn->log, '\n');
}

void
mta_turn_note (MtaTurn *turn, const char *who, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", /* max_tokens= */ -1);

  pthread_mutex_lock (&turn->lock);
  for (char **line = lines; *line != NULL; line++)
    append_line (turn, who, *line);
  pthread_mutex_unlock (&turn->lock);
}

static void
log_message (Watched *watched, MilterSide from, const MilterMessage *message)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *who
      = g_strdup_printf ("%u%c", watched->number, from == MILTER_SIDE_MTA ? '>' : '<');

  milter_message_append_text (message, MILTER_TEXT_SHORT, text);
  append_line (watched->turn, who, text->str);
}

/* --- words ------------------------------------------------------------------------------------ */

static void
append_word (GString *text, const char *word)
{
  if (text->len > 0)
    g_string_append_c (text, ' ');
  g_string_append (text, word);
}

static const char *
word_of (guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, letter);

  return spec != NULL ? spec->word : "frame";
}

/* what stands up to its NUL; the rest stays */
static MilterBytes
take_string (MilterBytes *rest)
{
  const guint8 *end = rest->size > 0 ? memchr (rest->data, '\0', rest->size) : NULL;
  gsize size = end != NULL ? (gsize) (end - rest->data) : rest->size;
  MilterBytes taken = milter_bytes (rest->data, size);

  *rest = milter_bytes (rest->data + size, rest->size - size);
  if (end != NULL)
    *rest = milter_bytes (rest->data + 1, rest->size - 1);
  return taken;
}

/* (transfer full) `macro:connect:j,{daemon_name}`; `=` behind the name of one with an empty value */
static char *
make_macro_word (MilterBytes payload)
{
  GString *word = g_string_new ("macro:");
  MilterBytes rest = payload;
  char separator = ':';

  if (payload.size == 0)
    return g_string_free (word, FALSE);
  g_string_append (word, word_of (payload.data[0]));
  rest = milter_bytes (payload.data + 1, payload.size - 1);
  while (rest.size > 0)
    {
      MilterBytes name = take_string (&rest);
      MilterBytes value = take_string (&rest);

      g_string_append_c (word, separator);
      g_string_append_len (word, (const char *) name.data, (gssize) name.size);
      if (value.size == 0)
        g_string_append_c (word, '=');
      separator = ',';
    }
  return g_string_free (word, FALSE);
}

/* (transfer full) `connect`, `header:Subject`, `macro:connect` */
static char *
make_word (guint8 letter, MilterBytes payload)
{
  if (letter == MILTER_COMMAND_DEFINE_MACRO)
    return make_macro_word (payload);
  if (letter == MILTER_COMMAND_HEADER)
    {
      g_autofree char *name = g_strndup ((const char *) payload.data, payload.size);

      return g_strdup_printf ("header:%s", name);
    }
  return g_strdup (word_of (letter));
}

static void
take_offer (MtaTurn *turn, const MilterMessage *message)
{
  if (turn->has_offer || message->fault != MILTER_NO_FAULT)
    return;
  turn->has_offer = true;
  turn->offer = (MilterOffer){ .version = message->fields[0].number,
                               .actions = message->fields[1].number,
                               .steps = message->fields[2].number };
}

static void
note_garbage (MtaTurn *turn, const char *what, gsize size)
{
  if (turn->garbage != NULL)
    return;
  turn->garbage = g_string_new (NULL);
  g_string_printf (turn->garbage, "%s of %" G_GSIZE_FORMAT " bytes", what, size);
}

static void
take_command (Watched *watched, guint8 letter, MilterBytes payload, const MilterMessage *message)
{
  MtaTurn *turn = watched->turn;
  g_autofree char *word = make_word (letter, payload);

  append_word (watched->said->macros, word);
  if (letter != MILTER_COMMAND_DEFINE_MACRO)
    append_word (watched->said->order, word);
  if (letter == MILTER_COMMAND_NEGOTIATE)
    take_offer (turn, message);
  if (letter == MILTER_COMMAND_BODY && payload.size > MAX_CHUNK)
    note_garbage (turn, "a piece of the body", payload.size);
}

/* --- connections ------------------------------------------------------------------------------ */

static void
on_passed (MilterClientContext *context, MilterSide from, MilterBytes bytes, gpointer user_data)
{
  Watched *watched = user_data;
  MilterFrameStream *stream = &watched->streams[from];
  MilterMessage message;
  MilterBytes payload;
  guint8 letter;

  if (stream->broken)
    return;
  pthread_mutex_lock (&watched->turn->lock);
  milter_frame_stream_feed (stream, bytes);
  while (milter_frame_stream_next (stream, &letter, &payload))
    {
      milter_message_parse (from, letter, payload, &message);
      log_message (watched, from, &message);
      if (from == MILTER_SIDE_MTA)
        take_command (watched, letter, payload, &message);
    }
  if (stream->broken)
    append_line (watched->turn, from == MILTER_SIDE_MTA ? ">" : "<", "bytes that are no frame");
  if (stream->broken && from == MILTER_SIDE_MTA)
    note_garbage (watched->turn, "a frame without a letter, or too long, in a piece", bytes.size);
  pthread_mutex_unlock (&watched->turn->lock);
}

static void
on_ended (MilterClientContext *context, gboolean by_us, gboolean reset, gpointer user_data)
{
  Watched *watched = user_data;
  MtaTurn *turn = watched->turn;

  g_autoptr (GByteArray) rest
      = milter_frame_stream_take_rest (&watched->streams[MILTER_SIDE_MTA]);

  pthread_mutex_lock (&turn->lock);
  if (rest->len > 0 && !by_us && !reset)
    note_garbage (turn, "half a frame", rest->len);
  append_line (turn, by_us ? "<" : ">", reset ? "reset" : "closed");
  append_word (watched->said->order, "closed");
  append_word (watched->said->macros, "closed");
  turn->n_open--;
  pthread_cond_broadcast (&turn->changed);
  pthread_mutex_unlock (&turn->lock);
  for (int side = 0; side < 2; side++)
    milter_frame_stream_clear (&watched->streams[side]);
  g_free (watched);
}

static const MilterClientTap watcher = { .passed = on_passed, .ended = on_ended };

void
mta_turn_attach (MtaTurn *turn, MilterClientContext *context)
{
  Watched *watched = g_new0 (Watched, 1);
  MtaSaid *said = g_new0 (MtaSaid, 1);

  said->order = g_string_new (NULL);
  said->macros = g_string_new (NULL);
  watched->turn = turn;
  watched->said = said;
  milter_frame_stream_init (&watched->streams[MILTER_SIDE_MTA], MILTER_SIDE_MTA);
  milter_frame_stream_init (&watched->streams[MILTER_SIDE_MILTER], MILTER_SIDE_MILTER);
  pthread_mutex_lock (&turn->lock);
  g_ptr_array_add (turn->said, said);
  watched->number = turn->said->len;
  turn->n_open++;
  pthread_mutex_unlock (&turn->lock);
  rules_attach (turn->rules, context, &watcher, watched);
}

void
mta_turn_hand_over (gpointer data, MtaTurn *to)
{
  Watched *watched = data;
  MtaTurn *from = watched->turn;
  guint index = 0;

  pthread_mutex_lock (&from->lock);
  g_ptr_array_find (from->said, watched->said, &index);
  g_ptr_array_steal_index (from->said, index);
  from->n_open--;
  pthread_mutex_unlock (&from->lock);
  pthread_mutex_lock (&to->lock);
  g_ptr_array_add (to->said, watched->said);
  watched->number = to->said->len;
  watched->turn = to;
  to->n_open++;
  to->played = true;
  pthread_mutex_unlock (&to->lock);
}

bool
mta_turn_settle (MtaTurn *turn, gint64 deadline_us, const gint *stop)
{
  bool settled;

  pthread_mutex_lock (&turn->lock);
  while (turn->n_open > 0 && g_get_monotonic_time () < deadline_us && g_atomic_int_get (stop) == 0)
    {
      struct timespec until;

      clock_gettime (CLOCK_REALTIME, &until);
      until.tv_nsec += GLANCE_NS;
      until.tv_sec += until.tv_nsec / 1000000000L;
      until.tv_nsec %= 1000000000L;
      pthread_cond_timedwait (&turn->changed, &turn->lock, &until);
    }
  settled = turn->n_open == 0;
  pthread_mutex_unlock (&turn->lock);
  return settled;
}

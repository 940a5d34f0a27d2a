/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-trace-reader.c: each line is parsed as every line of a scenario is; what it says is then taken
 * off the scenario again.
 */
#include "milter-trace-reader.h"

#include <string.h>

#include "milter-parser-private.h"
#include "milter-payload.h"
#include "milter-player-private.h"
#include "milter-responder-private.h"

/* what is known of a connection */
typedef struct
{
  char *name;
  MilterScenarioSession *line; /* unowned: of the scenario … */
  const MilterStep *step;      /* unowned (nullable): … and the latest of its steps */
  MilterSession session;       /* shown the negotiation: how values are written depends on it */
  bool mta_ended, milter_ended;
} Connection;

struct _MilterTraceReader
{
  MilterParser parser;
  MilterTraceEventFunc func;
  gpointer data;
  GHashTable *connections; /* of Connection, by name */
  GByteArray *bytes;       /* of the present line: kept for its memory */
  gint64 time_ns;
  guint n_lines;
  bool started, exact;
};

static void
connection_free (gpointer data)
{
  Connection *connection = data;

  g_free (connection->name);
  milter_session_clear (&connection->session);
  g_free (connection);
}

MilterTraceReader *
milter_trace_reader_new (const char *path,
                         GString *messages,
                         MilterTraceEventFunc func,
                         gpointer user_data)
{
  MilterTraceReader *reader = g_new0 (MilterTraceReader, 1);

  milter_parser_init (&reader->parser, path, "", 0, MILTER_SCENARIO_SESSIONS, messages);
  reader->func = func;
  reader->data = user_data;
  reader->connections
      = g_hash_table_new_full (g_str_hash, g_str_equal, /* key_destroy= */ NULL, connection_free);
  reader->bytes = g_byte_array_new ();
  return reader;
}

void
milter_trace_reader_free (MilterTraceReader *reader)
{
  if (reader == NULL)
    return;
  g_hash_table_unref (reader->connections);
  g_byte_array_unref (reader->bytes);
  milter_parser_clear (&reader->parser);
  g_free (reader);
}

gboolean
milter_trace_reader_gave_up (const MilterTraceReader *reader)
{
  return reader->parser.lexer.exhausted;
}

/* --- what is told ------------------------------------------------------------------------------- */

static void
tell (MilterTraceReader *reader, const Connection *connection, MilterTraceEvent event)
{
  event.connection = connection != NULL ? connection->name : "";
  event.time_ns = reader->time_ns;
  reader->func (&event, reader->data);
}

static bool
fail (MilterTraceReader *reader, const MilterWhere *where, const char *message)
{
  return milter_lexer_fail_at (&reader->parser.lexer, where, message);
}

/* @end: `=> closed` and the like; `half-close` leaves the other side open */
static void
tell_end (MilterTraceReader *reader, Connection *connection, MilterSide from, bool reset, bool whole)
{
  bool *ended = from == MILTER_SIDE_MTA ? &connection->mta_ended : &connection->milter_ended;

  *ended = true;
  connection->mta_ended = connection->mta_ended || whole;
  connection->milter_ended = connection->milter_ended || whole;
  tell (reader,
        connection,
        (MilterTraceEvent){ .kind = MILTER_TRACE_CLOSED,
                            .from = from,
                            .answers = from == MILTER_SIDE_MILTER,
                            .reset = reset,
                            .over = connection->mta_ended && connection->milter_ended });
}

/* what was agreed decides how the values of header fields travel */
static void
note_negotiation (Connection *connection, MilterSide from, MilterBytes bytes)
{
  MilterMessage message;

  if (bytes.size < 5 || bytes.data[4] != MILTER_COMMAND_NEGOTIATE)
    return;
  milter_message_parse (from, bytes.data[4], milter_bytes (bytes.data + 5, bytes.size - 5), &message);
  if (from == MILTER_SIDE_MTA)
    milter_session_command (&connection->session, &message, /* error= */ NULL);
  else
    milter_session_reply (&connection->session, &message, /* error= */ NULL);
}

static void
tell_bytes (MilterTraceReader *reader, Connection *connection, MilterSide from, bool is_frame)
{
  MilterBytes bytes = milter_bytes (reader->bytes->data, reader->bytes->len);

  if (is_frame)
    note_negotiation (connection, from, bytes);
  if (bytes.size > 0)
    tell (reader,
          connection,
          (MilterTraceEvent){ .kind = MILTER_TRACE_BYTES,
                              .from = from,
                              .answers = from == MILTER_SIDE_MILTER,
                              .bytes = bytes });
}

/* --- what the MTA said ----------------------------------------------------------------------------- */

static MilterBytes
argument (const MilterStep *step, guint index)
{
  return index < step->arguments->len
             ? milter_payload_view (g_ptr_array_index (step->arguments, index))
             : milter_bytes (NULL, 0);
}

static GBytes *
make_field (const Connection *connection, const MilterStep *step)
{
  bool leading_space
      = (connection->session.agreed.steps & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE) != 0;
  GByteArray *payload = g_byte_array_new ();

  milter_payload_append_string (payload, argument (step, 0));
  milter_payload_append_string (payload, milter_mail_wire_value (argument (step, 1), leading_space));
  return g_byte_array_free_to_bytes (payload);
}

static GBytes *
make_payload (const Connection *connection, const MilterStep *step)
{
  guint8 letter = step->spec->letter;

  if (letter == MILTER_COMMAND_DEFINE_MACRO)
    return milter_payload_macro (step);
  if (letter == MILTER_COMMAND_HEADER)
    return make_field (connection, step);
  if (letter == MILTER_COMMAND_END_OF_MESSAGE && step->arguments->len > 0)
    return g_bytes_ref (g_ptr_array_index (step->arguments, 0));
  return milter_payload_for_profile (milter_profile_get ("exact"), letter, step);
}

/* cut as a player cuts it */
static void
take_body (MilterTraceReader *reader, const MilterStep *step)
{
  MilterBytes body = argument (step, 0);

  while (body.size > 0)
    {
      gsize n = MIN (body.size, MILTER_BODY_CHUNK_MAX);

      milter_frame_append (MILTER_COMMAND_BODY, milter_bytes (body.data, n), reader->bytes);
      body = milter_bytes (body.data + n, body.size - n);
    }
}

static void
take_command (MilterTraceReader *reader, Connection *connection, const MilterStep *step)
{
  if (step->spec->letter == MILTER_COMMAND_BODY)
    take_body (reader, step);
  else
    {
      g_autoptr (GBytes) payload = make_payload (connection, step);

      milter_frame_append (step->spec->letter, milter_payload_view (payload), reader->bytes);
    }
  tell_bytes (reader, connection, MILTER_SIDE_MTA, /* is_frame= */ true);
}

/* (nullable) the comment that stands behind what has been read of the line */
static char *
get_comment (MilterLexer *lexer)
{
  gsize at = milter_lexer_skip_blanks (lexer);

  if (at >= lexer->line_size || lexer->line[at] != '#')
    return NULL;
  return g_strstrip (g_strndup (lexer->line + at + 1, lexer->line_size - at - 1));
}

static void
take_hole (MilterTraceReader *reader, Connection *connection, const MilterStep *step)
{
  g_autofree char *comment = get_comment (&reader->parser.lexer);

  tell (reader,
        connection,
        (MilterTraceEvent){ .kind = MILTER_TRACE_LOST, .size = step->number, .text = comment });
}

/* what lines say besides what passed: nothing is to be told of them */
static bool
is_remark (MilterStepKind kind)
{
  return kind == MILTER_STEP_KIND_MESSAGE || kind == MILTER_STEP_KIND_TIMEOUT;
}

static bool
take_step (MilterTraceReader *reader, Connection *connection, const MilterStep *step)
{
  bool is_end = step->kind == MILTER_STEP_KIND_CLOSE || step->kind == MILTER_STEP_KIND_RESET
                || step->kind == MILTER_STEP_KIND_HALF_CLOSE;

  if (step->template_ == NULL && !step->has_after)
    {
      if (step->kind == MILTER_STEP_KIND_COMMAND)
        take_command (reader, connection, step);
      else if (step->kind == MILTER_STEP_KIND_FRAME)
        {
          milter_frame_append (step->letter, milter_payload_view (step->bytes), reader->bytes);
          tell_bytes (reader, connection, MILTER_SIDE_MTA, /* is_frame= */ true);
        }
      else if (step->kind == MILTER_STEP_KIND_RAW)
        {
          milter_payload_append (reader->bytes, milter_payload_view (step->bytes));
          tell_bytes (reader, connection, MILTER_SIDE_MTA, /* is_frame= */ false);
        }
      else if (step->kind == MILTER_STEP_KIND_LOST)
        take_hole (reader, connection, step);
      else if (is_end)
        tell_end (reader,
                  connection,
                  MILTER_SIDE_MTA,
                  step->kind == MILTER_STEP_KIND_RESET,
                  step->kind != MILTER_STEP_KIND_HALF_CLOSE);
      if (is_end || step->kind == MILTER_STEP_KIND_LOST || step->kind == MILTER_STEP_KIND_COMMAND
          || step->kind == MILTER_STEP_KIND_FRAME || step->kind == MILTER_STEP_KIND_RAW
          || is_remark (step->kind))
        return true;
    }
  return fail (reader,
               &step->where,
               "expected a line of a trace, which tells what passed, got one that only a player can play");
}

/* --- what the milter said --------------------------------------------------------------------------- */

static bool
is_literal (const MilterPattern *pattern)
{
  return pattern == NULL || milter_pattern_get_kind (pattern) == MILTER_PATTERN_LITERAL;
}

/* the lists of an answer that is expected are patterns; those of one that is sent are names */
static bool
settle_negotiation (MilterNegotiateArgs *args)
{
  for (guint i = 0; args->symbols != NULL && i < args->symbols->len; i++)
    {
      MilterSymbolList *list = g_ptr_array_index (args->symbols, i);
      MilterBytes names;

      if (!is_literal (list->pattern))
        return false;
      if (list->names != NULL || list->pattern == NULL)
        continue;
      names = milter_pattern_get_literal (list->pattern);
      list->names = g_bytes_new (names.data, names.size);
    }
  return (!args->has_version || args->version_min == args->version_max) && !args->actions.relative
         && !args->steps.relative;
}

static bool
is_what_was_said (MilterAnswerPattern *answer)
{
  for (guint i = 0; i < answer->patterns->len; i++)
    if (!is_literal (g_ptr_array_index (answer->patterns, i)))
      return false;
  return is_literal (answer->value)
         && (answer->kind != MILTER_ANSWER_KIND_NEGOTIATE || settle_negotiation (&answer->negotiate));
}

static bool
take_answer (MilterTraceReader *reader, Connection *connection, MilterAnswerPattern *answer)
{
  g_autoptr (GError) error = NULL;

  if (!is_what_was_said (answer) || answer->kind == MILTER_ANSWER_KIND_ANY)
    return fail (reader, &answer->where, "expected an answer as it was given, got a pattern");
  /* an answer that did not come behind edits or progress: no bytes */
  if (answer->kind == MILTER_ANSWER_KIND_NONE)
    return true;
  if (answer->kind == MILTER_ANSWER_KIND_CLOSED || answer->kind == MILTER_ANSWER_KIND_RESET)
    {
      tell_end (reader,
                connection,
                MILTER_SIDE_MILTER,
                answer->kind == MILTER_ANSWER_KIND_RESET,
                /* whole= */ true);
      return true;
    }
  if (!milter_answer_append (reader->bytes, answer, &connection->session, &error))
    return fail (reader, &answer->where, error->message);
  tell_bytes (
      reader, connection, MILTER_SIDE_MILTER, answer->kind != MILTER_ANSWER_KIND_RAW);
  return true;
}

static bool
take_expectation (MilterTraceReader *reader, Connection *connection, const MilterExpectation *line)
{
  if (line->kind == MILTER_EXPECT_ANSWER && line->answers->len == 1)
    return take_answer (reader, connection, g_ptr_array_index (line->answers, 0));
  return fail (reader, &line->where, "expected one answer as it was given, got a condition or a choice");
}

/* --- lines ------------------------------------------------------------------------------------------- */

static void
forget_session (MilterTraceReader *reader, const MilterScenarioSession *session)
{
  g_ptr_array_remove (reader->parser.scenario->sessions, (gpointer) session);
}

static Connection *
begin_connection (MilterTraceReader *reader, const char *name, MilterScenarioSession *session)
{
  Connection *connection = g_hash_table_lookup (reader->connections, name);

  if (connection != NULL)
    forget_session (reader, connection->line);
  connection = g_new0 (Connection, 1);
  connection->name = g_strdup (name);
  connection->line = session;
  milter_session_init (&connection->session, MILTER_SESSION_LENIENT);
  g_hash_table_replace (reader->connections, connection->name, connection);
  tell (reader,
        connection,
        (MilterTraceEvent){ .kind = MILTER_TRACE_OPENED, .mta = session->from, .milter = session->to });
  return connection;
}

/* nothing is known of it any more, so that memory depends on how many are open at a time */
static void
end_connection (MilterTraceReader *reader, const Connection *connection)
{
  MilterParser *parser = &reader->parser;

  forget_session (reader, connection->line);
  if (connection->name[0] == '\0')
    parser->place = (MilterParserPlace){ 0 };
  else
    {
      g_clear_pointer (&parser->connection, g_free);
      parser->place = parser->outside;
      g_hash_table_remove (parser->connections, connection->name);
    }
  g_hash_table_remove (reader->connections, connection->name);
}

/* those that nothing can be said to any more */
static void
forget_steps (const MilterParser *parser, GPtrArray *steps)
{
  for (guint i = steps->len > 0 ? steps->len - 1 : 0; i > 0; i--)
    if (g_ptr_array_index (steps, i - 1) != parser->place.step)
      g_ptr_array_remove_index (steps, i - 1);
}

/* the step that the line was, or the answers to the one above */
static bool
take_lines (MilterTraceReader *reader, Connection *connection)
{
  GPtrArray *steps = connection->line->steps;
  const MilterStep *latest = steps->len > 0 ? g_ptr_array_index (steps, steps->len - 1) : NULL;
  const MilterStep *answered = reader->parser.place.step;
  bool ok = true;

  if (latest != NULL && latest != connection->step)
    {
      forget_steps (&reader->parser, steps);
      connection->step = latest;
      ok = take_step (reader, connection, latest);
    }
  for (guint i = 0; ok && answered != NULL && i < answered->expectations->len; i++)
    {
      g_byte_array_set_size (reader->bytes, 0);
      ok = take_expectation (reader, connection, g_ptr_array_index (answered->expectations, i));
    }
  if (answered != NULL)
    g_ptr_array_set_size (answered->expectations, 0);
  return ok;
}

/* a line before the first session, or one that begins a session */
static bool
check_heading (MilterTraceReader *reader)
{
  const MilterScenario *scenario = reader->parser.scenario;
  MilterWhere where = { scenario->path, reader->n_lines, 1 };

  if (!reader->started && scenario->start != NULL)
    {
      g_autoptr (GDateTime) start
          = g_date_time_new_from_iso8601 (scenario->start, /* default_tz= */ NULL);
      MilterTraceEvent event = { .kind = MILTER_TRACE_STARTED, .connection = "" };

      reader->started = true;
      event.time_ns = g_date_time_to_unix (start) * G_GINT64_CONSTANT (1000000000)
                      + (gint64) g_date_time_get_microsecond (start) * 1000;
      reader->func (&event, reader->data);
    }
  if (reader->parser.place.session == NULL || reader->exact)
    return true;
  reader->exact = reader->started && g_strcmp0 (scenario->profile, "exact") == 0;
  return reader->exact
         || fail (reader, &where, "expected \"start TIME\" and \"mta exact\" at the top of a trace");
}

/* what stands at the parser's place now */
static bool
take_place (MilterTraceReader *reader)
{
  MilterParser *parser = &reader->parser;
  MilterScenarioSession *session = parser->place.session;
  const char *name = parser->connection != NULL ? parser->connection : "";
  Connection *connection;
  bool ok;

  if (!check_heading (reader))
    return false;
  if (session == NULL)
    return true;
  connection = g_hash_table_lookup (reader->connections, name);
  if (connection == NULL || connection->line != session)
    {
      if (session->repeat > 1 || session->parallel > 0 || session->counted_name != NULL)
        return fail (reader, &session->where, "expected a session of a trace, which was there once");
      connection = begin_connection (reader, name, session);
    }
  ok = take_lines (reader, connection);
  if (connection->mta_ended && connection->milter_ended)
    end_connection (reader, connection);
  return ok;
}

static bool
take_present_line (MilterTraceReader *reader)
{
  MilterParser *parser = &reader->parser;
  bool ok;

  g_byte_array_set_size (reader->bytes, 0);
  ok = milter_parser_line (parser);
  if (ok && parser->has_time)
    reader->time_ns = parser->time_ns;
  ok = ok && take_place (reader);
  if (!ok)
    parser->place.step = NULL;
  milter_parser_leave_connection (parser);
  /* nothing of the line is kept */
  parser->lexer.memory = 0;
  parser->n_sessions = 0;
  return ok;
}

/* a comment, and nothing else */
static bool
take_note (MilterTraceReader *reader, MilterBytes line)
{
  g_autofree char *text = NULL;

  if (line.size == 0 || line.data[0] != '#' || !g_utf8_validate_len ((const char *) line.data, line.size, NULL))
    return false;
  text = g_strstrip (g_strndup ((const char *) line.data + 1, line.size - 1));
  if (text[0] != '\0')
    tell (reader, NULL, (MilterTraceEvent){ .kind = MILTER_TRACE_NOTE, .text = text });
  return true;
}

gboolean
milter_trace_reader_line (MilterTraceReader *reader, MilterBytes line)
{
  MilterLexer *lexer = &reader->parser.lexer;
  bool ok = true;

  if (reader->n_lines == 0 && line.size >= 3 && memcmp (line.data, "\xef\xbb\xbf", 3) == 0)
    line = milter_bytes (line.data + 3, line.size - 3);
  lexer->text = (const char *) line.data;
  lexer->size = line.size;
  lexer->next = 0;
  lexer->next_number = reader->n_lines++;
  if (take_note (reader, line))
    return TRUE;
  while (milter_lexer_next_line (lexer))
    ok = take_present_line (reader) && ok;
  return ok && lexer->n_errors == 0;
}

gboolean
milter_trace_recognize (MilterBytes text)
{
  while (text.size > 0)
    {
      const guint8 *end = memchr (text.data, '\n', text.size);
      gsize size = end != NULL ? (gsize) (end - text.data) + 1 : text.size;
      gsize at = 0;

      while (at < size && strchr (" \t\r\n", text.data[at]) != NULL && text.data[at] != '\0')
        at++;
      if (at < size && text.data[at] != '#')
        return size - at > 5 && memcmp (text.data + at, "start", 5) == 0
               && (text.data[at + 5] == ' ' || text.data[at + 5] == '\t');
      text = milter_bytes (text.data + size, text.size - size);
    }
  return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-rules.c: any rules, and behind a line `---` any bytes of an MTA. Whatever comes, each
 * command is answered in a bounded number of steps, what is told to have been sent is what was
 * handed out, nothing is sent behind an end, and the verdict is the same each time. A broken
 * promise aborts.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "milter-responder.h"

#define PATH      "fuzz.scenario"
#define SEPARATOR "\n---\n"
/* a stall lasts 30 days at most, and a rule has a few of them: far beyond any */
#define FOREVER (G_GINT64_CONSTANT (1) << 60)

typedef struct
{
  MilterResponder *responder;
  MilterMacros *macros;
  gint64 now_us;
  bool cut;    /* nothing may be sent any more */
  bool let_go; /* the connection is over */
  bool paused;
  GString *log; /* all that was done */
} Connection;

static void
do_action (Connection *connection, const MilterPlayerAction *action, GByteArray *sent)
{
  g_assert_false (connection->let_go);
  g_string_append_printf (connection->log, "%d ", action->kind);
  switch (action->kind)
    {
    case MILTER_PLAYER_SEND:
      g_assert_true (action->bytes.size > 0 && !connection->cut);
      g_byte_array_append (sent, action->bytes.data, action->bytes.size);
      g_string_append_printf (connection->log, "%zu ", action->bytes.size);
      return;
    case MILTER_PLAYER_WAIT:
      g_assert_true (action->deadline_us > connection->now_us && action->deadline_us < FOREVER);
      connection->now_us = action->deadline_us;
      return;
    case MILTER_PLAYER_CLOSE:
    case MILTER_PLAYER_RESET:
      connection->cut = connection->let_go = true;
      return;
    case MILTER_PLAYER_HALF_CLOSE:
      g_assert_false (connection->cut);
      connection->cut = true;
      return;
    case MILTER_PLAYER_PAUSE_READING:
    case MILTER_PLAYER_RESUME_READING:
      g_assert_true (connection->paused == (action->kind == MILTER_PLAYER_RESUME_READING));
      connection->paused = !connection->paused;
      return;
    case MILTER_PLAYER_OPEN:
    case MILTER_PLAYER_BARRIER:
    case MILTER_PLAYER_DONE:
      g_assert_not_reached ();
    }
}

static void
take_answer (Connection *connection, gsize most)
{
  g_autoptr (GByteArray) sent = g_byte_array_new ();
  MilterPlayerAction action;
  MilterBytes answer;

  for (gsize n = 0;; n++)
    {
      g_assert_cmpuint (n, <, most);
      milter_responder_next (connection->responder, connection->now_us, &action);
      if (action.kind == MILTER_PLAYER_DONE)
        break;
      do_action (connection, &action, sent);
    }
  g_assert_true (connection->let_go || !connection->paused);
  answer = milter_responder_get_answer (connection->responder);
  g_assert_cmpmem (answer.data, answer.size, sent->data, sent->len);
}

static void
show (Connection *connection, const MilterMessage *message, gsize most)
{
  if (message->letter == MILTER_COMMAND_DEFINE_MACRO && message->fault == MILTER_NO_FAULT)
    milter_macros_set (
        connection->macros, (guint8) message->fields[0].number, message->fields[1].bytes);
  else
    milter_macros_command (connection->macros, message->letter);
  if (milter_responder_received (
          connection->responder, message, connection->macros, connection->now_us))
    take_answer (connection, most);
}

/* a write of one byte each, of all that the rules hold, is the most there can be */
static gsize
most_steps (const MilterScenario *scenario, gsize size)
{
  gsize most = 1000 + size;

  for (guint r = 0; r < scenario->rules->len; r++)
    {
      const MilterRule *rule = g_ptr_array_index (scenario->rules, r);

      for (guint i = 0; i < rule->expectations->len; i++)
        {
          const MilterExpectation *line = g_ptr_array_index (rule->expectations, i);
          const MilterAnswerPattern *answer
              = line->answers->len > 0 ? g_ptr_array_index (line->answers, 0) : NULL;

          most += 100;
          if (answer != NULL && answer->value != NULL)
            most += 2 * milter_pattern_get_literal (answer->value).size;
        }
    }
  return most;
}

static char *
play (const GPtrArray *scenarios, MilterBytes bytes, gsize most)
{
  static const MilterLimits limits = { MILTER_LIMIT_FROM_MTA };
  g_autoptr (MilterRuleBook) book = milter_rule_book_new (scenarios);
  g_autoptr (MilterResponder) responder = milter_responder_new (book);
  g_autoptr (MilterMacros) macros = milter_macros_new ();
  g_autoptr (GPtrArray) verdicts = NULL;
  Connection connection = { responder, macros, 1, .log = g_string_new (NULL) };
  MilterMessage message;
  gsize consumed;

  while (!connection.let_go
         && milter_message_decode (
                MILTER_SIDE_MTA, bytes.data, bytes.size, &limits, &message, &consumed, NULL)
                == MILTER_DECODE_COMPLETE)
    {
      show (&connection, &message, most);
      bytes = milter_bytes (bytes.data + consumed, bytes.size - consumed);
    }
  if (milter_responder_ended (responder, macros, connection.now_us))
    take_answer (&connection, most);
  verdicts = milter_rule_book_judge (book);
  for (guint i = 0; i < verdicts->len; i++)
    {
      const MilterExpectVerdict *verdict = g_ptr_array_index (verdicts, i);

      g_string_append_printf (
          connection.log, "| %s", verdict->failure != NULL ? verdict->failure->got : "held");
    }
  g_assert_true (g_utf8_validate (connection.log->str, (gssize) connection.log->len, NULL));
  return g_string_free (connection.log, FALSE);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  gsize n = strlen (SEPARATOR);
  const guint8 *end = size > 0 ? memmem (data, size, SEPARATOR, n) : NULL;
  gsize rules = end != NULL ? (gsize) (end - data) : size;
  MilterBytes bytes
      = end != NULL ? milter_bytes (end + n, size - rules - n) : milter_bytes (NULL, 0);
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = milter_scenario_parse (
      PATH, (const char *) data, rules, NULL, MILTER_SCENARIO_RULES, errors);
  g_autoptr (GPtrArray) scenarios = g_ptr_array_new ();
  g_autofree char *once = NULL, *again = NULL;
  gsize most;

  if (scenario == NULL)
    return 0;
  g_ptr_array_add (scenarios, scenario);
  most = most_steps (scenario, size);
  once = play (scenarios, bytes, most);
  again = play (scenarios, bytes, most);
  g_assert_cmpstr (once, ==, again);
  return 0;
}

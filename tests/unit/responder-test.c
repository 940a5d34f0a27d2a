/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * responder-test.c: an MTA that says what a table holds.
 */
#include "responder-test.h"

#include <criterion/criterion.h>
#include <string.h>

static const guint8 todays_offer[] = { 0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff };

void
responder_run_init (ResponderRun *run, const char *rules)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  MilterScenario *scenario = milter_scenario_parse (
      "r.scenario", rules, strlen (rules), NULL, MILTER_SCENARIO_RULES, messages);

  cr_assert_not_null (scenario, "%s\n%s", rules, messages->str);
  run->scenarios = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_scenario_free);
  g_ptr_array_add (run->scenarios, scenario);
  run->book = milter_rule_book_new (run->scenarios);
}

void
responder_run_clear (ResponderRun *run)
{
  milter_rule_book_free (run->book);
  g_ptr_array_unref (run->scenarios);
}

static void
append_payload (GString *text, MilterBytes payload)
{
  for (gsize i = 0; i < payload.size; i++)
    g_string_append_c (text,
                       payload.data[i] == '\0'   ? '|'
                       : payload.data[i] == '\n' ? '^'
                                                 : (char) payload.data[i]);
}

static void
append_write (GString *text, MilterBytes bytes)
{
  static const MilterLimits limits = { 1 << 20 };
  g_autoptr (GString) frames = g_string_new (NULL);
  MilterBytes rest = bytes, payload;
  guint8 letter;
  gsize consumed;

  while (milter_frame_decode (rest.data, rest.size, &limits, &letter, &payload, &consumed, NULL)
         == MILTER_DECODE_COMPLETE)
    {
      g_string_append_printf (frames, "[%c", letter);
      if (payload.size > 1000)
        g_string_append_printf (frames, " %zu bytes", payload.size);
      else if (letter == MILTER_REPLY_NEGOTIATE)
        for (gsize i = 0; i < payload.size; i++)
          g_string_append_printf (frames, i % 4 == 0 ? " %02x" : "%02x", payload.data[i]);
      else
        append_payload (frames, payload);
      g_string_append_c (frames, ']');
      rest = milter_bytes (rest.data + consumed, rest.size - consumed);
    }
  if (rest.size == 0)
    {
      g_string_append (text, frames->str);
      return;
    }
  g_string_append_c (text, '(');
  for (gsize i = 0; i < bytes.size; i++)
    g_string_append_printf (text, "%02x", bytes.data[i]);
  g_string_append_c (text, ')');
}

/* all that answers one command */
static void
append_actions (MilterResponder *responder, gint64 *now_us, GString *text)
{
  static const char *const words[] = {
    [MILTER_PLAYER_CLOSE] = "close",           [MILTER_PLAYER_RESET] = "reset",
    [MILTER_PLAYER_HALF_CLOSE] = "half-close", [MILTER_PLAYER_PAUSE_READING] = "pause",
    [MILTER_PLAYER_RESUME_READING] = "resume",
  };
  g_autoptr (GByteArray) sent = g_byte_array_new ();
  MilterPlayerAction action;
  gsize begin = text->len;

  for (;;)
    {
      milter_responder_next (responder, *now_us, &action);
      if (action.kind == MILTER_PLAYER_DONE)
        break;
      if (text->len > begin)
        g_string_append_c (text, ' ');
      if (action.kind == MILTER_PLAYER_WAIT)
        {
          cr_assert_gt (action.deadline_us, *now_us);
          g_string_append_printf (text, "wait %d", (int) ((action.deadline_us - *now_us) / 1000));
          *now_us = action.deadline_us;
        }
      else if (action.kind == MILTER_PLAYER_SEND)
        {
          cr_assert_gt (action.bytes.size, 0);
          append_write (text, action.bytes);
          g_byte_array_append (sent, action.bytes.data, action.bytes.size);
        }
      else
        g_string_append (text, words[action.kind]);
    }
  cr_assert (milter_bytes_equal (milter_responder_get_answer (responder),
                                 milter_bytes (sent->data, sent->len)));
}

static void
play_frame (MilterResponder *responder,
            MilterMacros *macros,
            GByteArray *payload,
            guint8 letter,
            gint64 *now_us,
            GString *text)
{
  MilterMessage message;
  MilterBytes bytes = milter_bytes (payload->data, payload->len);

  milter_message_parse (MILTER_SIDE_MTA, letter, bytes, &message);
  if (letter == MILTER_COMMAND_DEFINE_MACRO)
    milter_macros_set (macros, (guint8) message.fields[0].number, message.fields[1].bytes);
  else
    milter_macros_command (macros, letter);
  if (milter_responder_received (responder, &message, macros, *now_us))
    append_actions (responder, now_us, text);
  else
    g_string_append_c (text, '-');
}

static void
play_event (MilterResponder *responder,
            MilterMacros *macros,
            const char *event,
            gint64 *now_us,
            GString *text)
{
  g_autoptr (GByteArray) payload = g_byte_array_new ();

  if (strcmp (event, "close") == 0)
    {
      if (milter_responder_ended (responder, macros, *now_us))
        append_actions (responder, now_us, text);
      else
        g_string_append_c (text, '-');
      return;
    }
  if (strcmp (event, "O") == 0)
    g_byte_array_append (payload, todays_offer, sizeof todays_offer);
  for (const char *at = event + 1; *at != '\0'; at++)
    g_byte_array_append (payload, (const guint8 *) (*at == '|' ? "\0" : *at == '^' ? "\n" : at), 1);
  play_frame (responder, macros, payload, (guint8) event[0], now_us, text);
}

char *
responder_run_play (ResponderRun *run, const char *events)
{
  g_autoptr (MilterResponder) responder = milter_responder_new (run->book);
  g_autoptr (MilterMacros) macros = milter_macros_new ();
  g_auto (GStrv) lines = g_strsplit (events, "\n", -1);
  GString *text = g_string_new (NULL);
  gint64 now_us = 1000;

  for (char **line = lines; *line != NULL; line++)
    {
      if (line != lines)
        g_string_append_c (text, '\n');
      play_event (responder, macros, *line, &now_us, text);
    }
  return g_string_free (text, FALSE);
}

char *
responder_run_judge (ResponderRun *run)
{
  g_autoptr (GPtrArray) verdicts = milter_rule_book_judge (run->book);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < verdicts->len; i++)
    {
      const MilterExpectVerdict *verdict = g_ptr_array_index (verdicts, i);
      const MilterFailure *failure = verdict->failure;

      if (failure == NULL)
        continue;
      cr_assert_eq (failure->outcome, MILTER_OUTCOME_FAILED);
      g_string_append_printf (text,
                              "%u: %s | %s | %s\n",
                              failure->where.line,
                              failure->what,
                              failure->expected,
                              failure->got);
    }
  return g_string_free (text, FALSE);
}

void
responder_check (const ResponderRow *rows, gsize n_rows)
{
  for (gsize i = 0; i < n_rows; i++)
    {
      ResponderRun run;
      g_autofree char *done = NULL;

      responder_run_init (&run, rows[i].rules);
      done = responder_run_play (&run, rows[i].events);
      cr_expect_str_eq (done,
                        rows[i].done,
                        "row %zu:\n%s\n-- %s\n-- did --\n%s\n-- instead of --\n%s\n",
                        i,
                        rows[i].rules,
                        rows[i].events,
                        done,
                        rows[i].done);
      responder_run_clear (&run);
    }
}

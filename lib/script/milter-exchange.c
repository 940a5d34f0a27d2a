/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-exchange.c: from a trace to commands and their answers.
 */
#include "milter-exchange.h"

#include <string.h>

bool
milter_exchange_is_frame (const MilterExpectation *expectation)
{
  const MilterAnswerPattern *answer;

  if (expectation->kind != MILTER_EXPECT_ANSWER)
    return false;
  answer = g_ptr_array_index (expectation->answers, 0);
  return answer->kind != MILTER_ANSWER_KIND_CLOSED && answer->kind != MILTER_ANSWER_KIND_RESET;
}

guint8
milter_exchange_get_reply (const MilterExchange *exchange, guint n)
{
  GBytes *frame = n < exchange->replies->len ? g_ptr_array_index (exchange->replies, n) : NULL;

  return frame != NULL ? ((const guint8 *) g_bytes_get_data (frame, NULL))[4] : 0;
}

guint8
milter_exchange_get_verdict (const MilterExchange *exchange)
{
  return exchange->replies->len > 0
             ? milter_exchange_get_reply (exchange, exchange->replies->len - 1)
             : 0;
}

static bool
is_end (const MilterExchange *exchange)
{
  return exchange->letter == 0 || exchange->letter == MILTER_COMMAND_QUIT
         || exchange->step->expectations->len > exchange->replies->len;
}

bool
milter_exchanges_begin_message (const MilterExchanges *exchanges, guint i)
{
  guint8 letter = milter_exchanges_get (exchanges, i)->letter;

  if (letter == MILTER_COMMAND_ENVELOPE_FROM)
    return true;
  if (letter == 0 || strchr ("RTLNBE", letter) == NULL)
    return false;
  /* others stand anywhere */
  while (i-- > 0)
    {
      guint8 before = milter_exchanges_get (exchanges, i)->letter;

      if (before != 0 && strchr ("MRTLNB", before) != NULL)
        return false;
      if (before != 0 && strchr ("OCHEAKQ", before) != NULL)
        return true;
    }
  return true;
}

bool
milter_exchanges_has_end (const MilterExchanges *exchanges)
{
  for (guint i = 0; i < exchanges->all->len; i++)
    if (is_end (milter_exchanges_get (exchanges, i)))
      return true;
  return false;
}

static void
exchange_free (gpointer data)
{
  MilterExchange *exchange = data;

  g_ptr_array_unref (exchange->macros);
  g_ptr_array_unref (exchange->replies);
  g_free (exchange);
}

/* behind the time and the connection */
static const char *
skip_prefix (const char *line)
{
  for (int n = 0; n < 2; n++)
    {
      const char *blank = strchr (line, ' ');

      if (blank != NULL && strchr ("+@", *line) != NULL)
        line = blank + 1;
    }
  return line;
}

static bool
is_plain_step (const MilterStep *step)
{
  static const MilterStepKind kinds[]
      = { MILTER_STEP_KIND_COMMAND, MILTER_STEP_KIND_CLOSE, MILTER_STEP_KIND_RESET };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (kinds[i] == step->kind)
      return true;
  return false;
}

/* Macros go with the next command of their stage; those of one that never came are nobody's. */
static void
take_macros (GPtrArray *pending, MilterExchange *exchange)
{
  for (guint i = 0; i < pending->len;)
    {
      const MilterStep *step = g_ptr_array_index (pending, i);

      if (step->letter != exchange->letter)
        {
          i++;
          continue;
        }
      for (guint m = 0; m < step->macros->len; m++)
        g_ptr_array_add (exchange->macros, g_ptr_array_index (step->macros, m));
      g_ptr_array_remove_index (pending, i);
    }
}

static void
take_replies (const GPtrArray *replies, guint *next, MilterExchange *exchange)
{
  const GPtrArray *expectations = exchange->step->expectations;

  for (guint i = 0; i < expectations->len; i++)
    if (milter_exchange_is_frame (g_ptr_array_index (expectations, i)) && *next < replies->len)
      g_ptr_array_add (exchange->replies, g_ptr_array_index (replies, (*next)++));
}

static guint
count_frames (const MilterStep *step)
{
  guint n = 0;

  for (guint i = 0; i < step->expectations->len; i++)
    n += milter_exchange_is_frame (g_ptr_array_index (step->expectations, i));
  return n;
}

static MilterExchange *
exchange_new (const MilterStep *step, const char *line)
{
  MilterExchange *exchange = g_new0 (MilterExchange, 1);

  exchange->step = step;
  exchange->text = skip_prefix (line);
  exchange->letter = step->kind == MILTER_STEP_KIND_COMMAND ? step->spec->letter : 0;
  exchange->macros = g_ptr_array_new ();
  exchange->replies = g_ptr_array_new ();
  return exchange;
}

static void
take_steps (MilterExchanges *exchanges, const GPtrArray *steps, const GPtrArray *replies)
{
  g_autoptr (GPtrArray) pending = g_ptr_array_new ();
  guint next = 0;

  for (guint i = 0; i < steps->len; i++)
    {
      const MilterStep *step = g_ptr_array_index (steps, i);
      MilterExchange *exchange;

      exchanges->plain = exchanges->plain && is_plain_step (step);
      if (step->kind == MILTER_STEP_KIND_COMMAND && step->spec->letter == MILTER_COMMAND_DEFINE_MACRO)
        {
          /* an answer to a macro frame is nothing that a player waits for */
          exchanges->plain = exchanges->plain && step->expectations->len == 0;
          g_ptr_array_add (pending, (gpointer) step);
          continue;
        }
      exchange = exchange_new (step, exchanges->lines[step->where.line - 1]);
      take_macros (pending, exchange);
      take_replies (replies, &next, exchange);
      exchanges->plain = exchanges->plain && exchange->replies->len == count_frames (step);
      g_ptr_array_add (exchanges->all, exchange);
    }
  exchanges->plain = exchanges->plain && next == replies->len;
}

/* it begins with the negotiation, and there is no other */
static bool
begins_plainly (const MilterExchanges *exchanges)
{
  for (guint i = 0; i < exchanges->all->len; i++)
    if ((milter_exchanges_get (exchanges, i)->letter == MILTER_COMMAND_NEGOTIATE) != (i == 0))
      return false;
  return exchanges->all->len > 0;
}

/* g_strsplit() looks through all of the rest for each line where AddressSanitizer watches it */
static char **
split_lines (const GString *text)
{
  GPtrArray *lines = g_ptr_array_new ();

  for (gsize at = 0; at < text->len;)
    {
      const char *end = memchr (text->str + at, '\n', text->len - at);
      gsize size = end != NULL ? (gsize) (end - text->str) - at : text->len - at;

      g_ptr_array_add (lines, g_strndup (text->str + at, size));
      at += size + 1;
    }
  g_ptr_array_add (lines, NULL);
  return (char **) g_ptr_array_free (lines, FALSE);
}

MilterExchanges *
milter_exchanges_new (const GString *trace, const GPtrArray *replies, GString *messages)
{
  g_autoptr (MilterExchanges) exchanges = g_new0 (MilterExchanges, 1);
  const MilterScenarioSession *session;

  exchanges->all = g_ptr_array_new_with_free_func (exchange_free);
  exchanges->scenario = milter_scenario_parse (
      "recording", trace->str, trace->len, /* host= */ NULL, MILTER_SCENARIO_SESSIONS, messages);
  if (exchanges->scenario == NULL)
    return NULL;
  exchanges->lines = split_lines (trace);
  exchanges->plain = true;
  session = g_ptr_array_index (exchanges->scenario->sessions, 0);
  take_steps (exchanges, session->steps, replies);
  exchanges->plain = exchanges->plain && begins_plainly (exchanges);
  return g_steal_pointer (&exchanges);
}

void
milter_exchanges_free (MilterExchanges *exchanges)
{
  if (exchanges == NULL)
    return;
  g_ptr_array_unref (exchanges->all);
  milter_scenario_free (exchanges->scenario);
  g_strfreev (exchanges->lines);
  g_free (exchanges);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario-writer-names.c: what sessions and messages are called: who, to whom, and what became of it.
 */
#include "milter-scenario-writer-private.h"

#include <string.h>

#include "milter-payload.h"

/* a name is a part of a line in a report */
#define MAX_NAME 100u

/* What an answer makes of a mail. */
static const struct
{
  guint8 letter;
  const char *text;
} outcomes[] = {
  { MILTER_REPLY_ACCEPT, "accepted" },       { MILTER_REPLY_CONTINUE, "accepted" },
  { MILTER_REPLY_REJECT, "rejected" },       { MILTER_REPLY_TEMPORARY_FAILURE, "deferred" },
  { MILTER_REPLY_DISCARD, "discarded" },     { MILTER_REPLY_SHUTDOWN, "shut down" },
  { MILTER_REPLY_CONNECTION_FAILURE, "connection refused" },
};

static const char *
name_outcome (guint8 letter)
{
  for (gsize i = 0; i < G_N_ELEMENTS (outcomes); i++)
    if (outcomes[i].letter == letter)
      return outcomes[i].text;
  return NULL;
}

/* code and extended code of a reply of the milter's own */
static void
append_code (const MilterExchange *exchange, GString *name)
{
  MilterBytes frame = milter_payload_view (
      g_ptr_array_index (exchange->replies, exchange->replies->len - 1));
  g_autofree char *text = g_strndup ((const char *) frame.data + 5, frame.size - 5);
  g_auto (GStrv) words = g_strsplit_set (text, " -\r\n", 3);

  g_string_append (name, words[0] != NULL ? words[0] : "");
  if (words[0] != NULL && words[1] != NULL && words[1][0] != '\0'
      && strspn (words[1], "0123456789.") == strlen (words[1]))
    g_string_append_printf (name, " %s", words[1]);
}

static void
append_outcome (const MilterExchange *exchange, GString *name)
{
  guint8 letter = milter_exchange_get_verdict (exchange);
  const char *text = name_outcome (letter);

  for (guint i = 0; i < exchange->replies->len; i++)
    if (milter_exchange_get_reply (exchange, i) == MILTER_REPLY_QUARANTINE)
      text = "quarantined";
  if (letter == MILTER_REPLY_REPLY_CODE)
    append_code (exchange, name);
  else
    g_string_append (name, text != NULL ? text : "answered oddly");
}

/* an address without its brackets; nobody has none */
static void
append_address (const MilterExchange *exchange, GString *name)
{
  MilterBytes address = exchange->step->arguments->len > 0
                            ? milter_payload_view (g_ptr_array_index (exchange->step->arguments, 0))
                            : milter_bytes (NULL, 0);

  if (address.size > 2 && address.data[0] == '<' && address.data[address.size - 1] == '>')
    address = milter_bytes (address.data + 1, address.size - 2);
  for (gsize i = 0; i < address.size; i++)
    g_string_append_c (name,
                       address.data[i] >= 0x20 && address.data[i] < 0x7f ? (char) address.data[i] : '?');
}

static bool
is_refused (const MilterExchange *exchange)
{
  guint8 letter = milter_exchange_get_verdict (exchange);

  return letter != 0
         && strchr ("rtdy4f", letter) != NULL;
}

static bool
is_let_pass (const MilterExchange *exchange)
{
  guint8 letter = milter_exchange_get_verdict (exchange);

  return letter == 0 || letter == MILTER_REPLY_CONTINUE || letter == MILTER_REPLY_SKIP;
}

static char *
finish_name (GString *name)
{
  if (name->len > MAX_NAME)
    {
      g_string_truncate (name, MAX_NAME);
      g_string_append (name, "...");
    }
  return g_string_free (name, FALSE);
}

char *
milter_written_message_name (const MilterExchanges *exchanges, guint begin)
{
  GString *name = g_string_new (NULL);
  const MilterExchange *first = NULL, *decided = NULL, *refused = NULL;
  guint n_recipients = 0, n_refused = 0;

  /* a milter that did not want MAIL was not told the sender */
  if (milter_exchanges_get (exchanges, begin)->letter == MILTER_COMMAND_ENVELOPE_FROM)
    append_address (milter_exchanges_get (exchanges, begin), name);
  else
    g_string_append (name, "a message");
  for (guint i = begin; i < exchanges->all->len && decided == NULL; i++)
    {
      const MilterExchange *exchange = milter_exchanges_get (exchanges, i);
      bool is_recipient = exchange->letter == MILTER_COMMAND_ENVELOPE_RECIPIENT;

      if (i > begin && exchange->letter != 0 && strchr ("MHAQKC", exchange->letter) != NULL)
        break;
      n_recipients += is_recipient;
      if (is_recipient && first == NULL)
        first = exchange;
      if (is_recipient && is_refused (exchange) && milter_exchange_get_verdict (exchange) != 'd')
        {
          n_refused++;
          refused = exchange;
        }
      else if (exchange->letter == MILTER_COMMAND_END_OF_MESSAGE || !is_let_pass (exchange))
        decided = exchange;
    }
  if (first != NULL)
    {
      g_string_append (name, " to ");
      append_address (first, name);
    }
  if (n_recipients > 1)
    g_string_append_printf (name, " and %u more", n_recipients - 1);
  g_string_append (name, ": ");
  if (decided != NULL)
    append_outcome (decided, name);
  else if (n_recipients > 0 && n_refused == n_recipients)
    append_outcome (refused, name);
  else
    g_string_append (name, "left unfinished");
  return finish_name (name);
}

/* The client, as far as the milter was told of it. */
static void
append_client (const MilterExchanges *exchanges, bool is_origin, GString *name)
{
  for (guint i = 0; i < exchanges->all->len; i++)
    if (milter_exchanges_get (exchanges, i)->letter == MILTER_COMMAND_CONNECT)
      {
        g_string_append (name, is_origin ? " from " : "");
        append_address (milter_exchanges_get (exchanges, i), name);
        return;
      }
  g_string_append (name, is_origin ? "" : "a client");
}

char *
milter_written_session_name (const MilterExchanges *exchanges)
{
  GString *name;
  const MilterExchange *dismissal = NULL;
  guint n = 0, first = 0;

  for (guint i = 0; i < exchanges->all->len; i++)
    {
      const MilterExchange *exchange = milter_exchanges_get (exchanges, i);

      if (milter_exchanges_begin_message (exchanges, i) && n++ == 0)
        first = i;
      if (exchange->letter != 0 && strchr ("CH", exchange->letter) != NULL && !is_let_pass (exchange))
        dismissal = exchange;
    }
  if (n == 1)
    return milter_written_message_name (exchanges, first);
  name = g_string_new (NULL);
  if (n > 1)
    g_string_append_printf (name, "%u messages", n);
  append_client (exchanges, n > 1, name);
  if (n > 1)
    return finish_name (name);
  g_string_append (name, ": ");
  if (dismissal != NULL)
    append_outcome (dismissal, name);
  else
    g_string_append (name, "no message");
  return finish_name (name);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario-writer-session.c: a session, line by line.
 */
#include "milter-scenario-writer-private.h"

#include <string.h>

#include "milter-mail-private.h"
#include "milter-payload.h"
#include "milter-text.h"

/* a mail, or a body, that is longer is not read among the lines of a session */
#define MAX_INLINE ((gsize) 4 << 10)

typedef struct
{
  const MilterExchanges *exchanges;
  const MilterWrittenStyle *style;
  const GPtrArray *macros;
  MilterWrittenSession *session;
  bool *said;        /* by exchange: its answer is written */
  guint n_messages;
  bool open;         /* a message has begun, and is neither complete nor decided */
  guint n_recipients, n_refused;
  guint tail;        /* the exchange behind which only ends follow */
} Writing;

static bool
is_one_of (guint8 letter, const char *letters)
{
  return letter != 0 && strchr (letters, letter) != NULL;
}

/* --- lines ---------------------------------------------------------------------------------------- */

static MilterWrittenLine *
written_line_new (const char *text)
{
  MilterWrittenLine *line = g_new0 (MilterWrittenLine, 1);

  line->text = text != NULL ? g_string_new (text) : NULL;
  return line;
}

static void
written_line_free (gpointer data)
{
  MilterWrittenLine *line = data;

  if (line->text != NULL)
    g_string_free (line->text, TRUE);
  g_clear_pointer (&line->macros, g_ptr_array_unref);
  g_clear_pointer (&line->mail, g_bytes_unref);
  g_free (line);
}

void
milter_written_session_free (gpointer data)
{
  MilterWrittenSession *session = data;

  if (session == NULL)
    return;
  g_free (session->name);
  g_ptr_array_unref (session->lines);
  g_free (session);
}

static MilterWrittenSession *
session_new (char *name, const MilterProfile *profile)
{
  MilterWrittenSession *session = g_new0 (MilterWrittenSession, 1);

  session->name = name;
  session->profile = profile;
  session->lines = g_ptr_array_new_with_free_func (written_line_free);
  return session;
}

static MilterWrittenLine *
add_line (Writing *writing, const char *text)
{
  MilterWrittenLine *line = written_line_new (text);

  g_ptr_array_add (writing->session->lines, line);
  return line;
}

static void
add_expectation (Writing *writing, const char *text)
{
  g_autofree char *line = g_strdup_printf ("=> %s", text);

  add_line (writing, line);
}

static guint
indent_of_text (const Writing *writing, bool is_expectation)
{
  return (writing->n_messages > 1 ? 6 : 4) + (is_expectation ? 2 : 0);
}

/* --- answers -------------------------------------------------------------------------------------- */

static MilterBytes
payload_of (GBytes *frame)
{
  MilterBytes bytes = milter_payload_view (frame);

  return milter_bytes (bytes.data + 5, bytes.size - 5);
}

/* Frames that follow each other are one body. */
static void
add_replacement (Writing *writing, const MilterExchange *exchange, guint *n)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autoptr (GString) text = g_string_new ("replace-body ");
  MilterBytes bytes;

  for (; milter_exchange_get_reply (exchange, *n) == MILTER_REPLY_REPLACE_BODY; (*n)++)
    milter_payload_append (body, payload_of (g_ptr_array_index (exchange->replies, *n)));
  bytes = milter_bytes (body->data, body->len);
  if (milter_written_is_text (bytes) && memchr (bytes.data, '\n', bytes.size - 1) != NULL)
    milter_written_append_here_document (bytes, indent_of_text (writing, true), text);
  else
    milter_text_append_quoted (bytes, MILTER_TEXT_PATTERN, text);
  add_expectation (writing, text->str);
}

static bool
is_edit (guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MILTER, letter);

  return spec != NULL && spec->kind == MILTER_REPLY_KIND_EDIT;
}

static const char *
text_of_frame (const MilterExchange *exchange, guint n)
{
  const GPtrArray *expectations = exchange->step->expectations;

  for (guint i = 0; i < expectations->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (expectations, i);

      if (milter_exchange_is_frame (line) && n-- == 0)
        return line->text;
    }
  g_return_val_if_reached ("any");
}

static void
add_ends (Writing *writing, const MilterExchange *exchange)
{
  const GPtrArray *expectations = exchange->step->expectations;

  for (guint i = 0; i < expectations->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (expectations, i);

      if (!milter_exchange_is_frame (line))
        add_expectation (writing, line->text);
    }
}

/* A field that is added or changed, without what is not expected of its value; false: all of it is. */
static bool
add_loose_field (Writing *writing, const MilterExchange *exchange, guint n)
{
  const MilterScenarioWriterConfig *config = writing->style->config;
  const char *text = text_of_frame (exchange, n), *colon = strchr (text, ':');
  guint8 letter = milter_exchange_get_reply (exchange, n);
  MilterMessage message;
  MilterBytes name, value;
  GString *line, *loose;

  if (config->loosen == NULL || !is_one_of (letter, "him") || colon == NULL)
    return false;
  milter_message_parse (MILTER_SIDE_MILTER, letter, payload_of (g_ptr_array_index (exchange->replies, n)), &message);
  name = message.fields[letter == MILTER_REPLY_ADD_HEADER ? 0 : 1].bytes;
  value = message.fields[letter == MILTER_REPLY_ADD_HEADER ? 1 : 2].bytes;
  /* with HDR_LEADSPC the blank travels, too */
  if (value.size > 0 && value.data[0] == ' ' && colon[1] == ' ')
    value = milter_bytes (value.data + 1, value.size - 1);
  loose = config->loosen (name, value, config->loosen_data);
  if (loose == NULL)
    return false;
  line = g_string_new_len (text, colon - text);
  if (loose->len > 0)
    g_string_append_printf (line, ":%s%s", colon[1] == ' ' ? " " : "", loose->str);
  add_expectation (writing, line->str);
  g_string_free (line, TRUE);
  g_string_free (loose, TRUE);
  return true;
}

/* The edits, that there are no others, and the answer. */
static void
add_answer_at_end (Writing *writing, const MilterExchange *exchange)
{
  guint n_edits = 0;

  for (guint n = 0; n < exchange->replies->len;)
    {
      guint8 letter = milter_exchange_get_reply (exchange, n);

      n_edits += is_edit (letter);
      if (letter == MILTER_REPLY_REPLACE_BODY)
        {
          add_replacement (writing, exchange, &n);
          continue;
        }
      if (is_edit (letter) && !add_loose_field (writing, exchange, n))
        add_expectation (writing, text_of_frame (exchange, n));
      n++;
    }
  add_expectation (writing, "only");
  if (n_edits > 1)
    add_expectation (writing, "ordered");
  for (guint n = 0; n < exchange->replies->len; n++)
    {
      guint8 letter = milter_exchange_get_reply (exchange, n);

      if (!is_edit (letter) && letter != MILTER_REPLY_PROGRESS)
        add_expectation (writing, text_of_frame (exchange, n));
    }
  add_ends (writing, exchange);
}

static void
add_answer (Writing *writing, guint i)
{
  const MilterExchange *exchange = milter_exchanges_get (writing->exchanges, i);

  if (exchange->letter == MILTER_COMMAND_END_OF_MESSAGE && exchange->replies->len > 0)
    {
      add_answer_at_end (writing, exchange);
      return;
    }
  for (guint n = 0; writing->said[i] && n < exchange->replies->len; n++)
    if (milter_exchange_get_reply (exchange, n) != MILTER_REPLY_PROGRESS)
      add_expectation (writing, text_of_frame (exchange, n));
  add_ends (writing, exchange);
}

static bool
lets_pass (const MilterExchange *exchange)
{
  return exchange->step->expectations->len == exchange->replies->len
         && (exchange->replies->len == 0
             || (exchange->replies->len == 1
                 && milter_exchange_get_reply (exchange, 0) == MILTER_REPLY_CONTINUE));
}

/* A milter that decides earlier than it did is found by the next answer that is written, which it does not
 * get to: a `continue` has to be written where none follows in its message, or session. */
static void
choose_answers (Writing *writing)
{
  bool in_message = false, in_session = false;

  for (guint i = writing->exchanges->all->len; i > 0; i--)
    {
      const MilterExchange *exchange = milter_exchanges_get (writing->exchanges, i - 1);
      bool of_message = is_one_of (exchange->letter, "MRTLNBE");
      bool guarded = of_message ? in_message : in_session;
      bool passes = lets_pass (exchange) && exchange->letter != MILTER_COMMAND_END_OF_MESSAGE;

      writing->said[i - 1] = exchange->replies->len > 0
                             && (!passes || !guarded || exchange->letter == MILTER_COMMAND_NEGOTIATE);
      in_message = in_message || (of_message && writing->said[i - 1]);
      in_session = in_session || writing->said[i - 1];
      if (is_one_of (exchange->letter, "MH"))
        in_message = false;
      if (exchange->letter == MILTER_COMMAND_QUIT_NC)
        in_message = in_session = false;
    }
}

/* --- commands ------------------------------------------------------------------------------------- */

static void
add_macros (Writing *writing, guint i)
{
  const MilterExchange *exchange = milter_exchanges_get (writing->exchanges, i);
  GPtrArray *macros = writing->macros != NULL && i < writing->macros->len
                          ? g_ptr_array_index (writing->macros, i)
                          : NULL;
  MilterWrittenLine *line;

  writing->session->n_commands[exchange->letter]++;
  if (macros == NULL)
    return;
  line = add_line (writing, /* text= */ NULL);
  line->stage = exchange->letter;
  line->macros = g_ptr_array_ref (macros);
}

static bool
is_offer_of_profile (const Writing *writing, const MilterExchange *exchange)
{
  const MilterNegotiateArgs *args = &exchange->step->negotiate;
  const MilterOffer *own = &writing->style->profile->offer;
  MilterOffer offer = milter_offer_from_args (own, args);

  return offer.version == own->version && offer.actions == own->actions && offer.steps == own->steps
         && (args->symbols == NULL || args->symbols->len == 0) && args->tail == NULL;
}

static void
add_command (Writing *writing, guint i)
{
  const MilterExchange *exchange = milter_exchanges_get (writing->exchanges, i);

  add_macros (writing, i);
  if (exchange->letter == MILTER_COMMAND_NEGOTIATE && is_offer_of_profile (writing, exchange))
    add_line (writing, "negotiate");
  else
    add_line (writing, exchange->text);
  add_answer (writing, i);
}

static guint8
letter_behind (const Writing *writing, guint i)
{
  return i + 1 < writing->exchanges->all->len
             ? milter_exchanges_get (writing->exchanges, i + 1)->letter
             : 0;
}

static bool
has_macros (const Writing *writing, guint i)
{
  return writing->macros != NULL && i < writing->macros->len
         && g_ptr_array_index (writing->macros, i) != NULL;
}

/* What a player fills in: `data` before the content, the end of a header before a body or the end. */
static bool
is_filled_in (const Writing *writing, guint i)
{
  const MilterExchange *exchange = milter_exchanges_get (writing->exchanges, i);
  bool has_header
      = i > 0 && milter_exchanges_get (writing->exchanges, i - 1)->letter == MILTER_COMMAND_HEADER;

  if (writing->said[i] || has_macros (writing, i) || !lets_pass (exchange))
    return false;
  return (exchange->letter == MILTER_COMMAND_DATA && is_one_of (letter_behind (writing, i), "LNBE"))
         || (exchange->letter == MILTER_COMMAND_END_OF_HEADER && has_header
             && is_one_of (letter_behind (writing, i), "BE"));
}

static void
add_mail (Writing *writing, guint *i, guint end, const GByteArray *mail)
{
  MilterBytes bytes = milter_bytes (mail->data, mail->len);
  MilterWrittenLine *line = add_line (writing, "eml ");

  if (bytes.size > MAX_INLINE)
    line->mail = g_bytes_new (bytes.data, bytes.size);
  milter_written_append_here_document (bytes, indent_of_text (writing, false), line->text);
  for (; *i < end; (*i)++)
    {
      const MilterExchange *exchange = milter_exchanges_get (writing->exchanges, *i);

      writing->session->n_commands[exchange->letter]++;
      if (!lets_pass (exchange))
        add_answer (writing, *i);
    }
}

/* The content of the message, if it is a mail; moves on behind it. */
static bool
take_mail (Writing *writing, guint *i)
{
  g_autoptr (GByteArray) mail = NULL;
  guint end;

  if (!writing->style->mails
      || !is_one_of (milter_exchanges_get (writing->exchanges, *i)->letter, "LNB"))
    return false;
  mail = milter_written_find_mail (writing->exchanges, writing->style->profile, *i, &end);
  if (mail == NULL || !milter_written_is_text (milter_bytes (mail->data, mail->len)))
    return false;
  for (guint k = *i; k < end; k++)
    if (has_macros (writing, k))
      return false;
  add_mail (writing, i, end, mail);
  return true;
}

/* --- messages and ends ---------------------------------------------------------------------------- */

static void
note_message (Writing *writing, guint i)
{
  const MilterExchange *exchange = milter_exchanges_get (writing->exchanges, i);
  guint8 letter = exchange->letter, verdict = milter_exchange_get_verdict (exchange);
  bool passes = verdict == 0 || is_one_of (verdict, "cs");

  if (milter_exchanges_begin_message (writing->exchanges, i))
    {
      writing->open = true;
      writing->n_recipients = writing->n_refused = 0;
    }
  if (letter == MILTER_COMMAND_ENVELOPE_RECIPIENT)
    {
      writing->n_recipients++;
      writing->n_refused += is_one_of (verdict, "rty");
      passes = passes || is_one_of (verdict, "rty");
    }
  if (letter == MILTER_COMMAND_END_OF_MESSAGE || (is_one_of (letter, "MRTLNB") && !passes)
      || is_one_of (letter, "AQK"))
    writing->open = false;
}

/* What an MTA does by itself when a message or a session is over. */
static bool
is_left_out (const Writing *writing, guint i)
{
  const MilterExchange *exchange = milter_exchanges_get (writing->exchanges, i);
  bool all_refused
      = writing->n_recipients > 0 && writing->n_refused == writing->n_recipients;
  bool in_tail = i >= writing->tail;

  if (writing->style->ends == MILTER_ENDS_LEFT_OUT && in_tail
      && exchange->step->kind != MILTER_STEP_KIND_RESET)
    return true;
  return exchange->letter == MILTER_COMMAND_ABORT && writing->style->ends != MILTER_ENDS_WRITTEN
         && (in_tail || !writing->open || all_refused);
}

static guint
find_tail (const MilterExchanges *exchanges)
{
  guint n = exchanges->all->len;

  while (n > 0)
    {
      const MilterExchange *exchange = milter_exchanges_get (exchanges, n - 1);

      if (exchange->replies->len > 0
          || (exchange->letter != 0 && !is_one_of (exchange->letter, "AQ")))
        break;
      n--;
    }
  return n;
}

static guint
count_messages (const MilterExchanges *exchanges)
{
  guint n = 0;

  for (guint i = 0; i < exchanges->all->len; i++)
    n += milter_exchanges_begin_message (exchanges, i);
  return n;
}

static void
add_message_line (Writing *writing, guint i)
{
  g_autofree char *name = milter_written_message_name (writing->exchanges, i);
  g_autoptr (GString) line = g_string_new ("message ");

  milter_text_append_word (milter_bytes_from_string (name), MILTER_TEXT_PLAIN, line);
  add_line (writing, line->str);
}

static void
write_all (Writing *writing)
{
  for (guint i = 0; i < writing->exchanges->all->len;)
    {
      const MilterExchange *exchange = milter_exchanges_get (writing->exchanges, i);

      if (is_left_out (writing, i))
        {
          note_message (writing, i);
          i++;
          continue;
        }
      if (writing->n_messages > 1 && milter_exchanges_begin_message (writing->exchanges, i))
        add_message_line (writing, i);
      if (take_mail (writing, &i))
        continue;
      if (is_filled_in (writing, i))
        writing->session->n_commands[exchange->letter]++;
      else
        add_command (writing, i);
      note_message (writing, i);
      i++;
    }
}

MilterWrittenSession *
milter_written_session_new (const MilterExchanges *exchanges,
                            const MilterWrittenStyle *style,
                            const GPtrArray *macros)
{
  g_autofree bool *said = g_new0 (bool, exchanges->all->len);
  Writing writing = {
    .exchanges = exchanges,
    .style = style,
    .macros = macros,
    .session = session_new (milter_written_session_name (exchanges), style->profile),
    .said = said,
    .n_messages = count_messages (exchanges),
    .tail = find_tail (exchanges),
  };

  choose_answers (&writing);
  write_all (&writing);
  return writing.session;
}

/* --- frame by frame ------------------------------------------------------------------------------- */

/* a line of the trace, without its time and its connection */
static const char *
skip_prefix (const char *line)
{
  for (int n = 0; n < 2; n++)
    {
      const char *blank = strchr (line, ' ');

      if (blank != NULL && is_one_of ((guint8) *line, "+@"))
        line = blank + 1;
    }
  return line;
}

MilterWrittenSession *
milter_written_session_new_exact (const MilterExchanges *exchanges, const char *why)
{
  MilterWrittenSession *session
      = session_new (milter_written_session_name (exchanges), milter_profile_get ("exact"));
  g_autofree char *comment = g_strdup_printf ("# frame by frame: %s", why);

  g_ptr_array_add (session->lines, written_line_new (comment));
  for (char **line = exchanges->lines; *line != NULL; line++)
    {
      const char *text = skip_prefix (*line);

      if (**line == '+' && !g_str_has_prefix (text, "session"))
        g_ptr_array_add (session->lines, written_line_new (text));
    }
  return session;
}

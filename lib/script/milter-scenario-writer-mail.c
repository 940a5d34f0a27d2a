/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario-writer-mail.c: the content of a message as a mail.
 */
#include "milter-scenario-writer-private.h"

#include <string.h>

#include "milter-mail-private.h"
#include "milter-payload.h"

/* --- here-documents ------------------------------------------------------------------------------- */

static bool
is_visible (gunichar character)
{
  return character == '\t' || character == ' '
         || (g_unichar_isgraph (character) && !g_unichar_iszerowidth (character));
}

/* each of its lines ends in CRLF, and an editor shows all of them as they are */
bool
milter_written_is_text (MilterBytes bytes)
{
  const char *at = (const char *) bytes.data, *end = at + bytes.size;

  if (bytes.size < 2 || memcmp (end - 2, "\r\n", 2) != 0)
    return false;
  while (at < end)
    {
      gunichar character = g_utf8_get_char_validated (at, end - at);

      if (character == '\r' && end - at >= 2 && at[1] == '\n')
        at += 2;
      else if (character >= 0x110000 || !is_visible (character))
        return false;
      else
        at = g_utf8_next_char (at);
    }
  return true;
}

/* the next line, without its end */
static bool
next_line (MilterBytes *text, MilterBytes *line)
{
  const guint8 *end = text->size > 0 ? memchr (text->data, '\n', text->size) : NULL;

  if (end == NULL)
    return false;
  *line = milter_bytes (text->data, (gsize) (end - text->data) - 1);
  *text = milter_bytes (end + 1, text->size - line->size - 2);
  return true;
}

static bool
has_line (MilterBytes text, const GString *word)
{
  MilterBytes line;

  while (next_line (&text, &line))
    {
      while (line.size > 0 && strchr (" \t", line.data[0]) != NULL)
        line = milter_bytes (line.data + 1, line.size - 1);
      while (line.size > 0 && strchr (" \t", line.data[line.size - 1]) != NULL)
        line.size--;
      if (milter_bytes_equal (line, milter_bytes (word->str, word->len)))
        return true;
    }
  return false;
}

void
milter_written_append_here_document (MilterBytes bytes, guint indent, GString *text)
{
  g_autofree char *blanks = g_strnfill (indent, ' ');
  g_autoptr (GString) word = g_string_new ("END");
  MilterBytes line;

  for (guint n = 2; has_line (bytes, word); n++)
    g_string_printf (word, "END%u", n);
  g_string_append_printf (text, "<<%s\n", word->str);
  while (next_line (&bytes, &line))
    {
      g_string_append (text, line.size > 0 ? blanks : "");
      g_string_append_len (text, (const char *) line.data, (gssize) line.size);
      g_string_append_c (text, '\n');
    }
  g_string_append_printf (text, "%s%s", blanks, word->str);
}

/* --- mails ---------------------------------------------------------------------------------------- */

static MilterBytes
argument (const MilterExchange *exchange, guint n)
{
  const GPtrArray *arguments = exchange->step->arguments;

  return n < arguments->len ? milter_payload_view (g_ptr_array_index (arguments, n))
                            : milter_bytes (NULL, 0);
}

static bool
lets_pass (const MilterExchange *exchange)
{
  return exchange->step->expectations->len == exchange->replies->len
         && (exchange->replies->len == 0
             || (exchange->replies->len == 1
                 && milter_exchange_get_reply (exchange, 0) == MILTER_REPLY_CONTINUE));
}

/* the last piece of a body that is sent: the milter wants no more of it */
static bool
is_skipped (const MilterExchange *exchange)
{
  return exchange->letter == MILTER_COMMAND_BODY && exchange->replies->len == 1
         && milter_exchange_get_reply (exchange, 0) == MILTER_REPLY_SKIP;
}

static void
append_field (const MilterExchange *exchange, GByteArray *mail)
{
  MilterBytes value = argument (exchange, 1);

  milter_payload_append (mail, argument (exchange, 0));
  milter_payload_append (mail, milter_bytes_from_string (":"));
  for (gsize i = 0; i < value.size; i++)
    {
      if (value.data[i] == '\n')
        milter_payload_append (mail, milter_bytes_from_string ("\r"));
      milter_payload_append (mail, milter_bytes (value.data + i, 1));
    }
  milter_payload_append (mail, milter_bytes_from_string ("\r\n"));
}

/* An MTA that is handed the mail makes the same fields and the same body of it. */
static bool
is_same (const MilterExchanges *exchanges,
         const MilterProfile *profile,
         guint begin,
         guint end,
         const GByteArray *file)
{
  g_autoptr (MilterMail) mail = milter_mail_new ();
  g_autoptr (GByteArray) body = g_byte_array_new ();
  guint n = 0;

  milter_profile_parse_mail (profile, mail, milter_bytes (file->data, file->len));
  for (guint i = begin; i < end; i++)
    {
      const MilterExchange *exchange = milter_exchanges_get (exchanges, i);
      const MilterMailHeader *header;

      if (exchange->letter == MILTER_COMMAND_BODY)
        milter_payload_append (body, argument (exchange, 0));
      if (exchange->letter != MILTER_COMMAND_HEADER)
        continue;
      if (n >= mail->headers->len)
        return false;
      header = g_ptr_array_index (mail->headers, n++);
      if (!milter_bytes_equal (milter_bytes (header->name->str, header->name->len), argument (exchange, 0))
          || !milter_bytes_equal (milter_bytes (header->value->str, header->value->len),
                                  argument (exchange, 1)))
        return false;
    }
  return n == mail->headers->len && mail->body->len == body->len
         && (body->len == 0 || memcmp (mail->body->data, body->data, body->len) == 0);
}

GByteArray *
milter_written_find_mail (const MilterExchanges *exchanges,
                          const MilterProfile *profile,
                          guint begin,
                          guint *end)
{
  static const char order[] = "LNB";
  g_autoptr (GByteArray) mail = g_byte_array_new ();
  const char *at = order;
  bool skipped = false, in_body = false;
  guint i;

  for (i = begin; i < exchanges->all->len; i++)
    {
      const MilterExchange *exchange = milter_exchanges_get (exchanges, i);
      const char *found = exchange->letter != 0 ? strchr (at, exchange->letter) : NULL;

      if (found == NULL)
        break;
      if (skipped || !(lets_pass (exchange) || is_skipped (exchange)))
        return NULL;
      at = found;
      skipped = is_skipped (exchange);
      if (exchange->letter == MILTER_COMMAND_HEADER)
        append_field (exchange, mail);
      else if (!in_body)
        milter_payload_append (mail, milter_bytes_from_string ("\r\n"));
      in_body = in_body || exchange->letter != MILTER_COMMAND_HEADER;
      if (exchange->letter == MILTER_COMMAND_BODY)
        milter_payload_append (mail, argument (exchange, 0));
    }
  if (i == begin || i == exchanges->all->len || strcmp (milter_exchanges_get (exchanges, i)->text, "eom") != 0)
    return NULL;
  *end = i;
  return is_same (exchanges, profile, begin, i, mail) ? g_steal_pointer (&mail) : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-smtp-reply.c: the text of a REPLYCODE frame.
 *
 * What is refused is what sendmail or Postfix replaces by a text of its own, or mangles; the table
 * of milter-protocol 3.7 says which does what.
 */
#include "milter-smtp-reply.h"

#include <stdbool.h>
#include <string.h>

#define CODE_DIGITS 3

/* how an extended code may begin, for milter_smtp_reply_format() */
#define EXTENDED_MAX_DIGITS 3

G_DEFINE_QUARK (milter-smtp-reply-error-quark, milter_smtp_reply_error)

static void
string_free (gpointer string)
{
  g_string_free (string, /* free_segment= */ TRUE);
}

static MilterSmtpReply *
reply_new (void)
{
  MilterSmtpReply *reply = g_new0 (MilterSmtpReply, 1);

  reply->lines = g_ptr_array_new_with_free_func (string_free);
  return reply;
}

void
milter_smtp_reply_free (MilterSmtpReply *reply)
{
  if (reply == NULL)
    return;
  g_free (reply->extended);
  g_ptr_array_unref (reply->lines);
  g_free (reply);
}

static bool
refuse (MilterSmtpReplyError code, guint line, const char *cause, GError **error)
{
  g_set_error (error, MILTER_SMTP_REPLY_ERROR, code, "reply text, line %u: %s", line + 1, cause);
  return false;
}

static MilterBytes
skip (MilterBytes bytes, gsize n)
{
  return milter_bytes (bytes.data + n, bytes.size - n);
}

static bool
starts_with (MilterBytes bytes, const char *prefix)
{
  gsize size = strlen (prefix);

  return bytes.size >= size && memcmp (bytes.data, prefix, size) == 0;
}

static gsize
count_digits (MilterBytes bytes)
{
  gsize n = 0;

  while (n < bytes.size && g_ascii_isdigit ((char) bytes.data[n]))
    n++;
  return n;
}

/* the size of the extended code that the text begins with, 0 if it begins with none: one digit and
 * twice up to three, then a blank or the end (1.2.3.4 is an address, not a code) */
static gsize
extended_size (MilterBytes text)
{
  MilterBytes rest = text;

  for (int part = 0; part < 3; part++)
    {
      gsize digits = count_digits (rest);

      if (digits == 0 || digits > (part == 0 ? 1 : EXTENDED_MAX_DIGITS))
        return 0;
      rest = skip (rest, digits);
      if (part == 2)
        break;
      if (!starts_with (rest, "."))
        return 0;
      rest = skip (rest, 1);
    }
  if (rest.size > 0 && rest.data[0] != ' ')
    return 0;
  return text.size - rest.size;
}

static bool
parse_code (MilterBytes line, guint i, guint *code, GError **error)
{
  guint number = 0;

  if (line.size < CODE_DIGITS || count_digits (milter_bytes (line.data, CODE_DIGITS)) < CODE_DIGITS)
    return refuse (MILTER_SMTP_REPLY_ERROR_CODE, i, "begins with no three-digit code", error);
  for (gsize digit = 0; digit < CODE_DIGITS; digit++)
    number = number * 10 + (guint) (line.data[digit] - '0');
  if (number < 400 || number > 599)
    return refuse (MILTER_SMTP_REPLY_ERROR_CODE, i, "the code is neither 4xx nor 5xx", error);
  *code = number;
  return true;
}

/* takes the extended code off the text; all lines have the first one's */
static bool
parse_extended (MilterSmtpReply *reply, guint i, MilterBytes *text, GError **error)
{
  gsize size = extended_size (*text);
  g_autofree char *extended = NULL;

  if (size == 0 || (i > 0 && reply->extended == NULL))
    return true;
  extended = g_strndup ((const char *) text->data, size);
  if ((guint) (extended[0] - '0') != reply->code / 100)
    return refuse (MILTER_SMTP_REPLY_ERROR_EXTENDED,
                   i,
                   "the extended code is of another class than the code",
                   error);
  if (i > 0 && strcmp (reply->extended, extended) != 0)
    return refuse (MILTER_SMTP_REPLY_ERROR_MIXED,
                   i,
                   "the extended code differs from that of the first line",
                   error);

  if (i == 0)
    reply->extended = g_steal_pointer (&extended);
  *text = skip (*text, MIN (size + 1, text->size));
  return true;
}

/* libmilter passes percent signs through and both MTAs take two for one */
static bool
parse_text (MilterSmtpReply *reply, guint i, MilterBytes text, GError **error)
{
  g_autoptr (GString) line = g_string_sized_new (text.size);

  for (gsize at = 0; at < text.size; at++)
    {
      g_string_append_c (line, (char) text.data[at]);
      if (text.data[at] != '%')
        continue;
      if (at + 1 == text.size || text.data[at + 1] != '%')
        return refuse (MILTER_SMTP_REPLY_ERROR_PERCENT, i, "a percent sign is not doubled", error);
      at++;
    }
  g_ptr_array_add (reply->lines, g_steal_pointer (&line));
  return true;
}

static bool
parse_line (MilterSmtpReply *reply, guint i, MilterBytes line, bool last, GError **error)
{
  guint code = 0;
  MilterBytes text;

  if (i == MILTER_SMTP_REPLY_MAX_LINES)
    return refuse (MILTER_SMTP_REPLY_ERROR_LINE, i, "more than 32 lines", error);
  if (!parse_code (line, i, &code, error))
    return false;
  if (i > 0 && code != reply->code)
    return refuse (
        MILTER_SMTP_REPLY_ERROR_MIXED, i, "the code differs from that of the first line", error);
  text = skip (line, CODE_DIGITS);
  if (text.size == 0)
    return refuse (MILTER_SMTP_REPLY_ERROR_CODE, i, "nothing follows the code", error);
  if (text.data[0] != (last ? ' ' : '-'))
    return refuse (MILTER_SMTP_REPLY_ERROR_LINE,
                   i,
                   last ? "no blank follows the code of the last line"
                        : "no '-' follows the code although another line follows",
                   error);

  text = skip (text, 1);
  reply->code = code;
  if (!parse_extended (reply, i, &text, error))
    return false;
  if (text.size > MILTER_SMTP_REPLY_MAX_LINE)
    return refuse (MILTER_SMTP_REPLY_ERROR_LINE, i, "longer than 980 bytes", error);
  return parse_text (reply, i, text, error);
}

/* lines end in CRLF; a CR, LF or NUL by itself would go to the client as it is */
static bool
take_line (MilterBytes *rest, guint i, MilterBytes *line, bool *last, GError **error)
{
  gsize end = 0;

  while (end < rest->size && strchr ("\r\n", rest->data[end]) == NULL)
    end++;
  *line = milter_bytes (rest->data, end);
  *rest = skip (*rest, end);
  *last = rest->size == 0;
  if (*last)
    return true;
  if (!starts_with (*rest, "\r\n"))
    return refuse (MILTER_SMTP_REPLY_ERROR_LINE, i, "a CR, LF or NUL that is no line end", error);
  *rest = skip (*rest, 2);
  return true;
}

/**
 * milter_smtp_reply_parse: (skip)
 * @text: what a REPLYCODE frame carries, without its NUL
 * @error: what is wrong, in the domain %MILTER_SMTP_REPLY_ERROR
 *
 * Returns: (transfer full) (nullable): the reply, %NULL with @error for a text that an MTA refuses
 *   or mangles
 */
MilterSmtpReply *
milter_smtp_reply_parse (MilterBytes text, GError **error)
{
  g_autoptr (MilterSmtpReply) reply = reply_new ();
  bool last = false;

  for (guint i = 0; !last; i++)
    {
      MilterBytes line;

      if (!take_line (&text, i, &line, &last, error) || !parse_line (reply, i, line, last, error))
        return NULL;
    }
  return g_steal_pointer (&reply);
}

static void
append_text (GString *reply, MilterBytes text)
{
  for (gsize i = 0; i < text.size; i++)
    {
      g_string_append_c (reply, (char) text.data[i]);
      if (text.data[i] == '%')
        g_string_append_c (reply, '%');
    }
}

static void
append_line (GString *reply, guint code, const char *extended, MilterBytes text, bool last)
{
  g_string_append_printf (reply, "%u%c", code, last ? ' ' : '-');
  if (extended != NULL)
    g_string_append (reply, extended);
  if (extended != NULL && text.size > 0)
    g_string_append_c (reply, ' ');
  append_text (reply, text);
  if (!last)
    g_string_append (reply, "\r\n");
}

static bool
check_codes (guint code, const char *extended, GError **error)
{
  MilterBytes bytes = milter_bytes_from_string (extended);

  if (code < 400 || code > 599)
    {
      g_set_error (error,
                   MILTER_SMTP_REPLY_ERROR,
                   MILTER_SMTP_REPLY_ERROR_CODE,
                   "reply code %u is neither 4xx nor 5xx",
                   code);
      return false;
    }
  if (extended == NULL)
    return true;
  if (bytes.size == 0 || extended_size (bytes) != bytes.size)
    {
      g_set_error (error,
                   MILTER_SMTP_REPLY_ERROR,
                   MILTER_SMTP_REPLY_ERROR_EXTENDED,
                   "extended code \"%s\" has not the form 5.7.1",
                   extended);
      return false;
    }
  return true;
}

/**
 * milter_smtp_reply_format: (skip)
 * @code: 400 to 599
 * @extended: (nullable): as `5.7.1`, of the same class as @code
 * @message: the text, its lines separated by `\n`
 * @error: what is wrong, in the domain %MILTER_SMTP_REPLY_ERROR
 *
 * Puts a reply together as libmilter does. A code alone gets the extended code 4.0.0 or 5.0.0,
 * since Postfix refuses a reply in which nothing follows the code.
 *
 * Returns: (transfer full) (nullable): what a REPLYCODE frame carries, without its NUL
 */
GString *
milter_smtp_reply_format (guint code, const char *extended, MilterBytes message, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (MilterSmtpReply) reply = NULL;
  bool last = false;

  if (!check_codes (code, extended, error))
    return NULL;
  if (extended == NULL && message.size == 0)
    extended = code < 500 ? "4.0.0" : "5.0.0";

  while (!last)
    {
      const guint8 *end = message.size == 0 ? NULL : memchr (message.data, '\n', message.size);
      gsize size = end == NULL ? message.size : (gsize) (end - message.data);

      last = end == NULL;
      append_line (text, code, extended, milter_bytes (message.data, size), last);
      if (!last)
        message = skip (message, size + 1);
    }

  /* what was put together must stand where an MTA reads it */
  reply = milter_smtp_reply_parse (milter_bytes (text->str, text->len), error);
  return reply == NULL ? NULL : g_steal_pointer (&text);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lint-text.c: what stands in header fields, bodies and reply texts.
 */
#include "milter-lint-private.h"

#include <string.h>

#include "milter-smtp-reply.h"

/* RFC 5322 2.1.1, and RFC 5321 4.5.3.1.5 for replies; both without the line end */
#define MAX_HEADER_LINE 998
#define MAX_REPLY_LINE  510

/* `add-header "X-Spam"` */
static void
append_header (GString *what, const MilterLintEvent *event, MilterBytes name)
{
  milter_lint_append_name (what, event->message);
  g_string_append_c (what, ' ');
  milter_lint_append_quoted (what, name);
}

/* --- fields ----------------------------------------------------------------------------------- */

static const char *
find_name_fault (MilterBytes name)
{
  if (name.size == 0)
    return "has an empty name";
  for (gsize i = 0; i < name.size; i++)
    {
      guint8 byte = name.data[i];

      if (byte == ':')
        return "has a colon in its name";
      if (byte == ' ' || byte == '\t')
        return "has a blank in its name";
      if (byte < ' ' || byte == 0x7f)
        return "has a control character in its name";
      if (byte > 0x7f)
        return "has a byte above 127 in its name";
    }
  return NULL;
}

bool
milter_lint_header_name (const MilterLintEvent *event, GString *what)
{
  MilterBytes name, value;
  const char *fault;

  if (!milter_lint_get_header (event->message, &name, &value))
    return false;
  fault = find_name_fault (name);
  if (fault == NULL)
    return false;
  append_header (what, event, name);
  g_string_append_printf (what, " %s", fault);
  return true;
}

bool
milter_lint_header_lines (const MilterLintEvent *event, GString *what)
{
  MilterBytes name, value;

  if (!milter_lint_get_header (event->message, &name, &value))
    return false;
  for (gsize i = 0; i < value.size; i++)
    {
      if (value.data[i] != '\n'
          || (i + 1 < value.size && (value.data[i + 1] == ' ' || value.data[i + 1] == '\t')))
        continue;
      append_header (what, event, name);
      g_string_append (what,
                       i + 1 == value.size
                           ? " has a value that ends in a line break"
                           : " has a value with a line that does not begin with a blank or a tab");
      return true;
    }
  return false;
}

bool
milter_lint_header_cr (const MilterLintEvent *event, GString *what)
{
  MilterBytes name, value;

  if (!milter_lint_get_header (event->message, &name, &value) || value.size == 0
      || memchr (value.data, '\r', value.size) == NULL)
    return false;
  append_header (what, event, name);
  g_string_append (what, " has a CR in its value");
  return true;
}

bool
milter_lint_header_control (const MilterLintEvent *event, GString *what)
{
  MilterBytes name, value;

  if (!milter_lint_get_header (event->message, &name, &value))
    return false;
  for (gsize i = 0; i < value.size; i++)
    {
      guint8 byte = value.data[i];

      if ((byte >= ' ' && byte != 0x7f) || strchr ("\t\r\n", byte) != NULL)
        continue;
      append_header (what, event, name);
      g_string_append_printf (what, " has the byte 0x%02x in its value", byte);
      return true;
    }
  return false;
}

static bool
has_leading_space (const MilterLintEvent *event)
{
  return (event->peer->session.agreed.steps & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE) != 0;
}

bool
milter_lint_header_two_blanks (const MilterLintEvent *event, GString *what)
{
  MilterBytes name, value;

  if (has_leading_space (event) || !milter_lint_get_header (event->message, &name, &value)
      || value.size == 0 || value.data[0] != ' ')
    return false;
  append_header (what, event, name);
  g_string_append (what, " has a value that begins with a blank, without HDR_LEADSPC");
  return true;
}

bool
milter_lint_header_no_blank (const MilterLintEvent *event, GString *what)
{
  MilterBytes name, value;

  if (!has_leading_space (event) || !milter_lint_get_header (event->message, &name, &value)
      || value.size == 0 || strchr (" \t\r\n", value.data[0]) != NULL)
    return false;
  append_header (what, event, name);
  g_string_append (what, " has a value that does not begin with a blank, with HDR_LEADSPC");
  return true;
}

/* the longest line; the name and what an MTA puts behind it stand in the first one */
static gsize
longest_line (MilterBytes value, gsize before)
{
  gsize longest = 0, line = before;

  for (gsize i = 0; i < value.size; i++)
    {
      line = value.data[i] == '\n' ? 0 : line + 1;
      longest = MAX (longest, line);
    }
  return longest;
}

bool
milter_lint_header_long_line (const MilterLintEvent *event, GString *what)
{
  MilterBytes name, value;
  gsize longest;

  if (!milter_lint_get_header (event->message, &name, &value))
    return false;
  longest = longest_line (value, name.size + (has_leading_space (event) ? 1 : 2));
  if (longest <= MAX_HEADER_LINE)
    return false;
  append_header (what, event, name);
  g_string_append_printf (what, " has a line of %" G_GSIZE_FORMAT " bytes", longest);
  return true;
}

/* --- body ------------------------------------------------------------------------------------- */

bool
milter_lint_body_line_ends (const MilterLintEvent *event, GString *what)
{
  MilterBytes chunk = event->message->payload;
  bool cr = event->peer->body_begun && event->peer->body_ends_in_cr;

  for (gsize i = 0; i < chunk.size; i++)
    {
      guint8 byte = chunk.data[i];

      if (cr != (byte == '\n'))
        {
          g_string_append_printf (
              what, "replace-body has a %s in the new body", cr ? "CR that no LF follows" : "LF without CR");
          return true;
        }
      cr = byte == '\r';
    }
  return false;
}

/* --- reply texts ------------------------------------------------------------------------------ */

/* takes one line off @rest, which are separated by CRLF */
static MilterBytes
take_line (MilterBytes *rest)
{
  const guint8 *end = memmem (rest->data, rest->size, "\r\n", 2);
  MilterBytes line = milter_bytes (rest->data, end == NULL ? rest->size : (gsize) (end - rest->data));
  gsize gone = MIN (line.size + 2, rest->size);

  *rest = milter_bytes (rest->data + gone, rest->size - gone);
  return line;
}

static guint
measure_reply (MilterBytes text, gsize *longest)
{
  guint n_lines = 0;

  *longest = 0;
  do
    {
      MilterBytes line = take_line (&text);

      *longest = MAX (*longest, line.size);
      n_lines++;
    }
  while (text.size > 0);
  return n_lines;
}

/* 'ddd' and a blank or dash stand before the text that libmilter counts */
#define CODE_SIZE 4

static bool
is_long (MilterBytes text)
{
  gsize longest;
  guint n_lines = measure_reply (text, &longest);

  return n_lines > MILTER_SMTP_REPLY_MAX_LINES || longest > MILTER_SMTP_REPLY_MAX_LINE + CODE_SIZE;
}

static GError *
find_reply_fault (const MilterMessage *message)
{
  GError *error = NULL;
  MilterSmtpReply *reply = milter_smtp_reply_parse (message->fields[0].bytes, &error);

  milter_smtp_reply_free (reply);
  return error;
}

static bool
append_reply_fault (const MilterLintEvent *event, const GError *fault, GString *what)
{
  g_string_append_printf (what, "%s: ", fault->message);
  milter_lint_append_quoted (what, event->message->fields[0].bytes);
  return true;
}

bool
milter_lint_reply_text (const MilterLintEvent *event, GString *what)
{
  g_autoptr (GError) fault = NULL;

  if (milter_lint_append_fault (what, event->message))
    return true;
  fault = find_reply_fault (event->message);
  if (fault == NULL || fault->code == MILTER_SMTP_REPLY_ERROR_EXTENDED
      || (fault->code == MILTER_SMTP_REPLY_ERROR_LINE && is_long (event->message->fields[0].bytes)))
    return false;
  return append_reply_fault (event, fault, what);
}

bool
milter_lint_reply_class (const MilterLintEvent *event, GString *what)
{
  g_autoptr (GError) fault = NULL;

  if (event->message->fault != MILTER_NO_FAULT)
    return false;
  fault = find_reply_fault (event->message);
  return fault != NULL && fault->code == MILTER_SMTP_REPLY_ERROR_EXTENDED
         && append_reply_fault (event, fault, what);
}

bool
milter_lint_reply_long (const MilterLintEvent *event, GString *what)
{
  gsize longest;
  guint n_lines;

  if (event->message->fault != MILTER_NO_FAULT)
    return false;
  n_lines = measure_reply (event->message->fields[0].bytes, &longest);
  if (n_lines > MILTER_SMTP_REPLY_MAX_LINES)
    g_string_append_printf (what, "the reply has %u lines", n_lines);
  else if (longest > MAX_REPLY_LINE)
    g_string_append_printf (what, "the reply has a line of %" G_GSIZE_FORMAT " bytes", longest);
  else
    return false;
  return true;
}

bool
milter_lint_reply_bytes (const MilterLintEvent *event, GString *what)
{
  MilterBytes text = event->message->payload;

  if (event->message->fault != MILTER_NO_FAULT)
    return false;
  text = event->message->fields[0].bytes;
  for (gsize i = 0; i < text.size; i++)
    {
      guint8 byte = text.data[i];

      if ((byte >= ' ' && byte < 0x7f) || strchr ("\r\n\t", byte) != NULL)
        continue;
      g_string_append_printf (what, "the reply holds the byte 0x%02x: ", byte);
      milter_lint_append_quoted (what, text);
      return true;
    }
  return false;
}

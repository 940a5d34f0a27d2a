/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-mail-parse.c: a mail file, taken apart as an MTA would.
 *
 * A file has whatever line ends its author gave it; an MTA would have seen it behind an SMTP
 * client, which sends whole lines that end in CRLF. The rules for what is a header field are
 * Postfix's (milter-protocol 6.1; sendmail shows the same fields for the same mail).
 */
#include <string.h>

#include "milter-mail-private.h"

/* Takes the next line, without its line end, and moves on; false at the end. As in SMTP input any
 * CRs before the LF belong to the line end. */
static bool
next_line (MilterBytes *rest, MilterBytes *line)
{
  const guint8 *line_feed;

  if (rest->size == 0)
    return false;
  line_feed = memchr (rest->data, '\n', rest->size);
  line->data = rest->data;
  line->size = line_feed == NULL ? rest->size : (gsize) (line_feed - rest->data);
  rest->size -= line->size + (line_feed != NULL);
  rest->data += line->size + (line_feed != NULL);
  while (line->size > 0 && line->data[line->size - 1] == '\r')
    line->size--;
  return true;
}

static bool
is_blank (guint8 byte)
{
  return byte == ' ' || byte == '\t';
}

/* The size of the field name at the start of a line, or 0: printable ASCII, then maybe white space
 * (an obsolete form that MTAs leave out), then a colon. */
static gsize
field_name_size (MilterBytes line, gsize *value_offset)
{
  gsize size = 0;
  gsize colon;

  while (size < line.size && line.data[size] > 0x20 && line.data[size] < 0x7f
         && line.data[size] != ':')
    size++;
  for (colon = size; colon < line.size && is_blank (line.data[colon]);)
    colon++;
  if (size == 0 || colon == line.size || line.data[colon] != ':')
    return 0;
  *value_offset = colon + 1;
  return size;
}

/* mbox files and Unix mail programs put "From sender date" before a message, quoted or not */
static bool
is_mbox_line (MilterBytes line)
{
  while (line.size > 0 && line.data[0] == '>')
    {
      line.data++;
      line.size--;
    }
  return line.size >= 5 && memcmp (line.data, "From ", 5) == 0;
}

static void
skip_mbox_lines (MilterBytes *rest)
{
  MilterBytes line;

  for (MilterBytes ahead = *rest; next_line (&ahead, &line) && is_mbox_line (line);)
    *rest = ahead;
}

/* appends a line to the value of the last field, as its fold */
static void
continue_field (MilterMail *mail, MilterBytes line)
{
  MilterMailHeader *header = g_ptr_array_index (mail->headers, mail->headers->len - 1);

  g_string_append_c (header->value, '\n');
  g_string_append_len (header->value, (const char *) line.data, (gssize) line.size);
}

/* Takes the header off @rest. The empty line behind it goes too; a line that is no field is the
 * first line of the body. */
static void
parse_header (MilterMail *mail, MilterBytes *rest)
{
  MilterBytes line;
  bool in_field = false;

  for (MilterBytes ahead = *rest; next_line (&ahead, &line); *rest = ahead)
    {
      gsize value_offset = 0;
      gsize name_size;

      if (line.size == 0)
        {
          *rest = ahead;
          return;
        }
      if (in_field && is_blank (line.data[0]))
        {
          continue_field (mail, line);
          continue;
        }
      name_size = field_name_size (line, &value_offset);
      if (name_size == 0)
        return;
      milter_mail_append_header (mail,
                                 milter_bytes (line.data, name_size),
                                 milter_bytes (line.data + value_offset, line.size - value_offset),
                                 /* hidden= */ FALSE);
      in_field = true;
    }
}

void
milter_mail_parse (MilterMail *mail, MilterBytes file)
{
  MilterBytes rest = file;
  MilterBytes line;

  skip_mbox_lines (&rest);
  parse_header (mail, &rest);
  while (next_line (&rest, &line))
    {
      milter_mail_append_body (mail, line);
      milter_mail_append_body (mail, milter_bytes ("\r\n", 2));
    }
}

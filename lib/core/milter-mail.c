/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-mail.c: a mail as an MTA holds it, from its parts and back to bytes.
 *
 * How a file is taken apart stands in milter-mail-parse.c, what a milter's edits do in
 * milter-mail-edit.c.
 */
#include "milter-mail-private.h"

#include <string.h>

static GString *
string_new (MilterBytes bytes)
{
  return g_string_new_len ((const char *) bytes.data, (gssize) bytes.size);
}

static GString *
string_copy (const GString *string)
{
  return string == NULL ? NULL : g_string_new_len (string->str, (gssize) string->len);
}

static void
string_free (GString *string)
{
  if (string != NULL)
    g_string_free (string, TRUE);
}

/* "BODY=8BITMIME\0SIZE=500\0" as "BODY=8BITMIME SIZE=500", no arguments as NULL */
static GString *
join_arguments (MilterBytes packed)
{
  GString *joined = NULL;
  MilterBytes argument;

  while (milter_strings_next (&packed, &argument))
    {
      if (joined == NULL)
        joined = g_string_new (NULL);
      else
        g_string_append_c (joined, ' ');
      g_string_append_len (joined, (const char *) argument.data, (gssize) argument.size);
    }
  return joined;
}

static void
address_clear (MilterMailAddress *address)
{
  g_clear_pointer (&address->address, string_free);
  g_clear_pointer (&address->arguments, string_free);
}

static void
address_free (gpointer data)
{
  address_clear (data);
  g_free (data);
}

static gpointer
address_copy (gconstpointer source, gpointer unused)
{
  const MilterMailAddress *address = source;
  MilterMailAddress *copy = g_new0 (MilterMailAddress, 1);

  copy->address = string_copy (address->address);
  copy->arguments = string_copy (address->arguments);
  copy->added = address->added;
  return copy;
}

static MilterMailAddress *
address_new (MilterBytes bytes, MilterBytes packed_arguments)
{
  MilterMailAddress *address = g_new0 (MilterMailAddress, 1);

  address->address = string_new (bytes);
  address->arguments = join_arguments (packed_arguments);
  return address;
}

static MilterMailHeader *
header_new (MilterBytes name, MilterBytes value, gboolean hidden)
{
  MilterMailHeader *header = g_new0 (MilterMailHeader, 1);

  header->name = string_new (name);
  header->value = string_new (value);
  header->hidden = hidden;
  return header;
}

static void
header_free (gpointer data)
{
  MilterMailHeader *header = data;

  g_string_free (header->name, TRUE);
  g_string_free (header->value, TRUE);
  g_free (header);
}

static gpointer
header_copy (gconstpointer source, gpointer unused)
{
  const MilterMailHeader *header = source;
  MilterMailHeader *copy = g_memdup2 (header, sizeof *header);

  copy->name = string_copy (header->name);
  copy->value = string_copy (header->value);
  return copy;
}

MilterMail *
milter_mail_new (void)
{
  MilterMail *mail = g_new0 (MilterMail, 1);

  mail->sender.address = g_string_new (NULL);
  mail->recipients = g_ptr_array_new_with_free_func (address_free);
  mail->headers = g_ptr_array_new_with_free_func (header_free);
  mail->body = g_byte_array_new ();
  return mail;
}

MilterMail *
milter_mail_copy (const MilterMail *mail)
{
  MilterMail *copy = g_memdup2 (mail, sizeof *mail);

  copy->sender.address = string_copy (mail->sender.address);
  copy->sender.arguments = string_copy (mail->sender.arguments);
  copy->recipients = g_ptr_array_copy (mail->recipients, address_copy, /* user_data= */ NULL);
  g_ptr_array_set_free_func (copy->recipients, address_free);
  copy->headers = g_ptr_array_copy (mail->headers, header_copy, /* user_data= */ NULL);
  g_ptr_array_set_free_func (copy->headers, header_free);
  copy->body = g_byte_array_sized_new (mail->body->len);
  g_byte_array_append (copy->body, mail->body->data, mail->body->len);
  copy->quarantine = string_copy (mail->quarantine);
  return copy;
}

void
milter_mail_free (MilterMail *mail)
{
  if (mail == NULL)
    return;
  address_clear (&mail->sender);
  g_ptr_array_unref (mail->recipients);
  g_ptr_array_unref (mail->headers);
  g_byte_array_unref (mail->body);
  string_free (mail->quarantine);
  g_free (mail);
}

void
milter_mail_clear (MilterMail *mail)
{
  address_clear (&mail->sender);
  mail->sender.address = g_string_new (NULL);
  g_ptr_array_set_size (mail->recipients, 0);
  g_ptr_array_set_size (mail->headers, 0);
  g_byte_array_set_size (mail->body, 0);
  g_clear_pointer (&mail->quarantine, string_free);
  mail->body_replaced = FALSE;
  mail->body_closed = FALSE;
}

void
milter_mail_set_sender (MilterMail *mail, MilterBytes address, MilterBytes packed_arguments)
{
  address_clear (&mail->sender);
  mail->sender.address = string_new (address);
  mail->sender.arguments = join_arguments (packed_arguments);
}

void
milter_mail_add_recipient (MilterMail *mail, MilterBytes address, MilterBytes packed_arguments)
{
  g_ptr_array_add (mail->recipients, address_new (address, packed_arguments));
}

void
milter_mail_append_header (MilterMail *mail, MilterBytes name, MilterBytes value, gboolean hidden)
{
  milter_mail_insert_header (mail, mail->headers->len, name, value, hidden);
}

void
milter_mail_insert_header (MilterMail *mail,
                           guint position,
                           MilterBytes name,
                           MilterBytes value,
                           gboolean hidden)
{
  g_ptr_array_insert (mail->headers,
                      (int) MIN (position, mail->headers->len),
                      header_new (name, value, hidden));
}

void
milter_mail_append_body (MilterMail *mail, MilterBytes bytes)
{
  g_byte_array_append (mail->body, bytes.data, (guint) bytes.size);
}

MilterBytes
milter_mail_wire_value (MilterBytes value, gboolean leading_space)
{
  const guint8 *nul = value.size == 0 ? NULL : memchr (value.data, '\0', value.size);

  /* a frame's strings end at their NUL, so an MTA cannot say more than what stands before one */
  if (nul != NULL)
    value.size = (gsize) (nul - value.data);
  if (!leading_space && value.size > 0 && value.data[0] == ' ')
    return milter_bytes (value.data + 1, value.size - 1);
  return value;
}

/* folds are LF in a header value and CRLF in a message */
static void
append_lines (const GString *text, GByteArray *out)
{
  const char *cursor = text->str;
  const char *end = text->str + text->len;
  const char *line_feed;

  while ((line_feed = memchr (cursor, '\n', (gsize) (end - cursor))) != NULL)
    {
      g_byte_array_append (out, (const guint8 *) cursor, (guint) (line_feed - cursor));
      g_byte_array_append (out, (const guint8 *) "\r\n", 2);
      cursor = line_feed + 1;
    }
  g_byte_array_append (out, (const guint8 *) cursor, (guint) (end - cursor));
}

void
milter_mail_append_message (const MilterMail *mail, GByteArray *out)
{
  for (guint i = 0; i < mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (mail->headers, i);

      if (header->hidden || header->deleted)
        continue;
      append_lines (header->name, out);
      g_byte_array_append (out, (const guint8 *) ":", 1);
      append_lines (header->value, out);
      g_byte_array_append (out, (const guint8 *) "\r\n", 2);
    }
  g_byte_array_append (out, (const guint8 *) "\r\n", 2);
  g_byte_array_append (out, mail->body->data, mail->body->len);
}

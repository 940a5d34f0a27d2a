/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mail-addresses.c: the addresses in a header field.
 *
 * As much of RFC 5322 3.4 as is needed to send a mail to those it names: quoted names, comments,
 * groups and folds are passed over; nothing is judged.
 */
#include "mail-addresses.h"

#include <string.h>

#include "milter-esmtp-private.h"

/* what is known of the address that is being read */
typedef struct
{
  GString *plain; /* text outside of brackets, comments and quotes */
  GString *bracketed;
  bool has_brackets;
} Reading;

/* passes over a quoted string or a comment (which nest) that begins at @i; returns the byte behind
 */
static gsize
skip_enclosed (MilterBytes text, gsize i, char open, char close)
{
  guint depth = 0;

  for (; i < text.size; i++)
    {
      char c = (char) text.data[i];

      if (c == '\\')
        i++;
      else if (c == close && (open != close || depth > 0))
        {
          if (--depth == 0)
            return i + 1;
        }
      else if (c == open)
        depth++;
    }
  return text.size;
}

/* `"john doe"@example.com`: a quoted local part belongs to the address, a quoted name does not */
static bool
is_local_part (MilterBytes text, gsize behind)
{
  return behind < text.size && text.data[behind] == '@';
}

static void
finish (Reading *reading, GPtrArray *addresses)
{
  const GString *found = reading->has_brackets ? reading->bracketed : reading->plain;

  if (found->len > 0)
    g_ptr_array_add (addresses, g_strdup_printf ("<%s>", found->str));
  g_string_truncate (reading->plain, 0);
  g_string_truncate (reading->bracketed, 0);
  reading->has_brackets = false;
}

/* takes what stands between `<` at @i and its `>`; returns the byte behind */
static gsize
read_brackets (Reading *reading, MilterBytes text, gsize i)
{
  reading->has_brackets = true;
  for (i++; i < text.size && text.data[i] != '>'; i++)
    {
      gsize end = i + 1;

      if (text.data[i] == '"')
        end = skip_enclosed (text, i, '"', '"');
      for (gsize k = i; k < end && k < text.size; k++)
        {
          if (!strchr ("\r\n", text.data[k]))
            g_string_append_c (reading->bracketed, (char) text.data[k]);
        }
      i = end - 1;
    }
  return i + 1;
}

GPtrArray *
mail_addresses_parse (MilterBytes text)
{
  GPtrArray *addresses = g_ptr_array_new_with_free_func (g_free);
  Reading reading = { .plain = g_string_new (NULL), .bracketed = g_string_new (NULL) };

  for (gsize i = 0; i < text.size;)
    {
      char c = (char) text.data[i];
      gsize end = i + 1;

      if (c == '"')
        {
          end = skip_enclosed (text, i, '"', '"');
          if (is_local_part (text, end))
            g_string_append_len (reading.plain, (const char *) text.data + i, (gssize) (end - i));
        }
      else if (c == '(')
        end = skip_enclosed (text, i, '(', ')');
      else if (c == '<')
        end = read_brackets (&reading, text, i);
      else if (c == ',' || c == ';')
        finish (&reading, addresses);
      else if (c == ':')
        g_string_truncate (reading.plain, 0); /* the name of a group */
      else if (c != '\0' && !g_ascii_isspace (c))
        g_string_append_c (reading.plain, c);
      i = end;
    }
  finish (&reading, addresses);
  g_string_free (reading.plain, TRUE);
  g_string_free (reading.bracketed, TRUE);
  return addresses;
}

char *
mail_address_bracket (const char *address)
{
  gsize size = _milter_esmtp_address_size (address);

  if (address[0] == '<')
    return g_strdup (address);
  return g_strdup_printf ("<%.*s>%s", (int) size, address, address + size);
}

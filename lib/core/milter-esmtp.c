/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-esmtp.c: the grammar of RFC 5321 4.1.2 for `<path> KEYWORD=value …`, and the bytes above
 * 0x7f that RFC 6531 adds.
 */
#include "milter-esmtp-private.h"

#include <stdbool.h>
#include <string.h>

typedef struct
{
  const char *start;
  const char *at;
} Cursor;

/* what an unquoted mailbox name may have besides letters and digits */
static const char atom_specials[] = "!#$%&'*+-/=?^_`{|}~";

static bool
is_wide (char c)
{
  return (guchar) c >= 0x80;
}

static bool
is_atom (char c)
{
  return g_ascii_isalnum (c) || is_wide (c) || (c != '\0' && strchr (atom_specials, c) != NULL);
}

static bool
is_let_dig (char c)
{
  return g_ascii_isalnum (c) || is_wide (c);
}

static bool
is_let_dig_hyphen (char c)
{
  return is_let_dig (c) || c == '-';
}

static bool
is_literal (char c)
{
  return g_ascii_isgraph (c) && c != '[' && c != ']' && c != '\\';
}

static bool
is_keyword (char c)
{
  return g_ascii_isalnum (c) || c == '-';
}

static bool
is_value (char c)
{
  return (g_ascii_isgraph (c) && c != '=') || is_wide (c);
}

GQuark
milter_esmtp_error_quark (void)
{
  return g_quark_from_static_string ("milter-esmtp-error-quark");
}

/* the message shows the argument with a mark where it goes wrong */
static bool
fail (const Cursor *cursor, const char *expected, GError **error)
{
  g_set_error (error,
               MILTER_ESMTP_ERROR,
               MILTER_ESMTP_ERROR_INVALID_FORMAT,
               "expected %s: <%.*s|@|%s>",
               expected,
               (int) (cursor->at - cursor->start),
               cursor->start,
               cursor->at);
  return false;
}

static bool
take (Cursor *cursor, char c)
{
  if (*cursor->at != c)
    return false;
  cursor->at++;
  return true;
}

static bool
take_while (Cursor *cursor, bool (*is_part) (char c))
{
  const char *before = cursor->at;

  while (is_part (*cursor->at))
    cursor->at++;
  return cursor->at > before;
}

/* [address] */
static bool
parse_literal (Cursor *cursor, GError **error)
{
  if (!take_while (cursor, is_literal))
    return fail (cursor, "an address", error);
  if (!take (cursor, ']'))
    return fail (cursor, "']' behind the address", error);
  return true;
}

static bool
parse_domain (Cursor *cursor, GError **error)
{
  if (take (cursor, '['))
    return parse_literal (cursor, error);
  do
    {
      if (!is_let_dig (*cursor->at))
        return fail (cursor, "a letter or a digit of a domain name", error);
      take_while (cursor, is_let_dig_hyphen);
      if (cursor->at[-1] == '-')
        return fail (cursor, "a letter or a digit behind the hyphen", error);
    }
  while (take (cursor, '.'));
  return true;
}

static bool
parse_quoted (Cursor *cursor, GError **error)
{
  while (*cursor->at != '"')
    {
      take (cursor, '\\');
      if (*cursor->at == '\0' || (g_ascii_iscntrl (*cursor->at) && *cursor->at != '\t'))
        return fail (cursor, "'\"' behind the quoted name", error);
      cursor->at++;
    }
  cursor->at++;
  return true;
}

static bool
parse_local_part (Cursor *cursor, GError **error)
{
  if (take (cursor, '"'))
    return parse_quoted (cursor, error);
  do
    if (!take_while (cursor, is_atom))
      return fail (cursor, "a mailbox name", error);
  while (take (cursor, '.'));
  return true;
}

/* @a,@b: which is taken and forgotten (RFC 5321, appendix C) */
static bool
parse_source_route (Cursor *cursor, GError **error)
{
  if (*cursor->at != '@')
    return true;
  do
    {
      if (!take (cursor, '@'))
        return fail (cursor, "'@' before a domain of the source route", error);
      if (!parse_domain (cursor, error))
        return false;
    }
  while (take (cursor, ','));
  if (!take (cursor, ':'))
    return fail (cursor, "':' behind the source route", error);
  return true;
}

static bool
parse_mailbox (Cursor *cursor, GError **error)
{
  if (!parse_local_part (cursor, error))
    return false;
  if (!take (cursor, '@'))
    return fail (cursor, "'@' behind the mailbox name", error);
  return parse_domain (cursor, error);
}

/* a path that stands for itself: `<>` for MAIL, `<Postmaster>` for RCPT */
static bool
take_special (Cursor *cursor, const char *special)
{
  gsize size = strlen (special);

  if (g_ascii_strncasecmp (cursor->at, special, size) != 0 || cursor->at[size] != '>')
    return false;
  cursor->at += size;
  return true;
}

static bool
parse_path (Cursor *cursor, const char *special, char **path, GError **error)
{
  const char *mailbox;

  if (!take (cursor, '<'))
    return fail (cursor, "'<'", error);
  mailbox = cursor->at;
  if (!take_special (cursor, special))
    {
      if (!parse_source_route (cursor, error))
        return false;
      mailbox = cursor->at;
      if (!parse_mailbox (cursor, error))
        return false;
    }
  if (*cursor->at != '>')
    return fail (cursor, "'>' behind the address", error);
  *path = g_strndup (mailbox, cursor->at - mailbox);
  cursor->at++;
  return true;
}

static bool
parse_parameter (Cursor *cursor, GHashTable *parameters, GError **error)
{
  const char *keyword = cursor->at;
  g_autofree char *name = NULL;
  const char *value;

  if (!g_ascii_isalnum (*cursor->at))
    return fail (cursor, "a keyword", error);
  take_while (cursor, is_keyword);
  name = g_strndup (keyword, cursor->at - keyword);
  if (!take (cursor, '='))
    {
      g_hash_table_replace (parameters, g_steal_pointer (&name), NULL);
      return true;
    }
  value = cursor->at;
  if (!take_while (cursor, is_value))
    return fail (cursor, "a value behind '='", error);
  g_hash_table_replace (parameters, g_steal_pointer (&name), g_strndup (value, cursor->at - value));
  return true;
}

/* keywords are the same in any case (RFC 5321 2.4) */
static guint
caseless_hash (gconstpointer key)
{
  guint hash = 5381;

  for (const char *c = key; *c != '\0'; c++)
    hash = hash * 33 + (guchar) g_ascii_tolower (*c);
  return hash;
}

static gboolean
caseless_equal (gconstpointer a, gconstpointer b)
{
  return g_ascii_strcasecmp (a, b) == 0;
}

static gboolean
parse_argument (const char *argument,
                const char *special,
                char **path,
                GHashTable **parameters,
                GError **error)
{
  Cursor cursor = { argument, argument };
  g_autofree char *mailbox = NULL;
  g_autoptr (GHashTable) table
      = g_hash_table_new_full (caseless_hash, caseless_equal, g_free, g_free);

  if (!parse_path (&cursor, special, &mailbox, error))
    return FALSE;
  while (*cursor.at != '\0')
    {
      if (!take (&cursor, ' '))
        return fail (&cursor, "a blank or the end", error);
      if (!parse_parameter (&cursor, table, error))
        return FALSE;
    }
  if (path != NULL)
    *path = g_steal_pointer (&mailbox);
  if (parameters != NULL)
    *parameters = g_steal_pointer (&table);
  return TRUE;
}

/**
 * milter_esmtp_parse_mail_from_argument:
 * @argument: what stands behind `MAIL FROM:`, as `<alice@example.com> SIZE=1000`
 * @path: (out) (optional) (transfer full): the sender without brackets and source route; empty for
 *   `<>`
 * @parameters: (out) (optional) (transfer full) (element-type utf8 utf8): values by keyword, which
 *   is found in any case; %NULL is the value of a keyword without one
 * @error: where to put what is wrong, a #MilterEsmtpError
 *
 * Takes the argument of MAIL apart. On failure @path and @parameters are left alone.
 *
 * Returns: whether it is well-formed
 */
gboolean
milter_esmtp_parse_mail_from_argument (const char *argument,
                                       char **path,
                                       GHashTable **parameters,
                                       GError **error)
{
  g_return_val_if_fail (argument != NULL, FALSE);

  return parse_argument (argument, "", path, parameters, error);
}

/**
 * milter_esmtp_parse_rcpt_to_argument:
 * @argument: what stands behind `RCPT TO:`
 * @path: (out) (optional) (transfer full): the recipient without brackets and source route; it has
 *   no domain for `<Postmaster>`
 * @parameters: (out) (optional) (transfer full) (element-type utf8 utf8): as above
 * @error: where to put what is wrong, a #MilterEsmtpError
 *
 * Takes the argument of RCPT apart. On failure @path and @parameters are left alone.
 *
 * Returns: whether it is well-formed
 */
gboolean
milter_esmtp_parse_rcpt_to_argument (const char *argument,
                                     char **path,
                                     GHashTable **parameters,
                                     GError **error)
{
  g_return_val_if_fail (argument != NULL, FALSE);

  return parse_argument (argument, "Postmaster", path, parameters, error);
}

gsize
_milter_esmtp_address_size (const char *argument)
{
  bool bracketed = argument[0] == '<';
  bool quoted = false;

  for (gsize i = 0; argument[i] != '\0'; i++)
    {
      if (argument[i] == '\\' && quoted && argument[i + 1] != '\0')
        i++;
      else if (argument[i] == '"')
        quoted = !quoted;
      else if (!quoted && bracketed && argument[i] == '>')
        return i + 1;
      else if (!quoted && !bracketed && argument[i] == ' ')
        return i;
    }
  return strlen (argument);
}

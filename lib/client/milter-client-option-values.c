/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-option-values.c: numbers and modes as they stand in options.
 */
#include "milter-client-option-values-private.h"

#include <string.h>

bool
milter_client_value_fail (const char *option, GError **error, const char *format, ...)
{
  g_autofree char *detail = NULL;
  va_list args;

  va_start (args, format);
  detail = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: %s", option, detail);
  return false;
}

/* the text, with a mark before the byte that is wrong */
static char *
mark (const char *text, gsize at)
{
  return g_strdup_printf ("<%.*s|@|%s>", (int) at, text, text + at);
}

static bool
fail_at (const char *option, const char *text, gsize at, const char *why, GError **error)
{
  g_autofree char *marked = mark (text, at);

  return milter_client_value_fail (option, error, "%s: %s", why, marked);
}

bool
milter_client_read_number (const char *option,
                           const char *text,
                           guint max,
                           guint *number,
                           GError **error)
{
  const char *digits = text + (*text == '-' ? 1 : 0);
  gsize n = strspn (digits, "0123456789");
  guint64 value = 0;

  if (*text == '\0')
    return milter_client_value_fail (option, error, "a number is missing");
  if (digits[n] != '\0' || n == 0)
    return fail_at (option, text, (gsize) (digits - text) + n, "this is no whole number", error);
  if (digits != text || !g_ascii_string_to_unsigned (digits, 10, 0, max, &value, NULL))
    return milter_client_value_fail (option, error, "%s is not from 0 to %u", text, max);
  *number = (guint) value;
  return true;
}

static bool
read_octal_mode (const char *option, const char *text, guint *mode, GError **error)
{
  gsize n = strspn (text, "01234567");
  guint64 value = 0;

  if (text[n] != '\0')
    return fail_at (option, text, n, "this is no octal digit", error);
  if (!g_ascii_string_to_unsigned (text, 8, 0, 0777, &value, NULL))
    return milter_client_value_fail (option, error, "%s is not from 0 to 0777", text);
  *mode = (guint) value;
  return true;
}

/* bits of the letters that @text begins with; the rest of it is left */
static guint
read_letters (const char **text, const char *letters, const guint *bits)
{
  guint all = 0;
  const char *found;

  for (; **text != '\0' && (found = strchr (letters, **text)) != NULL; (*text)++)
    all |= bits[found - letters];
  return all;
}

/* one of "ug=rw", "o-x"; @text is left at its end, or at what is wrong */
static bool
read_clause (const char **text, guint *mode)
{
  static const guint who_bits[] = { 0777, 0700, 0070, 0007 };
  static const guint permission_bits[] = { 0444, 0222, 0111 };
  guint who = read_letters (text, "augo", who_bits);
  char op = **text;
  guint bits;

  if (who == 0 || op == '\0' || strchr ("=+-", op) == NULL)
    return false;
  (*text)++;
  bits = who & read_letters (text, "rwx", permission_bits);
  if (op == '=')
    *mode = (*mode & ~who) | bits;
  else if (op == '+')
    *mode |= bits;
  else
    *mode &= ~bits;
  return **text == '\0' || **text == ',';
}

static bool
read_symbolic_mode (const char *option, const char *text, guint *mode, GError **error)
{
  const char *at = text;
  guint result = 0;

  for (;;)
    {
      if (!read_clause (&at, &result))
        return fail_at (option,
                        text,
                        (gsize) (at - text),
                        "this is neither an octal mode nor one like u=rw,g=r",
                        error);
      if (*at == '\0')
        break;
      at++;
    }
  *mode = result;
  return true;
}

bool
milter_client_read_mode (const char *option, const char *text, guint *mode, GError **error)
{
  guint result = 0;
  bool is_octal = g_ascii_isdigit (*text);

  if (*text == '\0')
    return milter_client_value_fail (option, error, "a mode is missing");
  if (!(is_octal ? read_octal_mode (option, text, &result, error)
                 : read_symbolic_mode (option, text, &result, error)))
    return false;
  if (result == 0)
    return milter_client_value_fail (
        option, error, "%s: nobody could connect to a socket of that mode", text);
  *mode = result;
  return true;
}

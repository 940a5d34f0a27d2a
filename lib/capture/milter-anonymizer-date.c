/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-date.c: `Sun, 22 Nov 2026 09:15:02 +0100` and `Sun Nov 22 09:15:02 2026`.
 */
#include "milter-anonymizer-date.h"

#include <string.h>

typedef struct
{
  MilterBytes text;
  gsize at;
} Scan;

static bool
scan_name (Scan *scan, const char *names)
{
  for (const char *name = names; *name != '\0'; name += 3)
    if (scan->text.size - scan->at >= 3
        && g_ascii_strncasecmp ((const char *) scan->text.data + scan->at, name, 3) == 0)
      {
        scan->at += 3;
        return true;
      }
  return false;
}

static bool
scan_digits (Scan *scan, gsize least, gsize most)
{
  gsize n = 0;

  while (n < most && scan->at < scan->text.size && g_ascii_isdigit (scan->text.data[scan->at]))
    {
      scan->at++;
      n++;
    }
  return n >= least;
}

static bool
scan_one_of (Scan *scan, const char *characters)
{
  if (scan->at == scan->text.size || scan->text.data[scan->at] == '\0'
      || strchr (characters, scan->text.data[scan->at]) == NULL)
    return false;
  scan->at++;
  return true;
}

static bool
scan_blanks (Scan *scan)
{
  bool found = false;

  while (scan_one_of (scan, " \t\r\n"))
    found = true;
  return found;
}

static bool
scan_time (Scan *scan)
{
  return scan_digits (scan, 2, 2) && scan_one_of (scan, ":") && scan_digits (scan, 2, 2)
         && (!scan_one_of (scan, ":") || scan_digits (scan, 2, 2));
}

static bool
scan_zone (Scan *scan)
{
  static const char zones[] = "GMTUTCESTEDTCSTCDTMSTMDTPSTPDT";

  if (scan_one_of (scan, "+-"))
    return scan_digits (scan, 4, 4);
  return scan_name (scan, zones);
}

/* one field of a form; false if something else stands there */
static bool
scan_field (Scan *scan, char field)
{
  switch (field)
    {
    case 'W':
      return scan_name (scan, "MonTueWedThuFriSatSun");
    case 'M':
      return scan_name (scan, "JanFebMarAprMayJunJulAugSepOctNovDec");
    case 'D':
      return scan_digits (scan, 1, 2);
    case 'Y':
      return scan_digits (scan, 4, 4);
    case 'T':
      return scan_time (scan);
    case 'Z':
      return scan_zone (scan);
    case ' ':
      return scan_blanks (scan);
    default:
      return scan_one_of (scan, (char[]){ field, '\0' });
    }
}

gsize
milter_date_measure (MilterBytes text)
{
  static const char *const forms[] = { "W, D M Y T Z", "W,D M Y T Z", "D M Y T Z", "W M D T Y" };

  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      Scan scan = { .text = text };
      const char *field = forms[i];

      while (*field != '\0' && scan_field (&scan, *field))
        field++;
      if (*field == '\0' && (scan.at == text.size || !g_ascii_isalnum (text.data[scan.at])))
        return scan.at;
    }
  return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-header.c: a name and a value.
 */
#include "milter-header.h"

G_DEFINE_BOXED_TYPE (MilterHeader, milter_header, milter_header_copy, milter_header_free)

/**
 * milter_header_new:
 * @name: the name
 * @value: (nullable): the value
 *
 * Returns: (transfer full): a header field with copies of both
 */
MilterHeader *
milter_header_new (const char *name, const char *value)
{
  MilterHeader *header;

  g_return_val_if_fail (name != NULL, NULL);

  header = g_new (MilterHeader, 1);
  *header = (MilterHeader){ g_strdup (name), g_strdup (value) };
  return header;
}

/**
 * milter_header_copy:
 * @header: a header field
 *
 * Returns: (transfer full): another one that is equal to it
 */
MilterHeader *
milter_header_copy (MilterHeader *header)
{
  g_return_val_if_fail (header != NULL, NULL);

  return milter_header_new (header->name, header->value);
}

/**
 * milter_header_free:
 * @header: (nullable) (transfer full): a header field
 *
 * Frees a field and its strings.
 */
void
milter_header_free (MilterHeader *header)
{
  if (header == NULL)
    return;
  g_free (header->name);
  g_free (header->value);
  g_free (header);
}

/**
 * milter_header_equal:
 * @header1: (type MilterHeader): a header field
 * @header2: (type MilterHeader): a header field
 *
 * A #GEqualFunc.
 *
 * Returns: whether names, in the same case, and values are the same
 */
gboolean
milter_header_equal (gconstpointer header1, gconstpointer header2)
{
  return milter_header_compare ((MilterHeader *) header1, (MilterHeader *) header2) == 0;
}

/**
 * milter_header_compare:
 * @header_a: a header field
 * @header_b: a header field
 *
 * Returns: less than 0, 0, or more than 0: by the bytes of the names, then of the values; no value
 *   comes before any
 */
int
milter_header_compare (MilterHeader *header_a, MilterHeader *header_b)
{
  int order = g_strcmp0 (header_a->name, header_b->name);

  return order != 0 ? order : g_strcmp0 (header_a->value, header_b->value);
}

/**
 * milter_header_inspect:
 * @string: where to append
 * @header: (type MilterHeader): a header field
 * @user_data: not used
 *
 * Appends `<NAME>=<VALUE>`, for people.
 */
void
milter_header_inspect (GString *string, gconstpointer header, gpointer user_data)
{
  const MilterHeader *field = header;

  g_string_append_printf (
      string, "<%s>=<%s>", field->name, field->value == NULL ? "" : field->value);
}

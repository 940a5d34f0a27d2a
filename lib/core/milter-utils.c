/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-utils.c: names of enum and flags values, whatever the number is.
 */
#include "milter-utils.h"

#include <stdbool.h>

static GEnumValue
get_enum_value (GType enum_type, int enum_value)
{
  GEnumClass *klass = g_type_class_ref (enum_type);
  const GEnumValue *found = g_enum_get_value (klass, enum_value);
  /* names live as long as the type, which is static */
  GEnumValue value = found == NULL ? (GEnumValue){ 0 } : *found;

  g_type_class_unref (klass);
  return value;
}

/**
 * milter_utils_get_enum_name:
 * @enum_type: an enum type
 * @enum_value: a value
 *
 * Returns: (transfer full): the name in C, as `MILTER_STATUS_REJECT`; the number as text if the
 * type does not have it
 */
char *
milter_utils_get_enum_name (GType enum_type, int enum_value)
{
  GEnumValue value;

  g_return_val_if_fail (G_TYPE_IS_ENUM (enum_type), NULL);

  value = get_enum_value (enum_type, enum_value);
  if (value.value_name == NULL)
    return g_strdup_printf ("%d", enum_value);
  return g_strdup (value.value_name);
}

/**
 * milter_utils_get_enum_nick_name:
 * @enum_type: an enum type
 * @enum_value: a value
 *
 * Returns: (transfer full): the short name, as `temporary-failure`; the number as text if the type
 *   does not have it
 */
char *
milter_utils_get_enum_nick_name (GType enum_type, int enum_value)
{
  GEnumValue value;

  g_return_val_if_fail (G_TYPE_IS_ENUM (enum_type), NULL);

  value = get_enum_value (enum_type, enum_value);
  if (value.value_nick == NULL)
    return g_strdup_printf ("%d", enum_value);
  return g_strdup (value.value_nick);
}

static void
append_name (GString *names, const char *name)
{
  if (names->len > 0)
    g_string_append_c (names, '|');
  g_string_append (names, name);
}

/**
 * milter_utils_get_flags_names:
 * @flags_type: a flags type
 * @flags: some flags
 *
 * Returns: (transfer full): the short names in ascending order of the bits, separated by `|`, bits
 *   without a name as one `0x…` number at the end; for 0 the name of the type's value 0, or nothing
 *   if it has none
 */
char *
milter_utils_get_flags_names (GType flags_type, guint flags)
{
  g_autoptr (GString) names = g_string_new (NULL);
  GFlagsClass *klass;
  guint rest = flags;

  g_return_val_if_fail (G_TYPE_IS_FLAGS (flags_type), NULL);

  klass = g_type_class_ref (flags_type);
  for (guint i = 0; i < klass->n_values; i++)
    {
      const GFlagsValue *value = &klass->values[i];
      bool is_set = value->value == 0 ? flags == 0 : (rest & value->value) == value->value;

      if (!is_set)
        continue;
      append_name (names, value->value_nick);
      rest &= ~value->value;
    }
  g_type_class_unref (klass);
  if (rest != 0)
    {
      g_autofree char *number = g_strdup_printf ("0x%x", rest);

      append_name (names, number);
    }
  return g_string_free (g_steal_pointer (&names), FALSE);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * print-dictionary.c: prints a dictionary for libFuzzer, made from the protocol's table: each row's
 * smallest frame, the address families, and the bits of the flags.
 */
#include <milter/core.h>
#include <stdio.h>

static void
print_entry (const char *kind, const char *name, const guint8 *data, gsize size)
{
  g_autofree char *entry = g_strdup_printf ("%s_%s", kind, name);

  printf ("%s=\"", g_strdelimit (entry, "-", '_'));
  for (gsize i = 0; i < size; i++)
    printf ("\\x%02x", data[i]);
  printf ("\"\n");
}

static void
print_row (const MilterSpec *row)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  MilterMessage message;

  milter_message_init (&message, row->sender, row->letter);
  for (guint i = 0; i < MILTER_SPEC_MAX_FIELDS; i++)
    if (row->fields[i].layout == MILTER_LAYOUT_ADDRESS)
      message.fields[i].address.family = 'U';
  if (milter_message_append (&message, frame, /* error= */ NULL))
    print_entry ("frame", row->field_name, frame->data, frame->len);
}

static void
print_flags (const char *kind, const MilterFlagSpec *flags, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      guint8 bytes[4];

      for (guint byte = 0; byte < 4; byte++)
        bytes[byte] = (guint8) (flags[i].bit >> 8 * (3 - byte));
      print_entry (kind, flags[i].name, bytes, sizeof bytes);
    }
}

int
main (void)
{
  static const char *const texts[] = { "4", "6", "L", "U", "550 5.7.1 ", "451-", "\r\n", "%%" };
  gsize n;
  const MilterFlagSpec *flags;

  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    {
      const MilterSpec *rows = milter_spec_list (side, &n);

      for (gsize i = 0; i < n; i++)
        print_row (&rows[i]);
    }
  flags = milter_action_flags_list (&n);
  print_flags ("action", flags, n);
  flags = milter_step_flags_list (&n);
  print_flags ("step", flags, n);
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *name = g_strdup_printf ("%" G_GSIZE_FORMAT, i);
      MilterBytes bytes = milter_bytes_from_string (texts[i]);

      print_entry ("text", name, bytes.data, bytes.size);
    }
  return 0;
}

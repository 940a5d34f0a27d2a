/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-mta-smtp.c: a message as it stands behind DATA.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "mta-smtp.h"

static const struct
{
  const char *message, *sent;
} messages[] = {
  { "", ".\r\n" },
  { "a\r\n", "a\r\n.\r\n" },
  { "a", "a\r\n.\r\n" },
  { ".\r\n..b\r\n", "..\r\n...b\r\n.\r\n" },
  { "a.\r\n", "a.\r\n.\r\n" },
};

Test (mta_smtp, dots_are_doubled_and_the_last_line_is_added)
{
  for (gsize i = 0; i < G_N_ELEMENTS (messages); i++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();

      mta_smtp_append_message (bytes, milter_bytes_from_string (messages[i].message));
      g_byte_array_append (bytes, (const guint8 *) "", 1);
      cr_expect_str_eq ((const char *) bytes->data, messages[i].sent, "%s", messages[i].message);
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-generate.c: made-up mails have the body that was asked for, whoever hands them over.
 */
#include "milter-generate.h"

#include <criterion/criterion.h>
#include <string.h>

#include "milter-profile-private.h"

/* a body of one byte has no line end: whoever takes it as a file adds one */
static const guint64 sizes[] = { 0, 2, 3, 77, 78, 79, 80, 156, 157, 1000, 65535, 65536, 200001 };

static GBytes *
body_of (GBytes *mail)
{
  gsize size;
  const char *data = g_bytes_get_data (mail, &size);
  const char *end = g_strstr_len (data, (gssize) size, "\r\n\r\n");

  cr_assert_not_null (end);
  return g_bytes_new_from_bytes (mail, (gsize) (end + 4 - data), size - (gsize) (end + 4 - data));
}

Test (generate, the_body_has_exactly_its_size_with_every_profile)
{
  gsize n_profiles;
  const MilterProfile *profiles = milter_profile_list (&n_profiles);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (gsize p = 0; p < n_profiles; p++)
      {
        g_autoptr (GBytes) file = milter_generate_mail (sizes[i], 7);
        g_autoptr (MilterMail) mail = milter_mail_new ();
        gsize size;
        const guint8 *data = g_bytes_get_data (file, &size);

        milter_profile_parse_mail (&profiles[p], mail, milter_bytes (data, size));
        cr_expect_eq (mail->body->len,
                      sizes[i],
                      "%s: %u of %u",
                      profiles[p].name,
                      mail->body->len,
                      (guint) sizes[i]);
        cr_expect_eq (mail->headers->len, 7);
      }
}

Test (generate, it_is_text_in_lines)
{
  g_autoptr (GBytes) mail = milter_generate_mail (20000, 1);
  g_autoptr (GBytes) body = body_of (mail);
  gsize size, length = 0;
  const char *data = g_bytes_get_data (body, &size);

  for (gsize i = 0; i < size; i++)
    {
      length = data[i] == '\n' ? 0 : length + 1;
      cr_assert_leq (length, 77);
      cr_assert (g_ascii_isprint (data[i]) || data[i] == '\r' || data[i] == '\n');
      if (data[i] == '\r')
        cr_assert (data[i + 1] == '\n' && data[i - 1] != ' ');
    }
  cr_expect_eq (memcmp (data + size - 2, "\r\n", 2), 0);
}

Test (generate, a_seed_makes_one_mail_and_another_seed_another)
{
  g_autoptr (GBytes) one = milter_generate_mail (500, 1);
  g_autoptr (GBytes) same = milter_generate_mail (500, 1);
  g_autoptr (GBytes) other = milter_generate_mail (500, 2);
  g_autofree char *sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, one);

  cr_expect (g_bytes_equal (one, same));
  cr_expect_not (g_bytes_equal (one, other));
  /* on every machine, and in every version: recorded results hold it */
  cr_expect_str_eq (sum, "3467d8d2b3917502c3abc2441a752928ae22c0723fce62d6dacadb46df164321", "%s", sum);
}

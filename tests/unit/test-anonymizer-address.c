/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-anonymizer-address.c: addresses in all their spellings.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "anonymizer-test.h"
#include "milter-anonymizer-address.h"

/* (transfer full) the text with the address that it begins with replaced; @length: of that */
static char *
replace (const char *text, gsize *length)
{
  char *copy = g_strdup (text);

  *length = milter_anonymizer_replace_ip (&test_pseudonyms ()->cipher, (guint8 *) copy, strlen (copy), 0);
  return copy;
}

/* what inet_pton reads, in full */
static void
read_address (const char *text, guint8 bytes[16])
{
  memset (bytes, 0, 16);
  cr_assert_eq (inet_pton (strchr (text, ':') != NULL ? AF_INET6 : AF_INET, text, bytes), 1, "%s", text);
}

Test (anonymizer_address, is_recognized_as_a_whole)
{
  static const struct
  {
    const char *text;
    gsize length;
  } rows[] = {
    { "192.0.2.7", 9 },
    { "192.0.2.7:25", 9 },
    { "192.0.2.7]", 9 },
    { "192.0.2.7.", 9 },
    { "192.0.2.7.example.com", 9 },
    { "192-0-2-7.example.com", 9 },
    { "7.2.0.192.in-addr.arpa", 22 },
    { "192.000.002.007", 15 },
    { "192.0.2.256", 0 },
    { "192.0.2.7.5", 0 },
    { "192.0.2.7a", 0 },
    { "192.0.2", 0 },
    { "192.0-2.7", 0 },
    { "2001:db8::1", 11 },
    { "2001:db8::1]", 11 },
    { "2001:db8:0:0:0:0:0:1", 20 },
    { "2001:db8::", 10 },
    { "::1", 3 },
    { "::", 2 },
    { "::ffff:192.0.2.7", 16 },
    { "2001:db8::192.0.2.7", 19 },
    { "IPv6:2001:db8::1", 16 },
    { "ipv6:2001:db8::1", 16 },
    { "fe80::1%eth0", 7 },
    { "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", 72 },
    { "12:34:56", 0 },
    { "1:2:3:4:5:6:7", 0 },
    { "1:2:3:4:5:6:7:8:9", 0 },
    { "1:2:3:4:5:6:7::8:9", 0 },
    { "2001:db8::1::2", 0 },
    { "2001:db8::g", 0 },
    { "dead", 0 },
    { ":", 0 },
    { "IPv6:", 0 },
    { "", 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      /* behind it nothing may be read */
      g_autofree guint8 *text = g_memdup2 (rows[i].text, strlen (rows[i].text));
      gsize size = strlen (rows[i].text);

      if (size > 0)
        cr_assert_eq (milter_anonymizer_replace_ip (&test_pseudonyms ()->cipher, text, size, 0),
                      rows[i].length, "%s", rows[i].text);
    }
}

Test (anonymizer_address, each_spelling_becomes_the_same_address)
{
  static const char *const rows[][4] = {
    { "192.0.2.7", "192.0.2.7" },
    { "2001:db8::1", "2001:0DB8:0000:0:0:0::0001", "2001:db8:0:0:0:0:0:1", "2001:0db8::1" },
    { "2001:db8::192.0.2.7", "2001:db8::192.0.2.7" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      guint8 first[16], other[16], original[16];

      read_address (rows[i][0], original);
      for (gsize k = 0; k < 4 && rows[i][k] != NULL; k++)
        {
          gsize length;
          g_autofree char *after = replace (rows[i][k], &length);

          read_address (after, k == 0 ? first : other);
          cr_assert_eq (strlen (after), strlen (rows[i][k]));
          cr_assert (memcmp (k == 0 ? first : other, first, 16) == 0, "%s", after);
        }
      cr_assert (memcmp (first, original, 16) != 0, "%s", rows[i][0]);
    }
}

Test (anonymizer_address, names_are_those_of_the_address)
{
  gsize length;
  g_autofree char *forward = replace ("192.0.2.71", &length), *reverse = replace ("71.2.0.192.in-addr.arpa", &length);
  g_autofree char *dashes = replace ("192-0-2-71", &length), *mapped = replace ("::ffff:192.0.2.71", &length);
  g_autofree char *six = replace ("2001:db8::7", &length);
  g_autofree char *nibbles
      = replace ("7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", &length);
  g_auto (GStrv) parts = g_strsplit (forward, ".", -1);
  g_autofree char *turned = g_strdup_printf ("%s.%s.%s.%s.in-addr.arpa", parts[3], parts[2], parts[1], parts[0]);
  g_autofree char *dashed = g_strjoinv ("-", parts);
  guint8 bytes[16], of_nibbles[16];

  cr_assert_str_eq (reverse, turned);
  cr_assert_str_eq (dashes, dashed);
  cr_assert_str_eq (mapped + strlen ("::ffff:"), forward);
  read_address (six, bytes);
  for (guint i = 0; i < 16; i++)
    of_nibbles[15 - i] = (guint8) (g_ascii_xdigit_value (nibbles[4 * i]) | g_ascii_xdigit_value (nibbles[4 * i + 2]) << 4);
  cr_assert_arr_eq (bytes, of_nibbles, 16);
}

Test (anonymizer_address, special_nets_stay_what_they_are)
{
  /* what the result begins with */
  static const struct
  {
    const char *text, *kept;
  } rows[] = {
    { "127.0.0.1", "127.0.0.1" }, { "127.0.0.2", "127.0.0.2" }, { "0.0.0.0", "0.0.0.0" },
    { "10.1.2.3", "10." },        { "172.16.4.5", "172.16." },  { "192.168.1.1", "192.168." },
    { "169.254.7.7", "169.254." }, { "100.64.1.2", "100.64." }, { "224.0.0.251", "224." },
    { "::1", "::1" },             { "::", "::" },               { "fe80::1:2", "fe80::" },
    { "fd12:3456::1", "fd" },     { "ff02::1", "ff02::" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      gsize length;
      g_autofree char *after = replace (rows[i].text, &length);

      cr_assert_eq (length, strlen (rows[i].text));
      cr_assert (g_str_has_prefix (after, rows[i].kept), "%s: %s", rows[i].text, after);
      cr_assert_eq (strcmp (after, rows[i].text) == 0, strcmp (rows[i].kept, rows[i].text) == 0, "%s", after);
    }
}

Test (anonymizer_address, others_never_come_into_a_special_net_and_stay_different)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < 5000; i++)
    {
      g_autofree char *text = g_strdup_printf ("198.%u.%u.%u", 18 + i % 2, i % 256, i / 20);
      gsize length;
      char *after = replace (text, &length);

      cr_assert (!g_str_has_prefix (after, "127.") && !g_str_has_prefix (after, "192.168."), "%s", after);
      cr_assert_lt (atoi (after), 224, "%s", after);
      cr_assert (g_hash_table_add (seen, after) || i % 256 * 2 < i, "%s", text);
    }
}

Test (anonymizer_address, ports_from_1024_become_others)
{
  g_autofree bool *seen = g_new0 (bool, 65536);

  for (guint port = 0; port < 65536; port++)
    {
      guint becomes = milter_anonymizer_replace_port (&test_pseudonyms ()->cipher, port);

      cr_assert_eq (becomes == port, port < 1024, "%u", port);
      cr_assert_lt (becomes, 65536);
      cr_assert_eq (becomes < 10000, port < 10000);
      cr_assert (!seen[becomes]);
      seen[becomes] = true;
    }
}

Test (anonymizer_address, a_port_as_text_is_that_of_its_number)
{
  guint8 digits[] = "34290", zeros[] = "00025", none[] = "99999";
  guint port = milter_anonymizer_replace_port (&test_pseudonyms ()->cipher, 34290);

  milter_anonymizer_replace_port_text (&test_pseudonyms ()->cipher, digits, 5);
  cr_assert_eq (atoi ((char *) digits), (int) port);
  milter_anonymizer_replace_port_text (&test_pseudonyms ()->cipher, zeros, 5);
  cr_assert_str_eq ((char *) zeros, "00025");
  milter_anonymizer_replace_port_text (&test_pseudonyms ()->cipher, none, 5);
  test_compare ("no port", "99999", (char *) none, "~~~~~");
}

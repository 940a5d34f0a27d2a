/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-address.c: IPv4, IPv6, and the names that are made of them.
 */
#include "milter-anonymizer-address.h"

#include <string.h>

#define N_OCTETS  4
#define N_GROUPS  8
#define N_NIBBLES 32

/* a number in an address, and where it stands */
typedef struct
{
  gsize at, width;
  guint value;
} Number;

static bool
is_word (guint8 c)
{
  return g_ascii_isalnum (c) || c >= 0x80;
}

static bool
has_word (const guint8 *text, gsize size, gsize at)
{
  return at < size && is_word (text[at]);
}

static bool
has_text (const guint8 *text, gsize size, gsize at, const char *wanted)
{
  gsize length = strlen (wanted);

  return at <= size && size - at >= length
         && g_ascii_strncasecmp ((const char *) text + at, wanted, length) == 0;
}

/* at most @max_width digits of a base; the place behind, or 0 */
static gsize
take_number (const guint8 *text, gsize size, gsize at, guint base, gsize max_width, Number *number)
{
  *number = (Number){ .at = at };
  while (at < size && number->width < max_width && g_ascii_isxdigit (text[at])
         && (guint) g_ascii_xdigit_value ((char) text[at]) < base)
    {
      number->value = number->value * base + (guint) g_ascii_xdigit_value ((char) text[at++]);
      number->width++;
    }
  return number->width > 0 ? at : 0;
}

static void
put_number (guint8 *text, const Number *number, guint base, bool upper)
{
  guint value = number->value;

  for (gsize i = number->width; i-- > 0; value /= base)
    text[number->at + i] = (guint8) (upper ? "0123456789ABCDEF" : "0123456789abcdef")[value % base];
}

/* --- IPv4 ----------------------------------------------------------------------------------------
 */

/* how many octets tell that an address is not of the Internet; all four: it stays. 0: it is */
static guint
count_special (const guint octets[N_OCTETS])
{
  /* clang-format off */
  static const struct
  {
    guint first, second, last_second, kept;
  } nets[] = {
    {   0,   0, 255, 1 },
    {  10,   0, 255, 1 },
    { 100,  64, 127, 2 },
    { 127,   0, 255, 4 }, /* loopback, and what DNS lists answer */
    { 169, 254, 254, 2 },
    { 172,  16,  31, 2 },
    { 192, 168, 168, 2 },
  };
  /* clang-format on */

  if (octets[0] + octets[1] + octets[2] + octets[3] == 0)
    return N_OCTETS;
  for (gsize i = 0; i < G_N_ELEMENTS (nets); i++)
    if (octets[0] == nets[i].first && octets[1] >= nets[i].second
        && octets[1] <= nets[i].last_second)
      return nets[i].kept;
  /* multicast, reserved, broadcast */
  return octets[0] >= 224 ? 1 : 0;
}

static void
replace_octets_once (const MilterCipher *cipher, guint octets[N_OCTETS], guint kept)
{
  static const guint firsts[] = { 0, 10, 100, 256 };
  MilterPlaceValue places[N_OCTETS];
  guint bases[N_OCTETS];

  for (guint i = 0; i < N_OCTETS; i++)
    {
      guint digits = octets[i] < 10 ? 0 : octets[i] < 100 ? 1 : 2;

      bases[i] = i < kept ? octets[i] : firsts[digits];
      places[i].radix = (guint16) (i < kept ? 1 : firsts[digits + 1] - firsts[digits]);
      places[i].value = (guint16) (octets[i] - bases[i]);
    }
  /* two nets are two permutations */
  milter_cipher_replace (cipher, MILTER_CIPHER_IPV4, places, N_OCTETS);
  for (guint i = 0; i < N_OCTETS; i++)
    octets[i] = bases[i] + places[i].value;
}

static void
replace_octets (const MilterCipher *cipher, guint octets[N_OCTETS])
{
  guint kept = count_special (octets);

  if (kept == N_OCTETS)
    return;
  /* a walk along the permutation comes back into the set in which it began */
  do
    replace_octets_once (cipher, octets, kept);
  while (count_special (octets) != kept);
}

/* `192.0.2.7`; names of hosts have other separators, too */
static gsize
parse_ipv4 (const guint8 *text, gsize size, gsize at, Number numbers[N_OCTETS])
{
  guint8 separator = 0;

  for (guint i = 0; i < N_OCTETS; i++)
    {
      if (i == 1)
        separator = at < size ? text[at] : 0;
      if (i > 0 && (at >= size || text[at++] != separator || strchr (".-_", separator) == NULL))
        return 0;
      at = take_number (text, size, at, 10, 3, &numbers[i]);
      if (at == 0 || numbers[i].value > 255)
        return 0;
    }
  if (has_word (text, size, at))
    return 0;
  /* a fifth number */
  if (at + 1 < size && text[at] == separator && g_ascii_isdigit (text[at + 1]))
    return 0;
  return at;
}

static gsize
replace_ipv4 (const MilterCipher *cipher, guint8 *text, gsize size, gsize at)
{
  Number numbers[N_OCTETS];
  guint octets[N_OCTETS];
  gsize end = parse_ipv4 (text, size, at, numbers);
  bool reverse;

  if (end == 0 || (at > 1 && text[at - 1] == '.' && g_ascii_isdigit (text[at - 2])))
    return 0;
  reverse = has_text (text, size, end, ".in-addr.arpa");
  for (guint i = 0; i < N_OCTETS; i++)
    octets[i] = numbers[reverse ? N_OCTETS - 1 - i : i].value;
  replace_octets (cipher, octets);
  for (guint i = 0; i < N_OCTETS; i++)
    {
      numbers[i].value = octets[reverse ? N_OCTETS - 1 - i : i];
      put_number (text, &numbers[i], 10, /* upper= */ false);
    }
  return end - at + (reverse ? strlen (".in-addr.arpa") : 0);
}

/* --- IPv6 ----------------------------------------------------------------------------------------
 */

/* the nibbles, from the highest, that tell that an address is not of the Internet */
static guint
count_special_nibbles (const guint groups[N_GROUPS])
{
  guint others = 0;

  for (guint i = 0; i < N_GROUPS - 1; i++)
    others |= groups[i];
  if (others == 0 && groups[N_GROUPS - 1] <= 1)
    return N_NIBBLES;
  if (groups[0] >= 0xfe80 && groups[0] <= 0xfebf)
    return 4;
  if (groups[0] >= 0xff00)
    return 4;
  return groups[0] >= 0xfc00 && groups[0] <= 0xfdff ? 2 : 0;
}

/* groups keep their number of digits, since leading zeros need not be written */
static void
replace_groups_once (const MilterCipher *cipher, guint groups[N_GROUPS], guint kept)
{
  MilterPlaceValue places[N_NIBBLES];
  guint bases[N_NIBBLES];

  for (guint i = 0; i < N_NIBBLES; i++)
    {
      guint shift = 4 * (3 - i % 4), group = groups[i / 4];
      guint nibble = group >> shift & 15;
      bool stays = i < kept || group >> shift == 0, first = group >> shift < 16;

      bases[i] = stays ? nibble : first ? 1 : 0;
      places[i].radix = stays ? 1 : first ? 15 : 16;
      places[i].value = (guint16) (nibble - bases[i]);
    }
  milter_cipher_replace (cipher, MILTER_CIPHER_IPV6, places, N_NIBBLES);
  memset (groups, 0, N_GROUPS * sizeof groups[0]);
  for (guint i = 0; i < N_NIBBLES; i++)
    groups[i / 4] = groups[i / 4] << 4 | (bases[i] + places[i].value);
}

static void
replace_groups (const MilterCipher *cipher, guint groups[N_GROUPS])
{
  guint kept = count_special_nibbles (groups);

  if (kept == N_NIBBLES)
    return;
  do
    replace_groups_once (cipher, groups, kept);
  while (count_special_nibbles (groups) != kept);
}

/**
 * Groups:
 * @written: the groups in the text
 * @n_before: how many of them stand before `::`
 * @ipv4: where an IPv4 address stands instead of two groups, 0: nowhere
 */
typedef struct
{
  Number written[N_GROUPS];
  guint n, n_before;
  bool gap;
  gsize ipv4, end;
} Groups;

static bool
take_gap (const guint8 *text, gsize size, Groups *groups)
{
  if (!has_text (text, size, groups->end, "::"))
    return true;
  if (groups->gap)
    return false;
  groups->gap = true;
  groups->n_before = groups->n;
  groups->end += 2;
  return true;
}

static bool
parse_groups (const guint8 *text, gsize size, gsize at, Groups *groups)
{
  Number octets[N_OCTETS];

  *groups = (Groups){ .end = at };
  if (!take_gap (text, size, groups))
    return false;
  while (groups->n < N_GROUPS && groups->end < size && g_ascii_isxdigit (text[groups->end]))
    {
      gsize end = parse_ipv4 (text, size, groups->end, octets);
      bool gap = groups->gap;

      if (end != 0 && groups->n + groups->gap > 0 && text[octets[0].at + octets[0].width] == '.')
        {
          groups->ipv4 = groups->end;
          groups->end = end;
          break;
        }
      groups->end = take_number (text, size, groups->end, 16, 4, &groups->written[groups->n++]);
      if (!take_gap (text, size, groups))
        return false;
      if (groups->gap == gap && groups->end + 1 < size && text[groups->end] == ':'
          && g_ascii_isxdigit (text[groups->end + 1]))
        groups->end++;
      else if (groups->gap == gap)
        break;
    }
  return true;
}

static gsize
replace_ipv6 (const MilterCipher *cipher, guint8 *text, gsize size, gsize at)
{
  guint values[N_GROUPS] = { 0 };
  Groups groups;
  bool upper = false;
  guint n;

  if (!parse_groups (text, size, at, &groups))
    return 0;
  n = groups.n + (groups.ipv4 != 0 ? 2 : 0);
  if (groups.gap ? n >= N_GROUPS : n != N_GROUPS)
    return 0;
  if (has_word (text, size, groups.end)
      || (groups.end < size && text[groups.end] == ':' && has_word (text, size, groups.end + 1)))
    return 0;

  if (!groups.gap)
    groups.n_before = groups.n;
  for (guint i = 0; i < groups.n; i++)
    values[i < groups.n_before ? i : N_GROUPS - n + i] = groups.written[i].value;
  for (gsize i = at; i < groups.end; i++)
    upper |= g_ascii_isupper (text[i]);
  if (groups.ipv4 != 0)
    replace_ipv4 (cipher, text, groups.end, groups.ipv4);
  /* ::ffff:192.0.2.7 is 192.0.2.7 */
  if (groups.ipv4 != 0 && (groups.n == 0 || (groups.n == 1 && values[5] == 0xffff)))
    return groups.end - at;

  replace_groups (cipher, values);
  for (guint i = 0; i < groups.n; i++)
    {
      groups.written[i].value = values[i < groups.n_before ? i : N_GROUPS - n + i];
      put_number (text, &groups.written[i], 16, upper);
    }
  return groups.end - at;
}

/* `7.0.0.0…8.b.d.0.1.0.0.2.ip6.arpa` */
static gsize
replace_nibbles (const MilterCipher *cipher, guint8 *text, gsize size, gsize at)
{
  const gsize end = at + 2 * N_NIBBLES - 1;
  guint groups[N_GROUPS] = { 0 };
  bool upper = false;

  if (size < end || !has_text (text, size, end, ".ip6.arpa"))
    return 0;
  for (gsize i = at; i < end; i++)
    if ((i - at) % 2 == 0 ? !g_ascii_isxdigit (text[i]) : text[i] != '.')
      return 0;
  for (guint i = N_NIBBLES; i-- > 0;)
    {
      guint nibble = N_NIBBLES - 1 - i;

      upper |= g_ascii_isupper (text[at + 2 * i]);
      groups[nibble / 4]
          = groups[nibble / 4] << 4 | (guint) g_ascii_xdigit_value ((char) text[at + 2 * i]);
    }
  replace_groups (cipher, groups);
  for (guint i = 0; i < N_NIBBLES; i++)
    {
      guint nibble = N_NIBBLES - 1 - i;
      Number number = { at + 2 * i, 1, groups[nibble / 4] >> (4 * (3 - nibble % 4)) & 15 };

      put_number (text, &number, 16, upper);
    }
  return end - at + strlen (".ip6.arpa");
}

gsize
milter_anonymizer_replace_ip (const MilterCipher *cipher, guint8 *text, gsize size, gsize at)
{
  gsize length, prefix = has_text (text, size, at, "IPv6:") ? 5 : 0;

  if (prefix > 0)
    {
      length = replace_ipv6 (cipher, text, size, at + prefix);
      return length > 0 ? prefix + length : 0;
    }
  if (!g_ascii_isxdigit (text[at]) && text[at] != ':')
    return 0;
  length = replace_nibbles (cipher, text, size, at);
  if (length == 0)
    length = replace_ipv6 (cipher, text, size, at);
  return length > 0 ? length : replace_ipv4 (cipher, text, size, at);
}

/* --- ports ---------------------------------------------------------------------------------------
 */

#define FIRST_PORT 1024u

static guint
replace_digits (const MilterCipher *cipher, guint number, guint n, guint16 first_radix)
{
  MilterPlaceValue places[5];
  guint divisor = n == 5 ? 10000 : 1000, result = 0;

  for (guint i = 0; i < n; i++, divisor /= 10)
    places[i] = (MilterPlaceValue){ (guint16) (number / divisor % 10 - (i == 0)),
                                    i == 0 ? first_radix : 10 };
  milter_cipher_replace (cipher, MILTER_CIPHER_PORT, places, n);
  for (guint i = 0; i < n; i++)
    result = result * 10 + places[i].value + (i == 0);
  return result;
}

guint
milter_anonymizer_replace_port (const MilterCipher *cipher, guint port)
{
  if (port < FIRST_PORT || port > G_MAXUINT16)
    return port;
  do
    port = port < 10000 ? replace_digits (cipher, port, 4, 9) : replace_digits (cipher, port, 5, 6);
  while (port < FIRST_PORT || port > G_MAXUINT16);
  return port;
}

void
milter_anonymizer_replace_port_text (const MilterCipher *cipher, guint8 *digits, gsize n)
{
  Number number = { 0 };
  gsize end = take_number (digits, n, 0, 10, 5, &number);

  g_assert (end == n);
  if (number.value > G_MAXUINT16)
    {
      for (gsize i = 0; i < n; i++)
        digits[i] = (guint8) ('0'
                              + milter_cipher_chain (
                                  cipher,
                                  milter_bytes (digits, MIN (i, MILTER_CIPHER_CONTEXT)),
                                  digits[i] - '0',
                                  10));
      return;
    }
  number.value = milter_anonymizer_replace_port (cipher, number.value);
  put_number (digits, &number, 10, /* upper= */ false);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-cipher.c: SipHash-2-4, and permutations of it.
 */
#include "milter-anonymizer-cipher.h"

#include <string.h>

#include "milter-anonymizer-domains.h"

/* FF1 of NIST SP 800-38G has as many */
#define N_ROUNDS 10

/* a hash of one purpose never equals that of another */
enum
{
  PURPOSE_SHAPE = 1,
  PURPOSE_ROUND,
  PURPOSE_SHUFFLE,
  PURPOSE_CHAIN
};

/* --- SipHash -------------------------------------------------------------------------------------
 */

static guint64
rotate (guint64 word, guint bits)
{
  return word << bits | word >> (64 - bits);
}

static void
mix (guint64 v[4])
{
  v[0] += v[1];
  v[2] += v[3];
  v[1] = rotate (v[1], 13) ^ v[0];
  v[3] = rotate (v[3], 16) ^ v[2];
  v[0] = rotate (v[0], 32);
  v[2] += v[1];
  v[0] += v[3];
  v[1] = rotate (v[1], 17) ^ v[2];
  v[3] = rotate (v[3], 21) ^ v[0];
  v[2] = rotate (v[2], 32);
}

static guint64
get_word (const guint8 *from, gsize n)
{
  guint64 word = 0;

  for (gsize i = 0; i < n; i++)
    word |= (guint64) from[i] << (8 * i);
  return word;
}

static guint64
hash (const MilterCipher *cipher, const guint8 *data, gsize size)
{
  guint64 v[4] = {
    cipher->key[0] ^ 0x736f6d6570736575u,
    cipher->key[1] ^ 0x646f72616e646f6du,
    cipher->key[0] ^ 0x6c7967656e657261u,
    cipher->key[1] ^ 0x7465646279746573u,
  };
  gsize rest = size % 8;

  for (gsize at = 0; at <= size - rest; at += 8)
    {
      /* the last word has the size, too */
      guint64 word = at < size - rest ? get_word (data + at, 8)
                                      : get_word (data + at, rest) | (guint64) size << 56;

      v[3] ^= word;
      mix (v);
      mix (v);
      v[0] ^= word;
    }
  v[2] ^= 0xff;
  for (int i = 0; i < 4; i++)
    mix (v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static guint64
hash_number (const MilterCipher *cipher, guint purpose, guint64 tweak, guint number)
{
  guint8 bytes[13] = { (guint8) purpose };

  memcpy (bytes + 1, &(guint64){ GUINT64_TO_LE (tweak) }, 8);
  memcpy (bytes + 9, &(guint32){ GUINT32_TO_LE (number) }, 4);
  return hash (cipher, bytes, sizeof bytes);
}

/* --- values with many places ---------------------------------------------------------------------
 */

/* what stands for the kind, and for all that stays */
static guint64
get_tweak (const MilterCipher *cipher,
           MilterCipherKind kind,
           const MilterPlaceValue *places,
           gsize n)
{
  guint8 bytes[2 + 2 * MILTER_CIPHER_MAX_PLACES] = { PURPOSE_SHAPE, (guint8) kind };

  for (gsize i = 0; i < n; i++)
    {
      bytes[2 + 2 * i] = (guint8) (places[i].radix - 1);
      bytes[3 + 2 * i] = places[i].radix == 1 ? (guint8) places[i].value : 0;
    }
  return hash (cipher, bytes, 2 + 2 * n);
}

/* adds to the places of @target, or takes from them, what a hash of @source tells */
static void
add_round (const MilterCipher *cipher,
           guint64 tweak,
           guint round,
           const MilterPlaceValue *source,
           gsize n_source,
           MilterPlaceValue *target,
           gsize n_target,
           bool undo)
{
  guint8 bytes[11 + MILTER_CIPHER_MAX_PLACES] = { PURPOSE_ROUND, (guint8) round };
  guint64 pad = 0;

  memcpy (bytes + 3, &(guint64){ GUINT64_TO_LE (tweak) }, 8);
  for (gsize i = 0; i < n_source; i++)
    bytes[11 + i] = (guint8) source[i].value;
  for (gsize i = 0; i < n_target; i++)
    {
      guint radix = target[i].radix, add;

      /* four places of 256 symbols leave 32 bits */
      if (i % 4 == 0)
        {
          bytes[2] = (guint8) (i / 4);
          pad = hash (cipher, bytes, 11 + n_source);
        }
      add = (guint) (pad % radix);
      pad /= radix;
      target[i].value = (guint16) ((target[i].value + (undo ? radix - add : add)) % radix);
    }
}

static void
permute (const MilterCipher *cipher, guint64 tweak, MilterPlaceValue *places, gsize n, bool undo)
{
  gsize half = n / 2;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      guint round = undo ? N_ROUNDS - 1 - i : i;

      if (round % 2 == 0)
        add_round (cipher, tweak, round, places + half, n - half, places, half, undo);
      else
        add_round (cipher, tweak, round, places, half, places + half, n - half, undo);
    }
}

/* --- small sets ----------------------------------------------------------------------------------
 */

static void
shuffle (const MilterCipher *cipher, guint64 tweak, guint16 *numbers, guint n)
{
  for (guint i = n; i-- > 1;)
    {
      guint other = (guint) (hash_number (cipher, PURPOSE_SHUFFLE, tweak, i) % (i + 1));
      guint16 number = numbers[i];

      numbers[i] = numbers[other];
      numbers[other] = number;
    }
}

/* one place: the symbols in a ring */
static void
replace_one (const MilterCipher *cipher, guint64 tweak, MilterPlaceValue *place)
{
  guint16 ring[256];

  for (guint i = 0; i < place->radix; i++)
    ring[i] = (guint16) i;
  shuffle (cipher, tweak, ring, place->radix);
  for (guint i = 0; i < place->radix; i++)
    if (ring[i] == place->value)
      {
        place->value = ring[(i + 1) % place->radix];
        return;
      }
}

/* All words of @width letters in a ring in which a free one stands behind each top-level domain:
 * each becomes the next one. */
static void
make_ring (const MilterCipher *cipher, guint width, guint n, guint16 *next)
{
  g_autofree guint16 *taken = g_new (guint16, n), *rest = g_new (guint16, n);
  g_autofree guint16 *ring = g_new (guint16, n);
  g_autofree bool *is_taken = g_new0 (bool, n);
  guint n_taken = 0, n_rest = 0, size = 0;

  milter_domains_mark_taken (width, is_taken);
  for (guint i = 0; i < n; i++)
    if (is_taken[i])
      taken[n_taken++] = (guint16) i;
    else
      rest[n_rest++] = (guint16) i;
  shuffle (cipher, width, taken, n_taken);
  shuffle (cipher, width + 10, rest, n_rest);
  for (guint i = 0; i < n_rest; i++)
    {
      if (i < n_taken)
        ring[size++] = taken[i];
      ring[size++] = rest[i];
    }
  for (guint i = 0; i < n; i++)
    next[ring[i]] = ring[(i + 1) % n];
}

/* --- what others call ----------------------------------------------------------------------------
 */

void
milter_cipher_init (MilterCipher *cipher, MilterBytes secret)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize size = sizeof digest;

  g_checksum_update (checksum, secret.data, (gssize) secret.size);
  g_checksum_get_digest (checksum, digest, &size);
  cipher->key[0] = get_word (digest, 8);
  cipher->key[1] = get_word (digest + 8, 8);
  make_ring (cipher, 2, MILTER_CIPHER_N_PAIRS, cipher->pairs);
  make_ring (cipher, 3, MILTER_CIPHER_N_TRIPLES, cipher->triples);
}

void
milter_cipher_replace (const MilterCipher *cipher,
                       MilterCipherKind kind,
                       MilterPlaceValue *places,
                       gsize n)
{
  MilterPlaceValue open[MILTER_CIPHER_MAX_PLACES];
  guint64 tweak = get_tweak (cipher, kind, places, n);
  gsize n_open = 0;

  g_assert (n <= MILTER_CIPHER_MAX_PLACES);
  for (gsize i = 0; i < n; i++)
    if (places[i].radix > 1)
      open[n_open++] = places[i];
  if (n_open == 1)
    replace_one (cipher, tweak, open);
  if (n_open > 1)
    {
      MilterPlaceValue *last = &open[n_open - 1];

      permute (cipher, tweak, open, n_open, /* undo= */ false);
      last->value = (guint16) ((last->value + 1) % last->radix);
      permute (cipher, tweak, open, n_open, /* undo= */ true);
    }
  n_open = 0;
  for (gsize i = 0; i < n; i++)
    if (places[i].radix > 1)
      places[i] = open[n_open++];
}

void
milter_cipher_replace_short (const MilterCipher *cipher, guint8 *letters, gsize n)
{
  guint number = 0;

  for (gsize i = 0; i < n; i++)
    number = number * 26 + letters[i];
  number = n == 2 ? cipher->pairs[number] : cipher->triples[number];
  for (gsize i = n; i-- > 0; number /= 26)
    letters[i] = (guint8) (number % 26);
}

guint
milter_cipher_chain (const MilterCipher *cipher, MilterBytes before, guint value, guint radix)
{
  guint8 bytes[3 + MILTER_CIPHER_CONTEXT] = { PURPOSE_CHAIN, (guint8) (radix - 1), (guint8) value };

  if (radix < 2)
    return value;
  if (before.size > 0)
    memcpy (bytes + 3, before.data, before.size);
  return (guint) ((value + 1 + hash (cipher, bytes, 3 + before.size) % (radix - 1)) % radix);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-cipher.h: other values of the same shape, by a secret.
 *
 * A value is a row of places, each with as many possible symbols as its radix tells. It is replaced
 * by another one of the same places: always the same for the same secret, never itself, and never
 * one that stands for another value. Nothing is remembered for that: a keyed permutation of all
 * values of a shape (a Feistel network over SipHash) is followed by one step, and undone. Who has
 * the secret can undo it all.
 */
#pragma once

#include <stdbool.h>

#include "milter-message.h"

G_BEGIN_DECLS

/* what is replaced; the same places of another kind are replaced differently */
typedef enum
{
  MILTER_CIPHER_WORD,
  MILTER_CIPHER_IPV4,
  MILTER_CIPHER_IPV6,
  MILTER_CIPHER_PORT
} MilterCipherKind;

/* at most 256 symbols at a place; 0 <= value < radix */
typedef struct
{
  guint16 value;
  guint16 radix;
} MilterPlaceValue;

/* the most places */
#define MILTER_CIPHER_MAX_PLACES 160u

/* words of 2 and of 3 letters */
#define MILTER_CIPHER_N_PAIRS   (26u * 26u)
#define MILTER_CIPHER_N_TRIPLES (26u * 26u * 26u)

typedef struct
{
  guint64 key[2];
  guint16 pairs[MILTER_CIPHER_N_PAIRS];
  guint16 triples[MILTER_CIPHER_N_TRIPLES];
} MilterCipher;

/* @secret: any bytes */
void milter_cipher_init (MilterCipher *cipher, MilterBytes secret);

/* Replaces the values. Places with one symbol stay, and with them a value that has no others. */
void milter_cipher_replace (const MilterCipher *cipher,
                            MilterCipherKind kind,
                            MilterPlaceValue *places,
                            gsize n);

/* Replaces a word of 2 or 3 letters, each 0 to 25, so that no top-level domain of the Internet
 * becomes another one. */
void milter_cipher_replace_short (const MilterCipher *cipher, guint8 *letters, gsize n);

/* How many bytes before one count for what it is replaced by. */
#define MILTER_CIPHER_CONTEXT 16u

/* Another number below @radix than @value, which depends on it and on the bytes before it, in a way
 * that cannot be undone. @before: at most MILTER_CIPHER_CONTEXT. */
guint
milter_cipher_chain (const MilterCipher *cipher, MilterBytes before, guint value, guint radix);

G_END_DECLS

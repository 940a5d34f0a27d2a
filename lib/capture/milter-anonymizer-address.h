/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-address.h: IP addresses in a text, replaced by others of the same length.
 *
 * The same address becomes the same one however it is written: padded with zeros, in another case,
 * as a reverse name, with dashes in the name of a host. Loopback and unspecified addresses stay.
 * One of a private network stays in that network, others never come into one.
 */
#pragma once

#include "milter-anonymizer-cipher.h"

G_BEGIN_DECLS

/* Replaces the address that begins at @at, where no word is in front; returns its size, 0: there is
 * none. */
gsize milter_anonymizer_replace_ip (const MilterCipher *cipher, guint8 *text, gsize size, gsize at);

/* The number of a port from 1024 on becomes another one with as many digits. */
guint milter_anonymizer_replace_port (const MilterCipher *cipher, guint port);
/* the same of @n digits; what is no port is replaced digit by digit */
void milter_anonymizer_replace_port_text (const MilterCipher *cipher, guint8 *digits, gsize n);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-message.h: frames and messages, from bytes and to bytes.
 *
 * A frame is `u32 length, letter, payload`. A message is a frame whose payload has been taken
 * apart as the letter's row of the table says. Both are views: they point into the caller's
 * bytes, own nothing, and are valid as long as those bytes.
 */
#pragma once

#include "milter-codec-error.h"
#include "milter-spec.h"

G_BEGIN_DECLS

/**
 * MilterBytes:
 * @data: (array length=size): the first byte; may be %NULL if @size is 0
 * @size: how many
 *
 * A view of bytes that somebody else owns. It carries no charset and may hold any byte.
 */
typedef struct
{
  const guint8 *data;
  gsize size;
} MilterBytes;

/**
 * MILTER_BYTES_INIT:
 * @string: a string literal
 *
 * Initialises a #MilterBytes with the bytes of a literal, without its NUL.
 */
#define MILTER_BYTES_INIT(string) { (const guint8 *) ("" string), sizeof (string) - 1 }

#ifndef __GI_SCANNER__
/* a view of @size bytes at @data */
static inline MilterBytes
milter_bytes (const void *data, gsize size)
{
  return (MilterBytes){ (const guint8 *) data, size };
}
#endif
/**
 * milter_bytes_from_string: (skip)
 * @string: (nullable): a C string; %NULL is no bytes
 *
 * Makes a view of a C string, without its NUL.
 *
 * Returns: a view, valid as long as @string
 */
MILTER_AVAILABLE MilterBytes milter_bytes_from_string (const char *string);

/**
 * milter_bytes_equal: (skip)
 * @a: bytes
 * @b: others
 *
 * Compares bytes.
 *
 * Returns: whether they are the same
 */
MILTER_AVAILABLE gboolean milter_bytes_equal (MilterBytes a, MilterBytes b);

/**
 * milter_bytes_equal_string: (skip)
 * @a: bytes
 * @string: a string
 *
 * Compares bytes with a C string.
 *
 * Returns: whether they are the same
 */
MILTER_AVAILABLE gboolean milter_bytes_equal_string (MilterBytes a, const char *string);

/**
 * milter_bytes_equal_caseless: (skip)
 * @a: bytes
 * @b: others
 *
 * Compares two ASCII names in any case, as header field names are compared.
 *
 * Returns: whether they are the same
 */
MILTER_AVAILABLE gboolean milter_bytes_equal_caseless (MilterBytes a, MilterBytes b);

/**
 * MilterLimits:
 * @max_payload: the most bytes of payload in one frame (the length field may be one more)
 *
 * What a reader is willing to take. Checked before anything is allocated or awaited.
 */
typedef struct
{
  guint32 max_payload;
} MilterLimits;

/**
 * MILTER_LIMIT_FROM_MTA:
 *
 * The most bytes behind the letter of an MTA's frame: what libmilter reads; the length field is
 * 65,536 at most.
 */
#define MILTER_LIMIT_FROM_MTA 65535u
/**
 * MILTER_LIMIT_FROM_MILTER:
 *
 * The same for a milter's frame: MTAs take a body replacement of more than a megabyte in one.
 */
#define MILTER_LIMIT_FROM_MILTER 1048576u

/**
 * MilterDecodeStatus:
 * @MILTER_DECODE_NEED_MORE: the bytes are the beginning of a frame; come back with more
 * @MILTER_DECODE_COMPLETE: there is a whole frame
 * @MILTER_DECODE_ERROR: these bytes are no frame; nothing behind them can be read either
 *
 * What stands at the beginning of some bytes.
 */
typedef enum
{
  MILTER_DECODE_NEED_MORE,
  MILTER_DECODE_COMPLETE,
  MILTER_DECODE_ERROR
} MilterDecodeStatus;

/**
 * MilterAddress:
 * @family: `4`, `6`, `L` (unix) or `U` (unknown)
 * @port: in host order; 0 for `L` and `U`
 * @text: the address as text, as it stood in the frame (`IPv6:` prefix and all); none for `U`
 *
 * The address of an SMTP client, as CONNECT has it.
 */
typedef struct
{
  guint8 family;
  guint16 port;
  MilterBytes text;
} MilterAddress;

/**
 * MilterField:
 * @number: of U32 and BYTE fields
 * @bytes: of STRING (without its NUL), REST, and, packed as on the wire, STRINGS, PAIRS and
 *   SYMBOL_LISTS: walk those with milter_strings_next() and milter_symbol_lists_next()
 * @address: of ADDRESS fields
 *
 * A decoded field; which member counts is said by the row.
 */
typedef union
{
  guint32 number;
  MilterBytes bytes;
  MilterAddress address;
} MilterField;

/**
 * MILTER_NO_FAULT:
 *
 * In `fault` of a #MilterMessage: nothing is wrong.
 */
#define MILTER_NO_FAULT (-1)

/**
 * MilterMessage:
 * @sender: who said it
 * @letter: the letter of the frame
 * @spec: (nullable): its row, %NULL if the letter is unknown
 * @payload: the bytes behind the letter
 * @fields: the fields in the row's order
 * @fault: a #MilterCodecError if the payload is malformed, else %MILTER_NO_FAULT
 * @fault_field: which field it was found in (index into the row's fields)
 * @fault_offset: where in the payload
 *
 * A message. A malformed one has @fault set; its @fields are only filled up to the fault, its
 * @payload always whole, so that it can be shown, compared and sent again as it is.
 */
typedef struct
{
  MilterSide sender;
  guint8 letter;
  const MilterSpec *spec;
  MilterBytes payload;
  MilterField fields[MILTER_SPEC_MAX_FIELDS];
  int fault;
  guint fault_field;
  gsize fault_offset;
} MilterMessage;
/* Finds the first frame in @data. On COMPLETE sets @letter, @payload and @consumed (4 + length).
 * On ERROR sets @error (EMPTY_FRAME, FRAME_TOO_LONG) and nothing else. A length that breaks the
 * limit is an error as soon as its four bytes are there. */
MILTER_AVAILABLE MilterDecodeStatus milter_frame_decode (const guint8 *data,
                                                         gsize size,
                                                         const MilterLimits *limits,
                                                         guint8 *letter,
                                                         MilterBytes *payload,
                                                         gsize *consumed,
                                                         GError **error);
/* The same, and takes the payload apart. A malformed payload or an unknown letter is COMPLETE,
 * with message->fault set. */
MILTER_AVAILABLE MilterDecodeStatus milter_message_decode (MilterSide sender,
                                                           const guint8 *data,
                                                           gsize size,
                                                           const MilterLimits *limits,
                                                           MilterMessage *message,
                                                           gsize *consumed,
                                                           GError **error);
/* Takes apart the payload of a frame that is already known to be whole. */
MILTER_AVAILABLE void milter_message_parse (MilterSide sender,
                                            guint8 letter,
                                            MilterBytes payload,
                                            MilterMessage *message);
/* What is wrong with a message that has a fault, for people:
 * "header (SMFIC_HEADER): value at offset 12 has no terminating NUL". (transfer full) */
MILTER_AVAILABLE GError *milter_message_get_fault (const MilterMessage *message);
/* An empty message of a known letter, to be filled in and appended. */
MILTER_AVAILABLE void milter_message_init (MilterMessage *message, MilterSide sender, guint8 letter);
/* Appends the frame to @buffer. A message without fault is built from its fields, one with a fault
 * from its payload, so that what was decoded is encoded to the same bytes. On an error (a NUL
 * inside a string, a payload above 4 GiB) nothing is appended. */
MILTER_AVAILABLE gboolean milter_message_append (const MilterMessage *message,
                                                 GByteArray *buffer,
                                                 GError **error);
/* Appends a frame with any letter and any payload. Nothing is checked but the size (< 4 GiB). */
MILTER_AVAILABLE void milter_frame_append (guint8 letter, MilterBytes payload, GByteArray *buffer);

/**
 * milter_strings_next: (skip)
 * @strings: packed strings; moves on
 * @string: (out): the next string
 *
 * Takes the next string from packed @strings and moves on; FALSE at the end. An unterminated rest
 * counts as a string.
 *
 * Returns: %FALSE at the end
 */
MILTER_AVAILABLE gboolean milter_strings_next (MilterBytes *strings, MilterBytes *string);

/**
 * milter_symbol_lists_next: (skip)
 * @lists: packed lists; moves on
 * @stage: (out): the stage
 * @names: (out): its names, separated by blanks
 *
 * Takes the next (stage, names) from packed lists and moves on; FALSE at the end or at a fault.
 *
 * Returns: %FALSE at the end or at a fault
 */
MILTER_AVAILABLE gboolean milter_symbol_lists_next (MilterBytes *lists,
                                                    guint32 *stage,
                                                    MilterBytes *names);

/**
 * milter_strings_append: (skip)
 * @packed: a packed field
 * @string: bytes without a NUL
 *
 * Appends a string, and its NUL, to a packed field.
 */
MILTER_AVAILABLE void milter_strings_append (GByteArray *packed, MilterBytes string);

/**
 * milter_symbol_lists_append: (skip)
 * @packed: a packed field
 * @stage: the stage
 * @names: its names, separated by blanks
 *
 * Appends a list to a packed field.
 */
MILTER_AVAILABLE void milter_symbol_lists_append (GByteArray *packed,
                                                  guint32 stage,
                                                  MilterBytes names);

G_END_DECLS

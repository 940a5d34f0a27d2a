/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-text.h: a message as one line of text, in the language of scenarios and traces.
 */
#pragma once

#include "milter-message.h"

G_BEGIN_DECLS

/**
 * MilterTextFlags:
 * @MILTER_TEXT_PLAIN: every byte is told; encoding the line again gives the frame
 * @MILTER_TEXT_PATTERN: the line will stand behind `=>`: a star is written `\*`
 * @MILTER_TEXT_SHORT: for people: long values are cut and end in `… (1234 bytes)`
 * @MILTER_TEXT_LEADING_SPACE: HDR_LEADSPC was agreed: header values on the wire begin with the blank
 *   behind the colon, which the text shows (`X: v` for ` v`, `X:v` for `v`)
 *
 * How a message is written.
 */
typedef enum
{
  MILTER_TEXT_PLAIN = 0,
  MILTER_TEXT_PATTERN = 1 << 0,
  MILTER_TEXT_SHORT = 1 << 1,
  MILTER_TEXT_LEADING_SPACE = 1 << 2
} MilterTextFlags;

/**
 * milter_message_append_text: (skip)
 * @message: a message
 * @flags: how it is written
 * @text: what is appended to
 *
 * Appends the message as one line without line end: `rcpt <bob@example.net>`, `550 5.7.1 "no"`,
 * `add-header X-Checked: yes`. A message that has a fault, or that the words cannot express so that
 * the same bytes come out again, is written as `frame LETTER "…"`.
 */
MILTER_AVAILABLE void milter_message_append_text (const MilterMessage *message,
                                                  MilterTextFlags flags,
                                                  GString *text);

/**
 * milter_message_to_text: (skip)
 * @message: a message
 * @flags: how it is written
 *
 * As milter_message_append_text().
 *
 * Returns: (transfer full): the line
 */
MILTER_AVAILABLE char *milter_message_to_text (const MilterMessage *message, MilterTextFlags flags);

/**
 * milter_text_append_word: (skip)
 * @bytes: bytes
 * @flags: how it is written
 * @text: what is appended to
 *
 * Appends bytes as a word of a scenario: bare where a reader takes it for the same bytes, else
 * quoted with escapes.
 */
MILTER_AVAILABLE void milter_text_append_word (MilterBytes bytes, MilterTextFlags flags, GString *text);

/**
 * milter_text_append_rest: (skip)
 * @bytes: bytes
 * @flags: how it is written
 * @text: what is appended to
 *
 * Appends bytes as the value of a field, or another one that takes the rest of its line: as they
 * are where a reader takes that for the same bytes, else quoted.
 */
MILTER_AVAILABLE void milter_text_append_rest (MilterBytes bytes, MilterTextFlags flags, GString *text);

/**
 * milter_text_append_quoted: (skip)
 * @bytes: bytes
 * @flags: how it is written
 * @text: what is appended to
 *
 * Appends bytes always quoted: `"first chunk\r\n"`.
 */
MILTER_AVAILABLE void milter_text_append_quoted (MilterBytes bytes,
                                                 MilterTextFlags flags,
                                                 GString *text);

G_END_DECLS

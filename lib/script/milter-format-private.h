/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-format-private.h: what the files of the formatter share.
 */
#pragma once

#include "milter-message.h"
#include "milter-tokens.h"

G_BEGIN_DECLS

/* Appends a word in its canonical form.
 * @source: the word as it is written
 * @extra: of the value of a field: blanks before it that belong to it
 * @alone: nothing follows on the line, so that it may take the rest of it */
void milter_format_word (const MilterToken *token,
                         MilterBytes source,
                         MilterBytes extra,
                         bool alone,
                         GString *out);

G_END_DECLS

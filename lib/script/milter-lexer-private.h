/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lexer-private.h: what the two files of the lexer share.
 */
#pragma once

#include "milter-lexer.h"

G_BEGIN_DECLS

/* Appends the lines below the present one, up to the one that holds only @word, to @text. @offset:
 * where <<WORD stands, for errors. */
bool milter_lexer_read_here_document (MilterLexer *lexer,
                                      gsize offset,
                                      MilterBytes word,
                                      GString *text);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lexer-private.h: what the files of the lexer share.
 */
#pragma once

#include "milter-lexer.h"

G_BEGIN_DECLS

/* Appends the lines below the present one, up to the one that holds only @word, to @text. @offset:
 * where <<WORD stands, for errors. */
bool
milter_lexer_read_here_document (MilterLexer *lexer, gsize offset, MilterBytes word, GString *text);

/* a table of variables: of char * to MilterCountedText */
GHashTable *milter_variables_new (void);

/* ---- of a word that is being filled ---- */

/* an empty word at the next byte that is no blank */
void milter_word_begin (MilterLexer *lexer, MilterWord *word);
bool milter_word_append (MilterLexer *lexer, MilterWord *word, MilterBytes bytes);
bool milter_word_append_star (MilterLexer *lexer, MilterWord *word);
/* the word is whole: it counts, and is noted */
bool milter_word_end (MilterLexer *lexer,
                      const MilterWord *word,
                      MilterTokenKind kind,
                      MilterLexFlags flags);

/* the byte at an offset of the line, -1 behind its end */
int milter_lexer_byte_at (const MilterLexer *lexer, gsize at);
bool milter_lexer_is_blank_or_end (int byte);
bool milter_lexer_starts_quote (int byte);
/* nothing may touch what has just been taken: "a blank … behind @behind" */
bool milter_lexer_expect_blank (MilterLexer *lexer, const char *behind);

/* Each takes what stands at the present byte. */
/* the bytes that mean themselves, up to one of @special */
bool milter_lexer_take_run (MilterLexer *lexer, MilterWord *word, const char *special);
/* `$NAME`, `${NAME}` or `$$` */
bool milter_lexer_take_variable (MilterLexer *lexer, MilterWord *word);
/* `\n`, `\x0a` */
bool milter_lexer_take_escape (MilterLexer *lexer, MilterWord *word);
/* `"…"`, `"…"*N` or `'…'`: starts_quote() is true there */
bool milter_lexer_take_quoted (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word);
/* `/…/` or `/…/i` */
bool milter_lexer_take_regex (MilterLexer *lexer, MilterWord *word);

G_END_DECLS

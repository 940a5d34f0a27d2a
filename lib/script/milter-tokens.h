/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-tokens.h: where the words of a file stand and how they were read, for the formatter.
 *
 * The lexer notes each word that it reads for the parser, and the parser what it takes it for; so
 * that nobody else has to know which words a verb has.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* which reader of the lexer took it */
typedef enum
{
  MILTER_TOKEN_WORD,
  MILTER_TOKEN_FIELD_NAME,   /* without its colon */
  MILTER_TOKEN_FIELD_VALUE,  /* up to the end of the line, or quoted */
  MILTER_TOKEN_FIELD_WORD,   /* of a rule's line */
  MILTER_TOKEN_REST          /* as a value, of `unknown` */
} MilterTokenKind;

/* what the parser takes it for */
typedef enum
{
  MILTER_TOKEN_AS_IS,
  MILTER_TOKEN_TEXT,         /* data, or a sentence: always in quotes */
  MILTER_TOKEN_DURATION,
  MILTER_TOKEN_ACTIONS,      /* actions=LIST */
  MILTER_TOKEN_STEPS         /* steps=LIST */
} MilterTokenRole;

typedef struct
{
  gsize start, end;          /* in the file; of a value: without the blanks before it */
  MilterTokenKind kind;
  MilterTokenRole role;
  guint form;                /* MilterWordKind */
  bool pattern;              /* a star in it is one */
  bool behind_arrow;         /* ` | ` would end it */
  gsize key_size;            /* of NAME=VALUE as it is written; else G_MAXSIZE */
} MilterToken;

/* the words of one file; those of files that it includes are not noted */
typedef struct
{
  const char *text;          /* unowned */
  gsize size;
  GArray *tokens;            /* of MilterToken, in order */
} MilterTokens;

void milter_tokens_init (MilterTokens *tokens, const char *text, gsize size);
void milter_tokens_clear (MilterTokens *tokens);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MilterTokens, milter_tokens_clear)

/* Notes a word. @at: where it stands in memory */
void milter_tokens_add (MilterTokens *tokens, const char *at, gsize size, const MilterToken *token);
/* what the last word that was noted is taken for */
void milter_tokens_set_role (MilterTokens *tokens, MilterTokenRole role);

G_END_DECLS

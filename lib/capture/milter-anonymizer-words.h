/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-words.h: what is known to be harmless, and where.
 *
 * A value is read in a context, which lists the words that stay in it. All others are replaced.
 */
#pragma once

#include <stdbool.h>

#include "milter-message.h"

G_BEGIN_DECLS

/**
 * MilterContextFlags:
 * @MILTER_CONTEXT_DATES: dates with their times stay
 * @MILTER_CONTEXT_NUMBERS: words that are a number stay
 * @MILTER_CONTEXT_NAMES: the value of `h=` is a list of names of header fields, which stay
 * @MILTER_CONTEXT_CODES: SMTP codes where a line begins stay
 * @MILTER_CONTEXT_XTEXT: `+3D` is a character (RFC 3461)
 * @MILTER_CONTEXT_PORT: a number is a port
 * @MILTER_CONTEXT_HOSTS: `unknown`, `localhost`, and the mailboxes that each host has, stay
 *
 * What else stays in a context.
 */
typedef enum
{
  MILTER_CONTEXT_DATES = 1 << 0,
  MILTER_CONTEXT_NUMBERS = 1 << 1,
  MILTER_CONTEXT_NAMES = 1 << 2,
  MILTER_CONTEXT_CODES = 1 << 3,
  MILTER_CONTEXT_XTEXT = 1 << 4,
  MILTER_CONTEXT_PORT = 1 << 5,
  MILTER_CONTEXT_HOSTS = 1 << 6
} MilterContextFlags;

/* Contexts; the rows stand in milter-anonymizer-words.c. */
typedef enum
{
  MILTER_CONTEXT_TEXT, /* nothing stays */
  MILTER_CONTEXT_ADDRESS,
  MILTER_CONTEXT_RECEIVED,
  MILTER_CONTEXT_DATE,
  MILTER_CONTEXT_MIME,
  MILTER_CONTEXT_SIGNATURE,
  MILTER_CONTEXT_RESULTS,
  MILTER_CONTEXT_KEYWORD,
  MILTER_CONTEXT_LIST,
  MILTER_CONTEXT_COUNT,
  MILTER_CONTEXT_CLIENT_PORT,
  MILTER_CONTEXT_TLS,
  MILTER_CONTEXT_PARAMETER,
  MILTER_CONTEXT_REPLY,
  MILTER_CONTEXT_COMMAND,
  MILTER_CONTEXT_NOTE,
  MILTER_N_CONTEXTS
} MilterContextId;

typedef enum
{
  MILTER_WORD_UNKNOWN = 0,
  MILTER_WORD_KNOWN,
  MILTER_WORD_KEY,       /* if `=` follows */
  MILTER_WORD_NUMBER_KEY /* so, and a number behind that stays, too */
} MilterWordKind;

typedef struct
{
  GHashTable *words[MILTER_N_CONTEXTS]; /* in lower case, to MilterWordKind */
  GHashTable *headers;                  /* to MilterContextId */
  GHashTable *macros;
} MilterKnownWords;

void milter_known_words_init (MilterKnownWords *known);
void milter_known_words_clear (MilterKnownWords *known);

MilterContextFlags milter_context_get_flags (MilterContextId context);
/* the context of a header field's value, and of a macro's, with braces or without */
MilterContextId milter_known_words_header (const MilterKnownWords *known, MilterBytes name);
MilterContextId milter_known_words_macro (const MilterKnownWords *known, MilterBytes name);
bool milter_known_words_is_header (const MilterKnownWords *known, MilterBytes name);
bool milter_known_words_is_macro (const MilterKnownWords *known, MilterBytes name);
MilterWordKind
milter_known_words_find (const MilterKnownWords *known, MilterContextId context, MilterBytes word);

G_END_DECLS

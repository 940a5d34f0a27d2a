/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-verbs.h: the words of the scenario language as one table.
 *
 * The parser, its errors and the reference page read these rows. Commands, replies and edits take
 * their letters from the protocol's table.
 */
#pragma once

#include "milter-spec.h"

G_BEGIN_DECLS

/* where a word may stand */
typedef enum
{
  MILTER_VERB_AT_TOP = 1 << 0,       /* begins a line before the first session */
  MILTER_VERB_IN_SESSION = 1 << 1,   /* begins a line of a session */
  MILTER_VERB_EXPECTATION = 1 << 2,  /* stands behind `=>` */
  MILTER_VERB_ANSWER = 1 << 3        /* stands behind `=>`, also between `|` */
} MilterVerbPlace;

#define MILTER_VERB_ANYWHERE (MILTER_VERB_AT_TOP | MILTER_VERB_IN_SESSION)
/* what begins a line */
#define MILTER_VERB_LINE MILTER_VERB_ANYWHERE
/* what stands behind `=>` */
#define MILTER_VERB_BEHIND_ARROW (MILTER_VERB_EXPECTATION | MILTER_VERB_ANSWER)

/* which reader the parser has for a word's arguments */
typedef enum
{
  MILTER_SYNTAX_PREFIX,        /* repeat, parallel: before another word */
  MILTER_SYNTAX_MTA,
  MILTER_SYNTAX_SESSION,
  MILTER_SYNTAX_MESSAGE,
  MILTER_SYNTAX_TIMEOUT,
  MILTER_SYNTAX_LET,
  MILTER_SYNTAX_SPAWN,
  MILTER_SYNTAX_MILTER,
  MILTER_SYNTAX_INCLUDE,
  MILTER_SYNTAX_REQUIRE,
  MILTER_SYNTAX_WORDS,         /* commands whose arguments are words, see min and max */
  MILTER_SYNTAX_CONNECT,
  MILTER_SYNTAX_HEADER,
  MILTER_SYNTAX_UNKNOWN,
  MILTER_SYNTAX_MACRO,
  MILTER_SYNTAX_NEGOTIATE,
  MILTER_SYNTAX_EML,
  MILTER_SYNTAX_FRAME,
  MILTER_SYNTAX_RAW,
  MILTER_SYNTAX_GENERATE,
  MILTER_SYNTAX_BARRIER,
  MILTER_SYNTAX_SEND_AS,
  MILTER_SYNTAX_STALL,
  MILTER_SYNTAX_END,           /* close, reset, half-close */
  MILTER_SYNTAX_LOST,
  MILTER_SYNTAX_RULE,          /* on, expect */
  MILTER_SYNTAX_CASE,
  MILTER_SYNTAX_MUTANT,
  MILTER_SYNTAX_SMTP,
  MILTER_SYNTAX_ORDER,
  MILTER_SYNTAX_DELIVERED,
  MILTER_SYNTAX_START,
  MILTER_SYNTAX_ONLY,          /* expectations from here on */
  MILTER_SYNTAX_ORDERED,
  MILTER_SYNTAX_AND,
  MILTER_SYNTAX_NO,
  MILTER_SYNTAX_RESULT,
  MILTER_SYNTAX_REPLY,         /* answers from here on */
  MILTER_SYNTAX_CODE,
  MILTER_SYNTAX_OPTIONS,
  MILTER_SYNTAX_STATE,         /* any, none, closed, reset */
  MILTER_SYNTAX_EDIT_HEADER,
  MILTER_SYNTAX_EDIT_TEXT,
  MILTER_SYNTAX_EDIT_ADDRESS,
  MILTER_N_SYNTAXES
} MilterSyntax;

/* in max_words: any number */
#define MILTER_VERB_ANY_NUMBER G_MAXUINT

/**
 * MilterVerb:
 * @word: as written
 * @places: #MilterVerbPlace
 * @syntax: how its arguments are read
 * @min_words, @max_words: of WORDS: how many arguments
 * @here_document: the last argument may be <<WORD
 * @usage: the line as it is written, for errors and for the reference
 * @summary: one sentence for the reference
 * @absent: what holds where an argument is not written; may be ""
 * @remarks: more for the reference; may be ""
 *
 * A row.
 */
typedef struct
{
  const char *word;
  guint places;
  MilterSyntax syntax;
  guint min_words, max_words;
  gboolean here_document;
  const char *usage;
  const char *summary;
  const char *absent;
  const char *remarks;
} MilterVerb;

const MilterVerb *milter_verb_list (gsize *n);
/* (nullable) the row of a word in one of these places */
const MilterVerb *milter_verb_find (const char *word, guint places);
/* (nullable) the row whose word is nearest, if any is near enough to be a slip of the pen */
const MilterVerb *milter_verb_find_nearest (const char *word, guint places);
/* (nullable) the protocol's row that a command, a reply or an edit stands for */
const MilterSpec *milter_verb_get_spec (const MilterVerb *verb);
/* what a writer who wrote a word too many may have meant, to be put behind an error; may be "" */
const char *milter_verb_get_hint (const MilterVerb *verb);

G_END_DECLS

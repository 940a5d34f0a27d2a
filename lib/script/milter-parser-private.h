/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-private.h: what the files of the parser share.
 *
 * milter-parser.c reads statements, -hostile.c those about how bytes travel, -expect.c what stands
 * behind `=>`, -negotiate.c the arguments of `negotiate`, -rules.c rules of a milter, -trace.c what
 * recordings have, -values.c single values, -file.c files.
 * Each function that returns false, or NULL, has told its error.
 */
#pragma once

#include "milter-lexer.h"
#include "milter-scenario-private.h"
#include "milter-verbs.h"

G_BEGIN_DECLS

/* what the next line belongs to; all unowned */
typedef struct
{
  MilterScenarioSession *session;  /* NULL before the first one, and in a rule */
  MilterStep *step;                /* whose expectations follow; NULL: nobody's */
  MilterRule *rule;                /* NULL: none */
} MilterParserPlace;

typedef struct
{
  MilterLexer lexer;
  MilterScenario *scenario;
  MilterParserPlace place;
  MilterStep *spoilt;              /* takes the expectations below a line with an error */
  char *connection;                /* (nullable) of the present line: its CONN */
  GHashTable *connections;         /* (nullable) CONN to MilterParserPlace */
  MilterParserPlace outside;       /* while a CONN has its line: where those without one are */
  bool has_time;                   /* of the present line */
  gint64 time_ns;
  bool literal;                    /* in a rule, behind `=>`: nothing is a pattern */
  bool on_line;                    /* … on the rule's own line: nothing takes its rest */
  gsize text_start;                /* of what stands behind `=>` */
  bool behind_arrow;               /* `|` and `within` end what is being read */
  const char *profile;             /* (nullable) the file's */
  gint64 timeout_us;               /* the file's */
  GHashTable *files;               /* what was read: path to GBytes */
} MilterParser;

/* ---- values ---- */

/* whether another argument follows */
bool milter_parser_more (MilterParser *parser);
/* The next argument; it is an error if there is none: `expected WHAT, got …`. */
bool milter_parser_word (MilterParser *parser, MilterLexFlags flags, const char *what, MilterWord *word);
GBytes *milter_parser_bytes (const MilterWord *word, gsize start);
/* text for people: whatever is no UTF-8 is replaced */
char *milter_parser_name (const MilterWord *word);
MilterPattern *milter_parser_pattern (MilterParser *parser, const MilterWord *word, gsize start);
/* the value behind the colon of a field, where nothing takes the rest of the line */
bool milter_parser_field_word (MilterParser *parser,
                               MilterLexFlags flags,
                               MilterWord *word,
                               bool *leading_blank);
bool milter_parser_duration (MilterParser *parser, gint64 *duration_us);
/* one byte: `M`, `"\x07"`, `\x07` */
bool milter_parser_letter (MilterParser *parser, guint8 *letter);
/* LETTER [BYTES] of `frame`; @bytes: NULL if there are none */
bool milter_parser_frame (MilterParser *parser, guint8 *letter, GBytes **bytes);
bool milter_parser_raw (MilterParser *parser, GBytes **bytes);

/* ---- files ---- */

/* Reads a file of at most @max_size bytes. Never waits: what is no file is refused. On failure NULL
 * and in @got what there is instead. */
GBytes *milter_parser_read_file (const char *path, gsize max_size, char **got);
/* the file that @word names, or the here-document that it is; @path (nullable): where it was read */
GBytes *milter_parser_file (MilterParser *parser, const MilterWord *word, char **path);
/* every line end as CRLF */
GBytes *milter_parser_crlf (MilterParser *parser, GBytes *bytes);

/* ---- statements ---- */

/* Reads what stands behind the verb into @step. */
typedef bool (*MilterStatementParser) (MilterParser *parser,
                                       const MilterVerb *verb,
                                       MilterStep *step);

bool milter_parser_generate (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_barrier (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_send_as (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_stall (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
/* close, reset, half-close */
bool milter_parser_end (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_lost (MilterParser *parser, const MilterVerb *verb, MilterStep *step);

/* ---- negotiate, expectations ---- */

/* `version=…`, …; @pattern: ranges and patterns are allowed */
bool milter_parser_negotiate (MilterParser *parser, bool pattern, MilterNegotiateArgs *args);
/* What stands behind `=>`, up to the end of the line; goes to the present step. */
bool milter_parser_expectation (MilterParser *parser);
/* its beginning, its one answer, and its end, which an action of a rule has as well */
MilterExpectation *milter_parser_begin_expectation (MilterParser *parser);
MilterAnswerPattern *milter_parser_answer (MilterParser *parser);
bool milter_parser_end_expectation (MilterParser *parser, MilterExpectation *expectation);

/* ---- rules, recordings ---- */

/* `on`, `expect`: up to `=>` */
bool milter_parser_rule (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
/* What stands behind `=>`, at @offset, below the open rule, or (@on_line) on its line. */
bool milter_parser_rule_action (MilterParser *parser, gsize offset, bool on_line);
bool milter_parser_start (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
/* `+SECONDS` and `@CONN`: from here to leave_connection() the line goes where that connection is. */
bool milter_parser_take_prefixes (MilterParser *parser);
void milter_parser_leave_connection (MilterParser *parser);

G_END_DECLS

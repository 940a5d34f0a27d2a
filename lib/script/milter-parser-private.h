/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-private.h: what the files of the parser share.
 *
 * milter-parser.c reads lines; the arguments of statements are read by -commands.c (what is sent),
 * -hostile.c (how bytes travel), -settings.c, -milters.c and -sessions.c. -expect.c reads what stands
 * behind `=>`, -negotiate.c the arguments of `negotiate`, -rules.c rules of a milter, -cases.c requirements, -smtp.c what is asked of an MTA, -trace.c what
 * recordings have, -values.c single values, -file.c files. milter-template.c keeps lines that are
 * read again. Each function that returns false, or NULL, has told its error.
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
  MilterSmtpStep *smtp;            /* whose reply follows; NULL: nobody's */
  MilterStep *repeated;            /* `repeat N message`: takes the lines; NULL: none is open */
  bool in_message;                 /* … and a command of its message has been seen */
} MilterParserPlace;

typedef struct
{
  MilterLexer lexer;
  MilterScenario *scenario;
  MilterScenarioUse use;
  MilterParserPlace place;
  MilterScenarioCase *entry;       /* (nullable) unowned: the last `case` line … */
  MilterScenarioMutant *mutant;    /* (nullable) unowned: … or `mutant` line */
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
  gint64 timeout_us;               /* the file's */
  GHashTable *files;               /* what was read: path to GBytes */
  guint repeat;                    /* `repeat N` before the present line; 0: none */
  guint parallel;                  /* the same of `parallel` */
  guint n_groups;                  /* of parallel sessions */
  guint64 n_sessions;              /* rounds and copies counted */
  guint n_spawned;
  GArray *lines;                   /* (nullable) of a step, see milter_parser_note_line() */
  const MilterStep *noted;         /* … whose they are */
  bool again;                      /* a template's line: files that were not read are not kept */
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
/* a name as seen from the file that it stands in */
char *milter_parser_resolve (MilterParser *parser, const char *name);
/* that of the file that @word names */
char *milter_parser_path (MilterParser *parser, const MilterWord *word);
/* What is in it, (transfer none) unless it is a template's line. @offset: where the name stands */
GBytes *milter_parser_open (MilterParser *parser, const char *path, gsize offset);
/* a name that a message can hold */
char *milter_parser_show_path (const char *path);
/* every line end as CRLF */
GBytes *milter_parser_crlf (MilterParser *parser, GBytes *bytes);

/* ---- statements ---- */

/* Reads what stands behind the verb into @step. */
typedef bool (*MilterStatementParser) (MilterParser *parser,
                                       const MilterVerb *verb,
                                       MilterStep *step);

/* what a line is besides its words */
typedef enum
{
  MILTER_ROLE_SETTING,   /* no step of a session; what stands below it belongs to the command above.
                            Its words are the same in every round */
  MILTER_ROLE_LET,       /* the same, but $n and $p are kept in it */
  MILTER_ROLE_STEP,      /* a step that has no answer, as a setting between commands */
  MILTER_ROLE_BREAK,     /* a step that no answer can stand below */
  MILTER_ROLE_ANSWERED,  /* a step with expectations */
  MILTER_ROLE_COMMAND    /* the same, and can be repeated */
} MilterRole;

typedef struct
{
  MilterStatementParser parse;
  MilterRole role;
} MilterStatement;

/* of what is sent; parse is NULL for other syntaxes */
const MilterStatement *milter_parser_command (MilterSyntax syntax);

bool milter_parser_mta (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_let (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_require (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_include (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_spawn (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_milter (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_session (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_generate (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_barrier (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_send_as (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_stall (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
/* close, reset, half-close */
bool milter_parser_end (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_lost (MilterParser *parser, const MilterVerb *verb, MilterStep *step);

/* ---- lines ---- */

/* @text: lives as long as the parser, or until its lexer is given another one */
void milter_parser_init (MilterParser *parser,
                         const char *path,
                         const char *text,
                         gsize size,
                         MilterScenarioUse use,
                         GString *messages);
void milter_parser_clear (MilterParser *parser);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MilterParser, milter_parser_clear)
/* The line that the lexer is at; milter_parser_leave_connection() follows, when its connection has been
 * looked at. False: it has an error, which has been told. */
bool milter_parser_line (MilterParser *parser);
/* (transfer full) the next word as it is written */
char *milter_parser_peek (MilterParser *parser);
/* (transfer full) the step that a line is; the verb is the next word */
MilterStep *milter_parser_statement (MilterParser *parser, const MilterVerb *verb);
/* the line must not hold $n or $p */
bool milter_parser_refuse_counters (MilterParser *parser);
/* `repeat N` and `parallel [N]` before a verb, into the parser */
bool milter_parser_take_counts (MilterParser *parser);
/* the place is a new session; @name: (transfer full) (nullable) */
void milter_parser_begin_session (MilterParser *parser, const MilterWhere *where, char *name);
/* (transfer full) a step behind the others, repeated if the line says so; @where: of that */
void
milter_parser_add_to_session (MilterParser *parser, const MilterWhere *where, MilterStep *step);
/* what stands here belongs to no repeated message any more */
void milter_parser_end_repeated (MilterParser *parser);
/* The present line, from @at on, is read: the step's own (@is_new) or of one of its expectations.
 * If it holds $n or $p the step is read again when it is played. */
bool milter_parser_note_line (MilterParser *parser, MilterStep *step, gsize at, bool is_new);

/* ---- negotiate, expectations ---- */

/* `version=…`, …; @pattern: ranges and patterns are allowed */
bool milter_parser_negotiate (MilterParser *parser, bool pattern, MilterNegotiateArgs *args);
/* What stands behind `=>`, up to the end of the line; goes to the present step. */
bool milter_parser_expectation (MilterParser *parser);
/* its beginning, its one answer, and its end, which an action of a rule has as well */
MilterExpectation *milter_parser_begin_expectation (MilterParser *parser);
MilterAnswerPattern *milter_parser_answer (MilterParser *parser);
bool milter_parser_end_expectation (MilterParser *parser, MilterExpectation *expectation);
/* @text: (transfer full) what a report shows: the line from @start to here, as it is written */
bool milter_parser_keep_text (MilterParser *parser, gsize start, char **text);

/* ---- rules, recordings ---- */

bool milter_parser_case (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_mutant (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
/* `smtp`, up to `=>`; `order`, `delivered` */
bool milter_parser_smtp (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_order (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
bool milter_parser_delivered (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
/* what stands behind `=>`: the reply to the open `smtp` */
bool milter_parser_smtp_reply (MilterParser *parser);
/* `on`, `expect`: up to `=>` */
bool milter_parser_rule (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
/* What stands behind `=>`, at @offset, below the open rule, or (@on_line) on its line. */
bool milter_parser_rule_action (MilterParser *parser, gsize offset, bool on_line);
bool milter_parser_start (MilterParser *parser, const MilterVerb *verb, MilterStep *step);
/* `+SECONDS` and `@CONN`: from here to leave_connection() the line goes where that connection is. */
bool milter_parser_take_prefixes (MilterParser *parser);
void milter_parser_leave_connection (MilterParser *parser);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario.h: a scenario file, parsed: settings, sessions, steps and expectations.
 *
 * Everything is owned by the MilterScenario and lives as long as it does. Literal text is GBytes,
 * since any byte can be written. Parsing opens the files that a scenario names (eml, result), so a
 * scenario that parsed can be played without touching the disk.
 */
#pragma once

#include "milter-flags.h"
#include "milter-message.h"
#include "milter-pattern.h"

G_BEGIN_DECLS

/* a place in a file; columns from 1, in characters */
typedef struct
{
  const char *file;   /* as given or as included; owned by the scenario */
  guint line;
  guint column;
} MilterWhere;

/**
 * MilterFlagList: `actions=…`, `steps=…`
 * @relative: every item has a sign
 * @set: bits given (unsigned: exactly these), or with `+`
 * @clear: bits with `-`
 */
typedef struct
{
  gboolean given;
  gboolean relative;
  guint32 set;
  guint32 clear;
} MilterFlagList;

/* arguments of `negotiate`, as a command and as a pattern */
typedef struct
{
  gboolean has_version;
  guint32 version_min, version_max;      /* equal for a command; a pattern may be a range */
  MilterFlagList actions;
  MilterFlagList steps;
  GPtrArray *symbols;                    /* (nullable) of MilterSymbolList; in order */
  gboolean no_symbols;                   /* symbols=none */
  GBytes *tail;                          /* (nullable) */
} MilterNegotiateArgs;

typedef struct
{
  guint32 stage;
  GBytes *names;                         /* of a command; of a pattern: NULL */
  MilterPattern *pattern;                /* of a pattern */
} MilterSymbolList;

/* one item of `macro`: set, or taken out of the profile's set */
typedef struct
{
  GBytes *name;
  GBytes *value;                         /* NULL: taken out */
} MilterMacroItem;

/**
 * MilterStepKind: what a line in a session is
 */
typedef enum
{
  MILTER_STEP_KIND_COMMAND,    /* a row of the table, also `macro` and `negotiate` */
  MILTER_STEP_KIND_EML,        /* eml: headers, end of headers, body */
  MILTER_STEP_KIND_MESSAGE,    /* message [NAME] */
  MILTER_STEP_KIND_FRAME,      /* frame LETTER [BYTES] */
  MILTER_STEP_KIND_RAW,        /* raw BYTES */
  MILTER_STEP_KIND_TIMEOUT     /* timeout T */
} MilterStepKind;

/**
 * MilterStep:
 *
 * One line of a session with the expectations below it.
 */
typedef struct
{
  MilterStepKind kind;
  MilterWhere where;
  const MilterSpec *spec;        /* COMMAND: its row */
  GPtrArray *arguments;          /* of GBytes: the words behind the verb that are its payload:
                                    connect: HOST [ADDRESS as written]; helo: NAME; mail, rcpt:
                                    ADDRESS ARG…; unknown: LINE; header: NAME, VALUE as it stands
                                    behind the colon (leading blank included); body, eom: TEXT;
                                    message: NAME. Fewer than possible: the rest is default */
  gboolean has_port;             /* connect: port=N */
  guint16 port;
  guint8 letter;                 /* macro: the command letter of STAGE; frame: the letter */
  GPtrArray *macros;             /* macro: of MilterMacroItem */
  MilterNegotiateArgs negotiate; /* negotiate */
  GBytes *bytes;                 /* eml: the file's content; frame, raw: the bytes */
  char *path;                    /* (nullable) eml: its file name as written */
  gint64 duration_us;            /* timeout */
  GPtrArray *expectations;       /* of MilterExpectation, in the order of their lines */
} MilterStep;

/**
 * MilterAnswerKind: one alternative behind `=>`
 */
typedef enum
{
  MILTER_ANSWER_KIND_REPLY,      /* exactly this letter: continue, accept … */
  MILTER_ANSWER_KIND_CODE,       /* y with code, extended code, texts */
  MILTER_ANSWER_KIND_NEGOTIATE,  /* O */
  MILTER_ANSWER_KIND_ANY,        /* some reply */
  MILTER_ANSWER_KIND_NONE,       /* nothing for the grace time */
  MILTER_ANSWER_KIND_CLOSED,     /* end of the connection */
  MILTER_ANSWER_KIND_RESET,      /* that by RST */
  MILTER_ANSWER_KIND_FRAME,      /* that frame, literally */
  MILTER_ANSWER_KIND_RAW,        /* those bytes, literally */
  MILTER_ANSWER_KIND_EDIT        /* an edit or progress */
} MilterAnswerKind;

typedef struct
{
  MilterAnswerKind kind;
  MilterWhere where;
  const MilterSpec *spec;        /* REPLY, CODE, NEGOTIATE, EDIT: the milter's row */
  char *code;                    /* CODE: "451", "4xx" */
  char *extended;                /* (nullable) CODE: "4.7.1", "5.x.x" */
  gboolean has_index;            /* EDIT of a header */
  guint32 index;
  GBytes *name;                  /* (nullable) EDIT of a header: the field's name, any case */
  MilterPattern *value;          /* (nullable) EDIT: header value without its first blank, address,
                                    body text, quarantine reason */
  gboolean leading_blank;        /* EDIT of a header with a value: `X: v`, not `X:v` */
  gboolean deletes;              /* EDIT: delete-header (change-header without a value) */
  GPtrArray *patterns;           /* of MilterPattern. CODE: texts; EDIT: arguments */
  MilterNegotiateArgs negotiate; /* NEGOTIATE */
  guint8 letter;                 /* FRAME */
  GBytes *bytes;                 /* FRAME, RAW */
} MilterAnswerPattern;

typedef enum
{
  MILTER_EXPECT_ANSWER,          /* alternatives, within */
  MILTER_EXPECT_AND,             /* a further condition on the answer above */
  MILTER_EXPECT_AND_NOT,
  MILTER_EXPECT_NO,              /* no edit like this */
  MILTER_EXPECT_ONLY,
  MILTER_EXPECT_ORDERED,
  MILTER_EXPECT_RESULT
} MilterExpectKind;

typedef struct
{
  MilterExpectKind kind;
  MilterWhere where;
  char *text;                    /* the line behind `=>` as written, for reports */
  char *from;                    /* (nullable) the milter of a chain */
  GPtrArray *answers;            /* ANSWER: of MilterAnswerPattern; NO: one */
  gint64 within_us;              /* 0: not given */
  MilterPattern *pattern;        /* AND, AND_NOT */
  GBytes *bytes;                 /* RESULT: the message, CRLF line ends */
  char *path;                    /* (nullable) RESULT: where its file was read */
  char **ignoring;               /* (nullable) RESULT: field names */
} MilterExpectation;

/* a session, or what stands before the first one */
typedef struct
{
  MilterWhere where;
  char *name;                    /* by its number if it has none: "1" */
  const char *profile;           /* (nullable) `mta` of this session, else of the file */
  gint64 timeout_us;             /* 0: not given */
  GPtrArray *macros;             /* of MilterStep (COMMAND, macro): top-level macro lines that are
                                    sent with every command of their stage, file's then session's */
  GPtrArray *steps;              /* of MilterStep, in order */
} MilterScenarioSession;

typedef struct
{
  char *path;
  GPtrArray *macros;             /* of MilterStep: the file's, shared by all sessions */
  GPtrArray *sessions;           /* of MilterScenarioSession; at least one */
} MilterScenario;

/* What is taken of a file: hostile or mistaken ones must not eat the machine. The text is bounded
 * by line, by word (also when a variable or `"…"*N` makes it long) and by file; what a parsed
 * scenario holds in all, files that it names included, by the last. */
#define MILTER_SCENARIO_MAX_LINE   (16u << 20)
#define MILTER_SCENARIO_MAX_WORD   (16u << 20)
#define MILTER_SCENARIO_MAX_FILE   (64u << 20)
#define MILTER_SCENARIO_MAX_MEMORY (256u << 20)
/* how many errors are told before the rest of the file is left unread */
#define MILTER_SCENARIO_MAX_ERRORS 20

/* Reads a file. On errors NULL, and up to 20 lines `FILE:LINE:COLUMN: expected WHAT, got WHAT` are
 * appended to @messages, each ending in \n. A file that cannot be read is such an error. */
MilterScenario *milter_scenario_load (const char *path, GString *messages);
/* The same from memory; @path is used in messages and as the folder of relative names. */
MilterScenario *milter_scenario_parse (const char *path, const char *text, gsize size, GString *messages);
void milter_scenario_free (MilterScenario *scenario);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterScenario, milter_scenario_free)

/* Empty nodes with their arrays (arguments, macros, expectations, answers, patterns, steps) made,
 * so that whoever reads them need not look for NULL; and how nodes are given back. */
MilterStep *milter_step_new (MilterStepKind kind);
void milter_step_free (MilterStep *step);
MilterExpectation *milter_expectation_new (MilterExpectKind kind);
void milter_expectation_free (MilterExpectation *expectation);
MilterAnswerPattern *milter_answer_pattern_new (MilterAnswerKind kind);
void milter_answer_pattern_free (MilterAnswerPattern *answer);
MilterMacroItem *milter_macro_item_new (GBytes *name, GBytes *value);
void milter_macro_item_free (MilterMacroItem *item);
void milter_symbol_list_free (MilterSymbolList *list);
/* what the arguments hold; not the struct, which is a part of others */
void milter_negotiate_args_clear (MilterNegotiateArgs *args);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterStep, milter_step_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterExpectation, milter_expectation_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterAnswerPattern, milter_answer_pattern_free)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario.h: a scenario file, parsed: settings, sessions, steps and expectations.
 *
 * Everything is owned by the MilterScenario and lives as long as it does. Literal text is GBytes,
 * since any byte can be written. Parsing opens the files that a scenario names (eml, result), so a
 * scenario that parsed can be played without touching the disk.
 */
#pragma once

#include "milter-counted-text.h"
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
  MILTER_STEP_KIND_TIMEOUT,    /* timeout T */
  MILTER_STEP_KIND_GENERATE,   /* generate size=N [seed=N] */
  MILTER_STEP_KIND_REPEAT,     /* repeat N, and what is repeated */
  MILTER_STEP_KIND_BARRIER,    /* barrier NAME */
  MILTER_STEP_KIND_SEND_AS,    /* send-as … */
  MILTER_STEP_KIND_STALL,      /* stall T [reading] [after N bytes] */
  MILTER_STEP_KIND_CLOSE,      /* close [after N bytes] */
  MILTER_STEP_KIND_RESET,      /* reset [after N bytes] */
  MILTER_STEP_KIND_HALF_CLOSE, /* half-close [after N bytes] */
  MILTER_STEP_KIND_LOST        /* lost [N]: of a recording */
} MilterStepKind;

/* how bytes are cut into writes, from here on */
typedef enum
{
  MILTER_SEND_AS_WHOLE,    /* what is due in one turn in one write */
  MILTER_SEND_AS_SPLIT,    /* pieces of `number` bytes, a write each */
  MILTER_SEND_AS_RANDOM,   /* pieces of random size, the same for the same seed, a write each */
  MILTER_SEND_AS_TOGETHER  /* up to the next eom, quit, stall, barrier, send-as or end in one write */
} MilterSendAs;

/* a line whose words hold $n or $p: what is needed to read it again with other values */
typedef struct _MilterTemplate MilterTemplate;

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
                                    message, barrier: NAME. Fewer than
                                    possible: the rest is default */
  gboolean has_port;             /* connect: port=N */
  guint16 port;
  guint8 letter;                 /* macro: the command letter of STAGE; frame: the letter */
  GPtrArray *macros;             /* macro: of MilterMacroItem */
  MilterNegotiateArgs negotiate; /* negotiate */
  GBytes *bytes;                 /* eml: the file's content; frame, raw: the bytes */
  char *path;                    /* (nullable) eml: its file name as written */
  gint64 duration_us;            /* timeout, stall */
  gboolean reading;              /* stall: reads nothing either */
  gboolean has_after;            /* stall, close, reset, half-close: … after N bytes */
  guint64 number;                /* those: N. generate: the size. send-as split, random: the number.
                                    repeat: how often. lost: how many bytes, 0: unknown */
  guint64 seed;                  /* generate */
  MilterSendAs send_as;          /* send-as */
  GPtrArray *body;               /* (nullable) repeat: of MilterStep; one command, or a `message`
                                    line and all that belongs to it */
  gboolean has_time;             /* +SECONDS stood before it */
  gint64 time_ns;                /* … so much after `start` */
  MilterTemplate *template_;     /* (nullable) its words hold $n or $p */
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

/* an answer that is expected; behind `=>` of a rule one that is sent, all of whose patterns are
 * literals, and whose lists of symbols are names. There an edit has what it needs to be sent. */
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
  MILTER_EXPECT_RESULT,
  MILTER_EXPECT_ACT              /* of a rule: send-as, stall, close, reset, half-close */
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
  MilterStep *act;               /* (nullable) ACT */
  gboolean has_time;             /* +SECONDS stood before it */
  gint64 time_ns;
} MilterExpectation;

/**
 * MilterRequireKind: `require`, what a session needs to be played at all
 */
typedef enum
{
  MILTER_REQUIRE_IPV6,
  MILTER_REQUIRE_UNIX,
  MILTER_REQUIRE_ROOT,
  MILTER_REQUIRE_PROGRAM,        /* text: its name, looked for in PATH */
  MILTER_REQUIRE_FILE,           /* text: its path, resolved */
  MILTER_REQUIRE_NEGOTIATE,      /* negotiate: decided by the milter's answer */
  MILTER_REQUIRE_PROBE           /* text: the session of the conformance suite's probe that has to hold */
} MilterRequireKind;

typedef struct
{
  MilterRequireKind kind;
  MilterWhere where;
  char *text;                    /* as written behind `require`, for reports; of FILE resolved */
  MilterNegotiateArgs negotiate;
} MilterRequirement;

/* `spawn COMMAND…`, `milter NAME SPEC`, `milter NAME spawn COMMAND…`: a link of the chain */
typedef struct
{
  MilterWhere where;
  char *name;                    /* (nullable) of a chain; NULL: spawn alone */
  char *spec;                    /* where it listens; of a spawned one its $socket */
  char **argv;                   /* (nullable) COMMAND, its variables replaced; NULL: it runs already */
  char *folder;                  /* of argv: where it is started, the scenario's */
} MilterScenarioMilter;

/**
 * MilterSmtpAction: what an SMTP client does in a case for MTAs
 */
typedef enum
{
  MILTER_SMTP_CONNECT, /* another connection, and the banner */
  MILTER_SMTP_SAY,     /* a line */
  MILTER_SMTP_MESSAGE, /* what DATA is followed by, and the dot */
  MILTER_SMTP_CLOSE    /* hangs up */
} MilterSmtpAction;

/* `smtp ACTION`, and the `=>` below it: what the client of an MTA does, and is told */
typedef struct
{
  MilterWhere where;
  MilterSmtpAction action;
  GBytes *bytes;                 /* (nullable) SAY: the line without its end; MESSAGE: the text; CONNECT:
                                    the address from which the client comes, if it is named */
  GPtrArray *replies;            /* of MilterPattern: one of them is the whole reply, its lines joined
                                    by \n; `closed` when there is none. Empty: any */
  char *text;                    /* (nullable) what stands behind `=>`, for reports */
} MilterSmtpStep;

/**
 * MilterMtaCheckKind: what is held against a pattern when a case for MTAs is over
 */
typedef enum
{
  MILTER_MTA_CHECK_ORDER,        /* the commands of each connection, as words */
  MILTER_MTA_CHECK_MACROS,       /* the same with the frames of macros */
  MILTER_MTA_CHECK_DELIVERED     /* the message as it was delivered */
} MilterMtaCheckKind;

/* `order [macros] [not] PATTERN`, `delivered none|[not] PATTERN` */
typedef struct
{
  MilterWhere where;
  MilterMtaCheckKind kind;
  gboolean negated;
  MilterPattern *pattern;        /* (nullable) NULL: nothing was delivered */
  char *text;                    /* the line as written, for reports */
} MilterMtaCheck;

/**
 * MilterScenarioCase: `case ID must|should TEXT …`, a requirement of the protocol. The sessions, or the
 * rules and what an SMTP client does, up to the next `case` or `mutant` test it.
 */
typedef struct
{
  MilterWhere where;
  char *id;                      /* "NEG-02"; its group is what stands before the dash */
  gboolean must;                 /* MUST; else SHOULD */
  char *text;                    /* what is required, one sentence */
  char *source;                  /* (nullable) who says so */
  gboolean hostile;              /* it may hurt: played alone, and looked after */
  gboolean slow;                 /* it waits for long */
  gboolean steady;               /* descriptors and memory of the milter have to stay */
  char *mta;                     /* (nullable) the only MTA of which it is asked */
  GPtrArray *smtp;               /* of MilterSmtpStep */
  GPtrArray *checks;             /* of MilterMtaCheck */
} MilterScenarioCase;

/* `mutant ID [also=ID,…]`: the rules up to the next `case` or `mutant` break this requirement */
typedef struct
{
  MilterWhere where;
  char *id;
  char **also;                   /* (nullable) what cannot hold either then */
} MilterScenarioMutant;

/* `on EVENT …` and `expect RANGE EVENT …`: rules of a milter */
typedef struct
{
  MilterWhere where;
  char *text;                    /* the line as written, without what is done, for reports */
  gboolean judges;               /* expect */
  guint min_count, max_count;    /* expect: RANGE; max G_MAXUINT: no end */
  const MilterSpec *spec;        /* the event's row; NULL: `close` */
  guint index;                   /* 0: any; else the Nth */
  GBytes *name;                  /* of a header: its name, any case; of others NULL */
  gboolean leading_blank;        /* of a header with a pattern: `X: v`, not `X:v` */
  GPtrArray *patterns;           /* of MilterPattern, for its arguments in order; header: the value
                                    without its first blank. mail, rcpt: those behind the first
                                    match some ESMTP argument each */
  MilterPattern *port;           /* (nullable) of connect: `port=PATTERN`, for its digits */
  MilterPattern *client;         /* (nullable) `client=PATTERN`: the host that the last connect named */
  gboolean raw;                  /* `frame LETTER [BYTES]`, or `garbage`, which has the letter 0; spec is
                                    NULL */
  guint8 letter;                 /* of `frame` */
  GPtrArray *macro_names;        /* of GBytes, with braces unless a single letter */
  GPtrArray *macro_patterns;     /* of MilterPattern */
  MilterNegotiateArgs negotiate; /* of the event negotiate */
  GPtrArray *expectations;       /* of MilterExpectation: what is done, in order (ANSWER or ACT) */
  const MilterScenarioCase *requirement; /* (nullable) unowned: what it tests */
  const MilterScenarioMutant *mutant;    /* (nullable) unowned: whose it is */
} MilterRule;

/* a session, or what stands before the first one */
typedef struct
{
  MilterWhere where;
  const MilterScenarioCase *requirement; /* (nullable) unowned: what it tests */
  char *name;                    /* by its number if it has none: "1"; with $n and $p as 1 */
  MilterCountedText *counted_name; /* (nullable) the same if $n or $p is in it */
  gboolean named;                /* … in the file */
  char *from, *to;               /* (nullable) the addresses of a recording */
  guint repeat;                  /* so often in turn; 1 if nothing is said */
  guint parallel;                /* so many copies at once; 0: not parallel */
  guint group;                   /* parallel sessions that stand together have one number; 0: none */
  GPtrArray *requirements;       /* of MilterRequirement: the session's own */
  char *connection;              /* (nullable) the CONN of `@CONN session` */
  gboolean has_time;             /* +SECONDS stood before it */
  gint64 time_ns;
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
  GPtrArray *sessions;           /* of MilterScenarioSession */
  const char *profile;           /* (nullable) `mta` of the file */
  GPtrArray *milters;            /* of MilterScenarioMilter: the chain; empty: by the command line */
  GPtrArray *requirements;       /* of MilterRequirement: of every session */
  GPtrArray *rules;              /* of MilterRule */
  GPtrArray *cases;              /* of MilterScenarioCase */
  GPtrArray *mutants;            /* of MilterScenarioMutant */
  MilterStep *send_as;           /* (nullable) for every session and rule */
  char *start;                   /* (nullable) of a trace: TIME as written */
  GStringChunk *paths;           /* the names of included files, which places point to */
} MilterScenario;

/**
 * MilterScenarioHost:
 *
 * What reading a scenario needs from outside. All may be NULL: then $dir and $socket name things that
 * do not exist, which is enough to check or to print a file.
 */
typedef struct
{
  /* -D NAME=VALUE, of char* to GBytes; wins over `let` */
  GHashTable *variables;
  /* (nullable) of char*: those of them that the file uses or sets with `let` are added */
  GHashTable *known_variables;
  /* the temporary folder of the run, made when it is first asked for (transfer none) */
  const char *(*folder) (gpointer user_data, GError **error);
  /* where a milter that is to be spawned shall listen: the Nth of the file; @tcp: $port occurs in its
   * command. *path, *spec: (transfer full); *port: 0 unless @tcp */
  gboolean (*place) (gpointer user_data,
                     guint n,
                     gboolean tcp,
                     char **path,
                     char **spec,
                     guint16 *port,
                     GError **error);
  gpointer user_data;
} MilterScenarioHost;

/* which lines a tool uses: a file without any of them is an error */
typedef enum
{
  MILTER_SCENARIO_SESSIONS,
  MILTER_SCENARIO_RULES,
  MILTER_SCENARIO_EITHER,
  MILTER_SCENARIO_PART      /* any: also lines that other files include */
} MilterScenarioUse;

/* What is taken of a file: hostile or mistaken ones must not eat the machine. The text is bounded
 * by line, by word (also when a variable or `"…"*N` makes it long) and by file; what a parsed
 * scenario holds in all, files that it names included, by the last. */
#define MILTER_SCENARIO_MAX_LINE   (16u << 20)
#define MILTER_SCENARIO_MAX_WORD   (16u << 20)
#define MILTER_SCENARIO_MAX_FILE   (64u << 20)
#define MILTER_SCENARIO_MAX_MEMORY (256u << 20)
/* how many errors are told before the rest of the file is left unread */
#define MILTER_SCENARIO_MAX_ERRORS 20

/* Reads a file. @host: (nullable). On errors NULL, and up to 20 lines `FILE:LINE:COLUMN: expected WHAT, got WHAT` are
 * appended to @messages, each ending in \n. A file that cannot be read is such an error. */
MilterScenario *milter_scenario_load (const char *path,
                                      const MilterScenarioHost *host,
                                      MilterScenarioUse use,
                                      GString *messages);
/* The same from memory; @path is used in messages and as the folder of relative names. */
MilterScenario *milter_scenario_parse (const char *path,
                                       const char *text,
                                       gsize size,
                                       const MilterScenarioHost *host,
                                       MilterScenarioUse use,
                                       GString *messages);
/* whether `let` and -D may set a variable of this name */
gboolean milter_scenario_may_set_variable (const char *name);
/* A line with $n and $p in its words, read again for round @n of `repeat` and copy @p of `parallel`
 * (transfer full). NULL with the error if its words make no sense then. */
MilterStep *milter_step_instantiate (const MilterStep *step, guint n, guint p, GError **error);
/* (transfer full) what reports call a session of which there are several: with $n and $p filled in; a
 * round or a copy that its name does not tell is put behind it */
char *milter_scenario_session_make_name (const MilterScenarioSession *session,
                                         guint round,
                                         guint copy);
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

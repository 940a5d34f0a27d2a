/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-private.h: what the reporters see of a run.
 */
#pragma once

#include "message-count.h"
#include "report-transcript.h"
#include "report.h"

G_BEGIN_DECLS

/* a failure, with strings of its own */
typedef struct
{
  MilterFailure failure;
  char *file; /* (nullable) what failure.where.file points to */
} ReportFailure;

typedef struct
{
  MilterWhere where;
  char *file; /* (nullable) what where.file points to */
  char *rule;
  char *sentence;
} ReportLint;

/* what a milter wrote on its stderr; the end of it */
typedef struct
{
  char *milter; /* (nullable) */
  GString *bytes;
  bool is_cut; /* there was more before */
} ReportOutput;

/* a message of a session, in short */
typedef struct
{
  guint8 verdict; /* letter of the reply that decided; 0: none */
  guint8 verdict_command;
  gint64 duration_us;
} ReportMessage;

/* of the conformance suite; strings of its own */
typedef struct
{
  char *id, *group, *title, *text;
  char *source;    /* (nullable) */
  char *deviation; /* (nullable) why it is known not to hold */
  bool must;
} ReportOwnRequirement;

struct _ReportCase
{
  ReportOwnRequirement *requirement; /* (nullable) */
  GString *absorbed;                 /* (nullable) the logs of its sessions */
  Report *report;
  guint number; /* from 1 */
  char *file;   /* (nullable) */
  guint line;
  char *name;
  char **peer_names; /* (nullable) */

  bool begun, ended;
  gint64 began_us;      /* monotonic */
  gint64 began_real_us; /* since 1970 */
  gint64 duration_us;

  MilterOutcome outcome;
  bool left_out;        /* not played at all; outcome is SKIPPED */
  ToolExit problem;     /* the worst of add_problem; TOOL_EXIT_OK: none */
  char *skip_reason;    /* (nullable) also of left_out */
  GString *problems;    /* (nullable) sentences, each ending in \n */
  GPtrArray *failures;  /* of ReportFailure */
  GPtrArray *lints;     /* of ReportLint */
  GPtrArray *outputs;   /* of ReportOutput */
  GPtrArray *notes;     /* of char */
  GArray *messages;     /* of ReportMessage */
  guint64 n_messages;   /* messages holds the first ones */
  ReportTranscript *transcript;
  guint64 n_streamed; /* so many lines of the transcript were shown while it was played */
  GPtrArray *counts;  /* of MessageCount, by peer: of those of which somebody wanted frames */
  ReportCase *next_spare; /* (nullable) */
};

/* all ways in which a case can end, in the order of MilterOutcome, and two that no session has */
typedef enum
{
  REPORT_HELD = MILTER_OUTCOME_HELD,
  REPORT_SKIPPED = MILTER_OUTCOME_SKIPPED,
  REPORT_FAILED = MILTER_OUTCOME_FAILED,
  REPORT_BROKEN = MILTER_OUTCOME_BROKEN,
  REPORT_UNPLAYED, /* never begun, or not ended */
  REPORT_UNREAD,   /* a file that cannot be read, or wrong in another way */
  REPORT_LAPSED,   /* a SHOULD does not hold */
  REPORT_DEVIATES, /* a known deviation */
  REPORT_RECOVERED, /* what should be a known deviation holds */
  REPORT_N_RESULTS
} ReportResult;

ReportResult report_case_get_result (const ReportCase *report_case);
/* `broken`, as the reports have it */
const char *report_result_get_word (ReportResult result);
/* something did not hold, whatever it amounts to: what is known of it is wanted */
bool report_result_has_details (ReportResult result);
/* (transfer full) (nullable) why it counts as it does: of a skip, a known deviation, a SHOULD */
char *report_case_get_excuse (const ReportCase *report_case);
/* whether something went wrong, so that all that is known is wanted */
bool report_result_is_bad (ReportResult result);
/* the log as text: one line a frame; empty if nothing was said (transfer full) */
GString *report_case_get_log (const ReportCase *report_case);
/* what the milters wrote on their stderr, in one text; a line before each where there are several
 * (transfer full) */
GString *report_case_get_output (const ReportCase *report_case);
/* `FILE:LINE`, or the case's file where no line is known (transfer full) (nullable) */
char *report_where_to_string (const ReportCase *report_case, const MilterWhere *where);

typedef struct _Reporter Reporter;

typedef struct
{
  const char *format;
  bool in_order; /* cases come in the order in which they were added; else as they end */
  void (*begin) (Reporter *reporter);                                   /* (nullable) */
  void (*case_begun) (Reporter *reporter, const ReportCase *report_case); /* (nullable) */
  /* (nullable) the transcript has a new line. TRUE: it was shown */
  bool (*line) (Reporter *reporter, const ReportCase *report_case);
  /* (nullable) a frame of any case. @number: of its message in the session, 0: of none */
  void (*frame) (Reporter *reporter,
                 const ReportCase *report_case,
                 guint peer,
                 const MilterMessage *message,
                 guint number,
                 gint64 at_us);
  void (*case_ended) (Reporter *reporter, const ReportCase *report_case);
  void (*finish) (Reporter *reporter);
  void (*free) (Reporter *reporter);                                    /* (nullable) its data */
} ReporterClass;

struct _Reporter
{
  const ReporterClass *klass;
  const Report *report; /* unowned */
  FILE *out;
  char *path; /* (nullable) a file of our own */
  gpointer data;
};

struct _Report
{
  GPtrArray *reporters; /* of Reporter */
  char *name;
  const char *noun; /* what a case is called */
  guint n_expected; /* 0: not known */
  guint n_added, n_ended, n_running;
  GQueue cases;     /* of ReportCase: those that some reporter still waits for, in order */
  ReportCase *spares; /* (nullable) cases of which nothing had to be kept: they are used again */
  guint n_spares;
  ReportCase *live; /* (nullable) the only case that is under way: its log may be shown at once */
  guint counts[REPORT_N_RESULTS];
  ToolExit status;
  bool lint_fails;
  bool conformance;
  bool strict;
  GPtrArray *notes; /* of char */
  ReportCaseFunc watcher; /* (nullable) */
  gpointer watcher_data;
  bool interrupted;
  bool finished;
  gint64 began_us, began_real_us;
};

/* so long has the run lasted */
gint64 report_get_duration_us (const Report *report);

extern const ReporterClass reporter_text;
extern const ReporterClass reporter_table;
extern const ReporterClass reporter_junit;
extern const ReporterClass reporter_tap;
extern const ReporterClass reporter_json;
extern const ReporterClass reporter_html;
extern const ReporterClass reporter_json_frames;
/* the text reporter's own settings, for its data (transfer full) */
gpointer
report_text_for_people (FILE *out, ReportDetail detail, bool color, ReportProgress progress);
gpointer report_text_for_file (FILE *out);
gpointer report_table_new (ReportDetail detail, bool color);

/* --- report-case.c --- */
ReportCase *report_case_new (Report *report, const char *file, guint line, const char *name);
/* @report_case: (nullable) */
void report_case_free (ReportCase *report_case);
/* The same for one of a report, which may use it again. */
void report_case_retire (ReportCase *report_case);
void report_free_spare_cases (Report *report);
/* the number of the message that a frame belongs to */
guint report_case_count_message (ReportCase *report_case,
                                 guint peer,
                                 const MilterMessage *message);

G_END_DECLS

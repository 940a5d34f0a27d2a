/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-text.h: what people read of a run: a line for each session, what went wrong, a summary.
 */
#pragma once

#include "milter-player.h"
#include "tool-console.h"
#include "tool-exit.h"

G_BEGIN_DECLS

/* how much is told */
typedef enum
{
  REPORT_QUIET, /* what went wrong */
  REPORT_NORMAL,
  REPORT_VERBOSE /* and what was said */
} ReportDetail;

typedef struct _ReportText ReportText;

/* n_peers: more than one shows who said what */
ReportText *report_text_new (FILE *out, ReportDetail detail, bool color, guint n_peers);
void report_text_free (ReportText *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ReportText, report_text_free)

/* a session begins: its frames are shown if they are wanted */
void report_text_begin (ReportText *report, const char *file, MilterPlayer *player);
/* shows the frames of a session without a line of its own */
void report_text_follow (ReportText *report, MilterPlayer *player);
/* it is over */
void report_text_end (ReportText *report,
                      const char *file,
                      const MilterPlayer *player,
                      gint64 elapsed_us);
/* what went wrong in a session; @file: (nullable) where no line is known */
void report_text_failures (ReportText *report, const char *file, const MilterPlayer *player);
/* how many sessions there were, and how they ended */
void report_text_summary (ReportText *report, gint64 elapsed_us);
/* what the sessions so far amount to */
ToolExit report_text_get_status (const ReportText *report);

G_END_DECLS

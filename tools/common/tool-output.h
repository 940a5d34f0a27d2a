/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-output.h: what a program that we started has printed: its beginning and its end, and whether
 * a sanitizer spoke.
 */
#pragma once

#include "milter-message.h"

G_BEGIN_DECLS

/* what is kept of the beginning, and at least of the end */
#define TOOL_OUTPUT_HEAD (16u << 10)
#define TOOL_OUTPUT_TAIL (64u << 10)

typedef struct _ToolOutput ToolOutput;

ToolOutput *tool_output_new (void);
void tool_output_free (ToolOutput *output);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ToolOutput, tool_output_free)

/* bytes as they came; a program that prints for ever costs no more memory than one that prints much */
void tool_output_append (ToolOutput *output, MilterBytes bytes);
/* how many bytes there have been in all */
guint64 tool_output_get_size (const ToolOutput *output);
/* Appends what was printed behind the first @from bytes; what is not kept is told in a line. */
void tool_output_append_since (const ToolOutput *output, guint64 from, GByteArray *bytes);
/* The last @n lines, without empty ones, joined by \n; NULL: nothing was printed. (transfer full) */
char *tool_output_get_last_lines (const ToolOutput *output, guint n);
/* The first line with which a sanitizer reports, since it was last asked for; NULL: none.
 * (transfer full) */
char *tool_output_take_report (ToolOutput *output);

/* whether a line is the one with which a report of a sanitizer begins */
gboolean tool_output_is_report (MilterBytes line);

G_END_DECLS

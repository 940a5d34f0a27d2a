/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-console.h: what our programs say to people: sentences, colours, bytes shown safely.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "milter-message.h"

G_BEGIN_DECLS

/* Sets the locale and the program's name (without its folder). First thing in main(). */
void tool_init (const char *argv0);

/* `PROGRAM: sentence` on stderr, behind all that stdout has been told. */
void tool_error (const char *format, ...) G_GNUC_PRINTF (1, 2);
/* the same for wrong usage: ends in a hint at --help */
void tool_usage_error (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* FALSE, and a sentence on stderr: not all that was printed could be written, as on a full disk. A
 * reader that has gone, as `head`, is none of our business. */
bool tool_flush_output (void);

/**
 * ToolColor: `--color`
 */
typedef enum
{
  TOOL_COLOR_AUTO, /* if it is a terminal, and NO_COLOR is not set */
  TOOL_COLOR_ALWAYS,
  TOOL_COLOR_NEVER
} ToolColor;

/* `auto`, `always`, `never`, and `yes`, `no`, `true`, `false`; FALSE if it is none of them */
bool tool_color_from_string (const char *text, ToolColor *color);
bool tool_color_is_on (ToolColor color, FILE *stream);

/* (transfer full): the words of the command line as GLib can parse them. It takes the word behind a bare `--color` for
 * its value, which would swallow a file, and does not know `-DNAME=VALUE`. */
char **tool_complete_words (char **argv);

/* Appends bytes so that they cannot do anything to a terminal: what is not printable, and all that
 * is not ASCII where the locale is not UTF-8, as \xHH. Tabs stay. */
void tool_append_safe (GString *text, MilterBytes bytes);
/* `3.1 ms`, `1.20 s`, `2 min 5 s` (transfer full) */
char *tool_format_duration (gint64 duration_us);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-output.h: a file that is there as a whole, or not at all.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* written out when there is so much; then nothing of a file need be open or in memory */
#define CONVERT_OUTPUT_PIECE ((gsize) 64 << 10)

typedef struct _ConvertOutput ConvertOutput;

/* A file at @path, `-` for the standard output. It is written under another name beside it, and gets its own when it
 * is complete. NULL with @error: there is one already (and not @force), or it cannot be there. What is no
 * regular file, as /dev/null or a pipe, is written at once. */
ConvertOutput *convert_output_new (const char *path, bool force, GError **error);
/* What was not finished is removed. */
void convert_output_free (ConvertOutput *output);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConvertOutput, convert_output_free)

/* the name of the file, as it was given; NULL: the standard output */
const char *convert_output_get_path (const ConvertOutput *output);
/* something was to be written */
bool convert_output_is_begun (const ConvertOutput *output);
/* An error is told when it is finished. */
void convert_output_write (ConvertOutput *output, const void *bytes, gsize size);
/* Nothing follows: the file gets its name. FALSE: it is not there, or the one before still is. */
bool convert_output_finish (ConvertOutput *output, GError **error);

G_END_DECLS

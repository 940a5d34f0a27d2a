/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-split.h: a file for each session.
 */
#pragma once

#include "convert-options.h"

G_BEGIN_DECLS

typedef struct _ConvertSplit ConvertSplit;

/* the sink to tell; its data is a ConvertSplit */
extern const MilterCaptureSink convert_split_sink;

/* Files are called by the number of their session, `0001.scenario`, in the folder `options->split`, which is made.
 * NULL with @error: it cannot be. */
ConvertSplit *convert_split_new (const ConvertOptions *options, GError **error);
void convert_split_free (ConvertSplit *split);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConvertSplit, convert_split_free)

/* The recording has ended: sessions that are still open are written. FALSE: not all files could be, which has
 * been said. */
bool convert_split_finish (ConvertSplit *split);

G_END_DECLS

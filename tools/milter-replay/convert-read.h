/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-read.h: the recordings of `milter-replay convert`, with what is personal or without.
 */
#pragma once

#include "convert-options.h"
#include "milter-capture-sink.h"

G_BEGIN_DECLS

/* read_recordings() of the options' paths; with --anonymize the sink is told no personal data. What
 * goes wrong is said on stderr; without a secret nothing is read. */
ToolExit convert_read (const ConvertOptions *options, const MilterCaptureSink *sink, gpointer data);

G_END_DECLS

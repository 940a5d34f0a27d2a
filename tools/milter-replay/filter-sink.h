/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * filter-sink.h: passes on the connections of a recording in which a message is as a filter asks.
 *
 * Whether a message matches is known at its end, so that what passed is kept until then: of each connection
 * FILTER_SINK_MAX_KEPT bytes. Beyond that messages that did not match are forgotten, which a remark
 * tells if the connection matches later; one message alone that is larger is passed on unseen.
 */
#pragma once

#include "milter-capture-sink.h"
#include "recording-filter.h"

G_BEGIN_DECLS

#define FILTER_SINK_MAX_KEPT ((gsize) 4 << 20)

typedef struct _FilterSink FilterSink;

/* the sink to tell; its data is a FilterSink */
extern const MilterCaptureSink filter_sink;

/* @sink, @data: who is told what passes the filter. All live longer. */
FilterSink *
filter_sink_new (const RecordingFilter *filter, const MilterCaptureSink *sink, gpointer data);
void filter_sink_free (FilterSink *sink);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FilterSink, filter_sink_free)

/* The recording has ended: what is left is told, or not. How many connections passed. */
guint filter_sink_finish (FilterSink *sink);

G_END_DECLS

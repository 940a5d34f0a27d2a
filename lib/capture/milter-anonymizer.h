/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer.h: tells a recording on, without what is personal in it.
 *
 * It is a sink that tells another sink the same events: the same frames, of the same letters and
 * lengths, at the same places. All that is not known to be harmless is replaced
 * (milter-anonymizer-words.c is the list), consistently: a word becomes the same other word
 * everywhere, and never itself. Memory depends on how many connections are open, not on how many
 * words there are.
 */
#pragma once

#include "milter-capture-sink.h"

G_BEGIN_DECLS

typedef struct _MilterAnonymizer MilterAnonymizer;

/* @secret: what decides what becomes of a word; the same bytes give the same words, and whoever has
 * them can undo it. At least 16 that nobody can guess are safe. @sink: is told; lives as long;
 * @data: for its functions */
MilterAnonymizer *
milter_anonymizer_new (MilterBytes secret, const MilterCaptureSink *sink, gpointer data);
void milter_anonymizer_free (MilterAnonymizer *anonymizer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterAnonymizer, milter_anonymizer_free)

/* the sink to tell a recording to, with the anonymizer as its data */
const MilterCaptureSink *milter_anonymizer_get_sink (void);

G_END_DECLS

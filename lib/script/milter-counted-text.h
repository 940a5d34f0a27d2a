/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-counted-text.h: a text with places where the round of `repeat` ($n) and the copy of
 * `parallel` ($p) are filled in: the value of a variable, the name of a session.
 */
#pragma once

#include "milter-message.h"

G_BEGIN_DECLS

/**
 * MilterMark:
 * @offset: where in the text
 * @size: how many bytes of the text are the number's
 * @counter: 'n' or 'p'
 */
typedef struct
{
  gsize offset;
  gsize size;
  char counter;
} MilterMark;

typedef struct _MilterCountedText MilterCountedText;

/* @marks: (nullable) of #MilterMark, in order: what of @text is to be filled in */
MilterCountedText *milter_counted_text_new (MilterBytes text, const GArray *marks);
MilterCountedText *milter_counted_text_ref (MilterCountedText *text);
void milter_counted_text_unref (MilterCountedText *text);
/* the number of its places */
guint milter_counted_text_get_n_places (const MilterCountedText *text);
/* The pieces one by one: the bytes before the Nth place, and which number stands there; '\0' for the
 * last piece, which is behind all places. */
MilterBytes milter_counted_text_get_piece (const MilterCountedText *text, guint i, char *counter);
/* (transfer full) the text in round @n, copy @p */
char *milter_counted_text_fill_in (const MilterCountedText *text, guint n, guint p);
/* what it holds in memory */
gsize milter_counted_text_get_cost (const MilterCountedText *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterCountedText, milter_counted_text_unref)

G_END_DECLS

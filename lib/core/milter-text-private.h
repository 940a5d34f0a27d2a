/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-text-private.h: what the writers of text have in common.
 */
#pragma once

#include "milter-text.h"

G_BEGIN_DECLS

/* the digits of the largest number */
#define MILTER_TEXT_NUMBER_SIZE 20

/* Writes @number in decimal digits to @text, which has room for them, without a NUL behind; returns where
 * they end. Where many short things are named or written, printf () is what takes the time. */
MILTER_AVAILABLE char *_milter_text_write_number (guint64 number, char *text);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-generate.h: made-up mails, the same for the same seed on every machine.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* the next number of a sequence; all of its bits are equally good */
guint64 milter_random_next (guint64 *state);

/* (transfer full) A mail as a file: some fields, an empty line, and a body of exactly @size bytes:
 * sentences in lines of at most 76 characters that end in CRLF (a body of one byte has no line
 * end: an MTA that takes it as a file adds one). */
GBytes *milter_generate_mail (guint64 size, guint64 seed);

G_END_DECLS

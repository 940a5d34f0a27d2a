/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-echo-book.h: what a milter answered in a recording, to be answered again: to an MTA that
 * brings the same messages, in any order, on any connections.
 *
 * A book is filled by a recording, as a sink; then each connection of an MTA has an echo
 * (milter-echo.h); in the end the book tells what came otherwise than it was recorded. Of bodies
 * it keeps a digest. Echoes may live in several threads.
 */
#pragma once

#include "milter-capture-sink.h"

G_BEGIN_DECLS

/* differences of one message that are told; more are counted */
#define MILTER_ECHO_MAX_DIFFERENCES 20u

typedef struct _MilterEchoBook MilterEchoBook;

/* the sink to tell; its data is a book */
extern const MilterCaptureSink milter_echo_book_sink;

MilterEchoBook *milter_echo_book_new (void);
void milter_echo_book_free (MilterEchoBook *book);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterEchoBook, milter_echo_book_free)

/* The recording has ended: what is open is not known to its end. Before the first of those who answer. */
void milter_echo_book_finish (MilterEchoBook *book);
/* How often a message of the recording can come: once, or, when all of those like it have come, again. */
void milter_echo_book_set_loops (MilterEchoBook *book, bool loops);
/* sessions that can be answered: those whose connection began before the recording cannot, since what
 * was agreed is not known */
guint milter_echo_book_get_n_sessions (const MilterEchoBook *book);
/* connections that cannot be answered, or not behind a hole */
guint milter_echo_book_get_n_damaged (const MilterEchoBook *book);

/**
 * MilterEchoVerdict:
 * @name: what it is about: `connection 1, message 2: <alice@example.com>`
 * @differences: (nullable): what came otherwise, a sentence a line; %NULL: nothing
 *
 * A message or a session of the recording, or one that it lacks, as it came.
 */
typedef struct
{
  char *name;
  char *differences;
} MilterEchoVerdict;

/* of MilterEchoVerdict, in the order of the recording, then what it lacks (transfer full). When all
 * echoes are gone. */
GPtrArray *milter_echo_book_judge (const MilterEchoBook *book);

G_END_DECLS

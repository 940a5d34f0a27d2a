/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-book.h: `--replay CAPTURE…`: the answers of a recorded milter.
 */
#pragma once

#include "milter-echo-book.h"
#include "report.h"
#include "test-client-options.h"

G_BEGIN_DECLS

/* NULL: the recordings have no session that could be answered, or cannot be read; that has been told,
 * and the program ends with @status. Without --replay, too: then it is TOOL_EXIT_OK. */
MilterEchoBook *replay_book_open (const TestClientOptions *options, ToolExit *status);
/* A case for each message, and for each session that has none. All connections are over. */
void replay_book_judge (const MilterEchoBook *book, Report *report);

G_END_DECLS

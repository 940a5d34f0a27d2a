/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-exchange.h: a recorded session, command by command, with what was answered.
 *
 * Read from a trace of one connection, in which the writer of traces has put commands and answers
 * together.
 */
#pragma once

#include <stdbool.h>

#include "milter-scenario.h"

G_BEGIN_DECLS

/**
 * MilterExchange:
 * @step: the line, parsed, with its expectations; unowned
 * @text: the line without its time and its connection
 * @letter: of the command; 0: it is none, as `close`
 * @macros: of #MilterMacroItem, unowned: what the MTA sent for it
 * @replies: of #GBytes, unowned: the frames that answered it, one for each of @step's expectations that is no
 *   end of the connection
 *
 * A command, or the end of a connection.
 */
typedef struct
{
  const MilterStep *step;
  const char *text;
  guint8 letter;
  GPtrArray *macros;
  GPtrArray *replies;
} MilterExchange;

/**
 * MilterExchanges:
 * @scenario: what the trace is, parsed
 * @lines: the text of the trace, line by line
 * @all: of #MilterExchange, in order
 * @plain: all are commands in words, or ends: there are no gaps, no damaged frames, and nothing that no
 *   player sends by itself
 *
 * A session.
 */
typedef struct
{
  MilterScenario *scenario;
  char **lines;
  GPtrArray *all;
  bool plain;
} MilterExchanges;

/* @trace: of one connection, as a trace writer writes it; @replies: of #GBytes: the frames of the milter, in
 * order; they outlive the result. NULL: it does not parse, with the reason in @messages. */
MilterExchanges *
milter_exchanges_new (const GString *trace, const GPtrArray *replies, GString *messages);
void milter_exchanges_free (MilterExchanges *exchanges);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterExchanges, milter_exchanges_free)

static inline const MilterExchange *
milter_exchanges_get (const MilterExchanges *exchanges, guint i)
{
  return g_ptr_array_index (exchanges->all, i);
}

/* a message begins there: with MAIL, or, if the milter did not want that, with what comes first of the rest */
bool milter_exchanges_begin_message (const MilterExchanges *exchanges, guint i);
/* the recording goes on to the end of the session */
bool milter_exchanges_has_end (const MilterExchanges *exchanges);
/* an answer that is a frame */
bool milter_exchange_is_frame (const MilterExpectation *expectation);
/* the letter of its Nth frame, 0: there are not so many */
guint8 milter_exchange_get_reply (const MilterExchange *exchange, guint n);
/* the letter of what decided: the last of its frames, 0: there is none */
guint8 milter_exchange_get_verdict (const MilterExchange *exchange);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-payload.h: payloads as lines of a scenario write them, byte by byte.
 *
 * Not the encoder's: a scenario may write what no encoder would, a NUL inside an address, a string
 * too long for a frame.
 */
#pragma once

#include "milter-scenario.h"

G_BEGIN_DECLS

/* of a GBytes that outlives it; (nullable): no bytes */
MilterBytes milter_payload_view (GBytes *bytes);

void milter_payload_append (GByteArray *payload, MilterBytes bytes);
/* with a NUL behind them, whatever they hold */
void milter_payload_append_string (GByteArray *payload, MilterBytes bytes);
void milter_payload_append_u32 (GByteArray *payload, guint32 number);

/* @strings: (nullable) of GBytes; if there are none, @fallback */
GBytes *milter_payload_strings (const GPtrArray *strings, const char *fallback);

/* what `negotiate` makes of an offer, or of an answer, that would be sent without it */
MilterOffer milter_offer_from_args (const MilterOffer *base, const MilterNegotiateArgs *args);
/* @args: (nullable) for its lists of symbols, which are names, and its tail */
GBytes *milter_payload_negotiate (const MilterOffer *offer, const MilterNegotiateArgs *args);
/* The text of a REPLYCODE as a rule sends it: each of its texts is a line, `\n` ends one, too, and
 * percent signs are doubled (transfer full). NULL with @error for what no MTA takes. */
GString *milter_payload_reply_code (const MilterAnswerPattern *answer, GError **error);

G_END_DECLS

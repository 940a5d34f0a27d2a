/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-rule-events.c: the rows of what a rule can be about.
 */
#include "milter-rule-events.h"

#include <string.h>

#include "milter-verbs.h"

#define MANY     MILTER_VERB_ANY_NUMBER
#define SPAN(id) MILTER_RULE_SPAN_##id

/* clang-format off */
static const MilterRuleEvent events[] = {
  /* word      patterns  N of              as written                                        when it comes */
  { "negotiate", 0,    SPAN (RUN),        "negotiate [N] [KEY=PATTERN…]",                   "the offer of an MTA" },
  { "connect",   2,    SPAN (RUN),        "connect [N] [HOST [ADDRESS]] [port=PATTERN]",    "a client has connected. ADDRESS as the command has it: `unix:PATH`, `unknown`; one of IPv6 that comes with `IPv6:` also without it" },
  { "helo",      1,    SPAN (CONNECTION), "helo [N] [NAME]",                                "the client said HELO" },
  { "mail",      MANY, SPAN (CONNECTION), "mail [N] [ADDRESS [ARGUMENT…]]",                 "a message begins. Each ARGUMENT matches some ESMTP argument; ADDRESS may be written with or without brackets" },
  { "rcpt",      MANY, SPAN (MESSAGE),    "rcpt [N] [ADDRESS [ARGUMENT…]]",                 "a recipient, as `mail`" },
  { "data",      0,    SPAN (MESSAGE),    "data [N]",                                       "the envelope is complete" },
  { "header",    0,    SPAN (MESSAGE),    "header [N] NAME[: PATTERN]",                     "a field of this name; N counts those of this name" },
  { "eoh",       0,    SPAN (MESSAGE),    "eoh [N]",                                        "the header is complete" },
  { "body",      1,    SPAN (MESSAGE),    "body [N] [TEXT]",                                "a piece of the body" },
  { "eom",       1,    SPAN (CONNECTION), "eom [N] [TEXT]",                                 "the message is complete; TEXT is what came with that" },
  { "unknown",   1,    SPAN (CONNECTION), "unknown [N] [LINE]",                             "a command that the MTA does not know" },
  { "abort",     0,    SPAN (MESSAGE),    "abort [N]",                                      "the message is cancelled" },
  { "quit",      0,    SPAN (CONNECTION), "quit [N]",                                       "the MTA takes its leave" },
  { "quit-nc",   0,    SPAN (CONNECTION), "quit-nc [N]",                                    "the SMTP session is over, the connection stays" },
  { "close",     0,    SPAN (CONNECTION), "close [N]",                                      "the MTA has closed the connection" },
  { "frame",     1,    SPAN (NONE),       "frame LETTER [BYTES]",                           "any frame with this letter, also of macros, or one that nobody knows or can read; asked before the others, which count it all the same. With `on` only" },
  { "garbage",   1,    SPAN (NONE),       "garbage [BYTES]",                                "bytes that make no frame; these and all that follow are thrown away. With `on` only" },
};
/* clang-format on */

static const char *const spans[MILTER_N_RULE_SPANS] = {
  [MILTER_RULE_SPAN_MESSAGE] = "message",
  [MILTER_RULE_SPAN_CONNECTION] = "connection",
  [MILTER_RULE_SPAN_RUN] = "run",
  [MILTER_RULE_SPAN_NONE] = "",
};

const MilterRuleEvent *
milter_rule_event_list (gsize *n)
{
  *n = G_N_ELEMENTS (events);
  return events;
}

const MilterRuleEvent *
milter_rule_event_get (const MilterSpec *spec)
{
  const char *word = spec != NULL ? spec->word : "close";

  for (gsize i = 0; i < G_N_ELEMENTS (events); i++)
    if (strcmp (events[i].word, word) == 0)
      return &events[i];
  return NULL;
}

const char *
milter_rule_span_to_string (MilterRuleSpan span)
{
  return spans[span];
}

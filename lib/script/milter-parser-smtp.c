/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-parser-smtp.c: what is asked of an MTA in a case: what its SMTP client does and is told, in which
 * order the milter is sent commands, and what is delivered.
 */
#include "milter-parser-private.h"

#include <string.h>

/* what a line costs besides its words */
#define LINE_COST 256

/* Lines that other files include belong to the case that stands there. */
static void
begin_part (MilterParser *parser)
{
  if (parser->entry != NULL || parser->use != MILTER_SCENARIO_PART)
    return;
  parser->entry = milter_case_new ();
  g_ptr_array_add (parser->scenario->cases, parser->entry);
}

/* these lines belong to a case */
static bool
begin (MilterParser *parser, const MilterVerb *verb)
{
  milter_parser_end_repeated (parser);
  parser->place.rule = NULL;
  parser->place.smtp = NULL;
  parser->place.step = NULL;
  begin_part (parser);
  if (parser->entry == NULL)
    return milter_lexer_expected (&parser->lexer,
                                  parser->lexer.at - strlen (verb->word),
                                  "\"case\" before the first \"%s\"",
                                  verb->word);
  return milter_lexer_charge (&parser->lexer, LINE_COST);
}

/* ---- smtp ---- */

static const struct
{
  const char *word;
  const char *what; /* (nullable) stands behind it */
  bool needed;      /* … and has to */
  MilterLexFlags flags;
} actions[] = {
  [MILTER_SMTP_CONNECT] = { "connect", "an address of this machine", false, MILTER_LEX_PLAIN },
  [MILTER_SMTP_SAY]
  = { "say", "what the client says, quoted if it has blanks", true, MILTER_LEX_PLAIN },
  [MILTER_SMTP_MESSAGE]
  = { "message", "the text of a message, or <<WORD", true, MILTER_LEX_HERE_DOCUMENT },
  [MILTER_SMTP_CLOSE] = { "close", NULL, false, MILTER_LEX_PLAIN },
};

static bool
take_action (MilterParser *parser, MilterSmtpAction *action)
{
  for (gsize i = 0; i < G_N_ELEMENTS (actions); i++)
    if (milter_lexer_take (&parser->lexer, actions[i].word))
      {
        *action = (MilterSmtpAction) i;
        return true;
      }
  return milter_lexer_expected (&parser->lexer,
                                milter_lexer_skip_blanks (&parser->lexer),
                                "connect, say, message or close");
}

/* a line with another one in it would be answered twice */
static bool
check_line (MilterParser *parser, const MilterWord *word)
{
  return strpbrk (word->text->str, "\r\n") == NULL
         || milter_lexer_expected (&parser->lexer, word->offset, "one line");
}

bool
milter_parser_smtp (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  g_autoptr (GBytes) bytes = NULL;
  MilterSmtpStep *smtp;

  if (!begin (parser, verb))
    return false;
  smtp = milter_smtp_step_new ();
  g_ptr_array_add (parser->entry->smtp, smtp);
  parser->place.smtp = smtp;
  smtp->where = step->where;
  if (!take_action (parser, &smtp->action))
    return false;
  if (actions[smtp->action].what == NULL
      || (!actions[smtp->action].needed && !milter_parser_more (parser)))
    return true;
  if (!milter_parser_word (
          parser, actions[smtp->action].flags, actions[smtp->action].what, &word))
    return false;
  bytes = milter_parser_bytes (&word, 0);
  if (smtp->action != MILTER_SMTP_MESSAGE && !check_line (parser, &word))
    return false;
  smtp->bytes = word.kind == MILTER_WORD_HERE_DOCUMENT ? milter_parser_crlf (parser, bytes)
                                                       : g_steal_pointer (&bytes);
  return smtp->bytes != NULL;
}

static bool
add_reply (MilterParser *parser, MilterSmtpStep *smtp)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  MilterPattern *pattern;

  if (!milter_parser_word (parser,
                           MILTER_LEX_PATTERN | MILTER_LEX_BEHIND_ARROW,
                           "the SMTP reply, as 250* or \"550 5.7.1 no\"",
                           &word))
    return false;
  pattern = milter_parser_pattern (parser, &word, 0);
  if (pattern == NULL)
    return false;
  g_ptr_array_add (smtp->replies, pattern);
  return true;
}

bool
milter_parser_smtp_reply (MilterParser *parser)
{
  MilterSmtpStep *smtp = parser->place.smtp;
  gsize start = milter_lexer_skip_blanks (&parser->lexer);
  bool ok;

  if (smtp->replies->len > 0)
    return milter_lexer_expected (
        &parser->lexer, start, "one \"=>\" for a line (\"|\" stands between what a reply may be)");
  parser->behind_arrow = true;
  do
    ok = add_reply (parser, smtp);
  while (ok && milter_lexer_take (&parser->lexer, "|"));
  parser->behind_arrow = false;
  return ok && milter_lexer_finish_line (&parser->lexer, "\"|\" or the end of the line")
         && milter_parser_keep_text (parser, start, &smtp->text);
}

/* ---- order, delivered ---- */

static bool
take_pattern (MilterParser *parser, MilterMtaCheck *check, const char *what)
{
  g_auto (MilterWord) word = MILTER_WORD_INIT;

  check->negated = milter_lexer_take (&parser->lexer, "not");
  if (!milter_parser_word (parser, MILTER_LEX_PATTERN, what, &word))
    return false;
  check->pattern = milter_parser_pattern (parser, &word, 0);
  return check->pattern != NULL;
}

/* (transfer none) belongs to the case */
static MilterMtaCheck *
add_check (MilterParser *parser, MilterMtaCheckKind kind, const MilterStep *step)
{
  MilterMtaCheck *check = g_new0 (MilterMtaCheck, 1);

  check->kind = kind;
  check->where = step->where;
  g_ptr_array_add (parser->entry->checks, check);
  return check;
}

bool
milter_parser_order (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  gsize start = parser->lexer.at - strlen (verb->word);
  MilterMtaCheck *check;

  if (!begin (parser, verb))
    return false;
  check = add_check (parser, MILTER_MTA_CHECK_ORDER, step);
  if (milter_lexer_take (&parser->lexer, "macros"))
    check->kind = MILTER_MTA_CHECK_MACROS;
  return take_pattern (parser, check, "the commands of a connection, as \"negotiate connect *\"")
         && milter_parser_keep_text (parser, start, &check->text);
}

bool
milter_parser_delivered (MilterParser *parser, const MilterVerb *verb, MilterStep *step)
{
  gsize start = parser->lexer.at - strlen (verb->word);
  MilterMtaCheck *check;

  if (!begin (parser, verb))
    return false;
  check = add_check (parser, MILTER_MTA_CHECK_DELIVERED, step);
  return (milter_lexer_take (&parser->lexer, "none")
          || take_pattern (parser, check, "none, or what the message is"))
         && milter_parser_keep_text (parser, start, &check->text);
}

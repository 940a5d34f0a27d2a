/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lint-negotiate.c: whether the answer to the negotiation is one that the offer allows.
 */
#include "milter-lint-private.h"

#include <string.h>

#define N_NUMBERS 3

static bool
is_answer (const MilterLintEvent *event)
{
  const MilterMessage *message = event->message;

  return event->due == MILTER_COMMAND_NEGOTIATE && message->letter == MILTER_REPLY_NEGOTIATE
         && (message->fault == MILTER_NO_FAULT || message->fault_field >= N_NUMBERS);
}

static guint32
get_number (const MilterLintEvent *event, guint n)
{
  return event->message->fields[n].number;
}

bool
milter_lint_no_options (const MilterLintEvent *event, GString *what)
{
  if (event->due != MILTER_COMMAND_NEGOTIATE)
    return false;
  if (event->message->letter != MILTER_REPLY_NEGOTIATE)
    {
      milter_lint_append_answers (what, event);
      return true;
    }
  if (!is_answer (event))
    return milter_lint_append_fault (what, event->message);
  if (get_number (event, 0) >= MILTER_PROTOCOL_VERSION_MIN)
    return false;
  g_string_append_printf (what, "the milter answers version %u", get_number (event, 0));
  return true;
}

bool
milter_lint_version_too_high (const MilterLintEvent *event, GString *what)
{
  guint32 offered = event->peer->session.offer.version;

  if (!is_answer (event) || get_number (event, 0) <= offered)
    return false;
  g_string_append_printf (
      what, "the milter answers version %u to an offer of %u", get_number (event, 0), offered);
  return true;
}

bool
milter_lint_version_echoed (const MilterLintEvent *event, GString *what)
{
  if (!is_answer (event) || get_number (event, 0) <= MILTER_PROTOCOL_VERSION_MAX
      || get_number (event, 0) > event->peer->session.offer.version)
    return false;
  g_string_append_printf (
      what, "the milter answers version %u, which does not exist", get_number (event, 0));
  return true;
}

bool
milter_lint_actions_not_offered (const MilterLintEvent *event, GString *what)
{
  /* a word of 0 stands for the oldest set */
  guint32 word = event->peer->session.offer.actions;
  guint32 offered = word != 0 ? word : 0x0f;
  g_autofree char *names = NULL;

  if (!is_answer (event) || (get_number (event, 1) & ~offered) == 0)
    return false;
  names = milter_actions_to_string (get_number (event, 1) & ~offered);
  g_string_append_printf (what, "the milter asks for the actions %s, which were not offered", names);
  return true;
}

bool
milter_lint_steps_not_offered (const MilterLintEvent *event, GString *what)
{
  guint32 word = event->peer->session.offer.steps;
  guint32 offered = word != 0 ? word : 0x3f;
  g_autofree char *names = NULL;

  if (!is_answer (event) || (get_number (event, 2) & ~offered) == 0)
    return false;
  names = milter_steps_to_string (get_number (event, 2) & ~offered);
  g_string_append_printf (what, "the milter asks for the steps %s, which were not offered", names);
  return true;
}

/* what was offered and yet may not come back as it is: bits that nobody knows, both MDS sizes */
bool
milter_lint_internal_steps (const MilterLintEvent *event, GString *what)
{
  const guint32 sizes = MILTER_STEP_MDS_256K | (guint32) MILTER_STEP_MDS_1M;
  guint32 internal;
  g_autofree char *names = NULL;

  if (!is_answer (event))
    return false;
  internal = get_number (event, 2) & event->peer->session.offer.steps & ~MILTER_STEPS_ALL;
  if ((internal & ~sizes) == 0 && (internal & sizes) != sizes)
    return false;
  names = milter_steps_to_string ((internal & ~sizes) != 0 ? internal & ~sizes : internal);
  g_string_append_printf (what, "the milter echoes the steps %s", names);
  return true;
}

bool
milter_lint_symbols_malformed (const MilterLintEvent *event, GString *what)
{
  MilterBytes lists, names;
  guint32 stage;
  guint seen = 0;

  if (!is_answer (event))
    return false;
  if (milter_lint_append_fault (what, event->message))
    return true;
  lists = event->message->fields[N_NUMBERS].bytes;
  while (milter_symbol_lists_next (&lists, &stage, &names))
    {
      const char *word = milter_macro_stage_to_word ((MilterMacroStage) stage);

      if (word == NULL)
        {
          g_string_append_printf (what, "the milter asks for the macros of a stage %u", stage);
          return true;
        }
      if ((seen & (1u << stage)) != 0)
        {
          g_string_append_printf (what, "the milter asks twice for the macros of %s", word);
          return true;
        }
      seen |= 1u << stage;
    }
  return false;
}

bool
milter_lint_symbols_not_offered (const MilterLintEvent *event, GString *what)
{
  if (!is_answer (event) || event->message->payload.size <= N_NUMBERS * sizeof (guint32)
      || (event->peer->session.offer.actions & MILTER_ACTION_SET_SYMBOL_LIST) != 0)
    return false;
  g_string_append (what, "the milter asks for macros by lists, but SETSYMLIST was not offered");
  return true;
}

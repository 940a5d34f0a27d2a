/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-judge.c: what was seen of a case for MTAs, held against what it requires.
 */
#include "mta-turn.h"

#include <string.h>

/* --- whether it can be told at all ------------------------------------------------------------ */

/* (transfer full) (nullable) what an answer needs that was not offered */
static char *
find_missing (const MilterAnswerPattern *answer, const MilterOffer *offer)
{
  g_autofree char *names = NULL;
  guint32 steps = answer->negotiate.steps.set & ~offer->steps;

  if (answer->spec != NULL && answer->spec->action & ~offer->actions)
    names = milter_actions_to_string (answer->spec->action & ~offer->actions);
  else if (answer->kind == MILTER_ANSWER_KIND_NEGOTIATE && steps != 0)
    names = milter_steps_to_string (steps);
  return names != NULL ? g_strdup_printf ("the MTA does not offer %s", names) : NULL;
}

static char *
find_missing_of_rule (const MilterRule *rule, const MilterOffer *offer)
{
  for (guint i = 0; i < rule->expectations->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (rule->expectations, i);

      for (guint a = 0; a < line->answers->len; a++)
        {
          char *missing = find_missing (g_ptr_array_index (line->answers, a), offer);

          if (missing != NULL)
            return missing;
        }
    }
  return NULL;
}

char *
mta_judge_applies (const MtaTurn *turn, const MilterScenario *scenario, const MilterOffer *offer)
{
  for (guint i = 0; offer != NULL && i < scenario->rules->len; i++)
    {
      const MilterRule *rule = g_ptr_array_index (scenario->rules, i);
      char *missing = rule->requirement == turn->entry ? find_missing_of_rule (rule, offer) : NULL;

      if (missing != NULL)
        return missing;
    }
  return NULL;
}

/* before helo all clients are alike */
static bool
is_before_helo (const MilterRule *rule)
{
  return rule->spec != NULL
         && (rule->spec->letter == MILTER_COMMAND_NEGOTIATE
             || rule->spec->letter == MILTER_COMMAND_CONNECT);
}

const char *
mta_judge_needs_client (const MtaTurn *turn, const MilterScenario *scenario)
{
  bool is_judged = turn->entry->checks->len > 0;

  for (guint i = 0; i < scenario->rules->len; i++)
    {
      const MilterRule *rule = g_ptr_array_index (scenario->rules, i);

      if (rule->requirement != turn->entry)
        continue;
      if (is_before_helo (rule))
        return "it is about what comes before helo: --smtp plays it";
      is_judged = is_judged || rule->judges;
    }
  return is_judged ? NULL : "it is about what a client is told: --smtp plays it";
}

static const MilterMtaCheck *
find_delivery (const MilterScenarioCase *entry, bool awaited)
{
  for (guint i = 0; i < entry->checks->len; i++)
    {
      const MilterMtaCheck *check = g_ptr_array_index (entry->checks, i);

      if (check->kind == MILTER_MTA_CHECK_DELIVERED && (!awaited || check->pattern != NULL))
        return check;
    }
  return NULL;
}

bool
mta_judge_needs_delivery (const MilterScenarioCase *entry)
{
  return find_delivery (entry, /* awaited= */ false) != NULL;
}

bool
mta_judge_awaits_delivery (const MilterScenarioCase *entry)
{
  return find_delivery (entry, /* awaited= */ true) != NULL;
}

/* --- what was seen ---------------------------------------------------------------------------- */

static void
fail (ReportCase *report_case, const MilterMtaCheck *check, const char *got)
{
  MilterFailure failure = { .outcome = MILTER_OUTCOME_FAILED,
                            .where = check->where,
                            .what = check->kind == MILTER_MTA_CHECK_DELIVERED
                                        ? (char *) "what was delivered"
                                        : (char *) "the order of the commands",
                            .expected = check->text,
                            .got = (char *) got };

  report_case_add_failure (report_case, &failure);
}

static bool
holds (const MilterMtaCheck *check, const char *text)
{
  bool matches = milter_pattern_matches (check->pattern, milter_bytes_from_string (text));

  return matches != check->negated && !milter_pattern_gave_up (check->pattern);
}

/* on each connection */
static void
judge_order (MtaTurn *turn, const MilterMtaCheck *check, ReportCase *report_case)
{
  if (turn->said->len == 0)
    fail (report_case, check, "the MTA did not connect to the milter");
  for (guint i = 0; i < turn->said->len; i++)
    {
      const MtaSaid *said = g_ptr_array_index (turn->said, i);
      const GString *words = check->kind == MILTER_MTA_CHECK_MACROS ? said->macros : said->order;

      if (holds (check, words->str))
        continue;
      fail (report_case, check, words->str);
      return;
    }
}

static void
judge_delivered (const MilterMtaCheck *check, const char *delivered, ReportCase *report_case)
{
  if (check->pattern == NULL && delivered != NULL)
    fail (report_case, check, delivered);
  else if (check->pattern != NULL && delivered == NULL)
    fail (report_case, check, "nothing was delivered in time");
  else if (check->pattern != NULL && !holds (check, delivered))
    fail (report_case, check, delivered);
}

static void
judge_dialogue (const MtaTurn *turn, ReportCase *report_case)
{
  const MtaProblem *problem = turn->problem;
  MilterFailure failure = { .outcome = MILTER_OUTCOME_FAILED };

  if (problem == NULL)
    return;
  failure.where = problem->where;
  failure.what = problem->what;
  failure.expected = problem->expected;
  failure.got = problem->got;
  report_case_add_failure (report_case, &failure);
}

static void
judge_frames (const MtaTurn *turn, ReportCase *report_case)
{
  MilterFailure failure = { .outcome = MILTER_OUTCOME_FAILED,
                            .what = (char *) "what the MTA sends",
                            .expected = (char *) "whole frames, bodies in pieces of at most 65535 bytes" };

  if (turn->garbage == NULL)
    return;
  failure.got = turn->garbage->str;
  report_case_add_failure (report_case, &failure);
}

void
mta_judge (MtaTurn *turn, const char *delivered, ReportCase *report_case)
{
  const MilterScenarioCase *entry = turn->entry;

  report_case_add_log (report_case, turn->log->str);
  judge_dialogue (turn, report_case);
  rules_judge_case (turn->rules, report_case);
  judge_frames (turn, report_case);
  for (guint i = 0; i < entry->checks->len; i++)
    {
      const MilterMtaCheck *check = g_ptr_array_index (entry->checks, i);

      if (check->kind == MILTER_MTA_CHECK_DELIVERED)
        judge_delivered (check, delivered, report_case);
      else
        judge_order (turn, check, report_case);
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rules.c: the rules of a run, from the files to the verdict.
 */
#include <string.h>

#include "rules-private.h"

static bool
has_mutant (const Rules *rules, const char *id)
{
  for (guint i = 0; i < rules->scenarios->len; i++)
    {
      const MilterScenario *scenario = g_ptr_array_index (rules->scenarios, i);

      for (guint m = 0; m < scenario->mutants->len; m++)
        if (strcmp (((const MilterScenarioMutant *) g_ptr_array_index (scenario->mutants, m))->id, id)
            == 0)
          return true;
    }
  return false;
}

static bool
check_mutants (const Rules *rules, const char *const *mutants)
{
  for (; mutants != NULL && *mutants != NULL; mutants++)
    if (!has_mutant (rules, *mutants))
      {
        tool_usage_error ("--mutant: there are no rules that break %s", *mutants);
        return false;
      }
  return true;
}

static Rules *
new_empty (void)
{
  Rules *rules = g_new0 (Rules, 1);

  pthread_mutex_init (&rules->lock, NULL);
  rules->scenarios = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_scenario_free);
  rules->lines = g_hash_table_new_full (
      /* hash= */ NULL, /* equal= */ NULL, /* key_destroy= */ NULL, g_free);
  rules->violations = g_ptr_array_new_with_free_func (rules_violation_free);
  return rules;
}

Rules *
rules_new_for_case (const MilterScenario *scenario, const MilterScenarioCase *entry)
{
  Rules *rules = new_empty ();

  rules->book = milter_rule_book_new_for_case (scenario, entry);
  rules->strict = rules->silent = true;
  return rules;
}

Rules *
rules_open (const RulesSources *sources, ToolExit *status)
{
  g_autoptr (Rules) rules = new_empty ();

  rules->has_program = sources->has_program;
  if (!rules_read (rules, sources, status))
    return NULL;
  if (!check_mutants (rules, sources->mutants))
    {
      *status = TOOL_EXIT_USAGE;
      return NULL;
    }
  if (rules->scenarios->len > 0)
    rules->book = milter_rule_book_new_for_mutants (rules->scenarios, sources->mutants);
  return g_steal_pointer (&rules);
}

void
rules_free (Rules *rules)
{
  if (rules == NULL)
    return;
  g_clear_pointer (&rules->book, milter_rule_book_free);
  g_hash_table_unref (rules->lines);
  g_ptr_array_unref (rules->scenarios);
  g_ptr_array_unref (rules->violations);
  pthread_mutex_destroy (&rules->lock);
  g_free (rules);
}

void
rules_be_strict (Rules *rules)
{
  rules->strict = true;
}

void
rules_choose_by_helo (Rules *rules, RulesChooser choose)
{
  rules->choose = choose;
}

void
rules_replay (Rules *rules, MilterEchoBook *book)
{
  rules->echoes = book;
}

/* --- violations ------------------------------------------------------------------------------- */

void
rules_violation_free (gpointer data)
{
  Violation *violation = data;

  g_free (violation->who);
  g_string_free (violation->sentences, TRUE);
  g_free (violation);
}

void
rules_add_violation (Rules *rules, Violation *violation)
{
  pthread_mutex_lock (&rules->lock);
  g_ptr_array_add (rules->violations, violation);
  pthread_mutex_unlock (&rules->lock);
}

char *
rules_name_connection (MilterClientContext *context)
{
  MilterGenericSocketAddress *address = milter_client_context_get_socket_address (context);

  /* a unix socket that connects has no path */
  if (address == NULL || address->base.sa_family == AF_UNIX)
    return g_strdup ("a unix socket");
  return milter_connection_address_to_spec (&address->base);
}

/* --- the verdict ------------------------------------------------------------------------------ */

static void
judge_line (Rules *rules, Report *report, const MilterExpectVerdict *verdict)
{
  const MilterWhere *where = &verdict->rule->where;
  const char *line = g_hash_table_lookup (rules->lines, verdict->rule);
  ReportCase *report_case
      = report_add_case (report, where->file, where->line, line != NULL ? line : "expect");

  if (verdict->failure != NULL)
    report_case_add_failure (report_case, verdict->failure);
  report_case_end (report_case);
}

void
rules_judge (Rules *rules, Report *report)
{
  g_autoptr (GPtrArray) verdicts
      = rules->book != NULL ? milter_rule_book_judge (rules->book) : NULL;

  for (guint i = 0; verdicts != NULL && i < verdicts->len; i++)
    judge_line (rules, report, g_ptr_array_index (verdicts, i));
  for (guint i = 0; i < rules->violations->len; i++)
    {
      const Violation *violation = g_ptr_array_index (rules->violations, i);
      g_autofree char *name = g_strdup_printf (
          "the protocol, broken connection %u: from %s", i + 1, violation->who);
      ReportCase *report_case = report_add_case (report, /* file= */ NULL, /* line= */ 0, name);

      report_case_add_problem (report_case, TOOL_EXIT_BROKEN, violation->sentences->str);
      report_case_end (report_case);
    }
}

void
rules_judge_case (Rules *rules, ReportCase *report_case)
{
  g_autoptr (GPtrArray) verdicts = milter_rule_book_judge (rules->book);

  for (guint i = 0; i < verdicts->len; i++)
    {
      const MilterExpectVerdict *verdict = g_ptr_array_index (verdicts, i);

      if (verdict->failure != NULL)
        report_case_add_failure (report_case, verdict->failure);
    }
  for (guint i = 0; i < rules->violations->len; i++)
    {
      const Violation *violation = g_ptr_array_index (rules->violations, i);
      MilterFailure failure = { .outcome = MILTER_OUTCOME_FAILED,
                                .what = (char *) "a connection",
                                .expected = (char *) "what the protocol allows",
                                .got = violation->sentences->str };

      report_case_add_failure (report_case, &failure);
    }
}

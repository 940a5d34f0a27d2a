/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-rule-book.c: the rules of a run, what came in all of it, and the verdict on the MTA.
 */
#include "milter-responder-private.h"

#include <string.h>

#include "milter-player-private.h"

struct _MilterRuleBook
{
  GPtrArray *rules;                        /* of MilterBookRule, in order */
  GPtrArray *by_event[MILTER_N_EVENTS];    /* (nullable) of the same, unowned */
  GPtrArray *raw;                          /* of MilterRule, unowned: those about frames and garbage */
  atomic_ullong n_events[MILTER_N_EVENTS]; /* in the whole run */
  MilterRuleSpan spans[MILTER_N_EVENTS];   /* what N counts in */
  guint n_slots;
  const MilterStep *send_as; /* unowned (nullable) */
};

static void
book_rule_free (gpointer data)
{
  MilterBookRule *rule = data;

  g_free (rule->miss);
  g_free (rule->surplus);
  g_free (rule);
}

guint
milter_event_index (guint8 letter)
{
  return letter == MILTER_EVENT_CLOSE ? 0 : letter - 'A' + 1;
}

static void
find_spans (MilterRuleBook *book)
{
  gsize n;
  const MilterRuleEvent *events = milter_rule_event_list (&n);

  for (gsize i = 0; i < n; i++)
    {
      const MilterSpec *spec = milter_spec_from_word (MILTER_SIDE_MTA, events[i].word);

      if (events[i].span != MILTER_RULE_SPAN_NONE)
        book->spans[milter_event_index (spec != NULL ? spec->letter : MILTER_EVENT_CLOSE)]
            = events[i].span;
    }
}

static void
add_rule (MilterRuleBook *book, const MilterRule *rule)
{
  MilterBookRule *entry;
  guint event = milter_event_index (rule->spec != NULL ? rule->spec->letter : MILTER_EVENT_CLOSE);

  entry = g_new0 (MilterBookRule, 1);
  entry->rule = rule;
  g_ptr_array_add (book->rules, entry);
  if (rule->raw)
    {
      g_ptr_array_add (book->raw, (gpointer) rule);
      return;
    }
  if (rule->name != NULL && rule->index > 0)
    entry->slot = book->n_slots++;
  if (book->by_event[event] == NULL)
    book->by_event[event] = g_ptr_array_new ();
  g_ptr_array_add (book->by_event[event], entry);
}

static MilterRuleBook *
new_empty (void)
{
  MilterRuleBook *book = g_new0 (MilterRuleBook, 1);

  book->rules = g_ptr_array_new_with_free_func (book_rule_free);
  book->raw = g_ptr_array_new ();
  find_spans (book);
  return book;
}

MilterRuleBook *
milter_rule_book_new_for_case (const MilterScenario *scenario, const MilterScenarioCase *entry)
{
  MilterRuleBook *book = new_empty ();

  book->send_as = scenario->send_as;
  for (guint i = 0; i < scenario->rules->len; i++)
    {
      const MilterRule *rule = g_ptr_array_index (scenario->rules, i);

      if (rule->mutant == NULL && (rule->requirement == NULL || rule->requirement == entry))
        add_rule (book, rule);
    }
  return book;
}

MilterRuleBook *
milter_rule_book_new_for_mutants (const GPtrArray *scenarios, const char *const *mutants)
{
  MilterRuleBook *book = new_empty ();

  for (guint i = 0; i < scenarios->len; i++)
    {
      const MilterScenario *scenario = g_ptr_array_index (scenarios, i);

      /* a connection begins to write in one way: the last that is said */
      if (scenario->send_as != NULL)
        book->send_as = scenario->send_as;
      for (guint r = 0; r < scenario->rules->len; r++)
        {
          const MilterRule *rule = g_ptr_array_index (scenario->rules, r);

          if (rule->mutant == NULL
              || (mutants != NULL && g_strv_contains (mutants, rule->mutant->id)))
            add_rule (book, rule);
        }
    }
  return book;
}

MilterRuleBook *
milter_rule_book_new (const GPtrArray *scenarios)
{
  return milter_rule_book_new_for_mutants (scenarios, /* mutants= */ NULL);
}

void
milter_rule_book_free (MilterRuleBook *book)
{
  if (book == NULL)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (book->by_event); i++)
    g_clear_pointer (&book->by_event[i], g_ptr_array_unref);
  g_ptr_array_unref (book->raw);
  g_ptr_array_unref (book->rules);
  g_free (book);
}

guint64
milter_rule_book_count (MilterRuleBook *book, guint8 letter)
{
  return atomic_fetch_add_explicit (
             &book->n_events[milter_event_index (letter)], 1, memory_order_relaxed)
         + 1;
}

const GPtrArray *
milter_rule_book_get_rules (const MilterRuleBook *book, guint8 letter)
{
  return book->by_event[milter_event_index (letter)];
}

const GPtrArray *
milter_rule_book_get_raw_rules (const MilterRuleBook *book)
{
  return book->raw;
}

MilterRuleSpan
milter_rule_book_get_span (const MilterRuleBook *book, guint8 letter)
{
  return book->spans[milter_event_index (letter)];
}

guint
milter_rule_book_get_n_slots (const MilterRuleBook *book)
{
  return book->n_slots;
}

const MilterStep *
milter_rule_book_get_send_as (const MilterRuleBook *book)
{
  return book->send_as;
}

/* --- events that are expected ----------------------------------------------------------------- */

/* nobody reads it before the run is over */
static void
keep (_Atomic (char *) *place, char *text)
{
  g_free (atomic_exchange (place, text));
}

/* what did not count is only of interest as long as too few have come */
static void
keep_miss (MilterBookRule *expected, const MilterEvent *event, const GString *why)
{
  g_autofree char *text = milter_event_describe (event);

  keep (&expected->miss, g_strdup_printf ("%s: %s", text, why->str));
}

void
milter_rule_book_judge_event (MilterBookRule *expected, const MilterEvent *event, guint64 nth)
{
  const MilterRule *rule = expected->rule;
  bool lacking = atomic_load_explicit (&expected->count, memory_order_relaxed) < rule->min_count;
  g_autoptr (GString) why = lacking ? g_string_new (NULL) : NULL;
  guint64 count;

  if (!milter_rule_matches (rule, event, nth, why))
    {
      if (lacking)
        keep_miss (expected, event, why);
      return;
    }
  count = atomic_fetch_add_explicit (&expected->count, 1, memory_order_relaxed) + 1;
  /* of those of several threads one is that one */
  if (rule->max_count != G_MAXUINT && count == (guint64) rule->max_count + 1)
    keep (&expected->surplus, milter_event_describe (event));
}

#define GAVE_UP "regular expression goes back without end, and was given up"

/* --- the verdict ------------------------------------------------------------------------------ */

static void
verdict_free (gpointer data)
{
  MilterExpectVerdict *verdict = data;

  g_clear_pointer (&verdict->failure, milter_failure_free);
  g_free (verdict);
}

static const char *
event_word (const MilterRule *rule)
{
  return milter_rule_event_get (rule->spec)->word;
}

/* "at least 1 such rcpt", "none", "2 to 5" */
static char *
describe_range (const MilterRule *rule)
{
  if (rule->max_count == 0)
    return g_strdup_printf ("no such %s in the whole run", event_word (rule));
  if (rule->max_count == G_MAXUINT)
    return g_strdup_printf (
        "at least %u such %s in the whole run", rule->min_count, event_word (rule));
  if (rule->min_count == rule->max_count)
    return g_strdup_printf ("%u such %s in the whole run", rule->min_count, event_word (rule));
  return g_strdup_printf (
      "%u to %u such %s in the whole run", rule->min_count, rule->max_count, event_word (rule));
}

/* "2 connect, 1 helo" */
static void
append_events (const MilterRuleBook *book, GString *text)
{
  gsize n_rows;
  const MilterSpec *rows = milter_spec_list (MILTER_SIDE_MTA, &n_rows);
  const char *separator = "";

  for (gsize i = 0; i < n_rows; i++)
    {
      guint64 n = atomic_load (&book->n_events[milter_event_index (rows[i].letter)]);

      if (n == 0)
        continue;
      g_string_append_printf (text, "%s%" G_GUINT64_FORMAT " %s", separator, n, rows[i].word);
      separator = ", ";
    }
  if (*separator == '\0')
    g_string_append (text, "nothing");
}

static char *
describe_count (const MilterRuleBook *book, const MilterBookRule *expected, guint64 count)
{
  const MilterRule *rule = expected->rule;
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "%" G_GUINT64_FORMAT, count);
  if (count > rule->max_count)
    g_string_append_printf (text,
                            "; the %s was %s",
                            rule->max_count == 0 ? "first" : "first too many",
                            expected->surplus);
  else if (expected->miss != NULL)
    g_string_append_printf (text, "; the last that did not count was %s", expected->miss);
  else if (count == 0)
    {
      g_string_append (text, "; what came in the run: ");
      append_events (book, text);
    }
  if (milter_rule_gave_up (rule))
    g_string_append (text, "; on some a " GAVE_UP);
  return g_string_free (text, FALSE);
}

static MilterFailure *
fail (const MilterRuleBook *book, const MilterBookRule *entry, guint64 count)
{
  MilterFailure *failure = g_new0 (MilterFailure, 1);

  failure->outcome = MILTER_OUTCOME_FAILED;
  failure->where = entry->rule->where;
  failure->what = g_strdup (entry->rule->text);
  failure->expected = entry->rule->judges ? describe_range (entry->rule)
                                          : g_strdup ("a pattern that can be decided");
  failure->got
      = entry->rule->judges ? describe_count (book, entry, count) : g_strdup ("a " GAVE_UP);
  return failure;
}

/* a rule whose pattern gave up may have been passed over where it should have answered */
static bool
is_judged (const MilterBookRule *entry)
{
  return entry->rule->judges || milter_rule_gave_up (entry->rule);
}

static bool
holds (const MilterBookRule *entry, guint64 count)
{
  const MilterRule *rule = entry->rule;

  return rule->judges && count >= rule->min_count && count <= rule->max_count
         && !milter_rule_gave_up (rule);
}

GPtrArray *
milter_rule_book_judge (const MilterRuleBook *book)
{
  GPtrArray *verdicts = g_ptr_array_new_with_free_func (verdict_free);

  for (guint i = 0; i < book->rules->len; i++)
    {
      const MilterBookRule *entry = g_ptr_array_index (book->rules, i);
      guint64 count = atomic_load (&entry->count);
      MilterExpectVerdict *verdict;

      if (!is_judged (entry))
        continue;
      verdict = g_new0 (MilterExpectVerdict, 1);
      verdict->rule = entry->rule;
      verdict->count = count;
      if (!holds (entry, count))
        verdict->failure = fail (book, entry, count);
      g_ptr_array_add (verdicts, verdict);
    }
  return verdicts;
}

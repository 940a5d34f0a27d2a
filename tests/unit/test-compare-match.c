/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-compare-match.c: which messages and sessions of two recordings belong together.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "compare-match.h"
#include "recorded-test.h"

#define MAX_STEPS 90

typedef struct
{
  const char *name;
  const char *found; /* `A+B` sessions, `1` each (0: none): `=` messages compared, `!` differing,
                        `<` in the first alone, `>` */
  RecordedStep a[MAX_STEPS], b[MAX_STEPS];
} Case;

/* clang-format off */
#define OPEN STEP ("+"), STEP (">O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"), STEP ("<O\0\0\0\6\0\0\1\xff\0\0\0\0")
#define OPEN_OTHER STEP ("+"), STEP (">O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"), STEP ("<O\0\0\0\6\0\0\0\1\0\0\0\0")
#define CLIENT(name) STEP (">C" name "\0U"), STEP ("<c")
#define MAIL(from, to) STEP (">M" from "\0"), STEP ("<c"), STEP (">R" to "\0"), STEP ("<c")
#define ID(id) STEP (">LMessage-ID\0<" id ">\0"), STEP ("<c"), STEP (">N"), STEP ("<c")
#define QUEUE(id) STEP (">DMi\0" id "\0")
#define EOM STEP (">E"), STEP ("<c")
#define REJECT STEP (">E"), STEP ("<r")
#define QUIT STEP (">Q"), STEP (">."), STEP ("<.")
#define ONE(from, to, id) MAIL (from, to), ID (id), EOM

static const Case cases[] = {
  { "the same", "1+1 ==", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), ONE ("a", "b", "2"), QUIT }, { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), ONE ("a", "b", "2"), QUIT } },
  { "by Message-ID, in another order", "1+1 ==", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), ONE ("a", "b", "2"), QUIT }, { OPEN, CLIENT ("c"), ONE ("a", "b", "2"), ONE ("a", "b", "1"), QUIT } },
  { "by the envelope", "1+1 =!", { OPEN, CLIENT ("c"), MAIL ("a", "b"), EOM, MAIL ("a", "c"), REJECT, QUIT }, { OPEN, CLIENT ("c"), MAIL ("a", "c"), EOM, MAIL ("a", "b"), EOM, QUIT } },
  { "by queue id", "1+1 =!", { OPEN, CLIENT ("c"), QUEUE ("10001"), MAIL ("a", "b"), EOM, QUEUE ("10002"), MAIL ("a", "b"), REJECT, QUIT },
    { OPEN, CLIENT ("c"), QUEUE ("10002"), MAIL ("a", "b"), EOM, QUEUE ("10001"), MAIL ("a", "b"), EOM, QUIT } },
  { "by order", "1+1 =!", { OPEN, CLIENT ("c"), QUEUE ("10001"), MAIL ("a", "b"), EOM, QUEUE ("10002"), MAIL ("a", "b"), EOM, QUIT },
    { OPEN, CLIENT ("c"), QUEUE ("20002"), MAIL ("a", "b"), EOM, QUEUE ("20001"), MAIL ("a", "b"), REJECT, QUIT } },
  { "one refused early has no Message-ID", "1+1 !", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT }, { OPEN, CLIENT ("c"), STEP (">Ma\0"), STEP ("<c"), STEP (">Rb\0"), STEP ("<r"), STEP (">A"), QUIT } },
  { "one in the first alone", "1+1 =<", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), ONE ("x", "b", "2"), QUIT }, { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT } },
  { "one in the second alone", "1+1 =>", { OPEN, CLIENT ("c"), ONE ("a", "b", "2"), QUIT }, { OPEN, CLIENT ("c"), ONE ("x", "b", "1"), ONE ("a", "b", "2"), QUIT } },
  { "a session in the first alone", "1+1 =\n2+0 <", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT, STEP ("@2"), OPEN, CLIENT ("d"), ONE ("x", "y", "2"), QUIT }, { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT } },
  { "a session without messages in the second alone", "1+1 =\n0+2", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT }, { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT, STEP ("@2"), OPEN, CLIENT ("d"), QUIT } },
  { "sessions in another order", "1+2 =\n2+1 =", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT, STEP ("@2"), OPEN, CLIENT ("c"), ONE ("a", "b", "2"), QUIT },
    { OPEN, CLIENT ("c"), ONE ("a", "b", "2"), QUIT, STEP ("@2"), OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT } },
  { "sessions without messages, by their client", "1+2\n2+1", { OPEN, CLIENT ("c"), QUIT, STEP ("@2"), OPEN, CLIENT ("d"), QUIT }, { OPEN, CLIENT ("d"), QUIT, STEP ("@2"), OPEN, CLIENT ("c"), QUIT } },
  { "… else by order", "1+1 *", { OPEN, CLIENT ("c"), QUIT }, { OPEN, CLIENT ("d"), QUIT } },
  { "all of a session's messages differ too much", "1+1 <>", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT }, { OPEN, CLIENT ("c"), ONE ("x", "y", "2"), QUIT } },
  { "two milters hear of a message", "1+2 =\n2+1 =", { OPEN, CLIENT ("c"), STEP ("@2"), OPEN_OTHER, CLIENT ("c"), STEP ("@1"), ONE ("a", "b", "1"), STEP ("@2"), ONE ("a", "b", "1"), STEP ("@1"), QUIT, STEP ("@2"), QUIT },
    { OPEN_OTHER, CLIENT ("c"), STEP ("@2"), OPEN, CLIENT ("c"), STEP ("@1"), ONE ("a", "b", "1"), STEP ("@2"), ONE ("a", "b", "1"), STEP ("@1"), QUIT, STEP ("@2"), QUIT } },
  { "another negotiation", "1+1 =*", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT }, { OPEN_OTHER, CLIENT ("c"), ONE ("a", "b", "1"), QUIT } },
  { "one session became two", "1+1 =*\n1+2 =", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), ONE ("a", "b", "2"), STEP (">A"), QUIT },
    { OPEN, CLIENT ("x"), ONE ("a", "b", "1"), QUIT, STEP ("@2"), OPEN, CLIENT ("c"), ONE ("a", "b", "2"), QUIT } },
  { "behind QUIT_NC", "1+1 =\n1.2+1.2 !", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), STEP (">K"), CLIENT ("d"), ONE ("a", "b", "2"), QUIT },
    { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), STEP (">K"), CLIENT ("d"), MAIL ("a", "b"), ID ("2"), REJECT, QUIT } },
  { "a hole", "1+1 ?", { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT }, { OPEN, CLIENT ("c"), STEP (">Ma\0"), STEP ("<!6"), STEP (">Rb\0"), STEP ("<c"), ID ("1"), EOM, QUIT } },
  { "a recipient less", "1+1 !", { OPEN, CLIENT ("c"), STEP (">Ma\0"), STEP ("<c"), STEP (">Rb\0"), STEP ("<c"), STEP (">Rc\0"), STEP ("<c"), ID ("1"), EOM, QUIT }, { OPEN, CLIENT ("c"), ONE ("a", "b", "1"), QUIT } },
  { "nothing", "", { { NULL, 0 } }, { { NULL, 0 } } },
};
/* clang-format on */

static void
append_number (GString *log, const MilterRecordedSession *session)
{
  if (session == NULL)
    g_string_append_c (log, '0');
  else
    g_string_append_printf (log, "%u", session->connection);
  if (session != NULL && session->number > 1)
    g_string_append_printf (log, ".%u", session->number);
}

static void
append_finding (GString *log, const CompareFinding *finding)
{
  if (finding->comparison == NULL)
    g_string_append_c (log, finding->side == 0 ? '<' : '>');
  else if (finding->comparison->not_compared != NULL)
    g_string_append_c (log, '?');
  else if (finding->message == NULL)
    g_string_append_c (log, '*');
  else
    g_string_append_c (log, '!');
}

static void
on_ended (const ComparePair *pair, gpointer data)
{
  GString *log = data;
  guint n_differing = 0;
  gsize before;

  if (log->len > 0)
    g_string_append_c (log, '\n');
  append_number (log, pair->sessions[0]);
  g_string_append_c (log, '+');
  append_number (log, pair->sessions[1]);
  g_string_append_c (log, ' ');
  before = log->len;
  for (guint i = 0; i < pair->findings->len; i++)
    {
      const CompareFinding *finding = g_ptr_array_index (pair->findings, i);

      n_differing += finding->message != NULL && finding->comparison != NULL
                     && finding->comparison->not_compared == NULL;
    }
  for (guint i = n_differing; i < pair->n_compared; i++)
    g_string_append_c (log, '=');
  for (guint i = 0; i < pair->findings->len; i++)
    append_finding (log, g_ptr_array_index (pair->findings, i));
  if (log->len == before)
    g_string_truncate (log, before - 1);
}

typedef struct
{
  CompareMatch *match;
  guint side;
} Side;

static void
on_message (const MilterRecordedSession *session, MilterRecordedMessage *message, gpointer data)
{
  Side *side = data;

  compare_match_take_message (side->match, side->side, session, message);
}

static void
on_session (MilterRecordedSession *session, gpointer data)
{
  Side *side = data;

  compare_match_take_session (side->match, side->side, session);
}

static const MilterRecordedEvents events = { .message = on_message, .session = on_session };

static gsize
count_steps (const RecordedStep *steps)
{
  gsize n = 0;

  while (n < MAX_STEPS && steps[n].bytes != NULL)
    n++;
  return n;
}

/* @together: both are read step by step; else the second one when the first has ended */
static GString *
run (const Case *one, bool together)
{
  GString *log = g_string_new (NULL);
  g_autoptr (MilterCompareRules) rules = milter_compare_rules_new ();
  g_autoptr (CompareMatch) match = compare_match_new (rules, 0, on_ended, log);
  Side sides[] = { { match, 0 }, { match, 1 } };
  const RecordedStep *steps[] = { one->a, one->b };
  gsize n[] = { count_steps (one->a), count_steps (one->b) };
  MilterRecordedBuilder *builders[2];

  for (guint side = 0; side < 2; side++)
    builders[side] = milter_recorded_builder_new (/* limits= */ NULL, &events, &sides[side]);
  /* steps of other connections begin with `@`, so that a recording is told as a whole */
  for (guint side = 0; side < 2; side++)
    {
      guint who = together ? !side : side;

      recorded_tell (builders[who], steps[who], n[who]);
      milter_recorded_builder_finish (builders[who]);
    }
  compare_match_finish (match);
  for (guint side = 0; side < 2; side++)
    milter_recorded_builder_free (builders[side]);
  return log;
}

static int
compare_lines (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* sessions are told as they end, which is in the order of the second recording */
static char *
sort_lines (const char *text)
{
  char **lines = g_strsplit (text, "\n", -1);
  g_autoptr (GPtrArray) sorted = g_ptr_array_new_with_free_func (g_free);

  for (char **line = lines; *line != NULL; line++)
    g_ptr_array_add (sorted, *line);
  g_free (lines);
  g_ptr_array_sort (sorted, compare_lines);
  g_ptr_array_add (sorted, NULL);
  return g_strjoinv ("\n", (char **) sorted->pdata);
}

Test (compare_match, messages_and_sessions_find_each_other)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint together = 0; together < 2; together++)
      {
        GString *log = run (&cases[i], together);
        g_autofree char *found = sort_lines (log->str);
        g_autofree char *expected = sort_lines (cases[i].found);

        cr_expect_str_eq (found, expected, "%s:\n%s", cases[i].name, found);
        g_string_free (log, TRUE);
      }
}

static const RecordedStep begin[] = { OPEN, CLIENT ("c") };
static const RecordedStep end[] = { QUIT };

/* @n messages, the numbers from @from on */
static void
tell_many (MilterRecordedBuilder *builder, guint from, guint n)
{
  recorded_tell (builder, begin, G_N_ELEMENTS (begin));
  for (guint i = from; i < from + n; i++)
    {
      g_autofree char *sender = g_strdup_printf (">M%07u", i);
      const RecordedStep steps[] = {
        { sender, strlen (sender) + 1 }, STEP ("<c"), STEP (">Rb\0"), STEP ("<c"), EOM,
      };

      recorded_tell (builder, steps, G_N_ELEMENTS (steps));
    }
  recorded_tell (builder, end, G_N_ELEMENTS (end));
  milter_recorded_builder_finish (builder);
}

static void
count_alone (const ComparePair *pair, gpointer data)
{
  guint *counts = data;

  counts[0] += pair->n_compared;
  counts[1] += pair->n_alone;
  for (guint i = 0; i < pair->findings->len; i++)
    counts[2] += ((CompareFinding *) g_ptr_array_index (pair->findings, i))->gave_up;
}

Test (compare_match, what_waits_has_a_limit)
{
  guint counts[3] = { 0 };
  g_autoptr (MilterCompareRules) rules = milter_compare_rules_new ();
  g_autoptr (CompareMatch) match = compare_match_new (rules, 100 * 6000, count_alone, counts);
  Side sides[] = { { match, 0 }, { match, 1 } };

  for (guint side = 0; side < 2; side++)
    {
      g_autoptr (MilterRecordedBuilder) builder
          = milter_recorded_builder_new (/* limits= */ NULL, &events, &sides[side]);

      tell_many (builder, 1000, 300);
      cr_expect_leq (compare_match_get_n_waiting (match, side), 150u);
    }
  compare_match_finish (match);
  /* the oldest were given up, and so is what would have belonged to them */
  cr_expect_gt (counts[0], 50u);
  cr_expect_gt (counts[2], 100u);
  cr_expect_eq (counts[0] * 2 + counts[1], 600u);
}

Test (compare_match, many_that_wait_find_each_other)
{
  guint counts[3] = { 0 };
  g_autoptr (MilterCompareRules) rules = milter_compare_rules_new ();
  g_autoptr (CompareMatch) match = compare_match_new (rules, 0, count_alone, counts);
  Side sides[] = { { match, 0 }, { match, 1 } };

  for (guint side = 0; side < 2; side++)
    {
      g_autoptr (MilterRecordedBuilder) builder
          = milter_recorded_builder_new (/* limits= */ NULL, &events, &sides[side]);

      tell_many (builder, 1000 + side * 10, 2000);
    }
  compare_match_finish (match);
  cr_expect_eq (counts[0], 1990u);
  cr_expect_eq (counts[1], 20u);
  cr_expect_eq (counts[2], 0u);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * print-verbs.c: prints the reference of the scenario language, made from the rows that its parser
 * reads, as tables for docs/scenarios.md.
 */
#include <stdio.h>

#include "milter-rule-events.h"
#include "milter-verbs.h"

typedef enum
{
  STRUCTURE,
  COMMANDS,
  TRAVEL,
  EXPECTATIONS,
  REPLIES,
  EDITS,
  RULES,
  CONFORMANCE,
  RECORDINGS,
  N_GROUPS
} Group;

static const char *const titles[N_GROUPS] = {
  [STRUCTURE] = "Structure and settings",
  [COMMANDS] = "Commands",
  [TRAVEL] = "How and when bytes travel",
  [EXPECTATIONS] = "Expectations",
  [REPLIES] = "Replies",
  [EDITS] = "Edits",
  [RULES] = "Rules of a milter",
  [CONFORMANCE] = "Requirements",
  [RECORDINGS] = "Recordings",
};

/* those that their place does not tell */
static const struct
{
  MilterSyntax syntax;
  Group group;
} groups[] = {
  { MILTER_SYNTAX_EDIT_HEADER, EDITS },
  { MILTER_SYNTAX_EDIT_TEXT, EDITS },
  { MILTER_SYNTAX_EDIT_ADDRESS, EDITS },
  { MILTER_SYNTAX_SEND_AS, TRAVEL },
  { MILTER_SYNTAX_STALL, TRAVEL },
  { MILTER_SYNTAX_END, TRAVEL },
  { MILTER_SYNTAX_BARRIER, TRAVEL },
  { MILTER_SYNTAX_RULE, RULES },
  { MILTER_SYNTAX_CASE, CONFORMANCE },
  { MILTER_SYNTAX_MUTANT, CONFORMANCE },
  { MILTER_SYNTAX_SMTP, CONFORMANCE },
  { MILTER_SYNTAX_ORDER, CONFORMANCE },
  { MILTER_SYNTAX_DELIVERED, CONFORMANCE },
  { MILTER_SYNTAX_START, RECORDINGS },
  { MILTER_SYNTAX_LOST, RECORDINGS },
  { MILTER_SYNTAX_MACRO, COMMANDS },
  { MILTER_SYNTAX_MESSAGE, STRUCTURE },
};

static Group
group_of (const MilterVerb *verb)
{
  for (gsize i = 0; i < G_N_ELEMENTS (groups); i++)
    if (groups[i].syntax == verb->syntax)
      return groups[i].group;
  if (verb->places & MILTER_VERB_EXPECTATION)
    return EXPECTATIONS;
  if (verb->places & MILTER_VERB_ANSWER)
    return REPLIES;
  return verb->places & MILTER_VERB_AT_TOP ? STRUCTURE : COMMANDS;
}

/* a bar would end the cell of a table */
static void
print_cell (const char *text, const char *quote)
{
  g_auto (GStrv) parts = g_strsplit (text, "|", -1);
  g_autofree char *cell = g_strjoinv ("\\|", parts);

  printf (" %s%s%s |", quote, cell, quote);
}

static const char *
place_of (const MilterVerb *verb)
{
  if ((verb->places & MILTER_VERB_ANYWHERE) == MILTER_VERB_ANYWHERE)
    return "both";
  return verb->places & MILTER_VERB_AT_TOP ? "top" : "session";
}

static void
print_verb (const MilterVerb *verb)
{
  bool behind_arrow = verb->places & MILTER_VERB_BEHIND_ARROW;

  putchar ('|');
  print_cell (verb->usage, "`");
  if (!behind_arrow)
    print_cell (place_of (verb), "");
  print_cell (verb->summary, "");
  print_cell (verb->absent, "");
  print_cell (verb->remarks, "");
  putchar ('\n');
}

static void
print_events (void)
{
  gsize n;
  const MilterRuleEvent *events = milter_rule_event_list (&n);

  puts ("| EVENT | when it comes | N is the Nth of the |\n|---|---|---|");
  for (gsize i = 0; i < n; i++)
    {
      putchar ('|');
      print_cell (events[i].usage, "`");
      print_cell (events[i].summary, "");
      print_cell (milter_rule_span_to_string (events[i].span), "");
      putchar ('\n');
    }
  putchar ('\n');
}

int
main (void)
{
  gsize n;
  const MilterVerb *verbs = milter_verb_list (&n);

  for (int group = 0; group < N_GROUPS; group++)
    {
      bool behind_arrow = group == EXPECTATIONS || group == REPLIES || group == EDITS;

      printf ("### %s\n\n", titles[group]);
      puts (behind_arrow ? "| line | meaning | if not written | remarks |\n|---|---|---|---|"
                         : "| line | where | meaning | if not written | remarks |\n|---|---|---|---|---|");
      for (gsize i = 0; i < n; i++)
        if ((int) group_of (&verbs[i]) == group)
          print_verb (&verbs[i]);
      putchar ('\n');
      if (group == RULES)
        print_events ();
    }
  return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * print-words.c: prints a dictionary for libFuzzer: the words of the scenario language, from its
 * table, and what stands between them.
 */
#include <stdio.h>

#include "milter-verbs.h"

static const char *const texts[] = {
  "\n",      "\n  ",      " => ",       " | ",         "<<END\n",    "\n  END\n", "\"\"",     "\\x00",
  "*64k",    "$n",        "$p",         "$dir",        "$socket",    "$port",     "${a}",     "/a*/i",
  "size=1k", "seed=2",    " within 1s", " after 3 bytes", " reading", "split 1",   "random 2", "together",
  "from=",   "to=",       "port=",      "version=2..6", "actions=all", "steps=-SKIP", "symbols-mail=", "tail=",
  "+0.5 @1 ", "@2 ",      "ignoring ",  " from a ",    "{i}=",       "-NAME",     "1..",      "\r\n",
};

static void
print_entry (const char *text)
{
  printf ("\"");
  for (; *text != '\0'; text++)
    printf ("\\x%02x", (guint8) *text);
  printf ("\"\n");
}

int
main (void)
{
  gsize n;
  const MilterVerb *verbs = milter_verb_list (&n);

  for (gsize i = 0; i < n; i++)
    print_entry (verbs[i].word);
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    print_entry (texts[i]);
  return 0;
}

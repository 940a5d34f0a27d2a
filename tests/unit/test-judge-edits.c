/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-judge-edits.c: which edits meet which lines.
 */
#include "fake-peer.h"

#include <criterion/criterion.h>
#include <string.h>

#define R FAKE_RULES

/* enough for a regex that tries every way to cut them */
#define MANY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* lines below eom, separated by slashes-free newlines; what comes; whether that is held */
static const struct
{
  const char *lines;
  const char *rule;
  bool held;
} cases[] = {
  /* an edit of its own for every line, whatever their order */
  { "=> add-header X\n=> add-header X: y\n=> only\n", "E:hX|y|;hX|z|;c", true },
  { "=> add-header X\n=> add-header X: y\n=> only\n", "E:hX|z|;hX|y|;c", true },
  { "=> add-header X\n=> add-header X\n", "E:hX|y|;c", false },
  { "=> add-header A | add-header B\n=> add-header A\n=> only\n", "E:hA|1|;hB|1|;c", true },
  { "=> add-header A | add-header B\n=> add-header B\n=> add-header C | add-header A\n=> only\n",
    "E:hA|1|;hB|1|;hC|1|;c",
    true },
  /* names in any case, values exactly, patterns */
  { "=> add-header x-checked: yes\n", "E:hX-Checked|yes|;c", true },
  { "=> add-header X: yes\n", "E:hX|Yes|;c", false },
  { "=> add-header X: y*s\n", "E:hX|yes sirs|;c", true },
  { "=> add-header X: /sir/\n", "E:hX|yes sirs|;c", true },
  { "=> add-header X:y\n", "E:hX|y|;c", false },
  { "=> insert-header X\n", "E:hX|y|;c", false },
  /* positions are compared where they are written */
  { "=> insert-header X: y\n", "E:i|||\3X|y|;c", true },
  { "=> insert-header 3 X: y\n", "E:i|||\3X|y|;c", true },
  { "=> insert-header 2 X: y\n", "E:i|||\3X|y|;c", false },
  { "=> change-header 2 X: y\n", "E:m|||\2X|y|;c", true },
  { "=> change-header X\n", "E:m|||\2X||;c", false },
  { "=> change-header X: *\n", "E:m|||\2X||;c", false },
  { "=> change-header X: /.?/\n", "E:m|||\2X||;c", false },
  { "=> change-header X:\n", "E:m|||\2X||;c", true },
  { "=> delete-header X\n", "E:m|||\2X||;c", true },
  { "=> delete-header X\n", "E:m|||\2X|y|;c", false },
  { "=> delete-header 1 X\n", "E:m|||\2X||;c", false },
  /* the body, in pieces on either side */
  { "=> replace-body \"hello world\"\n=> only\n", "E:bhello ;bworld;c", true },
  { "=> replace-body \"hello \"\n=> replace-body \"world\"\n=> only\n",
    "E:bhel;blo world;c",
    true },
  { "=> replace-body \"hello \"\n=> replace-body /wor/\n=> only\n", "E:bhello world;c", true },
  { "=> replace-body \"hell \"\n=> replace-body /wor/\n", "E:bhello world;c", false },
  { "=> replace-body \"\"\n=> only\n", "E:b;c", true },
  { "=> replace-body \"\"\n", "E:bx;c", false },
  { "=> replace-body\n=> only\n", "E:bx;c", true },
  { "=> replace-body\n=> and not /x/\n", "E:ba;bx;c", false },
  /* the envelope, brackets or not, arguments one by one */
  { "=> add-rcpt a@b\n", "E:+<a@b>|;c", true },
  { "=> add-rcpt <a@b>\n", "E:+a@b|;c", true },
  { "=> add-rcpt <*@b>\n", "E:+a@b|;c", true },
  { "=> add-rcpt <*@b>\n", "E:+a@c|;c", false },
  { "=> add-rcpt <a@b>\n", "E:2a@b|NOTIFY=NEVER|;c", true },
  { "=> add-rcpt <a@b> NOTIFY=NEVER\n", "E:2a@b|NOTIFY=NEVER|;c", true },
  { "=> add-rcpt <a@b> NOTIFY=NEVER\n", "E:+a@b|;c", false },
  { "=> add-rcpt <a@b> NOTIFY=NEVER\n", "E:2a@b|NOTIFY=NEVER ORCPT=x|;c", false },
  { "=> add-rcpt <a@b> NOTIFY=* ORCPT=x\n", "E:2a@b|NOTIFY=NEVER ORCPT=x|;c", true },
  { "=> add-rcpt <a@b> \"A B\"\n", "E:2a@b|A B|;c", true },
  { "=> add-rcpt <a@b> \"A B\"\n", "E:2a@b|A C|;c", false },
  { "=> add-rcpt <a@b> \"A B\" C\n", "E:2a@b|A B C|;c", true },
  { "=> add-rcpt <a@b> \"A B\" C\n", "E:2a@b|A B|;c", false },
  { "=> add-rcpt <a@b> A\n", "E:2a@b|A B|;c", false },
  { "=> add-rcpt <a@b> \"A *\" C\n", "E:2a@b|A BB  C|;c", true },
  { "=> add-rcpt <a@b> /A B/\n", "E:2a@b|A B|;c", true },
  { "=> change-from <> A \"\" B\n", "E:e<>|A  B|;c", true },
  { "=> delete-rcpt recipient@example.net\n", "E:-<recipient@example.net>|;c", true },
  { "=> change-from <>\n", "E:e<>|;c", true },
  { "=> change-from \"\"\n", "E:e<>|;c", true },
  { "=> change-from <> RET=HDRS\n", "E:e<>|RET=HDRS|;c", true },
  { "=> change-from <a@b>\n", "E:e<>|;c", false },
  /* conditions */
  { "=> quarantine\n=> and /virus/\n=> and not /test/\n", "E:qa virus|;c", true },
  { "=> quarantine\n=> and /virus/\n=> and not /test/\n", "E:qa test virus|;c", false },
  { "=> add-header X\n=> and /b/\n", "E:hX|a|;hX|b|;c", true },
  { "=> quarantine *spam*\n", "E:qno spam here|;c", true },
  /* no: besides those that other lines expect, in the best assignment */
  { "=> no add-header X\n", "E:hY|1|;c", true },
  { "=> no add-header X\n", "E:hX|1|;c", false },
  { "=> add-header X\n=> no add-header X\n", "E:hX|1|;c", true },
  { "=> add-header X\n=> no add-header X\n", "E:hX|1|;hX|2|;c", false },
  { "=> add-header X\n=> no add-header X: bad\n", "E:hX|good|;hX|bad|;c", true },
  { "=> add-header X: good\n=> no add-header X: bad\n", "E:hX|good|;hX|bad|;c", false },
  { "=> no progress\n", "E:p;c", false },
  /* a regex that gives up says nothing in favour of the milter */
  { "=> no add-header X: /^(a|aa)+$/\n", "E:hX|" MANY_A "b|;c", false },
  { "=> add-header X: /^(a|aa)+b$/\n", "E:hX|" MANY_A "c|;c", false },
  { "=> add-header X\n=> and not /^(a|aa)+$/\n", "E:hX|" MANY_A "b|;c", false },
  /* only: progress does not count */
  { "=> only\n", "E:p;c", true },
  { "=> only\n", "E:p;q|;c", false },
  { "=> progress\n=> only\n", "E:p;p;c", true },
  { "=> progress\n=> progress\n", "E:p;c", false },
  /* in the order of the lines, others between them */
  { "=> add-header A\n=> add-header B\n=> ordered\n", "E:hA|1|;q|;hB|1|;c", true },
  { "=> add-header A\n=> add-header B\n=> ordered\n", "E:hB|1|;q|;hA|1|;c", false },
  { "=> add-header A\n=> add-header B\n=> ordered\n", "E:hB|1|;hA|1|;hB|2|;c", true },
  { "=> add-header A\n=> add-header B\n=> ordered\n=> only\n", "E:hB|1|;hA|1|;hB|2|;c", false },
  /* literally */
  { "=> frame h \"X\\0y\\0\"\n=> only\n", "E:hX|y|;c", true },
  { "=> frame h \"X\\0z\\0\"\n", "E:hX|y|;c", false },
};

Test (judge_edits, the_best_assignment_counts)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text
          = g_strconcat ("mta sendmail\nsession\n body \"x\"\n eom\n", cases[i].lines, NULL);
      g_autoptr (FakeRun) run = fake_run (text, R (cases[i].rule));

      cr_expect_eq (run->outcome,
                    cases[i].held ? HELD : FAILED,
                    "%s%s\n%s",
                    cases[i].lines,
                    cases[i].rule,
                    run->report->str);
    }
}

/* which part of it which line speaks of is not tried for ever */
Test (judge_edits, a_body_of_many_lines_comes_to_an_end, .timeout = 10)
{
  g_autofree char *lines = g_strnfill (60000, '\n');
  g_autofree char *rule = g_strdup_printf ("E:b%s;c", lines);
  g_autoptr (FakeRun) run = fake_run ("session\n eom\n => replace-body *\n => replace-body /y/\n"
                                      " => replace-body /z/\n",
                                      R (rule));

  cr_expect_eq (run->outcome, FAILED, "%.500s", run->report->str);
}

/* a thousand lines that each fit a thousand edits, the first edit only the last line */
Test (judge_edits, many_edits_are_no_problem)
{
  g_autoptr (GString) text = g_string_new ("mta sendmail\nsession\n eom\n => only\n");
  g_autoptr (FakeRun) run = NULL;

  for (int i = 0; i < 1000; i++)
    g_string_append (text, " => add-header X\n");
  run = fake_run (text->str, R ("E:frames 1000 hX|y|;c"));
  cr_expect_eq (run->outcome, HELD, "%.500s", run->report->str);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-lint-captures.c: what the linter says about what real milters said. A finding here that is not
 * in the list below is a false alarm, or news about that milter.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "capture-reader.h"
#include "milter-lint.h"

#define CAPTURES TEST_DATA_DIR "/captures"
#define MAX_N    16

static const MilterLimits limits[] = {
  [MILTER_SIDE_MTA] = { MILTER_LIMIT_FROM_MTA },
  [MILTER_SIDE_MILTER] = { MILTER_LIMIT_FROM_MILTER },
};

static void
pass_frame (MilterLint *lint, GPtrArray *connections, gsize at[MAX_N][2], guint number, MilterSide side)
{
  const CaptureConnection *connection = g_ptr_array_index (connections, number);
  const GByteArray *stream = connection->from[side];
  MilterMessage message;
  gsize consumed;

  cr_assert_eq (milter_message_decode (side,
                                       stream->data + at[number][side],
                                       stream->len - at[number][side],
                                       &limits[side],
                                       &message,
                                       &consumed,
                                       NULL),
                MILTER_DECODE_COMPLETE);
  at[number][side] += consumed;
  milter_lint_frame (lint, number, &message, /* where= */ NULL, /* now_us= */ 0);
}

static void
append_findings (const MilterLint *lint, const char *name, GPtrArray *lines)
{
  const GPtrArray *findings = milter_lint_get_findings (lint);

  for (guint i = 0; i < findings->len; i++)
    {
      const MilterLintFinding *finding = g_ptr_array_index (findings, i);

      g_ptr_array_add (lines,
                       g_strdup_printf ("%.2s/%u %s %s (%u)\n",
                                        name,
                                        finding->peer + 1,
                                        finding->rule->id,
                                        finding->what,
                                        finding->count));
    }
}

static void
lint_capture (const char *name, const char *transcript, GPtrArray *lines)
{
  g_autofree char *path = g_build_filename (CAPTURES, name, NULL);
  g_autoptr (GPtrArray) connections = capture_read (path, NULL);
  g_autoptr (MilterLint) lint = milter_lint_new (MAX_N, NULL);
  g_auto (GStrv) words = g_strsplit (transcript, "\n", -1);
  gsize at[MAX_N][2] = { 0 };

  cr_assert_not_null (connections);
  for (char **word = words; *word != NULL; word++)
    {
      guint number;
      char direction, letter;

      if (sscanf (*word, "%u %c %c", &number, &direction, &letter) != 3)
        continue;
      if (direction != '!')
        pass_frame (lint,
                    connections,
                    at,
                    number - 1,
                    direction == '<' ? MILTER_SIDE_MILTER : MILTER_SIDE_MTA);
      else if (letter == '<')
        milter_lint_ended (lint, number - 1, milter_bytes (NULL, 0), /* where= */ NULL);
    }
  milter_lint_finish (lint);
  append_findings (lint, name, lines);
}

static int
compare_lines (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* those that begin in the middle of a session, or in which bytes are missing */
static const char *const incomplete[]
    = { "13-mid-session", "14-snaplen96", "48-lost-segment", NULL };

static const char known[]
    = "08/1 MOD-07 change-header \"X-Same\" of index 1 came after the deletion of index 1 (1)\n"
      "09/1 MOD-08 replace-body came again after another edit or progress had come between (2)\n"
      "23/8 MOD-14 reply text, line 1: a percent sign is not doubled: \"550 5.7.1 no, 50% sure\" (1)\n"
      "26/1 MOD-13 insert-header \"X-T\" has a value that does not begin with a blank, with HDR_LEADSPC (1)\n";

Test (lint_captures, real_milters_break_only_the_rules_that_they_are_known_to)
{
  g_autoptr (GDir) folder = g_dir_open (CAPTURES, 0, NULL);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *text = NULL;
  guint n_captures = 0;

  cr_assert_not_null (folder);
  for (const char *name = g_dir_read_name (folder); name != NULL; name = g_dir_read_name (folder))
    {
      g_autofree char *stem = NULL;
      g_autofree char *path = NULL;
      g_autofree char *transcript = NULL;

      if (!g_str_has_suffix (name, ".pcap") && !g_str_has_suffix (name, ".pcapng"))
        continue;
      stem = g_strndup (name, (gsize) (strrchr (name, '.') - name));
      path = g_strdup_printf ("%s/%s.txt", CAPTURES, stem);
      if (g_strv_contains (incomplete, stem))
        continue;
      n_captures++;
      cr_assert (g_file_get_contents (path, &transcript, NULL, NULL));
      lint_capture (name, transcript, lines);
    }
  g_ptr_array_sort (lines, compare_lines);
  g_ptr_array_add (lines, NULL);
  text = g_strjoinv (NULL, (char **) lines->pdata);
  cr_expect_str_eq (text, known);
  cr_assert_geq (n_captures, 37);
}

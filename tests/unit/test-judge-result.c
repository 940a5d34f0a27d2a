/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-judge-result.c: messages against expected ones.
 */
#include <criterion/criterion.h>

#include "milter-judge-private.h"

static const struct
{
  const char *name, *wanted, *message;
  const char *const *ignoring;
  const char *expected, *got; /* NULL: they are equal */
} cases[] = {
  { "the same", "A: 1\r\n\r\nx\r\n", "A: 1\r\n\r\nx\r\n", NULL, NULL, NULL },
  { "LF counts as CRLF", "A: 1\n\nx\n", "A: 1\r\n\r\nx\r\n", NULL, NULL, NULL },
  { "fields are ignored with their folds, in any case, on both sides",
    "a: 1\n 2\nB: 1\n\nA: x\n",
    "B: 1\r\nA: 3\r\n\t4\r\n\r\nA: x\r\n",
    (const char *const[]){ "A", NULL },
    NULL,
    NULL },
  { "but not in the body",
    "B: 1\n\nA: x\n",
    "B: 1\r\n\r\nA: y\r\n",
    (const char *const[]){ "A", NULL },
    "line 3: \"A: x\"",
    "line 3: \"A: y\"\n  \"B: 1\"\n  \"\"\n- \"A: x\"\n+ \"A: y\"" },
  { "a missing line end is seen",
    "A: 1\n\nx\n",
    "A: 1\r\n\r\nx",
    NULL,
    "line 3: \"x\"",
    "line 3: \"x\" (without a line end)\n  \"A: 1\"\n  \"\"\n- \"x\"\n+ \"x\" (without a line "
    "end)" },
  { "too short",
    "A: 1\n\nx\ny\n",
    "A: 1\r\n\r\nx\r\n",
    NULL,
    "line 4: \"y\"",
    "line 4: nothing (the message ends)\n  \"A: 1\"\n  \"\"\n  \"x\"\n- \"y\"" },
  { "too long",
    "A: 1\n",
    "A: 1\r\nB: 2\r\n",
    NULL,
    "line 2: nothing (the message ends)",
    "line 2: \"B: 2\"\n  \"A: 1\"\n+ \"B: 2\"" },
  { "empty", "", "", NULL, NULL, NULL },
};

Test (judge_result, tells_the_first_line_that_differs)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *expected = NULL;
      g_autofree char *got = NULL;
      bool equal = milter_judge_result (milter_bytes_from_string (cases[i].wanted),
                                        milter_bytes_from_string (cases[i].message),
                                        (char *const *) cases[i].ignoring,
                                        &expected,
                                        &got);

      cr_expect_eq (equal, cases[i].got == NULL, "%s", cases[i].name);
      if (!equal && cases[i].got != NULL)
        {
          cr_expect_str_eq (expected, cases[i].expected, "%s: %s", cases[i].name, expected);
          cr_expect_str_eq (got, cases[i].got, "%s: %s", cases[i].name, got);
        }
    }
}

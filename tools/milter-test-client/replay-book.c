/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-book.c: `--replay CAPTURE…`.
 */
#include "replay-book.h"

#include "read-recording.h"

/* what cannot be answered is told before anybody waits for it */
static bool
check (MilterEchoBook *book)
{
  guint n_damaged = milter_echo_book_get_n_damaged (book);

  if (n_damaged > 0)
    tool_error ("%u connection%s of the recording cannot be answered, or not to the end: bytes are "
                "missing, or it began before the recording",
                n_damaged,
                n_damaged == 1 ? "" : "s");
  if (milter_echo_book_get_n_sessions (book) > 0)
    return true;
  tool_error ("--replay: there is no session that could be answered");
  return false;
}

MilterEchoBook *
replay_book_open (const TestClientOptions *options, ToolExit *status)
{
  g_autoptr (MilterEchoBook) book = NULL;

  *status = TOOL_EXIT_OK;
  if (options->replay == NULL)
    return NULL;
  book = milter_echo_book_new ();
  *status = read_recordings (options->replay, &milter_echo_book_sink, book);
  milter_echo_book_finish (book);
  milter_echo_book_set_loops (book, options->loop);
  /* whatever is wrong with it, nothing can be judged by it */
  if (*status != TOOL_EXIT_OK || !check (book))
    {
      *status = TOOL_EXIT_USAGE;
      return NULL;
    }
  return g_steal_pointer (&book);
}

void
replay_book_judge (const MilterEchoBook *book, Report *report)
{
  g_autoptr (GPtrArray) verdicts = milter_echo_book_judge (book);

  for (guint i = 0; i < verdicts->len; i++)
    {
      const MilterEchoVerdict *verdict = g_ptr_array_index (verdicts, i);
      ReportCase *report_case
          = report_add_case (report, /* file= */ NULL, /* line= */ 0, verdict->name);

      if (verdict->differences != NULL)
        report_case_add_problem (report_case, TOOL_EXIT_FAILED, verdict->differences);
      report_case_end (report_case);
    }
}

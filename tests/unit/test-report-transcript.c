/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-report-transcript.c: what was said, in bounded memory.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "report-transcript.h"

static void
add (ReportTranscript *transcript, guint peer, MilterSide side, guint8 letter, const char *payload)
{
  MilterMessage message;

  milter_message_parse (side, letter, milter_bytes (payload, strlen (payload) + 1), &message);
  report_transcript_add (transcript, peer, &message, MILTER_TEXT_SHORT, 1500);
}

static char *
text_of (const ReportTranscript *transcript, guint64 from, const char *const *names)
{
  GString *text = g_string_new (NULL);

  report_transcript_append_text (transcript, from, names, text);
  return g_string_free (text, FALSE);
}

Test (report_transcript, frames_are_told_with_time_and_direction)
{
  g_autoptr (ReportTranscript) transcript = report_transcript_new ();
  g_autofree char *text = NULL;

  add (transcript, 0, MILTER_SIDE_MTA, 'H', "a.example");
  report_transcript_add (transcript, 0, &(MilterMessage){ .sender = MILTER_SIDE_MILTER, .letter = 'c',
                         .fault = MILTER_NO_FAULT }, MILTER_TEXT_SHORT, 2000000);
  text = text_of (transcript, 0, NULL);
  cr_expect_str_eq (text, "+0.0015 > helo a.example\n+2.0000 < continue\n", "%s", text);
}

Test (report_transcript, a_chain_says_who)
{
  static const char *const names[] = { "dkim", "dmarc", NULL };
  g_autoptr (ReportTranscript) transcript = report_transcript_new ();
  g_autofree char *text = NULL;

  add (transcript, 1, MILTER_SIDE_MTA, 'H', "a");
  text = text_of (transcript, 0, names);
  cr_expect_str_eq (text, "+0.0015 > dmarc: helo a\n");
}

Test (report_transcript, the_first_and_the_last_are_kept)
{
  g_autoptr (ReportTranscript) transcript = report_transcript_new ();
  const guint n = REPORT_TRANSCRIPT_FIRST + REPORT_TRANSCRIPT_LAST;

  for (guint i = 0; i < n + 7; i++)
    {
      g_autofree char *name = g_strdup_printf ("h%u.", i);

      add (transcript, 0, MILTER_SIDE_MTA, 'H', name);
      if (i + 1 == n)
        {
          g_autofree char *whole = text_of (transcript, 0, NULL);

          cr_expect_null (strstr (whole, "left out"));
        }
    }
  for (guint64 from = 0; from < 3; from++)
    {
      g_autofree char *text = text_of (transcript, from, NULL);
      g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

      cr_expect_eq (g_strv_length (lines), n + 1 - from + 1);
      cr_expect_str_eq (lines[REPORT_TRANSCRIPT_FIRST - from], "… 7 frames are left out here");
      cr_expect (g_str_has_suffix (lines[n - from], "helo h406."), "%s", lines[n - from]);
    }
  {
    g_autofree char *rest = text_of (transcript, n + 6, NULL);
    g_autofree char *none = text_of (transcript, n + 7, NULL);

    cr_expect_str_eq (rest, "+0.0015 > helo h406.\n", "%s", rest);
    cr_expect_str_eq (none, "");
  }
}

Test (report_transcript, a_large_payload_takes_no_memory)
{
  g_autoptr (ReportTranscript) transcript = report_transcript_new ();
  g_autofree char *large = g_strnfill (65000, 'x');
  g_autofree char *text = NULL;

  add (transcript, 0, MILTER_SIDE_MTA, 'B', large);
  text = text_of (transcript, 0, NULL);
  cr_expect (g_str_has_prefix (text, "+0.0015 > body "));
  cr_expect (strstr (text, "(65001 bytes)") != NULL);
  cr_expect_lt (strlen (text), 200);
}

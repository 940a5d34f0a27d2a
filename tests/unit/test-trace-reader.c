/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-trace-reader.c: what lines of a trace tell. That all that the writer writes is read as the bytes
 * that passed is held by test-trace-writer.c and fuzz-trace.c.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include "milter-trace-reader.h"

/* a line an event; frames by their bytes, what is not printable as \xHH */
static void
dump (const MilterTraceEvent *event, gpointer data)
{
  static const char *const kinds[] = { "started", "opened", "bytes", "lost", "closed", "note" };
  GString *text = data;

  g_string_append_printf (text,
                          "%s @%s %" G_GINT64_FORMAT,
                          kinds[event->kind],
                          event->connection,
                          event->time_ns);
  if (event->kind == MILTER_TRACE_BYTES || event->kind == MILTER_TRACE_CLOSED)
    g_string_append (text, event->from == MILTER_SIDE_MTA ? " >" : " <");
  for (gsize i = 0; i < event->bytes.size; i++)
    if (g_ascii_isprint (event->bytes.data[i]))
      g_string_append_c (text, (char) event->bytes.data[i]);
    else
      g_string_append_printf (text, "\\%x", event->bytes.data[i]);
  if (event->kind == MILTER_TRACE_LOST)
    g_string_append_printf (text, " %" G_GUINT64_FORMAT, event->size);
  if (event->mta != NULL || event->milter != NULL)
    g_string_append_printf (text, " %s %s", event->mta, event->milter);
  if (event->text != NULL)
    g_string_append_printf (text, " \"%s\"", event->text);
  g_string_append_printf (
      text, "%s%s\n", event->reset ? " reset" : "", event->over ? " over" : "");
}

static char *
read_text (const char *text, GString *messages, bool *ok)
{
  GString *events = g_string_new (NULL);
  g_autoptr (MilterTraceReader) reader = milter_trace_reader_new ("t", messages, dump, events);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  *ok = true;
  for (char **line = lines; *line != NULL; line++)
    *ok = milter_trace_reader_line (reader, milter_bytes_from_string (*line)) && *ok;
  return g_string_free (events, FALSE);
}

#define HEADING "start 1970-01-01T00:00:01.5Z\nmta exact\n"
#define STARTED "started @ 1500000000\n"
#define BEGIN   HEADING "+0 @1 session\n"
#define BEGUN   STARTED "opened @1 0\n"

static const struct
{
  const char *name, *text, *events;
} cases[] = {
  { "a session has addresses and a time", HEADING "+0.25 @7 session from=1.2.3.4:5 to=unix:/x\n",
    STARTED "opened @7 250000000 1.2.3.4:5 unix:/x\n" },
  { "commands and answers are frames",
    BEGIN "+1 @1 helo x\n+1.5 @1 => 550 5.7.1 \"no\"\n",
    BEGUN "bytes @1 1000000000 >\\0\\0\\0\\3Hx\\0\nbytes @1 1500000000 <\\0\\0\\0\\ey550 5.7.1 no\\0\n" },
  { "frame and raw are as they stand",
    BEGIN "@1 frame Z \"a\\0\"\n@1 raw \"\\0\\x01\"\n@1 => frame Y\n@1 => raw \"\\xff\"\n",
    BEGUN "bytes @1 0 >\\0\\0\\0\\3Za\\0\nbytes @1 0 >\\0\\1\nbytes @1 0 <\\0\\0\\0\\1Y\nbytes @1 0 <\\ff\n" },
  { "a star that was said is no pattern", BEGIN "@1 eom\n@1 => quarantine \\*\n",
    BEGUN "bytes @1 0 >\\0\\0\\0\\1E\nbytes @1 0 <\\0\\0\\0\\3q*\\0\n" },
  { "a line that says nothing is where an answer stands", BEGIN "@1 raw \"\"\n@1 => continue\n",
    BEGUN "bytes @1 0 <\\0\\0\\0\\1c\n" },
  { "an end is told with its side, and whether something can follow",
    BEGIN "@1 half-close\n@1 => continue\n@1 => closed\n",
    BEGUN "closed @1 0 >\nbytes @1 0 <\\0\\0\\0\\1c\nclosed @1 0 < over\n" },
  { "who closes ends both sides, who resets as well",
    BEGIN "@1 close\n@2 session\n@2 reset\n@3 session\n@3 raw \"\" \n@3 => reset\n",
    BEGUN "closed @1 0 > over\nopened @2 0\nclosed @2 0 > reset over\nopened @3 0\nclosed @3 0 < reset over\n" },
  { "holes are told with their comments", BEGIN "@1 lost 20  # frame 3, from the MTA\n@1 lost\n",
    BEGUN "lost @1 0 20 \"frame 3, from the MTA\"\nlost @1 0 0\n" },
  { "comments on lines of their own are told", "# a\n" BEGIN "#\n#  b \n",
    "note @ 0 \"a\"\n" BEGUN "note @ 0 \"b\"\n" },
  { "a connection can have the name of one that is over, or was left",
    BEGIN "@1 close\n@1 session\n@1 session\n@1 abort\n",
    BEGUN "closed @1 0 > over\nopened @1 0\nopened @1 0\nbytes @1 0 >\\0\\0\\0\\1A\n" },
  { "lines without a connection are those of one without a name", HEADING "session\nabort\nclose\n",
    STARTED "opened @ 0\nbytes @ 0 >\\0\\0\\0\\1A\nclosed @ 0 > over\n" },
  { "values have their blank if that was agreed",
    BEGIN "@1 negotiate version=6 actions=none steps=HDR_LEADSPC\n@1 => negotiate version=6 actions=none steps=HDR_LEADSPC\n"
          "@1 header X: v\n",
    BEGUN "bytes @1 0 >\\0\\0\\0\\dO\\0\\0\\0\\6\\0\\0\\0\\0\\0\\10\\0\\0\nbytes @1 0 <\\0\\0\\0\\dO\\0\\0\\0\\6\\0\\0\\0\\0\\0\\10\\0\\0\n"
          "bytes @1 0 >\\0\\0\\0\\6LX\\0 v\\0\n" },
  { "names of messages, and how long is waited, say nothing", BEGIN "@1 message x\n@1 timeout 3s\n@1 abort\n",
    BEGUN "bytes @1 0 >\\0\\0\\0\\1A\n" },
};

Test (trace_reader, lines_tell_what_passed)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) messages = g_string_new (NULL);
      bool ok;
      g_autofree char *events = read_text (cases[i].text, messages, &ok);

      cr_assert (ok, "%s: %s", cases[i].name, messages->str);
      cr_assert_str_eq (events, cases[i].events, "%s: %s", cases[i].name, events);
    }
}

static const struct
{
  const char *text, *message;
} mistakes[] = {
  { "start 1970-01-01T00:00:01Z\n@1 session\n", "t:2:1: expected \"start TIME\" and \"mta exact\" at the top" },
  { "mta exact\n@1 session\n", "t:2:1: expected \"start TIME\" and \"mta exact\" at the top" },
  { BEGIN "@1 bogus\n", "t:4:4: expected a verb" },
  { BEGIN "@1 generate size=3\n", "t:4:4: expected a line of a trace" },
  { BEGIN "@1 close after 3 bytes\n", "t:4:4: expected a line of a trace" },
  { BEGIN "@1 stall 1s\n", "t:4:4: expected a line of a trace" },
  { BEGIN "@1 repeat 2 abort\n", "t:4:" },
  { BEGIN "@1 helo $n\n", "t:4:4: expected a line of a trace" },
  { BEGIN "@1 helo x\n@1 => 5xx\n", "t:5:" },
  { BEGIN "@1 helo x\n@1 => 550 no*\n", "t:5:7: expected an answer as it was given, got a pattern" },
  { BEGIN "@1 helo x\n@1 => any\n", "t:5:7: expected an answer as it was given, got a pattern" },
  { BEGIN "@1 helo x\n@1 => continue | accept\n", "t:5:7: expected one answer as it was given" },
  { BEGIN "@1 eom\n@1 => only\n", "t:5:7: expected one answer as it was given" },
  { HEADING "@1 abort\n", "t:3:4: expected \"session\" before the first command" },
  { BEGIN "@1 close\n@1 abort\n", "t:5:4: expected \"session\" before the first command" },
  { HEADING "repeat 2 session\n", "t:3:" },
  { BEGIN "@1 body <<END\nx\nEND\n", "t:4:" },
};

Test (trace_reader, what_is_no_line_of_a_trace_is_told_and_the_rest_is_read)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autoptr (GString) messages = g_string_new (NULL);
      g_autofree char *text
          = g_strconcat (mistakes[i].text, "@9 session\n@9 quit\n", NULL);
      bool ok;
      g_autofree char *events = read_text (text, messages, &ok);

      cr_assert (!ok, "%s", mistakes[i].text);
      cr_assert (g_str_has_prefix (messages->str, mistakes[i].message), "%s", messages->str);
      if (g_str_has_prefix (mistakes[i].text, HEADING))
        cr_assert (g_str_has_suffix (events, "bytes @9 0 >\\0\\0\\0\\1Q\n"), "%s", events);
    }
}

Test (trace_reader, so_many_errors_are_enough)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (GString) events = g_string_new (NULL);
  g_autoptr (MilterTraceReader) reader = milter_trace_reader_new ("t", messages, dump, events);

  for (guint i = 0; i < MILTER_SCENARIO_MAX_ERRORS; i++)
    {
      cr_assert_not (milter_trace_reader_gave_up (reader));
      cr_assert_not (milter_trace_reader_line (reader, milter_bytes_from_string ("bogus\n")));
    }
  cr_assert (milter_trace_reader_gave_up (reader));
}

static void
count_bytes (const MilterTraceEvent *event, gpointer data)
{
  *(guint64 *) data += event->bytes.size;
}

/* a day of traffic: what is held must not depend on how much there was */
Test (trace_reader, more_bytes_than_a_scenario_may_have)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  const guint n_sessions = MILTER_SCENARIO_MAX_MEMORY / 4000000 + 1;
  guint64 n_bytes = 0;
  g_autoptr (MilterTraceReader) reader
      = milter_trace_reader_new ("t", messages, count_bytes, &n_bytes);

  milter_trace_reader_line (reader, milter_bytes_from_string ("start 1970-01-01T00:00:01Z"));
  milter_trace_reader_line (reader, milter_bytes_from_string ("mta exact"));
  for (guint i = 0; i < n_sessions; i++)
    {
      g_autofree char *line = g_strdup_printf ("@%u body \"x\"*4000000", i);
      g_autofree char *session = g_strdup_printf ("@%u session", i);
      g_autofree char *end = g_strdup_printf ("@%u close", i);

      cr_assert (milter_trace_reader_line (reader, milter_bytes_from_string (session)));
      cr_assert (milter_trace_reader_line (reader, milter_bytes_from_string (line)), "%s", messages->str);
      cr_assert (milter_trace_reader_line (reader, milter_bytes_from_string (end)));
    }
  cr_assert_gt (n_bytes, MILTER_SCENARIO_MAX_MEMORY);
}

Test (trace_reader, a_trace_begins_with_its_start)
{
  static const struct
  {
    const char *text;
    bool is_trace;
  } texts[] = {
    { "start 2026-11-22T14:56:23Z\n", true }, { "# x\n\n  start 2026-11-22T14:56:23Z", true },
    { "", false },          { "# start\n", false }, { "session\nstart x\n", false },
    { "starting x", false }, { "start", false },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    cr_assert_eq (milter_trace_recognize (milter_bytes_from_string (texts[i].text)),
                  texts[i].is_trace,
                  "%s",
                  texts[i].text);
}

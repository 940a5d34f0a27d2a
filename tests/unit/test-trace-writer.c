/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-trace-writer.c: what passed, as text: what stands where; and played, the same bytes again.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter-format.h"
#include "milter-trace-writer.h"

#include "capture-reader.h"
#include "trace-replay.h"

#define CAPTURES   TEST_DATA_DIR "/captures"
#define RECORDINGS TEST_DATA_DIR "/recordings"
#define MS         1000000

/* --- what stands where --------------------------------------------------------------------------- */

/*
 * What passes, one event each, a millisecond apart: `>LETTER[PAYLOAD]` a frame of the MTA, `<…` of the
 * milter (a bar is a NUL), `>raw:…`, `<raw:…` bytes, `>close`, `>reset`, `<close`, `<reset`. `O` alone is
 * the whole offer or an answer without steps; `<O` followed by a number one with these steps.
 */
static void
append_options (const char *steps, GByteArray *payload)
{
  guint32 numbers[] = { 6, 0x1ff, *steps != '\0' ? (guint32) strtoul (steps, NULL, 0) : 0x1fffff };

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      guint32 wire = GUINT32_TO_BE (numbers[i]);

      g_byte_array_append (payload, (const guint8 *) &wire, 4);
    }
}

static GByteArray *
bytes_of (const char *text)
{
  GByteArray *bytes = g_byte_array_new ();
  g_autoptr (GByteArray) payload = g_byte_array_new ();
  bool is_raw = g_str_has_prefix (text, "raw:");

  if (!is_raw && *text == 'O')
    append_options (text + 1, payload);
  else
    for (const char *at = text + (is_raw ? 4 : 1); *at != '\0'; at++)
      g_byte_array_append (payload, (const guint8 *) (*at == '|' ? "" : at), 1);
  if (is_raw)
    g_byte_array_append (bytes, payload->data, payload->len);
  else
    milter_frame_append ((guint8) *text, milter_bytes (payload->data, payload->len), bytes);
  return bytes;
}

static void
pass (MilterTraceWriter *writer, guint connection, const char *event, gint64 time_ns)
{
  MilterSide side = *event == '>' ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER;
  g_autoptr (GByteArray) bytes = NULL;

  if (strcmp (event + 1, "close") == 0 || strcmp (event + 1, "reset") == 0)
    {
      milter_trace_writer_closed (writer, connection, side, event[1] == 'r', time_ns);
      return;
    }
  bytes = bytes_of (event + 1);
  milter_trace_writer_passed (
      writer, connection, side, milter_bytes (bytes->data, bytes->len), time_ns);
}

/* the lines of one connection, without heading, times and number */
static char *
bare_lines (const GString *text)
{
  g_auto (GStrv) lines = g_strsplit (text->str, "\n", -1);
  GString *bare = g_string_new (NULL);

  for (char **line = lines; *line != NULL; line++)
    {
      const char *at = strstr (*line, "@1 ");

      if (at != NULL)
        g_string_append_printf (bare, "%s\n", at + 3);
    }
  return g_string_free (bare, FALSE);
}

static void
check_canonical (const GString *text)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (GString) formatted
      = milter_scenario_format ("x", text->str, text->len, /* host= */ NULL, messages);

  cr_assert_not_null (formatted, "%s\n%s", messages->str, text->str);
  cr_expect_str_eq (formatted->str, text->str);
}

typedef struct
{
  const char *name;
  const char *const *events;
  const char *lines;
} Case;

#define EVENTS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define BEGIN_EVENTS ">O", "<O0", ">Ch|U", "<c"
#define BEGIN_LINES                                                                                \
  "session\n"                                                                                      \
  "negotiate version=6 actions=all steps=all\n"                                                    \
  "=> negotiate version=6 actions=all steps=none\n"                                                \
  "connect h unknown\n"                                                                            \
  "=> continue\n"

/* clang-format off */
static const Case cases[] = {
  { "replies stand under what they answer",
    EVENTS (BEGIN_EVENTS, ">Hx|", "<c", ">DM{a}|1|i|2|", ">M<a>|SIZE=1|", "<y550 5.7.1 no|", ">A", ">Q", "<close", ">close"),
    BEGIN_LINES "helo x\n=> continue\nmacro mail {a}=1 i=2\nmail <a> SIZE=1\n=> 550 5.7.1 \"no\"\nabort\nquit\n=> closed\n" },
  { "the MTA may close first",
    EVENTS (BEGIN_EVENTS, ">Q", ">close", "<close"), BEGIN_LINES "quit\nclose\n" },
  { "or reset",
    EVENTS (BEGIN_EVENTS, ">Hx|", ">reset", "<c"), BEGIN_LINES "frame H \"x\\0\"\nreset\n" },
  { "the milter may close instead of an answer",
    EVENTS (BEGIN_EVENTS, ">Hx|", "<close", ">close"), BEGIN_LINES "helo x\n=> closed\n" },
  { "or reset",
    EVENTS (BEGIN_EVENTS, ">Hx|", "<reset", ">close"), BEGIN_LINES "helo x\n=> reset\n" },
  { "who closes before anybody has said something is told",
    EVENTS ("<close", ">close"), "session\nraw \"\"\n=> closed\n" },
  { "a connection on which nothing was said",
    EVENTS (">close", "<close"), "session\nclose\n" },
  { "a milter that speaks first",
    EVENTS ("<c", ">O", "<O0", ">Q", ">close", "<close"),
    "session\nraw \"\"\n=> continue\nnegotiate version=6 actions=all steps=all\n=> negotiate version=6 actions=all steps=none\nquit\nclose\n" },
  { "an MTA that sends ahead has its commands behind the answers due before them",
    EVENTS (BEGIN_EVENTS, ">M<a>|", ">R<b>|", ">R<c>|", "<c", "<y550 no|", "<c", ">Q", "<close", ">close"),
    BEGIN_LINES "mail <a>\n=> continue\nrcpt <b>\n=> 550 \"no\"\nrcpt <c>\n=> continue\nquit\n=> closed\n" },
  { "what is behind a decision is dropped by the milter, and by a player",
    EVENTS (BEGIN_EVENTS, ">M<a>|", ">R<b>|", ">T", "<r", ">M<d>|", "<c", ">Q", "<close", ">close"),
    BEGIN_LINES "mail <a>\n=> reject\nframe R \"<b>\\0\"\nframe T\nmail <d>\n=> continue\nquit\n=> closed\n" },
  { "where no reply was agreed none is waited for",
    EVENTS (">O", "<O0x58080", ">Ch|U", "<c", ">M<a>|", "<c", ">R<b>|", ">T", ">LX|y|", ">N", ">Bb", "<c", ">Ee", "<hX|1|", "<p", "<a", ">Q", "<close", ">close"),
    "session\nnegotiate version=6 actions=all steps=all\n"
    "=> negotiate version=6 actions=all steps=NR_HDR,NR_RCPT,NR_DATA,NR_EOH\n"
    "connect h unknown\n=> continue\nmail <a>\n=> continue\nrcpt <b>\ndata\nheader X: y\neoh\nbody \"b\"\n=> continue\n"
    "eom \"e\"\n=> add-header X: 1\n=> progress\n=> accept\nquit\n=> closed\n" },
  { "a reply too many stands under the last command",
    EVENTS (BEGIN_EVENTS, "<c", ">Hx|", "<c", ">A", "<t", ">Q", "<close", ">close"),
    BEGIN_LINES "=> continue\nhelo x\n=> continue\nabort\n=> tempfail\nquit\n=> closed\n" },
  { "an MTA that closes for sending only, and is still answered",
    EVENTS (BEGIN_EVENTS, ">Hx|", ">close", "<c", "<close"), BEGIN_LINES "helo x\n=> continue\nclose\n" },
  { "an MTA that does not wait for the answer behind edits",
    EVENTS (BEGIN_EVENTS, ">M<a>|", "<p", "<hX|1|", ">A", ">Q", ">close", "<close"),
    BEGIN_LINES "mail <a>\n=> progress\n=> add-header X: 1\n=> none\nabort\nquit\nclose\n" },
  { "a milter that closes behind its edits",
    EVENTS (BEGIN_EVENTS, ">M<a>|", "<hX|1|", "<close", ">close"),
    BEGIN_LINES "mail <a>\n=> add-header X: 1\n=> closed\n" },
  { "… and is told more than that",
    EVENTS (BEGIN_EVENTS, ">close", "<c", "<close"), BEGIN_LINES "half-close\n=> continue\n=> closed\n" },
  { "an unknown letter, a malformed payload, a wrong order",
    EVENTS (BEGIN_EVENTS, ">Zx", ">H", "<Y|", ">R<b>|", ">Q", "<close", ">close"),
    BEGIN_LINES "frame Z \"x\"\nframe H\n=> frame Y \"\\0\"\nframe R \"<b>\\0\"\nquit\n=> closed\n" },
  { "bytes that are no frame",
    EVENTS (BEGIN_EVENTS, ">raw:||||GET", ">raw:more", "<raw:||||x", "<close", ">close"),
    BEGIN_LINES "raw \"\\0\\0\\0\\0GET\"\nraw \"more\"\n=> raw \"\\0\\0\\0\\0x\"\n=> closed\n" },
  { "half a frame at the end of either side",
    EVENTS (BEGIN_EVENTS, ">raw:||", "<raw:|", "<close", ">close"),
    BEGIN_LINES "=> raw \"\\0\"\nraw \"\\0\\0\"\n=> closed\n" },
  { "what comes behind QUIT",
    EVENTS (BEGIN_EVENTS, ">Q", ">A", "<close", ">close"), BEGIN_LINES "frame Q\nframe A\n=> closed\n" },
  { "a next session on the same connection",
    EVENTS (BEGIN_EVENTS, ">K", ">Ci|U", "<r", ">K", ">Cj|U", "<c", ">Q", ">close", "<close"),
    BEGIN_LINES "quit-nc\nconnect i unknown\n=> reject\nquit-nc\nconnect j unknown\n=> continue\nquit\nclose\n" },
  { "a recipient's commands when all were refused",
    EVENTS (BEGIN_EVENTS, ">M<a>|", "<c", ">R<b>|", "<t", ">DTi|1|", ">T", ">A", ">Q", ">close", "<close"),
    BEGIN_LINES "mail <a>\n=> continue\nrcpt <b>\n=> tempfail\nframe D \"Ti\\01\\0\"\nframe T\nabort\nquit\nclose\n" },
  { "a command that the milter has asked to be spared",
    EVENTS (">O", "<O2", ">Ch|U", "<c", ">Hx|", ">Q", ">close", "<close"),
    "session\nnegotiate version=6 actions=all steps=all\n=> negotiate version=6 actions=all steps=NOHELO\n"
    "connect h unknown\n=> continue\nframe H \"x\\0\"\nquit\nclose\n" },
  { "values with the blank that belongs to them",
    EVENTS (">O", "<O0x100000", ">Ch|U", "<c", ">M<a>|", "<c", ">R<b>|", "<c", ">T", "<c", ">LX| y|", "<c", ">LX|y|", "<c", ">N", "<c", ">E", "<hX| *|", "<hX||", "<c", ">Q", ">close", "<close"),
    "session\nnegotiate version=6 actions=all steps=all\n=> negotiate version=6 actions=all steps=HDR_LEADSPC\n"
    "connect h unknown\n=> continue\nmail <a>\n=> continue\nrcpt <b>\n=> continue\ndata\n=> continue\n"
    "header X: y\n=> continue\nheader X:y\n=> continue\neoh\n=> continue\n"
    "eom\n=> add-header X: \\*\n=> add-header X:\"\"\n=> continue\nquit\nclose\n" },
};
/* clang-format on */

Test (trace_writer, every_line_stands_where_a_player_needs_it)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      g_autoptr (MilterTraceWriter) writer = milter_trace_writer_new (0, text);
      g_autofree char *lines = NULL;

      milter_trace_writer_opened (writer, 1, NULL, NULL, 0);
      for (guint n = 0; cases[i].events[n] != NULL; n++)
        pass (writer, 1, cases[i].events[n], (n + 1) * MS);
      lines = bare_lines (text);
      cr_expect_str_eq (lines,
                        cases[i].lines,
                        "%s\n%s-- instead of --\n%s",
                        cases[i].name,
                        lines,
                        cases[i].lines);
      check_canonical (text);
    }
}

/* what is there after so many events, with what is held back, or finished instead */
static GString *
write_some (const Case *c, guint n_events, bool finishes)
{
  GString *text = g_string_new (NULL);
  g_autoptr (GString) held = g_string_new (NULL);
  g_autoptr (MilterTraceWriter) writer = milter_trace_writer_new (0, text);

  milter_trace_writer_opened (writer, 1, NULL, NULL, 0);
  for (guint n = 0; n < n_events; n++)
    {
      pass (writer, 1, c->events[n], (n + 1) * MS);
      /* looking changes nothing */
      milter_trace_writer_append_held (writer, held);
    }
  g_string_truncate (held, 0);
  if (finishes)
    milter_trace_writer_finish (writer);
  milter_trace_writer_append_held (writer, held);
  g_string_append_len (text, held->str, (gssize) held->len);
  return text;
}

static guint
count_lines (const GString *text)
{
  guint n = 0;

  for (const char *at = text->str; (at = strchr (at, '\n')) != NULL; at++)
    n++;
  return n;
}

static bool
has_partial (const Case *c)
{
  return strstr (c->name, "half a frame") != NULL;
}

Test (trace_writer, with_what_is_held_back_it_is_a_whole_trace_at_any_time)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint n = 0; cases[i].events[n] != NULL && !has_partial (&cases[i]); n++)
      {
        g_autoptr (GString) held = write_some (&cases[i], n + 1, /* finishes= */ false);
        g_autoptr (GString) finished = write_some (&cases[i], n + 1, /* finishes= */ true);

        check_canonical (held);
        cr_expect_eq (count_lines (held), count_lines (finished), "%s\n%s", cases[i].name, held->str);
      }
}

Test (trace_writer, what_is_held_back_is_written_as_if_nothing_followed)
{
  const struct
  {
    const char *const *events;
    const char *lines;
  } rows[] = {
    { EVENTS (BEGIN_EVENTS), BEGIN_LINES },
    { EVENTS (BEGIN_EVENTS, ">M<a>|"), BEGIN_LINES "frame M \"<a>\\0\"\n" },
    { EVENTS (BEGIN_EVENTS, ">M<a>|", ">R<b>|", "<c"),
      BEGIN_LINES "mail <a>\n=> continue\nframe R \"<b>\\0\"\n" },
    { EVENTS (BEGIN_EVENTS, ">M<a>|", ">R<b>|", ">A"),
      BEGIN_LINES "frame M \"<a>\\0\"\nframe R \"<b>\\0\"\nframe A\n" },
    { EVENTS (BEGIN_EVENTS, ">A"), BEGIN_LINES "abort\n" },
    { EVENTS (BEGIN_EVENTS, ">Q", ">close"), BEGIN_LINES "quit\nclose\n" },
    { EVENTS (BEGIN_EVENTS, ">Hx|", "<close"), BEGIN_LINES "helo x\n=> closed\n" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Case c = { .events = rows[i].events };
      guint n = 0;

      while (c.events[n] != NULL)
        n++;
      g_autoptr (GString) text = write_some (&c, n, /* finishes= */ false);
      g_autofree char *lines = bare_lines (text);
      cr_expect_str_eq (lines, rows[i].lines, "%s-- instead of --\n%s", lines, rows[i].lines);
    }
}

Test (trace_writer, connections_are_held_back_side_by_side)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) held = g_string_new (NULL);
  g_autoptr (MilterTraceWriter) writer = milter_trace_writer_new (0, text);

  for (guint number = 1; number <= 3; number++)
    {
      milter_trace_writer_opened (writer, number, NULL, NULL, 0);
      pass (writer, number, ">Z", number * MS);
    }
  pass (writer, 2, ">reset", 4 * MS);
  milter_trace_writer_append_held (writer, held);
  cr_assert_str_eq (held->str, "+0.001 @1 frame Z\n+0.003 @3 frame Z\n");
}

Test (trace_writer, times_addresses_and_connections_are_told)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (MilterTraceWriter) writer
      = milter_trace_writer_new (1795359383101000, text);

  milter_trace_writer_opened (writer, 1, "127.0.0.1:34290", "127.0.0.1:21301", 0);
  milter_trace_writer_opened (writer, 22, "unix", "unix:/run/a b", 1);
  pass (writer, 1, ">O", 100000);
  pass (writer, 22, ">O", 200000);
  pass (writer, 1, "<O0", 1 * MS);
  pass (writer, 22, "<O0", 1000000000);
  pass (writer, 22, "<close", 12000000010);
  pass (writer, 22, ">close", 12000000011);
  pass (writer, 1, ">close", 13000000000);
  pass (writer, 1, "<close", 13000000000);
  cr_assert_str_eq (text->str,
                    "start 2026-11-22T14:56:23.101Z\n"
                    "mta exact\n"
                    "+0 @1 session from=127.0.0.1:34290 to=127.0.0.1:21301\n"
                    "+0.000000001 @22 session from=unix to=\"unix:/run/a b\"\n"
                    "+0.0001 @1 negotiate version=6 actions=all steps=all\n"
                    "+0.001 @1 => negotiate version=6 actions=all steps=none\n"
                    "+0.0002 @22 negotiate version=6 actions=all steps=all\n"
                    "+1 @22 => negotiate version=6 actions=all steps=none\n"
                    "+12.00000001 @22 => closed\n"
                    "+13 @1 close\n");
  check_canonical (text);
}

/* what a player fills in is not known here, so that all is words that a person reads */
Test (trace_writer, bytes_that_are_missing_are_told)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (MilterTraceWriter) writer = milter_trace_writer_new (0, text);
  g_autofree char *lines = NULL;

  milter_trace_writer_opened (writer, 1, NULL, NULL, 0);
  milter_trace_writer_lost (writer, 1, 0, "frame 1", 0);
  pass (writer, 1, "<c", 1 * MS);
  pass (writer, 1, ">T", 2 * MS);
  pass (writer, 1, "<c", 3 * MS);
  milter_trace_writer_lost (writer, 1, 20, NULL, 4 * MS);
  pass (writer, 1, ">N", 4 * MS);
  pass (writer, 1, "<c", 5 * MS);
  pass (writer, 1, ">close", 6 * MS);
  pass (writer, 1, "<close", 6 * MS);
  lines = bare_lines (text);
  cr_assert_str_eq (lines,
                    "session\nlost  # frame 1\n=> continue\ndata\n=> continue\nlost 20\neoh\n=> continue\nclose\n",
                    "%s",
                    lines);
  check_canonical (text);
}

/* … and what was agreed before still decides who waits for what */
Test (trace_writer, behind_a_gap_replies_stand_under_their_commands)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (MilterTraceWriter) writer = milter_trace_writer_new (0, text);
  g_autofree char *lines = NULL;

  milter_trace_writer_opened (writer, 1, NULL, NULL, 0);
  pass (writer, 1, ">O", 0);
  pass (writer, 1, "<O0", 1 * MS);
  milter_trace_writer_lost (writer, 1, 20, NULL, 2 * MS);
  pass (writer, 1, ">T", 3 * MS);
  pass (writer, 1, ">N", 3 * MS);
  pass (writer, 1, "<c", 4 * MS);
  pass (writer, 1, "<a", 5 * MS);
  milter_trace_writer_finish (writer);
  lines = bare_lines (text);
  cr_assert_not_null (strstr (lines, "lost 20\ndata\n=> continue\neoh\n=> accept\n"), "%s", lines);
  check_canonical (text);
}

Test (trace_writer, what_is_held_back_is_one_command)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (MilterTraceWriter) writer = milter_trace_writer_new (0, text);

  milter_trace_writer_opened (writer, 1, NULL, NULL, 0);
  g_string_truncate (text, 0);
  pass (writer, 1, ">O", 0);
  cr_assert_str_eq (text->str, "");
  pass (writer, 1, "<O0", 0);
  cr_assert_not_null (strstr (text->str, "negotiate"));
  g_string_truncate (text, 0);
  pass (writer, 1, ">A", 0);
  pass (writer, 1, ">DC", 0);
  cr_assert_str_eq (text->str, "+0 @1 abort\n");
  g_string_truncate (text, 0);
  pass (writer, 1, ">raw:ab", 0);
  milter_trace_writer_finish (writer);
  cr_assert_str_eq (text->str, "+0 @1 macro connect\n+0 @1 raw \"ab\"\n");
}

Test (trace_writer, an_mta_that_sends_ahead_for_ever_costs_a_bounded_amount)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (MilterTraceWriter) writer = milter_trace_writer_new (0, text);
  g_autofree char *header = g_strdup_printf (">LX|%0*d|", 60000, 0);
  gsize n = 0;

  milter_trace_writer_opened (writer, 1, NULL, NULL, 0);
  for (const char *const *event = EVENTS (BEGIN_EVENTS, ">M<a>|", "<c", ">R<b>|", "<c", ">T", "<c");
       *event != NULL;
       event++)
    pass (writer, 1, *event, 0);
  g_string_truncate (text, 0);
  for (; text->len == 0; n++)
    {
      cr_assert_lt (n * 60000, 2 * MILTER_TRACE_MAX_HELD);
      pass (writer, 1, header, 0);
    }
  cr_assert (g_str_has_prefix (text->str, "+0 @1 frame L \"X"));
}

/* --- played again -------------------------------------------------------------------------------- */

static const MilterLimits limits[] = {
  [MILTER_SIDE_MTA] = { MILTER_LIMIT_FROM_MTA },
  [MILTER_SIDE_MILTER] = { MILTER_LIMIT_FROM_MILTER },
};

/* the milter closes when it is told to, and the MTA when it has been left */
static void
add_ends (GPtrArray *events, guint8 last_command)
{
  bool quit = last_command == MILTER_COMMAND_QUIT;

  trace_events_add_end (events, quit ? MILTER_SIDE_MILTER : MILTER_SIDE_MTA, FALSE);
  trace_events_add_end (events, quit ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER, FALSE);
}

static void
check_replay (const char *name, const GPtrArray *events)
{
  g_autoptr (TraceReplay) replay = trace_replay_run (events, /* in_order= */ TRUE);

  cr_assert_not_null (replay->sent, "%s: %s", name, replay->report->str);
  check_canonical (replay->text);
  cr_assert (milter_bytes_equal (milter_bytes (replay->sent->data, replay->sent->len),
                                 milter_bytes (replay->said->data, replay->said->len)),
             "%s: %s\n%s",
             name,
             replay->report->str,
             replay->text->str);
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    {
      const GByteArray *said = side == MILTER_SIDE_MTA ? replay->said : replay->answered;
      const GByteArray *read = replay->read_back[side];

      cr_assert (milter_bytes_equal (milter_bytes (read->data, read->len),
                                     milter_bytes (said->data, said->len)),
                 "%s: the trace is read as something else: %s\n%s",
                 name,
                 replay->report->str,
                 replay->text->str);
    }
  /* one of the milters does what Postfix answers with a refusal, of which a reader is told again */
  cr_assert (replay->outcome == MILTER_OUTCOME_HELD
                 || strstr (replay->report->str, "exact would refuse it") != NULL,
             "%s: %s\n%s",
             name,
             replay->report->str,
             replay->text->str);
}

/* lines `> HEX` and `< HEX`: the letter and payload of a frame */
static void
check_recording (const char *path)
{
  g_autofree char *content = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GPtrArray) events = trace_events_new ();
  guint8 last = 0;

  cr_assert (g_file_get_contents (path, &content, NULL, NULL));
  lines = g_strsplit (content, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      g_autoptr (GByteArray) payload = g_byte_array_new ();
      g_autoptr (GByteArray) frame = g_byte_array_new ();

      if (**line != '>' && **line != '<')
        continue;
      for (const char *hex = *line + 2; hex[0] != '\0'; hex += 2)
        {
          guint8 byte
              = (guint8) (g_ascii_xdigit_value (hex[0]) * 16 + g_ascii_xdigit_value (hex[1]));

          g_byte_array_append (payload, &byte, 1);
        }
      milter_frame_append (
          payload->data[0], milter_bytes (payload->data + 1, payload->len - 1), frame);
      trace_events_add (events,
                        **line == '>' ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER,
                        frame->data,
                        frame->len);
      if (**line == '>')
        last = payload->data[0];
    }
  add_ends (events, last);
  check_replay (path, events);
}

static guint
check_folder (const char *folder, const char *suffix, void (*check) (const char *path))
{
  g_autoptr (GDir) directory = g_dir_open (folder, 0, NULL);
  const char *name;
  guint n = 0;

  cr_assert_not_null (directory);
  while ((name = g_dir_read_name (directory)) != NULL)
    if (g_str_has_suffix (name, suffix))
      {
        g_autofree char *path = g_build_filename (folder, name, NULL);

        check (path);
        n++;
      }
  return n;
}

Test (trace_writer, recorded_sessions_play_back_byte_for_byte)
{
  cr_assert_gt (check_folder (RECORDINGS, ".frames", check_recording), 90);
}

/* one connection of a capture; its text, of which a line is `1 > M …`, tells the order of the frames */
static void
check_connection (const char *path,
                  char **lines,
                  const CaptureConnection *connection,
                  guint number)
{
  g_autoptr (GPtrArray) events = trace_events_new ();
  gsize at[2] = { 0, 0 };
  guint8 last = 0;

  for (char **line = lines; *line != NULL; line++)
    {
      guint which;
      char direction, letter;
      MilterMessage message;
      MilterSide side;
      const guint8 *data;
      gsize used;

      if (sscanf (*line, "%u %c %c", &which, &direction, &letter) != 3 || which != number
          || direction == '!')
        continue;
      side = direction == '>' ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER;
      data = connection->from[side]->data + at[side];
      cr_assert_eq (milter_message_decode (side,
                                           data,
                                           connection->from[side]->len - at[side],
                                           &limits[side],
                                           &message,
                                           &used,
                                           NULL),
                    MILTER_DECODE_COMPLETE);
      trace_events_add (events, side, data, used);
      at[side] += used;
      if (side == MILTER_SIDE_MTA)
        last = message.letter;
    }
  add_ends (events, last);
  check_replay (path, events);
}

static void
check_capture (const char *path)
{
  g_autofree char *stem = g_strndup (path, (gsize) (strrchr (path, '.') - path));
  g_autofree char *text_path = g_strconcat (stem, ".txt", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GPtrArray) connections = capture_read (path, NULL);
  g_auto (GStrv) lines = NULL;

  cr_assert (connections != NULL && g_file_get_contents (text_path, &text, NULL, NULL), "%s", path);
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; i < connections->len; i++)
    check_connection (path, lines, g_ptr_array_index (connections, i), i + 1);
}

Test (trace_writer, captures_play_back_byte_for_byte)
{
  cr_assert_gt (check_folder (CAPTURES, ".pcap", check_capture), 25);
  cr_assert_gt (check_folder (CAPTURES, ".pcapng", check_capture), 8);
}

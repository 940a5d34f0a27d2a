/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-scenario-writer.c: what is made of recordings holds against the milter that was recorded, and fails
 * against one that answers anything else.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "milter-capture-reader.h"
#include "milter-format.h"
#include "milter-rehearsal.h"
#include "milter-scenario-writer.h"
#include "trace-sink.h"

#define MAX_TRACE 6000u
#define CAPTURES TEST_DATA_DIR "/captures"

/* --- sessions of captures ------------------------------------------------------------------------- */

typedef struct
{
  TraceSink sink;
  GString *trace;
  GPtrArray *replies; /* of GBytes */
} Session;

static void
keep_text (const GString *text, gpointer data)
{
  g_string_append_len (data, text->str, (gssize) text->len);
}

static void
session_free (gpointer data)
{
  Session *session = data;

  trace_sink_clear (&session->sink);
  g_string_free (session->trace, TRUE);
  g_ptr_array_unref (session->replies);
  g_free (session);
}

static Session *
session_of (gpointer data, const MilterCapturePlace *place)
{
  return place->connection > 0 ? g_ptr_array_index ((GPtrArray *) data, place->connection - 1) : NULL;
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  Session *session = g_new0 (Session, 1);

  session->trace = g_string_new (NULL);
  session->replies = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  trace_sink_init (&session->sink, keep_text, session->trace);
  g_ptr_array_add (data, session);
  trace_sink.opened (place, opening, &session->sink);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  Session *session = session_of (data, place);

  if (place->from == MILTER_SIDE_MILTER)
    g_ptr_array_add (session->replies, g_bytes_new (frame.data, frame.size));
  trace_sink.message (place, frame, behind_hole, &session->sink);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  trace_sink.raw (place, bytes, &session_of (data, place)->sink);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  trace_sink.hole (place, size, letter, &session_of (data, place)->sink);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  trace_sink.closed (place, reset, &session_of (data, place)->sink);
}

/* (transfer full) of Session */
static GPtrArray *
read_capture (const char *name)
{
  static const MilterCaptureSink sink = {
    .opened = on_opened,
    .message = on_message,
    .raw = on_raw,
    .hole = on_hole,
    .closed = on_closed,
  };
  GPtrArray *sessions = g_ptr_array_new_with_free_func (session_free);
  g_autoptr (MilterCaptureReader) reader = milter_capture_reader_new (&sink, sessions);
  g_autofree char *path = g_build_filename (CAPTURES, name, NULL);
  MilterCaptureInput input;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  cr_assert_geq (fd, 0, "%s", path);
  milter_capture_input_init (&input, fd);
  (void) milter_capture_reader_read (reader, &input, /* error= */ NULL);
  milter_capture_input_clear (&input);
  close (fd);
  milter_capture_reader_finish (reader);
  for (guint i = 0; i < sessions->len; i++)
    trace_sink_finish (&((Session *) g_ptr_array_index (sessions, i))->sink);
  return sessions;
}

/* (transfer full) the scenario of all sessions */
static GString *
convert (const GPtrArray *sessions, const MilterScenarioWriterConfig *config)
{
  g_autoptr (MilterScenarioWriter) writer = milter_scenario_writer_new (config);
  g_autoptr (GError) error = NULL;
  GString *text;

  for (guint i = sessions->len; i > 0; i--)
    {
      const Session *session = g_ptr_array_index (sessions, i - 1);

      cr_assert (milter_scenario_writer_add (writer, i, session->trace, session->replies, &error),
                 "%s",
                 error != NULL ? error->message : "");
    }
  text = milter_scenario_writer_finish (writer, &error);
  cr_assert_not_null (text, "%s", error != NULL ? error->message : "");
  return text;
}

static MilterScenario *
parse (const GString *text)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  MilterScenario *scenario = milter_scenario_parse (
      "x.scenario", text->str, text->len, NULL, MILTER_SCENARIO_SESSIONS, messages);

  cr_assert_not_null (scenario, "%s", messages->str);
  return scenario;
}

/* --- the milter that was recorded, and others ------------------------------------------------------ */

/* the reply that others would give */
static GBytes *
change_reply (GBytes *reply)
{
  gsize size;
  const guint8 *frame = g_bytes_get_data (reply, &size);
  g_autofree guint8 *other = g_memdup2 (frame, size);

  if (frame[4] == 'O')
    other[size - 1] ^= 2; /* another step */
  else if (size > 6)
    other[size - 2] ^= 1; /* another last byte of a text */
  else
    other[4] = frame[4] == 'c' ? 'a' : 'c';
  return g_bytes_new (other, size);
}

static bool
holds (const MilterScenario *scenario, guint n, const Session *session, GPtrArray *replies, char **why)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (MilterExchanges) exchanges
      = milter_exchanges_new (session->trace, replies, messages);
  g_autoptr (MilterRehearsal) rehearsal = NULL;

  cr_assert_not_null (exchanges, "%s", messages->str);
  rehearsal = milter_rehearsal_run (scenario, g_ptr_array_index (scenario->sessions, n), exchanges);
  if (why != NULL)
    *why = g_strdup (rehearsal->why);
  return rehearsal->held;
}

/* each one of its replies would be missed, if it were another; of long sessions it takes too long to see */
static void
check_others (const char *name, const MilterScenario *scenario, guint n, const Session *session)
{
  for (guint i = 0; session->trace->len < MAX_TRACE && i < session->replies->len; i++)
    {
      g_autoptr (GPtrArray) replies = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

      for (guint k = 0; k < session->replies->len; k++)
        {
          GBytes *reply = g_ptr_array_index (session->replies, k);

          g_ptr_array_add (replies, k == i ? change_reply (reply) : g_bytes_ref (reply));
        }
      cr_expect_not (holds (scenario, n, session, replies, NULL),
                     "%s, session %u: another reply %u is not noticed",
                     name,
                     n + 1,
                     i + 1);
    }
}

/* what gaps leave no MTA says; 12 and its relatives end by half, and in the middle of a frame */
static bool
is_for_people (const char *name)
{
  static const char *const others[] = { "12", "13", "14", "35", "46", "47", "48" };

  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    if (g_str_has_prefix (name, others[i]))
      return false;
  return true;
}

static void
check_capture (const char *name)
{
  const MilterScenarioWriterConfig config = { .source = name };
  g_autoptr (GPtrArray) sessions = read_capture (name);
  GString *text = convert (sessions, &config);
  bool is_exact = strstr (text->str, "# frame by frame: ") != NULL;
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = parse (text);
  GString *form = milter_scenario_format ("x.scenario", text->str, text->len, NULL, messages);

  cr_expect_str_eq (form->str, text->str, "%s has not its form", name);
  cr_expect_eq (is_exact, !is_for_people (name), "%s:\n%s", name, text->str);
  cr_assert_eq (scenario->sessions->len, sessions->len, "%s", name);
  for (guint i = 0; i < sessions->len && !is_exact; i++)
    {
      Session *session = g_ptr_array_index (sessions, i);
      g_autofree char *why = NULL;

      cr_expect (holds (scenario, i, session, session->replies, &why), "%s: %s", name, why);
      check_others (name, scenario, i, session);
    }
  g_string_free (form, TRUE);
  g_string_free (text, TRUE);
}

Test (scenario_writer, every_capture_becomes_a_scenario_that_holds_and_can_fail)
{
  g_autoptr (GDir) folder = g_dir_open (CAPTURES, 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (folder)) != NULL)
    if (g_str_has_suffix (name, ".pcap") || g_str_has_suffix (name, ".pcapng"))
      {
        check_capture (name);
        n++;
      }
  cr_assert_geq (n, 40);
}

/* --- single sessions ------------------------------------------------------------------------------ */

#define NEGOTIATION                                                                                \
  "start 2026-11-22T14:47:46Z\nmta exact\n+0 @1 session\n+0 @1 negotiate version=6 actions=all steps=all\n"        \
  "+0 @1 => negotiate version=6 actions=all steps=none\n"
#define FIRST_MAIL                                                                                 \
  "+0 @1 connect a.example 192.0.2.7 port=1\n+0 @1 => continue\n+0 @1 helo a\n+0 @1 => continue\n"  \
  "+0 @1 mail <a@example.com>\n+0 @1 => continue\n+0 @1 rcpt <b@example.net>\n+0 @1 => continue\n" \
  "+0 @1 data\n+0 @1 => continue\n"

/* the answers, one by one: the negotiation, `c` for each of the six letters, … */
static GPtrArray *
make_replies (const char *letters)
{
  GPtrArray *replies = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  g_ptr_array_add (replies, g_bytes_new ("\0\0\0\15O\0\0\0\6\0\0\1\xff\0\0\0\0", 17));
  for (; *letters != '\0'; letters++)
    {
      const char frame[] = { 0, 0, 0, 1, *letters };

      g_ptr_array_add (replies, g_bytes_new (frame, sizeof frame));
    }
  return replies;
}

typedef struct
{
  const char *name;
  const char *trace;   /* behind the negotiation and the first mail */
  const char *letters; /* of the answers behind the negotiation */
  const char *holds;   /* a part of the scenario */
} Case;

static const Case cases[] = {
  { "a mail that holds the end of its here-document",
    FIRST_MAIL "+0 @1 header X: y\n+0 @1 => continue\n+0 @1 eoh\n+0 @1 => continue\n"
               "+0 @1 body \"one\\r\\n END \\r\\nEND2\\r\\nlast\\r\\n\"\n+0 @1 => continue\n+0 @1 eom\n+0 @1 => accept\n",
    "cccccccca",
    "  eml <<END3\n    X: y\n\n    one\n     END \n    END2\n    last\n    END3\n  eom\n    => only\n    => accept\n" },
  { "a body that no text is",
    FIRST_MAIL "+0 @1 header X: y\n+0 @1 => continue\n+0 @1 eoh\n+0 @1 => continue\n"
               "+0 @1 body \"a\\0b\\n\"\n+0 @1 => continue\n+0 @1 eom\n+0 @1 => accept\n",
    "cccccccca",
    "  header X: y\n  body \"a\\0b\\n\"\n  eom\n    => only\n    => accept\n" },
  { "a header field that is refused",
    FIRST_MAIL "+0 @1 header X: y\n+0 @1 => reject\n+0 @1 abort\n+0 @1 quit\n+0 @1 close\n",
    "cccccr",
    "  rcpt <b@example.net>\n  header X: y\n    => reject\n" },
  { "nothing is decided",
    FIRST_MAIL "+0 @1 abort\n+0 @1 abort\n+0 @1 quit\n+0 @1 close\n",
    "ccccc",
    "  rcpt <b@example.net>\n  data\n    => continue\n" },
  { "the milter goes in the middle",
    FIRST_MAIL "+0 @1 header X: y\n+0 @1 => reset\n",
    "ccccc",
    "  header X: y\n    => reset\n" },
  { "the MTA goes in the middle",
    FIRST_MAIL "+0 @1 header X: y\n+0 @1 => continue\n+0 @1 reset\n",
    "cccccc",
    "  header X: y\n    => continue\n  reset\n" },
  { "what no MTA says",
    FIRST_MAIL "+0 @1 frame Z \"x\"\n+0 @1 header X: y\n+0 @1 => continue\n+0 @1 close\n",
    "cccccc",
    "  mta exact\n" },
};

/* `mta exact` of a file that holds nothing else stands at its top */
static bool
is_found (const char *text, const char *part)
{
  return strstr (text, part) != NULL
         || (strcmp (part, "  mta exact\n") == 0 && g_str_has_prefix (text, "mta exact\n"));
}

Test (scenario_writer, single_sessions)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const MilterScenarioWriterConfig config = { .source = NULL };
      g_autoptr (MilterScenarioWriter) writer = milter_scenario_writer_new (&config);
      g_autoptr (GPtrArray) replies = make_replies (cases[i].letters);
      g_autoptr (GString) trace = g_string_new (NEGOTIATION);
      g_autoptr (GError) error = NULL;
      GString *text;

      g_string_append (trace, cases[i].trace);
      cr_assert (milter_scenario_writer_add (writer, 1, trace, replies, &error), "%s", cases[i].name);
      text = milter_scenario_writer_finish (writer, &error);
      cr_assert_not_null (text, "%s", cases[i].name);
      cr_expect (is_found (text->str, cases[i].holds), "%s:\n%s", cases[i].name, text->str);
      g_string_free (text, TRUE);
    }
}

Test (scenario_writer, messages_of_a_milter_that_did_not_want_mail_have_their_names)
{
  static const char message[] = "+0 @1 rcpt <%s@example.net>\n+0 @1 => continue\n+0 @1 data\n+0 @1 => continue\n"
                                "+0 @1 header X: y\n+0 @1 => continue\n+0 @1 eoh\n+0 @1 => continue\n"
                                "+0 @1 eom\n+0 @1 => %s\n";
  static const struct
  {
    bool two;
    const char *name;
  } rows[] = {
    { false, "session \"a message to b@example.net: rejected\"\n" },
    { true, "session \"2 messages from a.example\"\n" },
    { true, "  message \"a message to b@example.net: rejected\"\n    rcpt <b@example.net>\n" },
    { true, "  message \"a message to c@example.net: accepted\"\n    rcpt <c@example.net>\n" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const MilterScenarioWriterConfig config = { .source = NULL };
      g_autoptr (MilterScenarioWriter) writer = milter_scenario_writer_new (&config);
      g_autoptr (GPtrArray) replies = make_replies (rows[i].two ? "ccccccrcccca" : "ccccccr");
      g_autoptr (GString) trace = g_string_new (NEGOTIATION);
      g_autoptr (GString) text = NULL;

      /* NOMAIL */
      g_string_replace (trace, "steps=none", "steps=NOMAIL", /* limit= */ 1);
      g_ptr_array_remove_index (replies, 0);
      g_ptr_array_insert (replies, 0, g_bytes_new ("\0\0\0\15O\0\0\0\6\0\0\1\xff\0\0\0\4", 17));
      g_string_append (trace, "+0 @1 connect a.example 192.0.2.7 port=1\n+0 @1 => continue\n+0 @1 helo a\n+0 @1 => continue\n");
      g_string_append_printf (trace, message, "b", "reject");
      if (rows[i].two)
        {
          g_string_append (trace, "+0 @1 abort\n");
          g_string_append_printf (trace, message, "c", "accept");
        }
      g_string_append (trace, "+0 @1 quit\n+0 @1 close\n");
      cr_assert (milter_scenario_writer_add (writer, 1, trace, replies, /* error= */ NULL));
      text = milter_scenario_writer_finish (writer, /* error= */ NULL);
      cr_expect_not_null (strstr (text->str, rows[i].name), "row %zu:\n%s", i, text->str);
    }
}

Test (scenario_writer, sessions_of_one_name_are_told_apart_and_long_mails_are_files)
{
  const MilterScenarioWriterConfig config = { .source = "two\nlines", .mail_prefix = "a mail" };
  g_autoptr (MilterScenarioWriter) writer = milter_scenario_writer_new (&config);
  g_autoptr (GString) trace = g_string_new (NEGOTIATION FIRST_MAIL "+0 @1 header X: y\n+0 @1 => continue\n+0 @1 eoh\n"
                                                                   "+0 @1 => continue\n+0 @1 body \"");
  g_autoptr (GPtrArray) replies = make_replies ("cccccccca");
  const MilterScenarioMail *mail;
  GString *text;

  for (guint i = 0; i < 1000; i++)
    g_string_append (trace, "a line\\r\\n");
  g_string_append (trace, "\"\n+0 @1 => continue\n+0 @1 eom\n+0 @1 => accept\n");
  for (guint i = 1; i <= 2; i++)
    cr_assert (milter_scenario_writer_add (writer, i, trace, replies, NULL));
  text = milter_scenario_writer_finish (writer, NULL);
  cr_expect (g_str_has_prefix (text->str, "# Made by milter-replay convert from two lines.\nmta "), "%s", text->str);
  cr_expect_not_null (strstr (text->str, "session \"a@example.com to b@example.net: accepted\"\n"), "%s", text->str);
  cr_expect_not_null (strstr (text->str, "session \"a@example.com to b@example.net: accepted (2)\"\n"), "%s", text->str);
  cr_expect_not_null (strstr (text->str, "  eml \"a mail-1.eml\"\n"), "%s", text->str);
  cr_expect_not_null (strstr (text->str, "  eml \"a mail-2.eml\"\n"), "%s", text->str);
  cr_assert_eq (milter_scenario_writer_get_mails (writer)->len, 2);
  mail = g_ptr_array_index (milter_scenario_writer_get_mails (writer), 1);
  cr_expect_str_eq (mail->name, "a mail-2.eml");
  cr_expect_eq (g_bytes_get_size (mail->bytes), 8008);
  g_string_free (text, TRUE);
}

/* the mails of several messages stand deeper; what is short stays in the text, whatever it says */
Test (scenario_writer, long_mails_of_any_message_are_files)
{
  static const char begin[] = "+0 @1 mail <a@example.com>\n+0 @1 => continue\n+0 @1 rcpt <b@example.net>\n"
                              "+0 @1 => continue\n+0 @1 data\n+0 @1 => continue\n";
  static const char eoh[] = "+0 @1 header X: y\n+0 @1 => continue\n+0 @1 eoh\n+0 @1 => continue\n+0 @1 body \"";
  static const char end[] = "\"\n+0 @1 => continue\n+0 @1 eom\n+0 @1 => accept\n+0 @1 abort\n";
  const MilterScenarioWriterConfig config = { .source = NULL, .mail_prefix = "mail" };
  g_autoptr (MilterScenarioWriter) writer = milter_scenario_writer_new (&config);
  g_autoptr (GString) trace = g_string_new (NEGOTIATION "+0 @1 connect a.example 192.0.2.7 port=1\n+0 @1 => continue\n"
                                                        "+0 @1 helo a\n+0 @1 => continue\n");
  g_autoptr (GPtrArray) replies = make_replies ("cc" "cccccca" "cccccca" "cccccca");
  g_autoptr (GString) text = NULL;

  for (guint message = 0; message < 3; message++)
    {
      g_string_append_printf (trace, "%s%s", begin, eoh);
      if (message == 1)
        g_string_append (trace, "eml <<FILE1\\r\\n    -\\r\\n    FILE1\\r\\n");
      for (guint i = 0; message != 1 && i < 1000; i++)
        g_string_append_printf (trace, "line of %u\\r\\n", message);
      g_string_append (trace, end);
    }
  g_string_append (trace, "+0 @1 quit\n+0 @1 close\n");
  cr_assert (milter_scenario_writer_add (writer, 1, trace, replies, /* error= */ NULL));
  text = milter_scenario_writer_finish (writer, /* error= */ NULL);
  cr_assert_not_null (text);
  cr_assert_eq (milter_scenario_writer_get_mails (writer)->len, 2);
  cr_expect_not_null (strstr (text->str, "\n    eml mail-1.eml\n    eom\n"), "%s", text->str);
  cr_expect_not_null (strstr (text->str, "\n    eml mail-2.eml\n    eom\n"), "%s", text->str);
  cr_expect_not_null (strstr (text->str, "\n      eml <<FILE1\n          -\n          FILE1\n"), "%s", text->str);
  cr_expect_null (strstr (text->str, "<<FILE_"), "%s", text->str);
}

Test (scenario_writer, more_than_a_scenario_holds_is_an_error)
{
  const MilterScenarioWriterConfig config = { .source = NULL };
  g_autoptr (MilterScenarioWriter) writer = milter_scenario_writer_new (&config);
  g_autoptr (GPtrArray) replies = make_replies ("");
  g_autoptr (GString) trace = g_string_sized_new (MILTER_SCENARIO_MAX_FILE + 1);
  g_autoptr (GError) error = NULL;

  g_string_set_size (trace, MILTER_SCENARIO_MAX_FILE + 1);
  cr_expect_not (milter_scenario_writer_add (writer, 1, trace, replies, &error));
  cr_expect_str_eq (error->message, "a scenario holds at most 64 MiB; a file for each session may be smaller");
  g_clear_error (&error);
  g_string_assign (trace, "no trace at all\n");
  cr_expect_not (milter_scenario_writer_add (writer, 1, trace, replies, &error));
  cr_expect_not_null (strstr (error->message, "recording:1:1: "), "%s", error->message);
}

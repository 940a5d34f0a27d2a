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

/* (transfer full) the scenario of all sessions; @n_exact: so many are frame by frame */
static GString *
convert (const GPtrArray *sessions, const MilterScenarioWriterConfig *config, guint *n_exact)
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
  if (n_exact != NULL)
    *n_exact = milter_scenario_writer_get_n_exact (writer);
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
  guint n_exact;
  GString *text = convert (sessions, &config, &n_exact);
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = parse (text);
  GString *form = milter_scenario_format ("x.scenario", text->str, text->len, NULL, messages);

  cr_expect_str_eq (form->str, text->str, "%s has not its form", name);
  cr_expect_eq (n_exact > 0, !is_for_people (name), "%s:\n%s", name, text->str);
  cr_assert_eq (scenario->sessions->len, sessions->len, "%s", name);
  for (guint i = 0; i < sessions->len && n_exact == 0; i++)
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

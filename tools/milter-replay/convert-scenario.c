/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-scenario.c: recordings to scenarios that a person keeps.
 */
#include <string.h>

#include "convert-ignore.h"
#include "convert-options.h"
#include "milter-scenario-writer.h"
#include "told-connection.h"
#include "tool-console.h"
#include "trace-sink.h"

/* a connection that is recorded: its trace, and what the milter said */
typedef struct
{
  TraceSink sink;
  GString *trace;
  GPtrArray *replies; /* of GBytes */
  bool closed[2];
} Connection;

typedef struct
{
  ConvertOutput *output;         /* unowned */
  const ConvertOptions *options; /* unowned */
  char *source, *mail_prefix;
  MilterScenarioWriter *writer;
  GHashTable *connections;       /* of Connection, by number */
  bool failed;
} Scenario;

static void
keep_text (const GString *text, gpointer data)
{
  GString *trace = data;

  g_string_append_len (trace, text->str, (gssize) text->len);
}

static void
connection_free (gpointer data)
{
  Connection *connection = data;

  trace_sink_clear (&connection->sink);
  g_string_free (connection->trace, TRUE);
  g_ptr_array_unref (connection->replies);
  g_free (connection);
}

static Connection *
connection_new (void)
{
  Connection *connection = g_new0 (Connection, 1);

  connection->trace = g_string_new (NULL);
  connection->replies = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  trace_sink_init (&connection->sink, keep_text, connection->trace);
  return connection;
}

/* the names of what was read, without their folders; they may tell whose mail it is */
static char *
name_source (const ConvertOptions *options)
{
  char **paths = options->paths;
  g_autoptr (GString) names = g_string_new (NULL);

  if (options->anonymize || options->anonymize_key != NULL)
    return g_strdup ("a recording, without what is personal");
  for (char **path = paths; *path != NULL; path++)
    {
      g_autofree char *name
          = strcmp (*path, "-") == 0 ? g_strdup ("standard input") : g_path_get_basename (*path);

      g_string_append_printf (names, "%s%s", path == paths ? "" : ", ", name);
    }
  return g_string_free (g_steal_pointer (&names), FALSE);
}

/* what the file is called, without its suffix */
static char *
name_mails (const char *path)
{
  char *name = g_path_get_basename (path);
  char *dot = strrchr (name, '.');

  if (dot != NULL && dot != name)
    *dot = '\0';
  return name;
}

static gpointer
begin (ConvertOutput *output, const ConvertOptions *options)
{
  Scenario *scenario = g_new0 (Scenario, 1);
  MilterScenarioWriterConfig config = { .profile = options->profile };

  scenario->output = output;
  scenario->options = options;
  if (options->ignored != NULL)
    {
      config.loosen = convert_ignore_loosen;
      config.loosen_data = options->ignored;
    }
  config.source = scenario->source = name_source (options);
  if (convert_output_get_path (output) != NULL)
    config.mail_prefix = scenario->mail_prefix = name_mails (convert_output_get_path (output));
  scenario->writer = milter_scenario_writer_new (&config);
  scenario->connections
      = g_hash_table_new_full (/* hash= */ NULL, /* equal= */ NULL, /* key= */ NULL, connection_free);
  return scenario;
}

/* --- sessions ------------------------------------------------------------------------------------- */

static void
fail (Scenario *scenario, const char *what)
{
  if (!scenario->failed)
    tool_error ("%s", what);
  scenario->failed = true;
}

static void
finish_connection (Scenario *scenario, guint number, Connection *connection)
{
  g_autoptr (GError) error = NULL;

  trace_sink_finish (&connection->sink);
  if (!milter_scenario_writer_add (
          scenario->writer, number, connection->trace, connection->replies, &error))
    {
      g_autofree char *what = g_strdup_printf ("connection %u: %s", number, error->message);

      fail (scenario, what);
    }
  g_hash_table_remove (scenario->connections, GUINT_TO_POINTER (number));
}

static void
finish_connections (Scenario *scenario)
{
  GList *numbers = told_connection_list_numbers (scenario->connections);

  for (GList *i = numbers; i != NULL; i = i->next)
    finish_connection (scenario,
                       GPOINTER_TO_UINT (i->data),
                       g_hash_table_lookup (scenario->connections, i->data));
  g_list_free (numbers);
}

/* --- files ---------------------------------------------------------------------------------------- */

/* A mail that the scenario names, in the same folder. */
static bool
write_mail (const Scenario *scenario, const MilterScenarioMail *mail, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (convert_output_get_path (scenario->output));
  g_autofree char *path = g_build_filename (folder, mail->name, NULL);
  g_autoptr (ConvertOutput) output
      = convert_output_new (path, scenario->options->force, error);
  gsize size;
  gconstpointer bytes = g_bytes_get_data (mail->bytes, &size);

  if (output == NULL)
    return false;
  convert_output_write (output, bytes, size);
  return convert_output_finish (output, error);
}

static void
write_all (Scenario *scenario)
{
  const GPtrArray *mails = milter_scenario_writer_get_mails (scenario->writer);
  g_autoptr (GError) error = NULL;
  GString *text = milter_scenario_writer_finish (scenario->writer, &error);

  if (text == NULL)
    {
      fail (scenario, error->message);
      return;
    }
  for (guint i = 0; i < mails->len && !scenario->failed; i++)
    if (!write_mail (scenario, g_ptr_array_index (mails, i), &error))
      fail (scenario, error->message);
  if (!scenario->failed)
    convert_output_write (scenario->output, text->str, text->len);
  g_string_free (text, TRUE);
}

static bool
end (gpointer state)
{
  Scenario *scenario = state;
  bool any = convert_output_is_begun (scenario->output), ok;

  finish_connections (scenario);
  if (any && !scenario->failed)
    write_all (scenario);
  ok = !scenario->failed;
  milter_scenario_writer_free (scenario->writer);
  g_hash_table_unref (scenario->connections);
  g_free (scenario->source);
  g_free (scenario->mail_prefix);
  g_free (scenario);
  return ok;
}

/* --- as a sink ------------------------------------------------------------------------------------ */

static Connection *
connection_of (Scenario *scenario, const MilterCapturePlace *place)
{
  return g_hash_table_lookup (scenario->connections, GUINT_TO_POINTER (place->connection));
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  Scenario *scenario = data;
  Connection *connection = connection_new ();

  /* there is something to be written in the end */
  convert_output_write (scenario->output, "", 0);
  g_hash_table_replace (scenario->connections, GUINT_TO_POINTER (place->connection), connection);
  trace_sink.opened (place, opening, &connection->sink);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  Connection *connection = connection_of (data, place);

  if (connection == NULL)
    return;
  if (place->from == MILTER_SIDE_MILTER)
    g_ptr_array_add (connection->replies, g_bytes_new (frame.data, frame.size));
  trace_sink.message (place, frame, behind_hole, &connection->sink);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  Connection *connection = connection_of (data, place);

  if (connection != NULL)
    trace_sink.raw (place, bytes, &connection->sink);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  Connection *connection = connection_of (data, place);

  if (connection != NULL)
    trace_sink.hole (place, size, letter, &connection->sink);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  Connection *connection = connection_of (data, place);

  if (connection == NULL)
    return;
  trace_sink.closed (place, reset, &connection->sink);
  connection->closed[place->from] = true;
  if (reset || connection->closed[!place->from])
    finish_connection (data, place->connection, connection);
}

static const MilterCaptureSink scenario_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
  .note = convert_tell_note,
};

const ConvertFormat convert_format_scenario = {
  .name = "scenario",
  .suffix = ".scenario",
  .sink = &scenario_sink,
  .begin = begin,
  .end = end,
};

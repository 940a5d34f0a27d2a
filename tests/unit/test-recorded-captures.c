/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-recorded-captures.c: recorded traffic of real MTAs and milters, as messages: each reply
 * stands with the command that it answers, so that all of them, in order, are the replies of the
 * transcript that another program made.
 */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "milter-capture-reader.h"
#include "milter-recorded-builder.h"

#define CAPTURES      TEST_DATA_DIR "/captures"
#define MAX_N_STREAMS 16

/* what lacks something; what its milter says unasked has a place of its own */
static const char *const exceptions[] = { "12-", "13-", "14-", "35-", "46-", "47-", "48-", "49-" };

typedef struct
{
  GString *letters[MAX_N_STREAMS + 1];
  guint n_missing;
  guint n_messages;
} Log;

static void
append_commands (GString *letters,
                 const GPtrArray *commands,
                 const GPtrArray *edits,
                 guint n_progress)
{
  for (guint i = 0; i < commands->len; i++)
    {
      const MilterRecordedCommand *command = g_ptr_array_index (commands, i);

      if (command->letter == MILTER_COMMAND_END_OF_MESSAGE)
        {
          for (guint j = 0; j < edits->len; j++)
            {
              const MilterRecordedEdit *edit = g_ptr_array_index (edits, j);

              for (guint n = 0; n < edit->count; n++)
                g_string_append_c (letters, (char) edit->letter);
            }
          for (guint j = 0; j < n_progress; j++)
            g_string_append_c (letters, 'p');
        }
      for (guint n = 0; n < command->count && command->reply != 0; n++)
        g_string_append_c (letters, (char) command->reply);
    }
}

static void
on_message (const MilterRecordedSession *session, MilterRecordedMessage *message, gpointer data)
{
  Log *log = data;

  append_commands (
      log->letters[message->connection], message->commands, message->edits, message->n_progress);
  log->n_missing += message->missing != 0;
  log->n_messages++;
  milter_recorded_message_free (message);
}

/* what belongs to no message came before all of them, but for unknown commands */
static void
on_session (MilterRecordedSession *session, gpointer data)
{
  Log *log = data;
  GString *letters = g_string_new (NULL);

  append_commands (letters, session->commands, NULL, 0);
  g_string_prepend (log->letters[session->connection], letters->str);
  g_string_free (letters, TRUE);
  cr_expect_eq (session->unasked->len, 0u, "%s", session->unasked->str);
  log->n_missing += session->missing != 0;
  milter_recorded_session_free (session);
}

static const MilterRecordedEvents events = { .message = on_message, .session = on_session };

static void
read_capture (const char *name, Log *log)
{
  g_autofree char *path = g_build_filename (CAPTURES, name, NULL);
  g_autoptr (MilterRecordedBuilder) builder
      = milter_recorded_builder_new (/* limits= */ NULL, &events, log);
  g_autoptr (MilterCaptureReader) reader
      = milter_capture_reader_new (&milter_recorded_sink, builder);
  MilterCaptureInput input;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  cr_assert_geq (fd, 0);
  milter_capture_input_init (&input, fd);
  cr_assert (milter_capture_reader_read (reader, &input, /* error= */ NULL));
  milter_capture_reader_finish (reader);
  milter_recorded_builder_finish (builder);
  milter_capture_input_clear (&input);
  close (fd);
}

/* the milter's letters by connection; of a run of edits the progress last, as the log above has it
 */
static void
read_transcript (const char *name, GString *letters[])
{
  g_autofree char *stem = g_strndup (name, (gsize) (strchr (name, '.') - name));
  g_autofree char *path = g_strdup_printf ("%s/%s.txt", CAPTURES, stem);
  g_autofree char *content = NULL;
  g_auto (GStrv) lines = NULL;
  guint n_progress[MAX_N_STREAMS + 1] = { 0 };

  cr_assert (g_file_get_contents (path, &content, NULL, NULL), "%s", path);
  lines = g_strsplit (content, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      guint connection;
      char direction, letter;

      if (sscanf (*line, "%u %c %c", &connection, &direction, &letter) != 3 || direction != '<')
        continue;
      if (letter == 'p')
        {
          n_progress[connection]++;
          continue;
        }
      for (; n_progress[connection] > 0 && strchr ("carty", letter) != NULL;
           n_progress[connection]--)
        g_string_append_c (letters[connection], 'p');
      g_string_append_c (letters[connection], letter);
    }
}

static bool
is_exception (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (exceptions); i++)
    if (g_str_has_prefix (name, exceptions[i]))
      return true;
  return !g_str_has_suffix (name, ".pcap") && !g_str_has_suffix (name, ".pcapng");
}

Test (recorded_captures, replies_belong_to_their_commands)
{
  g_autoptr (GDir) directory = g_dir_open (CAPTURES, 0, NULL);
  const char *name;
  guint n_files = 0;

  cr_assert_not_null (directory);
  while ((name = g_dir_read_name (directory)) != NULL)
    {
      Log log = { .n_missing = 0 };
      GString *wanted[MAX_N_STREAMS + 1];

      if (is_exception (name))
        continue;
      for (guint i = 0; i <= MAX_N_STREAMS; i++)
        {
          log.letters[i] = g_string_new (NULL);
          wanted[i] = g_string_new (NULL);
        }
      read_transcript (name, wanted);
      read_capture (name, &log);
      cr_expect_eq (log.n_missing, 0u, "%s", name);
      for (guint i = 0; i <= MAX_N_STREAMS; i++)
        {
          cr_expect_str_eq (log.letters[i]->str, wanted[i]->str, "%s, connection %u", name, i);
          g_string_free (log.letters[i], TRUE);
          g_string_free (wanted[i], TRUE);
        }
      n_files++;
    }
  cr_expect_geq (n_files, 34u);
}

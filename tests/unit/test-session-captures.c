/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-session-captures.c: recorded traffic of real MTAs and milters through the session rules, in
 * the order in which it passed. What real software does is legal, but for what is listed here.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <milter/core.h>

#include "capture-reader.h"

#define CAPTURES TEST_DATA_DIR "/captures"
#define MAX_N    16

static const MilterLimits limits[] = {
  [MILTER_SIDE_MTA] = { MILTER_LIMIT_FROM_MTA },
  [MILTER_SIDE_MILTER] = { MILTER_LIMIT_FROM_MILTER },
};

typedef struct
{
  const char *name;
  GPtrArray *connections;
  MilterSession sessions[MAX_N];
  gsize at[MAX_N][2];
  GString *deviations;
} Replay;

static void
pass_frame (Replay *replay, guint number, MilterSide side)
{
  const CaptureConnection *connection = replay->connections->pdata[number];
  const GByteArray *stream = connection->from[side];
  gsize *at = &replay->at[number][side];
  MilterSession *session = &replay->sessions[number];
  g_autoptr (GError) error = NULL;
  MilterMessage message;
  gsize consumed;
  gboolean fine;

  cr_assert_eq (
      milter_message_decode (
          side, stream->data + *at, stream->len - *at, &limits[side], &message, &consumed, NULL),
      MILTER_DECODE_COMPLETE);
  *at += consumed;
  fine = side == MILTER_SIDE_MTA ? milter_session_command (session, &message, &error)
                                 : milter_session_reply (session, &message, &error);
  if (!fine)
    g_string_append_printf (replay->deviations,
                            "%.2s/%u %c%c%d\n",
                            replay->name,
                            number + 1,
                            side == MILTER_SIDE_MTA ? '>' : '<',
                            message.letter,
                            error->code);
}

static void
replay_capture (const char *name, const char *transcript, GString *deviations)
{
  g_autofree char *path = g_build_filename (CAPTURES, name, NULL);
  g_auto (GStrv) lines = g_strsplit (transcript, "\n", -1);
  Replay replay
      = { .name = name, .connections = capture_read (path, NULL), .deviations = deviations };

  cr_assert_not_null (replay.connections);
  for (guint i = 0; i < MAX_N; i++)
    milter_session_init (&replay.sessions[i], MILTER_SESSION_LENIENT);
  for (char **line = lines; *line != NULL; line++)
    {
      guint number;
      char direction, letter;

      if (sscanf (*line, "%u %c %c", &number, &direction, &letter) == 3 && direction != '!')
        pass_frame (&replay, number - 1, direction == '<');
    }
  for (guint i = 0; i < MAX_N; i++)
    milter_session_clear (&replay.sessions[i]);
  g_ptr_array_unref (replay.connections);
}

/* those that begin in the middle of a session, or in which bytes are missing */
static const char *const incomplete[]
    = { "13-mid-session", "14-snaplen96", "48-lost-segment", NULL };
/* a percent sign alone in the text of a reply, which sendmail replaces with its own text */
static const char known[] = "23/8 <y10\n";

static bool
is_capture (const char *name)
{
  return g_str_has_suffix (name, ".pcap") || g_str_has_suffix (name, ".pcapng");
}

Test (session_captures, real_software_deviates_only_where_it_is_known_to)
{
  g_autoptr (GDir) folder = g_dir_open (CAPTURES, 0, NULL);
  g_autoptr (GString) deviations = g_string_new (NULL);
  guint n_captures = 0;

  cr_assert_not_null (folder);
  for (const char *name = g_dir_read_name (folder); name != NULL; name = g_dir_read_name (folder))
    if (is_capture (name))
      {
        g_autofree char *stem = g_strndup (name, strrchr (name, '.') - name);
        g_autofree char *path = g_strdup_printf ("%s/%s.txt", CAPTURES, stem);
        g_autofree char *transcript = NULL;

        if (g_strv_contains (incomplete, stem))
          continue;
        n_captures++;
        cr_assert (g_file_get_contents (path, &transcript, NULL, NULL));
        replay_capture (name, transcript, deviations);
      }
  cr_assert_str_eq (deviations->str, known);
  cr_assert_geq (n_captures, 37);
}

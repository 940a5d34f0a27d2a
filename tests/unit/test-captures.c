/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-captures.c: recorded traffic of real MTAs and milters through the codec, compared with the
 * text that another program made of it (tests/data/captures/README.md).
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <milter/core.h>

#include "capture-reader.h"

#define CAPTURES      TEST_DATA_DIR "/captures"
#define MIN_N_FILES   40
#define MAX_N_STREAMS 16

typedef void (*FrameFunction) (const MilterMessage *message, gpointer data);

static const MilterLimits limits[] = {
  [MILTER_SIDE_MTA] = { MILTER_LIMIT_FROM_MTA },
  [MILTER_SIDE_MILTER] = { MILTER_LIMIT_FROM_MILTER },
};

/* letters by connection and side, as another program saw them */
typedef struct
{
  GString *letters[MAX_N_STREAMS][2];
} Transcript;

static void
transcript_clear (Transcript *transcript)
{
  for (guint i = 0; i < MAX_N_STREAMS; i++)
    for (int side = 0; side < 2; side++)
      if (transcript->letters[i][side] != NULL)
        g_string_free (transcript->letters[i][side], TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Transcript, transcript_clear)

/* lines `3 > M …` and `3 < c` */
static void
read_transcript (const char *path, Transcript *transcript)
{
  g_autofree char *content = NULL;
  g_auto (GStrv) lines = NULL;

  cr_assert (g_file_get_contents (path, &content, NULL, NULL), "%s", path);
  lines = g_strsplit (content, "\n", -1);
  for (guint i = 0; i < MAX_N_STREAMS; i++)
    for (int side = 0; side < 2; side++)
      transcript->letters[i][side] = g_string_new (NULL);
  for (char **line = lines; *line != NULL; line++)
    {
      guint connection;
      char direction, letter;

      if (sscanf (*line, "%u %c %c", &connection, &direction, &letter) != 3 || direction == '!')
        continue;
      cr_assert (connection >= 1 && connection <= MAX_N_STREAMS, "%s: %s", path, *line);
      cr_assert (direction == '<' || direction == '>', "%s: %s", path, *line);
      g_string_append_c (transcript->letters[connection - 1][direction == '<'], letter);
    }
}

/* decodes a stream, encodes each frame again; returns the letters */
static GString *
walk_stream (const char *path,
             MilterSide sender,
             const GByteArray *stream,
             FrameFunction function,
             gpointer data)
{
  g_autoptr (GByteArray) again = g_byte_array_new ();
  GString *letters = g_string_new (NULL);
  gsize at = 0;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      MilterMessage message;
      gsize consumed;
      MilterDecodeStatus status = milter_message_decode (sender,
                                                         stream->data + at,
                                                         stream->len - at,
                                                         &limits[sender],
                                                         &message,
                                                         &consumed,
                                                         &error);

      cr_assert_neq (
          status, MILTER_DECODE_ERROR, "%s: %s", path, error == NULL ? "" : error->message);
      if (status == MILTER_DECODE_NEED_MORE)
        break;
      if (message.fault != MILTER_NO_FAULT)
        error = milter_message_get_fault (&message);
      cr_assert_null (error, "%s: %s", path, error == NULL ? "" : error->message);
      cr_assert (milter_message_append (&message, again, NULL));
      g_string_append_c (letters, (char) message.letter);
      if (function != NULL)
        function (&message, data);
      at += consumed;
    }
  cr_assert_eq (again->len, at);
  cr_assert (at == 0 || memcmp (again->data, stream->data, at) == 0, "%s", path);
  return letters;
}

static guint
walk_capture (const char *name, const Transcript *transcript, FrameFunction function, gpointer data)
{
  g_autofree char *path = g_build_filename (CAPTURES, name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) connections = capture_read (path, &error);
  guint n_frames = 0;

  cr_assert_not_null (connections, "%s", error == NULL ? "" : error->message);
  cr_assert_leq (connections->len, MAX_N_STREAMS);
  for (guint i = 0; i < MAX_N_STREAMS; i++)
    for (int side = 0; side < 2; side++)
      {
        const CaptureConnection *connection
            = i < connections->len ? g_ptr_array_index (connections, i) : NULL;
        GString *letters = connection == NULL
                               ? g_string_new (NULL)
                               : walk_stream (name, side, connection->from[side], function, data);

        if (transcript != NULL)
          cr_assert_str_eq (letters->str,
                            transcript->letters[i][side]->str,
                            "%s, connection %u, side %d",
                            name,
                            i + 1,
                            side);
        n_frames += (guint) letters->len;
        g_string_free (letters, TRUE);
      }
  return n_frames;
}

static GPtrArray *
list_captures (void)
{
  g_autoptr (GDir) directory = g_dir_open (CAPTURES, 0, NULL);
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  cr_assert_not_null (directory);
  while ((name = g_dir_read_name (directory)) != NULL)
    if (g_str_has_suffix (name, ".pcap") || g_str_has_suffix (name, ".pcapng"))
      g_ptr_array_add (names, g_strdup (name));
  return names;
}

Test (captures, all_frames_encode_to_the_same_bytes_and_are_those_of_the_transcript)
{
  g_autoptr (GPtrArray) names = list_captures ();

  cr_assert_geq (names->len, MIN_N_FILES);
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      g_autofree char *base = g_strndup (name, (gsize) (strrchr (name, '.') - name));
      g_autofree char *path = g_strdup_printf (CAPTURES "/%s.txt", base);
      g_auto (Transcript) transcript = { 0 };
      guint n_frames = 0;

      read_transcript (path, &transcript);
      for (guint n = 0; n < MAX_N_STREAMS; n++)
        for (int side = 0; side < 2; side++)
          n_frames += (guint) transcript.letters[n][side]->len;
      cr_assert_gt (n_frames, 5, "%s", name);
      cr_assert_eq (walk_capture (name, &transcript, NULL, NULL), n_frames, "%s", name);
    }
}

static bool
has_right_word (const MilterMessage *message, const char *text)
{
  if (g_str_has_prefix (text, message->spec->word) || g_str_has_prefix (text, "frame "))
    return true;
  if (message->letter == MILTER_REPLY_CHANGE_HEADER)
    return g_str_has_prefix (text, "delete-header ");
  return message->letter == MILTER_REPLY_REPLY_CODE
         && strncmp (text, (const char *) message->payload.data, 3) == 0;
}

static void
check_text (const MilterMessage *message, gpointer data)
{
  GHashTable *lines = data;
  char *text = milter_message_to_text (message, MILTER_TEXT_PLAIN);

  cr_assert (g_utf8_validate (text, -1, NULL));
  for (const char *at = text; *at != '\0'; at++)
    cr_assert ((guint8) *at >= 0x20 && *at != 0x7f, "%s", text);
  cr_assert (has_right_word (message, text), "%c: %s", message->letter, text);
  g_hash_table_add (lines, text);
}

Test (captures, all_frames_have_a_line_with_the_word_of_their_letter)
{
  g_autoptr (GPtrArray) names = list_captures ();
  g_autoptr (GHashTable) lines = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < names->len; i++)
    walk_capture (g_ptr_array_index (names, i), NULL, check_text, lines);
}

static void
check_lines (const char *name, const char *const *expected, gsize n)
{
  g_autoptr (GHashTable) lines = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  walk_capture (name, NULL, check_text, lines);
  for (gsize i = 0; i < n; i++)
    cr_assert (g_hash_table_contains (lines, expected[i]), "%s: %s", name, expected[i]);
}

Test (captures, a_session_with_every_edit_reads_as_it_happened)
{
  static const char *const expected[] = {
    "negotiate version=6 actions=all steps=all",
    "negotiate version=6 actions=all steps=none",
    "connect localhost 127.0.0.1 port=43416",
    "helo client.example.com",
    "mail <alice@example.com>",
    "rcpt <carol@example.org>",
    "data",
    "header From: Alice Moser <alice@example.com>",
    "header X-Act: insert 0 X-Top t",
    "eoh",
    "body \"Original body.\\r\\n\"",
    "replace-body \"new body\"",
    "replace-body \"\\r\\n\"",
    "eom",
    "quit",
    "continue",
    "add-header X-A: b",
    "insert-header 0 X-Top: t",
    "change-header 1 Subject: new",
    "quarantine held",
    "change-from <n@example.org>",
    "add-rcpt <x@example.org>",
    "delete-rcpt <bob@example.net>",
    "554 5.7.1 \"Not today, 100% sure\"",
  };

  check_lines ("30-sendmail-actions.pcap", expected, G_N_ELEMENTS (expected));
}

Test (captures, other_sessions_read_as_they_happened)
{
  static const char *const unknown[] = { "unknown FOO", "unknown BAZ" };
  static const char *const symbols[]
      = { "negotiate version=6 actions=all steps=none symbols-connect=\"j {client_addr} "
          "{client_port}\" symbols-helo=\"{tls_version}\" symbols-mail=\"i {mail_addr}\" "
          "symbols-rcpt=\"{rcpt_addr} {rcpt_mailer}\" symbols-data=\"i\" symbols-eom=\"i "
          "{auth_type}\" symbols-eoh=\"i\"",
          "macro connect j=mx.example.com {client_addr}=127.0.0.1 {client_port}=49786" };
  static const char *const ipv6[]
      = { "connect [::1] ::1 port=34242", "macro header i=70FA9A741B6", "macro helo", "abort" };
  static const char *const deletes[] = { "delete-header 1 X-Virus-Status", "accept" };
  static const char *const skips[] = { "skip" };

  check_lines ("21-libmilter-nr.pcap", unknown, G_N_ELEMENTS (unknown));
  check_lines ("18-sll1-any.pcap", symbols, G_N_ELEMENTS (symbols));
  check_lines ("12-ipv6-pmilter.pcap", ipv6, G_N_ELEMENTS (ipv6));
  check_lines ("03-clamav-reject.pcap", deletes, G_N_ELEMENTS (deletes));
  check_lines ("22-libmilter-skip.pcapng", skips, G_N_ELEMENTS (skips));
}

Test (captures, a_file_that_is_no_capture_is_refused)
{
  g_autoptr (GError) error = NULL;

  cr_assert_null (capture_read (CAPTURES "/README.md", &error));
  cr_assert_not_null (strstr (error->message, "neither pcap nor pcapng"));
}

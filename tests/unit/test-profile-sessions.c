/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-profile-sessions.c: played with a profile, an SMTP session gives the frames that the real MTA
 * sent, macros, ABORT and QUIT included.
 *
 * What the client and the message said is taken from the recording and becomes a scenario; all else
 * is the profile's: the offer, macro frames, what is left out, ABORT and QUIT. The milter answers as
 * it did then. Frames have to be equal but for queue ids, which have to be as many.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "milter-text.h"

#include "capture-reader.h"
#include "fake-peer.h"

#define CAPTURES   TEST_DATA_DIR "/captures"
#define RECORDINGS TEST_DATA_DIR "/recordings"

static const MilterLimits limits[] = {
  [MILTER_SIDE_MTA] = { MILTER_LIMIT_FROM_MTA },
  [MILTER_SIDE_MILTER] = { MILTER_LIMIT_FROM_MILTER },
};

/* a frame of a recording */
typedef struct
{
  MilterSide side;
  GBytes *bytes;
  MilterMessage message;
} Frame;

static void
frame_free (gpointer data)
{
  Frame *frame = data;

  g_bytes_unref (frame->bytes);
  g_free (frame);
}

static gsize
add_frame (GPtrArray *frames, MilterSide side, const guint8 *data, gsize size)
{
  Frame *frame = g_new0 (Frame, 1);
  gsize used;

  cr_assert_eq (milter_message_decode (side, data, size, &limits[side], &frame->message, &used, NULL),
                MILTER_DECODE_COMPLETE);
  frame->side = side;
  frame->bytes = g_bytes_new (data, used);
  cr_assert_eq (milter_message_decode (side,
                                       g_bytes_get_data (frame->bytes, NULL),
                                       used,
                                       &limits[side],
                                       &frame->message,
                                       &used,
                                       NULL),
                MILTER_DECODE_COMPLETE);
  g_ptr_array_add (frames, frame);
  return used;
}

/* one connection of a capture; its text tells the order of the frames */
static GPtrArray *
read_capture (const char *name, guint number)
{
  g_autofree char *path = g_build_filename (CAPTURES, name, NULL);
  g_autofree char *stem = g_strndup (path, (gsize) (strrchr (path, '.') - path));
  g_autofree char *text_path = g_strconcat (stem, ".txt", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GPtrArray) connections = capture_read (path, NULL);
  GPtrArray *frames = g_ptr_array_new_with_free_func (frame_free);
  const CaptureConnection *connection;
  g_auto (GStrv) lines = NULL;
  gsize at[2] = { 0, 0 };

  cr_assert (connections != NULL && g_file_get_contents (text_path, &text, NULL, NULL), "%s", name);
  connection = g_ptr_array_index (connections, number - 1);
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      guint which;
      char direction, letter;
      MilterSide side;

      if (sscanf (*line, "%u %c %c", &which, &direction, &letter) != 3 || which != number
          || direction == '!')
        continue;
      side = direction == '>' ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER;
      at[side] += add_frame (frames,
                             side,
                             connection->from[side]->data + at[side],
                             connection->from[side]->len - at[side]);
    }
  return frames;
}

/* lines `> HEX` and `< HEX`: the letter and payload of a frame */
static GPtrArray *
read_recording (char **lines)
{
  GPtrArray *frames = g_ptr_array_new_with_free_func (frame_free);

  for (char **line = lines; *line != NULL; line++)
    {
      g_autoptr (GByteArray) payload = g_byte_array_new ();
      g_autoptr (GByteArray) frame = g_byte_array_new ();

      if (**line != '>' && **line != '<')
        continue;
      for (const char *hex = *line + 2; hex[0] != '\0'; hex += 2)
        {
          guint8 byte = (guint8) (g_ascii_xdigit_value (hex[0]) * 16 + g_ascii_xdigit_value (hex[1]));

          g_byte_array_append (payload, &byte, 1);
        }
      milter_frame_append (
          payload->data[0], milter_bytes (payload->data + 1, payload->len - 1), frame);
      add_frame (frames,
                 **line == '>' ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER,
                 frame->data,
                 frame->len);
    }
  return frames;
}

/* what the milter answered, as rules of a fake peer; edits change nothing of what an MTA sends */
static GPtrArray *
milter_rules (const GPtrArray *frames)
{
  GPtrArray *rules = g_ptr_array_new_with_free_func (g_free);
  guint counts[256] = { 0 };
  guint8 command = 0;

  for (guint i = 0; i < frames->len; i++)
    {
      const Frame *frame = g_ptr_array_index (frames, i);
      const MilterMessage *message = &frame->message;
      MilterBytes lists = message->fields[3].bytes;
      GString *rule;
      guint32 stage;
      MilterBytes names;

      if (frame->side == MILTER_SIDE_MTA && message->letter != MILTER_COMMAND_DEFINE_MACRO)
        counts[command = message->letter]++;
      if (frame->side == MILTER_SIDE_MTA || message->letter == MILTER_REPLY_CONTINUE
          || message->spec->kind == MILTER_REPLY_KIND_EDIT
          || message->spec->kind == MILTER_REPLY_KIND_PROGRESS)
        continue;
      rule = g_string_new (NULL);
      g_string_printf (rule, "%c%u:%c", command, counts[command], message->letter);
      if (message->letter == MILTER_REPLY_REPLY_CODE)
        g_string_append_printf (rule, "%s|", (const char *) message->fields[0].bytes.data);
      if (message->letter == MILTER_REPLY_NEGOTIATE)
        g_string_printf (rule,
                         "O:neg %u %u %u",
                         message->fields[0].number,
                         message->fields[1].number,
                         message->fields[2].number);
      while (message->letter == MILTER_REPLY_NEGOTIATE
             && milter_symbol_lists_next (&lists, &stage, &names))
        {
          g_autofree char *list = g_strndup ((const char *) names.data, names.size);

          g_string_append_printf (rule, " %u=%s", stage, g_strdelimit (list, " ", ','));
        }
      g_ptr_array_add (rules, g_string_free (rule, FALSE));
    }
  g_ptr_array_add (rules, NULL);
  return rules;
}

static bool
is_command (const GPtrArray *frames, guint index, const char *letters)
{
  const Frame *frame = index < frames->len ? g_ptr_array_index (frames, index) : NULL;

  return frame != NULL && frame->side == MILTER_SIDE_MTA
         && strchr (letters, frame->message.letter) != NULL;
}

/* a refused recipient is shown with the reason in place of its address (RCPT_REJ); that is the
 * client's session, not the profile's doing */
static void
append_refusal (const MilterMessage *macros, GString *text)
{
  g_autofree char *line = milter_message_to_text (macros, MILTER_TEXT_PLAIN);

  const char *rest = g_str_has_prefix (line, "macro rcpt i=") ? strchr (line + 11, ' ') : line + 10;

  if (strstr (line, "=error") != NULL)
    g_string_append_printf (text, "macro rcpt%s\n", rest);
}

/* what client and message said; RSET is a new message, whatever the MTA makes of it */
static void
append_command (const GPtrArray *frames, guint index, MilterTextFlags flags, GString *text)
{
  const Frame *frame = g_ptr_array_index (frames, index);
  const MilterMessage *message = &frame->message;
  g_autofree char *line = milter_message_to_text (message, flags);

  switch (message->letter)
    {
    case MILTER_COMMAND_NEGOTIATE:
      if (message->fields[0].number < MILTER_PROTOCOL_VERSION_MAX)
        g_string_append_printf (
            text, "negotiate version=%u actions=all\n", message->fields[0].number);
      break;
    case MILTER_COMMAND_DEFINE_MACRO:
      append_refusal (message, text);
      /* a client that the milter did not want to be told of */
      if (message->fields[0].number == MILTER_COMMAND_CONNECT && !is_command (frames, index + 1, "C"))
        g_string_append (text, "connect [127.0.0.1] 127.0.0.1\n");
      break;
    case MILTER_COMMAND_ABORT:
      if (!is_command (frames, index - 1, "A") && !is_command (frames, index + 1, "DH"))
        g_string_append (text, "message\n");
      else if (!is_command (frames, index - 1, "A") && is_command (frames, index + 2, "M"))
        g_string_append (text, "message\n");
      break;
    case MILTER_COMMAND_QUIT:
      break;
    default:
      g_string_append_printf (text, "%s\n => any | none\n", line);
      /* what has been skipped is not sent any more */
      if (message->letter == MILTER_COMMAND_BODY && is_command (frames, index + 2, "D"))
        {
          const Frame *reply = g_ptr_array_index (frames, index + 1);

          if (reply->side == MILTER_SIDE_MILTER && reply->message.letter == MILTER_REPLY_SKIP)
            g_string_append (text, "body \"more\"\n");
        }
    }
}

static char *
write_scenario (const GPtrArray *frames, const char *profile, const char *before)
{
  GString *text = g_string_new (NULL);
  MilterTextFlags flags = MILTER_TEXT_PLAIN;

  g_string_append_printf (text, "mta %s\n%ssession\n", profile, before);
  for (guint i = 0; i < frames->len; i++)
    {
      const Frame *frame = g_ptr_array_index (frames, i);

      if (frame->side == MILTER_SIDE_MTA)
        append_command (frames, i, flags, text);
      else if (frame->message.letter == MILTER_REPLY_NEGOTIATE
               && (frame->message.fields[2].number & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE))
        flags |= MILTER_TEXT_LEADING_SPACE;
    }
  return g_string_free (text, FALSE);
}

/* a recorded value with the ids of the recording replaced by those of the profile */
static char *
with_our_ids (GHashTable *ids, MilterBytes value)
{
  GString *text = g_string_new_len ((const char *) value.data, (gssize) value.size);
  GHashTableIter iter;
  gpointer theirs, ours;

  g_hash_table_iter_init (&iter, ids);
  while (g_hash_table_iter_next (&iter, &theirs, &ours))
    g_string_replace (text, theirs, ours, 0);
  return g_string_free (text, FALSE);
}

/* day and minute of a made-up Message-Id */
static void
drop_time (char *id)
{
  if (g_str_has_prefix (id, "<2026") && strlen (id) > 13)
    memset (id + 1, '0', 12);
}

/* whether the macros are the same, in the same order; the first time that an id comes, it is new on
 * both sides */
static bool
same_macros (const MilterMessage *theirs, const MilterMessage *ours, GHashTable *ids)
{
  MilterBytes rest[2] = { theirs->fields[1].bytes, ours->fields[1].bytes };
  MilterBytes name[2], value[2];

  while (milter_strings_next (&rest[0], &name[0]))
    {
      g_autofree char *expected = NULL;
      g_autofree char *got = NULL;

      if (!milter_strings_next (&rest[0], &value[0]) || !milter_strings_next (&rest[1], &name[1])
          || !milter_strings_next (&rest[1], &value[1]) || !milter_bytes_equal (name[0], name[1]))
        return false;
      got = g_strndup ((const char *) value[1].data, value[1].size);
      if (milter_bytes_equal_string (name[0], "i"))
        {
          g_autofree char *id = g_strndup ((const char *) value[0].data, value[0].size);

          if (!g_hash_table_contains (ids, id))
            g_hash_table_insert (ids, g_strdup (id), g_strdup (got));
        }
      expected = with_our_ids (ids, value[0]);
      drop_time (expected);
      drop_time (got);
      if (strcmp (expected, got) != 0)
        return false;
    }
  return theirs->fields[0].number == ours->fields[0].number && rest[1].size == 0;
}

static bool
same_frame (const MilterMessage *theirs, const MilterMessage *ours, GHashTable *ids)
{
  if (theirs->letter != ours->letter)
    return false;
  if (theirs->letter == MILTER_COMMAND_DEFINE_MACRO)
    return same_macros (theirs, ours, ids);
  return milter_bytes_equal (theirs->payload, ours->payload);
}

typedef struct
{
  const char *name;
  const char *profile;
  guint connections; /* bits: 1 << (number - 1) */
  const char *lines; /* top-level lines: what the configuration of that machine said */
  bool cut;          /* the client has gone, and sendmail closes without QUIT */
} Session;

static void
compare (const char *name, const GPtrArray *frames, const Session *session)
{
  g_autofree char *scenario = write_scenario (frames, session->profile, session->lines);
  g_autoptr (GPtrArray) rules = milter_rules (frames);
  g_autoptr (FakeRun) run = fake_run (scenario, (const char *const *) rules->pdata);
  g_autoptr (GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  gsize at = 0;

  for (guint i = 0; i < frames->len; i++)
    {
      const Frame *frame = g_ptr_array_index (frames, i);
      g_autofree char *theirs = NULL;
      g_autofree char *ours = NULL;
      MilterMessage message;
      gsize used;

      if (frame->side != MILTER_SIDE_MTA)
        continue;
      theirs = milter_message_to_text (&frame->message, MILTER_TEXT_SHORT);
      if (milter_message_decode (MILTER_SIDE_MTA,
                                 run->sent->data + at,
                                 run->sent->len - at,
                                 &limits[MILTER_SIDE_MTA],
                                 &message,
                                 &used,
                                 NULL)
          != MILTER_DECODE_COMPLETE)
        {
          cr_expect (false, "%s: the MTA goes on with\n%s\n%s", name, theirs, run->report->str);
          return;
        }
      ours = milter_message_to_text (&message, MILTER_TEXT_SHORT);
      at += used;
      if (!same_frame (&frame->message, &message, ids))
        {
          cr_expect (false,
                     "%s, frame %u: the MTA sends\n%s\nand the profile\n%s\n%s",
                     name,
                     i,
                     theirs,
                     ours,
                     run->report->str);
          return;
        }
    }
  /* length, letter: a QUIT */
  cr_expect_eq (run->sent->len - at, session->cut ? 5 : 0, "%s: more than the MTA:\n%s", name, run->said->str);
}

/* Postfix was told to hand all mail to `discard` */
#define DISCARD "macro mail {mail_mailer}=discard\nmacro rcpt {rcpt_mailer}=discard\n"

static const Session captures[] = {
  { "01-opendkim-sign.pcap", "postfix", 1, DISCARD },
  { "02-opendkim-verify.pcapng", "postfix", 1, DISCARD },
  { "03-clamav-reject.pcap", "postfix", 1, DISCARD },
  { "05-rspamd.pcap", "postfix", 1, DISCARD },
  { "06-spamass.pcap", "postfix", 1, DISCARD },
  { "07-pymilter-recipients.pcap", "postfix", 1, DISCARD },
  { "08-libmilter-modify.pcapng", "postfix", 1, DISCARD },
  { "10-libmilter-large-body.pcapng", "postfix", 1, DISCARD },
  { "11-abort.pcap", "postfix", 7, DISCARD },
  { "12-ipv6-pmilter.pcap", "postfix", 1, DISCARD "macro connect {daemon_addr}=::1\n" },
  { "16-interleaved.pcap", "postfix", 3, DISCARD },
  { "17-sll2-any.pcap", "postfix", 1, DISCARD },
  { "18-sll1-any.pcap", "postfix", 1, "macro rcpt {rcpt_mailer}=discard\n" },
  { "19-sll2-any.pcapng", "postfix", 1, DISCARD },
  { "20-two-milters.pcap", "postfix", 3, DISCARD },
  { "21-libmilter-nr.pcap", "postfix", 1, DISCARD },
  { "22-libmilter-skip.pcapng", "postfix", 1, DISCARD },
  { "23-verdicts.pcap", "postfix", 0xff, DISCARD },
  { "24-odd-mails.pcap", "postfix", 1, DISCARD },
  { "25-v2-protocol.pcap", "postfix", 1, DISCARD },
  { "26-leadspc.pcapng", "postfix", 1, DISCARD },
  { "27-rcptrej.pcap", "postfix", 1, DISCARD },
  { "29-non-smtpd.pcap", "postfix-local", 1, "" },
  { "30-sendmail-actions.pcap", "sendmail", 1, "" },
  { "31-sendmail-opendkim-verify.pcapng", "sendmail", 1, "" },
  { "32-sendmail-symlist.pcap", "sendmail", 1, "" },
  { "33-sendmail-verdicts-rcptrej.pcap", "sendmail", 0x1f, "" },
  { "33-sendmail-verdicts-rcptrej.pcap", "sendmail", 0x20, "", .cut = true },
  { "34-sendmail-nr.pcap", "sendmail", 1, "" },
};

Test (profile_sessions, frames_are_those_that_the_captured_mta_sent)
{
  for (gsize i = 0; i < G_N_ELEMENTS (captures); i++)
    for (guint number = 1; number <= 8; number++)
      if (captures[i].connections & (1u << (number - 1)))
        {
          g_autoptr (GPtrArray) frames = read_capture (captures[i].name, number);
          g_autofree char *name = g_strdup_printf ("%s/%u", captures[i].name, number);

          cr_assert_gt (frames->len, 4, "%s", name);
          compare (name, frames, &captures[i]);
        }
}

/* tests/data/recordings/README.md tells what a file holds */
static void
compare_recording (const char *path, const char *name)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GPtrArray) frames = NULL;
  g_autoptr (GString) top = g_string_new (NULL);
  Session session = { .profile = g_str_has_prefix (name, "sendmail") ? "sendmail" : "postfix" };

  cr_assert (g_file_get_contents (path, &text, NULL, NULL), "%s", path);
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix (*line, "macro "))
      g_string_append_printf (top, "%s\n", *line);
    else if (strcmp (*line, "cut") == 0)
      session.cut = true;
  session.lines = top->str;
  frames = read_recording (lines);
  cr_assert_gt (frames->len, 2, "%s", name);
  compare (name, frames, &session);
}

Test (profile_sessions, frames_are_those_of_recorded_sessions)
{
  g_autoptr (GDir) folder = g_dir_open (RECORDINGS, 0, NULL);
  guint n_recordings = 0;

  cr_assert_not_null (folder);
  for (const char *name = g_dir_read_name (folder); name != NULL; name = g_dir_read_name (folder))
    if (g_str_has_suffix (name, ".frames"))
      {
        g_autofree char *path = g_build_filename (RECORDINGS, name, NULL);

        compare_recording (path, name);
        n_recordings++;
      }
  cr_assert_geq (n_recordings, 60);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-text-identity.c: the line of a command, read as a scenario and played, is the command's
 * frame again, byte for byte; the line of an answer, read as an expectation, matches that answer.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include "milter-judge-private.h"
#include "milter-player.h"
#include "milter-text.h"

#include "capture-reader.h"

#define CAPTURES TEST_DATA_DIR "/captures"
#define N_ROUNDS 3000
#define SEED     7

/* counts what was written with its word, so that all being `frame` would be noticed */
typedef struct
{
  guint n_words[256];
  guint n_frames;
} Tally;

static void
tally_add (Tally *tally, const MilterMessage *message, const char *text)
{
  if (g_str_has_prefix (text, "frame "))
    tally->n_frames++;
  else
    tally->n_words[message->letter]++;
}

static MilterScenario *
parse (const char *text)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  MilterScenario *scenario = milter_scenario_parse (
      "x.scenario", text, strlen (text), NULL, MILTER_SCENARIO_SESSIONS, messages);

  cr_assert_not_null (scenario, "%s\n%s", messages->str, text);
  return scenario;
}

/* commands: what the player sends */

static void
answer_offer (MilterPlayer *player, MilterTextFlags flags)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  MilterMessage answer;

  milter_message_init (&answer, MILTER_SIDE_MILTER, MILTER_REPLY_NEGOTIATE);
  answer.fields[0].number = MILTER_PROTOCOL_VERSION_MAX;
  if (flags & MILTER_TEXT_LEADING_SPACE)
    answer.fields[2].number = MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE;
  cr_assert (milter_message_append (&answer, frame, NULL));
  milter_message_parse (MILTER_SIDE_MILTER,
                        MILTER_REPLY_NEGOTIATE,
                        milter_bytes (frame->data + 5, frame->len - 5),
                        &answer);
  milter_player_received (player, /* peer= */ 0, &answer, /* now_us= */ 1);
}

/* the bytes of the @nth write */
static GByteArray *
play (const MilterScenario *scenario, guint nth, MilterTextFlags flags)
{
  const MilterPlayerConfig config
      = { .profile = milter_profile_get ("exact"), .n_peers = 1, .timeout_us = G_USEC_PER_SEC };
  g_autoptr (MilterPlayer) player = milter_player_new (
      "1", milter_step_source_new_for_session (g_ptr_array_index (scenario->sessions, 0), 1, 1), &config);
  GByteArray *bytes = g_byte_array_new ();

  for (guint n = 0; n < nth;)
    {
      MilterPlayerAction action;

      milter_player_next (player, /* now_us= */ 1, &action);
      if (action.kind == MILTER_PLAYER_OPEN)
        milter_player_opened (player, 0, 1, NULL);
      else if (action.kind == MILTER_PLAYER_WAIT)
        answer_offer (player, flags);
      else if (action.kind != MILTER_PLAYER_SEND)
        break;
      else if (++n == nth)
        g_byte_array_append (bytes, action.bytes.data, (guint) action.bytes.size);
    }
  return bytes;
}

static void
check_command (const MilterMessage *message, MilterTextFlags flags, Tally *tally)
{
  g_autofree char *line = milter_message_to_text (message, flags);
  bool offers = message->letter == MILTER_COMMAND_NEGOTIATE;
  g_autofree char *text
      = g_strdup_printf ("mta exact\nsession\n%s%s\n", offers ? "" : "negotiate\n", line);
  g_autoptr (MilterScenario) scenario = parse (text);
  g_autoptr (GByteArray) sent = play (scenario, offers ? 1 : 2, flags);
  g_autoptr (GByteArray) frame = g_byte_array_new ();

  milter_frame_append (message->letter, message->payload, frame);
  cr_assert (milter_bytes_equal (milter_bytes (sent->data, sent->len),
                                 milter_bytes (frame->data, frame->len)),
             "%s",
             line);
  tally_add (tally, message, line);
}

/* answers: what an expectation takes them for */

static bool
edit_matches (const MilterStep *step, MilterRecord *record)
{
  g_autoptr (GPtrArray) edits = g_ptr_array_new ();
  g_autoptr (GArray) findings = NULL;

  g_ptr_array_add (edits, record);
  findings = milter_judge_edits (step->expectations, edits, NULL, NULL);
  return findings->len == 0;
}

static void
check_answer (const MilterMessage *message, MilterTextFlags flags, Tally *tally)
{
  g_autofree char *line = milter_message_to_text (message, flags | MILTER_TEXT_PATTERN);
  /* `only`: the line must not be taken for an edit that is missing and this one for another */
  g_autofree char *text = g_strdup_printf ("session\neom\n=> %s\n=> only\n", line);
  g_autoptr (MilterScenario) scenario = parse (text);
  const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, 0);
  const MilterStep *step = g_ptr_array_index (session->steps, 0);
  const MilterExpectation *expectation = g_ptr_array_index (step->expectations, 0);
  MilterRecord *record = milter_record_new_message (0, message, 0);

  record->leading_space = (flags & MILTER_TEXT_LEADING_SPACE) != 0;
  record->malformed = message->fault != MILTER_NO_FAULT;
  if (milter_record_is_edit (record))
    cr_assert (edit_matches (step, record), "%s", line);
  else
    cr_assert (
        milter_judge_reply (g_ptr_array_index (expectation->answers, 0), record), "%s", line);
  milter_record_free (record);
  tally_add (tally, message, line);
}

static void
check_message (const MilterMessage *message, MilterTextFlags flags, Tally *tally)
{
  if (message->sender == MILTER_SIDE_MTA)
    check_command (message, flags, tally);
  else
    check_answer (message, flags, tally);
}

/* messages that are hard to write */

static MilterBytes
any_string (GRand *rand, GByteArray *store)
{
  static const char *const pieces[] = {
    "a",      "X-Y",        "=",     "'",     "\"",       "\\",     "*",    "$x",        "#",
    " ",      "  ",         "\t",    "/",     "/x/i",     "=>",     " => ", "|",         " | ",
    "within", " within 2s", "<<END", "<a@b>", ":",        "%",      "%%",   "\r\n",      "\n\t",
    "\x01",   "\xff",       "ü",     "€",     "\xc2\xa0", "-",      "-x",   "{",         "}",
    "i=",     "\"x\"*3",    "\\*",   "unix:", "unknown",  "port=5", "5",    "0x1",       "550 ",
    "5.7.1 ", "from",       "no",    "any",   "none",     "+",      "@1 ",  "version=2",
  };
  guint start = store->len;
  int n = g_rand_int_range (rand, 0, 5);

  for (int i = 0; i < n; i++)
    {
      const char *piece = pieces[g_rand_int_range (rand, 0, G_N_ELEMENTS (pieces))];

      g_byte_array_append (store, (const guint8 *) piece, (guint) strlen (piece));
    }
  return milter_bytes (store->data + start, store->len - start);
}

static void
append_string (GRand *rand, GByteArray *payload)
{
  any_string (rand, payload);
  g_byte_array_append (payload, (const guint8 *) "", 1);
}

static void
append_number (GRand *rand, GByteArray *payload)
{
  static const guint32 numbers[] = { 0, 1, 2, 6, 0x1ff, 0x1fffff, 0x40000000, 0xffffffff };
  guint32 number = numbers[g_rand_int_range (rand, 0, G_N_ELEMENTS (numbers))];

  number = GUINT32_TO_BE (number);
  g_byte_array_append (payload, (const guint8 *) &number, 4);
}

static void
append_address (GRand *rand, GByteArray *payload)
{
  static const MilterBytes addresses[] = {
    MILTER_BYTES_INIT ("U"),
    MILTER_BYTES_INIT ("4\xc5\x03"
                       "192.0.2.1\0"),
    MILTER_BYTES_INIT ("4\0\0unknown\0"),
    MILTER_BYTES_INIT ("6\0\x19"
                       "2001:db8::7\0"),
    MILTER_BYTES_INIT ("6\0\0IPv6:2001:db8::7\0"),
    MILTER_BYTES_INIT ("6\0\0unix:x\0"),
    MILTER_BYTES_INIT ("L\0\0/run/a b\0"),
    MILTER_BYTES_INIT ("L\0\0\0"),
    MILTER_BYTES_INIT ("L\0\1/run/x\0"),
  };
  MilterBytes address = addresses[g_rand_int_range (rand, 0, G_N_ELEMENTS (addresses))];

  g_byte_array_append (payload, address.data, (guint) address.size);
}

static void
append_field (GRand *rand, const MilterSpec *row, MilterLayout layout, GByteArray *payload)
{
  int n = g_rand_int_range (rand, 0, row->max_strings == 1 ? 2 : 4);

  switch (layout)
    {
    case MILTER_LAYOUT_NONE:
      return;
    case MILTER_LAYOUT_STRING:
      append_string (rand, payload);
      return;
    case MILTER_LAYOUT_STRINGS:
      for (int i = 0; i < n; i++)
        append_string (rand, payload);
      return;
    case MILTER_LAYOUT_PAIRS:
      for (int i = 0; i < 2 * n; i++)
        append_string (rand, payload);
      return;
    case MILTER_LAYOUT_SYMBOL_LISTS:
      for (int i = 0; i < n; i++)
        {
          append_number (rand, payload);
          append_string (rand, payload);
        }
      return;
    case MILTER_LAYOUT_U32:
      append_number (rand, payload);
      return;
    case MILTER_LAYOUT_BYTE:
      g_byte_array_append (
          payload, (const guint8 *) &"CHMRTLNBEUAXO"[g_rand_int_range (rand, 0, 13)], 1);
      return;
    case MILTER_LAYOUT_REST:
      any_string (rand, payload);
      return;
    case MILTER_LAYOUT_ADDRESS:
      append_address (rand, payload);
      return;
    }
}

static void
check_random (GRand *rand, MilterSide side, Tally *tally)
{
  static const MilterTextFlags flags[] = { MILTER_TEXT_PLAIN, MILTER_TEXT_LEADING_SPACE };
  g_autoptr (GByteArray) payload = g_byte_array_new ();
  gsize n_rows;
  const MilterSpec *rows = milter_spec_list (side, &n_rows);
  const MilterSpec *row = &rows[g_rand_int_range (rand, 0, (gint32) n_rows)];
  MilterMessage message;

  for (guint i = 0; i < MILTER_SPEC_MAX_FIELDS; i++)
    append_field (rand, row, row->fields[i].layout, payload);
  milter_message_parse (side, row->letter, milter_bytes (payload->data, payload->len), &message);
  cr_assert_eq (message.fault, MILTER_NO_FAULT);
  check_message (&message, flags[g_rand_int_range (rand, 0, 2)], tally);
}

static void
check_random_side (MilterSide side)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);
  Tally tally = { { 0 }, 0 };
  gsize n_rows;
  const MilterSpec *rows = milter_spec_list (side, &n_rows);

  for (guint i = 0; i < N_ROUNDS; i++)
    check_random (rand, side, &tally);
  for (gsize row = 0; row < n_rows; row++)
    if (rows[row].kind != MILTER_REPLY_KIND_RESERVED && rows[row].letter != MILTER_REPLY_REPLY_CODE)
      cr_assert_gt (tally.n_words[rows[row].letter], 3, "%s", rows[row].field_name);
}

Test (text_identity, any_command_is_sent_again_as_it_was) { check_random_side (MILTER_SIDE_MTA); }

Test (text_identity, any_answer_is_what_its_line_expects)
{
  check_random_side (MILTER_SIDE_MILTER);
}

/* recorded traffic: each frame once, since sessions repeat themselves */

static void
check_stream (MilterSide sender, const GByteArray *stream, GHashTable *seen, Tally *tally)
{
  static const MilterLimits limits = { MILTER_LIMIT_FROM_MILTER };
  MilterTextFlags flags = MILTER_TEXT_PLAIN;
  MilterMessage message;
  gsize consumed;

  for (gsize at = 0;
       milter_message_decode (
           sender, stream->data + at, stream->len - at, &limits, &message, &consumed, NULL)
       == MILTER_DECODE_COMPLETE;
       at += consumed)
    if (g_hash_table_add (seen, g_bytes_new (stream->data + at, consumed)))
      check_message (&message, flags, tally);
}

Test (text_identity, recorded_frames_are_played_back_byte_for_byte)
{
  static const char *const names[] = {
    "01-opendkim-sign.pcap",      "07-pymilter-recipients.pcap",
    "08-libmilter-modify.pcapng", "12-ipv6-pmilter.pcap",
    "18-sll1-any.pcap",           "24-odd-mails.pcap",
    "30-sendmail-actions.pcap",   "33-sendmail-verdicts-rcptrej.pcap",
    "32-sendmail-symlist.pcap",
  };
  g_autoptr (GHashTable) seen
      = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
  Tally tally = { { 0 }, 0 };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (CAPTURES, names[i], NULL);
      g_autoptr (GPtrArray) connections = capture_read (path, NULL);

      cr_assert_not_null (connections, "%s", path);
      for (guint n = 0; n < connections->len; n++)
        for (int side = 0; side < 2; side++)
          {
            const CaptureConnection *connection = g_ptr_array_index (connections, n);

            check_stream (side, connection->from[side], seen, &tally);
          }
    }
  cr_assert_gt (g_hash_table_size (seen), 250);
  cr_assert_lt (tally.n_frames, 20, "%u frames without a word", tally.n_frames);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-tap.c: a tap sees all, and answers instead of the library.
 */
#include "milter-client-tap-private.h"

#include "client-test.h"

typedef struct
{
  Peer peer;
  GByteArray *read;    /* what passed, from the MTA … */
  GByteArray *written; /* … and from the milter */
  const char *taken;   /* the letters that are taken … */
  bool at_once;        /* … and answered in the call */
  const char *answer;  /* with this frame; NULL: with nothing */
  gsize answer_size;
} Tapped;

static void
on_passed (MilterClientContext *context, MilterSide from, MilterBytes bytes, gpointer data)
{
  Tapped *tapped = data;

  g_byte_array_append (
      from == MILTER_SIDE_MTA ? tapped->read : tapped->written, bytes.data, bytes.size);
}

static void
answer (Tapped *tapped)
{
  MilterBytes bytes = milter_bytes (tapped->answer, tapped->answer_size);

  _milter_client_context_send (tapped->peer.context, bytes);
  _milter_client_context_answered (tapped->peer.context, bytes);
}

static gboolean
on_command (MilterClientContext *context, const MilterMessage *message, gpointer data)
{
  Tapped *tapped = data;

  peer_note (&tapped->peer, "%c", message->letter);
  if (strchr (tapped->taken, message->letter) == NULL)
    return FALSE;
  if (tapped->at_once)
    answer (tapped);
  return TRUE;
}

static void
on_ended (MilterClientContext *context, gboolean by_us, gboolean reset, gpointer data)
{
  peer_note (
      &((Tapped *) data)->peer, "ended%s%s", by_us ? "-by-us" : "", reset ? "-reset" : "");
}

static const MilterClientTap tap
    = { .passed = on_passed, .command = on_command, .ended = on_ended };

static Tapped *
tapped_new (const char *taken)
{
  Tapped *tapped = g_new0 (Tapped, 1);

  tapped->peer = peer_new ();
  tapped->read = g_byte_array_new ();
  tapped->written = g_byte_array_new ();
  tapped->taken = taken;
  _milter_client_context_set_tap (tapped->peer.context, &tap, tapped);
  return tapped;
}

static void
tapped_free (Tapped *tapped)
{
  peer_clear (&tapped->peer);
  g_byte_array_unref (tapped->read);
  g_byte_array_unref (tapped->written);
  g_free (tapped);
}

#define ANSWER(tapped, bytes)                                                                      \
  do                                                                                               \
    {                                                                                              \
      (tapped)->answer = "" bytes;                                                                 \
      (tapped)->answer_size = sizeof ("" bytes) - 1;                                               \
    }                                                                                              \
  while (0)

/* negotiates every event, and goes on to where @last has been answered */
static void
tapped_reach (Tapped *tapped, char last)
{
  const char *taken = tapped->taken;

  tapped->taken = "O";
  tapped->at_once = true;
  ANSWER (tapped, "\0\0\0\015O\0\0\0\6\0\0\1\377\0\0\0\0");
  peer_reach (&tapped->peer, last);
  tapped->taken = taken;
  tapped->at_once = false;
  ANSWER (tapped, "");
  g_string_truncate (tapped->peer.log, 0);
}

#define CONTINUE "\0\0\0\1c"
#define ACCEPT   "\0\0\0\1a"
#define REJECT   "\0\0\0\1r"
#define WHOLE    "\0\0\0\015O" OFFER_ALL
#define PLAIN                                                                                      \
  WHOLE "\0\0\0\035C" CLIENT_OF_TEST "\0\0\0\006DHi\0x\0"                                             \
        "\0\0\0\003Hh\0\0\0\0\005M<a>\0\0\0\0\005R<b>\0\0\0\0\1A\0\0\0\1K\0\0\0\1Q"

/* Looking on. */

/* what a session without a tap is answered with */
static GByteArray *
answers_of (const char *bytes, gsize size)
{
  Peer peer = peer_new ();
  GByteArray *output;

  cr_assert (peer_feed (&peer, bytes, size));
  output = milter_client_context_take_output (peer.context);
  peer_clear (&peer);
  return output;
}

Test (client_tap, sees_every_byte_of_both_sides_once_however_it_is_cut)
{
  static const char session[] = PLAIN;
  const gsize size = sizeof session - 1;
  g_autoptr (GByteArray) answers = answers_of (session, size);

  for (gsize cut = 0; cut <= size; cut++)
    {
      Tapped *tapped = tapped_new ("");

      cr_assert (peer_feed (&tapped->peer, session, cut));
      if (cut < size)
        cr_assert (peer_feed (&tapped->peer, session + cut, size - cut));
      cr_assert_eq (tapped->read->len, size);
      cr_assert_arr_eq (tapped->read->data, session, size);
      cr_assert_eq (tapped->written->len, answers->len);
      cr_assert_arr_eq (tapped->written->data, answers->data, answers->len);
      peer_expect_log (&tapped->peer, "O C D H M R A K Q ended-by-us");
      tapped_free (tapped);
    }
}

Test (client_tap, sees_what_makes_no_frame_when_the_connection_is_given_up)
{
  static const struct
  {
    const char *bytes;
    gsize size;
  } endings[] = {
    { "\0\0\0\0OXYZ", 8 },              /* a frame without a letter */
    { "\377\377\377\377Oxyz", 8 },      /* one that is too long */
    { "\0\0\0\1Q\0\0\0\1Qand more", 18 }, /* what comes behind quit */
    { "\0\0\0\1?\0\0\0\4D", 10 },       /* behind an unknown letter */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      Tapped *tapped = tapped_new ("");

      peer_send (&tapped->peer, 'O', OFFER_ALL);
      g_byte_array_set_size (tapped->read, 0);
      peer_feed (&tapped->peer, endings[i].bytes, endings[i].size);
      cr_assert_eq (tapped->read->len, endings[i].size, "%zu: %u", i, tapped->read->len);
      cr_assert_arr_eq (tapped->read->data, endings[i].bytes, endings[i].size);
      cr_expect (g_str_has_suffix (tapped->peer.log->str, " ended-by-us"));
      tapped_free (tapped);
    }
}

static MilterStatus
note_helo (MilterClientContext *context, const char *fqdn, gpointer data)
{
  peer_note (data, "helo:%s", fqdn);
  return MILTER_STATUS_REJECT;
}

static const MilterClientHandlers noting_handlers = { .helo = note_helo };

Test (client_tap, is_asked_behind_the_handlers_whose_answer_is_not_sent)
{
  Tapped *tapped = tapped_new ("H");

  milter_client_context_set_handlers (tapped->peer.context, &noting_handlers, &tapped->peer);
  peer_reach (&tapped->peer, 'C');
  g_string_truncate (tapped->peer.log, 0);
  peer_send (&tapped->peer, 'H', "x\0");
  peer_expect_log (&tapped->peer, "helo:x H");
  peer_expect (&tapped->peer, "");
  ANSWER (tapped, ACCEPT);
  answer (tapped);
  peer_expect (&tapped->peer, "accept");
  tapped_free (tapped);
}

/* Answering. */

Test (client_tap, holds_what_follows_until_the_taken_command_is_answered)
{
  Tapped *tapped = tapped_new ("M");

  peer_reach (&tapped->peer, 'H');
  g_string_truncate (tapped->peer.log, 0);
  peer_feed (&tapped->peer, "\0\0\0\5M<a>\0\0\0\0\5R<b>\0\0\0\0\1T", 23);
  peer_expect_log (&tapped->peer, "M");
  peer_feed (&tapped->peer, "\0\0\0\1N", 5);
  peer_expect_log (&tapped->peer, "");
  ANSWER (tapped, CONTINUE);
  answer (tapped);
  peer_expect_log (&tapped->peer, "R T N");
  peer_expect (&tapped->peer, "continue; continue; continue; continue");
  tapped_free (tapped);
}

Test (client_tap, may_answer_in_the_call)
{
  Tapped *tapped = tapped_new ("MRT");

  tapped->at_once = true;
  ANSWER (tapped, CONTINUE);
  peer_reach (&tapped->peer, 'H');
  peer_feed (&tapped->peer, "\0\0\0\5M<a>\0\0\0\0\5R<b>\0\0\0\0\1T\0\0\0\1N", 28);
  peer_expect (&tapped->peer, "continue; continue; continue; continue");
  tapped_free (tapped);
}

/* the session goes on by what was sent: a rcpt tells */
Test (client_tap, lets_the_session_go_on_by_the_first_legal_reply)
{
  static const struct
  {
    const char *bytes;
    gsize size;
    MilterClientContextState state; /* after a rcpt: it was handled, or passed over */
    MilterStatus status;
  } answers[] = {
#define BYTES(text) text, sizeof text - 1
    { BYTES (CONTINUE), MILTER_CLIENT_CONTEXT_STATE_ENVELOPE_RECIPIENT_REPLIED, MILTER_STATUS_CONTINUE },
    { BYTES (ACCEPT), MILTER_CLIENT_CONTEXT_STATE_ENVELOPE_FROM_REPLIED, MILTER_STATUS_ACCEPT },
    { BYTES (REJECT ACCEPT), MILTER_CLIENT_CONTEXT_STATE_ENVELOPE_FROM_REPLIED, MILTER_STATUS_REJECT },
    /* an edit outside of the end, a letter that nobody knows, an answer to no offer, half a frame */
    { BYTES ("\0\0\0\5hX\0y\0\0\0\0\1!\0\0\0\015O" OFFER_ALL "\0\0\0\1t\0\0\0"),
      MILTER_CLIENT_CONTEXT_STATE_ENVELOPE_FROM_REPLIED,
      MILTER_STATUS_TEMPORARY_FAILURE },
    { BYTES ("\0\0\0\010y450 no\0"), MILTER_CLIENT_CONTEXT_STATE_ENVELOPE_FROM_REPLIED, MILTER_STATUS_TEMPORARY_FAILURE },
    { BYTES ("\0\0\0\010y550 no\0"), MILTER_CLIENT_CONTEXT_STATE_ENVELOPE_FROM_REPLIED, MILTER_STATUS_REJECT },
    { BYTES (""), MILTER_CLIENT_CONTEXT_STATE_ENVELOPE_RECIPIENT_REPLIED, MILTER_STATUS_CONTINUE },
    { BYTES ("220 hello\r\n"), MILTER_CLIENT_CONTEXT_STATE_ENVELOPE_RECIPIENT_REPLIED, MILTER_STATUS_CONTINUE },
#undef BYTES
  };

  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      Tapped *tapped = tapped_new ("M");
      g_autoptr (GByteArray) output = NULL;

      tapped_reach (tapped, 'H');
      tapped->answer = answers[i].bytes;
      tapped->answer_size = answers[i].size;
      peer_send (&tapped->peer, 'M', "<a>\0");
      answer (tapped);
      cr_expect_eq (milter_client_context_get_status (tapped->peer.context), answers[i].status);
      peer_send (&tapped->peer, 'R', "<b>\0");
      cr_expect_eq (milter_client_context_get_state (tapped->peer.context), answers[i].state,
                    "%zu: %d", i, milter_client_context_get_state (tapped->peer.context));
      output = milter_client_context_take_output (tapped->peer.context);
      cr_assert_geq (output->len, answers[i].size);
      cr_expect_arr_eq (output->data, answers[i].bytes, answers[i].size);
      tapped_free (tapped);
    }
}

Test (client_tap, goes_on_by_the_answer_to_the_offer_or_by_the_offer_without_steps)
{
  static const struct
  {
    const char *bytes;
    gsize size;
    guint version;
    guint actions;
    guint steps;
  } answers[] = {
    { "\0\0\0\015O\0\0\0\4\0\0\0\1\0\0\0\2", 17, 4, 1, 2 },
    { "", 0, 6, 0x1ff, 0 },
    { "\0\0\0\5O\0\0\0\6", 9, 6, 0x1ff, 0 },
    { "\0\0\0\1y", 5, 6, 0x1ff, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      Tapped *tapped = tapped_new ("O");
      MilterOption *option;

      tapped->answer = answers[i].bytes;
      tapped->answer_size = answers[i].size;
      peer_send (&tapped->peer, 'O', OFFER_ALL);
      answer (tapped);
      option = milter_client_context_get_option (tapped->peer.context);
      cr_assert_not_null (option, "%zu", i);
      cr_expect_eq (milter_option_get_version (option), answers[i].version, "%zu", i);
      cr_expect_eq (milter_option_get_action (option), answers[i].actions, "%zu", i);
      cr_expect_eq (milter_option_get_step (option), answers[i].steps, "%zu", i);
      tapped_free (tapped);
    }
}

static void
note_message (MilterClientContext *context, MilterMessageResult *result, gpointer data)
{
  peer_note (data,
             "processed:%d:%u",
             milter_message_result_get_status (result),
             milter_headers_length (milter_message_result_get_added_headers (result)));
}

Test (client_tap, ends_a_message_by_its_answer)
{
  Tapped *tapped = tapped_new ("E");

  g_signal_connect (
      tapped->peer.context, "message-processed", G_CALLBACK (note_message), &tapped->peer);
  peer_reach (&tapped->peer, 'B');
  peer_send (&tapped->peer, 'E', "");
  g_string_truncate (tapped->peer.log, 0);
  ANSWER (tapped, "\0\0\0\5hX\0y\0\0\0\0\1a");
  answer (tapped);
  g_free (peer_answers (&tapped->peer));
  peer_send (&tapped->peer, 'M', "<a>\0");
  peer_expect (&tapped->peer, "continue");
  {
    g_autofree char *expected = g_strdup_printf ("processed:%d:1 M", MILTER_STATUS_ACCEPT);

    peer_expect_log (&tapped->peer, expected);
  }
  tapped_free (tapped);
}

/* What the library would not bear. */

typedef struct
{
  char letter;
  const char *payload;
  gsize size;
  bool is_first; /* nothing is before it */
} Wrong;

static const Wrong wrongs[] = {
  { '?', "x", 1 },                /* nobody knows it */
  { 'H', "no end", 6 },           /* malformed */
  { 'C', "host\0004\0\031x\0", 9 }, /* an address that is none */
  { 'O', "\0\0\0\1\0\0\0\0\0\0\0\0", 12, true }, /* a version that never was */
  { 'E', "", 0 }, /* not now */
  { 'Q', "", 0 },
};

Test (client_tap, keeps_the_connection_where_the_library_would_close_it)
{
  for (gsize i = 0; i < G_N_ELEMENTS (wrongs); i++)
    {
      Tapped *tapped = tapped_new ("?HCOEQ");

      if (!wrongs[i].is_first)
        tapped_reach (tapped, 'O');
      peer_watch (&tapped->peer);
      cr_expect (peer_send_bytes (&tapped->peer, wrongs[i].letter, wrongs[i].payload, wrongs[i].size));
      ANSWER (tapped, REJECT);
      answer (tapped);
      peer_expect (&tapped->peer, "reject");
      {
        const char letter[] = { wrongs[i].letter, '\0' };

        peer_expect_log (&tapped->peer, letter);
      }
      tapped_free (tapped);
    }
}

Test (client_tap, that_does_not_take_it_leaves_it_to_the_library)
{
  for (gsize i = 0; i < G_N_ELEMENTS (wrongs); i++)
    {
      Tapped *tapped = tapped_new ("");

      if (!wrongs[i].is_first)
        tapped_reach (tapped, 'O');
      peer_send_bytes (&tapped->peer, wrongs[i].letter, wrongs[i].payload, wrongs[i].size);
      cr_expect (g_str_has_suffix (tapped->peer.log->str, " ended-by-us"), "%zu: %s", i, tapped->peer.log->str);
      tapped_free (tapped);
    }
}

/* The end. */

Test (client_tap, ends_the_connection_and_hears_of_it_once)
{
  for (int reset = 0; reset <= 1; reset++)
    {
      Tapped *tapped = tapped_new ("M");

      peer_reach (&tapped->peer, 'H');
      peer_watch (&tapped->peer);
      peer_feed (&tapped->peer, "\0\0\0\5M<a>\0\0\0\0\5R<b>", 17);
      g_string_truncate (tapped->peer.log, 0);
      g_byte_array_set_size (tapped->read, 0);
      _milter_client_context_end (tapped->peer.context, reset);
      /* what was read and is not handled any more */
      cr_expect_eq (tapped->read->len, 8);
      peer_expect_log (&tapped->peer, reset ? "ended-by-us-reset finished" : "ended-by-us finished");
      _milter_client_context_end (tapped->peer.context, reset);
      _milter_client_context_send (tapped->peer.context, milter_bytes ("x", 1));
      _milter_client_context_answered (tapped->peer.context, milter_bytes (NULL, 0));
      peer_expect_log (&tapped->peer, "");
      tapped_free (tapped);
    }
}

static gboolean
end_on_command (MilterClientContext *context, const MilterMessage *message, gpointer data)
{
  _milter_client_context_end (context, FALSE);
  return FALSE;
}

static gboolean
on_garbage (MilterClientContext *context, MilterBytes bytes, gpointer data)
{
  peer_note (&((Tapped *) data)->peer, "garbage");
  answer (data);
  return TRUE;
}

/* A tap may go on where nothing can be read any more. */
Test (client_tap, bytes_that_make_no_frame_are_thrown_away_if_the_tap_takes_them)
{
  static const MilterClientTap greedy = { .passed = on_passed, .garbage = on_garbage, .ended = on_ended };
  static const char bytes[] = "\0\0\0\0M\0\0\0\1Q";
  Tapped *tapped = tapped_new ("");

  tapped_reach (tapped, 'H');
  _milter_client_context_set_tap (tapped->peer.context, &greedy, tapped);
  ANSWER (tapped, CONTINUE);
  g_byte_array_set_size (tapped->read, 0);
  cr_expect (peer_feed (&tapped->peer, bytes, sizeof bytes - 1));
  /* also what follows */
  cr_expect (peer_feed (&tapped->peer, "\0\0\0\1Q", 5));
  cr_expect_str_eq (tapped->peer.log->str, "garbage");
  cr_expect_eq (tapped->read->len, sizeof bytes - 1 + 5, "%u", tapped->read->len);
  peer_expect (&tapped->peer, "continue");
  tapped_free (tapped);
}

Test (client_tap, may_end_the_connection_in_the_call)
{
  static const MilterClientTap ending = { .command = end_on_command, .ended = on_ended };
  Tapped *tapped = tapped_new ("");

  _milter_client_context_set_tap (tapped->peer.context, &ending, tapped);
  peer_watch (&tapped->peer);
  peer_send (&tapped->peer, 'O', OFFER_ALL);
  peer_expect (&tapped->peer, "");
  peer_expect_log (&tapped->peer, "ended-by-us finished");
  tapped_free (tapped);
}

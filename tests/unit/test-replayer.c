/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-replayer.c: what is sent, and when; what is left out; and from where on it is told that the
 * milter answers otherwise.
 *
 * A recording is written as letters: those of the MTA, and behind `<` one of the milter; `-` is a
 * hole of the MTA, `_` one of the milter, `.` the MTA's end, `,` the milter's. Each frame of the
 * MTA but macros has a payload that fits. The milter of now is a table: letter, and what it
 * answers, letter by letter.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-replayer.h"
#include "milter-session.h"

#define TIMEOUT_US (10 * G_USEC_PER_SEC)
#define GRACE_US   (200 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  MilterReplayer *replayer;
  GString *sent;     /* letters that went out; a blank behind each write */
  GString *left_out; /* letters */
  GString *broke;
  GString *told[2]; /* letters by stream; those of the milter in capitals' place as they are */
  bool diverged, done, hungry;
  guint n_said; /* by the milter */
  gint64 now_us, deadline_us;
} Play;

static const struct
{
  char letter;
  const char *payload;
  gsize size;
} payloads[] = {
  { 'O', "\0\0\0\6\0\0\1\xff\0\x1f\xff\xff", 12 },
  { 'C', "client.example.com\0U", 20 },
  { 'H', "client\0", 7 },
  { 'M', "<alice@example.com>\0", 20 },
  { 'R', "<bob@example.net>\0", 18 },
  { 'L', "Subject\0one\0", 12 },
  { 'B', "text", 4 },
  { 'y', "550 5.7.1 no\0", 13 },
  { 'h', "X-A\0one\0", 8 },
};

/* of the milter: a letter in small is an answer; O with nothing asked for, and N with no DATA
 * wanted */
static void
append_frame (char letter, bool of_mta, GByteArray *frame)
{
  for (gsize i = 0; i < G_N_ELEMENTS (payloads); i++)
    if (payloads[i].letter == letter && (of_mta || letter != 'O'))
      {
        milter_frame_append (
            (guint8) letter, milter_bytes (payloads[i].payload, payloads[i].size), frame);
        return;
      }
  if (!of_mta && (letter == 'O' || letter == 'N'))
    milter_frame_append (
        'O',
        milter_bytes (letter == 'O' ? "\0\0\0\6\0\0\1\xff\0\0\4\0" : "\0\0\0\6\0\0\1\xff\0\0\6\0",
                      12),
        frame);
  else
    milter_frame_append ((guint8) letter, milter_bytes ("M", letter == 'D' ? 1 : 0), frame);
}

static void
on_diverged (gpointer data)
{
  cr_assert_not (((Play *) data)->diverged);
  ((Play *) data)->diverged = true;
}

static void
on_event (MilterReplayStream stream, const MilterReplayEvent *event, gpointer data)
{
  static const char marks[]
      = { [MILTER_REPLAY_RAW] = '"', [MILTER_REPLAY_HOLE] = '-', [MILTER_REPLAY_END] = '.' };
  Play *play = data;

  cr_assert (play->diverged);
  g_string_append_c (play->told[stream],
                     event->kind == MILTER_REPLAY_FRAME ? (char) event->bytes.data[4]
                                                        : marks[event->kind]);
}

static void
on_left_out (guint8 letter, MilterReplayLeftOut why, gpointer data)
{
  g_string_append_c (((Play *) data)->left_out, (char) letter);
}

static void
on_broke (const char *sentence, gpointer data)
{
  g_string_append (((Play *) data)->broke, sentence);
}

static const MilterReplayerHandlers handlers = { on_diverged, on_event, on_left_out, on_broke };

static void
play_init (Play *play)
{
  g_autoptr (GByteArray) out = milter_replayer_make_out ();

  *play = (Play){ .sent = g_string_new (NULL),
                  .left_out = g_string_new (NULL),
                  .broke = g_string_new (NULL),
                  .told = { g_string_new (NULL), g_string_new (NULL) },
                  .now_us = 1000000 };
  play->replayer = milter_replayer_new (TIMEOUT_US, GRACE_US, out, &handlers, play);
}

static void
play_clear (Play *play)
{
  milter_replayer_free (play->replayer);
  g_string_free (play->sent, TRUE);
  g_string_free (play->left_out, TRUE);
  g_string_free (play->broke, TRUE);
  for (int i = 0; i < 2; i++)
    g_string_free (play->told[i], TRUE);
}

static void
add (Play *play, MilterReplayKind kind, MilterSide from, char letter, gint64 due_us)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  MilterReplayEvent event = { .kind = kind, .from = from, .due_us = due_us, .hole = 10 };

  if (kind == MILTER_REPLAY_FRAME)
    append_frame (letter, from == MILTER_SIDE_MTA, frame);
  event.bytes = milter_bytes (frame->data, frame->len);
  milter_replayer_add (play->replayer, &event);
}

static void
record (Play *play, const char *text)
{
  for (; *text != '\0'; text++)
    switch (*text)
      {
      case '<':
        add (play, MILTER_REPLAY_FRAME, MILTER_SIDE_MILTER, *++text, 0);
        break;
      case '-':
        add (play, MILTER_REPLAY_HOLE, MILTER_SIDE_MTA, 0, 0);
        break;
      case '_':
        add (play, MILTER_REPLAY_HOLE, MILTER_SIDE_MILTER, 0, 0);
        break;
      case '.':
        add (play, MILTER_REPLAY_END, MILTER_SIDE_MTA, 0, 0);
        break;
      case ',':
        add (play, MILTER_REPLAY_END, MILTER_SIDE_MILTER, 0, 0);
        break;
      default:
        add (play, MILTER_REPLAY_FRAME, MILTER_SIDE_MTA, *text, 0);
      }
}

static void
say (Play *play, char letter)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  MilterMessage message;

  play->n_said++;
  append_frame (letter, /* of_mta= */ false, frame);
  milter_message_parse (
      MILTER_SIDE_MILTER, frame->data[4], milter_bytes (frame->data + 5, frame->len - 5), &message);
  milter_replayer_received (play->replayer, &message, play->now_us);
}

/* what the milter says to a letter: `R=r` in a text of such, each with a blank behind it; else
 * nothing to macros and what is not answered, O to an offer, and continue. `R=.`: it closes */
static void
answer (Play *play, const char *answers, char letter)
{
  const char key[] = { letter, '=', '\0' };
  const char *found = strstr (answers, key);

  if (found == NULL && strchr ("DAQK", letter) == NULL)
    say (play, letter == 'O' ? 'O' : 'c');
  for (found = found != NULL ? found + 2 : ""; *found != '\0' && *found != ' '; found++)
    if (*found != '.')
      say (play, *found);
    else
      {
        play->n_said++;
        milter_replayer_ended (
            play->replayer, /* reset= */ false, /* garbage= */ NULL, play->now_us);
      }
}

/* Takes what is to be sent; the letters of it. */
static char *
take_write (Play *play, const MilterReplayAction *action)
{
  GString *letters = g_string_new (NULL);
  MilterBytes rest = action->bytes;

  while (rest.size > 0)
    {
      gsize size = ((gsize) rest.data[2] << 8) + rest.data[3] + 4;

      g_string_append_c (letters, (char) rest.data[4]);
      rest = milter_bytes (rest.data + size, rest.size - size);
    }
  g_string_append (play->sent, letters->str);
  g_string_append_c (play->sent, ' ');
  return g_string_free (letters, FALSE);
}

/* until it waits for something that does not come by itself */
static void
run (Play *play, const char *answers)
{
  MilterReplayAction action;
  guint n_said;

  do
    {
      g_autofree char *letters = NULL;

      milter_replayer_next (play->replayer, play->now_us, &action);
      play->hungry = action.then == MILTER_REPLAY_MORE;
      play->done = action.then == MILTER_REPLAY_DONE;
      play->deadline_us = action.deadline_us;
      if (action.kind != MILTER_REPLAY_SEND)
        return;
      n_said = play->n_said;
      letters = take_write (play, &action);
      for (const char *letter = letters; *letter != '\0'; letter++)
        answer (play, answers, *letter);
    }
  while (action.then == MILTER_REPLAY_SEND || play->n_said > n_said);
}

/* … and the time passes as it wants */
static void
run_to_end (Play *play, const char *answers)
{
  run (play, answers);
  while (!play->done && !play->hungry)
    {
      cr_assert_lt (play->deadline_us, G_MAXINT64, "it waits for ever: %s", play->sent->str);
      play->now_us = play->deadline_us;
      run (play, answers);
    }
}

#define HEAD    "O<OC<cH<c"
#define MESSAGE "DM<cR<cT<cL<cN<cB<cE<c"

Test (replayer, what_is_sent_and_left_out_and_told)
{
  static const struct
  {
    const char *recorded, *answers, *sent, *left_out, *recorded_told, *live_told;
  } rows[] = {
    /* the same: nothing is told, and macros leave with their command */
    { HEAD MESSAGE "Q.", "", "O C H DM R T L N B E Q ", "", "", "" },
    /* a refusal that is gone, and one that is new */
    { HEAD "M<rM<cR<cA Q.", "", "O C H M M R AQ ", "", "OOCcHcMrMcRcAQ.", "OOCcHcMcMcRcAQ." },
    { HEAD "M<cR<cR<cT<cA Q.",
      "R=r",
      "O C H M R R AQ ",
      "T",
      "OOCcHcMcRcRcTcAQ.",
      "OOCcHcMcRrRrAQ." },
    /* decided early: what belongs to the message is left out, macros with their command, the next
       one is played */
    { HEAD MESSAGE MESSAGE "Q.",
      "M=a",
      "O C H DM DM Q ",
      "RTLNBERTLNBE",
      "OOCcHcDMcRcTcLcNcBcEcDMcRcTcLcNcBcEcQ.",
      "OOCcHcDMaDMaQ." },
    /* the client is decided about */
    { HEAD MESSAGE "Q.", "C=r", "O C Q ", "HMRTLNBE", "OOCcHcDMcRcTcLcNcBcEcQ.", "OOCrQ." },
    /* other steps are negotiated */
    { HEAD MESSAGE "Q.",
      "O=N",
      "O C H DM R L N B E Q ",
      "T",
      "OOCcHcDMcRcTcLcNcBcEcQ.",
      "OOCcHcDMcRcLcNcBcEcQ." },
    /* skip of the body */
    { HEAD "M<cR<cN<cB<cB<cB<cE<cQ.",
      "B=s",
      "O C H M R N B E Q ",
      "BB",
      "OOCcHcMcRcNcBcBcBcEcQ.",
      "OOCcHcMcRcNcBsEcQ." },
    /* what the MTA sent though it did not apply is sent again */
    { HEAD "M<aR<cQ.", "", "O C H M R Q ", "", "OOCcHcMaRcQ.", "OOCcHcMcRcQ." },
    /* an edit more, and one less */
    { HEAD "M<cR<cN<cE<cQ.",
      "E=hc",
      "O C H M R N E Q ",
      "",
      "OOCcHcMcRcNcEcQ.",
      "OOCcHcMcRcNcEhcQ." },
    { HEAD "M<cR<cN<cE<h<cQ.",
      "",
      "O C H M R N E Q ",
      "",
      "OOCcHcMcRcNcEhcQ.",
      "OOCcHcMcRcNcEcQ." },
    /* a milter that closed then, and does not now; and one that does the same */
    { HEAD "M,.", "", "O C H M ", "", "OOCcHcM..", "OOCcHcMc." },
    { HEAD "M,.", "M=.", "O C H M ", "", "", "" },
    /* an MTA that went without an answer */
    { HEAD "M.", "M=", "O C H M ", "", "", "" },
    { HEAD "M.", "", "O C H M ", "", "OOCcHcM.", "OOCcHcMc." },
    /* bytes of the MTA are missing: the message is aborted, the rest of it left out */
    { HEAD "M<cR<c-L<cN<cE<cM<cR<cA Q.",
      "",
      "O C H M R AM R AQ ",
      "LNE",
      "OOCcHcMcRc-LcNcEcMcRcAQ.",
      "OOCcHcMcRcAMcRcAQ." },
    /* … at the beginning, too: what a milter has to hear is filled in */
    { "-_RN<cE<cAM<cR<cA Q.", "", "O DC DH M R AQ ", "RNEA", "--RNcEcAMcRcAQ.", "OODCcDHcMcRcAQ." },
    /* bytes of the milter are missing: all is played */
    { HEAD "M<cR_N<cE<cQ.", "", "O C H M R N E Q ", "", "OOCcHcMcR-NcEcQ.", "OOCcHcMcRcNcEcQ." },
    /* the recording ends in the middle of a message: the same so far is not the same */
    { HEAD "M<cR<c", "", "O C H M R ", "", "OOCcHcMcRc", "OOCcHcMcRc." },
    { HEAD "M<cR<cN<cE", "", "O C H M R N E ", "", "OOCcHcMcRcNcE", "OOCcHcMcRcNcEc." },
    /* … and behind one */
    { HEAD "M<cR<cN<cE<c", "", "O C H M R N E ", "", "", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Play play;

      play_init (&play);
      g_autofree char *recorded = g_strdup (rows[i].recorded);
      for (char *c = recorded; *c != '\0'; c++)
        if (*c == ' ')
          memmove (c, c + 1, strlen (c));
      record (&play, recorded);
      milter_replayer_finish (play.replayer);
      run_to_end (&play, rows[i].answers);
      cr_expect (play.done, "row %zu", i);
      cr_expect_str_eq (play.sent->str, rows[i].sent, "row %zu: %s", i, play.sent->str);
      cr_expect_str_eq (play.left_out->str, rows[i].left_out, "row %zu: %s", i, play.left_out->str);
      cr_expect_str_eq (play.broke->str, "", "row %zu: %s", i, play.broke->str);
      cr_expect_str_eq (play.told[MILTER_REPLAY_RECORDED]->str,
                        rows[i].recorded_told,
                        "row %zu: %s",
                        i,
                        play.told[MILTER_REPLAY_RECORDED]->str);
      cr_expect_str_eq (play.told[MILTER_REPLAY_LIVE]->str,
                        rows[i].live_told,
                        "row %zu: %s",
                        i,
                        play.told[MILTER_REPLAY_LIVE]->str);
      cr_expect_eq (play.diverged, rows[i].recorded_told[0] != '\0', "row %zu", i);
      play_clear (&play);
    }
}

Test (replayer, the_last_command_of_a_recording_has_to_be_answered_though_the_answer_was_not_recorded)
{
  Play play;

  play_init (&play);
  record (&play, HEAD "M<cR<cN<cE");
  milter_replayer_finish (play.replayer);
  run_to_end (&play, "E=");
  cr_expect (play.done && !play.hungry);
  cr_expect_str_eq (play.sent->str, "O C H M R N E ");
  cr_expect_eq (play.now_us, 1000000 + TIMEOUT_US);
  cr_expect_str_eq (play.broke->str, "no answer to eom within 10 s");
  /* the MTA has gone: nobody says that something was not played */
  cr_expect_str_eq (play.told[MILTER_REPLAY_LIVE]->str, "OOCcHcMcRcNcE.");
  play_clear (&play);
}

Test (replayer, of_messages_that_were_the_same_only_their_number_is_told)
{
  Play play;

  play_init (&play);
  record (&play, HEAD MESSAGE MESSAGE "DM<cR<rAQ.");
  run_to_end (&play, "");
  cr_expect_str_eq (play.told[MILTER_REPLAY_RECORDED]->str, "OOCcHcDMcRrAQ.");
  cr_expect_str_eq (play.told[MILTER_REPLAY_LIVE]->str, "OOCcHcDMcRcAQ.");
  cr_expect_eq (milter_replayer_get_counts (play.replayer)->n_same, 2u);
  cr_expect_eq (milter_replayer_get_counts (play.replayer)->n_messages, 3u);
  play_clear (&play);
}

Test (replayer, messages_of_a_milter_that_did_not_want_mail_are_counted)
{
  static const struct
  {
    const char *recorded;
    guint64 n;
  } rows[] = {
    { HEAD "DR<cR<cL<cE<cAQ.", 1 },
    { HEAD "DR<cE<cDR<cAR<cE<cQ.", 3 },
    { HEAD "L<cB<cE<cE<cQ.", 2 },
    { HEAD "M<cR<cE<cM<cM<cR<cAQ.", 3 },
    { HEAD "R<cKCHQ.", 1 },
    { HEAD "AQ.", 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Play play;

      play_init (&play);
      record (&play, rows[i].recorded);
      run_to_end (&play, "");
      cr_expect_eq (milter_replayer_get_counts (play.replayer)->n_messages, rows[i].n, "row %zu", i);
      play_clear (&play);
    }
}

Test (replayer, all_is_told_if_that_is_wanted)
{
  Play play;

  play_init (&play);
  milter_replayer_tell_all (play.replayer);
  record (&play, HEAD MESSAGE "Q.");
  run_to_end (&play, "");
  cr_expect_str_eq (play.told[MILTER_REPLAY_RECORDED]->str, "OOCcHcDMcRcTcLcNcBcEcQ.");
  cr_expect_str_eq (play.told[MILTER_REPLAY_LIVE]->str, "OOCcHcDMcRcTcLcNcBcEcQ.");
  play_clear (&play);
}

Test (replayer, a_recording_may_come_piece_by_piece)
{
  Play play;

  play_init (&play);
  record (&play, "O<O");
  run (&play, "");
  cr_expect (play.hungry);
  record (&play, "C");
  run (&play, "");
  cr_expect_str_eq (play.sent->str, "O C ");
  /* its answer was recorded behind it, and came before that was known */
  record (&play, "<cH<cQ.");
  run (&play, "");
  cr_expect (play.done);
  play_clear (&play);
}

Test (replayer, each_word_waits_for_its_time_and_for_the_answers_before_it)
{
  Play play;

  play_init (&play);
  add (&play, MILTER_REPLAY_FRAME, MILTER_SIDE_MTA, 'O', 0);
  add (&play, MILTER_REPLAY_FRAME, MILTER_SIDE_MILTER, 'O', 0);
  add (&play, MILTER_REPLAY_FRAME, MILTER_SIDE_MTA, 'C', 3000000);
  run (&play, "");
  cr_expect_str_eq (play.sent->str, "O ");
  cr_expect_eq (play.deadline_us, 3000000);
  play.now_us = 3000000;
  run (&play, "C=");
  cr_expect_str_eq (play.sent->str, "O C ");
  cr_expect (play.hungry);
  /* the recording ends here: the milter may answer all the same */
  milter_replayer_finish (play.replayer);
  run (&play, "");
  cr_expect_not (play.done);
  cr_expect_eq (play.deadline_us, 3000000 + TIMEOUT_US);
  play_clear (&play);
}

Test (replayer, what_breaks_the_protocol_is_told_if_it_is_new)
{
  static const struct
  {
    const char *recorded, *answers, *broke;
  } rows[] = {
    { HEAD "M<cR<cQ.", "M=", "no answer to mail within 10 s" },
    { HEAD "M<cR<cQ.", "M=.", "the milter closed the connection after mail" },
    { HEAD "M<cR<cQ.", "M=hc", "" },
    { HEAD "M<h<cR<cQ.", "M=hc", NULL },
    { HEAD "M<cR<cQ.", "C=cc", "" },
    { HEAD "M<cR<cQ.", "C=O", "" },
    /* a client that was sent away may be left alone */
    { HEAD "M<cR<cQ.", "C=r.", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Play play;

      play_init (&play);
      record (&play, rows[i].recorded);
      run_to_end (&play, rows[i].answers);
      cr_expect (play.done, "row %zu", i);
      if (rows[i].broke == NULL)
        cr_expect_str_eq (play.broke->str, "", "row %zu: %s", i, play.broke->str);
      else if (rows[i].broke[0] != '\0')
        cr_expect_str_eq (play.broke->str, rows[i].broke, "row %zu: %s", i, play.broke->str);
      else
        cr_expect_gt (play.broke->len, 0u, "row %zu", i);
      play_clear (&play);
    }
}

Test (replayer, what_is_no_frame_ends_it)
{
  Play play;

  play_init (&play);
  record (&play, HEAD);
  run (&play, "C=");
  milter_replayer_ended (play.replayer, /* reset= */ false, "a length of 1213486160", play.now_us);
  run (&play, "");
  cr_expect (play.done);
  cr_expect_str_eq (play.broke->str, "what came is no milter frame: a length of 1213486160");
  play_clear (&play);
}

Test (replayer, memory_does_not_grow_with_the_number_of_messages)
{
  Play play;
  gsize held;

  play_init (&play);
  record (&play, HEAD MESSAGE MESSAGE);
  run (&play, "");
  held = milter_replayer_get_held (play.replayer);
  for (guint i = 0; i < 1000; i++)
    {
      record (&play, MESSAGE);
      run (&play, "");
      cr_assert_leq (milter_replayer_get_held (play.replayer), 3 * held);
    }
  play_clear (&play);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-session.c: what may be said when, for every pair of state and command, and real talks.
 */
#include "session-test.h"

#include "milter-session-private.h"

/* -- every state and every command, written down by hand -- */

/* states by letter, in the order of the enum */
static const char state_letters[] = "snremRdhbEoxc";
static const char command_letters[] = "ODCHMRTLNBEAQKU";

/* For each state: a talk that leads to it; then, for each command in the order above, the state it
 * leads to with STRICT (`.` is a deviation); with LENIENT; and which LENIENT passes over (`!`). */
static const struct
{
  const char *words;
  const char *strict;
  const char *lenient;
  const char *dropped;
} expected[] = {
  /*                                     ODCHMRTLNBEAQKU    ODCHMRTLNBEAQKU    ODCHMRTLNBEAQKU */
  { "", "n...........c..", "nssemssssssscss", " !!  !!!!!!! ! " },
  { ">O", "............c..", "nnnemnnnnnnncnn", "!!!  !!!!!!! ! " },
  { ">O<O", ".re........rcr.", "rreemrrrrrrrcrr", "!    !!!!!!    " },
  { ">O<O>C<c", ".e.em......ecre", "eeeemeeeeeeecre", "! !  !!!!!!    " },
  { ">O<O>C<c>M<c", ".m.emR.....ecrm", "mmeemReeeeeecrm", "! !   !!!!!    " },
  { ">O<O>C<c>M<c>R<c", ".R.emRd....ecrR", "RReemRdhbbEecrR", "! !            " },
  { ">O<O>C<c>M<c>R<c>T<c", ".d.em..hb..ecr.", "ddeemeehbeeecre", "! !  !!  !!    " },
  { ">O<O>C<c>M<c>R<c>T<c>L<c", ".h.em..hb..ecr.", "hheemeehbeeecre", "! !  !!  !!    " },
  { ">O<O>C<c>M<c>R<c>T<c>L<c>N<c", ".b.em....bEecr.", "bbeemeeeebEecre", "! !  !!!!      " },
  { ">O<O>C<c>M<c>R<c>T<c>L<c>N<c>B<c>E", ".E.em......ecrE", "EEEemEEEEEEecrE", "! !  !!!!!!    " },
  { ">O<O>C<c>M<r", ".o.em......ecro", "oooemooooooecro", "! !  !!!!!!    " },
  { ">O<O>C<r", ".x.........xcr.", "xxxemxxxxxxxcrx", "! !  !!!!!!    " },
  { ">O<O>Q", "...............", "ccccccccccccccc", "!!!!!!!!!!!!!!!" },
};

static char
get_state_letter (const MilterSession *session)
{
  return state_letters[session->state];
}

static void
check_strict_pair (guint state, guint command)
{
  MilterSession session;
  guint8 letter = command_letters[command];
  char wanted = expected[state].strict[command];
  gboolean fine;

  milter_session_init (&session, MILTER_SESSION_STRICT);
  talk (&session, expected[state].words);
  cr_assert_eq (get_state_letter (&session), state_letters[state], "%s", expected[state].words);
  cr_assert_eq (milter_session_may_command (&session, letter, NULL), wanted != '.');
  fine = say (&session, MILTER_SIDE_MTA, letter, NULL);
  cr_assert_eq (fine, wanted != '.', "state %c command %c", state_letters[state], letter);
  cr_assert_eq (get_state_letter (&session),
                wanted == '.' ? state_letters[state] : wanted,
                "state %c command %c leads to %c",
                state_letters[state],
                letter,
                get_state_letter (&session));
  cr_assert_eq (session.n_deviations, fine ? 0 : 1);
  milter_session_clear (&session);
}

Test (session, strict_takes_exactly_what_the_order_allows)
{
  cr_assert_eq (G_N_ELEMENTS (expected), MILTER_SESSION_CLOSED + 1);
  for (guint state = 0; state < G_N_ELEMENTS (expected); state++)
    for (guint command = 0; command < strlen (command_letters); command++)
      check_strict_pair (state, command);
}

static void
check_lenient_pair (guint state, guint command)
{
  const char *lenient = expected[state].lenient;
  const char *dropped = expected[state].dropped;
  guint8 letter = command_letters[command];
  MilterSession session;
  guint due;
  bool answered;

  milter_session_init (&session, MILTER_SESSION_LENIENT);
  talk (&session, expected[state].words);
  due = session.due_count;
  cr_assert_eq (say (&session, MILTER_SIDE_MTA, letter, NULL),
                expected[state].strict[command] != '.',
                "told as with STRICT");
  cr_assert_eq (get_state_letter (&session),
                lenient[command],
                "state %c command %c leads to %c",
                state_letters[state],
                letter,
                get_state_letter (&session));
  cr_assert_eq (session.dropped,
                dropped[command] == '!',
                "state %c command %c",
                state_letters[state],
                letter);
  answered = strchr ("DAQK", letter) == NULL && !session.dropped;
  cr_assert_eq (session.due_count, due + answered, "what is passed over gets no reply");
  milter_session_clear (&session);
}

Test (session, lenient_takes_and_passes_over_as_libmilter_does)
{
  for (guint state = 0; state < G_N_ELEMENTS (expected); state++)
    for (guint command = 0; command < strlen (command_letters); command++)
      check_lenient_pair (state, command);
}

Test (session, off_judges_nothing_and_follows)
{
  static const char *const leads_to = "n.eemRdhbbE.cr.";

  for (guint state = 0; state < G_N_ELEMENTS (expected); state++)
    for (guint command = 0; command < strlen (command_letters); command++)
      {
        MilterSession session;

        milter_session_init (&session, MILTER_SESSION_OFF);
        talk (&session, expected[state].words);
        cr_assert (say (&session, MILTER_SIDE_MTA, command_letters[command], NULL));
        if (leads_to[command] != '.')
          cr_assert_eq (get_state_letter (&session), leads_to[command]);
        cr_assert_eq (session.n_deviations, 0);
        cr_assert_not (session.dropped);
        milter_session_clear (&session);
      }
}

Test (session, unknown_letters_are_told_and_change_nothing)
{
  for (guint letter = 0; letter < 256; letter++)
    if (milter_spec_get (MILTER_SIDE_MTA, letter) == NULL)
      {
        MilterSession session;
        g_autoptr (GError) error = NULL;

        milter_session_init (&session, MILTER_SESSION_LENIENT);
        talk (&session, ">O<O>C<c>M<c");
        cr_assert_not (say (&session, MILTER_SIDE_MTA, letter, &error));
        cr_assert (
            g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_UNKNOWN_LETTER));
        cr_assert (session.dropped);
        cr_assert_eq (session.state, MILTER_SESSION_MAIL);
        cr_assert_not (milter_session_is_answered (&session, letter));
        cr_assert_not (milter_session_is_wanted (&session, letter));
        milter_session_clear (&session);
      }
}

/* -- talks -- */

Test (session, whole_talks_pass)
{
  static const char *const talks[] = {
    /* Postfix, with macros before each command and ABORT after each message */
    (">O<O>D>C<c>D>H<c>D>M<c>D>R<c>D>R<r>D>T<c>D>L<c>D>L<c>D>N<c>D>B<c>D>E<h<i<p<m<b<b<+<2<-<e<q<c"
     ">A>D>M<c>R<c>T<c>N<c>E<a>A>A>Q"),
    /* sendmail: the next message without ABORT; a client that resets */
    ">O<O>C<c>H<c>M<c>R<c>T<c>L<c>N<c>B<c>E<r>M<c>R<t>R<c>A>M<d>M<a>Q",
    /* HELO and MAIL inside a message, UNKNOWN around it */
    ">O<O>C<c>U<c>H<c>U<r>M<c>U<t>H<c>M<c>R<c>U<y>M<c>R<c>U<c>T<c>N<c>E<y>U<r>H<c>Q",
    /* another client on the same connection */
    ">O<O>C<c>H<c>M<c>R<c>T<c>N<c>E<c>K>C<c>M<c>K>C<a>K>C<c>Q",
    /* skipped body, then its end */
    ">O<O>C<c>H<c>M<c>R<c>T<c>N<c>B<s>E<c>M<c>R<c>T<c>N<c>B<c>B<s>E<c>Q",
    /* all in one write */
    ">O<O>C>H>M>R>R>T>L>L>N>B>E>A>M>R>T>N>E>Q<c<c<c<c<c<c<c<c<c<c<h<c<c<c<c<c<c",
    /* a verdict silences what was sent ahead of it */
    ">O<O>C<c>M>R>T>L>N>B>E>M>R<r<c<c",
    ">O<O>C<c>M>R>R>T>L<c<r<a>A>M<c",
    ">O<O>C<c>M>R>U>T>L<t<c>A>M<c",
    /* refused at the connection; the MTA may close as it likes */
    ">O<O>C<y>Q",
    ">O<O>C<c>H<t>A>Q",
    ">O<O>C<a>K>C<c",
    ">O>Q<O",
    ">Q",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (talks); i++)
    {
      MilterSession session;

      milter_session_init (&session, MILTER_SESSION_STRICT);
      talk (&session, talks[i]);
      cr_assert_eq (milter_session_due (&session), 0, "talk %zu", i);
      cr_assert_eq (session.n_deviations, 0);
      milter_session_clear (&session);
    }
}

Test (session, deviations_have_their_code)
{
  static const struct
  {
    const char *words;
    int code;
  } cases[] = {
    { ">C", MILTER_SESSION_ERROR_OUT_OF_ORDER },
    { ">O<O>C<c>C", MILTER_SESSION_ERROR_OUT_OF_ORDER },
    { ">O<O>C<c>M<c>R<r>T", MILTER_SESSION_ERROR_OUT_OF_ORDER },
    { ">O<O>C<c>M<c>R<r>R<t>R<y>T", MILTER_SESSION_ERROR_OUT_OF_ORDER },
    { ">O<O>C<c>M<c>R<c>T<c>N<c>B<s>B", MILTER_SESSION_ERROR_SKIPPED },
    { ">O<O>C<c>M<a>R", MILTER_SESSION_ERROR_OUT_OF_ORDER },
    { ">O<O>C<c>M<c>R<d>R", MILTER_SESSION_ERROR_OUT_OF_ORDER },
    { ">O<O>C<a>H", MILTER_SESSION_ERROR_OUT_OF_ORDER },
    { ">O<O>C<c<c", MILTER_SESSION_ERROR_UNASKED },
    { ">O<O>C<c>M<c>A<c", MILTER_SESSION_ERROR_UNASKED },
    { ">O<O>C<c>Q<c", MILTER_SESSION_ERROR_UNASKED },
    { ">O<O>D<c", MILTER_SESSION_ERROR_UNASKED },
    { "<c", MILTER_SESSION_ERROR_UNASKED },
    { ">O<c", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<r", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<O", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<d", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<s", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<c>H<d", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<c>U<a", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<c>U<d", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<c>M<c>R<s", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<c>M<c>R<c>T<c>L<s", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<c>M<c>R<c>T<c>N<c>E<s", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<f", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<l", MILTER_SESSION_ERROR_WRONG_REPLY },
    { ">O<O>C<z", MILTER_SESSION_ERROR_UNKNOWN_LETTER },
    { ">O<O>C<h", MILTER_SESSION_ERROR_EDIT_OUTSIDE },
    { ">O<O>C<c>M<c>R<c>T<c>N<c>B<p", MILTER_SESSION_ERROR_EDIT_OUTSIDE },
    { ">O<O>C<c>M<c>R<c>T<c>N<c>E<c<h", MILTER_SESSION_ERROR_EDIT_OUTSIDE },
    { ">O<O>C<c>M<c>q", MILTER_SESSION_ERROR_UNKNOWN_LETTER },
    { ">O<O>C<c>M<c<q", MILTER_SESSION_ERROR_EDIT_OUTSIDE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    check_deviates (cases[i].words, cases[i].code);
}

/* -- effects -- */

Test (session, replies_act_by_stage)
{
  static const struct
  {
    const char *words;
    const char *replies;
    const char *leads_to; /* a state for each of the replies */
  } cases[] = {
    { ">O<O>C", "carty4", "exxxxx" },
    { ">O<O>C<c>H", "carty4", "exxxxx" },
    { ">O<O>C<c>M", "cartyd4", "mooooox" },
    { ">O<O>C<c>M<c>R", "cartyd4", "RoRRRox" },
    { ">O<O>C<c>M<c>R<c>T", "cartyd4", "dooooox" },
    { ">O<O>C<c>M<c>R<c>T<c>L", "cartyd4", "hooooox" },
    { ">O<O>C<c>M<c>R<c>T<c>N", "cartyd4", "booooox" },
    { ">O<O>C<c>M<c>R<c>T<c>N<c>B", "cartyds4", "booooobx" },
    { ">O<O>C<c>M<c>R<c>T<c>N<c>E", "cartyd4", "eeeeeex" },
    { ">O<O>C<c>U", "crty4", "eeeex" },
    { ">O<O>C<c>M<c>R<c>U", "crty4", "RRRRx" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gsize reply = 0; reply < strlen (cases[i].replies); reply++)
      {
        MilterSession session;
        char word[] = { '<', cases[i].replies[reply], '\0' };

        milter_session_init (&session, MILTER_SESSION_STRICT);
        talk (&session, cases[i].words);
        talk (&session, word);
        cr_assert_eq (get_state_letter (&session),
                      cases[i].leads_to[reply],
                      "%s%s leads to %c",
                      cases[i].words,
                      word,
                      get_state_letter (&session));
        cr_assert_eq (milter_session_due (&session), 0);
        milter_session_clear (&session);
      }
}

/* on which the short way of milter_session_continue() rests */
Test (session, continue_answers_every_command_but_an_offer_whatever_was_agreed)
{
  const MilterSpec *reply = milter_spec_get (MILTER_SIDE_MILTER, MILTER_REPLY_CONTINUE);
  gsize n_rows;
  const MilterSpec *rows = milter_spec_list (MILTER_SIDE_MTA, &n_rows);

  cr_expect (reply->action == 0 && reply->since == MILTER_PROTOCOL_VERSION_MIN);
  for (gsize i = 0; i < n_rows; i++)
    {
      bool is_answered = rows[i].answer == MILTER_ANSWER_REPLY || rows[i].answer == MILTER_ANSWER_EDITS;

      cr_expect ((strchr (reply->answers, rows[i].letter) != NULL) == is_answered, "%s", rows[i].word);
    }
}

Test (session, recipients_are_counted_by_message)
{
  MilterSession session;

  milter_session_init (&session, MILTER_SESSION_STRICT);
  talk (&session, ">O<O>C<c>M<c>R<c>R<r>R<t>R<y");
  cr_assert_eq (session.n_recipients, 4);
  cr_assert_eq (session.n_refused, 3);
  talk (&session, ">M<c");
  cr_assert_eq (session.n_recipients, 0);
  cr_assert_eq (session.n_refused, 0);
  /* a refusal that comes after its message was cancelled does not count for the next */
  talk (&session, ">R>A>M>R<r<c<c");
  cr_assert_eq (session.n_recipients, 1);
  cr_assert_eq (session.n_refused, 0);
  milter_session_clear (&session);
}

Test (session, a_reply_421_ends_the_connection_at_any_stage)
{
  static const char *const words[]
      = { ">O<O>C", ">O<O>C<c>M", ">O<O>C<c>M<c>R", ">O<O>C<c>M<c>R<c>T<c>N<c>E" };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      static const char text[] = "421 4.3.2 bye";
      MilterSession session;

      milter_session_init (&session, MILTER_SESSION_STRICT);
      talk (&session, words[i]);
      cr_assert (
          say_bytes (&session, MILTER_SIDE_MILTER, 'y', milter_bytes (text, sizeof text), NULL));
      cr_assert_eq (session.state, MILTER_SESSION_CONNECTION_OVER);
      milter_session_clear (&session);
    }
}

Test (session, reply_texts_that_an_mta_mangles_are_told)
{
  static const char *const texts[] = { "250 2.0.0 fine", "550 4.7.1 x", "x", "550 5.7.1 50% off" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      MilterBytes text = milter_bytes (texts[i], strlen (texts[i]) + 1);
      MilterSession session;
      g_autoptr (GError) error = NULL;

      milter_session_init (&session, MILTER_SESSION_LENIENT);
      talk (&session, ">O<O>C<c>M");
      cr_assert_not (say_bytes (&session, MILTER_SIDE_MILTER, 'y', text, &error));
      cr_assert (g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_REPLY_TEXT));
      cr_assert_eq (session.state, MILTER_SESSION_MESSAGE_OVER, "it is a refusal all the same");
      milter_session_clear (&session);
    }
}

Test (session, lenient_takes_wrong_replies_for_the_answer_and_edits_for_none)
{
  static const struct
  {
    const char *words;
    guint8 reply;
    MilterSessionState state;
    guint8 due;
  } cases[] = {
    { ">O<O>C", 'd', MILTER_SESSION_ENVELOPE, 0 },
    { ">O<O>C", 'f', MILTER_SESSION_ENVELOPE, 0 },
    { ">O<O>C", 'z', MILTER_SESSION_ENVELOPE, 0 },
    { ">O<O>C", 'h', MILTER_SESSION_ENVELOPE, 'C' },
    { ">O<O>C", 'p', MILTER_SESSION_ENVELOPE, 'C' },
    { ">O<O>C<c", 'r', MILTER_SESSION_ENVELOPE, 0 },
    { ">O<O>C<c>M<c>U", 'a', MILTER_SESSION_MESSAGE_OVER, 0 },
    { ">O<O>C<c>U", 'a', MILTER_SESSION_ENVELOPE, 0 },
    { ">O<O>C<c>M<c>R<c>T<c>N<c>E", 's', MILTER_SESSION_ENVELOPE, 0 },
    { ">O", 'c', MILTER_SESSION_CONNECTION_OVER, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      MilterSession session;

      milter_session_init (&session, MILTER_SESSION_LENIENT);
      talk (&session, cases[i].words);
      cr_assert_not (say (&session, MILTER_SIDE_MILTER, cases[i].reply, NULL));
      cr_assert_eq (session.state, cases[i].state, "%s<%c", cases[i].words, cases[i].reply);
      cr_assert_eq (milter_session_due (&session), cases[i].due);
      cr_assert_eq (session.n_deviations, 1);
      milter_session_clear (&session);
    }
}

Test (session, skip_outside_the_body_holds_until_something_else_comes)
{
  MilterSession session;

  milter_session_init (&session, MILTER_SESSION_LENIENT);
  talk (&session, ">O<O>C<c>M<c>R<c>T<c>L");
  cr_assert_not (say (&session, MILTER_SIDE_MILTER, 's', NULL));
  cr_assert_not (milter_session_may_command (&session, 'L', NULL));
  talk (&session, ">D");
  cr_assert_not (milter_session_may_command (&session, 'L', NULL));
  talk (&session, ">N<c>B<s");
  cr_assert_not (milter_session_may_command (&session, 'B', NULL));
  talk (&session, ">E<c>M<c>R<c>T<c>L<c>N<c>B<c");
  milter_session_clear (&session);
}

Test (session, malformed_messages_are_told_and_taken)
{
  static const struct
  {
    const char *words;
    char mark;
    guint8 letter;
    const char *payload;
    gsize size;
  } cases[] = {
    { ">O<O>C<c", '>', 'H', "client", 6 },
    { ">O<O>C<c", '>', 'M', "", 0 },
    { ">O<O>C<c>M<c>R<c", '>', 'T', "x", 1 },
    { ">O<O>C<c>M", '<', 'c', "x", 1 },
    { ">O<O>C<c>M", '<', 'y', "550 5.7.1 no", 12 },
    { ">O<O>C<c>M<c>R<c>T<c>N<c>E", '<', 'h', "X\0", 2 },
    { "", '>', 'O', "\0\0\0\6", 4 },
    { ">O<O>C<c", '>', 'D', "", 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      MilterBytes payload = milter_bytes (cases[i].payload, cases[i].size);
      MilterSession session;
      g_autoptr (GError) error = NULL;

      milter_session_init (&session, MILTER_SESSION_LENIENT);
      talk (&session, cases[i].words);
      cr_assert_not (
          say_bytes (&session, get_side (cases[i].mark), cases[i].letter, payload, &error));
      cr_assert (g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_MALFORMED),
                 "case %zu: %s",
                 i,
                 error->message);
      cr_assert_not (session.dropped);
      milter_session_clear (&session);
    }
}

/* -- the list of what is due -- */

Test (session, a_thousand_commands_may_be_on_their_way)
{
  MilterSession session;

  milter_session_init (&session, MILTER_SESSION_STRICT);
  talk (&session, ">O<O>C<c>M<c>R<c>T<c");
  for (guint round = 0; round < 3; round++)
    {
      for (guint i = 0; i < 1500; i++)
        talk (&session, ">L");
      for (guint i = 0; i < 1500; i++)
        {
          cr_assert_eq (milter_session_due (&session), 'L');
          talk (&session, "<c");
        }
      cr_assert_eq (milter_session_due (&session), 0);
    }
  talk (&session, ">L>L>L>L>N>B>B>B>B>E");
  cr_assert_eq (session.due_count, 10);
  talk (&session, "<c<c<c<c");
  cr_assert_eq (milter_session_due (&session), 'N');
  talk (&session, "<c<c<c<c<c");
  cr_assert_eq (milter_session_due (&session), 'E');
  talk (&session, "<c");
  milter_session_clear (&session);
  milter_session_clear (&session);
}

Test (session, a_refusal_of_the_old_client_is_not_for_the_new_one)
{
  MilterSession session;

  milter_session_init (&session, MILTER_SESSION_STRICT);
  talk (&session, ">O<O>C>K>C<r");
  cr_assert_eq (session.state, MILTER_SESSION_ENVELOPE);
  talk (&session, "<r");
  cr_assert_eq (session.state, MILTER_SESSION_CONNECTION_OVER);
  milter_session_clear (&session);
}

Test (session, strict_refusals_change_nothing)
{
  MilterSession session;

  milter_session_init (&session, MILTER_SESSION_STRICT);
  talk (&session, ">O<O>C<c>M<c>R<c");
  for (guint i = 0; i < 3; i++)
    {
      cr_assert_not (say (&session, MILTER_SIDE_MTA, 'C', NULL));
      cr_assert_not (say (&session, MILTER_SIDE_MILTER, 'c', NULL));
    }
  cr_assert_eq (session.n_deviations, 6);
  cr_assert_eq (session.n_recipients, 1);
  talk (&session, ">T<c>N<c>E<c");
  milter_session_clear (&session);
}

Test (session, in_message_is_from_mail_to_the_verdict)
{
  static const char inside[] = "mRdhbE";

  for (guint state = 0; state < G_N_ELEMENTS (expected); state++)
    {
      MilterSession session;

      milter_session_init (&session, MILTER_SESSION_STRICT);
      talk (&session, expected[state].words);
      cr_assert_eq (milter_session_in_message (&session),
                    strchr (inside, state_letters[state]) != NULL);
      cr_assert_gt (strlen (milter_session_state_to_string (state)), 3);
      milter_session_clear (&session);
    }
}

Test (session, any_sequence_of_frames_is_survived)
{
  static const char letters[] = "ODCHMRTLNBEAQKU\0Oarctydsphimb+2-eq4flz";

  for (int policy = MILTER_SESSION_STRICT; policy <= MILTER_SESSION_OFF; policy++)
    {
      g_autoptr (GRand) random = g_rand_new_with_seed (policy);
      MilterSession session;
      guint n_told = 0;

      milter_session_init (&session, policy);
      for (guint i = 0; i < 100000; i++)
        {
          MilterSide side
              = g_rand_int_range (random, 0, 5) < 3 ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER;
          guint8 letter = letters[g_rand_int_range (random, 0, sizeof letters)];
          MilterBytes payload = get_payload (side, letter);
          gboolean may = side == MILTER_SIDE_MTA
                             ? milter_session_may_command (&session, letter, NULL)
                             : milter_session_may_reply (&session, letter, NULL);
          gboolean fine;

          if (payload.size > 0 && g_rand_int_range (random, 0, 8) == 0)
            payload.size = g_rand_int_range (random, 0, payload.size);
          fine = say_bytes (&session, side, letter, payload, NULL);
          n_told += !fine;
          cr_assert (may || !fine || policy == MILTER_SESSION_OFF);
          cr_assert (fine || policy != MILTER_SESSION_OFF);
          cr_assert_eq (session.n_deviations, n_told);
          cr_assert_leq (session.state, MILTER_SESSION_CLOSED);
          cr_assert_leq (session.n_refused, session.n_recipients);
          /* a session that is over begins again */
          if (session.state == MILTER_SESSION_CLOSED && g_rand_boolean (random))
            {
              milter_session_clear (&session);
              n_told = 0;
            }
        }
      milter_session_clear (&session);
    }
}

/* -- the short way of plain commands -- */

static void
check_same (const MilterSession *a, const MilterSession *b, const char *words, guint8 letter)
{
  cr_assert_eq (a->state, b->state, "%s, %c: %u, not %u", words, letter, a->state, b->state);
  cr_assert_eq (a->message, b->message, "%s, %c: message %u", words, letter, a->message);
  cr_assert_eq (a->n_recipients, b->n_recipients, "%s, %c", words, letter);
  cr_assert_eq (a->n_refused, b->n_refused, "%s, %c", words, letter);
  cr_assert_eq (a->skipped, b->skipped, "%s, %c", words, letter);
  cr_assert_eq (a->dropped, b->dropped, "%s, %c", words, letter);
  cr_assert_eq (a->due_count, b->due_count, "%s, %c", words, letter);
  cr_assert_eq (milter_session_due (a), milter_session_due (b), "%s, %c", words, letter);
}

/* returns whether @letter has a short way behind @words; it must lead where the long one leads */
static bool
check_short_way (const char *words, guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, letter);
  MilterSession shortly, closely;
  guint8 next;

  milter_session_init (&shortly, MILTER_SESSION_LENIENT);
  milter_session_init (&closely, MILTER_SESSION_LENIENT);
  talk (&shortly, words);
  talk (&closely, words);
  next = milter_session_find_step (&shortly, spec);
  check_same (&shortly, &closely, words, letter);
  if (next != 0)
    {
      milter_session_step (&shortly, spec, next);
      cr_assert (say (&closely, MILTER_SIDE_MTA, letter, NULL), "%s, %c", words, letter);
      check_same (&shortly, &closely, words, letter);
      if (milter_session_let_pass (&shortly))
        cr_assert (say (&closely, MILTER_SIDE_MILTER, MILTER_REPLY_CONTINUE, NULL));
      check_same (&shortly, &closely, words, letter);
    }
  milter_session_clear (&shortly);
  milter_session_clear (&closely);
  return next != 0;
}

Test (session, the_short_way_of_a_command_leads_where_the_long_one_does)
{
  guint n = 0;

  for (guint state = 0; state < G_N_ELEMENTS (expected); state++)
    for (guint command = 0; command < strlen (command_letters); command++)
      n += check_short_way (expected[state].words, command_letters[command]);
  /* MR, RRT, LN, LN, BE; in the state behind an end of message its answer is due */
  cr_expect_eq (n, 10);
}

Test (session, what_was_negotiated_or_answered_leaves_no_short_way)
{
  /* a recipient was refused */
  cr_expect_not (check_short_way (">O<O>C<c>M<c>R<r>R<c", 'T'));
  cr_expect_not (check_short_way (">O<O>C<c>M<c>R<r", 'T'));
  /* an answer is due */
  cr_expect_not (check_short_way (">O<O>C<c>M<c>R", 'R'));
  /* of the body no more is wanted */
  cr_expect_not (check_short_way (">O<O>C<c>M<c>R<c>T<c>N<c>B<s", 'B'));
  cr_expect (check_short_way (">O<O>C<c>M<c>R<c", 'T'));
  for (guint i = 0; i < 2; i++)
    {
      MilterSession session;

      milter_session_init (&session, MILTER_SESSION_LENIENT);
      talk (&session, ">O<O>C<c>M<c>R<c");
      if (i == 0)
        session.agreed.steps |= MILTER_STEP_NO_DATA;
      else
        session.agreed.version = 3;
      cr_expect_eq (milter_session_find_step (&session, milter_spec_get (MILTER_SIDE_MTA, 'T')), 0);
      milter_session_clear (&session);
    }
}

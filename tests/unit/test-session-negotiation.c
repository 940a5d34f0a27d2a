/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-session-negotiation.c: what the negotiation makes of a session: what may be left out, what
 * may not be sent, what is answered, and which answers an offer allows.
 */
#include "session-test.h"

static void
negotiate (MilterSession *session,
           MilterSessionPolicy policy,
           guint version,
           guint32 actions,
           guint32 steps)
{
  g_autoptr (GByteArray) answer = g_byte_array_new ();
  const guint32 words[]
      = { GUINT32_TO_BE (version), GUINT32_TO_BE (actions), GUINT32_TO_BE (steps) };
  g_autoptr (GError) error = NULL;

  milter_session_init (session, policy);
  talk (session, ">O");
  g_byte_array_append (answer, (const guint8 *) words, sizeof words);
  cr_assert (
      say_bytes (
          session, MILTER_SIDE_MILTER, 'O', milter_bytes (answer->data, answer->len), &error),
      "%s",
      error == NULL ? "-" : error->message);
  cr_assert_eq (session->state, MILTER_SESSION_READY);
}

#define ALL_SKIPS MILTER_STEP_NO_EVENT_MASK

Test (session, what_was_negotiated_away_may_be_left_out)
{
  static const struct
  {
    guint32 steps;
    const char *words;
  } cases[] = {
    { MILTER_STEP_NO_CONNECT, ">H<c>M<c>R<c>T<c>N<c>E<c" },
    { MILTER_STEP_NO_CONNECT | MILTER_STEP_NO_HELO, ">M<c>R<c>T<c>N<c>E<c>U<c" },
    { MILTER_STEP_NO_ENVELOPE_FROM, ">C<c>R<c>R<r>T<c>N<c>E<c>R<a>R<c>A>R<c>T<c>N<c>E>R<c<c" },
    { MILTER_STEP_NO_ENVELOPE_RECIPIENT, ">C<c>M<c>T<c>L<c>N<c>E<c>M<c" },
    { MILTER_STEP_NO_DATA, ">C<c>M<c>R<c>L<c>N<c>B<c>E<c>M<c>R<c>N<c>E<c" },
    { MILTER_STEP_NO_END_OF_HEADER, ">C<c>M<c>R<c>T<c>L<c>B<c>E<c>M<c>R<c>T<c>E<c" },
    { MILTER_STEP_NO_HEADERS, ">C<c>M<c>R<c>T<c>N<c>B<c>E<c" },
    { MILTER_STEP_NO_BODY, ">C<c>M<c>R<c>T<c>N<c>E<c" },
    { MILTER_STEP_NO_DATA | MILTER_STEP_NO_END_OF_HEADER, ">C<c>M<c>R<c>E<c>M<c>R<c>B<c>E<c" },
    { ALL_SKIPS, ">D>E<c>A>D>E<r>E<c>Q" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      MilterSession session;

      negotiate (&session, MILTER_SESSION_STRICT, 6, 0, cases[i].steps);
      talk (&session, cases[i].words);
      milter_session_clear (&session);
    }
}

Test (session, what_was_negotiated_away_may_not_be_sent)
{
  static const char *const words[] = { "C",
                                       "C<c>H",
                                       "C<c>M",
                                       "C<c>M<c>R",
                                       "C<c>M<c>R<c>T",
                                       "C<c>M<c>R<c>T<c>L",
                                       "C<c>M<c>R<c>T<c>N",
                                       "C<c>M<c>R<c>T<c>N<c>B",
                                       "C<c>U" };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      guint8 letter = words[i][strlen (words[i]) - 1];
      guint32 skip = milter_spec_get (MILTER_SIDE_MTA, letter)->skip;
      g_autofree char *before = g_strdup_printf (">%.*s", (int) strlen (words[i]) - 1, words[i]);
      g_autoptr (GError) error = NULL;
      MilterSession session;

      negotiate (&session, MILTER_SESSION_LENIENT, 6, 0, skip);
      before[strlen (before) - 1] = '\0';
      talk (&session, before);
      cr_assert_not (milter_session_is_wanted (&session, letter));
      cr_assert_not (say (&session, MILTER_SIDE_MTA, letter, &error));
      cr_assert (g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_SKIPPED));
      /* it is answered all the same (NEG-22) */
      cr_assert_not (session.dropped);
      cr_assert_eq (milter_session_due (&session), letter);
      milter_session_clear (&session);
    }
}

Test (session, versions_imply_what_may_be_sent)
{
  static const struct
  {
    guint version;
    guint8 letter;
    bool wanted;
  } cases[] = {
    { 2, 'U', false }, { 2, 'T', false }, { 2, 'K', false }, { 3, 'U', true },
    { 3, 'T', false }, { 3, 'K', false }, { 4, 'U', true },  { 4, 'T', true },
    { 4, 'K', false }, { 6, 'K', true },  { 2, 'E', true },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      MilterSession session;

      negotiate (&session, MILTER_SESSION_STRICT, cases[i].version, 0, 0);
      cr_assert_eq (milter_session_is_wanted (&session, cases[i].letter),
                    cases[i].wanted,
                    "version %u letter %c",
                    cases[i].version,
                    cases[i].letter);
      milter_session_clear (&session);
    }
}

Test (session, commands_and_replies_newer_than_the_version_are_told)
{
  static const struct
  {
    guint version;
    const char *before;
    const char *word;
  } cases[] = {
    { 2, ">C<c", ">U" },
    { 3, ">C<c>M<c>R<c", ">T" },
    { 4, ">C<c", ">K" },
    { 4, ">C<c>M<c>R<c>T<c>N<c>B", "<s" },
    { 2, ">C<c>M<c>R<c>N<c>E", "<e" },
    { 2, ">C<c>M<c>R<c>L<c>N<c>E", "<2" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      MilterSession session;
      g_autoptr (GError) error = NULL;

      negotiate (&session, MILTER_SESSION_STRICT, cases[i].version, 0, 0);
      talk (&session, cases[i].before);
      cr_assert_not (say (&session, get_side (cases[i].word[0]), cases[i].word[1], &error));
      cr_assert (g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_TOO_NEW),
                 "%s",
                 error->message);
      milter_session_clear (&session);
    }
}

Test (session, no_reply_steps_leave_nothing_due)
{
  static const char letters[] = "CHMRTLNBU";
  MilterSession session;

  negotiate (&session, MILTER_SESSION_STRICT, 6, 0, MILTER_STEP_NO_REPLY_MASK);
  for (gsize i = 0; i < strlen (letters); i++)
    cr_assert_not (milter_session_is_answered (&session, letters[i]));
  talk (&session, ">C>H>M>R>R>T>L>L>N>B");
  cr_assert_eq (milter_session_due (&session), 0);
  cr_assert_eq (session.n_recipients, 2);
  talk (&session, ">E");
  cr_assert_eq (milter_session_due (&session), 'E');
  /* the next message is on its way before the verdict: it is not touched by it */
  talk (&session, ">M>R<c");
  cr_assert_eq (session.state, MILTER_SESSION_RCPT);
  milter_session_clear (&session);
}

Test (session, nothing_is_silent_before_the_answer)
{
  MilterSession session;

  /* the offer says which steps the MTA knows, not which hold */
  milter_session_init (&session, MILTER_SESSION_OFF);
  talk (&session, ">O>C>H");
  cr_assert_eq (session.due_count, 3);
  cr_assert_eq (session.offer.steps, 0x1fffff);
  cr_assert_eq (session.agreed.steps, 0);
  cr_assert_eq (session.agreed.actions, 0x1ff);
  talk (&session, "<O<c");
  cr_assert_eq (session.state, MILTER_SESSION_ENVELOPE);
  milter_session_clear (&session);
}

static void
check_answer (const char *payload, gsize size, int code, MilterSessionState lenient)
{
  MilterSession session;
  g_autoptr (GError) error = NULL;

  milter_session_init (&session, MILTER_SESSION_STRICT);
  talk (&session, ">O");
  cr_assert_not (
      say_bytes (&session, MILTER_SIDE_MILTER, 'O', milter_bytes (payload, size), &error));
  cr_assert (g_error_matches (error, MILTER_SESSION_ERROR, code), "%s", error->message);
  cr_assert_eq (session.state, MILTER_SESSION_NEGOTIATING);
  cr_assert_eq (milter_session_due (&session), 'O');
  milter_session_clear (&session);

  milter_session_init (&session, MILTER_SESSION_LENIENT);
  talk (&session, ">O");
  cr_assert_not (say_bytes (&session, MILTER_SIDE_MILTER, 'O', milter_bytes (payload, size), NULL));
  cr_assert_eq (session.state, lenient);
  cr_assert_eq (milter_session_due (&session), 0);
  milter_session_clear (&session);
}

Test (session, answers_that_the_offer_does_not_allow_are_told)
{
#define CHECK(bytes, code, state)                                                                  \
  check_answer (bytes, sizeof (bytes) - 1, MILTER_SESSION_ERROR_##code, MILTER_SESSION_##state)
  CHECK (OFFER ("\7", "\0\0", "\0\0\0"), NEGOTIATION, READY);
  CHECK (OFFER ("\1", "\0\0", "\0\0\0"), NEGOTIATION, READY);
  CHECK (OFFER ("\6", "\2\0", "\0\0\0"), NEGOTIATION, READY);
  CHECK (OFFER ("\6", "\0\0", "\x20\0\0"), NEGOTIATION, READY);
  CHECK (OFFER ("\6", "\0\0", "\0\0\0") "\0\0\0\7i\0", NEGOTIATION, READY);
  CHECK (OFFER ("\6", "\0\0", "\0\0\0") "\0\0\0\1i\0\0\0\0\1j\0", NEGOTIATION, READY);
  CHECK (OFFER ("\6", "\0\0", "\0\0\0") "\0\0\0\1i", MALFORMED, READY);
  CHECK ("\0\0\0\6\0\0\0\0", MALFORMED, CONNECTION_OVER);
  CHECK ("", MALFORMED, CONNECTION_OVER);
}

Test (session, symbol_lists_need_the_offer_of_them)
{
  static const char offer[] = OFFER ("\6", "\0\xff", "\x1f\xff\xff");
  static const char answer[] = OFFER ("\6", "\0\1", "\0\0\0") "\0\0\0\0j\0";
  MilterSession session;
  g_autoptr (GError) error = NULL;

  milter_session_init (&session, MILTER_SESSION_STRICT);
  cr_assert (say_bytes (&session, MILTER_SIDE_MTA, 'O', milter_bytes (offer, 12), NULL));
  cr_assert_not (say_bytes (
      &session, MILTER_SIDE_MILTER, 'O', milter_bytes (answer, sizeof answer - 1), &error));
  cr_assert (g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_NEGOTIATION));
  milter_session_clear (&session);

  milter_session_init (&session, MILTER_SESSION_STRICT);
  talk (&session, ">O");
  cr_assert (say_bytes (
      &session, MILTER_SIDE_MILTER, 'O', milter_bytes (answer, sizeof answer - 1), NULL));
  milter_session_clear (&session);
}

Test (session, an_offer_below_version_2_is_told)
{
  static const char offer[] = OFFER ("\1", "\0\xff", "\x1f\xff\xff");
  MilterSession session;
  g_autoptr (GError) error = NULL;

  milter_session_init (&session, MILTER_SESSION_STRICT);
  cr_assert_not (say_bytes (&session, MILTER_SIDE_MTA, 'O', milter_bytes (offer, 12), &error));
  cr_assert (g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_NEGOTIATION));
  milter_session_clear (&session);
}

Test (session, each_edit_needs_its_own_action)
{
  static const struct
  {
    guint8 letter;
    guint32 action;
  } edits[] = {
    { 'h', 0x1 },  { 'i', 0x1 },  { 'b', 0x2 },  { '+', 0x4 },  { '-', 0x8 },
    { 'm', 0x10 }, { 'q', 0x20 }, { 'e', 0x40 }, { '2', 0x80 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (edits); i++)
    {
      MilterSession session;
      g_autoptr (GError) error = NULL;

      negotiate (&session, MILTER_SESSION_STRICT, 6, 0x1ff & ~edits[i].action, 0);
      talk (&session, ">C<c>M<c>R<c>T<c>N<c>E");
      cr_assert_not (milter_session_may_reply (&session, edits[i].letter, NULL));
      cr_assert_not (say (&session, MILTER_SIDE_MILTER, edits[i].letter, &error));
      cr_assert (g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_ACTION));
      milter_session_clear (&session);

      negotiate (&session, MILTER_SESSION_STRICT, 6, edits[i].action, 0);
      talk (&session, ">C<c>M<c>R<c>T<c>N<c>E");
      cr_assert (milter_session_may_reply (&session, edits[i].letter, NULL));
      cr_assert (say (&session, MILTER_SIDE_MILTER, edits[i].letter, NULL));
      cr_assert_eq (milter_session_due (&session), 'E', "an edit is no answer");
      milter_session_clear (&session);
    }
}

Test (session, skip_needs_its_step)
{
  MilterSession session;
  g_autoptr (GError) error = NULL;

  negotiate (&session, MILTER_SESSION_STRICT, 6, 0, 0);
  talk (&session, ">C<c>M<c>R<c>T<c>N<c>B");
  cr_assert_not (say (&session, MILTER_SIDE_MILTER, 's', &error));
  cr_assert (g_error_matches (error, MILTER_SESSION_ERROR, MILTER_SESSION_ERROR_ACTION));
  milter_session_clear (&session);
}

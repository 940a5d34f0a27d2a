/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-echo.c: an MTA is answered as it was in a recording, and told from it.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "milter-echo.h"

#include "recorded-test.h"

#define CLIENT   STEP (">Cclient\0U"), STEP ("<c"), STEP (">Hhelo\0"), STEP ("<c")
#define BEGIN    STEP ("+"), STEP_OFFER, STEP_ANSWER, CLIENT
#define END      STEP (">Q"), STEP (">."), STEP ("<.")
#define MAIL(sender, recipient)                                                                    \
  STEP (">M<" sender ">\0"), STEP ("<c"), STEP (">R<" recipient ">\0"), STEP ("<c")
/* a message of alice, with a field and a body */
#define ALICE                                                                                      \
  MAIL ("alice", "bob"), STEP (">LMessage-ID\0<1>\0"), STEP ("<c"), STEP (">N"), STEP ("<c"),      \
      STEP (">Bone\r\n"), STEP ("<c"), STEP (">E"), STEP ("<hX\0one\0"), STEP ("<a")
/* another one of hers */
#define ALICE_AGAIN                                                                                \
  MAIL ("alice", "bob"), STEP (">LMessage-ID\0<2>\0"), STEP ("<c"), STEP (">N"), STEP ("<c"),      \
      STEP (">Btwo\r\n"), STEP ("<c"), STEP (">E"), STEP ("<hX\0two\0"), STEP ("<y550 two\0")
#define CAROL                                                                                      \
  MAIL ("carol", "bob"), STEP (">N"), STEP ("<c"), STEP (">E"), STEP ("<q\0"), STEP ("<c")

#define MAX_STEPS 64

typedef struct
{
  const char *name;
  RecordedStep recorded[MAX_STEPS]; /* up to one without bytes */
  /* what an MTA says: `>…` as there, `+` on a new connection; `@2` on that one from now on */
  RecordedStep said[MAX_STEPS];
  const char *answers;     /* a word each: letters of the frames that answer it, `-` nothing, `?` as
                              the milter always does; `.`, `x` behind them: it closes, resets */
  const char *differences; /* a line each, `N: sentence`, with the number of the case; `+`: of one
                              that the recording lacks */
} Case;

/* clang-format off */
static const Case cases[] = {
  { "the same again",
    { BEGIN, ALICE, STEP (">A"), CAROL, END },
    { BEGIN, ALICE, STEP (">A"), CAROL, END },
    "O c c c c c c c ha ? c c c qc ?", "" },
  { "messages in another order, on other connections",
    { BEGIN, ALICE, CAROL, END },
    { BEGIN, CAROL, END, BEGIN, ALICE, END },
    "O c c c c c qc ? O c c c c c c c ha ?", "" },
  { "two messages of a sender are told apart by their ids",
    { BEGIN, ALICE, ALICE_AGAIN, END },
    { BEGIN, ALICE_AGAIN, ALICE, END },
    "O c c c c c c c hy c c c c c ha ?", "" },
  { "by a recipient",
    { BEGIN, MAIL ("a", "b"), STEP (">N"), STEP ("<c"), STEP (">E"), STEP ("<a"), MAIL ("a", "c"), STEP (">N"), STEP ("<c"), STEP (">E"), STEP ("<d"), END },
    { BEGIN, MAIL ("a", "c"), STEP (">N"), STEP (">E"), MAIL ("a", "b"), STEP (">N"), STEP (">E"), END },
    "O c c c c c d c c c a ?", "" },
  { "sessions are told apart by their clients",
    { STEP ("+"), STEP_OFFER, STEP_ANSWER, STEP (">Cone\0U"), STEP ("<c"), END, STEP ("@2"), STEP ("+"), STEP_OFFER, STEP_ANSWER, STEP (">Ctwo\0U"), STEP ("<r"), END },
    { STEP ("+"), STEP_OFFER, STEP (">Ctwo\0U"), STEP (">Q"), STEP ("+"), STEP_OFFER, STEP (">Cone\0U"), STEP (">Q") },
    "O r ? O c ?", "" },
  { "a client's port is another one each time",
    { STEP ("+"), STEP_OFFER, STEP_ANSWER, STEP (">Cone\0004\0\1192.0.2.1\0"), STEP ("<c"), END },
    { STEP ("+"), STEP_OFFER, STEP (">Cone\0004\0\2192.0.2.1\0"), STEP (">Q") },
    "O c ?", "" },
  { "another client",
    { STEP ("+"), STEP_OFFER, STEP_ANSWER, STEP (">Cone\0U"), STEP ("<d"), END },
    { STEP ("+"), STEP_OFFER, STEP (">Ctwo\0U"), STEP (">Q") },
    "O d ?", "1: came as: connect two unknown; recorded is: connect one unknown\n" },
  { "a sender that the recording lacks",
    { BEGIN, ALICE, END },
    { BEGIN, MAIL ("eve", "bob"), STEP (">A"), ALICE, END },
    "O c c t t ? c c c c c ha ?", "+: no such message is left in the recording\n" },
  { "a message that comes once more",
    { BEGIN, CAROL, END },
    { BEGIN, CAROL, CAROL, END },
    "O c c c c c qc t t ? t ?", "+: no such message is left in the recording\n" },
  { "a recipient that the recording lacks, and one that does not come",
    { BEGIN, MAIL ("a", "b"), STEP (">E"), STEP ("<a"), END },
    { BEGIN, MAIL ("a", "x"), STEP (">E"), END },
    "O c c c t a ?", "2: not in the recording: rcpt <x>\n2: did not come: rcpt <b>\n" },
  { "other arguments, another field, another body",
    { BEGIN, STEP (">M<a>\0SIZE=1\0"), STEP ("<c"), STEP (">R<b>\0"), STEP ("<c"), STEP (">LX\0one\0"), STEP ("<c"), STEP (">LY\0y\0"), STEP ("<c"), STEP (">Bone"), STEP ("<c"), STEP (">E"), STEP ("<a"), END },
    { BEGIN, STEP (">M<a>\0SIZE=2\0"), STEP (">R<b>\0"), STEP (">LX\0two\0"), STEP (">LZ\0z\0"), STEP (">Btwo"), STEP (">E"), END },
    "O c c c c c ? c a ?",
    "2: came as: mail <a> SIZE=2; recorded is: mail <a> SIZE=1\n2: came as: header X: two; recorded is: header X: one\n"
    "2: not in the recording: header Z: z\n2: did not come: header Y: y\n2: its body is not the one that was recorded\n" },
  { "a body is cut as one likes",
    { BEGIN, MAIL ("a", "b"), STEP (">Bone"), STEP ("<c"), STEP (">Btwo"), STEP ("<c"), STEP (">E"), STEP ("<a"), END },
    { BEGIN, MAIL ("a", "b"), STEP (">Bo"), STEP (">Bnet"), STEP (">Bwo"), STEP (">E"), END },
    "O c c c c c c ? a ?", "" },
  { "a longer body",
    { BEGIN, MAIL ("a", "b"), STEP (">Bone"), STEP ("<c"), STEP (">E"), STEP ("<a"), END },
    { BEGIN, MAIL ("a", "b"), STEP (">Bone"), STEP (">Etwo"), END },
    "O c c c c c a ?", "2: its body has 6 bytes; 3 were recorded\n" },
  { "a message that is broken off, and one that never comes",
    { BEGIN, ALICE, CAROL, END },
    { BEGIN, MAIL ("alice", "bob"), STEP (">A"), END },
    "O c c c c ? ?",
    "2: did not come: header Message-ID: <1>\n2: did not come: eoh\n2: did not come: eom\n3: it did not come\n" },
  { "a decision, and what an MTA sent ahead of it",
    { BEGIN, STEP (">M<a>\0"), STEP (">R<b>\0"), STEP ("<r"), STEP (">A"), END },
    { BEGIN, STEP (">M<a>\0"), STEP (">A"), END },
    "O c c r ? ?", "" },
  { "no replies where none were agreed",
    { STEP ("+"), STEP_OFFER, STEP ("<O\0\0\0\6\0\0\1\xff\0\x0f\xf0\x80"), STEP (">Cclient\0U"), STEP (">Hhelo\0"), STEP (">M<a>\0"), STEP (">R<b>\0"), STEP (">N"), STEP (">E"), STEP ("<r"), END },
    { STEP ("+"), STEP_OFFER, STEP (">Cclient\0U"), STEP (">Hhelo\0"), STEP (">M<a>\0"), STEP (">R<b>\0"), STEP (">R<x>\0"), STEP (">N"), STEP (">E"), END },
    "O - - - - ? - r ?", "2: not in the recording: rcpt <x>\n" },
  { "where no MAIL is wanted",
    { STEP ("+"), STEP_OFFER, STEP ("<O\0\0\0\6\0\0\1\xff\0\0\x02\x4f"), STEP (">LX\0y\0"), STEP ("<c"), STEP (">E"), STEP ("<c"), STEP (">LX\0z\0"), STEP ("<c"), STEP (">E"), STEP ("<a"), END },
    { STEP ("+"), STEP_OFFER, STEP (">LX\0z\0"), STEP (">E"), STEP (">LX\0y\0"), STEP (">E"), END },
    "O c a c c ?", "" },
  { "a milter that closes, and one that resets",
    { BEGIN, STEP (">M<a>\0"), STEP ("<."), STEP (">."), STEP ("@2"), BEGIN, STEP (">M<b>\0"), STEP ("<x"), STEP (">.") },
    { BEGIN, STEP (">M<a>\0"), BEGIN, STEP (">M<b>\0") },
    "O c c -. O c c -x", "" },
  { "a milter that says something to QUIT, or goes after an abort",
    { BEGIN, STEP (">Q"), STEP ("<c"), STEP ("<."), STEP (">."), STEP ("@2"), BEGIN, STEP (">A"), STEP ("<."), STEP (">."), },
    { BEGIN, STEP (">A"), STEP (">Q"), BEGIN, STEP (">A") },
    "O c c ? c. O c c -.", "" },
  { "a milter that says something to an MTA that has closed",
    { BEGIN, STEP (">A"), STEP (">."), STEP ("<c"), STEP ("<.") },
    { BEGIN, STEP (">A"), STEP (">.") },
    "O c c ? c", "" },
  { "what an MTA says to a milter that has gone",
    { BEGIN, STEP (">M<a>\0"), STEP ("<c"), STEP ("<."), STEP (">R<b>\0"), STEP ("<x") },
    { BEGIN, STEP (">M<a>\0") },
    "O c c c.", "" },
  { "a milter that is silent",
    { BEGIN, STEP (">M<a>\0"), STEP (">."), STEP ("<.") },
    { BEGIN, STEP (">M<a>\0") },
    "O c c -", "" },
  { "the next session of a connection",
    { BEGIN, CAROL, STEP (">K"), STEP (">Cnext\0U"), STEP ("<r"), END },
    { BEGIN, CAROL, STEP (">K"), STEP (">Cnext\0U"), END },
    "O c c c c c qc ? r ?", "" },
  { "a macro that does not come",
    { BEGIN, STEP (">DMi\0001\0{auth}\0a\0"), STEP (">M<a>\0"), STEP ("<c"), END },
    { BEGIN, STEP (">DMi\0002\0"), STEP (">M<a>\0"), END },
    "O c c ? c ?", "2: the macro {auth} did not come with mail\n" },
  { "a connection that began before the recording is left out",
    { STEP ("-"), CLIENT, CAROL, END, STEP ("@2"), BEGIN, ALICE, END },
    { BEGIN, ALICE, END },
    "O c c c c c c c ha ?", "" },
  { "what is behind a hole is not known",
    { BEGIN, STEP (">M<a>\0"), STEP ("<c"), STEP (">!5"), STEP (">E"), STEP ("<a"), END },
    { BEGIN, STEP (">M<a>\0"), STEP (">E"), END },
    "O c c c t ?", "1: the recording is damaged, or ends, in the middle of it\n2: not in the recording: eom\n2: the recording is damaged, or ends, in the middle of it\n" },
  { "an answer that the recording ends before",
    { BEGIN, MAIL ("a", "b"), STEP (">E") },
    { BEGIN, MAIL ("a", "b"), STEP (">E"), END },
    "O c c c c t ?", "2: the recording lacks the answer to eom\n" },
  { "… or in the middle of, whose edits alone are no answer",
    { BEGIN, MAIL ("a", "b"), STEP (">E"), STEP ("<hX\0y\0") },
    { BEGIN, MAIL ("a", "b"), STEP (">E"), END },
    "O c c c c t ?", "2: the recording lacks the answer to eom\n" },
  { "… or that is in a hole",
    { BEGIN, MAIL ("a", "b"), STEP (">E"), STEP ("<!12") },
    { BEGIN, MAIL ("a", "b"), STEP (">E"), END },
    "O c c c c t ?", "1: the recording is damaged, or ends, in the middle of it\n2: the recording lacks the answer to eom\n" },
  { "… or that is to a client, or to the offer",
    { STEP ("+"), STEP_OFFER, STEP_ANSWER, STEP (">Cone\0U"), STEP ("@2"), STEP ("+"), STEP_OFFER },
    { STEP ("+"), STEP_OFFER, STEP (">Cone\0U"), STEP ("+"), STEP_OFFER },
    "O t O", "1: the recording lacks the answer to connect\n2: the recording lacks the answer to negotiate\n" },
};
/* clang-format on */

static gsize
count (const RecordedStep *steps)
{
  gsize n = 0;

  while (n < MAX_STEPS && steps[n].bytes != NULL)
    n++;
  return n;
}

static MilterEchoBook *
read_book (const RecordedStep *steps)
{
  MilterEchoBook *book = milter_echo_book_new ();

  recorded_tell_sink (&milter_echo_book_sink, book, steps, count (steps));
  milter_echo_book_finish (book);
  return book;
}

static void
append_answer (bool is_known, const MilterEchoAnswer *answer, GString *log)
{
  MilterBytes rest = is_known ? answer->bytes : milter_bytes (NULL, 0);
  gsize at = log->len;

  while (rest.size >= 5)
    {
      gsize size = 4 + ((gsize) rest.data[2] << 8) + rest.data[3];

      g_string_append_c (log, (char) rest.data[4]);
      rest = milter_bytes (rest.data + size, rest.size - size);
    }
  if (log->len == at)
    g_string_append_c (log, is_known ? '-' : '?');
  if (is_known && answer->end != MILTER_ECHO_STAYS)
    g_string_append_c (log, answer->end == MILTER_ECHO_CLOSES ? '.' : 'x');
}

/* @echo: of the connection; a new one for `+` */
static void
say (MilterEchoBook *book, MilterEcho **echo, const RecordedStep *step, GString *log)
{
  MilterEchoAnswer answer = { .end = MILTER_ECHO_STAYS };
  MilterMessage message;
  bool is_known;

  if (step->bytes[0] == '+')
    {
      milter_echo_free (*echo);
      *echo = milter_echo_new (book);
    }
  if (step->bytes[0] != '>')
    return;
  if (step->bytes[1] == '.')
    {
      if (milter_echo_ended (*echo, &answer))
        {
          g_string_append_c (log, ' ');
          append_answer (/* is_known= */ true, &answer, log);
        }
      return;
    }
  milter_message_parse (MILTER_SIDE_MTA,
                        (guint8) step->bytes[1],
                        milter_bytes (step->bytes + 2, step->size - 2),
                        &message);
  is_known = milter_echo_received (*echo, &message, &answer);
  if (log->len > 0)
    g_string_append_c (log, ' ');
  append_answer (is_known, &answer, log);
}

static char *
judge (const MilterEchoBook *book)
{
  g_autoptr (GPtrArray) verdicts = milter_echo_book_judge (book);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < verdicts->len; i++)
    {
      const MilterEchoVerdict *verdict = g_ptr_array_index (verdicts, i);
      g_auto (GStrv) lines
          = g_strsplit (verdict->differences != NULL ? verdict->differences : "", "\n", -1);

      for (char **line = lines; *line != NULL; line++)
        if (**line != '\0' && g_str_has_prefix (verdict->name, "connection"))
          g_string_append_printf (text, "%u: %s\n", i + 1, *line);
        else if (**line != '\0')
          g_string_append_printf (text, "+: %s\n", *line);
    }
  return g_string_free (text, FALSE);
}

Test (echo, an_mta_is_answered_as_it_was_recorded)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MilterEchoBook) book = read_book (cases[i].recorded);
      g_autoptr (GString) answers = g_string_new (NULL);
      g_autofree char *differences = NULL;
      MilterEcho *echo = NULL;

      for (gsize n = 0; n < count (cases[i].said); n++)
        say (book, &echo, &cases[i].said[n], answers);
      milter_echo_free (echo);
      differences = judge (book);
      cr_expect_str_eq (answers->str, cases[i].answers, "%s: %s", cases[i].name, answers->str);
      cr_expect_str_eq (differences,
                        cases[i].differences,
                        "%s:\n%s-- instead of --\n%s",
                        cases[i].name,
                        differences,
                        cases[i].differences);
    }
}

Test (echo, what_is_recorded_comes_again_when_it_loops)
{
  static const RecordedStep recorded[] = { BEGIN, ALICE, ALICE_AGAIN, CAROL, END, { NULL, 0 } };
  g_autoptr (MilterEchoBook) book = read_book (recorded);
  g_autoptr (GString) once = g_string_new (NULL);
  g_autofree char *differences = NULL;
  MilterEcho *echo = NULL;

  milter_echo_book_set_loops (book, true);
  for (guint round = 0; round < 3; round++)
    {
      g_autoptr (GString) answers = g_string_new (NULL);

      for (gsize n = 0; n < count (recorded); n++)
        say (book, &echo, &recorded[n], answers);
      if (round == 0)
        g_string_assign (once, answers->str);
      cr_expect_str_eq (answers->str, once->str);
    }
  milter_echo_free (echo);
  differences = judge (book);
  cr_expect_str_eq (once->str, "O c c c c c c c ha c c c c c hy c c c qc ?");
  cr_expect_str_eq (differences, "");
}

Test (echo, two_connections_at_once_have_a_session_and_a_message_each)
{
  static const RecordedStep recorded[] = { BEGIN, CAROL, CAROL, END, STEP ("@2"), BEGIN, CAROL, END, { NULL, 0 } };
  static const RecordedStep begin[] = { BEGIN };
  static const RecordedStep carol[] = { CAROL };
  g_autoptr (MilterEchoBook) book = read_book (recorded);
  g_autoptr (GString) answers = g_string_new (NULL);
  g_autofree char *differences = NULL;
  MilterEcho *echoes[2] = { NULL, NULL };

  for (gsize n = 0; n < G_N_ELEMENTS (begin); n++)
    for (gsize e = 0; e < 2; e++)
      say (book, &echoes[e], &begin[n], answers);
  for (gsize n = 0; n < G_N_ELEMENTS (carol); n++)
    for (gsize e = 0; e < 2; e++)
      say (book, &echoes[e], &carol[n], answers);
  for (gsize n = 0; n < G_N_ELEMENTS (carol); n++)
    say (book, &echoes[0], &carol[n], answers);
  for (gsize e = 0; e < 2; e++)
    milter_echo_free (echoes[e]);
  differences = judge (book);
  cr_expect_str_eq (answers->str, "O O c c c c c c c c c c qc qc c c c qc");
  cr_expect_str_eq (differences, "");
}

/* what one of them was taken for first is given to it when more is known */
Test (echo, two_connections_have_the_messages_that_they_bring)
{
  static const RecordedStep recorded[] = { BEGIN, ALICE, ALICE_AGAIN, END, STEP ("@2"), BEGIN, END, { NULL, 0 } };
  static const RecordedStep begin[] = { BEGIN };
  static const RecordedStep said[2][MAX_STEPS] = { { ALICE_AGAIN }, { ALICE } };
  g_autoptr (MilterEchoBook) book = read_book (recorded);
  g_autoptr (GString) answers = g_string_new (NULL);
  g_autofree char *differences = NULL;
  MilterEcho *echoes[2] = { NULL, NULL };

  for (gsize n = 0; n < G_N_ELEMENTS (begin); n++)
    for (gsize e = 0; e < 2; e++)
      say (book, &echoes[e], &begin[n], answers);
  for (gsize n = 0; n < count (said[0]); n++)
    for (gsize e = 0; e < 2; e++)
      say (book, &echoes[e], &said[e][n], answers);
  for (gsize e = 0; e < 2; e++)
    milter_echo_free (echoes[e]);
  differences = judge (book);
  cr_expect_str_eq (answers->str, "O O c c c c c c c c c c c c c c hy ha");
  cr_expect_str_eq (differences, "");
}

Test (echo, differences_are_bounded)
{
  static const RecordedStep recorded[] = { BEGIN, CAROL, END, { NULL, 0 } };
  g_autoptr (MilterEchoBook) book = read_book (recorded);
  g_autoptr (GString) answers = g_string_new (NULL);
  g_autofree char *differences = NULL;
  static const RecordedStep begin[] = { BEGIN, MAIL ("carol", "bob") };
  static const RecordedStep more = STEP (">R<x>\0");
  MilterEcho *echo = NULL;

  for (gsize n = 0; n < G_N_ELEMENTS (begin); n++)
    say (book, &echo, &begin[n], answers);
  for (guint n = 0; n < 1000; n++)
    say (book, &echo, &more, answers);
  milter_echo_free (echo);
  differences = judge (book);
  cr_expect_not_null (strstr (differences, "… and 982 more"), "%s", differences);
}

Test (echo, what_is_judged_is_called_by_what_is_known_of_it)
{
  static const RecordedStep with_mail[] = { BEGIN, CAROL, END, { NULL, 0 } };
  static const RecordedStep without[] = {
    STEP ("+"), STEP_OFFER, STEP ("<O\0\0\0\6\0\0\1\xff\0\0\0\4"), CLIENT, STEP (">R<bob>\0"),
    STEP ("<c"), STEP (">N"), STEP ("<c"), STEP (">E"), STEP ("<c"), END, { NULL, 0 },
  };
  static const struct
  {
    const RecordedStep *recorded;
    const char *name;
  } rows[] = {
    { with_mail, "connection 1, message 1: mail <carol>" },
    { without, "connection 1, message 1: rcpt <bob>" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MilterEchoBook) book = read_book (rows[i].recorded);
      g_autoptr (GPtrArray) verdicts = milter_echo_book_judge (book);

      cr_assert_eq (verdicts->len, 1);
      cr_expect_str_eq (((const MilterEchoVerdict *) g_ptr_array_index (verdicts, 0))->name, rows[i].name);
    }
}

Test (echo, a_book_knows_what_it_can_answer)
{
  static const RecordedStep recorded[]
      = { STEP ("-"), CLIENT, CAROL, STEP ("@2"), BEGIN, ALICE, CAROL, END, { NULL, 0 } };
  g_autoptr (MilterEchoBook) book = read_book (recorded);

  cr_expect_eq (milter_echo_book_get_n_sessions (book), 1);
  cr_expect_eq (milter_echo_book_get_n_damaged (book), 1);
}

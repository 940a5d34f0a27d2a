/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-recorded-builder.c: from frames to messages and sessions.
 */
#include <criterion/criterion.h>

#include "recorded-test.h"

#define CLIENT   STEP (">Cclient\0U"), STEP ("<c"), STEP (">Hhelo\0"), STEP ("<c")
#define BEGIN    STEP ("+"), STEP_OFFER, STEP_ANSWER, CLIENT
#define ENVELOPE STEP (">M<a@b>\0"), STEP ("<c"), STEP (">R<c@d>\0"), STEP ("<c")
#define END      STEP (">Q"), STEP (">."), STEP ("<.")
#define CONTENT                                                                                    \
  STEP (">T"), STEP ("<c"), STEP (">LX\0y\0"), STEP ("<c"), STEP (">N"), STEP ("<c"),              \
      STEP (">Bz\r\n"), STEP ("<c")
#define NR_ANSWER STEP ("<O\0\0\0\6\0\0\1\xff\0\x0f\xf0\x80")

typedef struct
{
  const char *name;
  const char *log;
  RecordedStep steps[64]; /* up to one without bytes */
} Case;

/* clang-format off */
static const Case cases[] = {
  { "a message", "1.1.1 complete M:c R:c T:c L:c N:c B:c E:a h i = a at E\n1.1 O:O C:c H:c quit closed by the MTA\n",
    { BEGIN, ENVELOPE, CONTENT, STEP (">E"), STEP ("<hA\0b\0"), STEP ("<p"), STEP ("<i\0\0\0\1A\0b\0"), STEP ("<a"), END } },
  { "equal answers in a row are one", "1.1.1 complete M:c R:c R:r L:c*3 N:c B:c*2 B:s E:c b*2 h b = c at E\n1.1 O:O C:c H:c quit closed by the MTA\n",
    { BEGIN, ENVELOPE, STEP (">R<e@f>\0"), STEP ("<r"), STEP (">LX\0y\0"), STEP ("<c"), STEP (">LX\0y\0"), STEP ("<c"), STEP (">LX\0y\0"), STEP ("<c"), STEP (">N"), STEP ("<c"),
      STEP (">Bz"), STEP ("<c"), STEP (">Bz"), STEP ("<c"), STEP (">Bz"), STEP ("<s"),
      STEP (">E"), STEP ("<b1"), STEP ("<b2"), STEP ("<hA\0b\0"), STEP ("<b3"), STEP ("<c"), END } },
  { "several messages of a connection", "1.1.1 complete M:c R:c E:c = c at E\n1.1.2 complete M:c R:c E:t = t at E\n1.1 O:O C:c H:c quit closed by the MTA\n",
    { BEGIN, ENVELOPE, STEP (">E"), STEP ("<c"), STEP (">A"), ENVELOPE, STEP (">E"), STEP ("<t"), END } },
  { "an abort", "1.1.1 aborted M:c R:c\n1.1 O:O C:c H:c quit closed by the MTA\n",
    { BEGIN, ENVELOPE, STEP (">A"), END } },
  { "left by QUIT, by another MAIL, by HELO", "1.1.1 left M:c R:c\n1.1.2 left M:c R:c\n1.1.3 left M:c R:c\n1.1 O:O C:c H:c H:c quit closed by the MTA\n",
    { BEGIN, ENVELOPE, ENVELOPE, STEP (">Hhelo\0"), STEP ("<c"), ENVELOPE, END } },
  { "decided at RCPT", "1.1.1 decided M:c R:a = a at R\n1.1.2 complete M:c R:c E:c = c at E\n1.1 O:O C:c H:c quit closed by the MTA\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP ("<c"), STEP (">R<c@d>\0"), STEP ("<a"), STEP (">A"), ENVELOPE, STEP (">E"), STEP ("<c"), END } },
  { "refused at MAIL; commands behind it are not answered", "1.1.1 decided M:r R~ = r at M\n1.1 O:O C:c H:c quit closed by the MTA\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP ("<r"), STEP (">R<c@d>\0"), END } },
  { "every recipient refused", "1.1.1 aborted M:c R:r R:y = y at R\n1.1 O:O C:c H:c quit closed by the MTA\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP ("<c"), STEP (">R<c@d>\0"), STEP ("<r"), STEP (">R<c@d>\0"), STEP ("<y550 no\0"), STEP (">A"), END } },
  { "accepted at CONNECT", "1.1 O:O C:a = a at C quit closed by the MTA\n",
    { STEP ("+"), STEP_OFFER, STEP_ANSWER, STEP (">Cclient\0U"), STEP ("<a"), END } },
  { "no replies", "1.1.1 complete M- R- T- L-*2 N- B-*2 E:r = r at E\n1.1 O:O C- H- quit closed by the MTA\n",
    { STEP ("+"), STEP_OFFER, NR_ANSWER, STEP (">Cclient\0U"), STEP (">Hhelo\0"), STEP (">M<a@b>\0"), STEP (">R<a@b>\0"), STEP (">T"),
      STEP (">LX\0y\0"), STEP (">LX\0y\0"), STEP (">N"), STEP (">Bz"), STEP (">Bz"), STEP (">E"), STEP ("<r"), END } },
  { "the milter answers though it need not", "1.1.1 complete M?c R- N- E:c = c at E\n1.1 O:O C- H- unasked c quit closed by the MTA\n",
    { STEP ("+"), STEP_OFFER, NR_ANSWER, STEP (">Cclient\0U"), STEP (">Hhelo\0"), STEP (">M<a@b>\0"), STEP ("<c"), STEP (">R<a@b>\0"), STEP (">N"),
      STEP (">E"), STEP ("<c"), STEP ("<c"), END } },
  { "commands not wanted", "1.1.1 complete L:c E:c = c at E\n1.1.2 complete L:c E:c = c at E\n1.1 O:O quit closed by the MTA\n",
    { STEP ("+"), STEP_OFFER, STEP ("<O\0\0\0\6\0\0\1\xff\0\0\x02\x4f"), STEP (">LX\0y\0"), STEP ("<c"), STEP (">E"), STEP ("<c"), STEP (">A"),
      STEP (">LX\0y\0"), STEP ("<c"), STEP (">E"), STEP ("<c"), END } },
  { "sent ahead", "1.1.1 complete M:c R:c R:y E:c = c at E\n1.1.2 complete M:c R:c E:a = a at E\n1.1 O:O C:c H:c quit closed by the MTA\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP (">R<c@d>\0"), STEP (">R<e@f>\0"), STEP (">E"), STEP (">M<a@b>\0"), STEP (">R<c@d>\0"), STEP (">E"),
      STEP ("<c"), STEP ("<c"), STEP ("<y550 no\0"), STEP ("<c"), STEP ("<c"), STEP ("<c"), STEP ("<a"), END } },
  { "sent ahead of a decision", "1.1.1 decided M:r R~ N~ E~ = r at M\n1.1.2 complete M:c R:c E:c = c at E\n1.1 O:O C:c H:c quit closed by the MTA\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP (">R<c@d>\0"), STEP (">N"), STEP (">E"), STEP ("<r"), ENVELOPE, STEP (">E"), STEP ("<c"), END } },
  { "another session behind QUIT_NC", "1.1.1 complete M:c R:c E:c = c at E\n1.1 O:O C:c H:c quit\n1.2.1 complete M:c R:c E:r = r at E\n1.2 C:c H:c quit closed by the MTA\n",
    { BEGIN, ENVELOPE, STEP (">E"), STEP ("<c"), STEP (">K"), CLIENT, ENVELOPE, STEP (">E"), STEP ("<r"), END } },
  { "unknown commands", "1.1.1 complete M:c R:c U:r E:c = c at E\n1.1 O:O C:c H:c U:c*2 quit closed by the MTA\n",
    { BEGIN, STEP (">Uone\0"), STEP ("<c"), STEP (">Utwo\0"), STEP ("<c"), ENVELOPE, STEP (">Uthree\0"), STEP ("<r"), STEP (">E"), STEP ("<c"), END } },
  { "the milter dies", "1.1.1 broken-off M:c Ru\n1.1 O:O C:c H:c closed by the milter\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP ("<c"), STEP (">R<a@b>\0"), STEP ("<."), STEP (">.") } },
  { "a reset ends both sides", "1.1.1 broken-off M:c R:c Eu h\n1.1 O:O C:c H:c reset by the milter\n",
    { BEGIN, ENVELOPE, STEP (">E"), STEP ("<hA\0b\0"), STEP ("<x") } },
  { "421 hangs up", "1.1.1 decided M:y = y at M\n1.1 O:O C:c H:c closed by the MTA\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP ("<y421 no\0"), STEP (">."), STEP ("<.") } },
  { "edits and replies that nobody asked for", "1.1.1 complete M:c R:c E:c = c at E\n1.1 O:O C:c H:c unasked hch quit closed by the MTA\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP ("<hA\0b\0"), STEP ("<c"), STEP (">R<a@b>\0"), STEP ("<c"), STEP ("<c"), STEP (">E"), STEP ("<c"), STEP ("<hA\0b\0"), END } },
  { "a command that does not fit is passed over", "1.1 O:O C:c H:c R- quit closed by the MTA\n",
    { BEGIN, STEP (">R<a@b>\0"), END } },
  { "the recording ends", "1.1.1 open M:c R! missing 10\n1.1 O:O C:c H:c missing 10\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP ("<c"), STEP (">R<a@b>\0") } },
  { "… behind QUIT", "1.1.1 complete M:c R:c E:c = c at E\n1.1 O:O C:c H:c quit\n",
    { BEGIN, ENVELOPE, STEP (">E"), STEP ("<c"), STEP (">Q") } },
  { "two connections", "2.1.1 complete M:c R:c E:a = a at E\n1.1.1 aborted M:c R:c\n1.1 O:O C:c H:c quit closed by the MTA\n2.1 O:O C:c H:c quit\n",
    { BEGIN, ENVELOPE, STEP ("@2"), BEGIN, ENVELOPE, STEP (">E"), STEP ("<a"), STEP ("@1"), STEP (">A"), END, STEP ("@2"), STEP (">Q") } },

  { "a hole in a message; the next one is whole", "1.1.1 complete M:c R! E:c = c at E missing 5\n1.1.2 complete M:c R:c E:c = c at E\n1.1 O:O C:c H:c quit closed by the MTA missing 5\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP ("<c"), STEP (">R<a@b>\0"), STEP ("<!6"), STEP (">E"), STEP ("<c"), ENVELOPE, STEP (">E"), STEP ("<c"), END } },
  { "a hole that hides a beginning", "1.1.1 complete R:c E:c = c at E missing 4\n1.1.2 complete M:c R:c E:c = c at E\n1.1 O:O C:c H:c quit closed by the MTA missing 5\n",
    { BEGIN, STEP (">!20"), STEP ("<c"), STEP (">R<a@b>\0"), STEP ("<c"), STEP (">E"), STEP ("<c"), ENVELOPE, STEP (">E"), STEP ("<c"), END } },
  { "who sends ahead is not known again", "1.1.1 left M! R! missing 5\n1.1.2 complete M:c R:c E:c = c at E missing 4\n1.1 O:O C:c H:c quit closed by the MTA missing 5\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP (">R<a@b>\0"), STEP ("<!6"), ENVELOPE, STEP (">E"), STEP ("<c"), END } },
  { "a session behind a hole is in doubt, and its messages are not",
    "1.1.1 aborted M:c R! missing 5\n1.1 O:O C:c H:c quit missing 5\n1.2.1 complete M:c R:c E:c = c at E\n1.2 C:c H:c quit closed by the MTA missing 4\n",
    { BEGIN, STEP (">M<a@b>\0"), STEP ("<c"), STEP (">R<a@b>\0"), STEP ("<!6"), STEP (">A"), STEP (">K"), CLIENT, ENVELOPE, STEP (">E"), STEP ("<c"), END } },
  { "the beginning was not seen", "1.1.1 complete M:c R:c E:c = c at E missing 6\n1.1 quit closed by the MTA missing 7\n",
    { STEP ("-"), STEP (">!"), STEP ("<!"), ENVELOPE, STEP (">E"), STEP ("<c"), END } },
  { "without beginning, the last command is answered", "1.1.1 complete M! L! L! E:r h = r at E missing 6\n1.1 quit closed by the MTA missing 7\n",
    { STEP ("-"), STEP (">!"), STEP ("<!"), STEP (">M<a@b>\0"), STEP (">LX\0y\0"), STEP (">LX\0y\0"), STEP (">E"), STEP ("<hA\0b\0"), STEP ("<r"), END } },
};
/* clang-format on */

static GString *
run (const Case *one, const MilterRecordedLimits *limits)
{
  GString *log = g_string_new (NULL);
  g_autoptr (MilterRecordedBuilder) builder
      = milter_recorded_builder_new (limits, &recorded_log, log);
  gsize n = 0;

  while (n < G_N_ELEMENTS (one->steps) && one->steps[n].bytes != NULL)
    n++;
  recorded_tell (builder, one->steps, n);
  milter_recorded_builder_finish (builder);
  return log;
}

Test (recorded_builder, messages_have_their_answers)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GString *log = run (&cases[i], /* limits= */ NULL);

      cr_expect_str_eq (log->str, cases[i].log, "%s:\n%s", cases[i].name, log->str);
      g_string_free (log, TRUE);
    }
}

Test (recorded_builder, answers_are_the_same_without_bodies)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GString *log = run (&cases[i], &milter_recorded_limits_no_bodies);

      cr_expect_str_eq (log->str, cases[i].log, "%s:\n%s", cases[i].name, log->str);
      g_string_free (log, TRUE);
    }
}

static void
keep_message (const MilterRecordedSession *session, MilterRecordedMessage *message, gpointer data)
{
  g_ptr_array_add (data, message);
}

static const MilterRecordedEvents keeping = { .message = keep_message };

/* the messages of a recording */
static GPtrArray *
messages_of (const RecordedStep *steps, gsize n, const MilterRecordedLimits *limits)
{
  GPtrArray *messages
      = g_ptr_array_new_with_free_func ((GDestroyNotify) milter_recorded_message_free);
  g_autoptr (MilterRecordedBuilder) builder
      = milter_recorded_builder_new (limits, &keeping, messages);

  recorded_tell (builder, steps, n);
  milter_recorded_builder_finish (builder);
  return messages;
}

/* clang-format off */
static const RecordedStep edited[] = {
  BEGIN, STEP (">DMi\0004F1\0"), STEP (">M<a@b>\0SIZE=1\0"), STEP ("<c"), STEP (">R<c@d>\0"), STEP ("<c"), STEP (">R<e@f>\0"), STEP ("<y550 5.1.1 no\0"),
  STEP (">LSubject\0old\0"), STEP ("<c"), STEP (">LMessage-Id\0 <1@b>\0"), STEP ("<c"), STEP (">N"), STEP ("<c"),
  STEP (">Bone\r\n"), STEP ("<c"), STEP (">Btwo\r\n"), STEP ("<c"), STEP (">E"),
  STEP ("<m\0\0\0\1Subject\0new\0"), STEP ("<+<g@h>\0"), STEP ("<-<c@d>\0"), STEP ("<b1\r\n"), STEP ("<b2\r\n"), STEP ("<a"), END
};
/* clang-format on */

static char *
delivered (MilterMail *mail)
{
  GByteArray *out = g_byte_array_new ();

  milter_mail_append_message (mail, out);
  milter_mail_free (mail);
  g_byte_array_append (out, (const guint8 *) "", 1);
  return (char *) g_byte_array_free (out, FALSE);
}

Test (recorded_builder, a_message_has_its_mail_before_and_after)
{
  g_autoptr (GPtrArray) messages = messages_of (edited, G_N_ELEMENTS (edited), NULL);
  const MilterRecordedMessage *message = g_ptr_array_index (messages, 0);
  g_autoptr (MilterMail) before = milter_recorded_message_build_before (message);
  g_autoptr (MilterMail) after = milter_recorded_message_build_after (message);
  g_autofree char *text = NULL, *edited_text = NULL;

  cr_assert_eq (messages->len, 1u);
  cr_expect_str_eq (message->queue_id->str, "4F1");
  cr_expect_str_eq (message->message_id->str, "<1@b>");
  cr_expect_str_eq (message->mail->sender.arguments->str, "SIZE=1");
  cr_expect_eq (message->mail->recipients->len, 2u);
  cr_expect_str_eq (
      ((MilterRecordedCommand *) g_ptr_array_index (message->recipients, 1))->text->str,
      "550 5.1.1 no");
  cr_expect_eq (before->recipients->len, 1u);
  cr_expect_eq (after->recipients->len, 1u);
  cr_expect_str_eq (((MilterMailAddress *) g_ptr_array_index (after->recipients, 0))->address->str,
                    "<g@h>");
  cr_expect_eq (milter_recorded_message_get_final_body (message)->size, 6u);
  text = delivered (g_steal_pointer (&before));
  cr_expect_str_eq (text, "Subject: old\r\nMessage-Id:  <1@b>\r\n\r\none\r\ntwo\r\n");
  edited_text = delivered (g_steal_pointer (&after));
  cr_expect_str_eq (edited_text, "Subject: new\r\nMessage-Id:  <1@b>\r\n\r\n1\r\n2\r\n");
}

Test (recorded_builder, a_body_beyond_the_limit_has_size_and_digest)
{
  static const MilterRecordedLimits limits = { .max_body = 7, .max_kept = 10000, .digests = true };
  g_autoptr (GPtrArray) messages = messages_of (edited, G_N_ELEMENTS (edited), &limits);
  const MilterRecordedMessage *message = g_ptr_array_index (messages, 0);
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, "one\r\ntwo\r\n", -1);

  cr_expect_eq (message->body.size, 10u);
  cr_expect_eq (message->body.bytes->len, 5u);
  cr_expect_str_eq (message->body.digest, digest);
  cr_expect_eq (message->missing, MILTER_RECORDED_WHOLE);
  cr_expect (milter_recorded_body_is_kept (milter_recorded_message_get_final_body (message)));
}

Test (recorded_builder, a_replacement_beyond_the_limit_has_its_own_digest)
{
  static const MilterRecordedLimits limits = { .max_body = 2, .max_kept = 10000, .digests = true };
  g_autoptr (GPtrArray) messages = messages_of (edited, G_N_ELEMENTS (edited), &limits);
  const MilterRecordedBody *body
      = milter_recorded_message_get_final_body (g_ptr_array_index (messages, 0));
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, "1\r\n2\r\n", -1);

  cr_expect_eq (body->size, 6u);
  cr_expect_str_eq (body->digest, digest);
}

Test (recorded_builder, without_bodies_their_sizes_are_known)
{
  g_autoptr (GPtrArray) messages
      = messages_of (edited, G_N_ELEMENTS (edited), &milter_recorded_limits_no_bodies);
  const MilterRecordedMessage *message = g_ptr_array_index (messages, 0);

  cr_expect_eq (message->body.size, 10u);
  cr_expect_eq (message->body.bytes->len, 0u);
  cr_expect_null (message->body.digest);
}

Test (recorded_builder, latency_is_from_the_command_to_its_reply)
{
  g_autoptr (GPtrArray) messages = messages_of (edited, G_N_ELEMENTS (edited), NULL);
  const MilterRecordedMessage *message = g_ptr_array_index (messages, 0);
  const MilterRecordedCommand *eom
      = g_ptr_array_index (message->commands, message->commands->len - 1);

  cr_expect_eq (eom->letter, MILTER_COMMAND_END_OF_MESSAGE);
  /* five edits and the reply, a millisecond each */
  cr_expect_eq (eom->latency_ns, 6000000);
  cr_expect_eq (eom->replied.frame - eom->sent.frame, 6u);
}

Test (recorded_builder, memory_has_a_limit)
{
  static const MilterRecordedLimits limits = { .max_body = 100, .max_kept = 3000 };
  /* clang-format off */
  static const RecordedStep begin[] = { BEGIN, ENVELOPE };
  static const RecordedStep end[] = { STEP (">E"), STEP ("<c"), STEP (">A"), ENVELOPE, STEP (">E"), STEP ("<c"), END };
  /* clang-format on */
  static const RecordedStep header[] = { STEP (">LX\0y0123456789\0"), STEP ("<c") };
  GString *log = g_string_new (NULL);
  g_autoptr (MilterRecordedBuilder) builder
      = milter_recorded_builder_new (&limits, &recorded_log, log);

  recorded_tell (builder, begin, G_N_ELEMENTS (begin));
  for (guint i = 0; i < 1000; i++)
    recorded_tell (builder, header, G_N_ELEMENTS (header));
  recorded_tell (builder, end, G_N_ELEMENTS (end));
  /* the next message is kept, and known */
  cr_expect_not_null (
      strstr (log->str, "missing c\n1.1.2 complete M:c R:c E:c = c at E\n"), "%s", log->str);
  g_string_free (log, TRUE);
}

Test (recorded_builder, what_waits_has_a_limit)
{
  static const RecordedStep begin[] = { BEGIN };
  static const RecordedStep unanswered[] = { STEP (">R<a@b>\0") };
  static const RecordedStep mail[] = { STEP (">M<a@b>\0") };
  GString *log = g_string_new (NULL);
  g_autoptr (MilterRecordedBuilder) builder
      = milter_recorded_builder_new (/* limits= */ NULL, &recorded_log, log);

  recorded_tell (builder, begin, G_N_ELEMENTS (begin));
  recorded_tell (builder, mail, G_N_ELEMENTS (mail));
  for (guint i = 0; i < 2 * MILTER_RECORDED_MAX_DUE; i++)
    recorded_tell (builder, unanswered, G_N_ELEMENTS (unanswered));
  for (guint i = 0; i < 2 * MILTER_RECORDED_MAX_OPEN; i++)
    recorded_tell (builder, mail, G_N_ELEMENTS (mail));
  milter_recorded_builder_finish (builder);
  cr_expect_not_null (strstr (log->str, "missing 4"), "%s", log->str);
  g_string_free (log, TRUE);
}

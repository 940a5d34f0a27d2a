/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-recording-filter.c: which messages conditions ask for, and what is no condition.
 */
#include <criterion/criterion.h>

#include "milter-recorded-builder.h"
#include "recorded-test.h"
#include "recording-filter.h"

/* two messages, and a client that was sent away */
static const RecordedStep steps[] = {
  STEP ("+"), STEP_OFFER, STEP_ANSWER,
  STEP (">Cmail.example.org\0" "4\xc5\x0b" "192.0.2.7\0"), STEP ("<c"), STEP (">Hhelo.example.org\0"), STEP ("<c"),
  STEP (">DMi\0" "4F1\0"), STEP (">M<Alice@example.org>\0"), STEP ("<c"),
  STEP (">R<bob@example.net>\0"), STEP ("<c"), STEP (">R<eve@example.net>\0"), STEP ("<y451 4.7.1 later\0"),
  STEP (">LSubject\0Cheap *stars*\0"), STEP ("<c"), STEP (">LMessage-ID\0<1@example.org>\0"), STEP ("<c"), STEP (">N"), STEP ("<c"),
  STEP (">E"), STEP ("<hX-Spam\0no\0"), STEP ("<a"), STEP (">A"),
  STEP (">M<>\0"), STEP ("<c"), STEP (">Rplain\0"), STEP ("<c"), STEP (">E"), STEP ("<r"), STEP (">Q"), STEP (">."), STEP ("<."),
  STEP ("@2"), STEP ("+"), STEP_OFFER, STEP_ANSWER, STEP (">Cbad.example.com\0U"), STEP ("<c"), STEP (">Hme\0"), STEP ("<y550 go away\0"),
  STEP (">Q"), STEP (">."), STEP ("<."),
};

typedef struct
{
  const RecordingFilter *filter;
  GString *found; /* `1` and `2` for the messages, `s` for the session without one */
} Search;

static void
on_message (const MilterRecordedSession *session, MilterRecordedMessage *message, gpointer data)
{
  Search *search = data;

  if (recording_filter_matches (search->filter, session, message))
    g_string_append_printf (search->found, "%u", message->number);
  milter_recorded_message_free (message);
}

static void
on_session (MilterRecordedSession *session, gpointer data)
{
  Search *search = data;

  if (session->n_messages == 0 && recording_filter_matches (search->filter, session, NULL))
    g_string_append_c (search->found, 's');
  milter_recorded_session_free (session);
}

static const struct
{
  const char *conditions, *found;
} cases[] = {
  { "peer=mail.example.org", "12" }, { "peer=192.0.2.*", "12" }, { "peer=HELO.*", "12" }, { "peer=me", "s" }, { "peer=me*x", "" },
  { "sender=alice@example.org", "1" }, { "sender=ALICE@*", "1" }, { "sender=", "2" }, { "sender!=", "1s" },
  { "sender=/^alice/", "" }, { "sender=/^alice/i", "1" }, { "sender=/^Alice/", "1" },
  { "rcpt=bob@example.net", "1" }, { "rcpt=eve@*", "1" }, { "rcpt=plain", "2" }, { "rcpt=<bob*", "" }, { "rcpt!=*@example.net", "2s" },
  { "header=Subject", "1" }, { "header=subject: cheap*", "1" }, { "header=Subject:cheap*", "1" }, { "header=Subject: *\\*stars\\*", "1" },
  { "header=Subject: \\*", "" }, { "header=Subject: /^Cheap/", "1" }, { "header!=Subject", "2s" },
  { "id=4f1", "1" }, { "id=<1@*", "1" }, { "id=*", "1" },
  { "reply=reject", "2" }, { "reply=451 *", "1" }, { "reply=accept", "1" }, { "reply=550 *", "s" }, { "reply=5*", "s" },
  { "verdict=accept", "1" }, { "verdict=451*", "" }, { "verdict=reject", "2" }, { "verdict=550 go away", "s" },
  { "edit", "1" }, { "edit=add-header X-Spam: *", "1" }, { "edit=delete*", "" }, { "edit!=*", "2s" },
  { "hole", "" }, { "mta=192.0.2.1:*", "12s" }, { "milter=*:8892", "" },
  { "reply=451 *|rcpt=bob*", "1" }, { "reply=451 *|rcpt=plain", "" },
};

Test (recording_filter, conditions_ask_for_messages)
{
  static const MilterRecordedEvents events = { .message = on_message, .session = on_session };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (GStrv) conditions = g_strsplit (cases[i].conditions, "|", -1);
      g_autoptr (GError) error = NULL;
      g_autoptr (RecordingFilter) filter = recording_filter_new (conditions, &error);
      g_autoptr (GString) found = g_string_new (NULL);
      Search search = { filter, found };
      g_autoptr (MilterRecordedBuilder) builder
          = milter_recorded_builder_new (NULL, &events, &search);

      cr_assert_not_null (filter, "%s: %s", cases[i].conditions, error->message);
      recorded_tell (builder, steps, G_N_ELEMENTS (steps));
      milter_recorded_builder_finish (builder);
      cr_assert_str_eq (found->str, cases[i].found, "%s: %s", cases[i].conditions, found->str);
    }
}

Test (recording_filter, what_is_no_condition_is_told)
{
  static const struct
  {
    const char *condition, *message;
  } mistakes[] = {
    { "", "expected one of peer=PATTERN" },       { "from=x", "expected one of peer=PATTERN" },
    { "rcpt", "a pattern is missing" },           { "header", "a pattern is missing" },
    { "hole=x", "it has no pattern" },            { "rcpt=/(/", "--filter \"rcpt=/(/\": " },
    { "header=X: /(/", "--filter \"header=X" }, { "rcpt =x", "expected one of" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      char *conditions[] = { (char *) mistakes[i].condition, NULL };
      g_autoptr (GError) error = NULL;

      cr_assert_null (recording_filter_new (conditions, &error), "%s", mistakes[i].condition);
      cr_assert_not_null (strstr (error->message, mistakes[i].message), "%s", error->message);
    }
}

Test (recording_filter, each_condition_is_described)
{
  const char *usage, *summary;
  guint row = 0;

  while (recording_filter_describe (row, &usage, &summary))
    row++;
  cr_assert_geq (row, 10);
}

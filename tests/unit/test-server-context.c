/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-server-context.c: what a context sends, and what it tells.
 */
#include "server-driver.h"

/* --- whole sessions --------------------------------------------------------------------------- */

Test (context, a_whole_session_is_said_in_order)
{
  Fixture f;

  run (&f, passes, G_N_ELEMENTS (passes), "OCHUMRRTLLNBBEAMRTNEQ");
  RUN_UNTIL (f.peer_watch == 0);
  cr_expect_str_eq (f.letters->str, "OCHUMRRTLLNBBEAMRTNEQ");
  cr_expect_str_eq (f.error != NULL ? f.error : "", "");
  cr_expect (milter_server_context_is_negotiated (f.context));
  cr_expect (milter_server_context_is_quitted (f.context));
  cr_expect (milter_server_context_has_accepted_recipient (f.context));
  cr_expect_not (milter_server_context_is_processing (f.context));
  cr_expect_not (milter_server_context_is_processing_message (f.context));
  cr_expect_eq (milter_server_context_get_state (f.context), MILTER_SERVER_CONTEXT_STATE_QUIT);
  cr_expect_eq (milter_server_context_get_last_state (f.context),
                MILTER_SERVER_CONTEXT_STATE_END_OF_MESSAGE);
  cr_expect (milter_server_context_get_elapsed (f.context) > 0.0);
  fixture_clear (&f);
}

Test (context, an_accepting_milter_is_told_and_the_status_follows)
{
  static const struct
  {
    const char *bytes;
    gsize size;
    const char *signal;
    MilterStatus status;
  } rows[] = {
    { "\0\0\0\1a", 5, "accept", MILTER_STATUS_ACCEPT },
    { "\0\0\0\1r", 5, "reject", MILTER_STATUS_REJECT },
    { "\0\0\0\1t", 5, "temporary-failure", MILTER_STATUS_TEMPORARY_FAILURE },
    { "\0\0\0\1d", 5, "discard", MILTER_STATUS_DISCARD },
    { "\0\0\0\x0ey550 5.7.1 no\0", 18, "550[5.7.1](no)", MILTER_STATUS_REJECT },
    { "\0\0\0\x26y451-4.7.1 50%% sure\r\n451 4.7.1 later\0",
      42,
      "451[4.7.1](50% sure\nlater)",
      MILTER_STATUS_TEMPORARY_FAILURE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      WITH (1, { 'E', rows[i].bytes, rows[i].size, false });
      g_autofree char *expected = g_strdup_printf ("continue continue continue continue continue "
                                                   "continue %s ",
                                                   rows[i].signal);
      Fixture f;

      begin (&f, answers, G_N_ELEMENTS (answers), "OCHMRTNE");
      go (&f);
      RUN_UNTIL (strstr (f.signals->str, rows[i].signal) != NULL || f.finished);
      cr_expect_str_eq (f.signals->str, expected);
      cr_expect_eq (milter_server_context_get_status (f.context), rows[i].status, "row %zu", i);
      cr_expect_not (milter_server_context_is_processing_message (f.context));
      fixture_clear (&f);
    }
}

Test (context, a_refused_recipient_does_not_refuse_the_message)
{
  WITH (1, ANSWER ('R', "\0\0\0\1r"));
  Fixture f;

  begin (&f, answers, G_N_ELEMENTS (answers), "OCHMR");
  go (&f);
  RUN_UNTIL (strstr (f.signals->str, "reject") != NULL);
  cr_expect_eq (milter_server_context_get_status (f.context), MILTER_STATUS_DEFAULT);
  cr_expect (milter_server_context_is_processing_message (f.context));
  cr_expect_not (milter_server_context_has_accepted_recipient (f.context));
  fixture_clear (&f);
}

Test (context, every_edit_is_told_with_its_fields)
{
  WITH (1,
        ANSWER ('E',
                "\0\0\0\x05hA\0b\0"
                "\0\0\0\x09i\0\0\0\x02"
                "A\0b\0"
                "\0\0\0\x09m\0\0\0\x01"
                "A\0b\0"
                "\0\0\0\x08m\0\0\0\x01"
                "A\0\0"
                "\0\0\0\x05"
                "exy\0\0"
                "\0\0\0\x05+<a>\0"
                "\0\0\0\x09"
                "2<a>\0N=1\0"
                "\0\0\0\x05-<b>\0"
                "\0\0\0\x03"
                "bhi"
                "\0\0\0\1p"
                "\0\0\0\x05qwhy\0" CONTINUE));
  Fixture f;

  run (&f, answers, G_N_ELEMENTS (answers), "OCHMRTNEQ");
  cr_expect_str_eq (f.signals->str,
                    "continue continue continue continue continue continue "
                    "add-header(A,b) insert-header(2,A,b) change-header(A,1,b) delete-header(A,1) "
                    "change-from(xy,) add-recipient(<a>,-) add-recipient(<a>,N=1) "
                    "delete-recipient(<b>) replace-body(2:hi) progress quarantine(why) "
                    "continue finished ");
  cr_expect_eq (milter_server_context_get_status (f.context), MILTER_STATUS_QUARANTINE);
  fixture_clear (&f);
}

Test (context, shutdown_ends_the_connection)
{
  WITH (1,
        ANSWER ('M',
                "\0\0\0\1"
                "4"));
  Fixture f;

  run (&f, answers, G_N_ELEMENTS (answers), "OCHM");
  cr_expect_str_eq (f.signals->str, "continue continue shutdown finished ");
  cr_expect_eq (milter_server_context_get_status (f.context), MILTER_STATUS_ABORT);
  fixture_clear (&f);
}

Test (context, a_connection_failure_is_an_error_of_the_milter)
{
  WITH (1,
        ANSWER ('M',
                "\0\0\0\1"
                "f"));
  Fixture f;

  run (&f, answers, G_N_ELEMENTS (answers), "OCHM");
  cr_expect_str_eq (f.signals->str, "continue continue connection-failure finished ");
  cr_expect_eq (milter_server_context_get_status (f.context), MILTER_STATUS_ERROR);
  fixture_clear (&f);
}

/* --- macros ----------------------------------------------------------------------------------- */

static bool
payload_is (const Fixture *f, guint number, const char *bytes, gsize size)
{
  gsize got;
  const char *data = g_bytes_get_data (g_ptr_array_index (f->payloads, number), &got);

  return got == size && memcmp (data, bytes, size) == 0;
}

Test (context, macros_leave_with_their_command_in_one_write)
{
  Fixture f;

  begin (&f, passes, G_N_ELEMENTS (passes), "OC");
  milter_protocol_agent_set_macros (MILTER_PROTOCOL_AGENT (f.context),
                                    MILTER_COMMAND_CONNECT,
                                    "j",
                                    "mx.example.net",
                                    "{daemon_name}",
                                    "d",
                                    NULL);
  go (&f);
  RUN_UNTIL (strstr (f.signals->str, "continue") != NULL);
  cr_expect_str_eq (f.letters->str, "ODC");
  cr_expect_eq (f.n_reads, 2, "%u reads", f.n_reads);
  cr_expect (payload_is (&f, 1, "C{daemon_name}\0d\0j\0mx.example.net\0", 34));
  cr_expect (payload_is (&f,
                         2,
                         "client.example.com\0"
                         "4\xc5\x0b"
                         "192.0.2.7\0",
                         32));
  fixture_clear (&f);
}

Test (context, a_list_of_symbols_replaces_the_macros_of_its_stage_alone)
{
  /* connect: j, nothing else; helo: no list */
  WITH (1,
        ANSWER ('O',
                "\0\0\0\x13O\0\0\0\x06\0\0\x01\xff\0\0\0\0"
                "\0\0\0\0j\0"));
  Fixture f;

  begin (&f, answers, G_N_ELEMENTS (answers), "OCH");
  milter_protocol_agent_set_macros (
      MILTER_PROTOCOL_AGENT (f.context), MILTER_COMMAND_CONNECT, "j", "1", "{if_name}", "2", NULL);
  milter_protocol_agent_set_macros (
      MILTER_PROTOCOL_AGENT (f.context), MILTER_COMMAND_HELO, "{cipher}", "3", NULL);
  go (&f);
  RUN_UNTIL (f.letters->len == 5);
  cr_expect_str_eq (f.letters->str, "ODCDH");
  cr_expect (payload_is (&f,
                         1,
                         "Cj\0"
                         "1\0",
                         5));
  cr_expect (payload_is (&f,
                         3,
                         "H{cipher}\0"
                         "3\0",
                         12));
  fixture_clear (&f);
}

Test (context, lists_for_several_stages_end)
{
  WITH (1,
        ANSWER ('O',
                "\0\0\0\x27O\0\0\0\x06\0\0\x01\xff\0\0\0\0"
                "\0\0\0\0j, {x}\0"
                "\0\0\0\x01{no}\0"
                "\0\0\0\x05i\0"));
  Fixture f;

  run (&f, answers, G_N_ELEMENTS (answers), "OCHMRTNEQ");
  cr_expect_str_eq (f.error != NULL ? f.error : "", "");
  fixture_clear (&f);
}

/* --- what is not sent, what is not answered --------------------------------------------------- */

Test (context, steps_that_were_negotiated_away_are_not_sent)
{
  /* NOCONNECT NOHELO NOMAIL NORCPT NOBODY NOHDRS NOEOH NOUNKNOWN NODATA */
  WITH (1, ANSWER ('O', "\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\0\x03\x7f"));
  Fixture f;

  run (&f, answers, G_N_ELEMENTS (answers), "OCHUMRTLNBEQ");
  RUN_UNTIL (f.peer_watch == 0);
  cr_expect_str_eq (f.letters->str, "OEQ");
  cr_expect_str_eq (f.signals->str,
                    "continue continue continue continue continue continue continue continue "
                    "skip continue finished ");
  fixture_clear (&f);
}

Test (context, an_older_milter_is_not_sent_newer_commands)
{
  WITH (1, ANSWER ('O', "\0\0\0\x0dO\0\0\0\x02\0\0\0\x3f\0\0\0\0"));
  Fixture f;

  run (&f, answers, G_N_ELEMENTS (answers), "OCHUMRTNEQ");
  RUN_UNTIL (f.peer_watch == 0);
  cr_expect_str_eq (f.letters->str, "OCHMRNEQ");
  cr_expect_eq (milter_option_get_version (milter_server_context_get_option (f.context)), 2);
  fixture_clear (&f);
}

/* also that thousands of them need no deep stack */
Test (context, fields_that_nobody_answers_go_out_together)
{
  enum
  {
    N_FIELDS = 20000
  };
  WITH (2, ANSWER ('O', "\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\0\0\x80"), { 'L', "", 0, false });
  g_autofree char *fields = g_strnfill (N_FIELDS, 'L');
  g_autofree char *commands = g_strconcat ("OCHMRT", fields, "NEQ", NULL);
  Fixture f;

  run (&f, answers, G_N_ELEMENTS (answers), commands);
  RUN_UNTIL (f.peer_watch == 0);
  cr_expect_eq (f.letters->len, strlen (commands));
  cr_expect_lt (f.n_reads, 1000, "%u reads", f.n_reads);
  fixture_clear (&f);
}

Test (context, a_body_longer_than_a_frame_is_sent_as_several)
{
  static const gsize sizes[] = { 65535, 65535, 18930 };
  Fixture f;

  begin (&f, passes, G_N_ELEMENTS (passes), "OCHMRTNBEQ");
  f.body_size = 150000;
  go (&f);
  RUN_UNTIL (f.finished);
  RUN_UNTIL (f.peer_watch == 0);
  cr_expect_str_eq (f.letters->str, "OCHMRTNBBBEQ");
  for (guint i = 0; i < 3; i++)
    cr_expect_eq (g_bytes_get_size (g_ptr_array_index (f.payloads, 7 + i)), sizes[i]);
  /* one answer for one call */
  cr_expect_str_eq (f.signals->str,
                    "continue continue continue continue continue continue continue continue "
                    "finished ");
  fixture_clear (&f);
}

Test (context, the_last_piece_of_a_body_may_come_with_the_end)
{
  Fixture f;

  begin (&f, passes, G_N_ELEMENTS (passes), "OCHMRTNeQ");
  f.body_size = 65536;
  go (&f);
  RUN_UNTIL (f.finished);
  RUN_UNTIL (f.peer_watch == 0);
  cr_expect_str_eq (f.letters->str, "OCHMRTNBEQ");
  cr_expect_eq (g_bytes_get_size (g_ptr_array_index (f.payloads, 7)), 65535);
  cr_expect_eq (g_bytes_get_size (g_ptr_array_index (f.payloads, 8)), 1);
  fixture_clear (&f);
}

Test (context, a_skipped_body_is_not_sent_any_further)
{
  WITH (2, ANSWER ('O', "\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\0\x04\0"), ANSWER ('B', "\0\0\0\1s"));
  Fixture f;

  begin (&f, answers, G_N_ELEMENTS (answers), "OCHMRTNBBEQ");
  f.body_size = 150000;
  go (&f);
  RUN_UNTIL (f.finished);
  RUN_UNTIL (f.peer_watch == 0);
  cr_expect_str_eq (f.letters->str, "OCHMRTNBEQ");
  cr_expect_str_eq (f.signals->str,
                    "continue continue continue continue continue continue skip skip continue "
                    "finished ");
  cr_expect (milter_server_context_get_skip_body (f.context));
  fixture_clear (&f);
}

Test (context, a_skip_of_a_body_that_came_with_the_end_still_ends_the_message)
{
  WITH (2, ANSWER ('O', "\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\0\x04\0"), ANSWER ('B', "\0\0\0\1s"));
  Fixture f;

  begin (&f, answers, G_N_ELEMENTS (answers), "OCHMRTNeQ");
  f.body_size = 150000;
  go (&f);
  RUN_UNTIL (f.finished);
  RUN_UNTIL (f.peer_watch == 0);
  cr_expect_str_eq (f.letters->str, "OCHMRTNBEQ");
  fixture_clear (&f);
}

/* --- envelope --------------------------------------------------------------------------------- */

Test (context, parameters_of_the_envelope_are_strings_of_their_own)
{
  static const struct
  {
    const char *from;
    const char *bytes;
    gsize size;
  } rows[] = {
    { "<a@b>", "<a@b>\0", 6 },
    { "<a@b> SIZE=10 BODY=8BITMIME", "<a@b>\0SIZE=10\0BODY=8BITMIME\0", 28 },
    { "<\"x> y\"@b> A=1", "<\"x> y\"@b>\0A=1\0", 15 },
    { "a@b SIZE=1", "a@b\0SIZE=1\0", 11 },
    { "\"a b\"@c", "\"a b\"@c\0", 8 },
    { "", "\0", 1 },
    { "<> ", "<>\0", 3 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Fixture f;

      begin (&f, passes, G_N_ELEMENTS (passes), "OCHM");
      f.mail_from = rows[i].from;
      go (&f);
      RUN_UNTIL (f.letters->len == 4);
      cr_expect (payload_is (&f, 3, rows[i].bytes, rows[i].size), "%s", rows[i].from);
      fixture_clear (&f);
    }
}

/* --- stop-on-… -------------------------------------------------------------------------------- */

static gboolean
stop_on_helo (MilterServerContext *context, const char *fqdn, gpointer data)
{
  return strcmp (fqdn, "client.example.com") == 0;
}

Test (context, a_program_that_stops_has_nothing_sent)
{
  Fixture f;

  begin (&f, passes, G_N_ELEMENTS (passes), "OCHM");
  g_signal_connect (f.context, "stop-on-helo", G_CALLBACK (stop_on_helo), NULL);
  go (&f);
  RUN_UNTIL (strstr (f.signals->str, "stopped") != NULL);
  cr_expect_str_eq (f.letters->str, "OC");
  cr_expect_eq (milter_server_context_get_status (f.context), MILTER_STATUS_STOP);
  fixture_clear (&f);
}

/* --- message-processed ------------------------------------------------------------------------ */

static void
on_processed (MilterServerContext *context, MilterMessageResult *result, Fixture *f)
{
  g_string_append_printf (f->signals,
                          "[%s +%u -%u %u fields %u bytes: status %d state %d] ",
                          milter_message_result_get_from (result),
                          g_list_length (milter_message_result_get_recipients (result)),
                          g_list_length (milter_message_result_get_rejected_recipients (result)),
                          milter_headers_length (milter_message_result_get_headers (result)),
                          (guint) milter_message_result_get_body_size (result),
                          milter_message_result_get_status (result),
                          milter_message_result_get_state (result));
}

Test (context, what_became_of_each_message_is_told_before_the_next)
{
  static const struct
  {
    const char *commands;
    Answer answer;
    const char *result;
    MilterStatus status;
    MilterState state;
  } rows[] = {
    { "OCHMRRTLLNBEQ",
      ANSWER ('E', CONTINUE),
      "<alice@example.com> +2 -0 2 fields 10 bytes",
      MILTER_STATUS_CONTINUE,
      MILTER_STATE_END_OF_MESSAGE },
    { "OCHMRTNEQ",
      ANSWER ('E', "\0\0\0\5qwhy\0" CONTINUE),
      "<alice@example.com> +1 -0 0 fields 0",
      MILTER_STATUS_QUARANTINE,
      MILTER_STATE_END_OF_MESSAGE },
    { "OCHMRQ",
      ANSWER ('M', "\0\0\0\x06y550 \0"),
      "<alice@example.com> +0 -0 0 fields 0 bytes",
      MILTER_STATUS_REJECT,
      MILTER_STATE_ENVELOPE_FROM },
    { "OCHMRAQ",
      ANSWER ('H', CONTINUE),
      "<alice@example.com> +1 -0 0 fields 0 bytes",
      MILTER_STATUS_ABORT,
      MILTER_STATE_ABORT },
    { "OCHMRE",
      CLOSE ('R'),
      "<alice@example.com> +1 -0 0 fields 0 bytes",
      MILTER_STATUS_ERROR,
      MILTER_STATE_ENVELOPE_RECIPIENT },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      WITH (1, rows[i].answer);
      g_autofree char *expected = g_strdup_printf ("%s%s: status %d state %d]",
                                                   rows[i].result,
                                                   strstr (rows[i].result, "bytes") ? "" : " bytes",
                                                   rows[i].status,
                                                   rows[i].state);
      Fixture f;

      begin (&f, answers, G_N_ELEMENTS (answers), rows[i].commands);
      g_signal_connect (f.context, "message-processed", G_CALLBACK (on_processed), &f);
      go (&f);
      RUN_UNTIL (f.finished || strstr (f.signals->str, "550") != NULL);
      cr_expect (strstr (f.signals->str, expected) != NULL, "%s: %s", expected, f.signals->str);
      fixture_clear (&f);
    }
}

Test (context, a_refused_recipient_stands_in_a_list_of_its_own)
{
  WITH (1, ANSWER ('R', "\0\0\0\1r"));
  MilterMessageResult *result;
  Fixture f;

  begin (&f, answers, G_N_ELEMENTS (answers), "OCHMR");
  g_signal_connect (f.context, "message-processed", G_CALLBACK (on_processed), &f);
  go (&f);
  RUN_UNTIL (strstr (f.signals->str, "reject") != NULL);
  result = milter_server_context_get_message_result (f.context);
  cr_assert_not_null (result);
  cr_expect_eq (g_list_length (milter_message_result_get_recipients (result)), 0);
  cr_expect_eq (g_list_length (milter_message_result_get_rejected_recipients (result)), 1);
  fixture_clear (&f);
}

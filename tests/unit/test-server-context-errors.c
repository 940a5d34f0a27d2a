/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-server-context-errors.c: time limits, broken milters, misused contexts.
 */
#include "milter-connection-spec.h"
#include "server-driver.h"

/* --- what goes wrong -------------------------------------------------------------------------- */

Test (context, a_milter_that_closes_is_an_error_that_names_the_stage)
{
  static const struct
  {
    guint8 letter;
    const char *word;
  } rows[] = {
    { 'O', "negotiate" }, { 'C', "connect" }, { 'H', "helo" }, { 'M', "mail" }, { 'R', "rcpt" },
    { 'T', "data" },      { 'L', "header" },  { 'N', "eoh" },  { 'B', "body" }, { 'E', "eom" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      WITH (1, CLOSE (rows[i].letter));
      g_autofree char *before = g_strdup_printf ("before it answered %s", rows[i].word);
      Fixture f;

      run (&f, answers, G_N_ELEMENTS (answers), "OCHMRTLNBEQ");
      cr_expect_eq (milter_server_context_get_status (f.context), MILTER_STATUS_ERROR);
      cr_expect_eq (f.error_code, MILTER_SERVER_CONTEXT_ERROR_IO_ERROR);
      cr_expect (f.error != NULL && strstr (f.error, before) != NULL, "%s", f.error);
      cr_expect (g_str_has_suffix (f.signals->str, "error finished "), "%s", f.signals->str);
      fixture_clear (&f);
    }
}

Test (context, answers_that_cannot_stand_end_the_connection)
{
  static const struct
  {
    const char *name;
    guint8 letter;
    const char *bytes;
    gsize size;
    int code;
  } rows[] = {
    { "a greeting of another protocol",
      0,
      "220 mx.example.net ESMTP\r\n",
      26,
      MILTER_SERVER_CONTEXT_ERROR_PROTOCOL },
    { "an empty frame", 'C', "\0\0\0\0", 4, MILTER_SERVER_CONTEXT_ERROR_PROTOCOL },
    { "a frame too long", 'C', "\xff\xff\xff\xff", 4, MILTER_SERVER_CONTEXT_ERROR_PROTOCOL },
    { "an unknown letter", 'C', "\0\0\0\1Z", 5, MILTER_SERVER_CONTEXT_ERROR_PROTOCOL },
    { "a malformed reply code", 'M', "\0\0\0\4y99\0", 8, MILTER_SERVER_CONTEXT_ERROR_PROTOCOL },
    { "an edit outside the end",
      'M',
      "\0\0\0\5hA\0b\0",
      9,
      MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE },
    { "progress outside the end", 'M', "\0\0\0\1p", 5, MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE },
    { "two answers", 'M', "\0\0\0\1c\0\0\0\1c", 10, MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE },
    { "a skip outside the body", 'M', "\0\0\0\1s", 5, MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE },
    { "an answer to the offer that is none",
      'O',
      CONTINUE,
      5,
      MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE },
    { "a newer version",
      'O',
      "\0\0\0\x0dO\0\0\0\x07\0\0\x01\xff\0\0\0\0",
      17,
      MILTER_SERVER_CONTEXT_ERROR_NEWER_VERSION_REQUESTED },
    { "an action that was not offered",
      'O',
      "\0\0\0\x0dO\0\0\0\x06\x10\0\x01\xff\0\0\0\0",
      17,
      MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      WITH (1, { rows[i].letter, rows[i].bytes, rows[i].size, false });
      Fixture f;

      /* two answers show at the next one: R is not answered */
      begin (&f, answers, G_N_ELEMENTS (answers), "OCHM");
      go (&f);
      RUN_UNTIL (f.finished);
      cr_expect_eq (f.error_code, rows[i].code, "%s: %d (%s)", rows[i].name, f.error_code, f.error);
      cr_expect_eq (milter_server_context_get_status (f.context), MILTER_STATUS_ERROR);
      fixture_clear (&f);
    }
}

Test (context, a_silent_milter_is_given_up_after_the_reading_timeout)
{
  WITH (1, { 'M', "", 0, false });
  Fixture f;

  begin (&f, answers, G_N_ELEMENTS (answers), "OCHM");
  milter_server_context_set_reading_timeout (f.context, 0.03);
  go (&f);
  RUN_UNTIL (f.finished);
  cr_expect_str_eq (f.signals->str, "continue continue reading-timeout finished ");
  cr_expect_eq (milter_server_context_get_status (f.context), MILTER_STATUS_ERROR);
  fixture_clear (&f);
}

Test (context, half_a_frame_does_not_stop_the_clock)
{
  WITH (1, ANSWER ('M', "\0\0\0"));
  Fixture f;

  begin (&f, answers, G_N_ELEMENTS (answers), "OCHM");
  milter_server_context_set_reading_timeout (f.context, 0.03);
  go (&f);
  RUN_UNTIL (f.finished);
  cr_expect_str_eq (f.signals->str, "continue continue reading-timeout finished ");
  fixture_clear (&f);
}

Test (context, the_end_of_a_message_has_its_own_time_limit)
{
  WITH (1, ANSWER ('E', "\0\0\0\1p"));
  Fixture f;

  begin (&f, answers, G_N_ELEMENTS (answers), "OCHMRTNE");
  milter_server_context_set_end_of_message_timeout (f.context, 0.03);
  go (&f);
  RUN_UNTIL (f.finished);
  cr_expect (g_str_has_suffix (f.signals->str, "progress end-of-message-timeout finished "),
             "%s",
             f.signals->str);
  fixture_clear (&f);
}

Test (context, a_milter_that_does_not_read_is_given_up_after_the_writing_timeout)
{
  Fixture f;

  /* bodies need no answer, and nobody reads */
  WITH (1, ANSWER ('O', "\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x0f\xf0\x80"));
  begin (&f, answers, G_N_ELEMENTS (answers), "O");
  milter_server_context_set_writing_timeout (f.context, 0.03);
  go (&f);
  RUN_UNTIL (milter_server_context_is_negotiated (f.context));
  g_source_remove (f.peer_watch);
  f.peer_watch = 0;
  f.commands = "HMRTNB";
  f.body_size = 4000000;
  say_one (&f, 'C');
  RUN_UNTIL (f.finished);
  cr_expect (g_str_has_suffix (f.signals->str, "writing-timeout finished "), "%s", f.signals->str);
  fixture_clear (&f);
}

Test (context, a_second_command_while_an_answer_is_due_is_refused)
{
  WITH (1, { 'H', "", 0, false });
  Fixture f;

  begin (&f, answers, G_N_ELEMENTS (answers), "OCH");
  go (&f);
  RUN_UNTIL (g_str_has_suffix (f.letters->str, "H"));
  cr_expect (milter_server_context_is_processing (f.context));
  cr_expect_not (say_one (&f, 'M'));
  cr_expect_eq (f.error_code, MILTER_SERVER_CONTEXT_ERROR_BUSY);
  cr_expect_not (f.finished, "the connection stays");
  cr_expect (say_one (&f, 'Q'));
  cr_expect (f.finished);
  fixture_clear (&f);
}

Test (context, commands_out_of_order_are_refused)
{
  static const struct
  {
    const char *said;
    char command;
  } rows[] = { { "", 'H' }, { "OCH", 'R' }, { "OCHM", 'E' }, { "OCHMRT", 'B' } };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Fixture f;

      begin (&f, passes, G_N_ELEMENTS (passes), rows[i].said);
      go (&f);
      RUN_UNTIL (f.letters->len == strlen (rows[i].said)
                 && !milter_server_context_is_processing (f.context) && f.peer_watch != 0);
      cr_expect_not (say_one (&f, rows[i].command), "%s then %c", rows[i].said, rows[i].command);
      cr_expect_eq (f.error_code, MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE, "%s", f.error);
      cr_expect_not (f.finished);
      fixture_clear (&f);
    }
}

Test (context, nothing_can_be_said_without_a_connection)
{
  Fixture f;

  begin (&f, passes, G_N_ELEMENTS (passes), "");
  cr_expect_not (say_one (&f, 'O'));
  cr_expect_eq (f.error_code, MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE);
  cr_expect_not (say_one (&f, 'Q'));
  fixture_clear (&f);
}

Test (context, a_milter_that_is_not_there_is_an_error)
{
  g_autoptr (MilterServerContext) context = milter_server_context_new ();
  g_autoptr (GError) error = NULL;
  Fixture f;

  cr_expect_not (milter_server_context_establish_connection (context, &error));
  cr_expect (
      g_error_matches (error, MILTER_SERVER_CONTEXT_ERROR, MILTER_SERVER_CONTEXT_ERROR_NO_SPEC));
  g_clear_error (&error);
  cr_expect_not (milter_server_context_set_connection_spec (context, "nonsense", &error));
  cr_expect_eq (error->domain, MILTER_CONNECTION_ERROR);
  g_clear_error (&error);

  /* known at once, or told later: one of the two, and never "ready" */
  begin (&f, passes, G_N_ELEMENTS (passes), "O");
  g_unlink (f.path);
  if (milter_server_context_establish_connection (f.context, &error))
    {
      RUN_UNTIL (f.finished);
      cr_expect_eq (f.error_code, MILTER_SERVER_CONTEXT_ERROR_CONNECTION_FAILURE);
    }
  else
    cr_expect_not_null (error);
  cr_expect_str_eq (f.letters->str, "");
  fixture_clear (&f);
}

static void
drop (MilterServerContext *context, Fixture *f)
{
  f->context = NULL;
  g_object_unref (context);
}

Test (context, a_handler_may_let_go_of_the_context)
{
  Fixture f;

  begin (&f, passes, G_N_ELEMENTS (passes), "OCH");
  g_signal_connect (f.context, "continue", G_CALLBACK (drop), &f);
  /* the driver would say the next command after this one */
  f.commands = "OC";
  go (&f);
  RUN_UNTIL (f.context == NULL);
  fixture_clear (&f);
}

Test (context, properties_hold_what_was_set)
{
  g_autoptr (MilterServerContext) context = milter_server_context_new ();
  double connection, writing, reading, end;
  g_autofree char *name = NULL;

  g_object_get (context,
                "connection-timeout",
                &connection,
                "writing-timeout",
                &writing,
                "reading-timeout",
                &reading,
                "end-of-message-timeout",
                &end,
                NULL);
  cr_expect_float_eq (connection, 300.0, 0.0);
  cr_expect_float_eq (writing, 10.0, 0.0);
  cr_expect_float_eq (reading, 10.0, 0.0);
  cr_expect_float_eq (end, 300.0, 0.0);

  milter_server_context_set_all_timeouts (context, 1.5);
  milter_server_context_set_name (context, "opendkim");
  g_object_get (context, "end-of-message-timeout", &end, "name", &name, NULL);
  cr_expect_float_eq (end, 1.5, 0.0);
  cr_expect_str_eq (name, "opendkim");
}

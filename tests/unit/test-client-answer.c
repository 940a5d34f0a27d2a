/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-answer.c: answers that come later, and the text of refusals.
 */
#include "client-test.h"

/* Answers that come later. */

static MilterStatus
later (MilterClientContext *context, gpointer data)
{
  return MILTER_STATUS_PROGRESS;
}

static MilterStatus
later_string (MilterClientContext *context, const char *string, gpointer data)
{
  return MILTER_STATUS_PROGRESS;
}

static MilterStatus
later_strings (MilterClientContext *context, const char *name, const char *value, gpointer data)
{
  return MILTER_STATUS_PROGRESS;
}

static MilterStatus
later_chunk (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  return MILTER_STATUS_PROGRESS;
}

static MilterStatus
later_connect (MilterClientContext *context,
               const char *host,
               struct sockaddr *address,
               socklen_t size,
               gpointer data)
{
  return MILTER_STATUS_PROGRESS;
}

static MilterStatus
later_negotiate (MilterClientContext *context,
                 MilterOption *option,
                 MilterMacrosRequests *requests,
                 gpointer data)
{
  milter_option_set_step (option, MILTER_STEP_SKIP);
  return MILTER_STATUS_PROGRESS;
}

static const MilterClientHandlers later_handlers = {
  .negotiate = later_negotiate,
  .connect = later_connect,
  .helo = later_string,
  .envelope_from = later_string,
  .envelope_recipient = later_string,
  .data = later,
  .unknown = later_string,
  .header = later_strings,
  .end_of_header = later,
  .body = later_chunk,
  .end_of_message = later_chunk,
};

Test (client_answer, every_event_can_be_answered_later)
{
  static const struct
  {
    char letter;
    const char *payload;
    gsize size;
    const char *response;
  } steps[] = {
    { 'C', CLIENT_OF_TEST, sizeof CLIENT_OF_TEST - 1, "connect-response" },
    { 'H', "x", 2, "helo-response" },
    { 'U', "FOO", 4, "unknown-response" },
    { 'M', "<a>", 4, "envelope-from-response" },
    { 'R', "<b>", 4, "envelope-recipient-response" },
    { 'T', "", 0, "data-response" },
    { 'L', "A\0b", 4, "header-response" },
    { 'N', "", 0, "end-of-header-response" },
    { 'B', "x", 1, "body_response" },
    { 'E', "", 0, "end-of-message-response" },
  };
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &later_handlers, &peer);
  peer_send (&peer, 'O', OFFER_ALL);
  peer_expect (&peer, "");
  g_signal_emit_by_name (peer.context, "negotiate-response", NULL, NULL, MILTER_STATUS_CONTINUE);
  peer_expect (&peer, "negotiate version=6 actions=all steps=SKIP");
  for (gsize i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      cr_expect (peer_send_bytes (&peer, steps[i].letter, steps[i].payload, steps[i].size));
      peer_expect (&peer, "");
      g_signal_emit_by_name (peer.context, steps[i].response, MILTER_STATUS_CONTINUE);
      peer_expect (&peer, "continue");
    }
  peer_clear (&peer);
}

Test (client_answer, commands_wait_while_an_answer_is_pending)
{
  Peer peer = peer_new ();

  peer_watch (&peer);
  peer_reach (&peer, 'C');
  milter_client_context_set_handlers (peer.context, &later_handlers, &peer);
  peer_send (&peer, 'H', "x\0");
  peer_send (&peer, 'M', "<a>\0");
  peer_send (&peer, 'Q', "");
  peer_expect (&peer, "");
  g_signal_emit_by_name (peer.context, "helo-response", MILTER_STATUS_CONTINUE);
  peer_expect (&peer, "continue");
  g_signal_emit_by_name (peer.context, "envelope-from-response", MILTER_STATUS_REJECT);
  peer_expect (&peer, "reject");
  peer_expect_log (&peer, "finished");
  peer_clear (&peer);
}

static MilterStatus
respond_at_once (MilterClientContext *context, const char *fqdn, gpointer data)
{
  g_signal_emit_by_name (context, "helo-response", MILTER_STATUS_TEMPORARY_FAILURE);
  return MILTER_STATUS_PROGRESS;
}

Test (client_answer, a_response_inside_the_handler_counts)
{
  static const MilterClientHandlers handlers = { .helo = respond_at_once };
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &handlers, &peer);
  peer_reach (&peer, 'C');
  peer_send (&peer, 'H', "x\0");
  peer_expect (&peer, "tempfail");
  peer_clear (&peer);
}

static MilterStatus
respond_and_answer (MilterClientContext *context, const char *fqdn, gpointer data)
{
  g_signal_emit_by_name (context, "helo-response", MILTER_STATUS_REJECT);
  return MILTER_STATUS_CONTINUE;
}

Test (client_answer, a_response_inside_a_handler_that_answers_is_not_kept_for_another_command)
{
  static const MilterClientHandlers handlers
      = { .helo = respond_and_answer, .envelope_from = later_string };
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &handlers, &peer);
  peer_reach (&peer, 'C');
  peer_send (&peer, 'H', "x\0");
  peer_expect (&peer, "continue");
  peer_send (&peer, 'M', "<a>\0");
  peer_expect (&peer, "");
  g_signal_emit_by_name (peer.context, "envelope-from-response", MILTER_STATUS_ACCEPT);
  peer_expect (&peer, "accept");
  peer_clear (&peer);
}

Test (client_answer, a_response_that_nobody_waits_for_is_an_error_and_sends_nothing)
{
  Peer peer = peer_new ();

  peer_watch (&peer);
  peer_reach (&peer, 'C');
  g_signal_emit_by_name (peer.context, "helo-response", MILTER_STATUS_CONTINUE);
  peer_expect (&peer, "");
  peer_expect_log (&peer, "error");
  milter_client_context_set_handlers (peer.context, &later_handlers, &peer);
  peer_send (&peer, 'H', "x\0");
  g_signal_emit_by_name (peer.context, "data-response", MILTER_STATUS_CONTINUE);
  peer_expect (&peer, "");
  peer_expect_log (&peer, "error");
  g_signal_emit_by_name (peer.context, "helo-response", MILTER_STATUS_CONTINUE);
  g_signal_emit_by_name (peer.context, "helo-response", MILTER_STATUS_CONTINUE);
  peer_expect (&peer, "continue");
  peer_expect_log (&peer, "error");
  peer_clear (&peer);
}

Test (client_answer, a_response_after_the_end_is_passed_over)
{
  Peer peer = peer_new ();

  peer_watch (&peer);
  peer_reach (&peer, 'C');
  milter_client_context_set_handlers (peer.context, &later_handlers, &peer);
  peer_send (&peer, 'H', "x\0");
  milter_client_context_shutdown (peer.context);
  peer_expect_log (&peer, "finished");
  g_signal_emit_by_name (peer.context, "helo-response", MILTER_STATUS_CONTINUE);
  g_signal_emit_by_name (peer.context, "abort-response", MILTER_STATUS_CONTINUE);
  peer_expect (&peer, "");
  peer_expect_log (&peer, "");
  peer_clear (&peer);
}

Test (client_answer, edits_go_while_the_end_of_message_is_pending)
{
  Peer peer = peer_new ();

  peer_reach (&peer, 'B');
  milter_client_context_set_handlers (peer.context, &later_handlers, &peer);
  peer_send (&peer, 'E', "");
  cr_expect (milter_client_context_progress (peer.context));
  cr_expect (milter_client_context_add_header (peer.context, "X", "y", NULL));
  g_signal_emit_by_name (peer.context, "end-of-message-response", MILTER_STATUS_ACCEPT);
  peer_expect (&peer, "progress; add-header X: y; accept");
  cr_expect_not (milter_client_context_progress (peer.context));
  peer_clear (&peer);
}

/* Ends inside handlers. */

static MilterStatus
shut_down (MilterClientContext *context, const char *fqdn, gpointer peer)
{
  milter_client_context_shutdown (context);
  milter_client_context_shutdown (context);
  peer_note (peer, "still-here");
  return MILTER_STATUS_REJECT;
}

Test (client_answer, a_context_that_shuts_down_in_its_handler_finishes_after_it)
{
  static const MilterClientHandlers handlers = { .helo = shut_down };
  Peer peer = peer_new ();

  peer_watch (&peer);
  milter_client_context_set_handlers (peer.context, &handlers, &peer);
  peer_reach (&peer, 'C');
  peer_send (&peer, 'H', "x\0");
  peer_expect (&peer, "");
  peer_expect_log (&peer, "still-here finished");
  peer_clear (&peer);
}

static MilterStatus
feed_on (MilterClientContext *context, const char *fqdn, gpointer peer)
{
  peer_send (peer, 'M', "<a>\0");
  peer_note (peer, "fed");
  return MILTER_STATUS_CONTINUE;
}

Test (client_answer, what_a_handler_feeds_is_handled_after_it)
{
  static const MilterClientHandlers handlers = { .helo = feed_on };
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &handlers, &peer);
  peer_reach (&peer, 'C');
  peer_send (&peer, 'H', "x\0");
  peer_expect (&peer, "continue; continue");
  cr_expect_eq (milter_client_context_get_state (peer.context),
                MILTER_CLIENT_CONTEXT_STATE_ENVELOPE_FROM_REPLIED);
  peer_clear (&peer);
}

/* The text of refusals. */

static MilterStatus refusal = MILTER_STATUS_REJECT;

static MilterStatus
refuse (MilterClientContext *context, const char *recipient, gpointer data)
{
  return refusal;
}

static const MilterClientHandlers refusing = { .envelope_recipient = refuse };

Test (client_answer, a_text_goes_with_a_refusal_of_its_class)
{
  static const struct
  {
    guint code;
    const char *extended;
    const char *message;
    MilterStatus status;
    const char *sent;
  } rows[] = {
    { 550, "5.7.1", "no", MILTER_STATUS_REJECT, "reply-code \"550 5.7.1 no\"" },
    { 450, NULL, "later", MILTER_STATUS_TEMPORARY_FAILURE, "reply-code \"450 later\"" },
    { 550, "5.7.1", "no", MILTER_STATUS_TEMPORARY_FAILURE, "tempfail" },
    { 451, "4.7.1", "no", MILTER_STATUS_REJECT, "reject" },
    { 550, "5.7.1", "no", MILTER_STATUS_CONTINUE, "continue" },
    { 554, "5.7.1", "100% sure", MILTER_STATUS_REJECT, "reply-code \"554 5.7.1 100%% sure\"" },
    { 554,
      "5.7.1",
      "one\ntwo",
      MILTER_STATUS_REJECT,
      "reply-code \"554-5.7.1 one\\r\\n554 5.7.1 two\"" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Peer peer = peer_new ();
      g_autoptr (GByteArray) output = NULL;
      MilterMessage message;
      gsize n = 0;
      const MilterLimits limits = { MILTER_LIMIT_FROM_MILTER };
      GString *text = g_string_new (NULL);

      milter_client_context_set_handlers (peer.context, &refusing, &peer);
      peer_reach (&peer, 'M');
      cr_expect (milter_client_context_set_reply (
          peer.context, rows[i].code, rows[i].extended, rows[i].message, NULL));
      refusal = rows[i].status;
      peer_send (&peer, 'R', "<b>\0");
      output = milter_client_context_take_output (peer.context);
      cr_assert_eq (milter_message_decode (
                        MILTER_SIDE_MILTER, output->data, output->len, &limits, &message, &n, NULL),
                    MILTER_DECODE_COMPLETE);
      g_string_append (text, message.spec->word);
      if (message.letter == 'y')
        {
          g_string_append_c (text, ' ');
          milter_text_append_quoted (message.fields[0].bytes, MILTER_TEXT_PLAIN, text);
        }
      cr_expect_str_eq (text->str, rows[i].sent, "row %zu: %s", i, text->str);
      g_string_free (text, TRUE);
      peer_clear (&peer);
    }
}

Test (client_answer, a_text_is_used_once_and_does_not_reach_the_next_message)
{
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &refusing, &peer);
  refusal = MILTER_STATUS_REJECT;
  peer_reach (&peer, 'M');
  milter_client_context_set_reply (peer.context, 550, "5.7.1", "no", NULL);
  peer_send (&peer, 'R', "<b>\0");
  peer_send (&peer, 'R', "<c>\0");
  peer_expect (&peer, "550 5.7.1 \"no\"; reject");
  milter_client_context_set_reply (peer.context, 550, "5.7.1", "stale", NULL);
  peer_send (&peer, 'A', "");
  cr_expect_null (milter_client_context_format_reply (peer.context));
  peer_send (&peer, 'M', "<a>\0");
  peer_send (&peer, 'R', "<b>\0");
  peer_expect (&peer, "continue; reject");
  peer_clear (&peer);
}

Test (client_answer, codes_that_smtp_does_not_have_are_refused)
{
  static const struct
  {
    guint code;
    const char *extended;
    const char *message;
    MilterClientContextError error;
  } rows[] = {
    { 250, NULL, "ok", MILTER_CLIENT_CONTEXT_ERROR_INVALID_CODE },
    { 399, NULL, "x", MILTER_CLIENT_CONTEXT_ERROR_INVALID_CODE },
    { 600, NULL, "x", MILTER_CLIENT_CONTEXT_ERROR_INVALID_CODE },
    { 550, "4.7.1", "x", MILTER_CLIENT_CONTEXT_ERROR_INVALID_CODE },
    { 550, "5.7", "x", MILTER_CLIENT_CONTEXT_ERROR_INVALID_CODE },
    { 550, "5.7.1.2", "x", MILTER_CLIENT_CONTEXT_ERROR_INVALID_CODE },
    { 550, "5.1234.1", "x", MILTER_CLIENT_CONTEXT_ERROR_INVALID_CODE },
    { 550, "abc", "x", MILTER_CLIENT_CONTEXT_ERROR_INVALID_CODE },
    { 550, "5.7.1", "a\rb", MILTER_CLIENT_CONTEXT_ERROR_INVALID_VALUE },
  };
  Peer peer = peer_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      cr_expect_not (milter_client_context_set_reply (
                         peer.context, rows[i].code, rows[i].extended, rows[i].message, &error),
                     "row %zu",
                     i);
      cr_expect (g_error_matches (error, MILTER_CLIENT_CONTEXT_ERROR, (int) rows[i].error),
                 "row %zu: %s",
                 i,
                 error != NULL ? error->message : "");
    }
  cr_expect_null (milter_client_context_format_reply (peer.context));
  cr_expect (milter_client_context_set_reply (peer.context, 421, NULL, NULL, NULL));
  peer_clear (&peer);
}

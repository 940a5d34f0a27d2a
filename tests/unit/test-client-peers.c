/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-peers.c: MTAs that are slow, that ask and never read, or that go while they are answered.
 */
#include <errno.h>

#include "client-stage.h"

#define BODY_SIZE   (4 * 1024 * 1024)
/* more than the kernel and the client together keep for a peer that does not read */
#define FLOOD_SIZE (16 * 1024 * 1024)

static MilterStatus
on_unknown (MilterClientContext *context, const char *command, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_end_of_message (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  g_autofree char *body = g_strnfill (BODY_SIZE, 'x');

  milter_client_context_replace_body (context, body, BODY_SIZE, NULL);
  milter_client_shutdown (((Stage *) data)->client);
  return MILTER_STATUS_ACCEPT;
}

static void
on_finished (MilterClientContext *context, gpointer data)
{
  g_async_queue_push (((Stage *) data)->events, (gpointer) "finished");
}

static void
on_established (MilterClient *client, MilterClientContext *context, gpointer data)
{
  g_signal_connect (context, "finished", G_CALLBACK (on_finished), data);
}

static const MilterClientHandlers handlers
    = { .unknown = on_unknown, .end_of_message = on_end_of_message };

Test (client_peers, what_was_answered_reaches_a_slow_mta_though_the_client_shuts_down)
{
  Stage *stage = stage_new ();
  g_autofree char *bytes = g_malloc (BODY_SIZE);
  char end = 0;
  gsize total = 0;
  gssize n;

  milter_client_set_handlers (stage->client, &handlers, stage, NULL);
  milter_client_set_shutdown_time (stage->client, PATIENCE_MS / 1000);
  g_signal_connect (stage->client, "connection-established", G_CALLBACK (on_established), stage);
  stage_start (stage);
  SAY (stage, OFFER);
  cr_assert_gt (hear (stage, bytes, BODY_SIZE, PATIENCE_MS), 0);
  SAY (stage,
       "\0\0\0\5M<a>\0"
       "\0\0\0\5R<b>\0"
       "\0\0\0\5Bbody"
       "\0\0\0\1E");
  /* nothing has been read so far */
  stage_expect (stage, "finished");
  while ((n = hear (stage, bytes, BODY_SIZE, PATIENCE_MS)) > 0)
    {
      total += (gsize) n;
      end = bytes[n - 1];
    }
  cr_expect_eq (n, 0);
  cr_expect_gt (total, BODY_SIZE);
  cr_expect_eq (end, 'a');
  stage_free (stage);
}

/* commands until the client takes no more for a while; FALSE: it took all */
static gboolean
flood (Stage *stage, gsize *n_said)
{
  static const char command[] = "\0\0\0\3UX";
  g_autoptr (GByteArray) commands = g_byte_array_new ();
  gsize said = 0;

  for (guint i = 0; i < 4096; i++)
    g_byte_array_append (commands, (const guint8 *) command, sizeof command);
  while (said < FLOOD_SIZE)
    {
      gsize from = said % commands->len;
      gssize n = send (
          stage->fd, commands->data + from, commands->len - from, MSG_NOSIGNAL | MSG_DONTWAIT);
      struct pollfd poll_fd = { .fd = stage->fd, .events = POLLOUT };

      if (n < 0 && poll (&poll_fd, 1, 500) == 0)
        break;
      said += n > 0 ? (gsize) n : 0;
    }
  *n_said = said / sizeof command;
  return said < FLOOD_SIZE;
}

Test (client_peers, a_peer_that_asks_and_never_reads_is_not_read_until_it_does)
{
  Stage *stage = stage_new ();
  char bytes[4096];
  gsize n_said = 0;
  gsize total = 0;

  milter_client_set_handlers (stage->client, &handlers, stage, NULL);
  stage_start (stage);
  SAY (stage, OFFER);
  cr_assert_gt (hear (stage, bytes, sizeof bytes, PATIENCE_MS), 0);
  cr_expect (flood (stage, &n_said));
  /* nothing is lost by that: each continue has five bytes */
  while (total < 5 * n_said)
    {
      gssize n = hear (stage, bytes, sizeof bytes, PATIENCE_MS);

      cr_assert_gt (n, 0);
      total += (gsize) n;
    }
  cr_expect_eq (total, 5 * n_said);
  stage_free (stage);
}

static int n_bodies; /* atomic */

static MilterStatus
replace_with_64k (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  g_autofree char *body = g_strnfill (65535, 'x');

  g_atomic_int_inc (&n_bodies);
  milter_client_context_replace_body (context, body, 65535, NULL);
  return MILTER_STATUS_ACCEPT;
}

static MilterStatus
on_text (MilterClientContext *context, const char *text, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_header (MilterClientContext *context, const char *name, const char *value, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_event (MilterClientContext *context, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_body (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

/* nothing is answered but the end of a message */
static MilterStatus
on_negotiate (MilterClientContext *context,
              MilterOption *option,
              MilterMacrosRequests *requests,
              gpointer data)
{
  milter_option_set_step (option, MILTER_STEP_NO_REPLY_MASK);
  return MILTER_STATUS_CONTINUE;
}

static const MilterClientHandlers long_answers = { .end_of_message = replace_with_64k };
static const MilterClientHandlers long_answers_alone = {
  .negotiate = on_negotiate,
  .helo = on_text,
  .envelope_from = on_text,
  .envelope_recipient = on_text,
  .data = on_event,
  .unknown = on_text,
  .header = on_header,
  .end_of_header = on_event,
  .body = on_body,
  .end_of_message = replace_with_64k,
};

#define N_MESSAGES 500

static void
check_large_answers (const MilterClientHandlers *large, MilterBytes message)
{
  Stage *stage = stage_new ();
  g_autofree char *bytes = g_malloc (BODY_SIZE);
  g_autoptr (GByteArray) messages = g_byte_array_new ();
  const gsize answer_size = 5 + 65535 + 5;
  gsize total = 0;

  g_atomic_int_set (&n_bodies, 0);
  for (guint i = 0; i < N_MESSAGES; i++)
    g_byte_array_append (messages, message.data, (guint) message.size);
  milter_client_set_handlers (stage->client, large, stage, NULL);
  stage_start (stage);
  SAY (stage, OFFER);
  cr_assert_gt (hear (stage, bytes, BODY_SIZE, PATIENCE_MS), 0);
  say (stage, messages->data, messages->len);
  /* until it answers no more: what the kernel holds, and what it may hold itself */
  for (int before = -1; before != g_atomic_int_get (&n_bodies);)
    {
      before = g_atomic_int_get (&n_bodies);
      poll (NULL, 0, 300);
    }
  cr_expect_gt (g_atomic_int_get (&n_bodies), 0);
  cr_expect_lt (g_atomic_int_get (&n_bodies), 50);
  while (total < N_MESSAGES * answer_size)
    {
      gssize n = hear (stage, bytes, BODY_SIZE, PATIENCE_MS);

      cr_assert_gt (n, 0);
      total += (gsize) n;
    }
  cr_expect_eq (total, N_MESSAGES * answer_size);
  cr_expect_eq (g_atomic_int_get (&n_bodies), N_MESSAGES);
  stage_free (stage);
}

Test (client_peers, one_read_of_many_small_messages_with_large_answers_does_not_fill_our_memory)
{
  /* nothing but this is left of a message when nobody listens to the rest */
  static const MilterBytes message = MILTER_BYTES_INIT ("\0\0\0\1E");

  check_large_answers (&long_answers, message);
}

Test (client_peers, nor_does_one_read_of_many_whole_messages)
{
  static const MilterBytes message = MILTER_BYTES_INIT ("\0\0\0\5M<a>\0"
                                                        "\0\0\0\5R<b>\0"
                                                        "\0\0\0\1T"
                                                        "\0\0\0\1N"
                                                        "\0\0\0\1E");

  check_large_answers (&long_answers_alone, message);
}

/* An answer that is never given. */

static MilterStatus
never_answer (MilterClientContext *context, const char *command, gpointer data)
{
  g_async_queue_push (((Stage *) data)->events, (gpointer) "asked");
  return MILTER_STATUS_PROGRESS;
}

static const MilterClientHandlers never_answering = { .unknown = never_answer };

Test (client_peers, an_mta_that_goes_while_an_answer_is_pending_is_noticed)
{
  Stage *stage = stage_new ();
  char bytes[64];

  milter_client_set_handlers (stage->client, &never_answering, stage, NULL);
  g_signal_connect (stage->client, "connection-established", G_CALLBACK (on_established), stage);
  stage_start (stage);
  SAY (stage, OFFER);
  cr_assert_gt (hear (stage, bytes, sizeof bytes, PATIENCE_MS), 0);
  /* what it asked besides is never handled */
  SAY (stage,
       "\0\0\0\3UX\0"
       "\0\0\0\3UY\0");
  stage_expect (stage, "asked");
  close (stage->fd);
  stage->fd = -1;
  stage_expect (stage, "finished");
  stage_free (stage);
}

/* A program that does not know that the MTA has gone. */

static MilterStatus
hand_over (MilterClientContext *context, const char *command, gpointer data)
{
  Stage *stage = data;

  /* the test is another thread */
  g_async_queue_push (stage->events, (gpointer) "asked");
  g_async_queue_push (stage->events, g_object_ref (context));
  return MILTER_STATUS_PROGRESS;
}

static const MilterClientHandlers handing_over = { .unknown = hand_over };

static void
note_error (MilterClientContext *context, GError *error, gpointer data)
{
  g_async_queue_push (((Stage *) data)->events, (gpointer) "error");
}

static void
listen_for_errors (MilterClient *client, MilterClientContext *context, gpointer data)
{
  g_signal_connect (context, "error", G_CALLBACK (note_error), data);
}

static void
ignore_context (MilterClientContext *context, gpointer data)
{
}

Test (client_peers, finished_is_the_last_that_a_program_hears_whatever_it_still_asks_for)
{
  Stage *stage = stage_new ();
  MilterClientContext *context;
  char bytes[64];

  milter_client_set_handlers (stage->client, &handing_over, stage, NULL);
  g_signal_connect (stage->client, "connection-established", G_CALLBACK (on_established), stage);
  g_signal_connect (stage->client, "connection-established", G_CALLBACK (listen_for_errors), stage);
  stage_start (stage);
  SAY (stage, OFFER);
  cr_assert_gt (hear (stage, bytes, sizeof bytes, PATIENCE_MS), 0);
  SAY (stage, "\0\0\0\3UX\0");
  stage_expect (stage, "asked");
  context = g_async_queue_timeout_pop (stage->events, PATIENCE_MS * (guint64) 1000);
  cr_assert_not_null (context);
  close (stage->fd);
  stage->fd = -1;
  stage_expect (stage, "error");
  stage_expect (stage, "finished");

  cr_expect (milter_client_context_add_header (context, "X-Late", "yes", NULL));
  cr_expect (milter_client_context_quarantine (context, "too late"));
  milter_client_context_progress (context);
  cr_expect (milter_client_context_set_reply (context, 451, NULL, "later", NULL));
  g_signal_emit_by_name (context, "unknown-response", MILTER_STATUS_TEMPORARY_FAILURE);
  milter_client_context_shutdown (context);
  /* comes back behind all of them */
  milter_client_processing_context_foreach (stage->client, ignore_context, NULL);
  cr_expect_null (g_async_queue_try_pop (stage->events));
  g_object_unref (context);
  stage_free (stage);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-message.c: what belongs to one message, what became of it, and macros.
 */
#include "client-test.h"

static char *
join (GList *list)
{
  GString *text = g_string_new (NULL);

  for (; list != NULL; list = list->next)
    g_string_append_printf (text, "%s%s", text->len > 0 ? "," : "", (const char *) list->data);
  return g_string_free (text, FALSE);
}

static void
on_message_processed (MilterClientContext *context, MilterMessageResult *result, gpointer peer)
{
  g_autofree char *recipients = join (milter_message_result_get_recipients (result));
  g_autofree char *rejected = join (milter_message_result_get_rejected_recipients (result));
  g_autofree char *later = join (milter_message_result_get_temporary_failed_recipients (result));
  g_autofree char *status = milter_utils_get_enum_nick_name (
      MILTER_TYPE_STATUS, milter_message_result_get_status (result));
  g_autofree char *state = milter_utils_get_enum_nick_name (
      MILTER_TYPE_STATE, milter_message_result_get_state (result));

  peer_note (peer,
             "[%s to:%s no:%s later:%s headers:%u added:%u removed:%u body:%" G_GUINT64_FORMAT
             " %s %s%s]",
             milter_message_result_get_from (result),
             recipients,
             rejected,
             later,
             milter_headers_length (milter_message_result_get_headers (result)),
             milter_headers_length (milter_message_result_get_added_headers (result)),
             milter_headers_length (milter_message_result_get_removed_headers (result)),
             milter_message_result_get_body_size (result),
             state,
             status,
             milter_message_result_is_quarantine (result) ? " held" : "");
  cr_expect (milter_message_result_get_elapsed_time (result) >= 0);
}

static MilterStatus
on_recipient (MilterClientContext *context, const char *recipient, gpointer peer)
{
  if (strstr (recipient, "no") != NULL)
    return MILTER_STATUS_REJECT;
  return strstr (recipient, "later") != NULL ? MILTER_STATUS_TEMPORARY_FAILURE
                                             : MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_end_of_message (MilterClientContext *context, const char *chunk, gsize size, gpointer peer)
{
  milter_client_context_add_header (context, "X", "y", NULL);
  milter_client_context_insert_header (context, 0, "X", "y", NULL);
  milter_client_context_change_header (context, "Subject", 1, "new", NULL);
  milter_client_context_delete_header (context, "To", 1, NULL);
  milter_client_context_quarantine (context, "odd");
  return MILTER_STATUS_ACCEPT;
}

static const MilterClientHandlers handlers
    = { .envelope_recipient = on_recipient, .end_of_message = on_end_of_message };

Test (client_message, the_result_tells_what_became_of_the_message)
{
  Peer peer = peer_new ();

  g_signal_connect (peer.context, "message-processed", G_CALLBACK (on_message_processed), &peer);
  milter_client_context_set_handlers (peer.context, &handlers, &peer);
  peer_reach (&peer, 'H');
  peer_send (&peer, 'M', "<a>\0");
  peer_send (&peer, 'R', "<b>\0");
  peer_send (&peer, 'R', "<no>\0");
  peer_send (&peer, 'R', "<later>\0");
  peer_send (&peer, 'R', "<c>\0");
  peer_send (&peer, 'T', "");
  peer_send (&peer, 'L', "Subject\0x\0");
  peer_send (&peer, 'L', "To\0x\0");
  peer_send (&peer, 'N', "");
  peer_send (&peer, 'B', "12345");
  cr_expect_not_null (milter_client_context_get_message_result (peer.context));
  peer_send (&peer, 'E', "678");
  cr_expect_null (milter_client_context_get_message_result (peer.context));
  peer_expect_log (&peer,
                   "[<a> to:<b>,<c> no:<no> later:<later> headers:2 added:3 removed:2 body:8 "
                   "end-of-message-replied accept held]");
  peer_send (&peer, 'M', "<second>\0");
  peer_send (&peer, 'A', "");
  peer_expect_log (&peer,
                   "[<second> to: no: later: headers:0 added:0 removed:0 body:0 "
                   "abort-replied abort]");
  peer_send (&peer, 'A', "");
  peer_expect_log (&peer, "");
  peer_clear (&peer);
}

Test (client_message, nothing_is_kept_where_nobody_listens)
{
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &handlers, &peer);
  peer_reach (&peer, 'B');
  cr_expect_null (milter_client_context_get_message_result (peer.context));
  peer_clear (&peer);
}

static void
count_value (const char *key, const char *value, gpointer count)
{
  ++*(guint *) count;
}

Test (client_message, the_shelf_lasts_as_long_as_the_message)
{
  Peer peer = peer_new ();
  guint count = 0;

  peer_reach (&peer, 'M');
  milter_client_context_set_mail_transaction_shelf_value (peer.context, "key", "value");
  milter_client_context_set_mail_transaction_shelf_value (peer.context, "other", "value");
  milter_client_context_set_mail_transaction_shelf_value (peer.context, "other", NULL);
  peer_send (&peer, 'R', "<b>\0");
  cr_expect_str_eq (milter_client_context_get_mail_transaction_shelf_value (peer.context, "key"),
                    "value");
  milter_client_context_mail_transaction_shelf_foreach (peer.context, count_value, &count);
  cr_expect_eq (count, 1);
  peer_send (&peer, 'A', "");
  cr_expect_null (milter_client_context_get_mail_transaction_shelf_value (peer.context, "key"));
  peer_clear (&peer);
}

static guint n_freed;

static void
count_free (gpointer data)
{
  n_freed++;
}

Test (client_message, private_data_is_freed_once)
{
  Peer peer = peer_new ();

  milter_client_context_set_private_data (peer.context, &n_freed, count_free);
  cr_expect_eq (milter_client_context_get_private_data (peer.context), &n_freed);
  milter_client_context_set_private_data (peer.context, &peer, count_free);
  cr_expect_eq (n_freed, 1);
  peer_clear (&peer);
  cr_expect_eq (n_freed, 2);
}

/* Macros. */

static void
on_define_macro (MilterClientContext *context,
                 MilterCommand command,
                 GHashTable *macros,
                 gpointer peer)
{
  peer_note (peer, "%c:%u", command, g_hash_table_size (macros));
}

Test (client_message, macros_are_told_and_can_be_asked_with_or_without_braces)
{
  Peer peer = peer_new ();
  MilterProtocolAgent *agent = MILTER_PROTOCOL_AGENT (peer.context);

  g_signal_connect (peer.context, "define-macro", G_CALLBACK (on_define_macro), &peer);
  peer_reach (&peer, 'O');
  peer_send (&peer, 'D', "Cj\0mx\0{daemon_name}\0d\0");
  peer_send (&peer, 'C', CLIENT_OF_TEST);
  peer_send (&peer, 'D', "M{mail_addr}\0a\0");
  peer_send (&peer, 'M', "<a>\0");
  peer_expect_log (&peer, "C:2 M:1");
  cr_expect_str_eq (milter_protocol_agent_get_macro (agent, "{j}"), "mx");
  cr_expect_str_eq (milter_protocol_agent_get_macro (agent, "mail_addr"), "a");
  cr_expect_eq (g_hash_table_size (milter_protocol_agent_get_macros (agent)), 1);
  peer_send (&peer, 'A', "");
  peer_send (&peer, 'M', "<b>\0");
  cr_expect_null (milter_protocol_agent_get_macro (agent, "mail_addr"));
  cr_expect_str_eq (milter_protocol_agent_get_macro (agent, "daemon_name"), "d");
  peer_clear (&peer);
}

/* Bytes. */

static MilterStatus
on_body_bytes (MilterClientContext *context, GBytes *bytes, gpointer peer)
{
  peer_note (peer, "bytes:%zu", bytes != NULL ? g_bytes_get_size (bytes) : 999);
  return MILTER_STATUS_CONTINUE;
}

Test (client_message, a_context_that_uses_bytes_hands_out_bytes)
{
  Peer peer = peer_new ();

  milter_client_context_set_use_bytes (peer.context, TRUE);
  g_signal_connect (peer.context, "body-bytes", G_CALLBACK (on_body_bytes), &peer);
  g_signal_connect (peer.context, "end-of-message-bytes", G_CALLBACK (on_body_bytes), &peer);
  peer_send (&peer, 'O', OFFER_ALL);
  peer_expect (&peer,
               "negotiate version=6 actions=all "
               "steps=NOCONNECT,NOHELO,NOMAIL,NORCPT,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP");
  peer_send (&peer, 'N', "");
  peer_send (&peer, 'B', "a\0b");
  peer_send (&peer, 'E', "");
  peer_expect_log (&peer, "bytes:3 bytes:999");
  peer_clear (&peer);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-edit.c: which edits are sent, when, and what of them is refused.
 */
#include "client-test.h"

typedef gboolean (*EditFunc) (MilterClientContext *context, GError **error);

static gboolean
add (MilterClientContext *context, GError **error)
{
  return milter_client_context_add_header (context, "X-A", "one", error);
}

static gboolean
add_folded (MilterClientContext *context, GError **error)
{
  return milter_client_context_add_header (context, "X-A", "one\r\n\ttwo\n three", error);
}

static gboolean
insert (MilterClientContext *context, GError **error)
{
  return milter_client_context_insert_header (context, 1, "X-B", "two", error);
}

static gboolean
change (MilterClientContext *context, GError **error)
{
  return milter_client_context_change_header (context, "Subject", 2, "three", error);
}

static gboolean
change_to_null (MilterClientContext *context, GError **error)
{
  return milter_client_context_change_header (context, "Subject", 1, NULL, error);
}

static gboolean
delete_header (MilterClientContext *context, GError **error)
{
  return milter_client_context_delete_header (context, "Subject", 3, error);
}

static gboolean
change_from (MilterClientContext *context, GError **error)
{
  return milter_client_context_change_from (context, "<new@example.com>", NULL, error);
}

static gboolean
change_from_with (MilterClientContext *context, GError **error)
{
  return milter_client_context_change_from (context, "<>", "RET=HDRS ENVID=1", error);
}

static gboolean
add_recipient (MilterClientContext *context, GError **error)
{
  return milter_client_context_add_recipient (context, "<r@example.com>", NULL, error);
}

static gboolean
add_recipient_with (MilterClientContext *context, GError **error)
{
  return milter_client_context_add_recipient (context, "<r@example.com>", "NOTIFY=NEVER", error);
}

static gboolean
delete_recipient (MilterClientContext *context, GError **error)
{
  return milter_client_context_delete_recipient (context, "<b@example.net>", error);
}

static gboolean
replace (MilterClientContext *context, GError **error)
{
  return milter_client_context_replace_body (context, "a\0b\r\n", 5, error);
}

static gboolean
replace_bytes (MilterClientContext *context, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("new", 3);

  return milter_client_context_replace_body_bytes (context, bytes, error);
}

static gboolean
progress (MilterClientContext *context, GError **error)
{
  return milter_client_context_progress (context);
}

static gboolean
quarantine (MilterClientContext *context, GError **error)
{
  return milter_client_context_quarantine (context, "looks odd");
}

/* the edits as they are sent, before the answer */
static const struct
{
  EditFunc edit;
  const char *sent;
  guint32 action;
} edits[] = {
  { add, "add-header X-A: one", MILTER_ACTION_ADD_HEADERS },
  { add_folded, "add-header X-A: \"one\\n\\ttwo\\n three\"", MILTER_ACTION_ADD_HEADERS },
  { insert, "insert-header 1 X-B: two", MILTER_ACTION_ADD_HEADERS },
  { change, "change-header 2 Subject: three", MILTER_ACTION_CHANGE_HEADERS },
  { change_to_null, "delete-header 1 Subject", MILTER_ACTION_CHANGE_HEADERS },
  { delete_header, "delete-header 3 Subject", MILTER_ACTION_CHANGE_HEADERS },
  { change_from, "change-from <new@example.com>", MILTER_ACTION_CHANGE_FROM },
  { change_from_with, "change-from <> RET=HDRS ENVID=1", MILTER_ACTION_CHANGE_FROM },
  { add_recipient, "add-rcpt <r@example.com>", MILTER_ACTION_ADD_RCPT },
  { add_recipient_with,
    "add-rcpt <r@example.com> NOTIFY=NEVER",
    MILTER_ACTION_ADD_RCPT_WITH_PARAMETERS },
  { delete_recipient, "delete-rcpt <b@example.net>", MILTER_ACTION_DEL_RCPT },
  { replace, "replace-body \"a\\0b\\r\\n\"", MILTER_ACTION_CHANGE_BODY },
  { replace_bytes, "replace-body \"new\"", MILTER_ACTION_CHANGE_BODY },
};

/* what the handler of the end of message does */
static EditFunc wanted[4];
static GError *refusal;
static gboolean outcome;

static MilterStatus
do_wanted (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (wanted) && wanted[i] != NULL; i++)
    {
      g_clear_error (&refusal);
      outcome = wanted[i](context, &refusal);
    }
  return MILTER_STATUS_CONTINUE;
}

static const MilterClientHandlers handlers = { .end_of_message = do_wanted };

static void
want (EditFunc first, EditFunc second, EditFunc third)
{
  wanted[0] = first;
  wanted[1] = second;
  wanted[2] = third;
  wanted[3] = NULL;
}

/* does it at the end of a message with @actions offered; what was sent (transfer full) */
static char *
sent_with (guint32 actions)
{
  Peer peer = peer_new ();
  guint32 offer[3] = { GUINT32_TO_BE (6), GUINT32_TO_BE (actions), GUINT32_TO_BE (0x1fffff) };
  char *answers;

  milter_client_context_set_handlers (peer.context, &handlers, &peer);
  cr_assert (peer_send_bytes (&peer, 'O', offer, sizeof offer));
  cr_assert (peer_send (&peer, 'C', CLIENT_OF_TEST));
  cr_assert (peer_send (&peer, 'M', "<a>\0"));
  cr_assert (peer_send (&peer, 'R', "<b>\0"));
  cr_assert (peer_send (&peer, 'N', ""));
  g_free (peer_answers (&peer));
  cr_assert (peer_send (&peer, 'E', ""));
  answers = peer_answers (&peer);
  peer_clear (&peer);
  return answers;
}

Test (client_edit, every_edit_is_sent_before_the_answer)
{
  for (gsize i = 0; i < G_N_ELEMENTS (edits); i++)
    {
      g_autofree char *expected = g_strconcat (edits[i].sent, "; continue", NULL);
      g_autofree char *sent = NULL;

      want (edits[i].edit, NULL, NULL);
      sent = sent_with (MILTER_ACTIONS_ALL);
      cr_expect (outcome, "%s: %s", edits[i].sent, refusal != NULL ? refusal->message : "?");
      cr_expect_str_eq (sent, expected, "%s, not %s", sent, expected);
    }
}

Test (client_edit, edits_keep_the_order_of_the_calls)
{
  g_autofree char *sent = NULL;

  want (add, delete_recipient, insert);
  sent = sent_with (MILTER_ACTIONS_ALL);
  cr_expect_str_eq (sent,
                    "add-header X-A: one; delete-rcpt <b@example.net>; "
                    "insert-header 1 X-B: two; continue");
}

Test (client_edit, an_edit_whose_action_was_not_offered_is_refused)
{
  for (gsize i = 0; i < G_N_ELEMENTS (edits); i++)
    {
      g_autofree char *sent = NULL;

      want (edits[i].edit, NULL, NULL);
      sent = sent_with (MILTER_ACTIONS_ALL & ~edits[i].action);
      cr_expect_not (outcome);
      cr_expect (g_error_matches (
          refusal, MILTER_CLIENT_CONTEXT_ERROR, MILTER_CLIENT_CONTEXT_ERROR_INVALID_ACTION));
      cr_expect_str_eq (sent, "continue");
      g_clear_error (&refusal);
    }
}

Test (client_edit, edits_are_refused_at_any_other_stage)
{
  static const char stages[] = "OCHMRTLNB";

  for (gsize stage = 0; stage < strlen (stages); stage++)
    for (gsize i = 0; i < G_N_ELEMENTS (edits); i++)
      {
        Peer peer = peer_new ();

        milter_client_context_set_handlers (peer.context, &handlers, &peer);
        peer_reach (&peer, stages[stage]);
        cr_expect_not (edits[i].edit (peer.context, &refusal));
        cr_expect (g_error_matches (
            refusal, MILTER_CLIENT_CONTEXT_ERROR, MILTER_CLIENT_CONTEXT_ERROR_INVALID_STATE));
        g_clear_error (&refusal);
        cr_expect_not (progress (peer.context, NULL));
        peer_expect (&peer, "");
        peer_clear (&peer);
      }
}

Test (client_edit, edits_are_refused_after_the_answer)
{
  Peer peer = peer_new ();

  want (NULL, NULL, NULL);
  milter_client_context_set_handlers (peer.context, &handlers, &peer);
  peer_reach (&peer, 'B');
  peer_send (&peer, 'E', "");
  cr_expect_not (add (peer.context, NULL));
  cr_expect_not (quarantine (peer.context, NULL));
  peer_expect (&peer, "continue");
  peer_clear (&peer);
}

static gboolean
bad_name (MilterClientContext *context, GError **error)
{
  return milter_client_context_add_header (context, "X A", "v", error);
}

static gboolean
colon_in_name (MilterClientContext *context, GError **error)
{
  return milter_client_context_insert_header (context, 0, "X:", "v", error);
}

static gboolean
empty_name (MilterClientContext *context, GError **error)
{
  return milter_client_context_change_header (context, "", 1, "v", error);
}

static gboolean
null_name (MilterClientContext *context, GError **error)
{
  return milter_client_context_add_header (context, NULL, "v", error);
}

static gboolean
null_value (MilterClientContext *context, GError **error)
{
  return milter_client_context_add_header (context, "X", NULL, error);
}

static gboolean
injected_header (MilterClientContext *context, GError **error)
{
  return milter_client_context_add_header (context, "X", "v\r\nBcc: <x@example.com>", error);
}

static gboolean
ends_in_line_end (MilterClientContext *context, GError **error)
{
  return milter_client_context_add_header (context, "X", "v\n", error);
}

static gboolean
bare_return (MilterClientContext *context, GError **error)
{
  return milter_client_context_add_header (context, "X", "v\rw", error);
}

static gboolean
large_index (MilterClientContext *context, GError **error)
{
  return milter_client_context_insert_header (context, 0x80000000, "X", "v", error);
}

/* with the name and two NULs, one byte more than a frame holds */
static gboolean
long_value (MilterClientContext *context, GError **error)
{
  g_autofree char *value = g_strnfill (MILTER_LIMIT_FROM_MTA - 2, 'v');

  return milter_client_context_add_header (context, "X", value, error);
}

static gboolean
empty_recipient (MilterClientContext *context, GError **error)
{
  return milter_client_context_add_recipient (context, "", NULL, error);
}

static gboolean
null_from (MilterClientContext *context, GError **error)
{
  return milter_client_context_change_from (context, NULL, NULL, error);
}

static gboolean
line_end_in_address (MilterClientContext *context, GError **error)
{
  return milter_client_context_delete_recipient (context, "<a>\n", error);
}

static gboolean
null_body (MilterClientContext *context, GError **error)
{
  return milter_client_context_replace_body (context, NULL, 3, error);
}

Test (client_edit, arguments_that_would_break_the_message_are_refused)
{
#define CODE(name) MILTER_CLIENT_CONTEXT_ERROR_##name
  static const struct
  {
    EditFunc edit;
    MilterClientContextError code;
  } rows[] = {
    { bad_name, CODE (INVALID_VALUE) },
    { colon_in_name, CODE (INVALID_VALUE) },
    { empty_name, CODE (EMPTY) },
    { null_name, CODE (NULL) },
    { null_value, CODE (NULL) },
    { injected_header, CODE (INVALID_VALUE) },
    { ends_in_line_end, CODE (INVALID_VALUE) },
    { bare_return, CODE (INVALID_VALUE) },
    { large_index, CODE (INVALID_VALUE) },
    { long_value, CODE (TOO_LONG) },
    { empty_recipient, CODE (EMPTY) },
    { null_from, CODE (NULL) },
    { line_end_in_address, CODE (INVALID_VALUE) },
    { null_body, CODE (NULL) },
  };
#undef CODE

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *sent = NULL;

      want (rows[i].edit, NULL, NULL);
      sent = sent_with (MILTER_ACTIONS_ALL);
      cr_expect_not (outcome, "row %zu", i);
      cr_expect (g_error_matches (refusal, MILTER_CLIENT_CONTEXT_ERROR, (int) rows[i].code),
                 "row %zu: %s",
                 i,
                 refusal != NULL ? refusal->message : "no error");
      cr_expect_str_eq (sent, "continue");
      g_clear_error (&refusal);
    }
}

static gboolean
longest_value (MilterClientContext *context, GError **error)
{
  g_autofree char *value = g_strnfill (MILTER_LIMIT_FROM_MTA - 3, 'v');

  return milter_client_context_add_header (context, "X", value, error);
}

Test (client_edit, the_longest_frame_is_sent)
{
  want (longest_value, NULL, NULL);
  g_free (sent_with (MILTER_ACTIONS_ALL));
  cr_expect (outcome);
}

/* The body. */

static gsize body_size;

static gboolean
replace_by_size (MilterClientContext *context, GError **error)
{
  g_autofree char *body = g_strnfill (body_size, 'b');

  return milter_client_context_replace_body (context, body, body_size, error);
}

Test (client_edit, a_body_is_cut_into_frames_and_an_empty_one_is_one_frame)
{
  static const struct
  {
    gsize size;
    guint n_frames;
  } rows[] = { { 0, 1 }, { 1, 1 }, { 65535, 1 }, { 65536, 2 }, { 131070, 2 }, { 1500000, 23 } };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *sent = NULL;
      guint n_frames = 0;

      body_size = rows[i].size;
      want (replace_by_size, NULL, NULL);
      sent = sent_with (MILTER_ACTIONS_ALL);
      for (const char *at = sent; (at = strstr (at, "replace-body")) != NULL; at++)
        n_frames++;
      cr_expect_eq (n_frames, rows[i].n_frames, "%zu bytes: %u frames", rows[i].size, n_frames);
    }
}

Test (client_edit, a_body_in_pieces_may_not_be_interrupted)
{
  g_autofree char *sent = NULL;

  want (replace, replace_bytes, NULL);
  sent = sent_with (MILTER_ACTIONS_ALL);
  cr_expect_str_eq (sent, "replace-body \"a\\0b\\r\\n\"; replace-body \"new\"; continue");
  g_free (sent);
  want (replace, add, replace);
  sent = sent_with (MILTER_ACTIONS_ALL);
  cr_expect (g_error_matches (
      refusal, MILTER_CLIENT_CONTEXT_ERROR, MILTER_CLIENT_CONTEXT_ERROR_INVALID_STATE));
  g_clear_error (&refusal);
  cr_expect_str_eq (sent, "replace-body \"a\\0b\\r\\n\"; add-header X-A: one; continue");
}

/* Progress and quarantine. */

Test (client_edit, progress_goes_out_in_between)
{
  g_autofree char *sent = NULL;

  want (add, progress, insert);
  sent = sent_with (MILTER_ACTIONS_ALL);
  cr_expect_str_eq (sent, "add-header X-A: one; progress; insert-header 1 X-B: two; continue");
}

Test (client_edit, quarantine_is_sent_right_before_the_answer)
{
  g_autofree char *sent = NULL;

  want (quarantine, add, NULL);
  sent = sent_with (MILTER_ACTIONS_ALL);
  cr_expect_str_eq (sent, "add-header X-A: one; quarantine \"looks odd\"; continue");
  g_free (sent);
  want (quarantine, NULL, NULL);
  sent = sent_with (MILTER_ACTIONS_ALL & ~MILTER_ACTION_QUARANTINE);
  cr_expect_not (outcome);
  cr_expect_str_eq (sent, "continue");
}

Test (client_edit, a_quarantine_of_one_message_does_not_reach_the_next)
{
  Peer peer = peer_new ();

  want (NULL, NULL, NULL);
  milter_client_context_set_handlers (peer.context, &handlers, &peer);
  peer_reach (&peer, 'B');
  cr_expect (milter_client_context_quarantine (peer.context, "early"));
  cr_expect_not (milter_client_context_quarantine (peer.context, ""));
  cr_expect_not (milter_client_context_quarantine (peer.context, "two\nlines"));
  peer_send (&peer, 'E', "");
  peer_expect (&peer, "quarantine early; continue");
  cr_expect_not (milter_client_context_quarantine (peer.context, "too late"));
  peer_send (&peer, 'M', "<a>\0");
  peer_send (&peer, 'R', "<b>\0");
  peer_send (&peer, 'N', "");
  peer_send (&peer, 'E', "");
  peer_expect (&peer, "continue; continue; continue; continue");
  peer_clear (&peer);
}

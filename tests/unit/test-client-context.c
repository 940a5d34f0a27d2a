/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-context.c: events, answers, rules and the end of a context, fed by hand.
 */
#include "client-test.h"

/* Handlers of each shape that note what they see and answer what they are told. */

static MilterStatus answer_with = MILTER_STATUS_CONTINUE;

static MilterStatus
on_connect (MilterClientContext *context,
            const char *host,
            struct sockaddr *address,
            socklen_t size,
            gpointer peer)
{
  peer_note (peer, "connect:%s/%d/%u", host, address != NULL ? address->sa_family : -1, size);
  return answer_with;
}

static MilterStatus
on_helo (MilterClientContext *context, const char *fqdn, gpointer peer)
{
  peer_note (peer, "helo:%s", fqdn);
  return answer_with;
}

static MilterStatus
on_envelope_from (MilterClientContext *context, const char *from, gpointer peer)
{
  g_auto (GStrv) arguments = milter_client_context_get_envelope_arguments (context);
  g_autofree char *joined = g_strjoinv (",", arguments);

  peer_note (peer, "from:%s/%s", from, joined);
  return answer_with;
}

static MilterStatus
on_envelope_recipient (MilterClientContext *context, const char *recipient, gpointer peer)
{
  peer_note (peer, "rcpt:%s", recipient);
  return answer_with;
}

static MilterStatus
on_data (MilterClientContext *context, gpointer peer)
{
  peer_note (peer, "data");
  return answer_with;
}

static MilterStatus
on_unknown (MilterClientContext *context, const char *command, gpointer peer)
{
  peer_note (peer, "unknown:%s", command);
  return answer_with;
}

static MilterStatus
on_header (MilterClientContext *context, const char *name, const char *value, gpointer peer)
{
  peer_note (peer, "header:%s=%s", name, value);
  return answer_with;
}

static MilterStatus
on_end_of_header (MilterClientContext *context, gpointer peer)
{
  peer_note (peer, "eoh");
  return answer_with;
}

static MilterStatus
on_body (MilterClientContext *context, const char *chunk, gsize size, gpointer peer)
{
  peer_note (peer, "body:%.*s", (int) size, chunk);
  return answer_with;
}

static MilterStatus
on_end_of_message (MilterClientContext *context, const char *chunk, gsize size, gpointer peer)
{
  peer_note (peer, "eom:%.*s", (int) size, chunk);
  return answer_with;
}

static MilterStatus
on_abort (MilterClientContext *context, MilterClientContextState state, gpointer peer)
{
  g_autofree char *nick = milter_utils_get_enum_nick_name (MILTER_TYPE_CLIENT_CONTEXT_STATE, state);

  peer_note (peer, "abort:%s", nick);
  return answer_with;
}

static const MilterClientHandlers all_handlers = {
  .connect = on_connect,
  .helo = on_helo,
  .envelope_from = on_envelope_from,
  .envelope_recipient = on_envelope_recipient,
  .data = on_data,
  .unknown = on_unknown,
  .header = on_header,
  .end_of_header = on_end_of_header,
  .body = on_body,
  .end_of_message = on_end_of_message,
  .abort = on_abort,
};

static void
connect_all (Peer *peer)
{
  const struct
  {
    const char *name;
    GCallback callback;
  } signals[] = {
    { "connect", G_CALLBACK (on_connect) },
    { "helo", G_CALLBACK (on_helo) },
    { "envelope-from", G_CALLBACK (on_envelope_from) },
    { "envelope_recipient", G_CALLBACK (on_envelope_recipient) },
    { "data", G_CALLBACK (on_data) },
    { "unknown", G_CALLBACK (on_unknown) },
    { "header", G_CALLBACK (on_header) },
    { "end-of-header", G_CALLBACK (on_end_of_header) },
    { "body", G_CALLBACK (on_body) },
    { "end-of-message", G_CALLBACK (on_end_of_message) },
    { "abort", G_CALLBACK (on_abort) },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    g_signal_connect (peer->context, signals[i].name, signals[i].callback, peer);
}

static void
play_whole_session (Peer *peer)
{
  peer_send (peer, 'O', OFFER_ALL);
  peer_send (peer, 'C', CLIENT_OF_TEST);
  peer_send (peer, 'H', "helo.example\0");
  peer_send (peer, 'U', "FOO bar\0");
  peer_send (peer, 'M', "<a@example.com>\0SIZE=10\0BODY=8BITMIME\0");
  peer_send (peer, 'R', "<b@example.net>\0");
  peer_send (peer, 'T', "");
  peer_send (peer, 'L', "Subject\0 test\0");
  peer_send (peer, 'N', "");
  peer_send (peer, 'B', "body");
  peer_send (peer, 'E', "last");
  peer_send (peer, 'M', "<>\0");
  peer_send (peer, 'A', "");
  peer_send (peer, 'Q', "");
}

static const char whole_session[]
    = "connect:client.example/2/16 helo:helo.example unknown:FOO bar "
      "from:<a@example.com>/SIZE=10,BODY=8BITMIME rcpt:<b@example.net> data header:Subject= test "
      "eoh body:body eom:last from:<>/ abort:envelope-from-replied finished";

Test (client_context, slots_see_every_event_in_order)
{
  Peer peer = peer_new ();

  peer_watch (&peer);
  milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
  play_whole_session (&peer);
  peer_expect_log (&peer, whole_session);
  peer_expect (&peer,
               "negotiate version=6 actions=all steps=SKIP; continue; continue; continue; "
               "continue; continue; continue; "
               "continue; continue; continue; continue; continue");
  peer_clear (&peer);
}

Test (client_context, signals_see_the_same_events_as_slots)
{
  Peer peer = peer_new ();

  connect_all (&peer);
  peer_watch (&peer);
  play_whole_session (&peer);
  peer_expect_log (&peer, whole_session);
  peer_clear (&peer);
}

/* A subclass. */

typedef struct
{
  MilterClientContext parent_instance;
  Peer *peer;
} TestContext;

typedef struct
{
  MilterClientContextClass parent_class;
} TestContextClass;

static GType test_context_get_type (void);
G_DEFINE_TYPE (TestContext, test_context, MILTER_TYPE_CLIENT_CONTEXT)

static MilterStatus
test_context_helo (MilterClientContext *context, const char *fqdn)
{
  peer_note (((TestContext *) context)->peer, "class-helo:%s", fqdn);
  return MILTER_STATUS_REJECT;
}

static void
test_context_finished (MilterClientContext *context)
{
  peer_note (((TestContext *) context)->peer, "class-finished");
}

static void
test_context_class_init (TestContextClass *klass)
{
  klass->parent_class.helo = test_context_helo;
  klass->parent_class.finished = test_context_finished;
}

static void
test_context_init (TestContext *context)
{
}

Test (client_context, class_functions_work_without_connecting)
{
  Peer peer = peer_new ();

  g_object_unref (peer.context);
  peer.context = g_object_new (test_context_get_type (), NULL);
  ((TestContext *) peer.context)->peer = &peer;
  peer_send (&peer, 'O', OFFER_ALL);
  peer_expect (&peer,
               "negotiate version=6 actions=all "
               "steps=NOCONNECT,NOMAIL,NORCPT,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP");
  peer_send (&peer, 'H', "x\0");
  peer_expect (&peer, "reject");
  peer_send (&peer, 'Q', "");
  peer_expect_log (&peer, "class-helo:x class-finished");
  peer_clear (&peer);
}

Test (client_context, a_status_that_decides_keeps_later_handlers_from_being_asked)
{
  Peer peer = peer_new ();

  answer_with = MILTER_STATUS_REJECT;
  g_signal_connect (peer.context, "helo", G_CALLBACK (on_helo), &peer);
  g_signal_connect (peer.context, "helo", G_CALLBACK (on_helo), &peer);
  milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
  peer_reach (&peer, 'C');
  g_string_truncate (peer.log, 0);
  peer_send (&peer, 'H', "x\0");
  answer_with = MILTER_STATUS_CONTINUE;
  peer_expect (&peer, "reject");
  peer_expect_log (&peer, "helo:x");
  peer_clear (&peer);
}

Test (client_context, not_change_keeps_what_an_earlier_handler_said)
{
  Peer peer = peer_new ();

  g_signal_connect (peer.context, "helo", G_CALLBACK (on_helo), &peer);
  peer_reach (&peer, 'C');
  answer_with = MILTER_STATUS_NOT_CHANGE;
  peer_send (&peer, 'H', "x\0");
  answer_with = MILTER_STATUS_CONTINUE;
  peer_expect (&peer, "continue");
  peer_clear (&peer);
}

Test (client_context, a_handler_connected_inside_another_counts_at_once)
{
  Peer peer = peer_new ();

  peer_reach (&peer, 'C');
  g_signal_connect (peer.context, "helo", G_CALLBACK (on_helo), &peer);
  peer_send (&peer, 'H', "late\0");
  peer_expect_log (&peer, "helo:late");
  peer_clear (&peer);
}

/* Answers. */

Test (client_context, each_status_is_answered_with_its_reply)
{
  static const struct
  {
    char letter;
    MilterStatus status;
    const char *reply;
    bool complains;
  } rows[] = {
    { 'R', MILTER_STATUS_DEFAULT, "continue", false },
    { 'R', MILTER_STATUS_CONTINUE, "continue", false },
    { 'R', MILTER_STATUS_ACCEPT, "accept", false },
    { 'R', MILTER_STATUS_REJECT, "reject", false },
    { 'R', MILTER_STATUS_TEMPORARY_FAILURE, "tempfail", false },
    { 'R', MILTER_STATUS_DISCARD, "discard", false },
    { 'R', MILTER_STATUS_NO_REPLY, "continue", false },
    { 'R', MILTER_STATUS_ERROR, "tempfail", false },
    { 'R', MILTER_STATUS_STOP, "tempfail", false },
    { 'R', MILTER_STATUS_ABORT, "tempfail", false },
    { 'R', (MilterStatus) 99, "tempfail", false },
    { 'R', MILTER_STATUS_SKIP, "continue", true },
    { 'B', MILTER_STATUS_SKIP, "skip", false },
    { 'C', MILTER_STATUS_DISCARD, "continue", true },
    { 'H', MILTER_STATUS_DISCARD, "continue", true },
    { 'E', MILTER_STATUS_SKIP, "continue", true },
  };
  static const char order[] = "OCHMRTLNBE";

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Peer peer = peer_new ();
      static const char *const payloads[]
          = { NULL, CLIENT_OF_TEST, "x\0", "<a>\0", "<b>\0", "", "A\0b\0", "", "x", "" };
      static const gsize sizes[] = { 0, sizeof CLIENT_OF_TEST - 1, 2, 4, 4, 0, 4, 0, 1, 0 };
      gsize at = strchr (order, rows[i].letter) - order;

      milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
      peer_reach (&peer, order[at - 1]);
      peer_watch (&peer);
      g_string_truncate (peer.log, 0);
      answer_with = rows[i].status;
      peer_send_bytes (&peer, rows[i].letter, payloads[at], sizes[at]);
      answer_with = MILTER_STATUS_CONTINUE;
      peer_expect (&peer, rows[i].reply);
      cr_expect_eq (strstr (peer.log->str, "error") != NULL, rows[i].complains, "row %zu", i);
      peer_clear (&peer);
    }
}

Test (client_context, unknown_outside_a_message_is_never_accepted)
{
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
  peer_reach (&peer, 'H');
  answer_with = MILTER_STATUS_ACCEPT;
  peer_send (&peer, 'U', "FOO\0");
  answer_with = MILTER_STATUS_CONTINUE;
  peer_expect (&peer, "continue");
  peer_clear (&peer);
}

Test (client_context, skip_is_kept_in_mind_where_the_mta_does_not_know_it)
{
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
  /* version 4 without SKIP */
  peer_send (&peer, 'O', "\0\0\0\4\0\0\0\77\0\0\3\177");
  peer_expect (
      &peer,
      "negotiate version=4 actions=ADDHDRS,CHGBODY,ADDRCPT,DELRCPT,CHGHDRS,QUARANTINE steps=none");
  peer_send (&peer, 'C', CLIENT_OF_TEST);
  peer_send (&peer, 'M', "<a>\0");
  peer_send (&peer, 'R', "<b>\0");
  peer_send (&peer, 'T', "");
  peer_send (&peer, 'N', "");
  g_free (peer_answers (&peer));
  g_string_truncate (peer.log, 0);
  answer_with = MILTER_STATUS_SKIP;
  peer_send (&peer, 'B', "one");
  answer_with = MILTER_STATUS_CONTINUE;
  peer_send (&peer, 'B', "two");
  peer_expect (&peer, "continue; continue");
  peer_expect_log (&peer, "body:one");
  peer_clear (&peer);
}

static MilterStatus
want_no_replies (MilterClientContext *context,
                 MilterOption *option,
                 MilterMacrosRequests *requests,
                 gpointer peer)
{
  milter_option_set_step (option, MILTER_STEP_NO_REPLY_HEADER | MILTER_STEP_NO_REPLY_BODY);
  return MILTER_STATUS_CONTINUE;
}

Test (client_context, no_reply_steps_are_honoured)
{
  static const MilterClientHandlers handlers
      = { .negotiate = want_no_replies, .header = on_header, .body = on_body };
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &handlers, &peer);
  peer_send (&peer, 'O', OFFER_ALL);
  peer_expect (&peer, "negotiate version=6 actions=all steps=NR_HDR,NR_BODY");
  peer_send (&peer, 'C', CLIENT_OF_TEST);
  peer_send (&peer, 'M', "<a>\0");
  peer_send (&peer, 'R', "<b>\0");
  peer_send (&peer, 'T', "");
  g_free (peer_answers (&peer));
  answer_with = MILTER_STATUS_REJECT;
  peer_send (&peer, 'L', "A\0b\0");
  peer_expect (&peer, "");
  answer_with = MILTER_STATUS_CONTINUE;
  peer_send (&peer, 'N', "");
  peer_expect (&peer, "continue");
  peer_send (&peer, 'B', "x");
  peer_expect (&peer, "");
  peer_send (&peer, 'E', "");
  peer_expect (&peer, "continue");
  peer_expect_log (&peer, "header:A=b body:x");
  peer_clear (&peer);
}

Test (client_context, nothing_is_answered_for_a_message_after_its_verdict)
{
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
  peer_reach (&peer, 'R');
  answer_with = MILTER_STATUS_REJECT;
  peer_send (&peer, 'T', "");
  answer_with = MILTER_STATUS_CONTINUE;
  g_string_truncate (peer.log, 0);
  peer_send (&peer, 'L', "A\0b\0");
  peer_send (&peer, 'N', "");
  peer_send (&peer, 'B', "x");
  peer_send (&peer, 'E', "");
  peer_expect (&peer, "reject");
  peer_expect_log (&peer, "");
  peer_send (&peer, 'M', "<again>\0");
  peer_expect (&peer, "continue");
  peer_clear (&peer);
}

/* Rules. */

Test (client_context, a_second_mail_aborts_the_first_message)
{
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
  peer_reach (&peer, 'R');
  g_string_truncate (peer.log, 0);
  peer_send (&peer, 'M', "<c>\0");
  peer_expect_log (&peer, "abort:envelope-recipient-replied from:<c>/");
  peer_expect (&peer, "continue");
  peer_send (&peer, 'H', "again\0");
  peer_expect_log (&peer, "abort:envelope-from-replied helo:again");
  peer_expect (&peer, "continue");
  peer_clear (&peer);
}

Test (client_context, abort_outside_a_message_is_ignored)
{
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
  peer_watch (&peer);
  peer_reach (&peer, 'H');
  g_string_truncate (peer.log, 0);
  cr_expect (peer_send (&peer, 'A', ""));
  cr_expect (peer_send (&peer, 'A', ""));
  peer_expect (&peer, "");
  peer_expect_log (&peer, "");
  peer_clear (&peer);
}

Test (client_context, the_end_inside_a_message_aborts_it)
{
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
  peer_watch (&peer);
  peer_reach (&peer, 'R');
  g_string_truncate (peer.log, 0);
  peer_send (&peer, 'Q', "");
  peer_expect (&peer, "");
  peer_expect_log (&peer, "abort:envelope-recipient-replied finished");
  peer_clear (&peer);
}

Test (client_context, quit_nc_begins_a_fresh_session_on_the_connection)
{
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
  peer_send (&peer, 'O', OFFER_ALL);
  peer_send (&peer, 'D', "Cj\0mx.example\0");
  peer_send (&peer, 'C', CLIENT_OF_TEST);
  cr_expect_str_eq (milter_protocol_agent_get_macro (MILTER_PROTOCOL_AGENT (peer.context), "j"),
                    "mx.example");
  g_free (peer_answers (&peer));
  peer_send (&peer, 'K', "");
  peer_expect (&peer, "");
  peer_send (&peer, 'C', CLIENT_OF_TEST);
  peer_expect (&peer, "continue");
  cr_expect_null (milter_protocol_agent_get_macro (MILTER_PROTOCOL_AGENT (peer.context), "j"));
  peer_clear (&peer);
}

/* bytes that no MTA may send: an error is told, the context is finished, nothing is answered */
Test (client_context, what_an_mta_may_not_send_ends_the_connection)
{
#define CASE(name, last, bytes)                                                                    \
  {                                                                                                \
    name, last, bytes, sizeof (bytes) - 1                                                          \
  }
  static const struct
  {
    const char *name;
    char last;
    const char *bytes;
    gsize size;
  } cases[] = {
    CASE ("length 0", 'O', "\0\0\0\0"),
    CASE ("length 0 first", 0, "\0\0\0\0"),
    CASE ("length 2^32-1", 'O', "\377\377\377\377C"),
    CASE ("length 2^31", 'O', "\200\0\0\0"),
    CASE ("one above the limit", 'N', "\0\1\0\1B"),
    CASE ("unknown letter", 'O', "\0\0\0\1Z"),
    CASE ("unknown letter with payload", 'O', "\0\0\0\3zab"),
    CASE ("control byte as letter", 'O', "\0\0\0\1\1"),
    CASE ("HTTP", 0, "GET / HTTP/1.0\r\n\r\n"),
    CASE ("connect without payload", 'O', "\0\0\0\1C"),
    CASE ("connect without family", 'O', "\0\0\0\3Ca\0"),
    CASE ("connect of family X", 'O', "\0\0\0\4Ca\0X"),
    CASE ("connect without last NUL", 'O', "\0\0\0\014Ca\0004\0\031192.0."),
    CASE ("connect, no IPv4 address", 'O', "\0\0\0\012Ca\0004\0\031x.y\0"),
    CASE ("connect, IPv4 text as IPv6", 'O', "\0\0\0\017Ca\0006\0\031192.0.2.7\0"),
    CASE ("helo without NUL", 'C', "\0\0\0\4Hfoo"),
    CASE ("mail without payload", 'C', "\0\0\0\1M"),
    CASE ("mail without NUL", 'C', "\0\0\0\4M<a>"),
    CASE ("rcpt without NUL", 'M', "\0\0\0\4R<a>"),
    CASE ("header with one string", 'T', "\0\0\0\3LA\0"),
    CASE ("header without last NUL", 'T', "\0\0\0\4LA\0b"),
    CASE ("unknown without NUL", 'C', "\0\0\0\4UFOO"),
    CASE ("offer of 8 bytes", 0, "\0\0\0\011O\0\0\0\6\0\0\1\377"),
    CASE ("offer of version 1", 0, "\0\0\0\015O\0\0\0\1\0\0\0\17\0\0\0\77"),
    CASE ("macros without stage", 'O', "\0\0\0\1D"),
    CASE ("macro name without value", 'O', "\0\0\0\4DCj\0"),
    CASE ("connect before the offer", 0, "\0\0\0\4Ca\0U"),
    CASE ("mail before the offer", 0, "\0\0\0\5M<a>\0"),
    CASE ("rcpt without mail", 'C', "\0\0\0\5R<b>\0"),
    CASE ("end of message without message", 'C', "\0\0\0\1E"),
    CASE ("body before the end of headers", 'T', "\0\0\0\2Bx"),
  };
#undef CASE

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Peer peer = peer_new ();
      bool ended;

      milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
      if (cases[i].last != 0)
        peer_reach (&peer, cases[i].last);
      g_string_truncate (peer.log, 0);
      peer_watch (&peer);
      cr_expect_not (peer_feed (&peer, cases[i].bytes, cases[i].size), "%s", cases[i].name);
      cr_expect_not_null (peer.error, "%s", cases[i].name);
      ended = g_str_has_prefix (peer.log->str, "error")
              && g_str_has_suffix (peer.log->str, "finished");
      cr_expect (ended, "%s: %s", cases[i].name, peer.log->str);
      g_string_truncate (peer.log, 0);
      peer_expect (&peer, "");
      /* and it takes nothing more */
      cr_expect_not (peer_send (&peer, 'Q', ""));
      peer_expect_log (&peer, "");
      peer_clear (&peer);
    }
}

/* what libmilter takes, though it is not as it should be */
Test (client_context, small_deviations_are_taken)
{
#define CASE(name, last, bytes, answers)                                                           \
  {                                                                                                \
    name, last, bytes, sizeof (bytes) - 1, answers                                                 \
  }
  static const struct
  {
    const char *name;
    char last;
    const char *bytes;
    gsize size;
    const char *answers;
  } cases[] = {
    CASE ("data with payload", 'R', "\0\0\0\2Tx", "continue"),
    CASE ("end of header with payload", 'L', "\0\0\0\3Nxy", "continue"),
    CASE ("abort with payload", 'R', "\0\0\0\2Ax", ""),
    CASE ("header with a third string", 'T', "\0\0\0\7LA\0b\0c\0", "continue"),
    CASE ("family U with more behind it", 'O', "\0\0\0\6Ca\0Uxy", "continue"),
    CASE ("second offer", 'H', "\0\0\0\015O\0\0\0\6\0\0\1\377\0\37\377\377", ""),
    CASE ("headers right after rcpt", 'R', "\0\0\0\5LA\0b\0", "continue"),
    CASE ("empty host name", 'O', "\0\0\0\3C\0U", "continue"),
    CASE ("empty helo", 'C', "\0\0\0\2H\0", "continue"),
    CASE ("macros for an unknown stage", 'O', "\0\0\0\6DZj\0k\0", ""),
    CASE ("macros without pairs", 'O', "\0\0\0\2DU", ""),
    CASE ("mail without helo", 'C', "\0\0\0\5M<a>\0", "continue"),
    CASE ("IPv6 with sendmail's prefix", 'O', "\0\0\0\017Ca\0006\0\031IPv6:::1\0", "continue"),
  };
#undef CASE

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Peer peer = peer_new ();
      g_autofree char *answers = NULL;

      milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
      peer_reach (&peer, cases[i].last);
      cr_expect (peer_feed (&peer, cases[i].bytes, cases[i].size),
                 "%s: %s",
                 cases[i].name,
                 peer.error != NULL ? peer.error->message : "");
      answers = peer_answers (&peer);
      cr_expect_str_eq (answers, cases[i].answers, "%s: %s", cases[i].name, answers);
      peer_clear (&peer);
    }
}

Test (client_context, a_path_longer_than_a_socket_address_holds_is_refused)
{
  static const gsize lengths[] = { 107, 108, 300, 60000 };

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      Peer peer = peer_new ();
      g_autoptr (GByteArray) payload = g_byte_array_new ();
      g_autofree char *path = g_strnfill (lengths[i], 'p');

      milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
      peer_reach (&peer, 'O');
      g_byte_array_append (payload, (const guint8 *) "host\0L\0\0", 8);
      g_byte_array_append (payload, (const guint8 *) path, lengths[i] + 1);
      cr_expect_eq (peer_send_bytes (&peer, 'C', payload->data, payload->len), lengths[i] <= 107);
      peer_clear (&peer);
    }
}

Test (client_context, splitting_the_input_anywhere_changes_nothing)
{
  static const char session[] = "\0\0\0\015O\0\0\0\6\0\0\1\377\0\37\377\377"
                                "\0\0\0\4Ca\0U"
                                "\0\0\0\5M<a>\0"
                                "\0\0\0\5R<b>\0"
                                "\0\0\0\1T"
                                "\0\0\0\1N"
                                "\0\0\0\5Bbody"
                                "\0\0\0\1E"
                                "\0\0\0\1Q";
  const gsize size = sizeof session - 1;
  const char expected_log[] = "connect:a/-1/0 from:<a>/ rcpt:<b> data eoh body:body eom: finished";
  const char expected[] = "negotiate version=6 actions=all steps=SKIP; continue; continue; "
                          "continue; continue; continue; "
                          "continue; continue";

  for (gsize split = 0; split <= size; split++)
    {
      Peer peer = peer_new ();

      milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
      peer_watch (&peer);
      peer_feed (&peer, session, split);
      if (split < size)
        peer_feed (&peer, session + split, size - split);
      peer_expect (&peer, expected);
      peer_expect_log (&peer, expected_log);
      peer_clear (&peer);
    }
  /* byte by byte */
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &all_handlers, &peer);
  peer_watch (&peer);
  for (gsize i = 0; i < size; i++)
    peer_feed (&peer, session + i, 1);
  peer_expect (&peer, expected);
  peer_expect_log (&peer, expected_log);
  peer_clear (&peer);
}

Test (client_context, one_that_leaves_ends_with_an_aborted_message)
{
  Peer peer = peer_new ();

  peer_watch (&peer);
  peer_reach (&peer, 'M');
  milter_client_context_leave (peer.context);
  peer_expect_log (&peer, "");
  peer_send (&peer, 'A', "");
  peer_expect_log (&peer, "finished");
  peer_clear (&peer);
}

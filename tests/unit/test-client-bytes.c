/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-bytes.c: what bindings need: events as bytes, addresses as GIO has them, and handlers
 * that fail in a marshaller of their own.
 */
#include "client-test.h"

static MilterStatus
note_bytes (Peer *peer, const char *what, GBytes *a, GBytes *b)
{
  GBytes *both[] = { a, b };

  peer_note (peer, "%s", what);
  for (gsize i = 0; i < 2; i++)
    if (both[i] != NULL)
      {
        gsize size;
        const guint8 *data = g_bytes_get_data (both[i], &size);

        g_string_append_c (peer->log, ':');
        for (gsize at = 0; at < size; at++)
          if (g_ascii_isgraph (data[at]))
            g_string_append_c (peer->log, data[at]);
          else
            g_string_append_printf (peer->log, "%02x", data[at]);
      }
  return MILTER_STATUS_CONTINUE;
}

static char *
show (GSocketAddress *address)
{
  return address != NULL ? g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address)) : NULL;
}

static MilterStatus
on_connect_bytes (MilterClientContext *context, GBytes *host, GSocketAddress *address, Peer *peer)
{
  g_autoptr (GSocketAddress) asked = milter_client_context_get_connect_address (context);
  g_autofree char *shown = show (address);
  g_autofree char *again = show (asked);

  cr_expect_str_eq (shown != NULL ? shown : "none", again != NULL ? again : "none");
  note_bytes (peer, "connect", host, NULL);
  g_string_append_printf (peer->log, ":%s", shown != NULL ? shown : "none");
  return MILTER_STATUS_CONTINUE;
}

#define DEFINE_ON(name)                                                                            \
  static MilterStatus on_##name##_bytes (MilterClientContext *context, GBytes *bytes, Peer *peer)  \
  {                                                                                                \
    return note_bytes (peer, #name, bytes, NULL);                                                  \
  }
DEFINE_ON (helo)
DEFINE_ON (envelope_from)
DEFINE_ON (envelope_recipient)
DEFINE_ON (unknown)
DEFINE_ON (body)
DEFINE_ON (end_of_message)

static MilterStatus
on_header_bytes (MilterClientContext *context, GBytes *name, GBytes *value, Peer *peer)
{
  return note_bytes (peer, "header", name, value);
}

static MilterStatus
on_string (MilterClientContext *context, const char *string, Peer *peer)
{
  peer_note (peer, "string");
  return MILTER_STATUS_CONTINUE;
}

static void
connect_all (Peer *peer)
{
  milter_client_context_set_use_bytes (peer->context, TRUE);
#define CONNECT(name)                                                                              \
  g_signal_connect (peer->context, #name "-bytes", G_CALLBACK (on_##name##_bytes), peer)
  CONNECT (connect);
  CONNECT (helo);
  CONNECT (envelope_from);
  CONNECT (envelope_recipient);
  CONNECT (unknown);
  CONNECT (header);
  CONNECT (body);
  CONNECT (end_of_message);
  g_signal_connect (peer->context, "helo", G_CALLBACK (on_string), peer);
}

Test (client_bytes, every_event_with_a_string_hands_out_bytes_instead)
{
  Peer peer = peer_new ();

  connect_all (&peer);
  peer_send (&peer, 'O', OFFER_ALL);
  peer_expect (&peer, "negotiate version=6 actions=all steps=NOEOH,NODATA,SKIP");
  peer_send (&peer, 'C', "h\374lo\0004\0\031192.0.2.7\0");
  peer_send (&peer, 'H', "a\344\0");
  peer_send (&peer, 'M', "<\366>\0SIZE=1\0");
  peer_send (&peer, 'R', "<\374@b>\0");
  peer_send (&peer, 'U', "HUI\377\0");
  peer_send (&peer, 'L', "Subject\0Gr\374\337e\0");
  peer_send (&peer, 'B', "a\0\377");
  peer_send (&peer, 'E', "");
  peer_expect_log (&peer,
                   "connect:hfclo:192.0.2.7:25 helo:ae4 envelope_from:<f6> envelope_recipient:<fc@b> "
                   "unknown:HUIff header:Subject:Grfcdfe body:a00ff end_of_message");
  peer_send (&peer, 'M', "<a>\0");
  peer_send (&peer, 'R', "<b>\0");
  peer_send (&peer, 'E', "z");
  peer_expect_log (&peer, "envelope_from:<a> envelope_recipient:<b> end_of_message:z");
  peer_clear (&peer);
}

Test (client_bytes, addresses_of_each_family_arrive)
{
  static const struct
  {
    const char *payload;
    gsize size;
    const char *log;
  } cases[] = {
#define CASE(payload, log) { payload, sizeof (payload) - 1, log }
    CASE ("h\0006\0\031IPv6:2001:db8::7\0", "connect:h:[2001:db8::7]:25"),
    CASE ("h\000L\0\0/run/mta\0", "connect:h:/run/mta"),
    CASE ("h\000U", "connect:h:none"),
#undef CASE
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Peer peer = peer_new ();

      connect_all (&peer);
      peer_negotiate (&peer);
      cr_expect (peer_send_bytes (&peer, 'C', cases[i].payload, cases[i].size));
      peer_expect_log (&peer, cases[i].log);
      cr_expect_null (milter_client_context_get_connect_address (peer.context));
      cr_expect_null (milter_client_context_get_peer_address (peer.context));
      peer_clear (&peer);
    }
}

Test (client_bytes, the_peer_is_the_address_that_the_context_has)
{
  static const struct
  {
    MilterGenericSocketAddress native;
    const char *text;
  } cases[] = {
    { { .un = { .sun_family = AF_UNIX, .sun_path = "/run/mta" } }, "/run/mta" },
    { { .un = { .sun_family = AF_UNIX } }, "" },
    { { .inet = { .sin_family = AF_INET, .sin_port = GUINT16_TO_BE (7) } }, "0.0.0.0:7" },
    { { .inet6 = { .sin6_family = AF_INET6, .sin6_port = GUINT16_TO_BE (8) } }, "[::]:8" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Peer peer = peer_new ();
      MilterGenericSocketAddress native = cases[i].native;
      g_autoptr (GSocketAddress) address = NULL;
      g_autofree char *text = NULL;

      milter_client_context_set_socket_address (peer.context, &native);
      address = milter_client_context_get_peer_address (peer.context);
      text = show (address);
      cr_expect_str_eq (text, cases[i].text);
      peer_clear (&peer);
    }
}

/* A subclass. */

typedef MilterClientContext BytesContext;
typedef MilterClientContextClass BytesContextClass;
static GType bytes_context_get_type (void);
G_DEFINE_TYPE (BytesContext, bytes_context, MILTER_TYPE_CLIENT_CONTEXT)

static guint n_helo_strings;
static guint n_helo_bytes;

static MilterStatus
bytes_context_helo (MilterClientContext *context, const char *fqdn)
{
  n_helo_strings++;
  return MILTER_STATUS_REJECT;
}

static MilterStatus
bytes_context_helo_bytes (MilterClientContext *context, GBytes *fqdn)
{
  n_helo_bytes++;
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
bytes_context_header (MilterClientContext *context, const char *name, const char *value)
{
  return MILTER_STATUS_REJECT;
}

static void
bytes_context_class_init (BytesContextClass *klass)
{
  klass->helo = bytes_context_helo;
  klass->helo_bytes = bytes_context_helo_bytes;
  klass->header = bytes_context_header;
}

static void
bytes_context_init (BytesContext *context)
{
}

Test (client_bytes, class_functions_that_take_bytes_stand_in_for_those_that_take_strings)
{
  MilterClientContext *context = g_object_new (bytes_context_get_type (), "use-bytes", TRUE, NULL);
  Peer peer = { context, g_string_new (NULL), NULL };

  peer_send (&peer, 'O', OFFER_ALL);
  peer_expect (&peer,
               "negotiate version=6 actions=all "
               "steps=NOCONNECT,NOMAIL,NORCPT,NOBODY,NOEOH,NOUNKNOWN,NODATA,SKIP");
  peer_send (&peer, 'C', CLIENT_OF_TEST);
  peer_send (&peer, 'H', "a\0");
  cr_expect_eq (n_helo_bytes, 1);
  cr_expect_eq (n_helo_strings, 0);
  /* ... where there are any */
  peer_expect (&peer, "continue; continue");
  peer_send (&peer, 'L', "A\0one\0");
  peer_expect (&peer, "reject");
  peer_clear (&peer);
}

/* Handlers as a binding connects them: with a marshaller of their own. */

static void
fail_to_marshal (GClosure *closure,
                 GValue *return_value,
                 guint n_values,
                 const GValue *values,
                 gpointer hint,
                 gpointer data)
{
}

static void
marshal_continue (GClosure *closure,
              GValue *return_value,
              guint n_values,
              const GValue *values,
              gpointer hint,
              gpointer data)
{
  g_value_set_enum (return_value, MILTER_STATUS_CONTINUE);
}

static gulong
connect_foreign (Peer *peer, const char *signal, GClosureMarshal marshal)
{
  GClosure *closure = g_closure_new_simple (sizeof (GClosure), NULL);

  g_closure_set_marshal (closure, marshal);
  return g_signal_connect_closure (peer->context, signal, closure, FALSE);
}

Test (client_bytes, a_handler_of_a_binding_that_fails_is_a_temporary_failure)
{
  static const struct
  {
    const char *signal;
    char last; /* ... that is reached before */
    char letter;
    const char *payload;
    gsize size;
  } cases[] = {
#define CASE(signal, last, letter, payload) { signal, last, letter, payload, sizeof (payload) - 1 }
    CASE ("connect", 'O', 'C', CLIENT_OF_TEST),
    CASE ("helo", 'C', 'H', "h\0"),
    CASE ("envelope-from", 'H', 'M', "<a>\0"),
    CASE ("envelope-recipient", 'M', 'R', "<b>\0"),
    CASE ("data", 'R', 'T', ""),
    CASE ("unknown", 'C', 'U', "HUI\0"),
    CASE ("header", 'T', 'L', "a\0b\0"),
    CASE ("end-of-header", 'L', 'N', ""),
    CASE ("body", 'N', 'B', "b"),
    CASE ("end-of-message", 'B', 'E', ""),
#undef CASE
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Peer peer = peer_new ();

      peer_watch (&peer);
      connect_foreign (&peer, cases[i].signal, fail_to_marshal);
      peer_reach (&peer, cases[i].last);
      cr_expect (peer_send_bytes (&peer, cases[i].letter, cases[i].payload, cases[i].size));
      peer_expect (&peer, "tempfail");
      peer_expect_log (&peer, "error");
      peer_clear (&peer);
    }
}

Test (client_bytes, a_handler_of_a_binding_that_answers_is_heard)
{
  Peer peer = peer_new ();

  peer_watch (&peer);
  connect_foreign (&peer, "helo", marshal_continue);
  peer_reach (&peer, 'C');
  peer_send (&peer, 'H', "h\0");
  peer_expect (&peer, "continue");
  peer_expect_log (&peer, "");
  peer_clear (&peer);
}

Test (client_bytes, handlers_that_are_blocked_or_gone_have_not_failed)
{
  Peer peer = peer_new ();
  gulong id;

  peer_watch (&peer);
  id = connect_foreign (&peer, "helo", fail_to_marshal);
  peer_reach (&peer, 'C');
  g_signal_handler_block (peer.context, id);
  peer_send (&peer, 'H', "h\0");
  g_signal_handler_disconnect (peer.context, id);
  peer_send (&peer, 'H', "h\0");
  peer_expect (&peer, "continue; continue");
  peer_expect_log (&peer, "");
  peer_clear (&peer);
}

static MilterStatus
say_default (MilterClientContext *context, const char *string, gpointer status)
{
  return GPOINTER_TO_UINT (status);
}

Test (client_bytes, a_handler_in_c_that_has_no_opinion_has_not_failed)
{
  const MilterStatus statuses[] = { MILTER_STATUS_DEFAULT, MILTER_STATUS_NOT_CHANGE };

  for (gsize i = 0; i < G_N_ELEMENTS (statuses); i++)
    {
      Peer peer = peer_new ();

      peer_watch (&peer);
      g_signal_connect (
          peer.context, "helo", G_CALLBACK (say_default), GUINT_TO_POINTER (statuses[i]));
      peer_reach (&peer, 'C');
      peer_send (&peer, 'H', "h\0");
      peer_expect (&peer, "continue");
      peer_expect_log (&peer, "");
      peer_clear (&peer);
    }
}

static MilterStatus
want_no_reply (MilterClientContext *context,
               MilterOption *option,
               MilterMacrosRequests *requests,
               gpointer peer)
{
  milter_option_set_step (option, MILTER_STEP_NO_REPLY_HELO);
  return MILTER_STATUS_CONTINUE;
}

Test (client_bytes, a_failure_that_no_answer_can_tell_ends_the_connection)
{
  Peer peer = peer_new ();

  peer_watch (&peer);
  g_signal_connect (peer.context, "negotiate", G_CALLBACK (want_no_reply), &peer);
  connect_foreign (&peer, "helo", fail_to_marshal);
  peer_reach (&peer, 'C');
  cr_expect_not (peer_send (&peer, 'H', "h\0"));
  cr_expect (g_error_matches (
      peer.error, MILTER_CLIENT_CONTEXT_ERROR, MILTER_CLIENT_CONTEXT_ERROR_NO_STATUS));
  peer_expect (&peer, "");
  peer_expect_log (&peer, "error finished");
  peer_clear (&peer);
}

Test (client_bytes, a_negotiation_whose_handler_fails_ends_the_connection)
{
  Peer peer = peer_new ();

  peer_watch (&peer);
  connect_foreign (&peer, "negotiate", fail_to_marshal);
  cr_expect_not (peer_send (&peer, 'O', OFFER_ALL));
  peer_expect (&peer, "");
  peer_expect_log (&peer, "error finished");
  peer_clear (&peer);
}

/* Handlers of the form that the context does not use. */

typedef struct
{
  guint n_strings, n_bytes;
} Forms;

static MilterStatus
count_string (MilterClientContext *context, const char *fqdn, gpointer data)
{
  ((Forms *) data)->n_strings += strcmp (fqdn, "a") == 0;
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
count_bytes (MilterClientContext *context, GBytes *fqdn, gpointer data)
{
  ((Forms *) data)->n_bytes += g_bytes_get_size (fqdn) == 1;
  return MILTER_STATUS_CONTINUE;
}

Test (client_bytes, an_event_is_told_in_the_form_that_has_handlers_and_of_two_in_the_one_in_use)
{
  static const struct
  {
    bool uses_bytes, strings, bytes; /* … which are connected */
    Forms told;
  } cases[] = {
    { false, true, false, { 1, 0 } }, { true, true, false, { 1, 0 } },
    { false, false, true, { 0, 1 } }, { true, false, true, { 0, 1 } },
    { false, true, true, { 1, 0 } },  { true, true, true, { 0, 1 } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Peer peer = peer_new ();
      Forms forms = { 0, 0 };

      milter_client_context_set_use_bytes (peer.context, cases[i].uses_bytes);
      if (cases[i].strings)
        g_signal_connect (peer.context, "helo", G_CALLBACK (count_string), &forms);
      if (cases[i].bytes)
        g_signal_connect (peer.context, "helo-bytes", G_CALLBACK (count_bytes), &forms);
      peer_send (&peer, 'O', OFFER_ALL);
      peer_expect (&peer,
                   "negotiate version=6 actions=all "
                   "steps=NOCONNECT,NOMAIL,NORCPT,NOBODY,NOHDRS,NOEOH,NOUNKNOWN,NODATA,SKIP");
      peer_send (&peer, 'C', CLIENT_OF_TEST);
      peer_send (&peer, 'H', "a\0");
      peer_expect (&peer, "continue; continue");
      cr_expect_eq (forms.n_strings, cases[i].told.n_strings, "case %zu", i);
      cr_expect_eq (forms.n_bytes, cases[i].told.n_bytes, "case %zu", i);
      peer_clear (&peer);
    }
}

Test (client_bytes, each_event_has_its_own_form)
{
  Peer peer = peer_new ();
  Forms forms = { 0, 0 };

  milter_client_context_set_use_bytes (peer.context, TRUE);
  g_signal_connect (peer.context, "helo", G_CALLBACK (count_string), &forms);
  g_signal_connect (peer.context, "unknown-bytes", G_CALLBACK (count_bytes), &forms);
  peer_send (&peer, 'O', OFFER_ALL);
  peer_send (&peer, 'C', CLIENT_OF_TEST);
  peer_send (&peer, 'H', "a\0");
  peer_send (&peer, 'U', "X\0");
  cr_expect_eq (forms.n_strings, 1);
  cr_expect_eq (forms.n_bytes, 1);
  peer_clear (&peer);
}

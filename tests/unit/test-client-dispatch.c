/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-dispatch.c: the short way that plain commands of a connection take is the long one,
 * which commands that are fed take: the same handlers are called, and the same is answered, however
 * the bytes are cut.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client-test.h"

/* what is said behind the greeting; a handler answers as the words say that it is given */
typedef struct
{
  const char *name;
  MilterBytes bytes;
} Talk;

#define FRAME(size, rest) "\0\0\0" size rest
#define MAIL              FRAME ("\5", "M<a>\0")
#define RCPT              FRAME ("\5", "R<b>\0")
#define DATA              FRAME ("\1", "T")
#define HEADER            FRAME ("\5", "LA\0b\0")
#define EOH               FRAME ("\1", "N")
#define BODY              FRAME ("\5", "Btext")
#define EOM               FRAME ("\1", "E")
#define TALK(name, ...)                                                                            \
  {                                                                                                \
    name, MILTER_BYTES_INIT (__VA_ARGS__)                                                          \
  }

static const Talk talks[] = {
  TALK ("a message", MAIL RCPT DATA HEADER HEADER EOH BODY BODY EOM),
  TALK ("two messages", MAIL RCPT RCPT DATA HEADER EOH BODY EOM MAIL RCPT DATA EOH EOM),
  TALK ("pieces without bytes", MAIL RCPT DATA FRAME ("\4", "LA\0\0") EOH FRAME ("\1", "B") EOM),
  TALK ("a last piece", MAIL RCPT DATA HEADER EOH FRAME ("\5", "Etext")),
  TALK ("arguments", FRAME ("\14", "M<a>\0SIZE=1\0") FRAME ("\7", "R<b>\0X\0") DATA EOH EOM),
  TALK ("macros between", MAIL FRAME ("\6", "DRi\0Q\0") RCPT DATA FRAME ("\2", "DE") EOM),
  TALK ("a refused recipient", MAIL FRAME ("\12", "R<reject>\0") RCPT DATA HEADER EOH EOM),
  TALK ("no recipient left", MAIL FRAME ("\12", "R<reject>\0") DATA HEADER EOH EOM),
  TALK ("a refused message", MAIL RCPT DATA FRAME ("\12", "LX\0reject\0") HEADER EOH EOM MAIL RCPT),
  TALK ("an accepted message", MAIL RCPT DATA FRAME ("\12", "LX\0accept\0") HEADER MAIL RCPT),
  TALK ("a text", MAIL FRAME ("\10", "R<text>\0") RCPT DATA FRAME ("\10", "LX\0text\0") EOH),
  TALK ("nothing changed", MAIL FRAME ("\13", "R<nothing>\0") RCPT DATA EOM),
  TALK ("no more of the body", MAIL RCPT DATA HEADER EOH FRAME ("\5", "Bskip") BODY BODY EOM MAIL),
  TALK ("held", MAIL RCPT DATA FRAME ("\10", "LX\0hold\0") HEADER EOH BODY EOM MAIL RCPT DATA EOM),
  TALK ("an edit", MAIL RCPT DATA HEADER EOH FRAME ("\5", "Eedit") MAIL RCPT),
  TALK ("closed by its handler", MAIL RCPT DATA FRAME ("\11", "LX\0close\0") HEADER EOH EOM),
  TALK ("a message inside another", MAIL RCPT MAIL RCPT DATA HEADER MAIL RCPT DATA EOM),
  TALK ("an abort", MAIL RCPT FRAME ("\1", "A") MAIL RCPT DATA EOM),
  TALK ("an unknown command", MAIL FRAME ("\3", "UX\0") RCPT FRAME ("\3", "UY\0") DATA EOM),
  TALK ("a command too early", MAIL DATA HEADER RCPT DATA EOM),
  TALK ("no end of headers", MAIL RCPT DATA HEADER BODY EOM MAIL),
  TALK ("the next client", MAIL RCPT DATA EOM FRAME ("\1", "K")),
  TALK ("the end", MAIL RCPT DATA EOM FRAME ("\1", "Q") MAIL),
  TALK ("a value without an end", MAIL RCPT DATA FRAME ("\4", "LA\0b") HEADER EOM),
  TALK ("a field without a value", MAIL RCPT DATA FRAME ("\3", "LA\0") HEADER EOM),
  TALK ("a field without a name", MAIL RCPT DATA HEADER FRAME ("\4", "L\0b\0") HEADER EOM),
  TALK ("a field of nothing", MAIL RCPT DATA FRAME ("\1", "L") HEADER EOM),
  TALK ("bytes behind a field", MAIL RCPT DATA FRAME ("\7", "LA\0b\0cd") HEADER EOM),
  TALK ("bytes behind a command", MAIL RCPT FRAME ("\2", "Tx") HEADER EOM),
  TALK ("a sender without an end", FRAME ("\4", "M<a>") RCPT),
  TALK ("a frame of nothing", MAIL "\0\0\0\0" RCPT),
  TALK ("a frame without an end",
        MAIL RCPT "\177\0\0\0"
                  "L"),
  TALK ("a letter of nobody", MAIL FRAME ("\1", "X") RCPT),
  TALK ("a letter that is none", MAIL FRAME ("\1", "\300") RCPT),
};

/* Handlers. */

static MilterStatus
answer (Peer *peer, const char *event, const char *text, gsize size)
{
  MilterClientContext *context = peer->context;

  if (size == 0)
    text = "";
  peer_note (peer, "%s(%.*s)", event, (int) size, text);
  if (g_strstr_len (text, (gssize) size, "reject") != NULL)
    return MILTER_STATUS_REJECT;
  if (g_strstr_len (text, (gssize) size, "accept") != NULL)
    return MILTER_STATUS_ACCEPT;
  if (g_strstr_len (text, (gssize) size, "nothing") != NULL)
    return MILTER_STATUS_NOT_CHANGE;
  if (g_strstr_len (text, (gssize) size, "skip") != NULL)
    return MILTER_STATUS_SKIP;
  if (g_strstr_len (text, (gssize) size, "hold") != NULL)
    milter_client_context_quarantine (context, "why");
  if (g_strstr_len (text, (gssize) size, "edit") != NULL)
    milter_client_context_add_header (context, "N", "v", NULL);
  if (g_strstr_len (text, (gssize) size, "close") != NULL)
    milter_client_context_shutdown (context);
  if (g_strstr_len (text, (gssize) size, "<text>") != NULL)
    {
      milter_client_context_set_reply (context, 550, "5.7.1", "no", NULL);
      return MILTER_STATUS_REJECT;
    }
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_negotiate (MilterClientContext *context,
              MilterOption *option,
              MilterMacrosRequests *requests,
              gpointer peer)
{
  return MILTER_STATUS_ALL_OPTIONS;
}

/* only the end of a message is answered */
static MilterStatus
on_negotiate_silence (MilterClientContext *context,
                      MilterOption *option,
                      MilterMacrosRequests *requests,
                      gpointer peer)
{
  milter_option_set_step (option, MILTER_STEP_NO_REPLY_MASK);
  return MILTER_STATUS_CONTINUE;
}

#define DEFINE_TEXT(name)                                                                          \
  static MilterStatus on_##name (MilterClientContext *context, const char *text, gpointer peer)    \
  {                                                                                                \
    return answer (peer, #name, text, strlen (text));                                              \
  }
DEFINE_TEXT (envelope_from)
DEFINE_TEXT (envelope_recipient)
DEFINE_TEXT (unknown)

static MilterStatus
on_data (MilterClientContext *context, gpointer peer)
{
  return answer (peer, "data", "", 0);
}

static MilterStatus
on_end_of_header (MilterClientContext *context, gpointer peer)
{
  return answer (peer, "end_of_header", "", 0);
}

static MilterStatus
on_header (MilterClientContext *context, const char *name, const char *value, gpointer peer)
{
  peer_note (peer, "%s:", name);
  return answer (peer, "header", value, strlen (value));
}

static MilterStatus
on_body (MilterClientContext *context, const char *chunk, gsize size, gpointer peer)
{
  return answer (peer, "body", chunk, size);
}

static MilterStatus
on_end_of_message (MilterClientContext *context, const char *chunk, gsize size, gpointer peer)
{
  return answer (peer, "end_of_message", chunk, size);
}

static MilterStatus
on_abort (MilterClientContext *context, MilterClientContextState state, gpointer peer)
{
  return answer (peer, "abort", "", 0);
}

#define HANDLERS(on_offer)                                                                         \
  {                                                                                                \
    .negotiate = on_offer, .envelope_from = on_envelope_from,                                      \
    .envelope_recipient = on_envelope_recipient, .data = on_data, .unknown = on_unknown,           \
    .header = on_header, .end_of_header = on_end_of_header, .body = on_body,                       \
    .end_of_message = on_end_of_message, .abort = on_abort                                         \
  }
static const MilterClientHandlers answering = HANDLERS (on_negotiate);
static const MilterClientHandlers silent = HANDLERS (on_negotiate_silence);

/* Where it stands in the end, besides what was noted. */
static char *
describe (Peer *peer, GByteArray *answers)
{
  const MilterClientContextPrivate *priv = peer->context->priv;
  GString *text = g_string_new (peer->log->str);

  g_string_append_printf (text,
                          "\nstate %d after %d, status %d, session %s, message %u, %u recipients, "
                          "%u due, macros of %c%s\n",
                          priv->state,
                          priv->last_state,
                          priv->status,
                          milter_session_state_to_string (priv->session.state),
                          priv->session.message,
                          priv->session.n_recipients,
                          priv->session.due_count,
                          priv->agent->macro_context,
                          priv->in_message ? ", in a message" : "");
  for (guint i = 0; i < answers->len; i++)
    g_string_append_printf (
        text, g_ascii_isprint (answers->data[i]) ? "%c" : "\\%o", answers->data[i]);
  return g_string_free (text, FALSE);
}

static void
greet (GByteArray *bytes)
{
  static const char greeting[] = FRAME ("\15", "O" OFFER_ALL) FRAME ("\35", "C" CLIENT_OF_TEST);

  g_byte_array_append (bytes, (const guint8 *) greeting, sizeof greeting - 1);
}

/* by the long way */
static char *
feed (const Talk *talk, const MilterClientHandlers *handlers)
{
  Peer peer = peer_new ();
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GByteArray) answers = NULL;
  char *text;

  peer_watch (&peer);
  milter_client_context_set_handlers (peer.context, handlers, &peer);
  greet (bytes);
  g_byte_array_append (bytes, talk->bytes.data, (guint) talk->bytes.size);
  peer_feed (&peer, bytes->data, bytes->len);
  answers = milter_client_context_take_output (peer.context);
  text = describe (&peer, answers);
  peer_clear (&peer);
  return text;
}

/* Over a connection. */

static void
on_ended (MilterIoConnection *connection,
          MilterIoEnd end,
          gsize leftover,
          const GError *error,
          gpointer user_data)
{
}

static const MilterIoHandlers io_handlers
    = { .received = milter_client_context_received, .ended = on_ended };

static void
hear (int fd, GByteArray *answers)
{
  guint8 bytes[4096];
  gssize n;

  while ((n = recv (fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
    g_byte_array_append (answers, bytes, (guint) n);
}

static void
say (int fd, const guint8 *data, gsize size, GMainContext *main_context)
{
  cr_assert_eq (send (fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT), (gssize) size);
  while (g_main_context_iteration (main_context, FALSE))
    ;
}

/* the talk in two pieces, the first of which has @cut bytes */
static char *
converse (const Talk *talk, const MilterClientHandlers *handlers, gsize cut)
{
  Peer peer = peer_new ();
  MilterClientContextPrivate *priv = peer.context->priv;
  GMainContext *main_context = g_main_context_new ();
  MilterIoLoop *loop = _milter_io_loop_new (main_context, NULL);
  g_autoptr (GByteArray) greeting = g_byte_array_new ();
  g_autoptr (GByteArray) answers = g_byte_array_new ();
  char *text;
  int fds[2];

  cr_assert_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  peer_watch (&peer);
  milter_client_context_set_handlers (peer.context, handlers, &peer);
  priv->connection
      = _milter_io_connection_new (loop, fds[0], false, &io_handlers, peer.context, NULL);
  cr_assert_not_null (priv->connection);
  greet (greeting);
  say (fds[1], greeting->data, greeting->len, main_context);
  say (fds[1], talk->bytes.data, cut, main_context);
  hear (fds[1], answers);
  /* one that was closed hears no more */
  if (!priv->closing)
    say (fds[1], talk->bytes.data + cut, talk->bytes.size - cut, main_context);
  hear (fds[1], answers);
  text = describe (&peer, answers);
  milter_client_context_close (peer.context, MILTER_IO_CLOSE_NOW);
  peer_clear (&peer);
  _milter_io_loop_free (loop);
  g_main_context_unref (main_context);
  close (fds[1]);
  return text;
}

static void
compare (const Talk *talk, const MilterClientHandlers *handlers)
{
  g_autofree char *expected = feed (talk, handlers);

  for (gsize cut = 1; cut <= talk->bytes.size; cut++)
    {
      g_autofree char *got = converse (talk, handlers, cut);

      cr_assert_str_eq (
          got, expected, "%s, cut at %zu: %s\nfed: %s", talk->name, cut, got, expected);
    }
}

Test (client_dispatch, what_comes_over_a_connection_is_handled_as_what_is_fed)
{
  for (gsize i = 0; i < G_N_ELEMENTS (talks); i++)
    compare (&talks[i], &answering);
}

Test (client_dispatch, so_it_is_where_nearly_nothing_is_answered)
{
  for (gsize i = 0; i < G_N_ELEMENTS (talks); i++)
    compare (&talks[i], &silent);
}

Test (client_dispatch, a_message_is_asked_about_and_let_pass)
{
  g_autofree char *got = converse (&talks[0], &answering, talks[0].bytes.size);

  cr_expect (g_str_has_prefix (
      got,
      "envelope_from(<a>) envelope_recipient(<b>) data() A: header(b) A: header(b) "
      "end_of_header() body(text) body(text) end_of_message()\n"));
}

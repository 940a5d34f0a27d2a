/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client-malformed.c: every command of the table in every way to be malformed: too short, too
 * long, without its NULs, of a wrong length. A context either refuses it and is finished, or takes
 * it and can be used as before.
 */
#include "client-test.h"
#include "milter-message.h"

/* a well-formed payload of each command, and after which command it stands */
static const struct
{
  guint8 letter;
  char after;
  const char *payload;
  gsize size;
} samples[] = {
#define SAMPLE(letter, after, payload)                                                             \
  {                                                                                                \
    letter, after, payload, sizeof (payload) - 1                                                   \
  }
  SAMPLE ('O', 0, OFFER_ALL),
  SAMPLE ('D', 'O', "Cj\0mail.example\0{daemon_name}\0smtp\0"),
  SAMPLE ('C', 'O', "client.example\0004\0\031192.0.2.7\0"),
  SAMPLE ('C', 'O', "client.example\0006\0\0312001:db8::7\0"),
  SAMPLE ('C', 'O', "client.example\0L\0\0/run/smtp\0"),
  SAMPLE ('C', 'O', "client.example\0U"),
  SAMPLE ('H', 'C', "helo.example\0"),
  SAMPLE ('M', 'H', "<a@example.com>\0SIZE=10\0"),
  SAMPLE ('R', 'M', "<b@example.net>\0NOTIFY=NEVER\0"),
  SAMPLE ('T', 'R', ""),
  SAMPLE ('L', 'T', "Subject\0 test\0"),
  SAMPLE ('N', 'L', ""),
  SAMPLE ('B', 'N', "body\r\n"),
  SAMPLE ('E', 'B', "last"),
  SAMPLE ('A', 'R', ""),
  SAMPLE ('Q', 'H', ""),
  SAMPLE ('K', 'H', ""),
  SAMPLE ('U', 'H', "FOO bar\0"),
#undef SAMPLE
};

/* Handlers that read every byte that they are given. */

static gsize n_seen;

static MilterStatus
see_connect (MilterClientContext *context,
             const char *host,
             struct sockaddr *address,
             socklen_t size,
             gpointer data)
{
  G_GNUC_UNUSED g_autofree char *copy = g_memdup2 (address, size);

  n_seen += strlen (host);
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
see_string (MilterClientContext *context, const char *string, gpointer data)
{
  g_auto (GStrv) arguments = milter_client_context_get_envelope_arguments (context);

  n_seen += strlen (string);
  for (guint i = 0; arguments != NULL && arguments[i] != NULL; i++)
    n_seen += strlen (arguments[i]);
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
see_nothing (MilterClientContext *context, gpointer data)
{
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
see_header (MilterClientContext *context, const char *name, const char *value, gpointer data)
{
  n_seen += strlen (name) + strlen (value);
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
see_chunk (MilterClientContext *context, const char *chunk, gsize size, gpointer data)
{
  for (gsize i = 0; i < size; i++)
    n_seen += chunk[i] != '\0';
  return MILTER_STATUS_CONTINUE;
}

static const MilterClientHandlers seeing = {
  .connect = see_connect,
  .helo = see_string,
  .envelope_from = see_string,
  .envelope_recipient = see_string,
  .data = see_nothing,
  .unknown = see_string,
  .header = see_header,
  .end_of_header = see_nothing,
  .body = see_chunk,
  .end_of_message = see_chunk,
};

static void
see_macro (gpointer name, gpointer value, gpointer data)
{
  n_seen += strlen (name) + strlen (value);
}

static void
see_macros (MilterClientContext *context, MilterCommand command, GHashTable *macros, gpointer data)
{
  g_hash_table_foreach (macros, see_macro, NULL);
}

/* A context where @after has been answered; NUL: a new one. Its owner watches it. */
static Peer
peer_after (char after)
{
  Peer peer = peer_new ();

  milter_client_context_set_handlers (peer.context, &seeing, NULL);
  g_signal_connect (peer.context, "define-macro", G_CALLBACK (see_macros), NULL);
  if (after != 0)
    peer_reach (&peer, after);
  return peer;
}

/* whatever state it is in, the next message goes through */
static void
expect_usable (Peer *peer, char after, const char *name)
{
  g_autofree char *answers = NULL;
  bool usable;

  if (after == 0)
    return;
  g_free (peer_answers (peer));
  usable = peer_send (peer, 'A', "") && peer_send (peer, 'M', "<c@example.com>\0")
           && peer_send (peer, 'R', "<d@example.net>\0") && peer_send (peer, 'E', "");
  answers = peer_answers (peer);
  cr_expect (usable && strcmp (answers, "continue; continue; continue") == 0,
             "%s: %s, %s",
             name,
             answers,
             peer->error != NULL ? peer->error->message : "");
}

/* what the codec finds; what is behind the last field is taken, as libmilter does */
static bool
is_malformed (GByteArray *frame)
{
  const MilterLimits limits = { MILTER_LIMIT_FROM_MTA };
  MilterMessage message;
  gsize n;

  if (milter_message_decode (MILTER_SIDE_MTA, frame->data, frame->len, &limits, &message, &n, NULL)
      != MILTER_DECODE_COMPLETE)
    return true;
  return message.fault != MILTER_NO_FAULT && message.fault != MILTER_CODEC_ERROR_TRAILING_BYTES;
}

static guint n_refused;
static guint n_taken;

static void
play (gsize sample, MilterBytes payload, const char *way)
{
  const guint8 letter = samples[sample].letter;
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  g_autofree char *name = g_strdup_printf ("%c, %s", letter, way);
  Peer peer = peer_after (samples[sample].after);
  gboolean taken;

  peer_watch (&peer);
  milter_frame_append (letter, payload, frame);
  taken = peer_feed (&peer, frame->data, frame->len);
  cr_expect (!taken || !is_malformed (frame), "%s: taken", name);
  if (taken && letter != MILTER_COMMAND_QUIT)
    expect_usable (&peer, samples[sample].after, name);
  if (!taken)
    {
      cr_expect_not_null (peer.error, "%s", name);
      cr_expect (g_str_has_prefix (peer.log->str, "error"), "%s: %s", name, peer.log->str);
      cr_expect (g_str_has_suffix (peer.log->str, "finished"), "%s: %s", name, peer.log->str);
      peer_expect (&peer, "");
    }
  n_taken += taken;
  n_refused += !taken;
  peer_clear (&peer);
}

/* The ways. */

static void
play_prefixes (gsize sample)
{
  for (gsize size = 0; size < samples[sample].size; size++)
    play (sample, milter_bytes (samples[sample].payload, size), "short");
}

static void
play_longer (gsize sample)
{
  const gsize size = samples[sample].size;
  g_autofree guint8 *longer = g_malloc0 (MILTER_LIMIT_FROM_MTA + 1);
  static const gsize more[] = { 1, 2, 7, 300, 60000 };

  for (guint byte = 0; byte <= 'x'; byte += 'x')
    {
      memset (longer, (int) byte, MILTER_LIMIT_FROM_MTA + 1);
      memcpy (longer, samples[sample].payload, size);
      for (gsize i = 0; i < G_N_ELEMENTS (more); i++)
        play (sample, milter_bytes (longer, size + more[i]), "long");
      play (sample, milter_bytes (longer, MILTER_LIMIT_FROM_MTA), "as long as can be");
      play (sample, milter_bytes (longer, MILTER_LIMIT_FROM_MTA + 1), "longer than can be");
    }
}

/* each byte of it as another one: no NUL where there must be one, one where there must be none */
static void
play_changed_bytes (gsize sample)
{
  static const guint8 others[] = { '\0', 'x', ' ', '\n', 0x7f, 0x80, 0xff };

  for (gsize at = 0; at < samples[sample].size; at++)
    for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
      {
        g_autofree guint8 *payload
            = g_memdup2 (samples[sample].payload, samples[sample].size);

        payload[at] = others[i];
        play (sample, milter_bytes (payload, samples[sample].size), "changed");
      }
}

static void
play_uniform (gsize sample)
{
  static const guint8 bytes[] = { '\0', 'x', 0xff };
  guint8 payload[40];

  for (gsize i = 0; i < G_N_ELEMENTS (bytes); i++)
    for (gsize size = 1; size <= sizeof payload; size++)
      {
        memset (payload, bytes[i], sizeof payload);
        play (sample, milter_bytes (payload, size), "uniform");
      }
}

static void
play_lengths (gsize sample)
{
  static const guint32 lengths[] = { 0, 65537, 0x10000000, 0x7fffffff, 0x80000000, 0xffffffff };

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      const guint32 length = GUINT32_TO_BE (lengths[i]);
      Peer peer = peer_after (samples[sample].after);
      g_autoptr (GByteArray) frame = g_byte_array_new ();

      peer_watch (&peer);
      milter_frame_append (samples[sample].letter,
                           milter_bytes (samples[sample].payload, samples[sample].size),
                           frame);
      memcpy (frame->data, &length, 4);
      cr_expect_not (peer_feed (&peer, frame->data, frame->len), "%c, %x", samples[sample].letter,
                     lengths[i]);
      cr_expect (g_str_has_suffix (peer.log->str, "finished"));
      peer_expect (&peer, "");
      peer_clear (&peer);
    }
}

/* one byte too few or too many for the length: what follows makes no sense any more */
static void
play_shifted (gsize sample)
{
  const MilterBytes payload = milter_bytes (samples[sample].payload, samples[sample].size);

  for (int shift = -1; shift <= 1; shift += 2)
    {
      const guint32 length = GUINT32_TO_BE ((guint32) ((int) payload.size + 1 + shift));
      Peer peer = peer_after (samples[sample].after);
      g_autoptr (GByteArray) bytes = g_byte_array_new ();

      milter_frame_append (samples[sample].letter, payload, bytes);
      memcpy (bytes->data, &length, 4);
      g_byte_array_append (bytes, (const guint8 *) "xxxxxxxxxxxxxxxx", 16);
      cr_expect (!peer_feed (&peer, bytes->data, bytes->len)
                     || samples[sample].letter == MILTER_COMMAND_QUIT,
                 "%c, %d",
                 samples[sample].letter,
                 shift);
      peer_clear (&peer);
    }
}

static void (*const ways[]) (gsize sample)
    = { play_prefixes, play_longer, play_changed_bytes, play_uniform, play_lengths, play_shifted };

Test (client_malformed, every_command_of_the_table_has_a_sample)
{
  gsize n_rows;
  const MilterSpec *rows = milter_spec_list (MILTER_SIDE_MTA, &n_rows);

  for (gsize i = 0; i < n_rows; i++)
    {
      bool found = false;

      for (gsize k = 0; k < G_N_ELEMENTS (samples); k++)
        found = found || samples[k].letter == rows[i].letter;
      cr_expect (found, "%s", rows[i].field_name);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (samples); i++)
    play (i, milter_bytes (samples[i].payload, samples[i].size), "well-formed");
  cr_expect_eq (n_refused, 0);
}

Test (client_malformed, every_way_is_refused_or_taken_and_never_half)
{
  for (gsize i = 0; i < G_N_ELEMENTS (samples); i++)
    for (gsize way = 0; way < G_N_ELEMENTS (ways); way++)
      ways[way](i);
  cr_expect_gt (n_refused, 500);
  cr_expect_gt (n_taken, 500);
}

Test (client_malformed, every_letter_that_is_none_ends_the_connection)
{
  for (guint letter = 0; letter < 256; letter++)
    {
      Peer peer = peer_after ('O');

      peer_watch (&peer);
      if (milter_spec_get (MILTER_SIDE_MTA, (guint8) letter) == NULL)
        {
          cr_expect_not (peer_send_bytes (&peer, (char) letter, "x", 2), "%u", letter);
          peer_expect_log (&peer, "error finished");
          peer_expect (&peer, "");
        }
      peer_clear (&peer);
    }
}

Test (client_malformed, a_field_without_a_name_ends_the_connection)
{
  Peer peer = peer_after ('T');

  peer_watch (&peer);
  cr_expect_not (peer_send (&peer, 'L', "\0value\0"));
  cr_assert_not_null (peer.error);
  cr_expect_not_null (strstr (peer.error->message, "the name is empty"), "%s", peer.error->message);
  cr_expect (g_str_has_suffix (peer.log->str, "finished"), "%s", peer.log->str);
  peer_clear (&peer);
}

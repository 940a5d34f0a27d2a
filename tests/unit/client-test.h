/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-test.h: an MTA in memory: commands are written as scenario-like calls, what the context
 * answers is read back as lines of text.
 */
#pragma once

#include <criterion/criterion.h>
#include <string.h>

#include <milter/client.h>

#include "milter-client-context-private.h"

/* a context that nobody connects, and what it was sent and said */
typedef struct
{
  MilterClientContext *context;
  GString *log;  /* what handlers and signals noted, a word each, separated by blanks */
  GError *error; /* of the last feed */
} Peer;

static inline void peer_note (Peer *peer, const char *format, ...) G_GNUC_PRINTF (2, 3);

static inline void
peer_note (Peer *peer, const char *format, ...)
{
  va_list args;

  if (peer->log->len > 0)
    g_string_append_c (peer->log, ' ');
  va_start (args, format);
  g_string_append_vprintf (peer->log, format, args);
  va_end (args);
}

static inline void
peer_on_finished (MilterClientContext *context, gpointer peer)
{
  peer_note (peer, "finished");
}

static inline void
peer_on_error (MilterClientContext *context, GError *error, gpointer peer)
{
  peer_note (peer, "error");
}

static inline Peer
peer_new (void)
{
  Peer peer = { milter_client_context_new (NULL), g_string_new (NULL), NULL };

  return peer;
}

/* the log says also how it ended */
static inline void
peer_watch (Peer *peer)
{
  g_signal_connect (peer->context, "finished", G_CALLBACK (peer_on_finished), peer);
  g_signal_connect (peer->context, "error", G_CALLBACK (peer_on_error), peer);
}

static inline void
peer_clear (Peer *peer)
{
  g_clear_error (&peer->error);
  g_string_free (peer->log, TRUE);
  g_object_unref (peer->context);
}

static inline gboolean
peer_feed (Peer *peer, const void *bytes, gsize size)
{
  /* exactly so large, so that a read past the end is seen */
  g_autofree char *copy = g_memdup2 (bytes, size);

  g_clear_error (&peer->error);
  return milter_client_context_feed (peer->context, copy, size, &peer->error);
}

/* sends one command; @payload is a literal whose own NUL does not count */
#define peer_send(peer, letter, payload)                                                           \
  peer_send_bytes (peer, letter, "" payload, sizeof ("" payload) - 1)

static inline gboolean
peer_send_bytes (Peer *peer, char letter, const void *payload, gsize size)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();

  milter_frame_append (letter, milter_bytes (payload, size), frame);
  return peer_feed (peer, frame->data, frame->len);
}

/* what was answered since the last time, as "continue; add-header X: y; accept" */
static inline char *
peer_answers (Peer *peer)
{
  g_autoptr (GByteArray) output = milter_client_context_take_output (peer->context);
  GString *text = g_string_new (NULL);
  const MilterLimits limits = { MILTER_LIMIT_FROM_MILTER };
  gsize done = 0;

  while (done < output->len)
    {
      MilterMessage message;
      gsize n = 0;

      cr_assert_eq (milter_message_decode (MILTER_SIDE_MILTER,
                                           output->data + done,
                                           output->len - done,
                                           &limits,
                                           &message,
                                           &n,
                                           NULL),
                    MILTER_DECODE_COMPLETE);
      cr_assert_eq (message.fault, MILTER_NO_FAULT);
      if (text->len > 0)
        g_string_append (text, "; ");
      milter_message_append_text (&message, MILTER_TEXT_SHORT, text);
      done += n;
    }
  return g_string_free (text, FALSE);
}

#define peer_expect(peer, text)                                                                    \
  do                                                                                               \
    {                                                                                              \
      g_autofree char *answers_ = peer_answers (peer);                                             \
      cr_expect_str_eq (answers_, text);                                                           \
    }                                                                                              \
  while (0)

#define peer_expect_log(peer, text)                                                                \
  do                                                                                               \
    {                                                                                              \
      cr_expect_str_eq ((peer)->log->str, text);                                                   \
      g_string_truncate ((peer)->log, 0);                                                          \
    }                                                                                              \
  while (0)

/* the offer of an MTA of today */
#define OFFER_ALL      "\0\0\0\6\0\0\1\377\0\37\377\377"
#define CLIENT_OF_TEST "client.example\0004\0\031192.0.2.7\0"

static inline void
peer_negotiate (Peer *peer)
{
  peer_send (peer, 'O', OFFER_ALL);
  g_free (peer_answers (peer));
}

/* up to where @last has been answered: "OCHMRTLNB" in order */
static inline void
peer_reach (Peer *peer, char last)
{
  static const struct
  {
    char letter;
    const char *payload;
    gsize size;
  } steps[] = {
    { 'O', OFFER_ALL, 12 },         { 'C', CLIENT_OF_TEST, sizeof CLIENT_OF_TEST - 1 },
    { 'H', "helo.example", 13 },    { 'M', "<a@example.com>", 16 },
    { 'R', "<b@example.net>", 16 }, { 'T', "", 0 },
    { 'L', "Subject\0test", 13 },   { 'N', "", 0 },
    { 'B', "body\r\n", 6 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      cr_assert (peer_send_bytes (peer, steps[i].letter, steps[i].payload, steps[i].size));
      if (steps[i].letter == last)
        break;
    }
  g_free (peer_answers (peer));
}

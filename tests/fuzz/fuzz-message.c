/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-message.c: any bytes as one side's stream. Whatever comes, nothing is read outside of it,
 * every frame encodes to the bytes it came from, and every frame has its line of text.
 *
 * The first byte of the input says whose stream it is (even: an MTA's) and how text is written; the
 * rest is the stream. A broken promise aborts.
 */
#include <milter/core.h>
#include <string.h>

#include "fuzz.h"

static const MilterLimits limits[] = {
  [MILTER_SIDE_MTA] = { MILTER_LIMIT_FROM_MTA },
  [MILTER_SIDE_MILTER] = { MILTER_LIMIT_FROM_MILTER },
};

static void
check_encodes_to (const MilterMessage *message, MilterBytes frame)
{
  g_autoptr (GByteArray) again = g_byte_array_new ();
  MilterMessage fields_only = *message;

  g_assert_true (milter_message_append (message, again, NULL));
  g_assert_true (milter_bytes_equal (milter_bytes (again->data, again->len), frame));
  if (message->fault != MILTER_NO_FAULT)
    return;

  /* what the fields say is all there is to say */
  fields_only.payload = milter_bytes (NULL, 0);
  g_byte_array_set_size (again, 0);
  g_assert_true (milter_message_append (&fields_only, again, NULL));
  g_assert_true (milter_bytes_equal (milter_bytes (again->data, again->len), frame));
}

/* a frame is not whole before its last byte is there */
static void
check_prefix (MilterSide sender, MilterBytes frame)
{
  gsize size = frame.size - 1;
  g_autofree guint8 *prefix = g_memdup2 (frame.data, size);
  MilterMessage message;
  gsize consumed;

  g_assert_cmpint (
      milter_message_decode (sender, prefix, size, &limits[sender], &message, &consumed, NULL),
      ==,
      MILTER_DECODE_NEED_MORE);
}

static void
check_text (const MilterMessage *message, guint flags)
{
  g_autofree char *text = milter_message_to_text (message, (MilterTextFlags) flags);

  g_assert_true (g_utf8_validate (text, -1, NULL));
  for (const char *at = text; *at != '\0'; at++)
    g_assert_true ((guint8) *at >= 0x20 && *at != 0x7f);
  if (message->fault != MILTER_NO_FAULT)
    g_assert_true (g_str_has_prefix (text, "frame "));
}

static void
check_fault (const MilterMessage *message)
{
  g_autoptr (GError) error = milter_message_get_fault (message);

  g_assert_true ((error != NULL) == (message->fault != MILTER_NO_FAULT));
  g_assert_true (message->fault == MILTER_NO_FAULT
                 || message->fault_offset <= message->payload.size);
}

static void
check_reply_text (MilterBytes text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MilterSmtpReply) reply = milter_smtp_reply_parse (text, &error);

  g_assert_true ((reply == NULL) == (error != NULL));
  g_assert_true (reply == NULL
                 || (reply->code >= 400 && reply->code <= 599 && reply->lines->len >= 1
                     && reply->lines->len <= MILTER_SMTP_REPLY_MAX_LINES));
}

/* any bytes may be walked as packed fields */
static void
check_walks (MilterBytes payload)
{
  MilterBytes strings = payload, lists = payload, string;
  gsize size = payload.size;
  guint32 stage;

  while (milter_strings_next (&strings, &string))
    {
      g_assert_cmpuint (strings.size, <, size);
      size = strings.size;
    }
  size = payload.size;
  while (milter_symbol_lists_next (&lists, &stage, &string))
    {
      g_assert_cmpuint (lists.size, <, size);
      size = lists.size;
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  MilterSide sender;
  guint flags;
  gsize at = 1;

  if (size == 0)
    return 0;
  sender = data[0] & 1 ? MILTER_SIDE_MILTER : MILTER_SIDE_MTA;
  flags = data[0] >> 1 & 7;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      MilterMessage message;
      gsize consumed = 0;
      MilterDecodeStatus status = milter_message_decode (
          sender, data + at, size - at, &limits[sender], &message, &consumed, &error);

      g_assert_true ((status == MILTER_DECODE_ERROR) == (error != NULL));
      if (status != MILTER_DECODE_COMPLETE)
        return 0;
      g_assert_true (consumed >= 5 && consumed <= size - at);
      check_encodes_to (&message, milter_bytes (data + at, consumed));
      check_prefix (sender, milter_bytes (data + at, consumed));
      check_text (&message, flags);
      check_fault (&message);
      check_reply_text (message.payload);
      check_walks (message.payload);
      at += consumed;
    }
}

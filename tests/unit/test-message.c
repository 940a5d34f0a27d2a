/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-message.c: frames and messages from bytes and to bytes. Bytes are decoded from heap copies
 * of exact size, so that a read past the end is caught.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <milter/core.h>

/* a payload as a literal; the NUL that C adds is not part of it */
#define P(text) MILTER_BYTES_INIT (text)

#define MTA    MILTER_SIDE_MTA
#define MILTER MILTER_SIDE_MILTER

typedef struct
{
  const char *name;
  MilterSide sender;
  guint8 letter;
  MilterBytes payload;
} Sample;

typedef struct
{
  Sample sample;
  MilterCodecError fault;
  gsize offset;
  const char *text; /* part of what people read */
} BadSample;

/* well-formed frames: every letter, every layout, optional strings absent and present */
/* clang-format off */
static const Sample samples[] = {
  { "negotiate", MTA, 'O', P ("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff") },
  { "negotiate with a tail", MTA, 'O', P ("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff\1\2") },
  { "macro without pairs", MTA, 'D', P ("H") },
  { "macro", MTA, 'D', P ("Mi\0" "4F1\0{mail_addr}\0alice@example.com\0") },
  { "macro with empty strings", MTA, 'D', P ("C\0\0") },
  { "connect by IPv4", MTA, 'C', P ("client.example.com\0" "4\xc5\x03" "192.0.2.1\0") },
  { "connect by IPv6", MTA, 'C', P ("localhost\0" "6\0\x19IPv6:2001:db8::7\0") },
  { "connect by a unix socket", MTA, 'C', P ("localhost\0L\0\0/run/x\0") },
  { "connect from nowhere", MTA, 'C', P ("localhost\0U") },
  { "connect with empty strings", MTA, 'C', P ("\0" "4\0\0\0") },
  { "helo", MTA, 'H', P ("client.example.com\0") },
  { "empty helo", MTA, 'H', P ("\0") },
  { "mail", MTA, 'M', P ("<alice@example.com>\0") },
  { "mail with arguments", MTA, 'M', P ("<a@b>\0SIZE=1000\0BODY=8BITMIME\0") },
  { "mail with an empty argument", MTA, 'M', P ("<>\0\0") },
  { "rcpt", MTA, 'R', P ("<bob@example.net>\0") },
  { "rcpt with an argument", MTA, 'R', P ("<bob@example.net>\0NOTIFY=NEVER\0") },
  { "data", MTA, 'T', P ("") },
  { "header", MTA, 'L', P ("Subject\0hello\0") },
  { "header with an empty value", MTA, 'L', P ("X\0\0") },
  { "header without a name", MTA, 'L', P ("\0v\0") },
  { "eoh", MTA, 'N', P ("") },
  { "body", MTA, 'B', P ("one\r\n\0two") },
  { "empty body", MTA, 'B', P ("") },
  { "eom", MTA, 'E', P ("") },
  { "eom with data", MTA, 'E', P ("last\r\n") },
  { "abort", MTA, 'A', P ("") },
  { "quit", MTA, 'Q', P ("") },
  { "quit-nc", MTA, 'K', P ("") },
  { "unknown", MTA, 'U', P ("FOO bar\0") },

  { "negotiate", MILTER, 'O', P ("\0\0\0\2\0\0\0\0\0\0\0\0") },
  { "symbol lists", MILTER, 'O',
    P ("\0\0\0\6\0\0\1\0\0\0\0\0" "\0\0\0\0j\0" "\0\0\0\5i {foo} j\0" "\0\0\0\x63\0") },
  { "continue", MILTER, 'c', P ("") },
  { "accept", MILTER, 'a', P ("") },
  { "reject", MILTER, 'r', P ("") },
  { "tempfail", MILTER, 't', P ("") },
  { "discard", MILTER, 'd', P ("") },
  { "reply code", MILTER, 'y', P ("550 5.7.1 no\0") },
  { "skip", MILTER, 's', P ("") },
  { "progress", MILTER, 'p', P ("") },
  { "add-header", MILTER, 'h', P ("X-Checked\0yes\0") },
  { "insert-header", MILTER, 'i', P ("\0\0\0\1X-Checked\0yes\0") },
  { "insert-header far below", MILTER, 'i', P ("\xff\xff\xff\xff\0\0") },
  { "change-header", MILTER, 'm', P ("\0\0\0\2Subject\0new\0") },
  { "delete-header", MILTER, 'm', P ("\0\0\0\1Subject\0\0") },
  { "replace-body", MILTER, 'b', P ("new\r\n\0") },
  { "empty replace-body", MILTER, 'b', P ("") },
  { "add-rcpt", MILTER, '+', P ("<x@example.org>\0") },
  { "add-rcpt without arguments", MILTER, '2', P ("<x@example.org>\0") },
  { "add-rcpt with arguments", MILTER, '2', P ("<x@example.org>\0NOTIFY=NEVER\0") },
  { "delete-rcpt", MILTER, '-', P ("<x@example.org>\0") },
  { "change-from", MILTER, 'e', P ("<y@example.org>\0") },
  { "change-from with arguments", MILTER, 'e', P ("<>\0RET=HDRS ENVID=1\0") },
  { "quarantine", MILTER, 'q', P ("looks odd\0") },
  { "shutdown", MILTER, '4', P ("") },
  { "conn-fail", MILTER, 'f', P ("") },
  { "symbol-list", MILTER, 'l', P ("") },
};
/* clang-format on */

/* frames whose payload is malformed: complete all the same, and sent again as they are */
/* clang-format off */
static const BadSample bad_samples[] = {
  { { "unknown command", MTA, 'X', P ("abc") }, MILTER_CODEC_ERROR_UNKNOWN_LETTER, 0,
    "unknown command letter 'X' (0x58)" },
  { { "letter 0", MTA, 0, P ("") }, MILTER_CODEC_ERROR_UNKNOWN_LETTER, 0, "letter 0x00" },
  { { "letter 255", MILTER, 0xff, P ("") }, MILTER_CODEC_ERROR_UNKNOWN_LETTER, 0,
    "unknown reply letter 0xff" },
  { { "a reply from an MTA", MTA, 'c', P ("") }, MILTER_CODEC_ERROR_UNKNOWN_LETTER, 0, "'c'" },
  { { "a command from a milter", MILTER, 'H', P ("x\0") }, MILTER_CODEC_ERROR_UNKNOWN_LETTER, 0,
    "'H'" },
  { { "no version", MTA, 'O', P ("") }, MILTER_CODEC_ERROR_TRUNCATED, 0,
    "negotiate (SMFIC_OPTNEG): version at offset 0 is cut short, 0 bytes are left" },
  { { "half the actions", MTA, 'O', P ("\0\0\0\6\0") }, MILTER_CODEC_ERROR_TRUNCATED, 4,
    "actions at offset 4 is cut short, 1 byte is left" },
  { { "most of the steps", MILTER, 'O', P ("\0\0\0\6\0\0\0\0\0\0\0") },
    MILTER_CODEC_ERROR_TRUNCATED, 8, "steps" },
  { { "half a stage", MILTER, 'O', P ("\0\0\0\6\0\0\0\0\0\0\0\0\0\0") },
    MILTER_CODEC_ERROR_TRUNCATED, 12, "symbols at offset 12" },
  { { "a stage without names", MILTER, 'O', P ("\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\1") },
    MILTER_CODEC_ERROR_UNTERMINATED, 16, "symbols at offset 16 has no terminating NUL" },
  { { "names without NUL", MILTER, 'O', P ("\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\1i j") },
    MILTER_CODEC_ERROR_UNTERMINATED, 16, "symbols" },
  { { "no stage", MTA, 'D', P ("") }, MILTER_CODEC_ERROR_TRUNCATED, 0, "stage at offset 0" },
  { { "a name without value", MTA, 'D', P ("Mi\0x\0j\0") }, MILTER_CODEC_ERROR_ODD_PAIRS, 5,
    "the name at offset 5 of macros has no value" },
  { { "a value without NUL", MTA, 'D', P ("Mi\0" "4F1") }, MILTER_CODEC_ERROR_UNTERMINATED, 3,
    "macros at offset 3 has no terminating NUL" },
  { { "no host", MTA, 'C', P ("") }, MILTER_CODEC_ERROR_UNTERMINATED, 0, "host at offset 0" },
  { { "host without NUL", MTA, 'C', P ("localhost") }, MILTER_CODEC_ERROR_UNTERMINATED, 0, "host" },
  { { "no family", MTA, 'C', P ("h\0") }, MILTER_CODEC_ERROR_TRUNCATED, 2, "address at offset 2" },
  { { "bad family", MTA, 'C', P ("h\0" "5\0\0x\0") }, MILTER_CODEC_ERROR_BAD_FAMILY, 2,
    "has the family '5' (0x35), which is none of 4 6 L U" },
  { { "family 0", MTA, 'C', P ("h\0\0\0\0x\0") }, MILTER_CODEC_ERROR_BAD_FAMILY, 2, "0x00" },
  { { "half a port", MTA, 'C', P ("h\0" "4\0") }, MILTER_CODEC_ERROR_TRUNCATED, 3, "address" },
  { { "no address", MTA, 'C', P ("h\0" "4\0\x19") }, MILTER_CODEC_ERROR_UNTERMINATED, 5, "address" },
  { { "address without NUL", MTA, 'C', P ("h\0" "4\0\x19" "1.2.3.4") },
    MILTER_CODEC_ERROR_UNTERMINATED, 5, "address at offset 5" },
  { { "more behind the address", MTA, 'C', P ("h\0" "4\0\x19" "1.2.3.4\0x") },
    MILTER_CODEC_ERROR_TRAILING_BYTES, 13, "1 byte too many at offset 13" },
  { { "more behind U", MTA, 'C', P ("h\0U\0\0\0") }, MILTER_CODEC_ERROR_TRAILING_BYTES, 3,
    "3 bytes too many at offset 3" },
  { { "no helo", MTA, 'H', P ("") }, MILTER_CODEC_ERROR_UNTERMINATED, 0,
    "helo (SMFIC_HELO): name at offset 0 has no terminating NUL" },
  { { "helo without NUL", MTA, 'H', P ("x") }, MILTER_CODEC_ERROR_UNTERMINATED, 0, "name" },
  { { "two strings in helo", MTA, 'H', P ("x\0y\0") }, MILTER_CODEC_ERROR_TRAILING_BYTES, 2, "2 bytes" },
  { { "no sender", MTA, 'M', P ("") }, MILTER_CODEC_ERROR_UNTERMINATED, 0, "address" },
  { { "argument without NUL", MTA, 'M', P ("<>\0SIZE=1\0BODY") }, MILTER_CODEC_ERROR_UNTERMINATED,
    10, "arguments at offset 10" },
  { { "no recipient", MTA, 'R', P ("") }, MILTER_CODEC_ERROR_UNTERMINATED, 0, "address" },
  { { "data with payload", MTA, 'T', P ("x") }, MILTER_CODEC_ERROR_TRAILING_BYTES, 0, "data" },
  { { "header without value", MTA, 'L', P ("Subject\0") }, MILTER_CODEC_ERROR_UNTERMINATED, 8,
    "header (SMFIC_HEADER): value at offset 8 has no terminating NUL" },
  { { "value without NUL", MTA, 'L', P ("Subject\0hi") }, MILTER_CODEC_ERROR_UNTERMINATED, 8,
    "value at offset 8" },
  { { "header with three strings", MTA, 'L', P ("a\0b\0c\0") }, MILTER_CODEC_ERROR_TRAILING_BYTES, 4,
    "header" },
  { { "eoh with payload", MTA, 'N', P ("\0") }, MILTER_CODEC_ERROR_TRAILING_BYTES, 0, "eoh" },
  { { "abort with payload", MTA, 'A', P ("x") }, MILTER_CODEC_ERROR_TRAILING_BYTES, 0, "abort" },
  { { "quit with payload", MTA, 'Q', P ("x") }, MILTER_CODEC_ERROR_TRAILING_BYTES, 0, "quit" },
  { { "quit-nc with payload", MTA, 'K', P ("x") }, MILTER_CODEC_ERROR_TRAILING_BYTES, 0, "quit-nc" },
  { { "unknown without NUL", MTA, 'U', P ("FOO") }, MILTER_CODEC_ERROR_UNTERMINATED, 0, "line" },
  { { "continue with payload", MILTER, 'c', P ("x") }, MILTER_CODEC_ERROR_TRAILING_BYTES, 0,
    "continue (SMFIR_CONTINUE): 1 byte too many" },
  { { "reply code without NUL", MILTER, 'y', P ("550 no") }, MILTER_CODEC_ERROR_UNTERMINATED, 0,
    "text" },
  { { "add-header without value", MILTER, 'h', P ("X\0") }, MILTER_CODEC_ERROR_UNTERMINATED, 2,
    "value" },
  { { "half an index", MILTER, 'i', P ("\0\0") }, MILTER_CODEC_ERROR_TRUNCATED, 0, "index" },
  { { "insert-header without value", MILTER, 'i', P ("\0\0\0\1X\0") },
    MILTER_CODEC_ERROR_UNTERMINATED, 6, "value at offset 6" },
  { { "change-header without name", MILTER, 'm', P ("\0\0\0\1") }, MILTER_CODEC_ERROR_UNTERMINATED,
    4, "name at offset 4" },
  { { "add-rcpt with arguments", MILTER, '+', P ("<a>\0b\0") }, MILTER_CODEC_ERROR_TRAILING_BYTES, 4,
    "add-rcpt (SMFIR_ADDRCPT): 2 bytes too many" },
  { { "two strings of arguments", MILTER, '2', P ("<a>\0b\0c\0") },
    MILTER_CODEC_ERROR_TRAILING_BYTES, 6, "add-rcpt (SMFIR_ADDRCPT_PAR): 2 bytes too many" },
  { { "two strings of arguments", MILTER, 'e', P ("<a>\0b\0c\0") },
    MILTER_CODEC_ERROR_TRAILING_BYTES, 6, "change-from" },
  { { "no recipient", MILTER, '-', P ("") }, MILTER_CODEC_ERROR_UNTERMINATED, 0, "address" },
  { { "reason without NUL", MILTER, 'q', P ("x") }, MILTER_CODEC_ERROR_UNTERMINATED, 0, "reason" },
};
/* clang-format on */

static const MilterLimits roomy = { 65535 };

/* bytes in a heap block of just their size */
static guint8 *
exact_copy (const void *data, gsize size)
{
  guint8 *copy = g_malloc (size);

  if (size > 0)
    memcpy (copy, data, size);
  return copy;
}

static GByteArray *
frame_of (const Sample *sample)
{
  GByteArray *frame = g_byte_array_new ();

  milter_frame_append (sample->letter, sample->payload, frame);
  return frame;
}

static bool
same_fields (const MilterMessage *a, const MilterMessage *b)
{
  for (guint i = 0; a->spec != NULL && i < MILTER_SPEC_MAX_FIELDS; i++)
    switch (a->spec->fields[i].layout)
      {
      case MILTER_LAYOUT_NONE:
        return true;
      case MILTER_LAYOUT_U32:
      case MILTER_LAYOUT_BYTE:
        if (a->fields[i].number != b->fields[i].number)
          return false;
        break;
      case MILTER_LAYOUT_ADDRESS:
        if (a->fields[i].address.family != b->fields[i].address.family
            || a->fields[i].address.port != b->fields[i].address.port
            || !milter_bytes_equal (a->fields[i].address.text, b->fields[i].address.text))
          return false;
        break;
      case MILTER_LAYOUT_STRING:
      case MILTER_LAYOUT_STRINGS:
      case MILTER_LAYOUT_PAIRS:
      case MILTER_LAYOUT_REST:
      case MILTER_LAYOUT_SYMBOL_LISTS:
        if (!milter_bytes_equal (a->fields[i].bytes, b->fields[i].bytes))
          return false;
        break;
      }
  return true;
}

static void
check_encodes_to (const MilterMessage *message, const GByteArray *frame, const char *name)
{
  g_autoptr (GByteArray) again = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  g_byte_array_append (again, (const guint8 *) "before", 6);
  cr_assert (milter_message_append (message, again, &error),
             "%s: %s",
             name,
             error == NULL ? "" : error->message);
  cr_assert_eq (again->len, 6 + frame->len, "%s", name);
  cr_assert_eq (memcmp (again->data, "before", 6), 0);
  cr_assert_eq (memcmp (again->data + 6, frame->data, frame->len), 0, "%s", name);
}

static void
decode_whole (const Sample *sample, const GByteArray *frame, MilterMessage *message)
{
  g_autoptr (GError) error = NULL;
  gsize consumed = 0;
  MilterDecodeStatus status = milter_message_decode (
      sample->sender, frame->data, frame->len, &roomy, message, &consumed, &error);

  cr_assert_eq (status, MILTER_DECODE_COMPLETE, "%s", sample->name);
  cr_assert_eq (consumed, frame->len, "%s", sample->name);
  cr_assert_eq (message->sender, sample->sender);
  cr_assert_eq (message->letter, sample->letter);
  cr_assert_eq (message->spec, milter_spec_get (sample->sender, sample->letter));
  cr_assert (milter_bytes_equal (message->payload, sample->payload), "%s", sample->name);
}

static void
check_need_more (const Sample *sample, const GByteArray *frame, gsize size)
{
  g_autofree guint8 *prefix = exact_copy (frame->data, size);
  g_autoptr (GError) error = NULL;
  MilterMessage message = { .letter = 1 };
  gsize consumed = 12345;

  cr_assert_eq (
      milter_message_decode (sample->sender, prefix, size, &roomy, &message, &consumed, &error),
      MILTER_DECODE_NEED_MORE,
      "%s, %zu bytes",
      sample->name,
      size);
  cr_assert_null (error);
  cr_assert (message.letter == 1 && consumed == 12345, "outputs are untouched");
}

static void
decode_exact_copy (const Sample *sample, int fault)
{
  g_autoptr (GByteArray) frame = frame_of (sample);
  g_autofree guint8 *copy = exact_copy (frame->data, frame->len);
  const GByteArray exact = { copy, frame->len };
  MilterMessage message;

  decode_whole (sample, &exact, &message);
  cr_assert_eq (message.fault, fault, "%s: fault %d", sample->name, message.fault);
  check_encodes_to (&message, frame, sample->name);
}

Test (message, samples_cover_every_row)
{
  for (int side = MTA; side <= MILTER; side++)
    {
      gsize n_rows;
      const MilterSpec *rows = milter_spec_list (side, &n_rows);

      for (gsize row = 0; row < n_rows; row++)
        {
          bool found = false;

          for (gsize i = 0; i < G_N_ELEMENTS (samples); i++)
            found = found
                    || (samples[i].sender == rows[row].sender
                        && samples[i].letter == rows[row].letter);
          cr_assert (found, "%s has no sample", rows[row].field_name);
        }
    }
}

Test (message, samples_decode_and_encode_to_the_same_bytes)
{
  for (gsize i = 0; i < G_N_ELEMENTS (samples); i++)
    decode_exact_copy (&samples[i], MILTER_NO_FAULT);
}

Test (message, decode_reports_need_more_for_every_proper_prefix)
{
  for (gsize i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_autoptr (GByteArray) frame = frame_of (&samples[i]);

      for (gsize size = 0; size < frame->len; size++)
        check_need_more (&samples[i], frame, size);
    }
}

/* reads frames out of pieces, as a connection does: appends a piece, decodes what is whole */
static guint
feed (MilterSide sender, const GByteArray *stream, gsize first, gsize piece, GByteArray *again)
{
  g_autoptr (GByteArray) pending = g_byte_array_new ();
  guint n_frames = 0;

  for (gsize at = 0; at < stream->len;)
    {
      gsize size = MIN (at == 0 && first > 0 ? first : piece, stream->len - at);

      g_byte_array_append (pending, stream->data + at, (guint) size);
      at += size;
      for (;;)
        {
          g_autofree guint8 *exact = exact_copy (pending->data, pending->len);
          MilterMessage message;
          gsize consumed;

          if (milter_message_decode (sender, exact, pending->len, &roomy, &message, &consumed, NULL)
              != MILTER_DECODE_COMPLETE)
            break;
          cr_assert_eq (message.fault, MILTER_NO_FAULT);
          cr_assert (milter_message_append (&message, again, NULL));
          g_byte_array_remove_range (pending, 0, (guint) consumed);
          n_frames++;
        }
    }
  cr_assert_eq (pending->len, 0);
  return n_frames;
}

static GByteArray *
stream_of (MilterSide side, guint *n_frames)
{
  GByteArray *stream = g_byte_array_new ();

  *n_frames = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (samples); i++)
    if (samples[i].sender == side)
      {
        milter_frame_append (samples[i].letter, samples[i].payload, stream);
        *n_frames += 1;
      }
  return stream;
}

Test (message, splitting_changes_nothing)
{
  for (int side = MTA; side <= MILTER; side++)
    {
      guint n_frames;
      g_autoptr (GByteArray) stream = stream_of (side, &n_frames);

      /* byte by byte, then whole and cut in two at each offset */
      for (gsize first = 0; first <= stream->len; first++)
        {
          g_autoptr (GByteArray) again = g_byte_array_new ();
          gsize piece = first == 0 ? 1 : stream->len;

          cr_assert_eq (feed (side, stream, first, piece, again), n_frames);
          cr_assert_eq (again->len, stream->len);
          cr_assert_eq (memcmp (again->data, stream->data, stream->len), 0);
        }
    }
}

Test (message, malformed_payloads_are_complete_and_encode_to_the_same_bytes)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad_samples); i++)
    decode_exact_copy (&bad_samples[i].sample, bad_samples[i].fault);
}

Test (message, faults_are_told_with_field_and_offset)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad_samples); i++)
    {
      const BadSample *bad = &bad_samples[i];
      g_autoptr (GError) error = NULL;
      MilterMessage message;

      milter_message_parse (bad->sample.sender, bad->sample.letter, bad->sample.payload, &message);
      error = milter_message_get_fault (&message);
      cr_assert (g_error_matches (error, MILTER_CODEC_ERROR, bad->fault),
                 "%s: %s",
                 bad->sample.name,
                 error->message);
      cr_assert_eq (message.fault_offset,
                    bad->offset,
                    "%s: offset %zu",
                    bad->sample.name,
                    message.fault_offset);
      cr_assert_not_null (
          strstr (error->message, bad->text), "%s: %s", bad->sample.name, error->message);
    }
}

Test (message, a_message_without_fault_has_none_to_tell)
{
  MilterMessage message;

  milter_message_init (&message, MTA, 'T');
  cr_assert_null (milter_message_get_fault (&message));
}

/* frames that are none */

static void
check_frame_error (const char *bytes, gsize size, guint32 max_payload, int code, const char *text)
{
  g_autofree guint8 *copy = exact_copy (bytes, size);
  MilterLimits limits = { max_payload };
  g_autoptr (GError) error = NULL;
  MilterMessage message = { .letter = 1 };
  gsize consumed = 12345;

  cr_assert_eq (milter_message_decode (MTA, copy, size, &limits, &message, &consumed, &error),
                MILTER_DECODE_ERROR);
  cr_assert (g_error_matches (error, MILTER_CODEC_ERROR, code));
  cr_assert_not_null (strstr (error->message, text), "%s", error->message);
  cr_assert (message.letter == 1 && consumed == 12345, "outputs are untouched");
}

Test (message, lengths_that_are_no_frame_are_errors_at_once)
{
  check_frame_error ("\0\0\0\0", 4, 65535, MILTER_CODEC_ERROR_EMPTY_FRAME, "length is 0");
  check_frame_error ("\0\0\0\0O", 5, 65535, MILTER_CODEC_ERROR_EMPTY_FRAME, "length is 0");
  check_frame_error (
      "\0\1\0\1", 4, 65535, MILTER_CODEC_ERROR_FRAME_TOO_LONG, "65537 is above the limit of 65536");
  check_frame_error ("\xff\xff\xff\xff", 4, 65535, MILTER_CODEC_ERROR_FRAME_TOO_LONG, "4294967295");
  check_frame_error ("\0\0\0\2", 4, 0, MILTER_CODEC_ERROR_FRAME_TOO_LONG, "limit of 1");
  check_frame_error (
      "HTTP/1.1", 8, 65535, MILTER_CODEC_ERROR_FRAME_TOO_LONG, "\"HTTP\" look like text");
  check_frame_error (
      "220 mail", 8, 65535, MILTER_CODEC_ERROR_FRAME_TOO_LONG, "\"220 \" look like text");
}

static void
check_limit (MilterSide side, guint8 letter, guint32 max_payload)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  g_autofree guint8 *bytes = g_malloc0 ((gsize) max_payload + 1);
  MilterLimits limits = { max_payload };
  MilterMessage message;
  gsize consumed;

  milter_frame_append (letter, milter_bytes (bytes, max_payload), frame);
  cr_assert_eq (
      milter_message_decode (side, frame->data, frame->len, &limits, &message, &consumed, NULL),
      MILTER_DECODE_COMPLETE);
  cr_assert_eq (message.payload.size, max_payload);

  g_byte_array_set_size (frame, 0);
  milter_frame_append (letter, milter_bytes (bytes, (gsize) max_payload + 1), frame);
  cr_assert_eq (milter_message_decode (side, frame->data, 4, &limits, &message, &consumed, NULL),
                MILTER_DECODE_ERROR);
}

Test (message, limits_hold_at_the_maximum_and_one_above)
{
  check_limit (MTA, 'B', MILTER_LIMIT_FROM_MTA);
  check_limit (MILTER, 'b', MILTER_LIMIT_FROM_MILTER);
  check_limit (MTA, 'T', 0);
}

/* fields */

Test (message, fields_point_into_the_bytes)
{
  static const char payload[] = "client.example.com\0"
                                "4\xc5\x03"
                                "192.0.2.1";
  MilterMessage message;

  milter_message_parse (MTA, 'C', milter_bytes (payload, sizeof payload), &message);
  cr_assert (milter_bytes_equal_string (message.fields[0].bytes, "client.example.com"));
  cr_assert_eq ((const char *) message.fields[0].bytes.data, payload);
  cr_assert_eq (message.fields[1].address.family, '4');
  cr_assert_eq (message.fields[1].address.port, 50435);
  cr_assert (milter_bytes_equal_string (message.fields[1].address.text, "192.0.2.1"));
}

Test (message, numbers_are_read_with_the_highest_byte_first)
{
  MilterMessage message;
  MilterBytes payload = P ("\0\0\0\6\0\0\1\xff\x80\x1f\xff\xfe"
                           "tail");

  milter_message_parse (MTA, 'O', payload, &message);
  cr_assert_eq (message.fields[0].number, 6);
  cr_assert_eq (message.fields[1].number, 0x1ff);
  cr_assert_eq (message.fields[2].number, 0x801ffffe);
  cr_assert (milter_bytes_equal_string (message.fields[3].bytes, "tail"));
}

Test (message, packed_strings_are_walked_and_built)
{
  g_autoptr (GByteArray) packed = g_byte_array_new ();
  MilterBytes rest, string;

  milter_strings_append (packed, milter_bytes_from_string ("SIZE=1"));
  milter_strings_append (packed, milter_bytes_from_string (NULL));
  milter_strings_append (packed, milter_bytes_from_string ("x"));
  cr_assert_eq (packed->len, 10);

  rest = milter_bytes (packed->data, packed->len);
  cr_assert (milter_strings_next (&rest, &string) && milter_bytes_equal_string (string, "SIZE=1"));
  cr_assert (milter_strings_next (&rest, &string) && milter_bytes_equal_string (string, ""));
  cr_assert (milter_strings_next (&rest, &string) && milter_bytes_equal_string (string, "x"));
  cr_assert_not (milter_strings_next (&rest, &string));

  rest = (MilterBytes) P ("a\0bc");
  cr_assert (milter_strings_next (&rest, &string) && milter_bytes_equal_string (string, "a"));
  cr_assert (milter_strings_next (&rest, &string) && milter_bytes_equal_string (string, "bc"));
  cr_assert_not (milter_strings_next (&rest, &string));
}

Test (message, symbol_lists_are_walked_and_built)
{
  g_autoptr (GByteArray) packed = g_byte_array_new ();
  MilterBytes rest, names;
  guint32 stage;

  milter_symbol_lists_append (packed, 5, milter_bytes_from_string ("i {foo}"));
  milter_symbol_lists_append (packed, 99, milter_bytes_from_string (""));
  rest = milter_bytes (packed->data, packed->len);
  cr_assert (milter_symbol_lists_next (&rest, &stage, &names));
  cr_assert (stage == 5 && milter_bytes_equal_string (names, "i {foo}"));
  cr_assert (milter_symbol_lists_next (&rest, &stage, &names));
  cr_assert (stage == 99 && names.size == 0);
  cr_assert_not (milter_symbol_lists_next (&rest, &stage, &names));

  rest = (MilterBytes) P ("\0\0\0\1no end");
  cr_assert_not (milter_symbol_lists_next (&rest, &stage, &names));
}

/* encoding what a caller filled in */

Test (message, every_row_can_be_filled_in_and_decoded_again)
{
  for (int side = MTA; side <= MILTER; side++)
    {
      gsize n_rows;
      const MilterSpec *rows = milter_spec_list (side, &n_rows);

      for (gsize row = 0; row < n_rows; row++)
        {
          g_autoptr (GByteArray) frame = g_byte_array_new ();
          g_autoptr (GError) error = NULL;
          MilterMessage message, again;
          gsize consumed;

          milter_message_init (&message, side, rows[row].letter);
          for (guint i = 0; i < MILTER_SPEC_MAX_FIELDS; i++)
            if (rows[row].fields[i].layout == MILTER_LAYOUT_ADDRESS)
              message.fields[i].address
                  = (MilterAddress){ 'L', 7, milter_bytes_from_string ("/run/x") };
            else if (rows[row].fields[i].layout == MILTER_LAYOUT_U32)
              message.fields[i].number = 0x01020304;
            else if (rows[row].fields[i].layout == MILTER_LAYOUT_BYTE)
              message.fields[i].number = 'E';
            else if (rows[row].fields[i].layout == MILTER_LAYOUT_PAIRS)
              message.fields[i].bytes = (MilterBytes) P ("i\0x\0");
            else if (rows[row].fields[i].layout == MILTER_LAYOUT_STRINGS)
              message.fields[i].bytes = (MilterBytes) P ("arg\0");
            else if (rows[row].fields[i].layout == MILTER_LAYOUT_SYMBOL_LISTS)
              message.fields[i].bytes = (MilterBytes) P ("\0\0\0\1i\0");
            else if (rows[row].fields[i].layout != MILTER_LAYOUT_NONE)
              message.fields[i].bytes = (MilterBytes) P ("text");
          cr_assert (milter_message_append (&message, frame, &error), "%s", rows[row].field_name);
          cr_assert_eq (milter_message_decode (
                            side, frame->data, frame->len, &roomy, &again, &consumed, NULL),
                        MILTER_DECODE_COMPLETE);
          cr_assert_eq (again.fault, MILTER_NO_FAULT, "%s", rows[row].field_name);
          cr_assert (same_fields (&message, &again), "%s", rows[row].field_name);
          check_encodes_to (&again, frame, rows[row].field_name);
        }
    }
}

static void
check_refused (const MilterMessage *message, int code, const char *text)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  g_byte_array_append (frame, (const guint8 *) "x", 1);
  cr_assert_not (milter_message_append (message, frame, &error));
  cr_assert (g_error_matches (error, MILTER_CODEC_ERROR, code), "%s", error->message);
  cr_assert_not_null (strstr (error->message, text), "%s", error->message);
  cr_assert_eq (frame->len, 1, "nothing is appended");
}

Test (message, fields_that_cannot_be_said_are_refused)
{
  MilterMessage message;

  milter_message_init (&message, MTA, 'L');
  message.fields[0].bytes = (MilterBytes) P ("Subject");
  message.fields[1].bytes = (MilterBytes) P ("a\0b");
  check_refused (
      &message, MILTER_CODEC_ERROR_EMBEDDED_NUL, "header (SMFIC_HEADER): value has a NUL inside");

  milter_message_init (&message, MTA, 'C');
  check_refused (&message, MILTER_CODEC_ERROR_BAD_FAMILY, "address has a family");
  message.fields[1].address = (MilterAddress){ '4', 25, P ("1.2\0.3") };
  check_refused (&message, MILTER_CODEC_ERROR_EMBEDDED_NUL, "address");

  milter_message_init (&message, MTA, 'D');
  message.fields[0].number = 256;
  check_refused (&message, MILTER_CODEC_ERROR_TRUNCATED, "stage does not fit");
  message.fields[0].number = 'C';
  message.fields[1].bytes = (MilterBytes) P ("i\0");
  check_refused (&message, MILTER_CODEC_ERROR_ODD_PAIRS, "macros");
  message.fields[1].bytes = (MilterBytes) P ("i\0x");
  check_refused (&message, MILTER_CODEC_ERROR_UNTERMINATED, "macros");

  milter_message_init (&message, MILTER, 'e');
  message.fields[1].bytes = (MilterBytes) P ("a\0b\0");
  check_refused (&message, MILTER_CODEC_ERROR_TRAILING_BYTES, "arguments holds more strings");

  milter_message_init (&message, MILTER, 'O');
  message.fields[3].bytes = (MilterBytes) P ("\0\0\0");
  check_refused (&message, MILTER_CODEC_ERROR_TRUNCATED, "symbols");
}

Test (message, a_payload_above_four_gigabytes_is_refused)
{
  MilterMessage message;

  /* the bytes are never read: the size alone is refused */
  milter_message_init (&message, MTA, 'B');
  message.fields[0].bytes = milter_bytes ("", (gsize) G_MAXUINT32);
  check_refused (&message, MILTER_CODEC_ERROR_FRAME_TOO_LONG, "4294967295");
}

Test (message, names_compare_in_any_case)
{
  MilterBytes name = P ("X-Checked");

  cr_assert (milter_bytes_equal_caseless (name, milter_bytes_from_string ("x-CHECKED")));
  cr_assert_not (milter_bytes_equal_caseless (name, milter_bytes_from_string ("x-checkee")));
  cr_assert_not (milter_bytes_equal_caseless (name, milter_bytes_from_string ("x-check")));
  cr_assert_not (milter_bytes_equal (name, milter_bytes_from_string ("x-checked")));
  cr_assert (milter_bytes_equal (milter_bytes (NULL, 0), milter_bytes_from_string ("")));
}

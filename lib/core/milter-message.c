/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-message.c: frames and messages, from bytes and to bytes.
 *
 * Both directions walk the fields of a letter's row; how each layout stands on the wire is said in
 * milter-layout.c.
 */
#include "milter-message.h"

#include <string.h>

#include "milter-layout-private.h"

#define LENGTH_SIZE MILTER_FRAME_LENGTH_SIZE
#define LETTER_SIZE MILTER_FRAME_LETTER_SIZE

G_DEFINE_QUARK (milter-codec-error-quark, milter_codec_error)

MilterBytes
milter_bytes_from_string (const char *string)
{
  return milter_bytes (string, string == NULL ? 0 : strlen (string));
}

gboolean
milter_bytes_equal (MilterBytes a, MilterBytes b)
{
  return a.size == b.size && (a.size == 0 || memcmp (a.data, b.data, a.size) == 0);
}

gboolean
milter_bytes_equal_string (MilterBytes a, const char *string)
{
  return milter_bytes_equal (a, milter_bytes_from_string (string));
}

gboolean
milter_bytes_equal_caseless (MilterBytes a, MilterBytes b)
{
  if (a.size != b.size)
    return FALSE;
  for (gsize i = 0; i < a.size; i++)
    if (g_ascii_tolower ((char) a.data[i]) != g_ascii_tolower ((char) b.data[i]))
      return FALSE;
  return TRUE;
}

static bool
has_field (const MilterSpec *spec, guint i)
{
  return i < MILTER_SPEC_MAX_FIELDS && spec->fields[i].layout != MILTER_LAYOUT_NONE;
}

/* frames */

static void
set_too_long (const guint8 *data, guint32 length, const MilterLimits *limits, GError **error)
{
  bool text = true;

  /* an SMTP or HTTP server begins with letters, which make a length of a gigabyte or more */
  for (gsize i = 0; i < LENGTH_SIZE; i++)
    text = text && g_ascii_isprint ((char) data[i]);
  if (text)
    g_set_error (error,
                 MILTER_CODEC_ERROR,
                 MILTER_CODEC_ERROR_FRAME_TOO_LONG,
                 "frame length %u is above the limit of %" G_GUINT64_FORMAT
                 ": the bytes \"%.4s\" look like text, the peer may be no milter software",
                 length,
                 (guint64) limits->max_payload + LETTER_SIZE,
                 (const char *) data);
  else
    g_set_error (error,
                 MILTER_CODEC_ERROR,
                 MILTER_CODEC_ERROR_FRAME_TOO_LONG,
                 "frame length %u is above the limit of %" G_GUINT64_FORMAT,
                 length,
                 (guint64) limits->max_payload + LETTER_SIZE);
}

/* a length that no frame may have */
static MilterDecodeStatus
refuse_length (const guint8 *data, guint32 length, const MilterLimits *limits, GError **error)
{
  if (length == 0)
    g_set_error (error,
                 MILTER_CODEC_ERROR,
                 MILTER_CODEC_ERROR_EMPTY_FRAME,
                 "frame length is 0: every frame has a letter");
  else
    set_too_long (data, length, limits, error);
  return MILTER_DECODE_ERROR;
}

static inline MilterDecodeStatus
find_frame (const guint8 *data,
            gsize size,
            const MilterLimits *limits,
            guint8 *letter,
            MilterBytes *payload,
            gsize *consumed,
            GError **error)
{
  guint32 length;

  if (size < LENGTH_SIZE)
    return MILTER_DECODE_NEED_MORE;
  length = milter_get_u32 (data);
  if (length == 0 || length - LETTER_SIZE > limits->max_payload)
    return refuse_length (data, length, limits, error);
  if (size - LENGTH_SIZE < length)
    return MILTER_DECODE_NEED_MORE;

  *letter = data[LENGTH_SIZE];
  *payload = length > LETTER_SIZE
                 ? milter_bytes (data + LENGTH_SIZE + LETTER_SIZE, length - LETTER_SIZE)
                 : milter_bytes (NULL, 0);
  *consumed = LENGTH_SIZE + (gsize) length;
  return MILTER_DECODE_COMPLETE;
}

/**
 * milter_frame_decode: (skip)
 * @data: (array length=size): bytes as they came
 * @size: how many
 * @limits: what is accepted
 * @letter: (out): the frame's letter
 * @payload: (out): a view into @data of what follows the letter
 * @consumed: (out): the bytes of @data that the frame takes
 * @error: for a length of 0 or above the limit
 *
 * Finds the first frame. Outputs are only set on %MILTER_DECODE_COMPLETE.
 *
 * Returns: whether there is a whole frame, the beginning of one, or none
 */
MilterDecodeStatus
milter_frame_decode (const guint8 *data,
                     gsize size,
                     const MilterLimits *limits,
                     guint8 *letter,
                     MilterBytes *payload,
                     gsize *consumed,
                     GError **error)
{
  return find_frame (data, size, limits, letter, payload, consumed, error);
}

static inline void
init (MilterMessage *message, MilterSide sender, guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (sender, letter);

  *message = (MilterMessage){
    .sender = sender,
    .letter = letter,
    .spec = spec,
    .fault = spec == NULL ? MILTER_CODEC_ERROR_UNKNOWN_LETTER : MILTER_NO_FAULT,
  };
}

static void
parse_any (MilterMessage *message)
{
  const MilterSpec *spec = message->spec;
  MilterCursor cursor = { message->payload.data, message->payload.size, 0, MILTER_NO_FAULT, 0 };
  guint i = 0;

  while (has_field (spec, i)
         && milter_layouts[spec->fields[i].layout].decode (&cursor, spec, &message->fields[i]))
    i++;
  /* a payload must be consumed exactly */
  if (cursor.fault == MILTER_NO_FAULT && !milter_cursor_at_end (&cursor))
    milter_cursor_fault (&cursor, MILTER_CODEC_ERROR_TRAILING_BYTES, cursor.offset);
  if (cursor.fault == MILTER_NO_FAULT)
    return;
  message->fault = cursor.fault;
  message->fault_field = i;
  message->fault_offset = cursor.fault_offset;
}

static inline void
parse (MilterSide sender, guint8 letter, MilterBytes payload, MilterMessage *message)
{
  init (message, sender, letter);
  message->payload = payload;
  if (message->spec != NULL
      && !milter_payload_parse_plain (message->spec, payload.data, payload.size, message->fields))
    parse_any (message);
}

/**
 * milter_message_parse: (skip)
 * @sender: whose frame
 * @letter: its letter
 * @payload: its payload; the message points into it
 * @message: (out caller-allocates): the message, with its fault if it has one
 *
 * Takes apart the payload of a whole frame.
 */
void
milter_message_parse (MilterSide sender, guint8 letter, MilterBytes payload, MilterMessage *message)
{
  parse (sender, letter, payload, message);
}

/**
 * milter_message_decode: (skip)
 * @sender: whose bytes
 * @data: (array length=size): bytes as they came
 * @size: how many
 * @limits: what is accepted
 * @message: (out caller-allocates): a view into @data
 * @consumed: (out): the bytes of @data that the frame takes
 * @error: for a length of 0 or above the limit
 *
 * Finds the first frame and takes its payload apart. Outputs are only set on
 * %MILTER_DECODE_COMPLETE; a malformed payload is complete, and has `message->fault` set.
 *
 * Returns: whether there is a whole frame, the beginning of one, or none
 */
MilterDecodeStatus
milter_message_decode (MilterSide sender,
                       const guint8 *data,
                       gsize size,
                       const MilterLimits *limits,
                       MilterMessage *message,
                       gsize *consumed,
                       GError **error)
{
  /* they are set if it is COMPLETE, which not every optimiser sees */
  guint8 letter = 0;
  MilterBytes payload = { NULL, 0 };
  MilterDecodeStatus status
      = find_frame (data, size, limits, &letter, &payload, consumed, error);

  if (status == MILTER_DECODE_COMPLETE)
    parse (sender, letter, payload, message);
  return status;
}

/**
 * milter_message_init: (skip)
 * @message: (out caller-allocates): the message
 * @sender: who will say it
 * @letter: a letter of that side
 *
 * Begins a message whose fields the caller fills in. One of a letter without a row has the fault
 * of its unknown letter, and is encoded from its payload.
 */
void
milter_message_init (MilterMessage *message, MilterSide sender, guint8 letter)
{
  init (message, sender, letter);
}

/* faults, for people */

static void
append_byte (GString *text, guint8 byte)
{
  if (g_ascii_isgraph ((char) byte))
    g_string_append_printf (text, "'%c' (0x%02x)", byte, byte);
  else
    g_string_append_printf (text, "0x%02x", byte);
}

static void
append_fault (const MilterMessage *message, GString *text)
{
  const MilterFieldSpec *field = &message->spec->fields[message->fault_field];
  gsize offset = message->fault_offset;
  gsize left = message->payload.size - offset;

  switch ((MilterCodecError) message->fault)
    {
    case MILTER_CODEC_ERROR_TRUNCATED:
      g_string_append_printf (text,
                              "%s at offset %" G_GSIZE_FORMAT " is cut short, %" G_GSIZE_FORMAT
                              " byte%s left",
                              field->name,
                              offset,
                              left,
                              left == 1 ? " is" : "s are");
      break;
    case MILTER_CODEC_ERROR_UNTERMINATED:
      g_string_append_printf (
          text, "%s at offset %" G_GSIZE_FORMAT " has no terminating NUL", field->name, offset);
      break;
    case MILTER_CODEC_ERROR_ODD_PAIRS:
      g_string_append_printf (
          text, "the name at offset %" G_GSIZE_FORMAT " of %s has no value", offset, field->name);
      break;
    case MILTER_CODEC_ERROR_BAD_FAMILY:
      g_string_append_printf (
          text, "%s at offset %" G_GSIZE_FORMAT " has the family ", field->name, offset);
      append_byte (text, message->payload.data[offset]);
      g_string_append (text, ", which is none of 4 6 L U");
      break;
    case MILTER_CODEC_ERROR_TRAILING_BYTES:
      g_string_append_printf (text,
                              "%" G_GSIZE_FORMAT " byte%s too many at offset %" G_GSIZE_FORMAT,
                              left,
                              left == 1 ? "" : "s",
                              offset);
      break;
    case MILTER_CODEC_ERROR_EMPTY_FRAME:
    case MILTER_CODEC_ERROR_FRAME_TOO_LONG:
    case MILTER_CODEC_ERROR_UNKNOWN_LETTER:
    case MILTER_CODEC_ERROR_EMBEDDED_NUL:
      g_string_append (text, "is malformed");
      break;
    }
}

/**
 * milter_message_get_fault: (skip)
 * @message: a message
 *
 * Returns: (transfer full) (nullable): what is wrong with it, in the domain %MILTER_CODEC_ERROR;
 *   %NULL if nothing is
 */
GError *
milter_message_get_fault (const MilterMessage *message)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (message->fault == MILTER_NO_FAULT)
    return NULL;
  if (message->spec == NULL)
    {
      g_string_append_printf (
          text, "unknown %s letter ", message->sender == MILTER_SIDE_MTA ? "command" : "reply");
      append_byte (text, message->letter);
    }
  else
    {
      g_string_append_printf (text, "%s (%s): ", message->spec->word, message->spec->field_name);
      append_fault (message, text);
    }
  return g_error_new_literal (MILTER_CODEC_ERROR, message->fault, text->str);
}

/* encoding */

/* what is wrong with a field that a caller filled in */
static bool
refuse_field (const MilterSpec *spec, guint i, const MilterCursor *cursor, GError **error)
{
  /* clang-format off */
  static const char *const causes[] = {
    [MILTER_CODEC_ERROR_TRUNCATED]      = "does not fit its size",
    [MILTER_CODEC_ERROR_UNTERMINATED]   = "has no terminating NUL",
    [MILTER_CODEC_ERROR_ODD_PAIRS]      = "has a name without a value",
    [MILTER_CODEC_ERROR_BAD_FAMILY]     = "has a family that is none of 4 6 L U",
    [MILTER_CODEC_ERROR_TRAILING_BYTES] = "holds more strings than there may be",
    [MILTER_CODEC_ERROR_EMBEDDED_NUL]   = "has a NUL inside, which would end it",
  };
  /* clang-format on */

  g_set_error (error,
               MILTER_CODEC_ERROR,
               cursor->fault,
               "%s (%s): %s %s (byte %" G_GSIZE_FORMAT ")",
               spec->word,
               spec->field_name,
               spec->fields[i].name,
               causes[cursor->fault],
               cursor->fault_offset);
  return false;
}

static bool
measure_message (const MilterMessage *message, gsize *size, GError **error)
{
  const MilterSpec *spec = message->spec;
  gsize sum = 0;

  for (guint i = 0; has_field (spec, i); i++)
    {
      MilterCursor cursor = { .fault = MILTER_NO_FAULT };

      sum += milter_layouts[spec->fields[i].layout].measure (&cursor, spec, &message->fields[i]);
      if (cursor.fault != MILTER_NO_FAULT)
        return refuse_field (spec, i, &cursor, error);
    }
  *size = sum;
  return true;
}

/* makes room for a frame at the end and writes its length and letter; NULL if that is too much */
static guint8 *
begin_frame (GByteArray *buffer, guint8 letter, gsize payload_size)
{
  const guint overhead = LENGTH_SIZE + LETTER_SIZE;
  guint start = buffer->len;
  guint8 *to;

  if (payload_size >= G_MAXUINT32 || (guint64) start + overhead + payload_size > G_MAXUINT32)
    return NULL;
  g_byte_array_set_size (buffer, start + overhead + (guint) payload_size);
  to = milter_put_u32 ((guint32) payload_size + LETTER_SIZE, buffer->data + start);
  *to = letter;
  return to + LETTER_SIZE;
}

/**
 * milter_message_append: (skip)
 * @message: what to say
 * @buffer: where to append the frame
 * @error: a string with a NUL, a malformed packed field, a payload that no length can say
 *
 * Encodes a message: from its fields, or from its payload if it has a fault.
 *
 * Returns: %TRUE if the frame was appended; else nothing was
 */
gboolean
milter_message_append (const MilterMessage *message, GByteArray *buffer, GError **error)
{
  bool from_payload = message->fault != MILTER_NO_FAULT || message->spec == NULL;
  gsize size = message->payload.size;
  guint8 *to;

  if (!from_payload && !measure_message (message, &size, error))
    return FALSE;
  to = begin_frame (buffer, message->letter, size);
  if (to == NULL)
    {
      g_set_error (error,
                   MILTER_CODEC_ERROR,
                   MILTER_CODEC_ERROR_FRAME_TOO_LONG,
                   "a payload of %" G_GSIZE_FORMAT " bytes does not fit in a frame",
                   size);
      return FALSE;
    }

  if (from_payload)
    milter_put_bytes (message->payload, to);
  else
    for (guint i = 0; has_field (message->spec, i); i++)
      to = milter_layouts[message->spec->fields[i].layout].put (&message->fields[i], to);
  return TRUE;
}

/**
 * milter_frame_append: (skip)
 * @letter: any byte
 * @payload: any bytes
 * @buffer: where to append the frame
 *
 * Appends a frame of right length around whatever the caller wants to say.
 */
void
milter_frame_append (guint8 letter, MilterBytes payload, GByteArray *buffer)
{
  guint8 *to = begin_frame (buffer, letter, payload.size);

  g_return_if_fail (to != NULL);
  milter_put_bytes (payload, to);
}

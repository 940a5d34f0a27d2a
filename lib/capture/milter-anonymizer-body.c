/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-body.c: lines, boundaries, and the fields of parts.
 */
#include "milter-anonymizer-body.h"

#include <string.h>

#include "milter-anonymizer-base64.h"
#include "milter-anonymizer-mime.h"

/* parts in parts beyond that are text of the outer one */
#define MAX_DEPTH 20u
/* of a line that a chunk cuts: a delimiter is no longer, nor the name of a field that tells
 * something */
#define MAX_LINE_START 128u

struct _MilterAnonymizerBody
{
  const MilterPseudonyms *pseudonyms; /* unowned */
  GPtrArray *boundaries;              /* of GString, the innermost last */
  MilterPartKind kind;
  GByteArray *line;  /* the beginning of the present line, from chunks before */
  bool line_is_long; /* it is not all there */
  guint phase;       /* of base64 */
  guint awaited;     /* of a character of quoted-printable: digits that are to come */
  /* of the part's fields */
  MilterContextId context;
  GString *type, *encoding;
  GString *saved; /* (nullable) unowned: the one of them that is being read */
};

static void
free_string (gpointer data)
{
  g_string_free (data, TRUE);
}

MilterAnonymizerBody *
milter_anonymizer_body_new (const MilterPseudonyms *pseudonyms)
{
  MilterAnonymizerBody *body = g_new0 (MilterAnonymizerBody, 1);

  body->pseudonyms = pseudonyms;
  body->boundaries = g_ptr_array_new_with_free_func (free_string);
  body->line = g_byte_array_new ();
  body->type = g_string_new (NULL);
  body->encoding = g_string_new (NULL);
  return body;
}

void
milter_anonymizer_body_free (MilterAnonymizerBody *body)
{
  if (body == NULL)
    return;
  g_ptr_array_unref (body->boundaries);
  g_byte_array_unref (body->line);
  g_string_free (body->type, TRUE);
  g_string_free (body->encoding, TRUE);
  g_free (body);
}

bool
milter_anonymizer_is_type (MilterBytes name)
{
  return milter_bytes_equal_caseless (name, milter_bytes_from_string ("Content-Type"));
}

bool
milter_anonymizer_is_encoding (MilterBytes name)
{
  return milter_bytes_equal_caseless (name, milter_bytes_from_string ("Content-Transfer-Encoding"));
}

/* --- parts ---------------------------------------------------------------------------------------
 */

/* the content of a part, or of the message */
static void
begin_content (MilterAnonymizerBody *body, MilterBytes type, MilterBytes encoding)
{
  g_autoptr (GString) boundary = g_string_new (NULL);

  body->kind = milter_mime_read (body->pseudonyms, type, encoding, boundary);
  body->phase = 0;
  body->awaited = 0;
  if (boundary->len > 0 && body->boundaries->len < MAX_DEPTH)
    g_ptr_array_add (body->boundaries, g_steal_pointer (&boundary));
}

static void
begin_fields (MilterAnonymizerBody *body)
{
  body->kind = MILTER_PART_HEADERS;
  body->context = MILTER_CONTEXT_TEXT;
  body->saved = NULL;
  g_string_truncate (body->type, 0);
  g_string_truncate (body->encoding, 0);
}

void
milter_anonymizer_body_begin (MilterAnonymizerBody *body, MilterBytes type, MilterBytes encoding)
{
  g_ptr_array_set_size (body->boundaries, 0);
  g_byte_array_set_size (body->line, 0);
  body->line_is_long = false;
  begin_fields (body);
  begin_content (body, type, encoding);
}

/* --- delimiters ----------------------------------------------------------------------------------
 */

typedef enum
{
  LINE_OTHER,
  LINE_DELIMITER,
  LINE_LAST_DELIMITER,
  LINE_CUT_DELIMITER /* it may become one, in the next chunk */
} LineKind;

static bool
is_blank (MilterBytes text)
{
  for (gsize i = 0; i < text.size; i++)
    if (text.data[i] > ' ')
      return false;
  return true;
}

static LineKind
compare_delimiter (MilterBytes line, const GString *boundary, bool complete)
{
  gsize size = 2 + boundary->len;
  MilterBytes rest;

  if (line.size < size)
    return !complete && line.size > 0 && memcmp (line.data, "--", MIN (line.size, 2)) == 0
                   && (line.size < 3 || memcmp (line.data + 2, boundary->str, line.size - 2) == 0)
               ? LINE_CUT_DELIMITER
               : LINE_OTHER;
  if (memcmp (line.data, "--", 2) != 0 || memcmp (line.data + 2, boundary->str, boundary->len) != 0)
    return LINE_OTHER;
  rest = milter_bytes (line.data + size, line.size - size);
  if (rest.size >= 2 && memcmp (rest.data, "--", 2) == 0)
    return !is_blank (milter_bytes (rest.data + 2, rest.size - 2)) ? LINE_OTHER
           : complete                                              ? LINE_LAST_DELIMITER
                                                                   : LINE_CUT_DELIMITER;
  if (!complete)
    return is_blank (rest) || (rest.size == 1 && rest.data[0] == '-') ? LINE_CUT_DELIMITER
                                                                      : LINE_OTHER;
  return is_blank (rest) ? LINE_DELIMITER : LINE_OTHER;
}

/* @level: (out) whose it is */
static LineKind
find_delimiter (const MilterAnonymizerBody *body, MilterBytes line, bool complete, guint *level)
{
  if (line.size == 0 || line.data[0] != '-')
    return LINE_OTHER;
  for (guint i = body->boundaries->len; i-- > 0;)
    {
      LineKind kind = compare_delimiter (line, g_ptr_array_index (body->boundaries, i), complete);

      *level = i;
      if (kind != LINE_OTHER)
        return kind;
    }
  return LINE_OTHER;
}

/* The bytes of a delimiter from @from on; in the field that tells it the boundary is the same. */
static void
replace_delimiter (const MilterAnonymizerBody *body,
                   guint level,
                   gsize from,
                   guint8 *bytes,
                   gsize size)
{
  const GString *boundary = g_ptr_array_index (body->boundaries, level);
  g_autofree guint8 *replaced = g_memdup2 (boundary->str, boundary->len);

  milter_pseudonyms_text (body->pseudonyms, MILTER_CONTEXT_MIME, replaced, boundary->len);
  for (gsize i = 0; i < size; i++)
    if (from + i >= 2 && from + i - 2 < boundary->len)
      bytes[i] = replaced[from + i - 2];
}

static void
pass_delimiter (MilterAnonymizerBody *body, LineKind kind, guint level)
{
  if (kind == LINE_CUT_DELIMITER)
    return;
  g_ptr_array_set_size (body->boundaries, (gint) (kind == LINE_DELIMITER ? level + 1 : level));
  begin_fields (body);
  if (kind == LINE_LAST_DELIMITER)
    body->kind = MILTER_PART_TEXT;
}

/* --- fields of parts -----------------------------------------------------------------------------
 */

static void
save_value (MilterAnonymizerBody *body, MilterBytes value)
{
  if (body->saved != NULL && body->saved->len + value.size <= MILTER_ANONYMIZER_MAX_TYPE)
    g_string_append_len (body->saved, (const char *) value.data, (gssize) value.size);
}

static void
set_field (MilterAnonymizerBody *body, MilterBytes name)
{
  while (name.size > 0 && name.data[name.size - 1] <= ' ')
    name.size--;
  body->context = milter_known_words_header (&body->pseudonyms->known, name);
  body->saved = milter_anonymizer_is_type (name)       ? body->type
                : milter_anonymizer_is_encoding (name) ? body->encoding
                                                       : NULL;
  if (body->saved != NULL)
    g_string_truncate (body->saved, 0);
}

/* the end of the field whose first line @text begins with */
static gsize
find_field_end (MilterBytes text)
{
  gsize at = 0;

  do
    {
      const guint8 *end = memchr (text.data + at, '\n', text.size - at);

      if (end == NULL)
        return text.size;
      at = (gsize) (end - text.data) + 1;
    }
  while (at < text.size && (text.data[at] == ' ' || text.data[at] == '\t'));
  return at;
}

/* In a body lines may stand among fields that are none: a name counts if it is known. */
static bool
is_field_name (const MilterAnonymizerBody *body, MilterBytes name)
{
  static const char *const prefixes[] = { "X-", "Content-", "List-", "Resent-", "ARC-" };

  for (gsize i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (name.size > strlen (prefixes[i])
        && g_ascii_strncasecmp ((const char *) name.data, prefixes[i], strlen (prefixes[i])) == 0)
      return true;
  return milter_known_words_is_header (&body->pseudonyms->known, name);
}

/* A field with its lines. @start: what was of its first line in chunks before */
static void
replace_field (MilterAnonymizerBody *body, MilterBytes start, guint8 *bytes, gsize size)
{
  const guint8 *colon = memchr (bytes, ':', size);
  gsize value = 0;

  if (start.size > 0
          ? memchr (start.data, ':', start.size) == NULL && !g_ascii_isspace (start.data[0])
          : !g_ascii_isspace (bytes[0]))
    {
      g_autoptr (GByteArray) name = g_byte_array_new ();

      value = colon == NULL ? size : (gsize) (colon - bytes);
      g_byte_array_append (name, start.data, (guint) start.size);
      g_byte_array_append (name, bytes, (guint) value);
      set_field (body, milter_bytes (name->data, name->len));
      if (start.size > 0 || colon == NULL)
        milter_pseudonyms_text (body->pseudonyms, MILTER_CONTEXT_TEXT, bytes, value);
      else if (is_field_name (body, milter_bytes (bytes, value)))
        milter_pseudonyms_header_name (body->pseudonyms, bytes, value);
      else
        milter_pseudonyms_text (body->pseudonyms, MILTER_CONTEXT_TEXT, bytes, value);
      value = MIN (value + 1, size);
    }
  save_value (body, milter_bytes (bytes + value, size - value));
  if (value < size)
    milter_pseudonyms_text (body->pseudonyms, body->context, bytes + value, size - value);
}

static void
replace_fields (MilterAnonymizerBody *body, MilterBytes start, guint8 *bytes, gsize size)
{
  while (size > 0)
    {
      gsize field = find_field_end (milter_bytes (bytes, size));

      replace_field (body, start, bytes, field);
      start = milter_bytes (NULL, 0);
      bytes += field;
      size -= field;
    }
}

/* --- content -------------------------------------------------------------------------------------
 */

/* a digit of a character that a chunk cuts: @n_awaited, with it */
static void
replace_cut_digit (MilterAnonymizerBody *body, guint8 *digit, guint n_awaited)
{
  static const char lows[] = "123456789", highs[] = "89ABCDEF";
  const char *high = *digit == '\0' ? NULL : strchr (highs, g_ascii_toupper (*digit));
  const MilterCipher *cipher = &body->pseudonyms->cipher;

  if (n_awaited == 2 && high != NULL)
    *digit = (guint8) highs[milter_cipher_chain (
        cipher, milter_bytes (NULL, 0), (guint) (high - highs), strlen (highs))];
  else if (n_awaited == 1)
    *digit = (guint8)
        lows[milter_cipher_chain (cipher, milter_bytes (NULL, 0), *digit, 256) % strlen (lows)];
}

static void
replace_quoted_printable (MilterAnonymizerBody *body, guint8 *bytes, gsize size)
{
  for (; size > 0 && body->awaited > 0; body->awaited--, bytes++, size--)
    {
      if (!g_ascii_isxdigit (*bytes))
        {
          body->awaited = 0;
          break;
        }
      replace_cut_digit (body, bytes, body->awaited);
    }
  if (size >= 1 && bytes[size - 1] == '=')
    {
      body->awaited = 2;
      size--;
    }
  else if (size >= 2 && bytes[size - 2] == '=' && g_ascii_isxdigit (bytes[size - 1]))
    {
      body->awaited = 1;
      replace_cut_digit (body, &bytes[size - 1], 2);
      size -= 2;
    }
  milter_pseudonyms_quoted_printable (body->pseudonyms, bytes, size);
}

/* A line of uuencode: its length is told by its first character. Its marks are data, as its letters
 * are. */
static bool
is_uuencoded (MilterBytes line)
{
  gsize n_bytes;

  while (line.size > 0 && (line.data[line.size - 1] == '\n' || line.data[line.size - 1] == '\r'))
    line.size--;
  if (line.size == 0)
    return false;
  n_bytes = (line.data[0] - 32u) & 63;
  /* shorter ones may be anything */
  if (n_bytes < 12 || n_bytes > 45 || line.size < 1 + (n_bytes + 2) / 3 * 4
      || line.size > 2 + (n_bytes + 2) / 3 * 4)
    return false;
  for (gsize i = 0; i < line.size; i++)
    if (line.data[i] < 0x20 || line.data[i] > 0x60)
      return false;
  return true;
}

static void
replace_text (MilterAnonymizerBody *body, guint8 *bytes, gsize size)
{
  gsize start = 0, at = 0;

  while (at < size)
    {
      const guint8 *newline = memchr (bytes + at, '\n', size - at);
      gsize end = newline == NULL ? size : (gsize) (newline - bytes) + 1;

      if (is_uuencoded (milter_bytes (bytes + at, end - at)))
        {
          milter_pseudonyms_text (body->pseudonyms, MILTER_CONTEXT_TEXT, bytes + start, at - start);
          milter_pseudonyms_bytes (body->pseudonyms, bytes + at + 1, end - at - 1);
          start = end;
        }
      at = end;
    }
  milter_pseudonyms_text (body->pseudonyms, MILTER_CONTEXT_TEXT, bytes + start, size - start);
}

/* lines of one part; @start: what was of the first line in chunks before */
static void
replace_lines (MilterAnonymizerBody *body, MilterBytes start, guint8 *bytes, gsize size)
{
  static const MilterEncoded encoded[] = {
    [MILTER_PART_BASE64_TEXT] = MILTER_ENCODED_TEXT,
    [MILTER_PART_BASE64_CHARACTERS] = MILTER_ENCODED_CHARACTERS,
    [MILTER_PART_BASE64_BYTES] = MILTER_ENCODED_BYTES,
  };

  if (size == 0)
    return;
  switch (body->kind)
    {
    case MILTER_PART_TEXT:
      replace_text (body, bytes, size);
      break;
    case MILTER_PART_CHARACTERS:
      milter_pseudonyms_bytes (body->pseudonyms, bytes, size);
      break;
    case MILTER_PART_QUOTED_PRINTABLE:
      replace_quoted_printable (body, bytes, size);
      break;
    case MILTER_PART_BASE64_TEXT:
    case MILTER_PART_BASE64_CHARACTERS:
    case MILTER_PART_BASE64_BYTES:
      milter_pseudonyms_base64 (body->pseudonyms, encoded[body->kind], bytes, size, &body->phase);
      break;
    case MILTER_PART_HEADERS:
      replace_fields (body, start, bytes, size);
      break;
    }
}

/* --- chunks --------------------------------------------------------------------------------------
 */

static void
end_fields (MilterAnonymizerBody *body)
{
  begin_content (body,
                 milter_bytes (body->type->str, body->type->len),
                 milter_bytes (body->encoding->str, body->encoding->len));
  /* a message begins with fields of its own */
  if (body->kind == MILTER_PART_HEADERS)
    begin_fields (body);
}

/* what has been found of a chunk: the lines before @at are of one part, and not yet replaced */
typedef struct
{
  guint8 *bytes;
  gsize size;
  gsize at;
  gsize begin;
  gsize n_before; /* bytes of the first line that chunks before had */
} Chunk;

static void
flush (MilterAnonymizerBody *body, Chunk *chunk, gsize until)
{
  g_autofree guint8 *start = g_memdup2 (body->line->data, chunk->n_before);

  replace_lines (body,
                 milter_bytes (start, chunk->begin == 0 ? chunk->n_before : 0),
                 chunk->bytes + chunk->begin,
                 until - chunk->begin);
  chunk->begin = until;
}

static void
take_line (MilterAnonymizerBody *body, Chunk *chunk)
{
  const guint8 *newline = memchr (chunk->bytes + chunk->at, '\n', chunk->size - chunk->at);
  gsize end = newline == NULL ? chunk->size : (gsize) (newline - chunk->bytes) + 1;
  gsize n_before = chunk->at == 0 ? chunk->n_before : 0;
  guint8 *bytes = chunk->bytes + chunk->at;
  gsize size = end - chunk->at;
  g_autofree guint8 *joined = NULL;
  MilterBytes line = milter_bytes (bytes, size);
  guint level = 0;
  LineKind kind = LINE_OTHER;

  if (n_before > 0)
    {
      joined = g_malloc (n_before + size);
      memcpy (joined, body->line->data, n_before);
      memcpy (joined + n_before, bytes, size);
      line = milter_bytes (joined, n_before + size);
    }
  if (!body->line_is_long || chunk->at > 0)
    kind = find_delimiter (body, line, newline != NULL, &level);
  chunk->at = end;
  if (kind != LINE_OTHER)
    {
      flush (body, chunk, end - size);
      replace_delimiter (body, level, n_before, bytes, size);
      chunk->begin = end;
      pass_delimiter (body, kind, level);
    }
  else if (body->kind == MILTER_PART_HEADERS && newline != NULL && is_blank (line)
           && (line.data[0] == '\r' || line.data[0] == '\n'))
    {
      flush (body, chunk, end);
      end_fields (body);
    }
}

void
milter_anonymizer_body_replace (MilterAnonymizerBody *body, guint8 *bytes, gsize size)
{
  Chunk chunk = { .bytes = bytes, .size = size, .n_before = body->line->len };
  g_autoptr (GByteArray) last = g_byte_array_new ();
  const guint8 *newline = size > 0 ? memrchr (bytes, '\n', size) : NULL;
  gsize rest = newline == NULL ? 0 : (gsize) (newline - bytes) + 1;

  /* before it is replaced */
  if (newline == NULL)
    g_byte_array_append (last, body->line->data, body->line->len);
  g_byte_array_append (last, bytes + rest, (guint) MIN (size - rest, MAX_LINE_START));
  while (chunk.at < size)
    take_line (body, &chunk);
  flush (body, &chunk, size);

  body->line_is_long = (newline == NULL && body->line_is_long) || last->len > MAX_LINE_START
                       || size - rest > MAX_LINE_START;
  g_byte_array_set_size (last, MIN (last->len, MAX_LINE_START));
  g_byte_array_unref (body->line);
  body->line = g_steal_pointer (&last);
}

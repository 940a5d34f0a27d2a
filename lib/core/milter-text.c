/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-text.c: a message as one line of the scenario language.
 *
 * The rules are those of the language's reference: 1 (words and quotes), 3 (commands), 4 (replies
 * and edits), 8 (a word only if encoding the line again gives the same bytes). Each writer below
 * returns false where it cannot promise that; the message is then written as `frame`.
 */
#include "milter-text.h"

#include <stdbool.h>
#include <string.h>

#include "milter-flags.h"
#include "milter-smtp-reply.h"
#include "milter-text-private.h"

/* what people are shown of a value with MILTER_TEXT_SHORT */
#define SHORT_BYTES 72

/* a row's way into text; the row's word has been written already */
typedef bool (*Writer) (const MilterMessage *message, MilterTextFlags flags, GString *text);

/* bytes */

static bool
contains (MilterBytes bytes, const char *what)
{
  return bytes.size > 0 && memmem (bytes.data, bytes.size, what, strlen (what)) != NULL;
}

static bool
starts_with (MilterBytes bytes, const char *prefix)
{
  gsize size = strlen (prefix);

  return bytes.size >= size && (size == 0 || memcmp (bytes.data, prefix, size) == 0);
}

static bool
ends_with (MilterBytes bytes, const char *suffix)
{
  gsize size = strlen (suffix);

  return bytes.size >= size && memcmp (bytes.data + bytes.size - size, suffix, size) == 0;
}

static bool
contains_any (MilterBytes bytes, const char *set)
{
  for (; *set != '\0'; set++)
    if (bytes.size > 0 && memchr (bytes.data, *set, bytes.size) != NULL)
      return true;
  return false;
}

static MilterBytes
skip (MilterBytes bytes, gsize n)
{
  return milter_bytes (bytes.data + n, bytes.size - n);
}

/* the size of the character at the start if it can be shown as it is, else 0 */
static gsize
visible_size (MilterBytes bytes)
{
  gunichar character;

  if (bytes.data[0] < 0x80)
    return bytes.data[0] >= 0x20 && bytes.data[0] != 0x7f ? 1 : 0;
  character = g_utf8_get_char_validated ((const char *) bytes.data, (gssize) MIN (bytes.size, 6));
  /* invalid, incomplete, or something that nobody sees: foreign blanks, marks of direction */
  if (character >= 0x110000 || !g_unichar_isgraph (character) || g_unichar_isspace (character)
      || g_unichar_iszerowidth (character))
    return 0;
  return (gsize) g_unichar_to_utf8 (character, NULL);
}

static bool
is_visible (MilterBytes bytes)
{
  while (bytes.size > 0)
    {
      gsize size;

      /* nearly all is ASCII */
      if (G_LIKELY (bytes.data[0] >= 0x20 && bytes.data[0] < 0x7f))
        {
          bytes = skip (bytes, 1);
          continue;
        }
      size = visible_size (bytes);
      if (size == 0)
        return false;
      bytes = skip (bytes, size);
    }
  return true;
}

/* the beginning that is shown, not cut inside a character */
static MilterBytes
shorten (MilterBytes bytes, MilterTextFlags flags)
{
  gsize size = SHORT_BYTES;

  if (!(flags & MILTER_TEXT_SHORT) || bytes.size <= SHORT_BYTES)
    return bytes;
  while (size > SHORT_BYTES - 6 && (bytes.data[size] & 0xc0) == 0x80)
    size--;
  return milter_bytes (bytes.data, size);
}

static void
append_cut (MilterBytes bytes, MilterBytes shown, GString *text)
{
  if (shown.size < bytes.size)
    g_string_append_printf (text, "… (%" G_GSIZE_FORMAT " bytes)", bytes.size);
}

static void
append_bytes (MilterBytes bytes, GString *text)
{
  g_string_append_len (text, (const char *) bytes.data, (gssize) bytes.size);
}

/* quotes */

/* what stands for itself in quotes: all of ASCII that is seen, but these */
static bool
is_plain_byte (guint8 byte)
{
  return byte >= 0x20 && byte < 0x7f && byte != '\\' && byte != '"' && byte != '$';
}

/* how many bytes at the start do: mostly all of a line, which goes over in one piece */
static gsize
count_plain (MilterBytes bytes, MilterTextFlags flags)
{
  gsize n = 0;

  while (n < bytes.size && is_plain_byte (bytes.data[n]))
    n++;
  if (n > 0 && flags & MILTER_TEXT_PATTERN)
    {
      const guint8 *star = memchr (bytes.data, '*', n);

      n = star != NULL ? (gsize) (star - bytes.data) : n;
    }
  return n;
}

/* a byte that is not plain */
static void
append_escaped (guint8 byte, GString *text)
{
  static const char letters[] = "0rnt\\\"$*";
  static const guint8 bytes[] = { '\0', '\r', '\n', '\t', '\\', '"', '$', '*' };
  static const char digits[] = "0123456789abcdef";
  const guint8 *found = memchr (bytes, byte, sizeof bytes);
  const char letter[] = { '\\', found != NULL ? letters[found - bytes] : 'x' };
  const char number[] = { digits[byte >> 4], digits[byte & 0xf] };

  g_string_append_len (text, letter, sizeof letter);
  if (found == NULL)
    g_string_append_len (text, number, sizeof number);
}

void
milter_text_append_quoted (MilterBytes bytes, MilterTextFlags flags, GString *text)
{
  MilterBytes shown = shorten (bytes, flags);
  MilterBytes rest = shown;

  g_string_append_c (text, '"');
  while (rest.size > 0)
    {
      gsize n_plain = count_plain (rest, flags);
      gsize size;

      append_bytes (milter_bytes (rest.data, n_plain), text);
      rest = skip (rest, n_plain);
      if (rest.size == 0)
        break;
      size = visible_size (rest);
      if (size > 1)
        append_bytes (milter_bytes (rest.data, size), text);
      else
        append_escaped (rest.data[0], text);
      rest = skip (rest, MAX (size, 1));
    }
  g_string_append_c (text, '"');
  append_cut (bytes, shown, text);
}

/* whether a reader takes the bare word for these bytes, at any place where a word may stand */
static bool
is_bare (MilterBytes bytes, MilterTextFlags flags)
{
  /* a quote begins at the start of a word and behind its first `=` */
  if (bytes.size == 0 || !is_visible (bytes) || contains_any (bytes, " \"$")
      || strchr ("#'", bytes.data[0]) != NULL || contains (bytes, "='") || starts_with (bytes, "<<")
      || milter_bytes_equal_string (bytes, "=>"))
    return false;
  if (!(flags & MILTER_TEXT_PATTERN))
    return true;
  return !contains_any (bytes, "*\\") && bytes.data[0] != '/' && !contains (bytes, "=/")
         && !milter_bytes_equal_string (bytes, "|") && !milter_bytes_equal_string (bytes, "within");
}

void
milter_text_append_word (MilterBytes bytes, MilterTextFlags flags, GString *text)
{
  MilterBytes shown = shorten (bytes, flags);

  if (!is_bare (bytes, flags))
    {
      milter_text_append_quoted (bytes, flags, text);
      return;
    }
  append_bytes (shown, text);
  append_cut (bytes, shown, text);
}

static void
append_argument (MilterBytes bytes, MilterTextFlags flags, GString *text)
{
  g_string_append_c (text, ' ');
  milter_text_append_word (bytes, flags, text);
}

/* whether a value that takes the rest of the line can stand there without quotes */
static bool
is_plain_rest (MilterBytes bytes, MilterTextFlags flags)
{
  if (bytes.size == 0 || !is_visible (bytes) || strchr (" \"'", bytes.data[0]) != NULL
      || ends_with (bytes, " "))
    return false;
  if (contains (bytes, " => ") || starts_with (bytes, "=> ") || ends_with (bytes, " =>")
      || milter_bytes_equal_string (bytes, "=>"))
    return false;
  if (!(flags & MILTER_TEXT_PATTERN))
    return true;
  if (contains (bytes, " | ") || starts_with (bytes, "| ") || ends_with (bytes, " |")
      || milter_bytes_equal_string (bytes, "|"))
    return false;
  /* `\*` is a star: a backslash beside one is clearer in quotes */
  return bytes.data[0] != '/' && !(contains_any (bytes, "*") && contains_any (bytes, "\\"));
}

static void
append_with_escaped_stars (MilterBytes bytes, GString *text)
{
  for (gsize i = 0; i < bytes.size; i++)
    {
      if (bytes.data[i] == '*')
        g_string_append_c (text, '\\');
      g_string_append_c (text, (char) bytes.data[i]);
    }
}

void
milter_text_append_rest (MilterBytes bytes, MilterTextFlags flags, GString *text)
{
  MilterBytes shown = shorten (bytes, flags);

  if (!is_plain_rest (bytes, flags))
    {
      milter_text_append_quoted (bytes, flags, text);
      return;
    }
  if (flags & MILTER_TEXT_PATTERN)
    append_with_escaped_stars (shown, text);
  else
    append_bytes (shown, text);
  append_cut (bytes, shown, text);
}

/* writers, by the layouts of a row's first two fields */

static bool
write_nothing (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  /* the reserved letter has a name but is no word of the language */
  return message->spec->kind != MILTER_REPLY_KIND_RESERVED;
}

/* `550 5.7.1 "no"`, lines joined by \n; the row's word is not one of the language */
static bool
write_reply_code (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  g_autoptr (MilterSmtpReply) reply = milter_smtp_reply_parse (message->fields[0].bytes, NULL);
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (GString) again = NULL;

  if (reply == NULL)
    return false;
  for (guint i = 0; i < reply->lines->len; i++)
    {
      const GString *line = g_ptr_array_index (reply->lines, i);

      if (i > 0)
        g_string_append_c (lines, '\n');
      g_string_append_len (lines, line->str, (gssize) line->len);
    }
  again = milter_smtp_reply_format (
      reply->code, reply->extended, milter_bytes (lines->str, lines->len), NULL);
  if (again == NULL
      || !milter_bytes_equal (milter_bytes (again->str, again->len), message->fields[0].bytes))
    return false;

  g_string_truncate (text, text->len - strlen (message->spec->word));
  g_string_append_printf (text, "%u", reply->code);
  if (reply->extended != NULL)
    g_string_append_printf (text, " %s", reply->extended);
  if (lines->len > 0)
    {
      g_string_append_c (text, ' ');
      milter_text_append_quoted (milter_bytes (lines->str, lines->len), flags, text);
    }
  return true;
}

static bool
write_string (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  if (message->sender == MILTER_SIDE_MILTER && message->letter == MILTER_REPLY_REPLY_CODE)
    return write_reply_code (message, flags, text);
  if (message->sender == MILTER_SIDE_MTA && message->letter == MILTER_COMMAND_UNKNOWN)
    {
      g_string_append_c (text, ' ');
      milter_text_append_rest (message->fields[0].bytes, flags, text);
      return true;
    }
  append_argument (message->fields[0].bytes, flags, text);
  return true;
}

/* a milter's arguments are one string on the wire, and words joined by blanks in text */
static bool
write_joined_arguments (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  MilterBytes strings = message->fields[1].bytes;
  MilterBytes rest;

  /* without arguments `add-rcpt` is the other letter */
  if (!milter_strings_next (&strings, &rest))
    return message->letter != MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS;
  /* words joined again would have fewer blanks */
  if (rest.size == 0 || starts_with (rest, " ") || ends_with (rest, " ") || contains (rest, "  "))
    return false;

  while (rest.size > 0)
    {
      const guint8 *blank = memchr (rest.data, ' ', rest.size);
      gsize size = blank == NULL ? rest.size : (gsize) (blank - rest.data);

      append_argument (milter_bytes (rest.data, size), flags, text);
      rest = skip (rest, MIN (size + 1, rest.size));
    }
  return true;
}

static bool
write_address_and_arguments (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  MilterBytes strings = message->fields[1].bytes;
  MilterBytes string;

  append_argument (message->fields[0].bytes, flags, text);
  if (message->spec->max_strings == 1)
    return write_joined_arguments (message, flags, text);
  while (milter_strings_next (&strings, &string))
    append_argument (string, flags, text);
  return true;
}

/* names that stand before their colon as they are; others are rare enough for `frame` */
static bool
is_field_name (MilterBytes name)
{
  for (gsize i = 0; i < name.size; i++)
    if (!g_ascii_isgraph ((char) name.data[i]) || strchr (":\"'$#*\\/|<>=", name.data[i]) != NULL)
      return false;
  return true;
}

static bool
write_field (MilterBytes name, MilterBytes value, MilterTextFlags flags, GString *text)
{
  if (!is_field_name (name))
    return false;
  g_string_append_c (text, ' ');
  if (name.size == 0)
    g_string_append (text, "\"\"");
  append_bytes (name, text);
  g_string_append_c (text, ':');

  /* text shows what stands in the message: with HDR_LEADSPC the wire has the usual blank, too */
  if (!(flags & MILTER_TEXT_LEADING_SPACE))
    g_string_append_c (text, ' ');
  else if (starts_with (value, " "))
    {
      g_string_append_c (text, ' ');
      value = skip (value, 1);
    }
  milter_text_append_rest (value, flags, text);
  return true;
}

static bool
write_header (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  return write_field (message->fields[0].bytes, message->fields[1].bytes, flags, text);
}

static bool
write_indexed_header (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  MilterBytes name = message->fields[1].bytes;
  MilterBytes value = message->fields[2].bytes;
  bool deletes = message->letter == MILTER_REPLY_CHANGE_HEADER && value.size == 0;

  /* a change to nothing is read as a deletion, which a blank alone is not */
  if (message->letter == MILTER_REPLY_CHANGE_HEADER && (flags & MILTER_TEXT_LEADING_SPACE)
      && milter_bytes_equal_string (value, " "))
    return false;
  if (!deletes)
    {
      g_string_append_printf (text, " %u", message->fields[0].number);
      return write_field (name, value, flags, text);
    }
  if (name.size == 0 || !is_field_name (name))
    return false;
  g_string_truncate (text, text->len - strlen (message->spec->word));
  g_string_append_printf (text, "delete-header %u", message->fields[0].number);
  append_argument (name, flags, text);
  return true;
}

/* `body`, `eom` and `replace-body` cut at the largest chunk; no text is no frame for `body`, a
 * frame without data for `eom`, and `""` for `replace-body` */
static bool
write_chunk (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  MilterBytes chunk = message->fields[0].bytes;

  if (chunk.size > MILTER_BODY_CHUNK_MAX)
    return false;
  if (chunk.size == 0 && message->sender == MILTER_SIDE_MTA)
    return message->letter == MILTER_COMMAND_END_OF_MESSAGE;
  g_string_append_c (text, ' ');
  milter_text_append_quoted (chunk, flags, text);
  return true;
}

/* a name before its `=`; a minus would take the macro out */
static bool
is_macro_name (MilterBytes name)
{
  return is_bare (name, MILTER_TEXT_PATTERN) && !contains_any (name, "='") && name.data[0] != '-';
}

static bool
write_macros (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  const MilterSpec *command = milter_spec_get (MILTER_SIDE_MTA, (guint8) message->fields[0].number);
  MilterBytes pairs = message->fields[1].bytes;
  MilterBytes name, value;

  if (command == NULL || command->letter == MILTER_COMMAND_NEGOTIATE
      || command->letter == MILTER_COMMAND_DEFINE_MACRO)
    return false;
  g_string_append_printf (text, " %s", command->word);
  while (milter_strings_next (&pairs, &name) && milter_strings_next (&pairs, &value))
    {
      if (!is_macro_name (name))
        return false;
      g_string_append_c (text, ' ');
      append_bytes (name, text);
      g_string_append_c (text, '=');
      milter_text_append_word (value, flags, text);
    }
  return true;
}

static bool
append_inet_address (const MilterAddress *address, MilterTextFlags flags, GString *text)
{
  g_autofree char *written = g_strndup ((const char *) address->text.data, address->text.size);
  const char *plain = written;

  /* sendmail writes `IPv6:` before the address */
  if (address->family == '6' && g_str_has_prefix (written, "IPv6:"))
    plain += strlen ("IPv6:");
  /* a reader takes colons for IPv6 */
  if (!g_hostname_is_ip_address (plain)
      || (strchr (plain, ':') != NULL) != (address->family == '6'))
    return false;
  append_argument (address->text, flags, text);
  g_string_append_printf (text, " port=%u", address->port);
  return true;
}

static bool
append_unix_address (const MilterAddress *address, MilterTextFlags flags, GString *text)
{
  g_autoptr (GString) word = g_string_new ("unix:");

  /* the language has no port and no empty path here */
  if (address->port != 0 || address->text.size == 0)
    return false;
  append_bytes (address->text, word);
  append_argument (milter_bytes (word->str, word->len), flags, text);
  return true;
}

static bool
write_connect (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  MilterBytes host = message->fields[0].bytes;
  const MilterAddress *address = &message->fields[1].address;

  g_string_append_c (text, ' ');
  /* port=5 would be a key */
  if (contains_any (host, "="))
    milter_text_append_quoted (host, flags, text);
  else
    milter_text_append_word (host, flags, text);

  if (address->family == 'U')
    {
      g_string_append (text, " unknown");
      return true;
    }
  if (address->family == 'L')
    return append_unix_address (address, flags, text);
  return append_inet_address (address, flags, text);
}

static void
append_symbol_lists (MilterBytes lists, MilterTextFlags flags, GString *text)
{
  guint32 stage;
  MilterBytes names;

  while (milter_symbol_lists_next (&lists, &stage, &names))
    {
      const char *word = milter_macro_stage_to_word (stage);

      if (word != NULL)
        g_string_append_printf (text, " symbols-%s=", word);
      else
        g_string_append_printf (text, " symbols-%u=", stage);
      milter_text_append_quoted (names, flags, text);
    }
}

static bool
write_negotiate (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  g_autofree char *actions = milter_actions_to_string (message->fields[1].number);
  g_autofree char *steps = milter_steps_to_string (message->fields[2].number);
  MilterBytes more = message->fields[3].bytes;

  g_string_append_printf (
      text, " version=%u actions=%s steps=%s", message->fields[0].number, actions, steps);
  if (message->spec->fields[3].layout == MILTER_LAYOUT_SYMBOL_LISTS)
    append_symbol_lists (more, flags, text);
  else if (more.size > 0)
    {
      g_string_append (text, " tail=");
      milter_text_append_quoted (more, flags, text);
    }
  return true;
}

/* clang-format off */
static const struct
{
  MilterLayout first, second;
  Writer write;
} writers[] = {
  { MILTER_LAYOUT_NONE,   MILTER_LAYOUT_NONE,    write_nothing },
  { MILTER_LAYOUT_STRING, MILTER_LAYOUT_NONE,    write_string },
  { MILTER_LAYOUT_STRING, MILTER_LAYOUT_STRINGS, write_address_and_arguments },
  { MILTER_LAYOUT_STRING, MILTER_LAYOUT_STRING,  write_header },
  { MILTER_LAYOUT_U32,    MILTER_LAYOUT_STRING,  write_indexed_header },
  { MILTER_LAYOUT_REST,   MILTER_LAYOUT_NONE,    write_chunk },
  { MILTER_LAYOUT_BYTE,   MILTER_LAYOUT_PAIRS,   write_macros },
  { MILTER_LAYOUT_STRING, MILTER_LAYOUT_ADDRESS, write_connect },
  { MILTER_LAYOUT_U32,    MILTER_LAYOUT_U32,     write_negotiate },
};
/* clang-format on */

static bool
write_words (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  const MilterFieldSpec *fields;

  if (message->fault != MILTER_NO_FAULT || message->spec == NULL)
    return false;
  fields = message->spec->fields;
  g_string_append (text, message->spec->word);
  for (gsize i = 0; i < G_N_ELEMENTS (writers); i++)
    if (writers[i].first == fields[0].layout && writers[i].second == fields[1].layout)
      return writers[i].write (message, flags, text);
  return false;
}

/* the payload of a message that was decoded, or of one that a caller filled in */
static MilterBytes
find_payload (const MilterMessage *message, GByteArray *frame)
{
  const gsize before = 4 + 1;

  if (message->payload.size > 0 || !milter_message_append (message, frame, /* error= */ NULL))
    return message->payload;
  return milter_bytes (frame->data + before, frame->len - before);
}

static void
write_frame (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  MilterBytes payload = find_payload (message, frame);
  MilterTextFlags literal = flags & ~MILTER_TEXT_PATTERN;

  g_string_append (text, "frame ");
  /* no patterns, wherever it stands; but a bare word could end what stands behind `=>` */
  if (is_bare (milter_bytes (&message->letter, 1), flags))
    append_bytes (milter_bytes (&message->letter, 1), text);
  else
    milter_text_append_quoted (milter_bytes (&message->letter, 1), literal, text);
  if (payload.size == 0)
    return;
  g_string_append_c (text, ' ');
  milter_text_append_quoted (payload, literal, text);
}

void
milter_message_append_text (const MilterMessage *message, MilterTextFlags flags, GString *text)
{
  gsize start = text->len;

  if (write_words (message, flags, text))
    return;
  g_string_truncate (text, start);
  write_frame (message, flags, text);
}

char *
milter_message_to_text (const MilterMessage *message, MilterTextFlags flags)
{
  g_autoptr (GString) text = g_string_new (NULL);

  milter_message_append_text (message, flags, text);
  return g_string_free (g_steal_pointer (&text), /* free_segment= */ FALSE);
}

char *
_milter_text_write_number (guint64 number, char *text)
{
  char digits[MILTER_TEXT_NUMBER_SIZE];
  gsize n = sizeof digits;

  do
    digits[--n] = (char) ('0' + number % 10);
  while ((number /= 10) > 0);
  memcpy (text, digits + n, sizeof digits - n);
  return text + sizeof digits - n;
}

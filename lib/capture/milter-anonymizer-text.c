/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-text.c: what of a text is a word that stays, an address, an encoded word.
 */
#include "milter-anonymizer-text.h"

#include <string.h>

#include "milter-anonymizer-address.h"
#include "milter-anonymizer-base64.h"
#include "milter-anonymizer-date.h"
#include "milter-anonymizer-word.h"

#define ESCAPE 0x1b
/* names of header fields that somebody thought of are no longer */
#define MAX_NAME 64u

/* a text on its way: what was said in it so far counts */
typedef struct
{
  const MilterPseudonyms *pseudonyms;
  MilterContextId context;
  MilterContextFlags flags;
  guint8 *text;
  gsize size;
  gsize at;
  bool number_stays; /* the next word, if it is a number */
  bool in_names;     /* behind h= */
} Reader;

void
milter_pseudonyms_init (MilterPseudonyms *pseudonyms, MilterBytes secret)
{
  milter_cipher_init (&pseudonyms->cipher, secret);
  milter_known_words_init (&pseudonyms->known);
}

void
milter_pseudonyms_clear (MilterPseudonyms *pseudonyms)
{
  milter_known_words_clear (&pseudonyms->known);
}

/* --- bytes ---------------------------------------------------------------------------------------
 */

static guint8
replace_byte (const MilterCipher *cipher, MilterBytes before, guint8 c, bool all)
{
  /* all that is printed but letters, digits and the blank */
  static const char marks[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
  const char *mark = c == '\0' ? NULL : strchr (marks, c);

  if (all)
    return (guint8) milter_cipher_chain (cipher, before, c, 256);
  if (mark != NULL)
    return (guint8) marks[milter_cipher_chain (cipher, before, (guint) (mark - marks), 32)];
  if (c >= 0x80)
    return (guint8) (0x80 + milter_cipher_chain (cipher, before, c - 0x80u, 128));
  if (g_ascii_isdigit (c))
    return (guint8) ('0' + milter_cipher_chain (cipher, before, c - (guint) '0', 10));
  if (g_ascii_isalpha (c))
    return (guint8) ((c & ~31u) + 1 + milter_cipher_chain (cipher, before, (c & 31u) - 1, 26));
  return c;
}

static void
replace_bytes (const MilterCipher *cipher, guint8 *bytes, gsize size, bool all)
{
  guint8 before[MILTER_CIPHER_CONTEXT];
  gsize n = 0;

  for (gsize i = 0; i < size; i++)
    {
      guint8 c = bytes[i];

      bytes[i] = replace_byte (cipher, milter_bytes (before, n), c, all);
      if (n == sizeof before)
        memmove (before, before + 1, --n);
      before[n++] = c;
    }
}

void
milter_pseudonyms_bytes (const MilterPseudonyms *pseudonyms, guint8 *bytes, gsize size)
{
  replace_bytes (&pseudonyms->cipher, bytes, size, /* all= */ false);
}

void
milter_pseudonyms_all_bytes (const MilterPseudonyms *pseudonyms, guint8 *bytes, gsize size)
{
  replace_bytes (&pseudonyms->cipher, bytes, size, /* all= */ true);
}

/* --- escaped characters --------------------------------------------------------------------------
 */

typedef void (*ReplaceFunction) (const MilterPseudonyms *pseudonyms,
                                 MilterContextId context,
                                 guint8 *text,
                                 gsize size);

static bool
is_escaped (const guint8 *text, gsize size, gsize at, guint8 escape)
{
  return text[at] == escape && size - at >= 3 && g_ascii_isxdigit (text[at + 1])
         && g_ascii_isxdigit (text[at + 2]);
}

/* the end of a line that goes on: `=`, maybe blanks, and the line's end; 0: none */
static gsize
measure_soft_end (const guint8 *text, gsize size, gsize at, guint8 escape)
{
  gsize end = at + 1;

  if (escape != '=' || text[at] != '=')
    return 0;
  while (end < size && strchr (" \t\r", text[end]) != NULL && text[end] != '\0')
    end++;
  return end < size && text[end] == '\n' ? end + 1 - at : 0;
}

static void
put_escaped (guint8 *to, guint8 byte)
{
  bool lower = g_ascii_islower (to[0]) || g_ascii_islower (to[1]);
  const char *digits = lower ? "0123456789abcdef" : "0123456789ABCDEF";

  to[0] = (guint8) digits[byte >> 4];
  to[1] = (guint8) digits[byte & 15];
}

/* decodes, replaces, and encodes each character as it was */
static void
replace_escaped (const MilterPseudonyms *pseudonyms,
                 MilterContextId context,
                 guint8 escape,
                 guint8 *text,
                 gsize size,
                 ReplaceFunction replace)
{
  g_autoptr (GByteArray) plain = g_byte_array_sized_new ((guint) size);
  gsize n = 0;

  for (int writing = 0; writing < 2; writing++)
    {
      for (gsize i = 0; i < size;)
        {
          bool escaped = is_escaped (text, size, i, escape);
          gsize soft = escaped ? 0 : measure_soft_end (text, size, i, escape);
          guint8 byte;

          if (soft > 0)
            {
              i += soft;
              continue;
            }
          if (writing && escaped)
            put_escaped (text + i + 1, plain->data[n++]);
          else if (writing)
            text[i] = plain->data[n++];
          else
            {
              byte = escaped ? (guint8) (g_ascii_xdigit_value ((char) text[i + 1]) << 4
                                         | g_ascii_xdigit_value ((char) text[i + 2]))
                             : text[i];
              g_byte_array_append (plain, &byte, 1);
            }
          i += escaped ? 3 : 1;
        }
      if (!writing && plain->len > 0)
        replace (pseudonyms, context, plain->data, plain->len);
    }
}

static bool
has_escaped (const guint8 *text, gsize size, guint8 escape)
{
  for (gsize i = 0; i < size; i++)
    if (is_escaped (text, size, i, escape))
      return true;
  return false;
}

/* --- encoded words -------------------------------------------------------------------------------
 */

static gsize
find_byte (MilterBytes text, gsize from, guint8 wanted)
{
  const guint8 *found
      = from < text.size ? memchr (text.data + from, wanted, text.size - from) : NULL;

  return found == NULL ? text.size : (gsize) (found - text.data);
}

bool
milter_pseudonyms_is_like_ascii (const MilterPseudonyms *pseudonyms, MilterBytes charset)
{
  static const char *const others[] = { "utf-16", "utf-32", "utf-7", "iso-2022", "hz-" };

  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    if (charset.size >= strlen (others[i])
        && g_ascii_strncasecmp ((const char *) charset.data, others[i], strlen (others[i])) == 0)
      return false;
  return milter_known_words_find (&pseudonyms->known, MILTER_CONTEXT_MIME, charset)
         == MILTER_WORD_KNOWN;
}

static void
replace_plain_bytes (const MilterPseudonyms *pseudonyms,
                     MilterContextId context,
                     guint8 *text,
                     gsize size)
{
  milter_pseudonyms_bytes (pseudonyms, text, size);
}

/* `=?utf-8?Q?=C3=A4?=` at the present place */
static bool
pass_encoded_word (Reader *reader)
{
  MilterBytes text = milter_bytes (reader->text + reader->at, reader->size - reader->at);
  gsize charset, encoding, end;
  guint phase = 0;
  bool like_ascii;

  if (text.size < 8 || text.data[0] != '=' || text.data[1] != '?')
    return false;
  charset = find_byte (text, 2, '?');
  encoding = find_byte (text, charset + 1, '?');
  end = find_byte (text, encoding + 1, '?');
  if (encoding != charset + 2 || end + 1 >= text.size || text.data[end + 1] != '='
      || charset - 2 > 40)
    return false;

  like_ascii = milter_pseudonyms_is_like_ascii (reader->pseudonyms,
                                                milter_bytes (text.data + 2, charset - 2));
  if (milter_known_words_find (&reader->pseudonyms->known,
                               MILTER_CONTEXT_MIME,
                               milter_bytes (text.data + 2, charset - 2))
      != MILTER_WORD_KNOWN)
    milter_pseudonyms_text (
        reader->pseudonyms, MILTER_CONTEXT_TEXT, reader->text + reader->at + 2, charset - 2);
  if (g_ascii_toupper (text.data[charset + 1]) == 'B')
    milter_pseudonyms_base64 (reader->pseudonyms,
                              like_ascii ? MILTER_ENCODED_TEXT : MILTER_ENCODED_CHARACTERS,
                              reader->text + reader->at + encoding + 1,
                              end - encoding - 1,
                              &phase);
  else
    replace_escaped (reader->pseudonyms,
                     MILTER_CONTEXT_TEXT,
                     '=',
                     reader->text + reader->at + encoding + 1,
                     end - encoding - 1,
                     like_ascii ? milter_pseudonyms_text : replace_plain_bytes);
  reader->at += end + 2;
  return true;
}

/* --- words ---------------------------------------------------------------------------------------
 */

static bool
is_separator (guint8 c)
{
  return c <= ' ' || c == 0x7f || strchr ("()<>[],;:=\"?'", c) != NULL;
}

/* the present word with all that belongs to it: `bob@example.com`, `rsa-sha256` */
static MilterBytes
get_atom (const Reader *reader)
{
  gsize end = reader->at;

  while (end < reader->size && !is_separator (reader->text[end]))
    end++;
  return milter_bytes (reader->text + reader->at, end - reader->at);
}

static guint8
get_next_mark (const Reader *reader, gsize at)
{
  while (at < reader->size && reader->text[at] <= ' ')
    at++;
  return at < reader->size ? reader->text[at] : '\0';
}

static bool
is_number (MilterBytes atom)
{
  for (gsize i = 0; i < atom.size; i++)
    if (!g_ascii_isdigit (atom.data[i]) && strchr (".-+*", atom.data[i]) == NULL)
      return false;
  return atom.size > 0 && atom.size <= 20;
}

static MilterBytes
without_mark (MilterBytes atom, const char *marks)
{
  while (atom.size > 1 && atom.data[atom.size - 1] != '\0'
         && strchr (marks, atom.data[atom.size - 1]) != NULL)
    atom.size--;
  return atom;
}

/* a parameter's name without what numbers its parts: `filename*0*` (RFC 2231) */
static MilterBytes
without_part (MilterBytes atom)
{
  const guint8 *star = memchr (atom.data, '*', atom.size);

  return star == NULL ? atom : milter_bytes (atom.data, (gsize) (star - atom.data));
}

static bool
is_host_of_all (MilterBytes atom)
{
  return milter_bytes_equal_caseless (atom, milter_bytes_from_string ("localhost"))
         || milter_bytes_equal_caseless (atom, milter_bytes_from_string ("unknown"))
         || milter_bytes_equal_caseless (atom, milter_bytes_from_string ("localhost.localdomain"));
}

static bool
is_mailbox_of_all (MilterBytes atom)
{
  return milter_bytes_equal_caseless (atom, milter_bytes_from_string ("postmaster"))
         || milter_bytes_equal_caseless (atom, milter_bytes_from_string ("mailer-daemon"));
}

/* whether all of the atom stays */
static bool
stays (Reader *reader, MilterBytes atom)
{
  const MilterKnownWords *known = &reader->pseudonyms->known;
  bool is_key = get_next_mark (reader, reader->at + atom.size) == '=';
  bool number_stays = reader->number_stays;
  MilterWordKind kind
      = milter_known_words_find (known, reader->context, is_key ? without_part (atom) : atom);

  reader->number_stays = kind == MILTER_WORD_NUMBER_KEY && is_key;
  if (is_key && (reader->flags & MILTER_CONTEXT_NAMES) != 0)
    reader->in_names = milter_bytes_equal_caseless (atom, milter_bytes_from_string ("h"));
  if (kind == MILTER_WORD_KNOWN || (kind != MILTER_WORD_UNKNOWN && is_key))
    return true;
  if ((number_stays || (reader->flags & MILTER_CONTEXT_NUMBERS) != 0) && is_number (atom))
    return true;
  if ((reader->flags & MILTER_CONTEXT_HOSTS) != 0
      && (is_host_of_all (without_mark (atom, ".")) || is_mailbox_of_all (atom)))
    return true;
  atom = without_mark (atom, ".!");
  return milter_known_words_find (known, reader->context, atom) == MILTER_WORD_KNOWN;
}

/* behind an address: `:25`, `]:25` */
static void
pass_port (Reader *reader)
{
  gsize at = reader->at, end;

  if (at < reader->size && reader->text[at] == ']')
    at++;
  if (at >= reader->size || reader->text[at] != ':')
    return;
  end = ++at;
  while (end < reader->size && g_ascii_isdigit (reader->text[end]))
    end++;
  if (end == at || end - at > 5 || (end < reader->size && milter_is_word_byte (reader->text[end])))
    return;
  milter_anonymizer_replace_port_text (&reader->pseudonyms->cipher, reader->text + at, end - at);
  reader->at = end;
}

static bool
pass_ip (Reader *reader)
{
  gsize size = milter_anonymizer_replace_ip (
      &reader->pseudonyms->cipher, reader->text, reader->size, reader->at);

  reader->at += size;
  if (size > 0)
    pass_port (reader);
  return size > 0;
}

static bool
pass_port_number (Reader *reader, MilterBytes atom)
{
  if ((reader->flags & MILTER_CONTEXT_PORT) == 0 || atom.size > 5)
    return false;
  for (gsize i = 0; i < atom.size; i++)
    if (!g_ascii_isdigit (atom.data[i]))
      return false;
  milter_anonymizer_replace_port_text (
      &reader->pseudonyms->cipher, reader->text + reader->at, atom.size);
  reader->at += atom.size;
  return true;
}

/* word by word, with addresses inside; what an address has for all hosts stays */
static void
replace_atom (Reader *reader, gsize end)
{
  bool hosts = (reader->flags & MILTER_CONTEXT_HOSTS) != 0;
  gsize start = reader->at;

  while (reader->at < end)
    {
      MilterBytes rest = milter_bytes (reader->text + reader->at, end - reader->at);
      bool is_part = reader->at == start || reader->text[reader->at - 1] == '@';
      gsize at = find_byte (rest, 0, '@');

      if (hosts && is_part && at < rest.size && is_mailbox_of_all (milter_bytes (rest.data, at)))
        reader->at += at;
      else if (hosts && is_part && reader->at > start && is_host_of_all (rest))
        reader->at = end;
      else if (!milter_is_word_byte (rest.data[0]))
        reader->at++;
      else if (!pass_ip (reader))
        {
          gsize length = milter_word_get_end (rest, 0);

          milter_word_replace (&reader->pseudonyms->cipher, reader->text + reader->at, length);
          reader->at += length;
        }
    }
}

static void
pass_atom (Reader *reader)
{
  MilterBytes atom = get_atom (reader);

  if (reader->in_names && get_next_mark (reader, reader->at + atom.size) != '=')
    {
      milter_pseudonyms_header_name (reader->pseudonyms, reader->text + reader->at, atom.size);
      reader->at += atom.size;
    }
  else if (!pass_ip (reader) && !pass_port_number (reader, atom))
    {
      if (stays (reader, atom))
        reader->at += atom.size;
      else
        replace_atom (reader, reader->at + atom.size);
    }
}

static gsize
find_line_end (const Reader *reader)
{
  gsize end = find_byte (milter_bytes (reader->text, reader->size), reader->at, '\n');

  return end;
}

/* `550-5.7.1 ` where a line begins */
static bool
pass_code (Reader *reader)
{
  const guint8 *text = reader->text + reader->at;
  gsize size = reader->size - reader->at, n = 3;

  if (reader->at > 0 && reader->text[reader->at - 1] != '\n')
    return false;
  if (size < 3 || text[0] < '2' || text[0] > '5' || !g_ascii_isdigit (text[1])
      || !g_ascii_isdigit (text[2]) || (size > 3 && text[3] != ' ' && text[3] != '-'))
    return false;
  if (size >= 9 && text[4] == text[0] && text[5] == '.' && g_ascii_isdigit (text[6])
      && text[7] == '.' && g_ascii_isdigit (text[8]))
    {
      n = 9;
      while (n < size && n < 11 && g_ascii_isdigit (text[n]))
        n++;
    }
  reader->at += n;
  return true;
}

static bool
pass_date (Reader *reader)
{
  MilterBytes text = milter_bytes (reader->text + reader->at, reader->size - reader->at);
  gsize size = milter_date_measure (text);

  reader->at += size;
  return size > 0;
}

/* ISO 2022 writes characters of other scripts with printable bytes */
static bool
pass_escape (Reader *reader)
{
  gsize end;

  if (reader->text[reader->at] != ESCAPE)
    return false;
  end = find_line_end (reader);
  milter_pseudonyms_bytes (reader->pseudonyms, reader->text + reader->at, end - reader->at);
  reader->at = end;
  return true;
}

static void
pass_mark (Reader *reader)
{
  guint8 c = reader->text[reader->at];

  if (c == ':' && pass_ip (reader))
    return;
  if (c == ';')
    reader->in_names = reader->number_stays = false;
  reader->at++;
}

static void
replace_text (const MilterPseudonyms *pseudonyms, MilterContextId context, guint8 *text, gsize size)
{
  Reader reader = { .pseudonyms = pseudonyms,
                    .context = context,
                    .flags = milter_context_get_flags (context),
                    .text = text,
                    .size = size };

  while (reader.at < size)
    {
      guint8 c = text[reader.at];

      if ((reader.flags & MILTER_CONTEXT_CODES) != 0 && pass_code (&reader))
        continue;
      if (c == '=' && pass_encoded_word (&reader))
        continue;
      if (pass_escape (&reader))
        continue;
      if (is_separator (c))
        pass_mark (&reader);
      else if ((reader.flags & MILTER_CONTEXT_DATES) == 0 || !pass_date (&reader))
        pass_atom (&reader);
    }
}

static void
replace_percent (const MilterPseudonyms *pseudonyms,
                 MilterContextId context,
                 guint8 *text,
                 gsize size)
{
  if (has_escaped (text, size, '%'))
    replace_escaped (pseudonyms, context, '%', text, size, replace_text);
  else
    replace_text (pseudonyms, context, text, size);
}

/* with two bytes a character, each word is a letter */
static bool
is_wide (MilterBytes text)
{
  gsize n = 0;

  for (gsize i = find_byte (text, 0, '\0'); i < text.size; i = find_byte (text, i + 1, '\0'))
    n++;
  return n > 0 && n >= text.size / 4;
}

void
milter_pseudonyms_text (const MilterPseudonyms *pseudonyms,
                        MilterContextId context,
                        guint8 *text,
                        gsize size)
{
  if (size == 0)
    return;
  if (is_wide (milter_bytes (text, size)))
    milter_pseudonyms_bytes (pseudonyms, text, size);
  else if ((milter_context_get_flags (context) & MILTER_CONTEXT_XTEXT) != 0
           && has_escaped (text, size, '+'))
    replace_escaped (pseudonyms, context, '+', text, size, replace_percent);
  else
    replace_percent (pseudonyms, context, text, size);
}

void
milter_pseudonyms_quoted_printable (const MilterPseudonyms *pseudonyms, guint8 *text, gsize size)
{
  if (size > 0)
    replace_escaped (pseudonyms, MILTER_CONTEXT_TEXT, '=', text, size, milter_pseudonyms_text);
}

/* --- names of header fields ----------------------------------------------------------------------
 */

/* Most installations of MailScanner write the name of the organisation into the fields that they
 * add. */
static bool
has_organisation (MilterBytes name, gsize *start, gsize *end)
{
  g_autofree char *folded = g_ascii_strdown ((const char *) name.data, (gssize) name.size);
  const char *scanner = strstr (folded, "-mailscanner");

  if (scanner == NULL || !g_str_has_prefix (folded, "x-") || scanner < folded + 3)
    return false;
  *start = 2;
  *end = (gsize) (scanner - folded);
  return true;
}

/* letters, and marks that join them */
static bool
is_name (MilterBytes name)
{
  while (name.size > 0 && (name.data[name.size - 1] == ' ' || name.data[name.size - 1] == '\t'))
    name.size--;
  for (gsize i = 0; i < name.size; i++)
    if (!g_ascii_isalnum (name.data[i]) && strchr ("-_", name.data[i]) == NULL)
      return false;
  return name.size > 0 && name.size <= MAX_NAME;
}

/* a number in a name is one of a person, or of a message */
static bool
is_plain_word (MilterBytes word)
{
  guint n_digits = 0;

  for (gsize i = 0; i < word.size; i++)
    n_digits += g_ascii_isdigit (word.data[i]);
  return n_digits < 3;
}

void
milter_pseudonyms_header_name (const MilterPseudonyms *pseudonyms, guint8 *name, gsize size)
{
  MilterBytes bytes = milter_bytes (name, size);
  gsize start, end;

  if (size == 0)
    return;
  if (!is_name (bytes))
    milter_pseudonyms_text (pseudonyms, MILTER_CONTEXT_TEXT, name, size);
  else if (has_organisation (bytes, &start, &end))
    milter_pseudonyms_text (pseudonyms, MILTER_CONTEXT_TEXT, name + start, end - start);
  else
    for (gsize at = 0; at < size; at++)
      {
        end = milter_word_get_end (bytes, at);
        if (!is_plain_word (milter_bytes (name + at, end - at)))
          milter_word_replace (&pseudonyms->cipher, name + at, end - at);
        at = end;
      }
}

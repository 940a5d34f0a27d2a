/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-format-word.c: one word in its canonical form: without quotes where it can do without,
 * escapes only for what cannot be seen, variables as they are.
 *
 * A word that stands bare stays bare, so that what milter-text.c writes stays as it is.
 */
#include "milter-format-private.h"

#include <string.h>

#include "milter-flags.h"
#include "milter-lexer-private.h"
#include "milter-text.h"
#include "milter-values.h"

/* What a word says. Variables and `*N` are kept as they are written, not as what they stand for. */
typedef struct
{
  MilterLexer lexer;     /* over the source alone */
  MilterWord run;        /* literal bytes that are not yet in the others */
  MilterTextFlags flags;
  GString *bytes;        /* the text; a star as `*`, a variable as it is written */
  GString *quoted;       /* as it stands between double quotes */
  bool has_variable, has_star, has_literal_star;
  MilterBytes repeat;    /* `*N` behind the quotes; else empty */
} Decoded;

static void
decoded_init (Decoded *decoded, MilterBytes source, bool pattern)
{
  *decoded = (Decoded){
    .lexer = { .line = (const char *) source.data, .line_size = source.size },
    .run = MILTER_WORD_INIT,
    .flags = pattern ? MILTER_TEXT_PATTERN : MILTER_TEXT_PLAIN,
    .bytes = g_string_new (NULL),
    .quoted = g_string_new (NULL),
  };
  decoded->run.text = g_string_new (NULL);
}

static void
decoded_clear (Decoded *decoded)
{
  milter_word_clear (&decoded->run);
  g_string_free (decoded->bytes, TRUE);
  g_string_free (decoded->quoted, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Decoded, decoded_clear)

/* the literal bytes so far */
static void
flush (Decoded *decoded)
{
  GString *run = decoded->run.text;
  g_autoptr (GString) quoted = g_string_new (NULL);

  if (run->len == 0)
    return;
  if (memchr (run->str, '*', run->len) != NULL)
    decoded->has_literal_star = true;
  milter_text_append_quoted (milter_bytes (run->str, run->len), decoded->flags, quoted);
  g_string_append_len (decoded->quoted, quoted->str + 1, (gssize) quoted->len - 2);
  g_string_append_len (decoded->bytes, run->str, (gssize) run->len);
  g_string_truncate (run, 0);
}

/* bytes of the source that stay as they are */
static void
keep (Decoded *decoded, gsize size)
{
  const char *at = decoded->lexer.line + decoded->lexer.at;

  flush (decoded);
  g_string_append_len (decoded->quoted, at, (gssize) size);
  g_string_append_len (decoded->bytes, at, (gssize) size);
  decoded->lexer.at += size;
}

static void
take_literal (Decoded *decoded)
{
  g_string_append_c (decoded->run.text, decoded->lexer.line[decoded->lexer.at++]);
}

/* `$NAME`, `${NAME}` or `$$` */
static void
take_variable (Decoded *decoded)
{
  const MilterLexer *lexer = &decoded->lexer;
  gsize end = lexer->at + 1;

  if (milter_lexer_byte_at (lexer, end) == '$')
    {
      g_string_append_c (decoded->run.text, '$');
      decoded->lexer.at += 2;
      return;
    }
  decoded->has_variable = true;
  if (milter_lexer_byte_at (lexer, end) == '{')
    while (milter_lexer_byte_at (lexer, end++) != '}')
      ;
  else
    while (g_ascii_isalnum (milter_lexer_byte_at (lexer, end))
           || milter_lexer_byte_at (lexer, end) == '_')
      end++;
  keep (decoded, end - lexer->at);
}

static void
take_star (Decoded *decoded)
{
  decoded->has_star = true;
  keep (decoded, 1);
}

/* a word, or the rest of a line, without quotes; @variables: `$` begins one */
static void
decode_bare (Decoded *decoded, bool variables)
{
  const MilterLexer *lexer = &decoded->lexer;
  bool pattern = decoded->flags & MILTER_TEXT_PATTERN;

  while (lexer->at < lexer->line_size)
    {
      int byte = milter_lexer_byte_at (lexer, lexer->at);

      if (byte == '$' && variables)
        take_variable (decoded);
      else if (byte == '*' && pattern)
        take_star (decoded);
      else
        {
          if (byte == '\\' && pattern && milter_lexer_byte_at (lexer, lexer->at + 1) == '*')
            decoded->lexer.at++;
          take_literal (decoded);
        }
    }
  flush (decoded);
}

/* `"…"` and `"…"*N` */
static void
decode_quoted (Decoded *decoded)
{
  const MilterLexer *lexer = &decoded->lexer;
  int byte;

  decoded->lexer.at++;
  while ((byte = milter_lexer_byte_at (lexer, lexer->at)) != '"' && byte != -1)
    {
      if (byte == '\\')
        milter_lexer_take_escape (&decoded->lexer, &decoded->run);
      else if (byte == '$')
        take_variable (decoded);
      else if (byte == '*' && decoded->flags & MILTER_TEXT_PATTERN)
        take_star (decoded);
      else
        take_literal (decoded);
    }
  flush (decoded);
  if (lexer->at + 1 < lexer->line_size)
    decoded->repeat
        = milter_bytes (lexer->line + lexer->at + 1, lexer->line_size - lexer->at - 1);
}

/* `'…'` */
static void
decode_literal (Decoded *decoded)
{
  const MilterLexer *lexer = &decoded->lexer;

  g_string_append_len (
      decoded->run.text, lexer->line + 1, (gssize) lexer->line_size - 2);
  flush (decoded);
}

static void
decode (Decoded *decoded, const MilterToken *token)
{
  if (token->form == MILTER_WORD_QUOTED)
    decode_quoted (decoded);
  else if (token->form == MILTER_WORD_LITERAL)
    decode_literal (decoded);
  else
    decode_bare (decoded,
                 token->kind != MILTER_TOKEN_FIELD_VALUE && token->kind != MILTER_TOKEN_REST);
}

static MilterBytes
view (const GString *text)
{
  return milter_bytes (text->str, text->len);
}

static void
append (MilterBytes bytes, GString *out)
{
  g_string_append_len (out, (const char *) bytes.data, (gssize) bytes.size);
}

/* ---- quotes ---- */

static bool
holds_any (const GString *text, const char *set)
{
  for (; *set != '\0'; set++)
    if (memchr (text->str, *set, text->len) != NULL)
      return true;
  return false;
}

/* whether every byte can be seen: between quotes nothing but quotes, backslashes and dollar signs
 * would be escaped */
static bool
is_visible (MilterBytes source)
{
  g_autoptr (GString) quoted = g_string_new (NULL);
  gsize n_escaped = 0;

  for (gsize i = 0; i < source.size; i++)
    n_escaped += source.data[i] == '"' || source.data[i] == '\\' || source.data[i] == '$';
  milter_text_append_quoted (source, MILTER_TEXT_PLAIN, quoted);
  return quoted->len == source.size + n_escaped + strlen ("\"\"");
}

/* `'…'` stays where it saves escapes */
static bool
is_better_literal (const Decoded *decoded, const MilterToken *token, MilterBytes source)
{
  return token->form == MILTER_WORD_LITERAL && source.size > 0 && is_visible (source)
         && holds_any (decoded->bytes,
                       decoded->flags & MILTER_TEXT_PATTERN ? "\"\\$*" : "\"\\$");
}

static void
append_in_quotes (const Decoded *decoded,
                  const MilterToken *token,
                  MilterBytes source,
                  GString *out)
{
  if (is_better_literal (decoded, token, source))
    {
      append (source, out);
      return;
    }
  g_string_append_c (out, '"');
  append (view (decoded->quoted), out);
  g_string_append_c (out, '"');
  append (decoded->repeat, out);
}

/* whether a writer of this word would do without quotes */
static bool
needs_no_quotes (const Decoded *decoded)
{
  g_autoptr (GString) written = g_string_new (NULL);

  if (decoded->has_variable || decoded->has_star || decoded->repeat.size > 0)
    return false;
  milter_text_append_word (view (decoded->bytes), MILTER_TEXT_PATTERN, written);
  return written->str[0] != '"';
}

/* words that mean something where a text could stand, too */
static const char *const keywords[]
    = { "not", "ignoring", "reading", "after", "bytes", "spawn", "none", NULL };

/* A bare word can be more than its text: a number, NAME=VALUE, a sign, an address that is none. */
static bool
is_only_text (const GString *text)
{
  return strspn (text->str, "0123456789") < text->len && !holds_any (text, "=")
         && strchr ("+-@{", text->str[0]) == NULL && !g_strv_contains (keywords, text->str);
}

static bool
is_field_name (const Decoded *decoded)
{
  for (gsize i = 0; i < decoded->bytes->len; i++)
    if (strchr (":\"'$#*\\/|<>=", decoded->bytes->str[i]) != NULL)
      return false;
  return needs_no_quotes (decoded) && is_only_text (decoded->bytes);
}

/* ---- words ---- */

static void
append_with_sign (const char *names, char sign, GString *out)
{
  g_auto (GStrv) items = g_strsplit (names, ",", -1);

  for (char **item = items; *item != NULL; item++)
    {
      if (item != items)
        g_string_append_c (out, ',');
      g_string_append_c (out, sign);
      g_string_append (out, *item);
    }
}

static bool
flag_bits (const MilterToken *token, const char *name, guint32 *bits)
{
  bool actions = token->role == MILTER_TOKEN_ACTIONS;

  *bits = 0;
  if (g_ascii_strcasecmp (name, "none") == 0)
    return true;
  *bits = actions ? MILTER_ACTIONS_ALL : MILTER_STEPS_ALL;
  if (g_ascii_strcasecmp (name, "all") == 0)
    return true;
  return actions ? milter_action_from_name (name, bits) : milter_step_from_name (name, bits);
}

static char *
flag_names (const MilterToken *token, guint32 bits)
{
  return token->role == MILTER_TOKEN_ACTIONS ? milter_actions_to_string (bits)
                                             : milter_steps_to_string (bits);
}

/* `0x1,MODBODY` as `ADDHDRS,CHGBODY`; with signs item by item */
static bool
append_flag_list (const Decoded *decoded, const MilterToken *token, GString *out)
{
  g_auto (GStrv) items = g_strsplit (decoded->bytes->str, ",", -1);
  bool has_sign = items[0] != NULL && (items[0][0] == '+' || items[0][0] == '-');
  g_autoptr (GString) list = g_string_new (NULL);
  guint32 all_bits = 0;

  if (decoded->has_variable || decoded->has_star || items[0] == NULL)
    return false;
  for (char **item = items; *item != NULL; item++)
    {
      g_autofree char *names = NULL;
      guint32 bits;

      if (!flag_bits (token, *item + (has_sign ? 1 : 0), &bits))
        return false;
      all_bits |= bits;
      if (!has_sign)
        continue;
      names = flag_names (token, bits);
      if (list->len > 0)
        g_string_append_c (list, ',');
      append_with_sign (names, **item, list);
    }
  if (!has_sign)
    {
      g_autofree char *names = flag_names (token, all_bits);

      g_string_append (list, names);
    }
  append (view (list), out);
  return true;
}

static bool
append_duration (const Decoded *decoded, GString *out)
{
  gint64 duration_us;

  if (decoded->has_variable
      || !milter_value_parse_duration (view (decoded->bytes), &duration_us))
    return false;
  milter_value_append_duration (duration_us, out);
  return true;
}

static void
append_word (const Decoded *decoded,
             const MilterToken *token,
             MilterBytes source,
             bool has_key,
             GString *out)
{
  bool is_star = token->pattern && milter_bytes_equal_string (source, "*");

  if (token->form == MILTER_WORD_BARE && token->role != MILTER_TOKEN_TEXT
      && (is_visible (source) || !(has_key || is_only_text (decoded->bytes))))
    append (source, out);
  else if (token->role == MILTER_TOKEN_TEXT)
    {
      /* a text that may be any */
      if (is_star)
        append (source, out);
      else
        append_in_quotes (decoded, token, source, out);
    }
  else if (needs_no_quotes (decoded) && (has_key || is_only_text (decoded->bytes)))
    append (view (decoded->bytes), out);
  else
    append_in_quotes (decoded, token, source, out);
}

/* ---- values of fields ---- */

/* without quotes, up to the end of the line */
static bool
append_rest (const Decoded *decoded, const MilterToken *token, GString *out)
{
  g_autoptr (GString) written = g_string_new (NULL);

  if (decoded->has_variable || decoded->repeat.size > 0
      || (decoded->has_star && decoded->has_literal_star))
    return false;
  milter_text_append_rest (view (decoded->bytes),
                           token->behind_arrow ? MILTER_TEXT_PATTERN : MILTER_TEXT_PLAIN,
                           written);
  if (written->str[0] == '"')
    return false;
  append (view (token->pattern && !decoded->has_star ? written : decoded->bytes), out);
  return true;
}

/* the roles that have a form of their own */
static bool
append_by_role (const Decoded *decoded, const MilterToken *token, GString *out)
{
  if (token->role == MILTER_TOKEN_DURATION)
    return append_duration (decoded, out);
  return (token->role == MILTER_TOKEN_ACTIONS || token->role == MILTER_TOKEN_STEPS)
         && append_flag_list (decoded, token, out);
}

static void
append_field_name (const Decoded *decoded,
                   const MilterToken *token,
                   MilterBytes source,
                   GString *out)
{
  if (is_field_name (decoded))
    append (view (decoded->bytes), out);
  else if (token->form == MILTER_WORD_BARE && is_visible (source))
    append (source, out);
  else
    append_in_quotes (decoded, token, source, out);
}

/* `"…"*N` */
static bool
is_repeated (const MilterToken *token, MilterBytes source)
{
  return token->form == MILTER_WORD_QUOTED && source.size > 0
         && source.data[source.size - 1] != '"';
}

void
milter_format_word (const MilterToken *token,
                    MilterBytes source,
                    MilterBytes extra,
                    bool alone,
                    GString *out)
{
  g_auto (Decoded) decoded = { 0 };
  gsize skip = token->key_size != G_MAXSIZE ? token->key_size + 1 : 0;
  bool takes_rest
      = token->kind == MILTER_TOKEN_FIELD_VALUE || token->kind == MILTER_TOKEN_REST;

  decoded_init (
      &decoded, milter_bytes (source.data + skip, source.size - skip), token->pattern);
  /* quotes around all of it would be around more than they were */
  if (extra.size > 0 && (skip > 0 || is_repeated (token, source)))
    {
      append (extra, out);
      append (source, out);
      return;
    }
  append (milter_bytes (source.data, skip), out);
  source = milter_bytes (source.data + skip, source.size - skip);
  if (extra.size > 0)
    append (extra, decoded.run.text);
  decode (&decoded, token);

  /* nothing behind a colon is an empty value without the usual blank */
  if (source.size == 0 && takes_rest)
    return;
  if (token->form == MILTER_WORD_REGEX || token->form == MILTER_WORD_HERE_DOCUMENT)
    append (source, out);
  else if (token->kind == MILTER_TOKEN_FIELD_NAME)
    append_field_name (&decoded, token, source, out);
  else if (takes_rest && alone && append_rest (&decoded, token, out))
    return;
  else if (takes_rest || extra.size > 0)
    append_in_quotes (&decoded, token, extra.size > 0 ? milter_bytes (NULL, 0) : source, out);
  else if (!append_by_role (&decoded, token, out))
    append_word (&decoded, token, source, skip > 0, out);
}

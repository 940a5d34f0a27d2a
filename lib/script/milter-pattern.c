/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-pattern.c: literals, globs and regexes over bytes.
 *
 * A subject comes from the milter under test, so that matching must end whatever it is: a glob is
 * matched piece by piece without going back, a regex runs with a limit on its backtracking.
 */
#include "milter-pattern.h"

#include <stdbool.h>
#include <string.h>

#include "milter-text.h"

/* How often PCRE may go back at one place of the subject before it gives up. Its own limit of ten
 * million is seconds for each place; no sane expression on a header or a body comes near this one.
 */
#define MATCH_LIMIT "(*LIMIT_MATCH=500000)"

/* the bytes between two stars */
typedef struct
{
  gsize start;
  gsize size;
} Piece;

struct _MilterPattern
{
  MilterPatternKind kind;
  GBytes *bytes;  /* literal and glob: the bytes, a star's place taken by `*` */
  guint8 *stars;  /* glob: for each byte, whether it is a star */
  GArray *pieces; /* glob: of Piece: the first, those between stars, the last */
  GRegex *regex;
  char *source; /* regex: as written, without the limit */
  gboolean caseless;
  int gave_up; /* on something, once */
};

static MilterPattern *
pattern_new (MilterPatternKind kind)
{
  MilterPattern *pattern = g_new0 (MilterPattern, 1);

  pattern->kind = kind;
  return pattern;
}

MilterPattern *
milter_pattern_new_literal (MilterBytes bytes)
{
  MilterPattern *pattern = pattern_new (MILTER_PATTERN_LITERAL);

  pattern->bytes = g_bytes_new (bytes.data, bytes.size);
  return pattern;
}

static GArray *
cut_at_stars (const guint8 *stars, gsize size)
{
  GArray *pieces = g_array_new (FALSE, FALSE, sizeof (Piece));
  Piece piece = { 0, 0 };

  for (gsize i = 0; i < size; i++)
    {
      if (!stars[i])
        {
          piece.size++;
          continue;
        }
      /* several stars in a row are one */
      if (piece.size > 0 || piece.start == 0)
        g_array_append_val (pieces, piece);
      piece = (Piece){ i + 1, 0 };
    }
  g_array_append_val (pieces, piece);
  return pieces;
}

MilterPattern *
milter_pattern_new_glob (MilterBytes bytes, const guint8 *stars)
{
  MilterPattern *pattern;

  if (bytes.size == 0 || memchr (stars, 1, bytes.size) == NULL)
    return milter_pattern_new_literal (bytes);

  pattern = pattern_new (MILTER_PATTERN_GLOB);
  pattern->bytes = g_bytes_new (bytes.data, bytes.size);
  pattern->stars = g_memdup2 (stars, bytes.size);
  pattern->pieces = cut_at_stars (stars, bytes.size);
  return pattern;
}

MilterPattern *
milter_pattern_new_regex (const char *regex, gboolean caseless, GError **error)
{
  GRegexCompileFlags flags = G_REGEX_RAW | G_REGEX_DOTALL | (caseless ? G_REGEX_CASELESS : 0);
  g_autoptr (GRegex) as_written = NULL;
  g_autoptr (GRegex) limited = NULL;
  g_autofree char *source = NULL;
  MilterPattern *pattern;

  if (strlen (regex) > MILTER_PATTERN_MAX_REGEX)
    {
      g_set_error (error,
                   G_REGEX_ERROR,
                   G_REGEX_ERROR_COMPILE,
                   "%" G_GSIZE_FORMAT " bytes are more than %u",
                   strlen (regex),
                   MILTER_PATTERN_MAX_REGEX);
      return NULL;
    }
  /* compiled as it stands first, so that the position in an error is the writer's */
  as_written = g_regex_new (regex, flags, 0, error);
  if (as_written == NULL)
    return NULL;
  source = g_strconcat (MATCH_LIMIT, regex, NULL);
  limited = g_regex_new (source, flags, 0, error);
  if (limited == NULL)
    return NULL;

  pattern = pattern_new (MILTER_PATTERN_REGEX);
  pattern->regex = g_steal_pointer (&limited);
  pattern->source = g_strdup (regex);
  pattern->caseless = caseless;
  return pattern;
}

void
milter_pattern_free (MilterPattern *pattern)
{
  if (pattern == NULL)
    return;
  g_clear_pointer (&pattern->bytes, g_bytes_unref);
  g_clear_pointer (&pattern->pieces, g_array_unref);
  g_clear_pointer (&pattern->regex, g_regex_unref);
  g_free (pattern->stars);
  g_free (pattern->source);
  g_free (pattern);
}

MilterPatternKind
milter_pattern_get_kind (const MilterPattern *pattern)
{
  return pattern->kind;
}

static MilterBytes
pattern_bytes (const MilterPattern *pattern)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (pattern->bytes, &size);

  return milter_bytes (data, size);
}

MilterBytes
milter_pattern_get_literal (const MilterPattern *pattern)
{
  if (pattern->kind != MILTER_PATTERN_LITERAL)
    return milter_bytes (NULL, 0);
  return pattern_bytes (pattern);
}

static bool
bytes_start_with (MilterBytes bytes, MilterBytes piece)
{
  return bytes.size >= piece.size
         && (piece.size == 0 || memcmp (bytes.data, piece.data, piece.size) == 0);
}

static bool
bytes_end_with (MilterBytes bytes, MilterBytes piece)
{
  if (bytes.size < piece.size)
    return false;
  return bytes_start_with (milter_bytes (bytes.data + (bytes.size - piece.size), piece.size),
                           piece);
}

/* The first piece must begin the subject, the last one end it; each one between is taken where it
 * is found first, which leaves most for the others, so that nothing has to be tried twice. */
static bool
glob_matches (const MilterPattern *pattern, MilterBytes subject)
{
  MilterBytes bytes = pattern_bytes (pattern);
  guint last = pattern->pieces->len - 1;

  for (guint i = 0; i <= last; i++)
    {
      const Piece *range = &g_array_index (pattern->pieces, Piece, i);
      MilterBytes piece = milter_bytes (bytes.data + range->start, range->size);
      const guint8 *found;
      gsize skip;

      if (i == last)
        return bytes_end_with (subject, piece);
      if (piece.size == 0)
        continue;
      if (i == 0)
        found = bytes_start_with (subject, piece) ? subject.data : NULL;
      else
        found = subject.size == 0 ? NULL
                                  : memmem (subject.data, subject.size, piece.data, piece.size);
      if (found == NULL)
        return false;
      skip = (gsize) (found - subject.data) + piece.size;
      subject = milter_bytes (subject.data + skip, subject.size - skip);
    }
  return false;
}

static bool
regex_matches (const MilterPattern *pattern, MilterBytes subject, GError **error)
{
  const char *data = subject.size == 0 ? "" : (const char *) subject.data;
  g_autoptr (GError) failed = NULL;

  if (subject.size > G_MAXINT)
    {
      g_set_error (error,
                   G_REGEX_ERROR,
                   G_REGEX_ERROR_MATCH,
                   "%" G_GSIZE_FORMAT " bytes are too many for a regular expression",
                   subject.size);
      return false;
    }
  if (g_regex_match_full (pattern->regex, data, (gssize) subject.size, 0, 0, NULL, &failed))
    return true;
  if (failed != NULL)
    {
      /* the pattern is what it was; only a failure tells of it */
      g_atomic_int_set ((int *) &pattern->gave_up, 1);
      g_propagate_error (error, g_steal_pointer (&failed));
    }
  return false;
}

gboolean
milter_pattern_gave_up (const MilterPattern *pattern)
{
  return pattern != NULL && g_atomic_int_get ((int *) &pattern->gave_up) != 0;
}

gboolean
milter_pattern_match (const MilterPattern *pattern, MilterBytes subject, GError **error)
{
  if (pattern->kind == MILTER_PATTERN_REGEX)
    return regex_matches (pattern, subject, error);
  if (pattern->kind == MILTER_PATTERN_GLOB)
    return glob_matches (pattern, subject);
  return subject.size == g_bytes_get_size (pattern->bytes)
         && bytes_start_with (subject, pattern_bytes (pattern));
}

gboolean
milter_pattern_matches (const MilterPattern *pattern, MilterBytes subject)
{
  return milter_pattern_matches_or (pattern, subject, /* undecided= */ FALSE);
}

gboolean
milter_pattern_matches_or (const MilterPattern *pattern, MilterBytes subject, gboolean undecided)
{
  g_autoptr (GError) error = NULL;
  gboolean matches = milter_pattern_match (pattern, subject, &error);

  return error == NULL ? matches : undecided;
}

guint
milter_pattern_count_words (const MilterPattern *pattern)
{
  MilterBytes text = pattern->kind == MILTER_PATTERN_REGEX
                         ? milter_bytes_from_string (pattern->source)
                         : pattern_bytes (pattern);
  guint n = 0;

  for (gsize i = 0; i < text.size; i++)
    n += text.data[i] != ' ' && (i == 0 || text.data[i - 1] == ' ');
  return MAX (n, 1);
}

/* The bytes between stars as words, or as the inside of a quoted text. Where no piece has quotes,
 * the whole needs none. */
static void
append_glob (const MilterPattern *pattern, bool quoted, GString *text)
{
  MilterBytes bytes = pattern_bytes (pattern);
  gsize start = 0;

  for (gsize i = 0; i <= bytes.size; i++)
    {
      g_autoptr (GString) piece = NULL;

      if (i < bytes.size && !pattern->stars[i])
        continue;
      piece = g_string_new (NULL);
      if (quoted)
        {
          milter_text_append_quoted (
              milter_bytes (bytes.data + start, i - start), MILTER_TEXT_PATTERN, piece);
          g_string_append_len (text, piece->str + 1, (gssize) piece->len - 2);
        }
      else if (i > start)
        milter_text_append_word (
            milter_bytes (bytes.data + start, i - start), MILTER_TEXT_PATTERN, text);
      if (i < bytes.size)
        g_string_append_c (text, '*');
      start = i + 1;
    }
}

static void
append_glob_word (const MilterPattern *pattern, GString *text)
{
  g_autoptr (GString) bare = g_string_new (NULL);

  append_glob (pattern, /* quoted= */ false, bare);
  if (strchr (bare->str, '"') == NULL)
    {
      g_string_append_len (text, bare->str, (gssize) bare->len);
      return;
    }
  g_string_append_c (text, '"');
  append_glob (pattern, /* quoted= */ true, text);
  g_string_append_c (text, '"');
}

static void
append_regex (const MilterPattern *pattern, GString *text)
{
  g_string_append_c (text, '/');
  for (const char *at = pattern->source; *at != '\0'; at++)
    {
      /* a slash ends the expression, unless a backslash takes its meaning */
      if (*at == '/')
        g_string_append_c (text, '\\');
      g_string_append_c (text, *at);
      if (*at == '\\' && at[1] != '\0')
        g_string_append_c (text, *++at);
    }
  g_string_append (text, pattern->caseless ? "/i" : "/");
}

/* without the stars */
static GBytes *
example_of_glob (const MilterPattern *pattern)
{
  GByteArray *example = g_byte_array_new ();
  gsize size;
  const guint8 *bytes = g_bytes_get_data (pattern->bytes, &size);

  for (gsize i = 0; i < size; i++)
    if (!pattern->stars[i])
      g_byte_array_append (example, bytes + i, 1);
  return g_byte_array_free_to_bytes (example);
}

/* NULL: there is more in it than characters that stand for themselves, `.*` and the two ends */
static GBytes *
example_of_regex (const char *regex)
{
  g_autoptr (GByteArray) example = g_byte_array_new ();
  const char *at = regex[0] == '^' ? regex + 1 : regex;

  for (; *at != '\0' && strcmp (at, "$") != 0; at++)
    {
      if (at[0] == '.' && at[1] == '*')
        {
          at++;
          continue;
        }
      if (at[0] == '\\' && g_ascii_ispunct (at[1]))
        at++;
      else if (strchr ("\\^$.[]|()?*+{}", at[0]) != NULL)
        return NULL;
      /* it would be repeated */
      if (at[1] != '\0' && strchr ("?*+{", at[1]) != NULL)
        return NULL;
      g_byte_array_append (example, (const guint8 *) at, 1);
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&example));
}

GBytes *
milter_pattern_make_example (const MilterPattern *pattern)
{
  g_autoptr (GBytes) example = NULL;
  gsize size;
  const guint8 *bytes;

  if (pattern->kind == MILTER_PATTERN_LITERAL)
    return g_bytes_ref (pattern->bytes);
  example = pattern->kind == MILTER_PATTERN_GLOB ? example_of_glob (pattern)
                                                 : example_of_regex (pattern->source);
  if (example == NULL)
    return NULL;
  bytes = g_bytes_get_data (example, &size);
  return milter_pattern_matches (pattern, milter_bytes (bytes, size)) ? g_steal_pointer (&example) : NULL;
}

void
milter_pattern_append_text (const MilterPattern *pattern, GString *text)
{
  if (pattern->kind == MILTER_PATTERN_REGEX)
    append_regex (pattern, text);
  else if (pattern->kind == MILTER_PATTERN_GLOB)
    append_glob_word (pattern, text);
  else
    milter_text_append_word (pattern_bytes (pattern), MILTER_TEXT_PATTERN, text);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario-writer.c: which way a session is written, and sessions to a file.
 */
#include "milter-scenario-writer.h"

#include <string.h>

#include "milter-format.h"
#include "milter-payload.h"
#include "milter-scenario-writer-private.h"
#include "milter-text.h"

struct _MilterScenarioWriter
{
  MilterScenarioWriterConfig config;
  GPtrArray *sessions;          /* of MilterWrittenSession */
  GHashTable *names;            /* how often a name was given, by name */
  GPtrArray *mails;             /* of MilterScenarioMail */
  const MilterProfile *latest;  /* (nullable) that was chosen */
  gsize size;                   /* of what was taken */
};

/* macros of a stage that all its commands in all sessions have: they stand at the top of the file */
typedef struct
{
  guint8 stage;
  GPtrArray *macros; /* of MilterWrittenMacro, unowned */
} Common;

static void
mail_free (gpointer data)
{
  MilterScenarioMail *mail = data;

  g_free (mail->name);
  g_bytes_unref (mail->bytes);
  g_free (mail);
}

MilterScenarioWriter *
milter_scenario_writer_new (const MilterScenarioWriterConfig *config)
{
  MilterScenarioWriter *writer = g_new0 (MilterScenarioWriter, 1);

  writer->config = *config;
  writer->sessions = g_ptr_array_new_with_free_func (milter_written_session_free);
  writer->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, /* value= */ NULL);
  writer->mails = g_ptr_array_new_with_free_func (mail_free);
  return writer;
}

void
milter_scenario_writer_free (MilterScenarioWriter *writer)
{
  if (writer == NULL)
    return;
  g_ptr_array_unref (writer->sessions);
  g_hash_table_unref (writer->names);
  g_ptr_array_unref (writer->mails);
  g_free (writer);
}

const GPtrArray *
milter_scenario_writer_get_mails (const MilterScenarioWriter *writer)
{
  return writer->mails;
}

/* --- text ----------------------------------------------------------------------------------------- */

static bool
is_same_macro (const MilterWrittenMacro *one, const MilterWrittenMacro *other)
{
  return g_bytes_equal (one->name, other->name)
         && (one->value == NULL) == (other->value == NULL)
         && (one->value == NULL || g_bytes_equal (one->value, other->value));
}

static bool
holds_macro (const GPtrArray *macros, const MilterWrittenMacro *macro)
{
  for (guint i = 0; macros != NULL && i < macros->len; i++)
    if (is_same_macro (g_ptr_array_index (macros, i), macro))
      return true;
  return false;
}

static const GPtrArray *
common_macros (const GArray *common, guint8 stage)
{
  for (guint i = 0; common != NULL && i < common->len; i++)
    if (g_array_index (common, Common, i).stage == stage)
      return g_array_index (common, Common, i).macros;
  return NULL;
}

static bool
append_macros (const MilterWrittenLine *line, const GArray *common, GString *text)
{
  const GPtrArray *known = common_macros (common, line->stage);
  g_autoptr (GPtrArray) rest = g_ptr_array_new ();
  g_autoptr (GString) words = g_string_new (NULL);

  for (guint i = 0; i < line->macros->len; i++)
    if (!holds_macro (known, g_ptr_array_index (line->macros, i)))
      g_ptr_array_add (rest, g_ptr_array_index (line->macros, i));
  if (rest->len == 0)
    return true;
  if (!milter_written_macros_append (line->stage, rest, words))
    return false;
  g_string_append_printf (text, "%s\n", words->str);
  return true;
}

/* @mails: (nullable) gets those that become files; else they stand in the text. What stands for the name of such
 * a file until the text has its form, as that needs what the file holds, is a here-document that ends in @tag and
 * the number of the mail. */
static bool
append_session (const MilterWrittenSession *session,
                const MilterProfile *profile,
                const GArray *common,
                const char *tag,
                GPtrArray *mails,
                GString *text)
{
  g_string_append (text, "\nsession ");
  milter_text_append_word (milter_bytes_from_string (session->name), MILTER_TEXT_PLAIN, text);
  g_string_append_c (text, '\n');
  if (session->profile != profile)
    g_string_append_printf (text, "mta %s\n", session->profile->name);
  for (guint i = 0; i < session->lines->len; i++)
    {
      const MilterWrittenLine *line = g_ptr_array_index (session->lines, i);

      if (line->text == NULL)
        {
          if (!append_macros (line, common, text))
            return false;
        }
      else if (line->mail != NULL && mails != NULL)
        {
          g_ptr_array_add (mails, line->mail);
          g_string_append_printf (
              text, "eml <<%s%u\n    -\n    %s%u\n", tag, mails->len, tag, mails->len);
        }
      else
        g_string_append_printf (text, "%s\n", line->text->str);
    }
  return true;
}

static GString *
begin_text (const MilterProfile *profile)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "mta %s\n", profile->name);
  return text;
}

/* --- which way ------------------------------------------------------------------------------------ */

/* (transfer full) NULL: it does not parse */
static MilterRehearsal *
rehearse (const MilterWrittenSession *session, const MilterExchanges *exchanges, GString *messages)
{
  g_autoptr (GString) text = begin_text (session->profile);
  g_autoptr (MilterScenario) scenario = NULL;

  if (!append_session (session, session->profile, NULL, NULL, NULL, text))
    {
      g_string_append (messages, "a macro that has no words\n");
      return NULL;
    }
  scenario = milter_scenario_parse (
      "converted", text->str, text->len, /* host= */ NULL, MILTER_SCENARIO_SESSIONS, messages);
  if (scenario == NULL)
    return NULL;
  return milter_rehearsal_run (
      scenario, g_ptr_array_index (scenario->sessions, 0), exchanges);
}

/* of the first style that was tried */
static void
keep_reason (char **why,
             const MilterWrittenStyle *style,
             const MilterRehearsal *rehearsal,
             const GPtrArray *left,
             const GString *messages)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (*why != NULL)
    return;
  if (rehearsal == NULL)
    g_string_append_printf (text, "what was made of it is no scenario: %s", messages->str);
  else if (rehearsal->why != NULL)
    g_string_append_printf (text, "%s would say %s", style->profile->name, rehearsal->why);
  else
    for (guint i = 0; left != NULL && i < left->len && text->len == 0; i++)
      if (g_ptr_array_index (left, i) != NULL)
        g_string_append_printf (text, "%s sends other macros, of line %u", style->profile->name, i);
  *why = g_strdelimit (g_string_free (g_steal_pointer (&text), FALSE), "\r\n", ' ');
}

/* The session in this style, with the macros that it takes, if it holds; @n_macros: how many. */
static MilterWrittenSession *
try_style (const MilterExchanges *exchanges,
           const MilterWrittenStyle *style,
           guint *n_macros,
           char **why)
{
  MilterWrittenSession *session = milter_written_session_new (exchanges, style, /* macros= */ NULL);
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (MilterRehearsal) first = rehearse (session, exchanges, messages), second = NULL;
  g_autoptr (GPtrArray) macros = NULL, left = NULL;

  g_clear_pointer (&session, milter_written_session_free);
  if (first == NULL || !first->held)
    {
      keep_reason (why, style, first, /* left= */ NULL, messages);
      return NULL;
    }
  macros = milter_written_macros_find (exchanges, first);
  *n_macros = milter_written_macros_count (macros);
  session = milter_written_session_new (exchanges, style, macros);
  second = rehearse (session, exchanges, messages);
  if (second != NULL && second->held)
    left = milter_written_macros_find (exchanges, second);
  if (left != NULL && milter_written_macros_count (left) == 0)
    return session;
  keep_reason (why, style, second, left, messages);
  milter_written_session_free (session);
  return NULL;
}

/* the first style that holds is the one that leaves most to the MTA */
static MilterWrittenSession *
try_profile (const MilterScenarioWriter *writer,
             const MilterExchanges *exchanges,
             const MilterProfile *profile,
             guint *n_macros,
             char **why)
{
  for (int mails = 1; mails >= 0; mails--)
    for (int ends = 0; ends < MILTER_N_ENDS; ends++)
      {
        MilterWrittenStyle style = { profile, &writer->config, mails != 0, (MilterWrittenEnds) ends };
        MilterWrittenSession *session = try_style (exchanges, &style, n_macros, why);

        if (session != NULL)
          return session;
      }
  return NULL;
}

static bool
is_candidate (const MilterScenarioWriter *writer, const MilterProfile *profile)
{
  if (!profile->fills_in)
    return false;
  return writer->config.profile == NULL || writer->config.profile == profile;
}

/* (transfer full) (nullable) as the MTA that has to be told the least; of equals, as the one before */
static MilterWrittenSession *
find_best (MilterScenarioWriter *writer, const MilterExchanges *exchanges, char **why)
{
  MilterWrittenSession *best = NULL;
  guint least = G_MAXUINT;
  gsize n_profiles;
  const MilterProfile *profiles = milter_profile_list (&n_profiles);

  for (gsize i = 0; i <= n_profiles && least > 0; i++)
    {
      const MilterProfile *profile = i == 0 ? writer->latest : &profiles[i - 1];
      MilterWrittenSession *session;
      guint n_macros = 0;

      if (profile == NULL || !is_candidate (writer, profile) || (i > 0 && profile == writer->latest))
        continue;
      session = try_profile (writer, exchanges, profile, &n_macros, why);
      if (session == NULL)
        continue;
      if (n_macros < least)
        {
          g_clear_pointer (&best, milter_written_session_free);
          best = g_steal_pointer (&session);
          least = n_macros;
        }
      milter_written_session_free (session);
    }
  return best;
}

static int
compare_sessions (gconstpointer a, gconstpointer b)
{
  const MilterWrittenSession *one = *(const MilterWrittenSession *const *) a;
  const MilterWrittenSession *other = *(const MilterWrittenSession *const *) b;

  return one->number < other->number ? -1 : one->number > other->number;
}

static void
make_name_unique (MilterScenarioWriter *writer, MilterWrittenSession *session)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (writer->names, session->name)) + 1;
  g_autofree char *name = session->name;

  g_hash_table_replace (writer->names, g_strdup (name), GUINT_TO_POINTER (n));
  session->name = n == 1 ? g_strdup (name) : g_strdup_printf ("%s (%u)", name, n);
}

static gboolean
fail_size (GError **error)
{
  g_set_error (error,
               G_FILE_ERROR,
               G_FILE_ERROR_FAILED,
               "a scenario holds at most %u MiB; a file for each session may be smaller",
               MILTER_SCENARIO_MAX_FILE >> 20);
  return FALSE;
}

gboolean
milter_scenario_writer_add (MilterScenarioWriter *writer,
                            guint number,
                            const GString *trace,
                            const GPtrArray *replies,
                            GError **error)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (MilterExchanges) exchanges = NULL;
  MilterWrittenSession *session = NULL;
  g_autofree char *why = NULL;

  if (writer->size + trace->len > MILTER_SCENARIO_MAX_FILE)
    return fail_size (error);
  writer->size += trace->len;
  exchanges = milter_exchanges_new (trace, replies, messages);
  if (exchanges == NULL)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, messages->str);
      return FALSE;
    }
  if (exchanges->plain)
    session = find_best (writer, exchanges, &why);
  if (session != NULL)
    writer->latest = session->profile;
  else
    session = milter_written_session_new_exact (
        exchanges, why != NULL ? why : "it has gaps, or what no MTA sends");
  session->number = number;
  g_ptr_array_add (writer->sessions, session);
  return TRUE;
}

/* --- the file ------------------------------------------------------------------------------------- */

/* how many of the sessions' macro lines of this stage hold the macro */
static guint
count_lines (const MilterScenarioWriter *writer, guint8 stage, const MilterWrittenMacro *macro)
{
  guint n = 0;

  for (guint s = 0; s < writer->sessions->len; s++)
    {
      const MilterWrittenSession *session = g_ptr_array_index (writer->sessions, s);

      for (guint i = 0; i < session->lines->len; i++)
        {
          const MilterWrittenLine *line = g_ptr_array_index (session->lines, i);

          n += line->text == NULL && line->stage == stage && holds_macro (line->macros, macro);
        }
    }
  return n;
}

static guint
count_commands (const MilterScenarioWriter *writer, guint8 stage)
{
  guint n = 0;

  for (guint s = 0; s < writer->sessions->len; s++)
    n += ((const MilterWrittenSession *) g_ptr_array_index (writer->sessions, s))->n_commands[stage];
  return n;
}

static const MilterWrittenLine *
find_first_line (const MilterScenarioWriter *writer, guint8 stage)
{
  for (guint s = 0; s < writer->sessions->len; s++)
    {
      const MilterWrittenSession *session = g_ptr_array_index (writer->sessions, s);

      for (guint i = 0; i < session->lines->len; i++)
        {
          const MilterWrittenLine *line = g_ptr_array_index (session->lines, i);

          if (line->text == NULL && line->stage == stage)
            return line;
        }
    }
  return NULL;
}

static void
common_clear (gpointer data)
{
  g_ptr_array_unref (((Common *) data)->macros);
}

static void
find_common_of (const MilterScenarioWriter *writer, guint8 stage, GArray *common)
{
  const MilterWrittenLine *first = find_first_line (writer, stage);
  guint n = count_commands (writer, stage);
  Common found = { stage, NULL };

  if (first == NULL || n < 2)
    return;
  found.macros = g_ptr_array_new ();
  for (guint i = 0; i < first->macros->len; i++)
    if (count_lines (writer, stage, g_ptr_array_index (first->macros, i)) == n)
      g_ptr_array_add (found.macros, g_ptr_array_index (first->macros, i));
  if (found.macros->len > 0)
    g_array_append_val (common, found);
  else
    common_clear (&found);
}

/* A line at the top of the file counts for all sessions: for those that are played as another MTA, too. */
static GArray *
find_common (const MilterScenarioWriter *writer, const MilterProfile *profile)
{
  GArray *common = g_array_new (FALSE, FALSE, sizeof (Common));

  g_array_set_clear_func (common, common_clear);
  for (guint i = 0; i < writer->sessions->len; i++)
    if (((const MilterWrittenSession *) g_ptr_array_index (writer->sessions, i))->profile != profile)
      return common;
  for (const char *letter = "CHMRTLNBEU"; *letter != '\0'; letter++)
    find_common_of (writer, (guint8) *letter, common);
  return common;
}

static const MilterProfile *
find_profile (const MilterScenarioWriter *writer)
{
  for (guint i = 0; i < writer->sessions->len; i++)
    {
      const MilterWrittenSession *session = g_ptr_array_index (writer->sessions, i);

      if (session->profile->fills_in)
        return session->profile;
    }
  return milter_profile_get ("exact");
}

static bool
any_line_holds (const MilterScenarioWriter *writer, const char *word)
{
  for (guint s = 0; s < writer->sessions->len; s++)
    {
      const MilterWrittenSession *session = g_ptr_array_index (writer->sessions, s);

      for (guint i = 0; i < session->lines->len; i++)
        {
          const MilterWrittenLine *line = g_ptr_array_index (session->lines, i);

          if (line->text != NULL && strstr (line->text->str, word) != NULL)
            return true;
        }
    }
  return false;
}

/* (transfer full) a word that no mail that stays in the text holds */
static char *
choose_tag (const MilterScenarioWriter *writer)
{
  g_autoptr (GString) tag = g_string_new ("FILE");

  while (any_line_holds (writer, tag->str))
    g_string_append_c (tag, '_');
  return g_string_free (g_steal_pointer (&tag), FALSE);
}

static GString *
compose (const MilterScenarioWriter *writer, const char *tag, GPtrArray *mails)
{
  const MilterProfile *profile = find_profile (writer);
  g_autoptr (GArray) common = find_common (writer, profile);
  GString *text = begin_text (profile);

  for (guint i = 0; i < common->len; i++)
    {
      const Common *macros = &g_array_index (common, Common, i);
      g_autoptr (GString) line = g_string_new (NULL);

      milter_written_macros_append (macros->stage, macros->macros, line);
      g_string_append_printf (text, "%s\n", line->str);
    }
  for (guint i = 0; i < writer->sessions->len; i++)
    append_session (g_ptr_array_index (writer->sessions, i), profile, common, tag, mails, text);
  return text;
}

/* how far the here-document is indented depends on where it stands */
static bool
put_name (const char *tag, guint n, const char *name, GString *text)
{
  g_autofree char *begin = g_strdup_printf ("<<%s%u\n", tag, n), *end = g_strdup_printf ("%s%u\n", tag, n);
  const char *from = strstr (text->str, begin), *to;
  gssize position;

  if (from == NULL)
    return false;
  to = strstr (from + strlen (begin), end);
  if (to == NULL)
    return false;
  position = from - text->str;
  g_string_erase (text, position, to + strlen (end) - 1 - from);
  g_string_insert (text, position, name);
  return true;
}

static bool
put_mail (MilterScenarioWriter *writer, const char *tag, guint n, GBytes *bytes, GString *text)
{
  MilterScenarioMail *mail = g_new0 (MilterScenarioMail, 1);
  g_autoptr (GString) word = g_string_new (NULL);

  mail->name = g_strdup_printf ("%s-%u.eml", writer->config.mail_prefix, n);
  mail->bytes = g_bytes_ref (bytes);
  g_ptr_array_add (writer->mails, mail);
  milter_text_append_word (milter_bytes_from_string (mail->name), MILTER_TEXT_PLAIN, word);
  return put_name (tag, n, word->str, text);
}

static bool
put_mails (MilterScenarioWriter *writer, const char *tag, const GPtrArray *mails, GString *text)
{
  for (guint i = 0; i < mails->len; i++)
    if (!put_mail (writer, tag, i + 1, g_ptr_array_index (mails, i), text))
      return false;
  return true;
}

static void
prepend_comment (const MilterScenarioWriter *writer, GString *text)
{
  g_autoptr (GString) comment = g_string_new (NULL);

  if (writer->config.source == NULL)
    return;
  g_string_append_printf (comment, "# Made by milter-replay convert from %s.", writer->config.source);
  g_strdelimit (comment->str, "\r\n", ' ');
  g_string_append_c (comment, '\n');
  g_string_prepend (text, comment->str);
}

GString *
milter_scenario_writer_finish (MilterScenarioWriter *writer, GError **error)
{
  g_autoptr (GPtrArray) mails = g_ptr_array_new ();
  g_autoptr (GString) draft = NULL, text = NULL, messages = g_string_new (NULL);
  g_autofree char *tag = choose_tag (writer);

  g_ptr_array_sort (writer->sessions, compare_sessions);
  for (guint i = 0; i < writer->sessions->len; i++)
    make_name_unique (writer, g_ptr_array_index (writer->sessions, i));
  draft = compose (writer, tag, writer->config.mail_prefix != NULL ? mails : NULL);
  if (draft->len > MILTER_SCENARIO_MAX_FILE)
    {
      fail_size (error);
      return NULL;
    }
  text = milter_scenario_format ("converted", draft->str, draft->len, /* host= */ NULL, messages);
  if (text == NULL)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, messages->str);
      return NULL;
    }
  if (!put_mails (writer, tag, mails, text))
    {
      g_set_error_literal (
          error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "the scenario has lost the place of a mail");
      return NULL;
    }
  prepend_comment (writer, text);
  return g_steal_pointer (&text);
}

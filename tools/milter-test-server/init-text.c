/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * init-text.c: the first scenario for a milter.
 */
#include "init-text.h"

#include <stdbool.h>
#include <string.h>

/* the plain message: a line for each command that can decide */
static const struct
{
  guint8 command;
  const char *line;
} lines[] = {
  { MILTER_COMMAND_CONNECT, "connect client.example.com 192.0.2.7" },
  { MILTER_COMMAND_HELO, "helo client.example.com" },
  { MILTER_COMMAND_ENVELOPE_FROM, "mail <alice@example.com>" },
  { MILTER_COMMAND_ENVELOPE_RECIPIENT, "rcpt <bob@example.net>" },
  { MILTER_COMMAND_DATA, "data" },
  { MILTER_COMMAND_HEADER, "header From: Alice <alice@example.com>" },
  { MILTER_COMMAND_HEADER, "header To: Bob <bob@example.net>" },
  { MILTER_COMMAND_HEADER, "header Subject: hello" },
  { MILTER_COMMAND_END_OF_HEADER, "eoh" },
  { MILTER_COMMAND_BODY, "body \"Hello Bob.\\r\\n\"" },
  { MILTER_COMMAND_END_OF_MESSAGE, "eom" },
};

/* a word as the scenario language reads it (scenario-language 1); variables stay what they are */
static void
append_word (GString *text, const char *word)
{
  if (*word != '\0' && strpbrk (word, " \t\"#'\\") == NULL && g_utf8_validate (word, -1, NULL)
      && !g_str_has_prefix (word, "=>") && !g_str_has_prefix (word, "<<"))
    {
      g_string_append (text, word);
      return;
    }
  g_string_append_c (text, '"');
  for (const guchar *c = (const guchar *) word; *c != '\0'; c++)
    {
      if (*c == '"' || *c == '\\')
        g_string_append_printf (text, "\\%c", *c);
      else if (*c < ' ' || *c >= 0x7f)
        g_string_append_printf (text, "\\x%02x", *c);
      else
        g_string_append_c (text, (char) *c);
    }
  g_string_append_c (text, '"');
}

static bool
append_spawn (GString *text, const char *command, GError **error)
{
  g_auto (GStrv) words = NULL;

  if (!g_shell_parse_argv (command, /* argcp= */ NULL, &words, error))
    return false;
  g_string_append (text, "spawn");
  for (char **word = words; *word != NULL; word++)
    {
      g_string_append_c (text, ' ');
      append_word (text, *word);
    }
  g_string_append (text, "\n\n");
  return true;
}

/* `#   ADDHDRS: may add and insert header fields` for each bit that is set */
static void
append_flags (GString *text, const MilterFlagSpec *flags, gsize n, guint32 bits)
{
  for (gsize i = 0; i < n; i++)
    {
      if ((bits & flags[i].bit) != 0)
        g_string_append_printf (text, "#   %s: %s\n", flags[i].name, flags[i].summary);
      bits &= ~flags[i].bit;
    }
  if (bits != 0)
    g_string_append_printf (text, "#   0x%x: has no name\n", bits);
}

/* the lists of macros; bytes that a comment should not have as `?` */
static void
append_symbols (GString *text, const ToolNegotiated *negotiated)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (negotiated->symbols, &size);
  MilterBytes rest = milter_bytes (data, size);
  MilterBytes names;
  guint32 stage;

  while (milter_symbol_lists_next (&rest, &stage, &names))
    {
      const char *word
          = stage <= MILTER_MACRO_STAGE_END_OF_HEADER ? milter_macro_stage_to_word (stage) : NULL;
      g_autofree char *list = g_strndup ((const char *) names.data, names.size);
      g_autofree char *number = g_strdup_printf ("%u", stage);

      for (char *c = list; *c != '\0'; c++)
        {
          if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\' || *c == '$' || *c == '*')
            *c = '?';
        }
      g_string_append_printf (
          text, "#   asks for these macros at %s: %s\n", word != NULL ? word : number, list);
    }
}

static void
append_head (GString *text, const ToolNegotiated *negotiated)
{
  const MilterFlagSpec *flags;
  gsize n;

  g_string_append (text,
                   "# A first scenario, written by milter-test-server --init. Change it to what your "
                   "milter should do.\n#\n");
  g_string_append_printf (
      text, "# The milter speaks version %u of the protocol. It\n", negotiated->answer.version);
  flags = milter_action_flags_list (&n);
  append_flags (text, flags, n, negotiated->answer.actions);
  flags = milter_step_flags_list (&n);
  append_flags (text, flags, n, negotiated->answer.steps);
  append_symbols (text, negotiated);
  g_string_append_c (text, '\n');
}

static void
append_negotiation (GString *text, const ToolNegotiated *negotiated)
{
  g_autofree char *actions = milter_actions_to_string (negotiated->answer.actions);
  g_autofree char *steps = milter_steps_to_string (negotiated->answer.steps);

  g_string_append_printf (text,
                          "session \"it negotiates as it did when this was written\"\n"
                          "  negotiate\n"
                          "    => negotiate version=%u actions=%s steps=%s\n\n",
                          negotiated->answer.version,
                          actions,
                          steps);
}

/* the edits that it has asked to be allowed */
static void
append_edits (GString *text, guint32 actions)
{
  gsize n;
  const MilterSpec *rows = milter_spec_list (MILTER_SIDE_MILTER, &n);
  const char *last = NULL;

  for (gsize i = 0; i < n; i++)
    {
      /* add-rcpt is two rows: with and without arguments */
      if ((actions & rows[i].action) == 0 || rows[i].letter == MILTER_REPLY_SET_SYMBOL_LIST
          || g_strcmp0 (last, rows[i].word) == 0)
        continue;
      if (last == NULL)
        g_string_append (text, "    # it may answer with these; say what it should do:\n");
      last = rows[i].word;
      g_string_append_printf (text, "    #   => %s …\n", last);
    }
  if (last == NULL)
    g_string_append (text, "    # it changes nothing:\n    => only\n");
}

static void
append_expectation (GString *text, const InitVerdict *verdict)
{
  const MilterSpec *row = milter_spec_get (MILTER_SIDE_MILTER, verdict->verdict);

  if (verdict->verdict == MILTER_REPLY_REPLY_CODE && verdict->code != 0)
    g_string_append_printf (text, "    => %d\n", verdict->code);
  else if (row != NULL)
    g_string_append_printf (text, "    => %s\n", row->word);
}

static void
append_message (GString *text, const ToolNegotiated *negotiated, const InitVerdict *verdict)
{
  guint n_headers = 0;

  g_string_append (text, "session \"a plain message\"\n");
  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_string_append_printf (text, "  %s\n", lines[i].line);
      if (lines[i].command == MILTER_COMMAND_END_OF_MESSAGE)
        append_edits (text, negotiated->answer.actions);
      if (lines[i].command == MILTER_COMMAND_HEADER)
        n_headers++;
      if (verdict != NULL && verdict->command == lines[i].command
          && (lines[i].command != MILTER_COMMAND_HEADER || verdict->header == n_headers))
        append_expectation (text, verdict);
    }
}

char *
init_text (const char *command,
           const ToolNegotiated *negotiated,
           const InitVerdict *verdict,
           GError **error)
{
  GString *text = g_string_new (NULL);

  append_head (text, negotiated);
  if (!append_spawn (text, command, error))
    {
      g_string_free (text, TRUE);
      return NULL;
    }
  append_negotiation (text, negotiated);
  append_message (text, negotiated, verdict);
  return g_string_free (text, FALSE);
}

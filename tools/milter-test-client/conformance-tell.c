/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-tell.c: `X-Act: tell WHAT`: what the milter has understood, as a field X-Told.
 */
#include <string.h>

#include "conformance-private.h"

static void
tell_connect (const ConformanceState *state, const char *rest, GString *text)
{
  g_string_append (text, state->connect->str);
}

static void
tell_helo (const ConformanceState *state, const char *rest, GString *text)
{
  g_string_append (text, state->helo->str);
}

static void
tell_mail (const ConformanceState *state, const char *rest, GString *text)
{
  g_string_append (text, state->mail->str);
}

static void
tell_rcpts (const ConformanceState *state, const char *rest, GString *text)
{
  g_string_append_printf (text, "%u %s", state->n_rcpts, state->rcpts->str);
}

static void
tell_names (const ConformanceState *state, const char *rest, GString *text)
{
  for (guint i = 0; i < state->names->len; i++)
    g_string_append_printf (
        text, "%s%s", i > 0 ? ", " : "", (const char *) g_ptr_array_index (state->names, i));
}

/* values of the fields of a name, each between brackets, so that their blanks show */
static void
tell_header (const ConformanceState *state, const char *rest, GString *text)
{
  for (guint i = 0; i < state->names->len; i++)
    if (g_ascii_strcasecmp (g_ptr_array_index (state->names, i), rest) == 0)
      g_string_append_printf (text, "[%s]", (const char *) g_ptr_array_index (state->values, i));
}

/* the sum of all bytes tells whether they are the same */
static void
tell_body (const ConformanceState *state, const char *rest, GString *text)
{
  g_string_append_printf (text,
                          "%" G_GUINT64_FORMAT " bytes, sum %" G_GUINT64_FORMAT,
                          state->body_size,
                          state->body_sum);
}

static void
tell_macro (const ConformanceState *state, const char *rest, GString *text)
{
  const char *value
      = milter_protocol_agent_get_macro (MILTER_PROTOCOL_AGENT (state->context), rest);

  if (value == NULL)
    g_string_append (text, "(none)");
  else
    g_string_append_printf (text, "[%s]", value);
}

/* as they were when the command came */
static void
tell_macros_at (const ConformanceState *state, const char *rest, GString *text)
{
  const GString *kept = strcmp (rest, "connect") == 0 ? state->connect_macro
                        : strcmp (rest, "mail") == 0  ? state->mail_macro
                                                      : state->rcpt_macros;

  g_string_append (text, kept->str);
}

static const struct
{
  const char *word;
  void (*append) (const ConformanceState *state, const char *rest, GString *text);
} things[] = {
  { "connect", tell_connect },
  { "helo", tell_helo },
  { "mail", tell_mail },
  { "rcpts", tell_rcpts },
  { "names", tell_names },
  { "header", tell_header },
  { "body", tell_body },
  { "macro", tell_macro },
  { "macros-at", tell_macros_at },
};

void
conformance_tell (ConformanceState *state, const char *what)
{
  gsize n = strcspn (what, " ");
  const char *rest = what + n + strspn (what + n, " ");

  for (gsize i = 0; i < G_N_ELEMENTS (things); i++)
    {
      g_autoptr (GString) text = NULL;

      if (strlen (things[i].word) != n || strncmp (things[i].word, what, n) != 0)
        continue;
      text = g_string_new (what);
      g_string_append (text, " = ");
      things[i].append (state, rest, text);
      conformance_add (state, "X-Told", text->str);
    }
}

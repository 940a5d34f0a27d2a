/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-acts.c: what X-Act asks for at the end of a message.
 */
#include <stdlib.h>
#include <string.h>

#include "conformance-private.h"

/* a body that is asked for by its size */
#define MAX_BODY (16u * 1024 * 1024)
#define LINE_SIZE 72

/* the next word of *text, which goes on behind it (transfer full) */
static char *
take_word (const char **text)
{
  const char *start = *text + strspn (*text, " \t");
  gsize n = strcspn (start, " \t");

  *text = start + n + strspn (start + n, " ");
  return g_strndup (start, n);
}

static guint32
take_number (const char **text)
{
  g_autofree char *word = take_word (text);

  return (guint32) strtoul (word, /* endptr= */ NULL, 10);
}

/* … of bytes */
static gsize
take_size (const char **text)
{
  gsize size = take_number (text);

  return MIN (size, MAX_BODY);
}

/* a value as it has to travel */
static char *
make_value (const ConformanceState *state, const char *value)
{
  return g_strconcat (state->leading_blank && *value != '\0' ? " " : "", value, NULL);
}

void
conformance_add (ConformanceState *state, const char *name, const char *value)
{
  g_autofree char *text = make_value (state, value);

  milter_client_context_add_header (state->context, name, text, /* error= */ NULL);
}

/* --- edits ------------------------------------------------------------------------------------ */

static void
do_add (ConformanceState *state, const char *text)
{
  g_autofree char *name = take_word (&text);

  conformance_add (state, name, text);
}

static void
do_insert (ConformanceState *state, const char *text)
{
  guint32 index = take_number (&text);
  g_autofree char *name = take_word (&text);
  g_autofree char *value = make_value (state, text);

  milter_client_context_insert_header (state->context, index, name, value, /* error= */ NULL);
}

static void
do_change (ConformanceState *state, const char *text)
{
  guint32 index = take_number (&text);
  g_autofree char *name = take_word (&text);
  g_autofree char *value = make_value (state, text);

  milter_client_context_change_header (state->context, name, index, value, /* error= */ NULL);
}

static void
do_delete (ConformanceState *state, const char *text)
{
  guint32 index = take_number (&text);
  g_autofree char *name = take_word (&text);

  milter_client_context_delete_header (state->context, name, index, /* error= */ NULL);
}

/* From the last one to the first: each finds its own, whatever the MTA counts (milter-protocol 3.8). */
static void
do_delete_all (ConformanceState *state, const char *text)
{
  g_autofree char *name = take_word (&text);
  guint32 n = 0;

  for (guint i = 0; i < state->names->len; i++)
    n += g_ascii_strcasecmp (g_ptr_array_index (state->names, i), name) == 0;
  for (; n > 0; n--)
    milter_client_context_delete_header (state->context, name, n, /* error= */ NULL);
}

static void
do_body (ConformanceState *state, const char *text)
{
  g_autofree char *body = g_strconcat (text, "\r\n", NULL);

  milter_client_context_replace_body (state->context, body, strlen (body), /* error= */ NULL);
}

/* lines of letters */
static void
do_bigbody (ConformanceState *state, const char *text)
{
  gsize size = take_size (&text);
  g_autofree char *body = g_malloc (size + 1);

  for (gsize i = 0; i < size; i++)
    body[i] = i % LINE_SIZE == LINE_SIZE - 2   ? '\r'
              : i % LINE_SIZE == LINE_SIZE - 1 ? '\n'
                                               : (char) ('a' + i / LINE_SIZE % 26);
  milter_client_context_replace_body (state->context, body, size, /* error= */ NULL);
}

static void
do_bigheader (ConformanceState *state, const char *text)
{
  gsize size = take_size (&text);
  g_autofree char *value = g_strnfill (size, 'x');

  conformance_add (state, "X-Big", value);
}

static void
do_quarantine (ConformanceState *state, const char *text)
{
  milter_client_context_quarantine (state->context, text);
}

static void
do_addrcpt (ConformanceState *state, const char *text)
{
  milter_client_context_add_recipient (
      state->context, text, /* parameters= */ NULL, /* error= */ NULL);
}

static void
do_addrcptpar (ConformanceState *state, const char *text)
{
  g_autofree char *address = take_word (&text);

  milter_client_context_add_recipient (state->context, address, text, /* error= */ NULL);
}

static void
do_delrcpt (ConformanceState *state, const char *text)
{
  milter_client_context_delete_recipient (state->context, text, /* error= */ NULL);
}

static void
do_from (ConformanceState *state, const char *text)
{
  g_autofree char *address = take_word (&text);

  milter_client_context_change_from (
      state->context, address, *text != '\0' ? text : NULL, /* error= */ NULL);
}

static void
do_progress (ConformanceState *state, const char *text)
{
  for (gsize n = take_size (&text); n > 0; n--)
    milter_client_context_progress (state->context);
}

static const struct
{
  const char *word;
  void (*run) (ConformanceState *state, const char *text);
} acts[] = {
  { "add", do_add },
  { "insert", do_insert },
  { "change", do_change },
  { "delete", do_delete },
  { "delete-all", do_delete_all },
  { "body", do_body },
  { "bigbody", do_bigbody },
  { "bigheader", do_bigheader },
  { "quarantine", do_quarantine },
  { "addrcpt", do_addrcpt },
  { "addrcptpar", do_addrcptpar },
  { "delrcpt", do_delrcpt },
  { "from", do_from },
  { "progress", do_progress },
  { "tell", conformance_tell },
};

/* --- verdicts --------------------------------------------------------------------------------- */

/* reply CODE X.Y.Z TEXT; lines of TEXT are parted by ` / ` */
static MilterStatus
set_reply (ConformanceState *state, const char *text)
{
  guint32 code = take_number (&text);
  g_autofree char *extended = take_word (&text);
  g_auto (GStrv) parts = g_strsplit (text, " / ", /* max_tokens= */ -1);
  g_autofree char *lines = g_strjoinv ("\n", parts);

  milter_client_context_set_reply (state->context, code, extended, lines, /* error= */ NULL);
  return code < 500 ? MILTER_STATUS_TEMPORARY_FAILURE : MILTER_STATUS_REJECT;
}

static MilterStatus
do_line (ConformanceState *state, const char *line, MilterStatus status)
{
  const char *text = line;
  g_autofree char *word = take_word (&text);
  const ConformanceVerdict *verdict;

  for (gsize i = 0; i < G_N_ELEMENTS (acts); i++)
    if (strcmp (acts[i].word, word) == 0)
      {
        acts[i].run (state, text);
        return status;
      }
  if (strcmp (word, "reply") == 0 && *text != '\0')
    return set_reply (state, text);
  verdict = conformance_find_verdict (word, "");
  return verdict != NULL ? conformance_do_verdict (state, verdict) : status;
}

MilterStatus
conformance_act (ConformanceState *state)
{
  MilterStatus status = MILTER_STATUS_CONTINUE;

  for (guint i = 0; i < state->acts->len; i++)
    status = do_line (state, g_ptr_array_index (state->acts, i), status);
  return status;
}

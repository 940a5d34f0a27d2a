/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-profile-macros.c: which macros travel before a command, and their values.
 *
 * A row's value is a template; what stands in its braces is worked out here from the facts of the
 * session (milter-protocol 5.2), a function a fact.
 */
#include "milter-profile-private.h"

#include <string.h>

/* what a template is filled in from */
typedef struct
{
  const MilterProfile *profile;
  const MilterProfileFacts *facts;
  guint8 command;
} Context;

typedef bool (*Fact) (const Context *context, GString *out);

static bool
append_bytes (MilterBytes bytes, GString *out)
{
  g_string_append_len (out, (const char *) bytes.data, (gssize) bytes.size);
  return bytes.size > 0;
}

static MilterBytes
without_brackets (MilterBytes address)
{
  if (address.size >= 2 && address.data[0] == '<' && address.data[address.size - 1] == '>')
    return milter_bytes (address.data + 1, address.size - 2);
  return address;
}

/* what stands behind the last @, nothing if there is none */
static MilterBytes
address_host (MilterBytes address)
{
  MilterBytes bare = without_brackets (address);
  const guint8 *at = bare.size == 0 ? NULL : memrchr (bare.data, '@', bare.size);

  if (at == NULL)
    return milter_bytes (NULL, 0);
  return milter_bytes (at + 1, bare.size - (gsize) (at + 1 - bare.data));
}

static bool
fact_address (const Context *context, GString *out)
{
  return append_bytes (context->facts->address, out);
}

static bool
fact_helo (const Context *context, GString *out)
{
  return append_bytes (context->facts->helo, out);
}

static bool
fact_message_id (const Context *context, GString *out)
{
  return append_bytes (context->facts->message_id, out);
}

/* a client without a verified name is called by its address in CONNECT, and "unknown" in macros */
static bool
fact_client_name (const Context *context, GString *out)
{
  MilterBytes host = context->facts->host;

  if (host.size > 0 && host.data[0] == '[')
    host = milter_bytes_from_string ("unknown");
  return append_bytes (host, out);
}

static bool
fact_port (const Context *context, GString *out)
{
  g_string_append_printf (out, "%u", context->facts->port);
  return context->facts->address.size > 0;
}

/* the null sender is known, and empty */
static bool
fact_sender (const Context *context, GString *out)
{
  append_bytes (without_brackets (context->facts->sender), out);
  return context->facts->has_sender;
}

static bool
fact_sender_host (const Context *context, GString *out)
{
  return append_bytes (address_host (context->facts->sender), out);
}

static bool
fact_recipient (const Context *context, GString *out)
{
  append_bytes (without_brackets (context->facts->recipient), out);
  return context->facts->has_recipient;
}

static bool
fact_recipient_host (const Context *context, GString *out)
{
  return append_bytes (address_host (context->facts->recipient), out);
}

/* Postfix opens a queue file with the first recipient that it takes, so that MAIL and the first
 * RCPT have no id yet (milter-protocol 5.2) */
static bool
fact_id (const Context *context, GString *out)
{
  const MilterProfile *profile = context->profile;
  const char *id = context->facts->queue_id;

  if (!context->facts->has_sender || context->command == MILTER_COMMAND_CONNECT
      || context->command == MILTER_COMMAND_HELO)
    return false;
  if (profile->id_from_recipient > 0
      && (context->command == MILTER_COMMAND_ENVELOPE_FROM
          || (context->command == MILTER_COMMAND_ENVELOPE_RECIPIENT
              && context->facts->n_recipients < profile->id_from_recipient)))
    return false;
  g_string_append (out, id != NULL ? id : profile->queue_id);
  return true;
}

static const struct
{
  const char *name;
  Fact append;
} fact_table[] = {
  { "address", fact_address },
  { "client-name", fact_client_name },
  { "helo", fact_helo },
  { "id", fact_id },
  { "message-id", fact_message_id },
  { "port", fact_port },
  { "recipient", fact_recipient },
  { "recipient-host", fact_recipient_host },
  { "sender", fact_sender },
  { "sender-host", fact_sender_host },
};

static bool append_template (const Context *context, const char *text, gsize size, GString *out);

/* `name` or `name|what stands there if it is not known`, which may hold facts of its own */
static bool
append_fact (const Context *context, const char *text, gsize size, GString *out)
{
  const char *bar = memchr (text, '|', size);
  gsize name_size = bar == NULL ? size : (gsize) (bar - text);
  gsize start = out->len;

  for (gsize i = 0; i < G_N_ELEMENTS (fact_table); i++)
    if (strlen (fact_table[i].name) == name_size
        && memcmp (fact_table[i].name, text, name_size) == 0
        && fact_table[i].append (context, out))
      return true;
  g_string_truncate (out, start);
  return bar != NULL && append_template (context, bar + 1, size - name_size - 1, out);
}

/* the } of the { at the start of @text */
static const char *
closing_brace (const char *text)
{
  guint depth = 0;

  for (;; text++)
    {
      depth += *text == '{';
      depth -= *text == '}';
      if (depth == 0)
        return text;
    }
}

/* false if some fact is unknown */
static bool
append_template (const Context *context, const char *text, gsize size, GString *out)
{
  const char *end = text + size;

  while (text < end)
    {
      const char *close;

      if (*text != '{')
        {
          g_string_append_c (out, *text++);
          continue;
        }
      close = closing_brace (text);
      if (!append_fact (context, text + 1, (gsize) (close - text - 1), out))
        return false;
      text = close + 1;
    }
  return true;
}

static void
append_pair (const char *name, const GString *value, GByteArray *pairs)
{
  milter_strings_append (pairs, milter_bytes_from_string (name));
  milter_strings_append (pairs, milter_bytes (value->str, value->len));
}

/* true if the macro has a value now and was appended */
static bool
append_macro (const Context *context, const MilterProfileMacro *macro, GByteArray *pairs)
{
  GString *value = g_string_new (NULL);
  bool known = append_template (context, macro->value, strlen (macro->value), value);

  if (known)
    append_pair (macro->name, value, pairs);
  g_string_free (value, TRUE);
  return known;
}

static MilterBytes
without_braces (MilterBytes name)
{
  if (name.size >= 2 && name.data[0] == '{' && name.data[name.size - 1] == '}')
    return milter_bytes (name.data + 1, name.size - 2);
  return name;
}

/* an MTA looks a requested macro up by name alone, so that any command can have any of them; the
 * row of the command itself goes first */
static const MilterProfileMacro *
find_macro (const Context *context, MilterBytes name)
{
  const MilterProfileMacro *found = NULL;

  for (const MilterProfileMacro *row = context->profile->macros; row->name != NULL; row++)
    if (milter_bytes_equal (without_braces (milter_bytes_from_string (row->name)),
                            without_braces (name))
        && (found == NULL || row->command == context->command))
      found = row;
  return found;
}

/* the next name of a list: names stand between blanks or commas */
static bool
next_symbol (MilterBytes *list, MilterBytes *name)
{
  while (list->size > 0 && strchr (" \t,", list->data[0]) != NULL && list->data[0] != '\0')
    {
      list->data++;
      list->size--;
    }
  name->data = list->data;
  name->size = 0;
  while (list->size > 0 && (list->data[0] == '\0' || strchr (" \t,", list->data[0]) == NULL))
    {
      list->data++;
      list->size--;
      name->size++;
    }
  return name->size > 0;
}

static void
append_requested (const Context *context, MilterBytes symbols, GByteArray *pairs)
{
  MilterBytes name;

  while (next_symbol (&symbols, &name))
    {
      const MilterProfileMacro *row = find_macro (context, name);

      if (row != NULL)
        append_macro (context, row, pairs);
    }
}

static bool
append_own (const Context *context, GByteArray *pairs)
{
  bool any = false;

  for (const MilterProfileMacro *row = context->profile->macros; row->name != NULL; row++)
    if (row->command == context->command && !row->on_request)
      any |= append_macro (context, row, pairs);
  return any;
}

gboolean
milter_profile_append_macros (const MilterProfile *profile,
                              guint8 command,
                              const MilterProfileFacts *facts,
                              const MilterBytes *symbols,
                              GByteArray *pairs)
{
  Context context = { profile, facts, command };
  MilterBytes list = symbols != NULL ? *symbols : milter_bytes (NULL, 0);
  MilterBytes rest = list;
  MilterBytes first;
  bool empty = !next_symbol (&rest, &first);

  if (symbols == NULL || strchr (profile->macros_by_request, command) == NULL
      || (empty && profile->empty_list_is_default))
    return append_own (&context, pairs) || strchr (profile->empty_macro_frames, command) != NULL;
  /* sendmail: no frame for an empty list, and an empty frame if nothing on the list has a value */
  if (empty)
    return FALSE;
  append_requested (&context, list, pairs);
  return TRUE;
}

int
milter_profile_macro_stage (guint8 command)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, command);

  if (command == MILTER_COMMAND_HEADER)
    return MILTER_MACRO_STAGE_END_OF_HEADER;
  if (command == MILTER_COMMAND_BODY)
    return MILTER_MACRO_STAGE_END_OF_MESSAGE;
  return spec == NULL ? -1 : spec->stage;
}

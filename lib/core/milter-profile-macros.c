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
  GString *value; /* (nullable) of the macro that is written; made with the first one */
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

/* without a source route (`@relay:`), which both MTAs leave out */
static MilterBytes
bare_address (MilterBytes address)
{
  MilterBytes bare = without_brackets (address);
  const guint8 *colon = bare.size > 0 && bare.data[0] == '@' ? memchr (bare.data, ':', bare.size) : NULL;

  if (colon == NULL)
    return bare;
  return milter_bytes (colon + 1, bare.size - (gsize) (colon + 1 - bare.data));
}

/* what stands behind the last @, nothing if there is none */
static MilterBytes
address_host (MilterBytes address)
{
  MilterBytes bare = bare_address (address);
  const guint8 *at = bare.size == 0 ? NULL : memrchr (bare.data, '@', bare.size);

  if (at == NULL)
    return milter_bytes (NULL, 0);
  return milter_bytes (at + 1, bare.size - (gsize) (at + 1 - bare.data));
}

static void
fold (GString *text, gsize start)
{
  for (gsize i = start; i < text->len; i++)
    text->str[i] = g_ascii_tolower (text->str[i]);
}

static bool
append_host (const Context *context, MilterBytes address, GString *out)
{
  gsize start = out->len;
  bool known = append_bytes (address_host (address), out);

  if (context->profile->folds_hosts)
    fold (out, start);
  return known;
}

/* as the MTA rewrites it */
static void
append_address (const Context *context, MilterBytes address, GString *out)
{
  const MilterProfile *profile = context->profile;
  MilterBytes bare = bare_address (address);
  gsize start = out->len;

  append_bytes (bare, out);
  if (bare.size > 0 && profile->local_host != NULL && address_host (address).size == 0)
    g_string_append_printf (out, "@%s", profile->local_host);
  if (profile->folds_addresses)
    fold (out, start);
}

static bool
fact_address (const Context *context, GString *out)
{
  return append_bytes (context->facts->address, out);
}

static bool
fact_version (const Context *context, GString *out)
{
  g_string_append (out, context->profile->version);
  return *context->profile->version != '\0';
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
fact_client_name_found (const Context *context, GString *out)
{
  MilterBytes host = context->facts->host;

  return host.size > 0 && host.data[0] != '[' && append_bytes (host, out);
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
  append_address (context, context->facts->sender, out);
  return context->facts->has_sender;
}

static bool
fact_sender_host (const Context *context, GString *out)
{
  return append_host (context, context->facts->sender, out);
}

static bool
fact_recipient (const Context *context, GString *out)
{
  append_address (context, context->facts->recipient, out);
  return context->facts->has_recipient;
}

static bool
fact_recipient_host (const Context *context, GString *out)
{
  return append_host (context, context->facts->recipient, out);
}

static bool
fact_first_recipient (const Context *context, GString *out)
{
  append_address (context, context->facts->first_recipient, out);
  return context->facts->first_recipient.size > 0;
}

static bool
fact_first_recipient_host (const Context *context, GString *out)
{
  return append_host (context, context->facts->first_recipient, out);
}

static bool
fact_recipients (const Context *context, GString *out)
{
  g_string_append_printf (out, "%u", context->facts->n_recipients);
  return context->facts->has_sender;
}

/* Postfix opens a queue file with the first recipient that it takes, so that MAIL and the first
 * RCPT have no id yet; sendmail has one for the next message always (milter-protocol 5.2) */
static bool
knows_id (const Context *context)
{
  guint first = context->profile->id_from_recipient;

  if (first == 0)
    return true;
  if (!context->facts->has_sender || strchr ("CHM", context->command) != NULL)
    return false;
  return context->command != MILTER_COMMAND_ENVELOPE_RECIPIENT
         || context->facts->n_recipients >= first;
}

static bool
fact_id (const Context *context, GString *out)
{
  const char *id = context->facts->queue_id;

  if (!knows_id (context))
    return false;
  if (id == NULL)
    id = context->profile->queue_id;
  for (; *id != '\0'; id++)
    if (*id == '#')
      g_string_append_printf (out, "%X", context->facts->n_message);
    else
      g_string_append_c (out, *id);
  return true;
}

static const struct
{
  const char *name;
  Fact append;
} fact_table[] = {
  { "address", fact_address },
  { "client-name", fact_client_name },
  { "client-name-found", fact_client_name_found },
  { "first-recipient", fact_first_recipient },
  { "first-recipient-host", fact_first_recipient_host },
  { "helo", fact_helo },
  { "id", fact_id },
  { "message-id", fact_message_id },
  { "port", fact_port },
  { "recipient", fact_recipient },
  { "recipient-host", fact_recipient_host },
  { "recipients", fact_recipients },
  { "sender", fact_sender },
  { "sender-host", fact_sender_host },
  { "version", fact_version },
};

static bool append_template (const Context *context, const char *text, gsize size, GString *out);

/* the first of the letters in @text that is not within braces of its own */
static const char *
find_outside (const char *text, gsize size, const char *letters)
{
  guint depth = 0;

  for (gsize i = 0; i < size; i++)
    {
      if (depth == 0 && strchr (letters, text[i]) != NULL)
        return text + i;
      depth += text[i] == '{';
      depth -= text[i] == '}';
    }
  return NULL;
}

static bool
append_known (const Context *context, const char *name, gsize size, GString *out)
{
  for (gsize i = 0; i < G_N_ELEMENTS (fact_table); i++)
    if (strlen (fact_table[i].name) == size && memcmp (fact_table[i].name, name, size) == 0)
      return fact_table[i].append (context, out);
  return false;
}

/* what stands between braces: `name`, `name|other`, `name?text|other` */
static bool
append_fact (const Context *context, const char *text, gsize size, GString *out)
{
  const char *end = text + size;
  const char *mark = find_outside (text, size, "?|");
  const char *name_end = mark == NULL ? end : mark;
  const char *bar = mark == NULL ? NULL : find_outside (mark, (gsize) (end - mark), "|");
  gsize start = out->len;
  bool known = append_known (context, text, (gsize) (name_end - text), out);

  if (known && (mark == NULL || *mark == '|'))
    return true;
  g_string_truncate (out, start);
  if (known)
    return append_template (context, mark + 1, (gsize) ((bar == NULL ? end : bar) - mark - 1), out);
  return bar != NULL && append_template (context, bar + 1, (gsize) (end - bar - 1), out);
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
      const char *brace = memchr (text, '{', (gsize) (end - text));
      const char *close;

      if (brace != text)
        {
          const char *stop = brace != NULL ? brace : end;

          g_string_append_len (out, text, stop - text);
          text = stop;
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
append_macro (Context *context, const MilterProfileMacro *macro, GByteArray *pairs)
{
  bool known;

  if (context->value == NULL)
    context->value = g_string_new (NULL);
  g_string_truncate (context->value, 0);
  known = append_template (context, macro->value, strlen (macro->value), context->value);
  if (known)
    append_pair (macro->name, context->value, pairs);
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
        && (row->asked == NULL || strchr (row->asked, context->command) != NULL)
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
append_requested (Context *context, MilterBytes symbols, GByteArray *pairs)
{
  MilterBytes name;

  while (next_symbol (&symbols, &name))
    {
      const MilterProfileMacro *row = find_macro (context, name);

      if (row != NULL)
        append_macro (context, row, pairs);
      else if (context->profile->makes_up_macros)
        {
          milter_strings_append (pairs, name);
          milter_strings_append (pairs, without_braces (name));
        }
    }
}

static bool
append_own (Context *context, GByteArray *pairs)
{
  bool any = false;

  for (const MilterProfileMacro *row = context->profile->macros; row->name != NULL; row++)
    if (row->command == context->command && !row->on_request)
      any |= append_macro (context, row, pairs);
  return any;
}

/* The stage whose symbol list decides about the macros of a command, -1 if none does: Postfix's
 * HEADER goes with the end of the header, BODY with the end of the message (milter-protocol 2.5) */
static int
macro_stage (guint8 command)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, command);

  if (command == MILTER_COMMAND_HEADER)
    return MILTER_MACRO_STAGE_END_OF_HEADER;
  if (command == MILTER_COMMAND_BODY)
    return MILTER_MACRO_STAGE_END_OF_MESSAGE;
  return spec == NULL ? -1 : spec->stage;
}

/* whether the milter's list decides, and that list */
static bool
find_list (const Context *context, GBytes *const *symbols, MilterBytes *list)
{
  const MilterProfile *profile = context->profile;
  int stage = macro_stage (context->command);
  int deciding = stage;
  gsize size = 0;
  const guint8 *names;

  *list = milter_bytes (NULL, 0);
  if (stage < 0 || strchr (profile->macros_by_request, context->command) == NULL)
    return false;
  if (profile->eom_list_with_eoh && stage == MILTER_MACRO_STAGE_END_OF_MESSAGE)
    deciding = MILTER_MACRO_STAGE_END_OF_HEADER;
  if (symbols[deciding] == NULL)
    return false;
  names = symbols[stage] == NULL ? NULL : g_bytes_get_data (symbols[stage], &size);
  *list = milter_bytes (names, size);
  return true;
}

static bool
append_all (Context *context, GBytes *const *symbols, GByteArray *pairs)
{
  const MilterProfile *profile = context->profile;
  MilterBytes list, rest, first;
  bool asked = find_list (context, symbols, &list);
  bool empty;

  rest = list;
  empty = !next_symbol (&rest, &first);
  if (!asked || (empty && profile->empty_list_is_default))
    return append_own (context, pairs)
           || strchr (profile->empty_macro_frames, context->command) != NULL;
  /* sendmail: no frame for an empty list, and an empty frame if nothing on the list has a value */
  if (empty)
    return false;
  append_requested (context, list, pairs);
  return true;
}

gboolean
milter_profile_append_macros (const MilterProfile *profile,
                              guint8 command,
                              const MilterProfileFacts *facts,
                              GBytes *const symbols[MILTER_N_MACRO_STAGES],
                              GByteArray *pairs)
{
  Context context = { .profile = profile, .facts = facts, .command = command };
  bool any = append_all (&context, symbols, pairs);

  if (context.value != NULL)
    g_string_free (context.value, TRUE);
  return any;
}

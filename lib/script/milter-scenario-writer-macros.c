/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-scenario-writer-macros.c: the macros of a recording that an MTA does not send by itself.
 *
 * Queue ids are others each time, and nobody expects them to be the same: they are left to the profile,
 * and so is what is made of them, as {msg_id}; unless the milter quotes them in what it answers.
 */
#include "milter-scenario-writer-private.h"

#include <string.h>

#include "milter-payload.h"
#include "milter-text.h"

/* shorter ones occur anywhere */
#define MIN_QUEUE_ID 5u

typedef struct
{
  const MilterExchanges *exchanges;
  GString *recorded_id, *played_id; /* the latest */
} Finder;

static void
macro_free (gpointer data)
{
  MilterWrittenMacro *macro = data;

  g_bytes_unref (macro->name);
  g_clear_pointer (&macro->value, g_bytes_unref);
  g_free (macro);
}

static bool
next_pair (MilterBytes *pairs, MilterBytes *name, MilterBytes *value)
{
  return milter_strings_next (pairs, name) && milter_strings_next (pairs, value);
}

/* the last one counts, as with a milter */
static bool
find_played (MilterBytes pairs, MilterBytes wanted, MilterBytes *found)
{
  MilterBytes name, value;
  bool any = false;

  while (next_pair (&pairs, &name, &value))
    if (milter_bytes_equal (name, wanted))
      {
        *found = value;
        any = true;
      }
  return any;
}

static const MilterMacroItem *
find_recorded (const MilterExchange *exchange, MilterBytes wanted)
{
  for (guint i = exchange->macros->len; i > 0; i--)
    {
      const MilterMacroItem *item = g_ptr_array_index (exchange->macros, i - 1);

      if (milter_bytes_equal (milter_payload_view (item->name), wanted))
        return item;
    }
  return NULL;
}

static bool
is_id (MilterBytes name)
{
  return milter_bytes_equal_string (name, "i");
}

static bool
holds (MilterBytes bytes, const GString *what)
{
  return what->len >= MIN_QUEUE_ID && bytes.size >= what->len
         && memmem (bytes.data, bytes.size, what->str, what->len) != NULL;
}

/* the milter makes something of the id */
static bool
is_id_quoted (const Finder *finder, const GString *id)
{
  for (guint i = 0; i < finder->exchanges->all->len; i++)
    {
      const GPtrArray *replies = milter_exchanges_get (finder->exchanges, i)->replies;

      for (guint r = 0; r < replies->len; r++)
        if (holds (milter_payload_view (g_ptr_array_index (replies, r)), id))
          return true;
    }
  return false;
}

static bool
is_same_but_for_id (const Finder *finder, MilterBytes recorded, MilterBytes played)
{
  g_autoptr (GString) text = NULL;

  if (!holds (recorded, finder->recorded_id) || is_id_quoted (finder, finder->recorded_id))
    return false;
  text = g_string_new_len ((const char *) recorded.data, (gssize) recorded.size);
  g_string_replace (text, finder->recorded_id->str, finder->played_id->str, 0);
  return milter_bytes_equal (milter_bytes (text->str, text->len), played);
}

static void
note_id (GString *id, bool known, MilterBytes value)
{
  if (known)
    {
      g_string_truncate (id, 0);
      g_string_append_len (id, (const char *) value.data, (gssize) value.size);
    }
}

static void
note_ids (Finder *finder, const MilterExchange *exchange, MilterBytes played)
{
  const MilterMacroItem *item = find_recorded (exchange, milter_bytes_from_string ("i"));
  MilterBytes id = { 0 };
  bool any = find_played (played, milter_bytes_from_string ("i"), &id);

  note_id (finder->played_id, any, id);
  if (item != NULL && item->value != NULL)
    note_id (finder->recorded_id, true, milter_payload_view (item->value));
}

/* Before each piece of the content the id is said again, which nobody wants to read: milters that need it look
 * at the end of the message, where it is said, too. */
static bool
may_say_id (const Finder *finder, guint8 letter)
{
  return strchr ("LNB", letter) == NULL && is_id_quoted (finder, finder->recorded_id);
}

static void
add (GPtrArray **macros, GBytes *name, GBytes *value)
{
  MilterWrittenMacro *macro = g_new0 (MilterWrittenMacro, 1);

  if (*macros == NULL)
    *macros = g_ptr_array_new_with_free_func (macro_free);
  macro->name = g_bytes_ref (name);
  macro->value = value != NULL ? g_bytes_ref (value) : NULL;
  g_ptr_array_add (*macros, macro);
}

static void
add_missing (const MilterExchange *exchange, MilterBytes played, GPtrArray **macros)
{
  MilterBytes name, value;

  while (next_pair (&played, &name, &value))
    {
      g_autoptr (GBytes) copy = NULL;

      if (is_id (name) || find_recorded (exchange, name) != NULL)
        continue;
      copy = g_bytes_new (name.data, name.size);
      add (macros, copy, /* value= */ NULL);
    }
}

/* (transfer full) (nullable) */
static GPtrArray *
compare (Finder *finder, const MilterExchange *exchange, MilterBytes played)
{
  GPtrArray *macros = NULL;

  note_ids (finder, exchange, played);
  for (guint i = 0; i < exchange->macros->len; i++)
    {
      const MilterMacroItem *item = g_ptr_array_index (exchange->macros, i);
      MilterBytes name = milter_payload_view (item->name), value = { 0 };
      MilterBytes recorded = milter_payload_view (item->value);
      bool sent = find_played (played, name, &value);

      if (item != find_recorded (exchange, name) || (sent && milter_bytes_equal (recorded, value)))
        continue;
      if (is_id (name) ? may_say_id (finder, exchange->letter)
                       : !(sent && is_same_but_for_id (finder, recorded, value)))
        add (&macros, item->name, item->value);
    }
  add_missing (exchange, played, &macros);
  return macros;
}

static void
unref_array (gpointer data)
{
  if (data != NULL)
    g_ptr_array_unref (data);
}

GPtrArray *
milter_written_macros_find (const MilterExchanges *exchanges, const MilterRehearsal *rehearsal)
{
  g_autoptr (GString) recorded_id = g_string_new (NULL), played_id = g_string_new (NULL);
  Finder finder = { exchanges, recorded_id, played_id };
  GPtrArray *result = g_ptr_array_new_with_free_func (unref_array);

  for (guint i = 0; i < exchanges->all->len && i < rehearsal->macros->len; i++)
    g_ptr_array_add (result,
                     compare (&finder,
                              milter_exchanges_get (exchanges, i),
                              milter_payload_view (g_ptr_array_index (rehearsal->macros, i))));
  return result;
}

guint
milter_written_macros_count (const GPtrArray *macros)
{
  guint n = 0;

  for (guint i = 0; i < macros->len; i++)
    {
      const GPtrArray *of_command = g_ptr_array_index (macros, i);

      n += of_command != NULL ? of_command->len : 0;
    }
  return n;
}

/* A name without anything that a reader of a line would take for something else. */
static bool
is_plain_name (MilterBytes name)
{
  for (gsize i = 0; i < name.size; i++)
    if (!g_ascii_isalnum (name.data[i]) && strchr ("_{}-.", name.data[i]) == NULL)
      return false;
  return name.size > 0 && name.data[0] != '-';
}

bool
milter_written_macros_append (guint8 stage, const GPtrArray *macros, GString *text)
{
  g_autoptr (GByteArray) payload = g_byte_array_new ();
  MilterMessage message;

  milter_payload_append (payload, milter_bytes (&stage, 1));
  for (guint i = 0; i < macros->len; i++)
    {
      const MilterWrittenMacro *macro = g_ptr_array_index (macros, i);

      if (!is_plain_name (milter_payload_view (macro->name)))
        return false;
      if (macro->value == NULL)
        continue;
      milter_payload_append_string (payload, milter_payload_view (macro->name));
      milter_payload_append_string (payload, milter_payload_view (macro->value));
    }
  milter_message_parse (MILTER_SIDE_MTA,
                        MILTER_COMMAND_DEFINE_MACRO,
                        milter_bytes (payload->data, payload->len),
                        &message);
  milter_message_append_text (&message, MILTER_TEXT_PLAIN, text);
  for (guint i = 0; i < macros->len; i++)
    {
      const MilterWrittenMacro *macro = g_ptr_array_index (macros, i);
      MilterBytes name = milter_payload_view (macro->name);

      if (macro->value == NULL)
        g_string_append_printf (text, " -%.*s", (int) name.size, (const char *) name.data);
    }
  return !g_str_has_prefix (text->str, "frame ");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message-json.c: a message as members of a JSON object, field by field as its row says.
 */
#include "message-json.h"

#include <string.h>

#include "report-lines.h"

const char *
message_name_side (MilterSide side)
{
  return side == MILTER_SIDE_MTA ? "mta" : "milter";
}

/* members of an object, and items of a list, have commas between them */
static void
append_comma (GString *out)
{
  if (out->len > 0 && strchr ("{[", out->str[out->len - 1]) == NULL)
    g_string_append_c (out, ',');
}

static void
append_member (const char *name, MilterBytes bytes, GString *out)
{
  append_comma (out);
  report_append_json (out, name, bytes);
}

static void
append_text (const char *name, const char *text, GString *out)
{
  append_member (name, milter_bytes_from_string (text), out);
}

static void
append_number (const char *name, guint32 number, GString *out)
{
  append_comma (out);
  g_string_append_printf (out, "\"%s\":%u", name, number);
}

/* --- strings ------------------------------------------------------------------------------------ */

/* an item of a list, or of what is in it */
static void
append_string (MilterBytes string, bool encoded, GString *out)
{
  g_autofree char *base64 = NULL;

  if (!encoded)
    {
      report_append_json_string (out, string);
      return;
    }
  base64 = g_base64_encode (string.data, string.size);
  g_string_append_printf (out, "\"%s\"", base64);
}

static bool
has_foreign (MilterBytes strings)
{
  MilterBytes string;

  while (milter_strings_next (&strings, &string))
    if (!report_is_utf8 (string))
      return true;
  return false;
}

static void
begin_list (const char *name, bool encoded, char bracket, GString *out)
{
  append_comma (out);
  g_string_append_printf (out, "\"%s%s\":%c", name, encoded ? "_base64" : "", bracket);
}

static void
append_strings (const char *name, MilterBytes strings, GString *out)
{
  bool encoded = has_foreign (strings);
  MilterBytes string;

  begin_list (name, encoded, '[', out);
  while (milter_strings_next (&strings, &string))
    {
      append_comma (out);
      append_string (string, encoded, out);
    }
  g_string_append_c (out, ']');
}

static void
append_pairs (const char *name, MilterBytes pairs, GString *out)
{
  bool encoded = has_foreign (pairs);
  MilterBytes key, value;

  begin_list (name, encoded, encoded ? '[' : '{', out);
  while (milter_strings_next (&pairs, &key) && milter_strings_next (&pairs, &value))
    {
      append_comma (out);
      if (encoded)
        g_string_append_c (out, '[');
      append_string (key, encoded, out);
      g_string_append_c (out, encoded ? ',' : ':');
      append_string (value, encoded, out);
      if (encoded)
        g_string_append_c (out, ']');
    }
  g_string_append_c (out, encoded ? ']' : '}');
}

/* --- other fields ------------------------------------------------------------------------------- */

static void
append_symbol_lists (const char *name, MilterBytes lists, GString *out)
{
  MilterBytes names;
  guint32 stage;

  begin_list (name, /* encoded= */ false, '[', out);
  while (milter_symbol_lists_next (&lists, &stage, &names))
    {
      const char *word = milter_macro_stage_to_word (stage);

      append_comma (out);
      if (word != NULL)
        g_string_append_printf (out, "{\"stage\":\"%s\"", word);
      else
        g_string_append_printf (out, "{\"stage\":%u", stage);
      append_member ("names", names, out);
      g_string_append_c (out, '}');
    }
  g_string_append_c (out, ']');
}

static void
append_address (const char *name, const MilterAddress *address, GString *out)
{
  append_comma (out);
  g_string_append_printf (out, "\"%s\":{\"family\":\"%c\"", name, address->family);
  if (address->family != 'U')
    {
      append_number ("port", address->port, out);
      append_member ("text", address->text, out);
    }
  g_string_append_c (out, '}');
}

static void
append_field (const MilterFieldSpec *spec, const MilterField *field, GString *out)
{
  guint8 byte = (guint8) field->number;

  switch (spec->layout)
    {
    case MILTER_LAYOUT_NONE:
      return;
    case MILTER_LAYOUT_STRING:
    case MILTER_LAYOUT_REST:
      append_member (spec->name, field->bytes, out);
      return;
    case MILTER_LAYOUT_STRINGS:
      append_strings (spec->name, field->bytes, out);
      return;
    case MILTER_LAYOUT_PAIRS:
      append_pairs (spec->name, field->bytes, out);
      return;
    case MILTER_LAYOUT_U32:
      append_number (spec->name, field->number, out);
      return;
    case MILTER_LAYOUT_BYTE:
      append_member (spec->name, milter_bytes (&byte, 1), out);
      return;
    case MILTER_LAYOUT_SYMBOL_LISTS:
      append_symbol_lists (spec->name, field->bytes, out);
      return;
    case MILTER_LAYOUT_ADDRESS:
      append_address (spec->name, &field->address, out);
      return;
    }
}

static void
append_fault (const MilterMessage *message, GString *out)
{
  g_autoptr (GError) fault = milter_message_get_fault (message);

  append_text ("fault", fault->message, out);
  append_member ("payload", message->payload, out);
}

void
message_append_json (const MilterMessage *message, GString *out)
{
  const MilterSpec *spec = message->spec;

  append_text ("from", message_name_side (message->sender), out);
  append_member ("letter", milter_bytes (&message->letter, 1), out);
  if (spec != NULL)
    {
      append_text ("name", spec->field_name, out);
      append_text ("word", spec->word, out);
    }
  if (spec == NULL || message->fault != MILTER_NO_FAULT)
    {
      append_fault (message, out);
      return;
    }
  g_string_append (out, ",\"fields\":{");
  for (gsize i = 0; i < G_N_ELEMENTS (spec->fields); i++)
    append_field (&spec->fields[i], &message->fields[i], out);
  g_string_append_c (out, '}');
}

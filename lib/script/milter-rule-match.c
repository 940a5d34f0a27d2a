/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-rule-match.c: whether an event is the one of a rule; and if not, why.
 */
#include "milter-responder-private.h"

#include <string.h>

#include "milter-judge-private.h"
#include "milter-payload.h"

static guint8
rule_letter (const MilterRule *rule)
{
  return rule->spec != NULL ? rule->spec->letter : MILTER_EVENT_CLOSE;
}

static bool
is_sound (const MilterEvent *event)
{
  return event->message == NULL || event->message->fault == MILTER_NO_FAULT;
}

bool
milter_rule_is_about (const MilterRule *rule, const MilterEvent *event)
{
  if (rule_letter (rule) != event->letter)
    return false;
  return rule->name == NULL || !is_sound (event)
         || milter_bytes_equal_caseless (event->message->fields[0].bytes,
                                         milter_payload_view (rule->name));
}

/* --- why not ---------------------------------------------------------------------------------- */

static bool
tell (GString *why, const char *what, const MilterPattern *pattern)
{
  if (why == NULL)
    return false;
  g_string_append (why, what);
  milter_pattern_append_text (pattern, why);
  return false;
}

static bool
tell_field (GString *why, const char *name, const MilterPattern *pattern)
{
  g_autofree char *what = g_strdup_printf ("its %s does not match ", name);

  return tell (why, what, pattern);
}

/* --- arguments -------------------------------------------------------------------------------- */

/* an address of CONNECT as a scenario writes it: that of a path with `unix:`, of IPv6 also without
 * the prefix that sendmail puts before it (milter-protocol 4) */
static bool
address_matches (const MilterPattern *pattern, const MilterAddress *address)
{
  static const char prefix[] = "IPv6:";
  g_autoptr (GString) text = NULL;

  if (address->family == 'U')
    return milter_pattern_matches (pattern, milter_bytes_from_string ("unknown"));
  if (address->family == 'L')
    {
      text = g_string_new ("unix:");
      if (address->text.size > 0)
        g_string_append_len (text, (const char *) address->text.data, (gssize) address->text.size);
      return milter_pattern_matches (pattern, milter_bytes (text->str, text->len));
    }
  if (milter_pattern_matches (pattern, address->text))
    return true;
  if (address->text.size < strlen (prefix)
      || g_ascii_strncasecmp ((const char *) address->text.data, prefix, strlen (prefix)) != 0)
    return false;
  return milter_pattern_matches (
      pattern,
      milter_bytes (address->text.data + strlen (prefix), address->text.size - strlen (prefix)));
}

static bool
port_matches (const MilterRule *rule, const MilterMessage *message, GString *why)
{
  char digits[8];

  if (rule->port == NULL)
    return true;
  g_snprintf (digits, sizeof digits, "%u", message->fields[1].address.port);
  return milter_pattern_matches (rule->port, milter_bytes_from_string (digits))
         || tell_field (why, "port", rule->port);
}

/* some ESMTP argument */
static bool
any_matches (const MilterPattern *pattern, MilterBytes packed)
{
  MilterBytes argument;

  while (milter_strings_next (&packed, &argument))
    if (milter_pattern_matches (pattern, argument))
      return true;
  return false;
}

static bool
field_matches (const MilterRule *rule,
               const MilterEvent *event,
               guint field,
               const MilterPattern *pattern,
               GString *why)
{
  const MilterFieldSpec *spec = &event->message->spec->fields[field];
  const MilterField *value = &event->message->fields[field];
  bool matches;

  if (spec->layout == MILTER_LAYOUT_STRINGS)
    return any_matches (pattern, value->bytes)
           || tell (why, "none of its arguments matches ", pattern);
  if (spec->layout == MILTER_LAYOUT_ADDRESS)
    matches = address_matches (pattern, &value->address);
  else if (event->letter == MILTER_COMMAND_HEADER)
    /* without HDR_LEADSPC nobody knows whether there was a blank */
    matches = milter_judge_field (pattern,
                                  rule->leading_blank || !event->leading_space,
                                  value->bytes,
                                  event->leading_space,
                                  /* undecided= */ false);
  else if (event->message->spec->in_message && field == 0 && spec->layout == MILTER_LAYOUT_STRING)
    matches = milter_judge_address (pattern, value->bytes, /* undecided= */ false);
  else
    matches = milter_pattern_matches (pattern, value->bytes);
  return matches || tell_field (why, spec->name, pattern);
}

/* the value of a field, the arguments of others in their order, the last one as often as there are
 * patterns */
static bool
arguments_match (const MilterRule *rule, const MilterEvent *event, GString *why)
{
  guint first = event->letter == MILTER_COMMAND_HEADER ? 1 : 0;

  for (guint i = 0; i < rule->patterns->len; i++)
    if (!field_matches (
            rule, event, MIN (first + i, 1), g_ptr_array_index (rule->patterns, i), why))
      return false;
  return true;
}

/* --- macros, negotiation ---------------------------------------------------------------------- */

static bool
tell_macro (GString *why, const char *name, const char *value, const MilterPattern *pattern)
{
  if (why == NULL)
    return false;
  if (value == NULL)
    {
      g_autofree char *none = g_strdup_printf ("it has no macro %s, to match ", name);

      return tell (why, none, pattern);
    }
  g_string_append_printf (why, "its macro %s is ", name);
  milter_text_append_quoted (milter_bytes_from_string (value), MILTER_TEXT_SHORT, why);
  return tell (why, ", which does not match ", pattern);
}

static bool
macros_match (const MilterRule *rule, const MilterEvent *event, GString *why)
{
  for (guint i = 0; i < rule->macro_names->len; i++)
    {
      MilterBytes name = milter_payload_view (g_ptr_array_index (rule->macro_names, i));
      const MilterPattern *pattern = g_ptr_array_index (rule->macro_patterns, i);
      g_autofree char *key = g_strndup ((const char *) name.data, name.size);
      const char *value
          = event->macros != NULL ? milter_macros_lookup (event->macros, event->letter, key) : NULL;

      if (value == NULL || !milter_pattern_matches (pattern, milter_bytes_from_string (value)))
        return tell_macro (why, key, value, pattern);
    }
  return true;
}

static bool
offer_matches (const MilterRule *rule, const MilterEvent *event, GString *why)
{
  if (event->letter != MILTER_COMMAND_NEGOTIATE
      || milter_judge_negotiate (&rule->negotiate, event->message))
    return true;
  if (why != NULL)
    g_string_append (why, "it offers something else");
  return false;
}

static bool
number_matches (const MilterRule *rule, guint64 nth, GString *why)
{
  if (rule->index == 0 || rule->index == nth)
    return true;
  if (why != NULL)
    g_string_append_printf (why,
                            "it is number %" G_GUINT64_FORMAT " of its %s, not %u",
                            nth,
                            milter_rule_span_to_string (milter_rule_event_get (rule->spec)->span),
                            rule->index);
  return false;
}

static bool
client_matches (const MilterRule *rule, const MilterEvent *event, GString *why)
{
  return rule->client == NULL
         || (event->client.data != NULL && milter_pattern_matches (rule->client, event->client))
         || tell_field (why, "client", rule->client);
}

bool
milter_rule_matches_raw (const MilterRule *rule, const MilterEvent *event)
{
  const MilterPattern *payload
      = rule->patterns->len > 0 ? g_ptr_array_index (rule->patterns, 0) : NULL;

  if (event->message == NULL)
    return rule->letter == 0
           && (payload == NULL || milter_pattern_matches (payload, event->garbage))
           && client_matches (rule, event, NULL);
  return rule->letter == event->message->letter
         && (payload == NULL || milter_pattern_matches (payload, event->message->payload))
         && client_matches (rule, event, NULL) && macros_match (rule, event, NULL);
}

bool
milter_rule_matches (const MilterRule *rule, const MilterEvent *event, guint64 nth, GString *why)
{
  if (!is_sound (event))
    {
      g_autoptr (GError) fault = why != NULL ? milter_message_get_fault (event->message) : NULL;

      if (fault != NULL)
        g_string_append_printf (why, "it is malformed: %s", fault->message);
      return false;
    }
  return number_matches (rule, nth, why)
         && (event->message == NULL
             || (offer_matches (rule, event, why) && arguments_match (rule, event, why)
                 && port_matches (rule, event->message, why)))
         && client_matches (rule, event, why) && macros_match (rule, event, why);
}

/* --- for reports ------------------------------------------------------------------------------ */

char *
milter_event_describe (const MilterEvent *event)
{
  MilterTextFlags flags
      = MILTER_TEXT_SHORT | (event->leading_space ? MILTER_TEXT_LEADING_SPACE : 0);

  if (event->message == NULL)
    return g_strdup ("close");
  return milter_message_to_text (event->message, flags);
}

static bool
any_gave_up (const GPtrArray *patterns)
{
  for (guint i = 0; i < patterns->len; i++)
    if (milter_pattern_gave_up (g_ptr_array_index (patterns, i)))
      return true;
  return false;
}

bool
milter_rule_gave_up (const MilterRule *rule)
{
  return any_gave_up (rule->patterns) || any_gave_up (rule->macro_patterns)
         || milter_pattern_gave_up (rule->port) || milter_pattern_gave_up (rule->client);
}

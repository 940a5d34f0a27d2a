/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-payload.c: payloads as lines of a scenario write them.
 */
#include "milter-payload.h"

#include "milter-smtp-reply.h"

MilterBytes
milter_payload_view (GBytes *bytes)
{
  gsize size = 0;
  const guint8 *data = bytes == NULL ? NULL : g_bytes_get_data (bytes, &size);

  return milter_bytes (data, size);
}

void
milter_payload_append (GByteArray *payload, MilterBytes bytes)
{
  if (bytes.size > 0)
    g_byte_array_append (payload, bytes.data, bytes.size);
}

void
milter_payload_append_string (GByteArray *payload, MilterBytes bytes)
{
  milter_payload_append (payload, bytes);
  g_byte_array_append (payload, (const guint8 *) "", 1);
}

void
milter_payload_append_u32 (GByteArray *payload, guint32 number)
{
  guint32 wire = GUINT32_TO_BE (number);

  g_byte_array_append (payload, (const guint8 *) &wire, 4);
}

GBytes *
milter_payload_strings (const GPtrArray *strings, const char *fallback)
{
  GByteArray *payload = g_byte_array_new ();

  if (strings == NULL || strings->len == 0)
    milter_payload_append_string (payload, milter_bytes_from_string (fallback));
  for (guint i = 0; strings != NULL && i < strings->len; i++)
    milter_payload_append_string (payload, milter_payload_view (g_ptr_array_index (strings, i)));
  return g_byte_array_free_to_bytes (payload);
}

static guint32
apply_flags (guint32 base, const MilterFlagList *list)
{
  if (!list->given)
    return base;
  return list->relative ? (base | list->set) & ~list->clear : list->set;
}

MilterOffer
milter_offer_from_args (const MilterOffer *base, const MilterNegotiateArgs *args)
{
  MilterOffer offer = *base;

  /* a lower version alone offers what that version knows */
  if (args->has_version)
    {
      MilterOffer known = milter_offer_for_version (args->version_min);

      offer.version = args->version_min;
      offer.actions &= known.actions;
      offer.steps &= known.steps;
    }
  offer.actions = apply_flags (offer.actions, &args->actions);
  offer.steps = apply_flags (offer.steps, &args->steps);
  return offer;
}

GBytes *
milter_payload_negotiate (const MilterOffer *offer, const MilterNegotiateArgs *args)
{
  GByteArray *payload = g_byte_array_new ();

  milter_payload_append_u32 (payload, offer->version);
  milter_payload_append_u32 (payload, offer->actions);
  milter_payload_append_u32 (payload, offer->steps);
  for (guint i = 0; args != NULL && args->symbols != NULL && i < args->symbols->len; i++)
    {
      const MilterSymbolList *list = g_ptr_array_index (args->symbols, i);

      milter_payload_append_u32 (payload, list->stage);
      milter_payload_append_string (payload, milter_payload_view (list->names));
    }
  if (args != NULL)
    milter_payload_append (payload, milter_payload_view (args->tail));
  return g_byte_array_free_to_bytes (payload);
}

GString *
milter_payload_reply_code (const MilterAnswerPattern *answer, GError **error)
{
  guint code = (guint) g_ascii_strtoull (answer->code, NULL, 10);
  g_autoptr (GByteArray) text = g_byte_array_new ();

  for (guint i = 0; i < answer->patterns->len; i++)
    {
      if (i > 0)
        milter_payload_append (text, milter_bytes ("\n", 1));
      milter_payload_append (text,
                             milter_pattern_get_literal (g_ptr_array_index (answer->patterns, i)));
    }
  return milter_smtp_reply_format (
      code, answer->extended, milter_bytes (text->data, text->len), error);
}

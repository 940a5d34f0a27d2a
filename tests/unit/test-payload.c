/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-payload.c: payloads as lines of a scenario write them.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-payload.h"

static void
check (MilterBytes got, const void *expected, gsize size)
{
  cr_assert (milter_bytes_equal (got, milter_bytes (expected, size)));
}

Test (payload, strings_hold_any_byte_and_end_in_nul)
{
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GBytes) fallback = milter_payload_strings (strings, "x");
  g_autoptr (GBytes) payload = NULL;

  check (milter_payload_view (fallback), "x", 2);
  g_ptr_array_add (strings, g_bytes_new ("a\0b", 3));
  g_ptr_array_add (strings, g_bytes_new (NULL, 0));
  payload = milter_payload_strings (strings, "x");
  check (milter_payload_view (payload), "a\0b\0\0", 5);
  check (milter_payload_view (NULL), "", 0);
}

Test (payload, lists_with_signs_change_an_offer_and_others_replace_it)
{
  static const struct
  {
    MilterNegotiateArgs args;
    MilterOffer offer;
  } rows[] = {
    { { .has_version = FALSE }, { 6, 0x1ff, 0x80 } },
    { { .actions = { TRUE, TRUE, 0, 0x1 }, .steps = { TRUE, TRUE, 0x100, 0x80 } },
      { 6, 0x1fe, 0x100 } },
    { { .actions = { TRUE, FALSE, 0x3, 0 }, .steps = { TRUE, FALSE, 0, 0 } }, { 6, 0x3, 0 } },
    /* what a lower version knows */
    { { .has_version = TRUE, .version_min = 2, .version_max = 2 }, { 2, 0x3f, 0 } },
  };
  static const MilterOffer base = { 6, 0x1ff, 0x80 };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      MilterOffer offer = milter_offer_from_args (&base, &rows[i].args);

      cr_assert_eq (offer.version, rows[i].offer.version, "row %zu", i);
      cr_assert_eq (offer.actions, rows[i].offer.actions, "row %zu: 0x%x", i, offer.actions);
      cr_assert_eq (offer.steps, rows[i].offer.steps, "row %zu: 0x%x", i, offer.steps);
    }
}

Test (payload, lists_of_symbols_stand_behind_the_offer)
{
  static const guint8 expected[] = "\0\0\0\6\0\0\0\1\0\0\0\2\0\0\0\3j {x}\0\xff";
  static const MilterOffer offer = { 6, 1, 2 };
  MilterNegotiateArgs args = { 0 };
  MilterSymbolList list = { 3, NULL, NULL };
  g_autoptr (GPtrArray) symbols = g_ptr_array_new ();
  g_autoptr (GBytes) names = g_bytes_new_static ("j {x}", 5);
  g_autoptr (GBytes) tail = g_bytes_new_static ("\xff", 1);
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (GBytes) bare = milter_payload_negotiate (&offer, NULL);

  list.names = names;
  g_ptr_array_add (symbols, &list);
  args.symbols = symbols;
  args.tail = tail;
  payload = milter_payload_negotiate (&offer, &args);
  check (milter_payload_view (payload), expected, sizeof expected - 1);
  check (milter_payload_view (bare), expected, 12);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-compare-session.c: two sessions side by side: what belongs to no message.
 */
#include "milter-compare-private.h"

#include <string.h>

#include "milter-text.h"

static void
compare_strings (MilterCompare *compare,
                 const char *what,
                 const GString *a,
                 const GString *b,
                 const MilterCaptureMoment *at_a,
                 const MilterCaptureMoment *at_b)
{
  MilterBytes one = milter_compare_bytes (a), other = milter_compare_bytes (b);

  if (milter_bytes_equal (one, other))
    return;
  milter_compare_add (compare,
                      MILTER_DIFFERENCE_SENT,
                      g_strdup (what),
                      a != NULL ? milter_compare_quote (one) : g_strdup ("none"),
                      b != NULL ? milter_compare_quote (other) : g_strdup ("none"),
                      at_a,
                      at_b,
                      /* by= */ NULL);
}

/* What one side did not hear of, because the milter did not want it, is no difference of what was
 * sent. */
static void
compare_clients (MilterCompare *compare,
                 const MilterRecordedSession *a,
                 const MilterRecordedSession *b)
{
  if (a->host != NULL && b->host != NULL)
    {
      compare_strings (compare, "client's name", a->host, b->host, &a->began, &b->began);
      compare_strings (compare, "client's address", a->address, b->address, &a->began, &b->began);
    }
  if (a->helo != NULL && b->helo != NULL)
    compare_strings (compare, "client's HELO", a->helo, b->helo, &a->began, &b->began);
  if (a->host == NULL || b->host == NULL || a->port == b->port)
    return;
  milter_compare_add (compare,
                      MILTER_DIFFERENCE_SENT,
                      g_strdup ("client's port"),
                      g_strdup_printf ("%u", a->port),
                      g_strdup_printf ("%u", b->port),
                      &a->began,
                      &b->began,
                      (compare->rules->bits & MILTER_RULE_PORTS) != 0 ? "ports" : NULL);
}

static char *
text_of_offer (const MilterOffer *offer)
{
  g_autofree char *actions = milter_actions_to_string (offer->actions);
  g_autofree char *steps = milter_steps_to_string (offer->steps);

  return g_strdup_printf ("version %u, actions %s, steps %s", offer->version, actions, steps);
}

static bool
is_same_offer (const MilterOffer *a, const MilterOffer *b)
{
  return a->version == b->version && a->actions == b->actions && a->steps == b->steps;
}

static char *
text_of_symbols (const GByteArray *symbols)
{
  GString *text = g_string_new (NULL);
  MilterBytes lists
      = symbols != NULL ? milter_bytes (symbols->data, symbols->len) : milter_bytes (NULL, 0);
  MilterBytes names;
  guint32 stage;

  while (milter_symbol_lists_next (&lists, &stage, &names))
    {
      const char *word = stage < MILTER_N_MACRO_STAGES
                             ? milter_macro_stage_to_word ((MilterMacroStage) stage)
                             : "?";
      g_autofree char *quoted = milter_compare_quote (names);

      g_string_append_printf (text, "%s%s %s", text->len > 0 ? ", " : "", word, quoted);
    }
  if (text->len == 0)
    g_string_append (text, "none");
  return g_string_free (text, FALSE);
}

static void
compare_offers (MilterCompare *compare,
                MilterDifferenceKind kind,
                const char *what,
                const MilterOffer *a,
                const MilterOffer *b,
                const MilterCaptureMoment *at_a,
                const MilterCaptureMoment *at_b)
{
  if (!is_same_offer (a, b))
    milter_compare_add (compare,
                        kind,
                        g_strdup (what),
                        text_of_offer (a),
                        text_of_offer (b),
                        at_a,
                        at_b,
                        /* by= */ NULL);
}

static bool
are_same_symbols (const GByteArray *a, const GByteArray *b)
{
  if (a == NULL || b == NULL)
    return a == b;
  return a->len == b->len && memcmp (a->data, b->data, a->len) == 0;
}

static void
compare_negotiations (MilterCompare *compare,
                      const MilterRecordedSession *a,
                      const MilterRecordedSession *b)
{
  /* it belongs to the connection, and was told with its first session */
  if (a->number > 1 && b->number > 1)
    return;
  if (a->has_offer && b->has_offer)
    compare_offers (compare,
                    MILTER_DIFFERENCE_SENT,
                    "the MTA's offer",
                    &a->offer,
                    &b->offer,
                    &a->began,
                    &b->began);
  if (a->has_answer && b->has_answer)
    {
      compare_offers (compare,
                      MILTER_DIFFERENCE_NEGOTIATION,
                      "answer to the offer",
                      &a->answer,
                      &b->answer,
                      &a->began,
                      &b->began);
      if (!are_same_symbols (a->symbols, b->symbols))
        milter_compare_add (compare,
                            MILTER_DIFFERENCE_NEGOTIATION,
                            g_strdup ("macros that the milter asks for"),
                            text_of_symbols (a->symbols),
                            text_of_symbols (b->symbols),
                            &a->began,
                            &b->began,
                            /* by= */ NULL);
    }
}

static const char *
text_of_close (const MilterRecordedSession *session)
{
  if (session->quit)
    return "QUIT";
  if (session->first_closed == MILTER_SIDE_MTA)
    return "the MTA closed, without QUIT";
  if (session->first_closed == MILTER_SIDE_MILTER)
    return "the milter closed";
  return NULL;
}

static char *
text_of_unasked (const MilterRecordedSession *session)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < session->unasked->len; i++)
    {
      const MilterSpec *spec
          = milter_spec_get (MILTER_SIDE_MILTER, (guint8) session->unasked->str[i]);

      g_string_append_printf (
          text, "%s%s", i > 0 ? ", " : "", spec != NULL ? spec->word : "an unknown letter");
    }
  if (text->len == 0)
    g_string_append (text, "none");
  return g_string_free (text, FALSE);
}

static MilterBytes
raw_of (const MilterRecordedSession *session, guint side)
{
  const GByteArray *raw = session->raw[side];

  return raw != NULL ? milter_bytes (raw->data, raw->len) : milter_bytes (NULL, 0);
}

static void
compare_session_ends (MilterCompare *compare,
                      const MilterRecordedSession *a,
                      const MilterRecordedSession *b)
{
  static const char *const raw_names[]
      = { "bytes of the MTA that are no frame", "bytes of the milter that are no frame" };
  const char *one = text_of_close (a), *other = text_of_close (b);
  bool is_cut = compare->is_cut[0] || compare->is_cut[1];

  /* where a recording ends first nobody knows */
  if (one != NULL && other != NULL && strcmp (one, other) != 0)
    milter_compare_add (compare,
                        MILTER_DIFFERENCE_END,
                        g_strdup ("end of the session"),
                        g_strdup (one),
                        g_strdup (other),
                        &a->ended,
                        &b->ended,
                        /* by= */ NULL);
  if (!g_string_equal (a->unasked, b->unasked) && is_cut)
    compare->lacks = true;
  else if (!g_string_equal (a->unasked, b->unasked))
    milter_compare_add (compare,
                        MILTER_DIFFERENCE_END,
                        g_strdup ("replies that nobody asked for"),
                        text_of_unasked (a),
                        text_of_unasked (b),
                        &a->ended,
                        &b->ended,
                        /* by= */ NULL);
  for (guint side = 0; side < 2; side++)
    if (milter_bytes_equal (raw_of (a, side), raw_of (b, side)))
      continue;
    else if (is_cut)
      compare->lacks = true;
    else
      milter_compare_add (compare,
                          MILTER_DIFFERENCE_END,
                          g_strdup (raw_names[side]),
                          milter_compare_quote (raw_of (a, side)),
                          milter_compare_quote (raw_of (b, side)),
                          &a->ended,
                          &b->ended,
                          /* by= */ NULL);
}

/* Where a recording ends while a connection is open, as captures do, what it has can be compared. */
MilterComparison *
milter_compare_sessions (const MilterRecordedSession *expected,
                         const MilterRecordedSession *got,
                         const MilterCompareRules *rules)
{
  const guint cut = MILTER_RECORDED_CUT_OFF;
  char *obstacle = NULL;
  MilterCompare compare;

  milter_compare_begin (&compare, rules);
  compare.is_cut[0] = (expected->missing & cut) != 0;
  compare.is_cut[1] = (got->missing & cut) != 0;
  if (((expected->missing | got->missing) & ~cut) != 0)
    return milter_compare_finish (
        &compare, milter_compare_find_obstacle (expected->missing, got->missing));
  compare_negotiations (&compare, expected, got);
  compare_clients (&compare, expected, got);
  milter_compare_commands (
      &compare, "OCHU", expected->commands, got->commands, &expected->ended, &got->ended);
  compare_session_ends (&compare, expected, got);
  if (compare.lacks)
    obstacle = milter_compare_find_obstacle (expected->missing, got->missing);
  return milter_compare_finish (&compare, obstacle);
}

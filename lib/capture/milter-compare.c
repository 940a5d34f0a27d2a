/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-compare.c: two messages, or two sessions, side by side: their replies, and how they ended.
 */
#include "milter-compare-private.h"

#include <string.h>

#include "milter-smtp-reply.h"
#include "milter-text.h"

/* an answer is slow if it takes so many times as long, and so much longer */
#define SLOW_FACTOR 2
#define SLOW_NS     G_GINT64_CONSTANT (10000000)

/* a kind, and the rule that lets all of it pass; the words are those of reports */
static const struct
{
  const char *word;
  MilterCompareRuleBit rule; /* 0: none does */
} kinds[MILTER_N_DIFFERENCE_KINDS] = {
  [MILTER_DIFFERENCE_SENT] = { "sent", MILTER_RULE_SENT },
  [MILTER_DIFFERENCE_NEGOTIATION] = { "negotiation", MILTER_RULE_NEGOTIATION },
  [MILTER_DIFFERENCE_VERDICT] = { "verdict", 0 },
  [MILTER_DIFFERENCE_REPLY_TEXT] = { "reply-text", MILTER_RULE_REPLY_TEXT },
  [MILTER_DIFFERENCE_EDITS] = { "edits", MILTER_RULE_EDITS },
  [MILTER_DIFFERENCE_MAIL] = { "mail", MILTER_RULE_MAIL },
  [MILTER_DIFFERENCE_END] = { "end", MILTER_RULE_END },
  [MILTER_DIFFERENCE_LATENCY] = { "latency", MILTER_RULE_LATENCY },
};

const char *
milter_difference_kind_to_word (MilterDifferenceKind kind)
{
  g_return_val_if_fail ((gsize) kind < G_N_ELEMENTS (kinds), "unknown");
  return kinds[kind].word;
}

static void
difference_free (gpointer data)
{
  MilterDifference *difference = data;

  g_free (difference->what);
  g_free (difference->expected);
  g_free (difference->got);
  g_free (difference->ignored_by);
  g_free (difference);
}

void
milter_comparison_free (MilterComparison *comparison)
{
  if (comparison == NULL)
    return;
  g_ptr_array_unref (comparison->differences);
  g_free (comparison->not_compared);
  g_free (comparison);
}

void
milter_compare_add (MilterCompare *compare,
                    MilterDifferenceKind kind,
                    char *what,
                    char *expected,
                    char *got,
                    const MilterCaptureMoment *a,
                    const MilterCaptureMoment *b,
                    const char *by)
{
  MilterDifference *difference = g_new0 (MilterDifference, 1);

  difference->kind = kind;
  difference->what = what;
  difference->expected = expected;
  difference->got = got;
  difference->at[0] = *a;
  difference->at[1] = *b;
  if (by == NULL && (compare->rules->bits & kinds[kind].rule) != 0)
    by = kinds[kind].word;
  difference->ignored_by = g_strdup (by);
  if (by == NULL)
    compare->n_found++;
  if (by == NULL && kind == MILTER_DIFFERENCE_VERDICT)
    milter_compare_tell (compare, g_str_has_prefix (what, "reply to rcpt") ? "rcpt" : "verdict");
  g_ptr_array_add (compare->differences, difference);
}

void
milter_compare_tell (MilterCompare *compare, const char *what)
{
  g_hash_table_add (compare->told, g_ascii_strdown (what, -1));
}

bool
milter_compare_is_told (const MilterCompare *compare, const char *what)
{
  g_autofree char *lower = g_ascii_strdown (what, -1);

  return g_hash_table_contains (compare->told, lower);
}

char *
milter_compare_quote (MilterBytes bytes)
{
  GString *text = g_string_new (NULL);

  milter_text_append_quoted (bytes, MILTER_TEXT_SHORT, text);
  return g_string_free (text, FALSE);
}

/* --- replies
 * ------------------------------------------------------------------------------------------- */

static char *
text_of_reply (const MilterRecordedCommand *command)
{
  g_autoptr (GByteArray) payload = g_byte_array_new ();
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MILTER, command->reply);
  MilterMessage message;

  if (command->answer == MILTER_RECORDED_NOT_DUE)
    return g_strdup ("no reply (none was due)");
  if (command->answer == MILTER_RECORDED_DROPPED)
    return g_strdup ("no reply (the message had been decided)");
  if (command->reply == 0)
    return g_strdup ("no reply (the connection ended)");
  if (command->text == NULL)
    return spec != NULL ? g_strdup (spec->word)
                        : g_strdup_printf ("a reply with the letter 0x%02x", command->reply);
  g_byte_array_append (
      payload, (const guint8 *) command->text->str, (guint) command->text->len + 1);
  milter_message_parse (
      MILTER_SIDE_MILTER, command->reply, milter_bytes (payload->data, payload->len), &message);
  return milter_message_to_text (&message, MILTER_TEXT_SHORT);
}

/* `rcpt <busy@example.net>`, `header X-Spam`, `body, the 3rd` */
static char *
text_of_command (const MilterRecordedCommand *command, guint index)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, command->letter);
  GString *text = g_string_new (spec != NULL ? spec->word : NULL);

  if (spec == NULL)
    g_string_printf (text, "a command with the letter 0x%02x", command->letter);
  if (command->about != NULL)
    {
      g_string_append_c (text, ' ');
      milter_text_append_word (milter_compare_bytes (command->about), MILTER_TEXT_SHORT, text);
    }
  else if (index > 0)
    g_string_append_printf (text, " (number %u of this message)", index + 1);
  return g_string_free (text, FALSE);
}

/* Nothing was refused, and nothing was decided. */
static bool
goes_on (const MilterRecordedCommand *command)
{
  return command->answer == MILTER_RECORDED_NOT_DUE || command->answer == MILTER_RECORDED_DROPPED
         || command->answer == MILTER_RECORDED_LOST || command->reply == MILTER_REPLY_CONTINUE;
}

/* code and extended code: what an SMTP client acts on */
static bool
have_equal_codes (const MilterSmtpReply *a, const MilterSmtpReply *b)
{
  return a != NULL && b != NULL && a->code == b->code && g_strcmp0 (a->extended, b->extended) == 0;
}

static void
compare_reply_texts (MilterCompare *compare,
                     const MilterRecordedCommand *a,
                     const MilterRecordedCommand *b,
                     guint index)
{
  MilterCompareText texts[] = {
    { milter_compare_bytes (a->text), compare->messages[0] },
    { milter_compare_bytes (b->text), compare->messages[1] },
  };
  g_autoptr (MilterSmtpReply) one = milter_smtp_reply_parse (texts[0].text, /* error= */ NULL);
  g_autoptr (MilterSmtpReply) other = milter_smtp_reply_parse (texts[1].text, /* error= */ NULL);
  bool same_code = have_equal_codes (one, other);
  g_autofree char *command = text_of_command (a, index);
  GString *by = g_string_new (NULL);

  if (!milter_bytes_equal (texts[0].text, texts[1].text))
    {
      if (same_code)
        milter_compare_texts_pass (
            compare->rules, milter_bytes (NULL, 0), &texts[0], &texts[1], by);
      milter_compare_add (compare,
                          same_code ? MILTER_DIFFERENCE_REPLY_TEXT : MILTER_DIFFERENCE_VERDICT,
                          g_strdup_printf ("reply to %s", command),
                          text_of_reply (a),
                          text_of_reply (b),
                          &a->replied,
                          &b->replied,
                          by->len > 0 ? by->str : NULL);
    }
  g_string_free (by, TRUE);
}

static void
compare_latencies (MilterCompare *compare,
                   const MilterRecordedCommand *a,
                   const MilterRecordedCommand *b,
                   guint index)
{
  g_autofree char *command = NULL;

  if (a->latency_ns < 0 || b->latency_ns < a->latency_ns * SLOW_FACTOR
      || b->latency_ns < a->latency_ns + SLOW_NS)
    return;
  command = text_of_command (a, index);
  milter_compare_add (compare,
                      MILTER_DIFFERENCE_LATENCY,
                      g_strdup_printf ("time of the reply to %s", command),
                      g_strdup_printf ("%.1f ms", (double) a->latency_ns / 1e6),
                      g_strdup_printf ("%.1f ms", (double) b->latency_ns / 1e6),
                      &a->replied,
                      &b->replied,
                      /* by= */ NULL);
}

static void
compare_replies (MilterCompare *compare,
                 const MilterRecordedCommand *a,
                 const MilterRecordedCommand *b,
                 guint index)
{
  g_autofree char *command = NULL;

  compare_latencies (compare, a, b, index);
  if (a->reply == b->reply && (a->answer == b->answer || goes_on (a)))
    {
      if (a->reply == MILTER_REPLY_REPLY_CODE)
        compare_reply_texts (compare, a, b, index);
      return;
    }
  if (goes_on (a) && goes_on (b))
    return;
  command = text_of_command (a, index);
  milter_compare_add (compare,
                      MILTER_DIFFERENCE_VERDICT,
                      g_strdup_printf ("reply to %s", command),
                      text_of_reply (a),
                      text_of_reply (b),
                      &a->replied,
                      &b->replied,
                      /* by= */ NULL);
}

/* commands of one letter, one after another, those that are one in the recording again several */
typedef struct
{
  const GPtrArray *commands;
  guint8 letter;
  guint at;    /* among the commands */
  guint done;  /* of that one */
  guint index; /* among those of the letter */
} Walk;

static const MilterRecordedCommand *
walk_peek (Walk *walk)
{
  for (; walk->at < walk->commands->len; walk->at++, walk->done = 0)
    {
      const MilterRecordedCommand *command = g_ptr_array_index (walk->commands, walk->at);

      if (command->letter == walk->letter && walk->done < command->count)
        return command;
    }
  return NULL;
}

static void
walk_skip (Walk *walk, guint n)
{
  walk->done += n;
  walk->index += n;
}

/* one was sent in one recording alone */
static void
tell_alone (MilterCompare *compare,
            const MilterRecordedCommand *command,
            guint side,
            const MilterCaptureMoment *other_end)
{
  g_autofree char *text = NULL;
  char *texts[2];

  /* how far a message was sent is a matter of the answers before, which have been told */
  if (goes_on (command) || command->answer == MILTER_RECORDED_UNANSWERED
      || milter_compare_is_told (compare, "verdict"))
    return;
  text = text_of_command (command, /* index= */ 0);
  texts[side] = text_of_reply (command);
  texts[!side] = g_strdup ("no such command");
  milter_compare_add (compare,
                      MILTER_DIFFERENCE_VERDICT,
                      g_strdup_printf ("reply to %s", text),
                      texts[0],
                      texts[1],
                      side == 0 ? &command->replied : other_end,
                      side == 0 ? other_end : &command->replied,
                      /* by= */ NULL);
}

static guint
n_left (const Walk *walk, const MilterRecordedCommand *command)
{
  return command->count - walk->done;
}

static void
compare_letter (MilterCompare *compare,
                guint8 letter,
                const GPtrArray *a,
                const GPtrArray *b,
                const MilterCaptureMoment ends[2])
{
  Walk walks[] = { { .commands = a, .letter = letter }, { .commands = b, .letter = letter } };
  const MilterRecordedCommand *one, *other;

  while ((one = walk_peek (&walks[0])) != NULL && (other = walk_peek (&walks[1])) != NULL)
    {
      guint n = MIN (n_left (&walks[0], one), n_left (&walks[1], other));

      compare_replies (compare, one, other, walks[0].index);
      walk_skip (&walks[0], n);
      walk_skip (&walks[1], n);
    }
  for (guint side = 0; side < 2; side++)
    while ((one = walk_peek (&walks[side])) != NULL)
      {
        tell_alone (compare, one, side, &ends[!side]);
        walk_skip (&walks[side], n_left (&walks[side], one));
      }
}

static guint
hash_about (gconstpointer key)
{
  return g_string_hash (key);
}

static gboolean
equal_about (gconstpointer a, gconstpointer b)
{
  return g_string_equal (a, b);
}

/* Recipients belong together by their address, and those of the same address by their order. */
static void
compare_recipients (MilterCompare *compare)
{
  const MilterRecordedMessage *a = compare->messages[0], *b = compare->messages[1];
  g_autoptr (GHashTable) others
      = g_hash_table_new_full (hash_about, equal_about, NULL, (GDestroyNotify) g_queue_free);

  for (guint i = 0; i < b->recipients->len; i++)
    {
      MilterRecordedCommand *command = g_ptr_array_index (b->recipients, i);
      GQueue *queue = g_hash_table_lookup (others, command->about);

      if (queue == NULL)
        g_hash_table_insert (others, command->about, queue = g_queue_new ());
      g_queue_push_tail (queue, command);
    }
  for (guint i = 0; i < a->recipients->len; i++)
    {
      const MilterRecordedCommand *command = g_ptr_array_index (a->recipients, i);
      GQueue *queue = g_hash_table_lookup (others, command->about);

      if (queue == NULL || queue->length == 0)
        tell_alone (compare, command, 0, &b->ended);
      else
        compare_replies (compare, command, g_queue_pop_head (queue), i);
    }
  for (guint i = 0; i < b->recipients->len; i++)
    {
      const MilterRecordedCommand *command = g_ptr_array_index (b->recipients, i);
      GQueue *queue = g_hash_table_lookup (others, command->about);

      if (g_queue_peek_head (queue) == command)
        tell_alone (compare, g_queue_pop_head (queue), 1, &a->ended);
    }
}

static void
compare_commands (MilterCompare *compare,
                  const char *letters,
                  const GPtrArray *a,
                  const GPtrArray *b,
                  const MilterCaptureMoment *end_a,
                  const MilterCaptureMoment *end_b)
{
  const MilterCaptureMoment ends[] = { *end_a, *end_b };

  for (; *letters != '\0'; letters++)
    compare_letter (compare, (guint8) *letters, a, b, ends);
}

/* --- messages
 * ------------------------------------------------------------------------------------------ */

static void
compare_ends (MilterCompare *compare,
              const MilterRecordedMessage *a,
              const MilterRecordedMessage *b)
{
  static const char *const words[] = {
    [MILTER_RECORDED_OPEN] = "it did not end",
    [MILTER_RECORDED_COMPLETE] = "its end was answered",
    [MILTER_RECORDED_DECIDED] = "decided by the milter before its end",
    [MILTER_RECORDED_ABORTED] = "cancelled by the MTA",
    [MILTER_RECORDED_LEFT] = "left by the MTA",
    [MILTER_RECORDED_BROKEN_OFF] = "the connection ended",
  };

  /* what an answer has ended was told with the answer */
  if (a->end == b->end || compare->n_found > 0)
    return;
  milter_compare_add (compare,
                      MILTER_DIFFERENCE_END,
                      g_strdup ("end of the message"),
                      g_strdup (words[a->end]),
                      g_strdup (words[b->end]),
                      &a->ended,
                      &b->ended,
                      /* by= */ NULL);
}

static void
append_obstacle (GString *text, const char *which, guint missing)
{
  g_autofree char *words = milter_recorded_missing_to_string (missing);

  if (words != NULL)
    g_string_append_printf (text, "%s%s recording: %s", text->len > 0 ? "; " : "", which, words);
}

/* what stands against a comparison; (nullable) nothing does */
static char *
find_obstacle (guint a, guint b)
{
  GString *text = g_string_new (NULL);

  append_obstacle (text, "first", a);
  append_obstacle (text, "second", b);
  return g_string_free (text, /* free_segment= */ text->len == 0);
}

static MilterComparison *
finish (MilterCompare *compare, char *obstacle)
{
  MilterComparison *comparison = g_new0 (MilterComparison, 1);

  comparison->differences = compare->differences;
  comparison->n_found = compare->n_found;
  comparison->not_compared = obstacle;
  comparison->lets_holes_pass = (compare->rules->bits & MILTER_RULE_HOLES) != 0;
  g_hash_table_unref (compare->told);
  return comparison;
}

static void
begin (MilterCompare *compare, const MilterCompareRules *rules)
{
  *compare = (MilterCompare){
    .rules = rules,
    .differences = g_ptr_array_new_with_free_func (difference_free),
    .told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
  };
}

MilterComparison *
milter_compare_messages (const MilterRecordedMessage *expected,
                         const MilterRecordedMessage *got,
                         const MilterCompareRules *rules)
{
  char *obstacle = find_obstacle (expected->missing, got->missing);
  MilterCompare compare;

  begin (&compare, rules);
  compare.messages[0] = expected;
  compare.messages[1] = got;
  if (obstacle != NULL)
    return finish (&compare, obstacle);
  milter_compare_sent (&compare);
  compare_recipients (&compare);
  compare_commands (
      &compare, "MTLNBUE", expected->commands, got->commands, &expected->ended, &got->ended);
  if (!milter_compare_is_told (&compare, "verdict")
      || (expected->end == MILTER_RECORDED_COMPLETE && got->end == MILTER_RECORDED_COMPLETE))
    milter_compare_edits (&compare);
  milter_compare_mails (&compare);
  compare_ends (&compare, expected, got);
  return finish (&compare, /* obstacle= */ NULL);
}

/* --- sessions
 * ------------------------------------------------------------------------------------------ */

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
  if (!g_string_equal (a->unasked, b->unasked))
    milter_compare_add (compare,
                        MILTER_DIFFERENCE_END,
                        g_strdup ("replies that nobody asked for"),
                        text_of_unasked (a),
                        text_of_unasked (b),
                        &a->ended,
                        &b->ended,
                        /* by= */ NULL);
  for (guint side = 0; side < 2; side++)
    if (!milter_bytes_equal (raw_of (a, side), raw_of (b, side)))
      milter_compare_add (compare,
                          MILTER_DIFFERENCE_END,
                          g_strdup (raw_names[side]),
                          milter_compare_quote (raw_of (a, side)),
                          milter_compare_quote (raw_of (b, side)),
                          &a->ended,
                          &b->ended,
                          /* by= */ NULL);
}

MilterComparison *
milter_compare_sessions (const MilterRecordedSession *expected,
                         const MilterRecordedSession *got,
                         const MilterCompareRules *rules)
{
  char *obstacle = find_obstacle (expected->missing, got->missing);
  MilterCompare compare;

  begin (&compare, rules);
  if (obstacle != NULL)
    return finish (&compare, obstacle);
  compare_negotiations (&compare, expected, got);
  compare_clients (&compare, expected, got);
  compare_commands (
      &compare, "OCHU", expected->commands, got->commands, &expected->ended, &got->ended);
  compare_session_ends (&compare, expected, got);
  return finish (&compare, /* obstacle= */ NULL);
}

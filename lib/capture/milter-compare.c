/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-compare.c: two messages side by side: their replies, and how they ended.
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
milter_compare_begin (MilterCompare *compare, const MilterCompareRules *rules)
{
  *compare = (MilterCompare){
    .rules = rules,
    .differences = g_ptr_array_new_with_free_func (difference_free),
    .told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
  };
}

static void
append_obstacle (GString *text, const char *which, guint missing)
{
  g_autofree char *words = milter_recorded_missing_to_string (missing);

  if (words != NULL)
    g_string_append_printf (text, "%s%s recording: %s", text->len > 0 ? "; " : "", which, words);
}

char *
milter_compare_find_obstacle (guint a, guint b)
{
  GString *text = g_string_new (NULL);

  append_obstacle (text, "first", a);
  append_obstacle (text, "second", b);
  return g_string_free (text, /* free_segment= */ text->len == 0);
}

MilterComparison *
milter_compare_finish (MilterCompare *compare, char *obstacle)
{
  MilterComparison *comparison = g_new0 (MilterComparison, 1);

  comparison->differences = compare->differences;
  comparison->n_found = compare->n_found;
  comparison->not_compared = obstacle;
  comparison->lets_holes_pass = (compare->rules->bits & MILTER_RULE_HOLES) != 0;
  g_hash_table_unref (compare->told);
  return comparison;
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

/* --- replies ----------------------------------------------------------------------------------- */

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

  if (a->answer == MILTER_RECORDED_LOST || b->answer == MILTER_RECORDED_LOST)
    {
      compare->lacks = true;
      return;
    }
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

  if (compare->is_cut[!side])
    {
      compare->lacks = true;
      return;
    }
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

void
milter_compare_commands (MilterCompare *compare,
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

/* --- messages ---------------------------------------------------------------------------------- */

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

MilterComparison *
milter_compare_messages (const MilterRecordedMessage *expected,
                         const MilterRecordedMessage *got,
                         const MilterCompareRules *rules)
{
  char *obstacle = milter_compare_find_obstacle (expected->missing, got->missing);
  MilterCompare compare;

  milter_compare_begin (&compare, rules);
  compare.messages[0] = expected;
  compare.messages[1] = got;
  if (obstacle != NULL)
    return milter_compare_finish (&compare, obstacle);
  milter_compare_sent (&compare);
  compare_recipients (&compare);
  milter_compare_commands (
      &compare, "MTLNBUE", expected->commands, got->commands, &expected->ended, &got->ended);
  if (!milter_compare_is_told (&compare, "verdict")
      || (expected->end == MILTER_RECORDED_COMPLETE && got->end == MILTER_RECORDED_COMPLETE))
    milter_compare_edits (&compare);
  milter_compare_mails (&compare);
  compare_ends (&compare, expected, got);
  return milter_compare_finish (&compare, /* obstacle= */ NULL);
}

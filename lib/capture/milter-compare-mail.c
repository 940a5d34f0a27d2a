/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-compare-mail.c: two mails, as they were sent and as the edits left them: envelope, header
 * field by field, body.
 */
#include "milter-compare-private.h"

#include <string.h>

#include "milter-text.h"

/* of fields that differ so many are told */
#define MAX_FIELDS_TOLD 100u
/* the search for the longest common part keeps so many numbers; of longer headers what is not the
 * same at both ends counts as replaced */
#define MAX_CELLS ((gsize) 4 << 20)

/* --- envelope
 * -------------------------------------------------------------------------------------------- */

static char *
text_of_address (const MilterMailAddress *address)
{
  GString *text = g_string_new (NULL);

  milter_text_append_word (milter_compare_bytes (address->address), MILTER_TEXT_SHORT, text);
  if (address->arguments != NULL && address->arguments->len > 0)
    {
      g_string_append_c (text, ' ');
      milter_text_append_rest (milter_compare_bytes (address->arguments), MILTER_TEXT_SHORT, text);
    }
  return g_string_free (text, FALSE);
}

static char *
text_of_recipients (GPtrArray *texts)
{
  if (texts->len == 0)
    return g_strdup ("none");
  g_ptr_array_add (texts, NULL);
  return g_strjoinv (", ", (char **) texts->pdata);
}

static int
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static GPtrArray *
list_recipients (const MilterMail *mail, guint n, bool sorted)
{
  GPtrArray *texts = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < MIN (n, mail->recipients->len); i++)
    g_ptr_array_add (texts, text_of_address (g_ptr_array_index (mail->recipients, i)));
  if (sorted)
    g_ptr_array_sort (texts, compare_texts);
  return texts;
}

static void
compare_strings (MilterCompare *compare,
                 MilterDifferenceKind kind,
                 const char *what,
                 char *a,
                 char *b)
{
  if (strcmp (a, b) != 0)
    {
      if (kind == MILTER_DIFFERENCE_SENT && strcmp (what, "recipients") == 0)
        milter_compare_tell (compare, "sent recipients");
      milter_compare_add (compare,
                          kind,
                          g_strdup (what),
                          a,
                          b,
                          &compare->messages[0]->began,
                          &compare->messages[1]->began,
                          /* by= */ NULL);
      return;
    }
  g_free (a);
  g_free (b);
}

/* --- header
 * ------------------------------------------------------------------------------------------------
 */

typedef struct
{
  MilterBytes name, value;
  GString *key; /* equal ones are the same but for what the rules leave out */
  bool matched;
} Field;

typedef struct
{
  Field *items;
  guint n;
} FieldList;

static FieldList
list_fields (const MilterCompare *compare, const MilterMail *mail, guint side)
{
  FieldList list = { .items = g_new0 (Field, mail->headers->len) };

  for (guint i = 0; i < mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (mail->headers, i);
      Field *field = &list.items[list.n];
      MilterCompareText text = { milter_compare_bytes (header->value), compare->messages[side] };

      if (header->hidden || header->deleted)
        continue;
      field->name = milter_compare_bytes (header->name);
      field->value = text.text;
      field->key = milter_compare_normalise (
          compare->rules, compare->rules->bits & MILTER_RULES_OF_TEXT, field->name, &text);
      g_string_prepend_c (field->key, ':');
      g_string_prepend_len (field->key, header->name->str, (gssize) header->name->len);
      list.n++;
    }
  return list;
}

static void
free_fields (FieldList *list)
{
  for (guint i = 0; i < list->n; i++)
    g_string_free (list->items[i].key, TRUE);
  g_free (list->items);
}

static bool
is_same (const FieldList lists[2], guint a, guint b)
{
  return g_string_equal (lists[0].items[a].key, lists[1].items[b].key);
}

static char *
text_of_field (const Field *field)
{
  GString *text = g_string_new (NULL);
  MilterBytes value = field->value;

  milter_text_append_word (field->name, MILTER_TEXT_SHORT, text);
  g_string_append_c (text, ':');
  if (value.size > 0 && value.data[0] == ' ')
    {
      g_string_append_c (text, ' ');
      value = milter_bytes (value.data + 1, value.size - 1);
    }
  milter_text_append_rest (value, MILTER_TEXT_SHORT, text);
  return g_string_free (text, FALSE);
}

/* the same field with the same words as it was sent: told already */
static bool
was_sent_so (const MilterCompare *compare, const char *expected, const char *got)
{
  for (guint i = 0; i < compare->differences->len; i++)
    {
      const MilterDifference *other = g_ptr_array_index (compare->differences, i);

      if (other->kind == MILTER_DIFFERENCE_SENT && strcmp (other->expected, expected) == 0
          && strcmp (other->got, got) == 0)
        return true;
    }
  return false;
}

/* what two fields that belong together, or one alone, differ in */
static void
tell_field (MilterCompare *compare,
            MilterDifferenceKind kind,
            const Field *a,
            const Field *b,
            const char *by)
{
  const Field *any = a != NULL ? a : b;
  g_autofree char *expected = a != NULL ? text_of_field (a) : g_strdup ("no such field");
  g_autofree char *got = b != NULL ? text_of_field (b) : g_strdup ("no such field");
  g_autofree char *told
      = g_strdup_printf ("ignored field %.*s", (int) any->name.size, (const char *) any->name.data);
  g_autofree char *name = NULL;

  if (by == NULL && milter_compare_ignores_header (compare->rules, any->name))
    by = "header";
  if (kind == MILTER_DIFFERENCE_MAIL
      && (milter_compare_is_told (compare, told + strlen ("ignored "))
          || (by != NULL && milter_compare_is_told (compare, told))
          || was_sent_so (compare, expected, got)))
    return;
  name = milter_compare_quote (any->name);
  milter_compare_add (compare,
                      kind,
                      g_strdup_printf ("field %s of the mail%s",
                                       name,
                                       kind == MILTER_DIFFERENCE_SENT ? " as it was sent" : ""),
                      g_steal_pointer (&expected),
                      g_steal_pointer (&got),
                      &compare->messages[0]->ended,
                      &compare->messages[1]->ended,
                      by);
}

static void
pair (MilterCompare *compare, MilterDifferenceKind kind, Field *a, Field *b)
{
  MilterCompareText texts[]
      = { { a->value, compare->messages[0] }, { b->value, compare->messages[1] } };
  GString *by;

  a->matched = b->matched = true;
  if (milter_bytes_equal (a->value, b->value))
    return;
  by = g_string_new (NULL);
  milter_compare_texts_pass (compare->rules, a->name, &texts[0], &texts[1], by);
  tell_field (compare, kind, a, b, by->len > 0 ? by->str : NULL);
  g_string_free (by, TRUE);
}

/* lengths of the longest common parts from each pair of positions on, of what is between the equal
 * ends */
static guint16 *
measure (const FieldList lists[2], guint from, guint n, guint m)
{
  guint16 *lengths;

  if ((gsize) (n + 1) * (m + 1) > MAX_CELLS || MIN (n, m) > G_MAXUINT16)
    return NULL;
  lengths = g_new0 (guint16, (gsize) (n + 1) * (m + 1));
  for (guint i = n; i-- > 0;)
    for (guint j = m; j-- > 0;)
      lengths[(gsize) i * (m + 1) + j]
          = is_same (lists, from + i, from + j)
                ? (guint16) (lengths[(gsize) (i + 1) * (m + 1) + j + 1] + 1)
                : MAX (lengths[(gsize) (i + 1) * (m + 1) + j],
                       lengths[(gsize) i * (m + 1) + j + 1]);
  return lengths;
}

static void
match_middle (MilterCompare *compare,
              MilterDifferenceKind kind,
              FieldList lists[2],
              guint from,
              guint n,
              guint m)
{
  g_autofree guint16 *lengths = measure (lists, from, n, m);
  guint i = 0, j = 0;

  while (lengths != NULL && i < n && j < m)
    if (is_same (lists, from + i, from + j))
      pair (compare, kind, &lists[0].items[from + i++], &lists[1].items[from + j++]);
    else if (lengths[(gsize) (i + 1) * (m + 1) + j] >= lengths[(gsize) i * (m + 1) + j + 1])
      i++;
    else
      j++;
}

/* those that are at another place, or of which only the name is the same */
static void
match_rest (MilterCompare *compare, MilterDifferenceKind kind, FieldList lists[2])
{
  guint told = 0;

  for (guint i = 0; i < lists[0].n && told < MAX_FIELDS_TOLD; i++)
    {
      Field *one = &lists[0].items[i], *other = NULL;

      if (one->matched)
        continue;
      for (guint j = 0; j < lists[1].n && other == NULL; j++)
        if (!lists[1].items[j].matched
            && milter_bytes_equal_caseless (one->name, lists[1].items[j].name))
          other = &lists[1].items[j];
      told++;
      one->matched = true;
      if (other == NULL)
        {
          tell_field (compare, kind, one, NULL, /* by= */ NULL);
          continue;
        }
      other->matched = true;
      if (!g_string_equal (one->key, other->key))
        tell_field (compare, kind, one, other, /* by= */ NULL);
      else
        {
          g_autofree char *where = text_of_field (one);

          milter_compare_add (
              compare,
              kind,
              g_strdup ("order of the fields"),
              g_strdup_printf ("%s, field %u", where, i + 1),
              g_strdup_printf ("the same, field %u", (guint) (other - lists[1].items) + 1),
              &compare->messages[0]->ended,
              &compare->messages[1]->ended,
              milter_compare_ignores_header (compare->rules, one->name) ? "header" : NULL);
        }
    }
  for (guint j = 0; j < lists[1].n && told < MAX_FIELDS_TOLD; j++)
    if (!lists[1].items[j].matched)
      {
        told++;
        tell_field (compare, kind, NULL, &lists[1].items[j], /* by= */ NULL);
      }
}

static void
compare_headers (MilterCompare *compare,
                 MilterDifferenceKind kind,
                 const MilterMail *a,
                 const MilterMail *b)
{
  FieldList lists[] = { list_fields (compare, a, 0), list_fields (compare, b, 1) };
  guint n = lists[0].n, m = lists[1].n, from = 0;

  for (; from < n && from < m && is_same (lists, from, from); from++)
    pair (compare, kind, &lists[0].items[from], &lists[1].items[from]);
  for (; n > from && m > from && is_same (lists, n - 1, m - 1); n--, m--)
    pair (compare, kind, &lists[0].items[n - 1], &lists[1].items[m - 1]);
  match_middle (compare, kind, lists, from, n - from, m - from);
  match_rest (compare, kind, lists);
  free_fields (&lists[0]);
  free_fields (&lists[1]);
}

/* --- what was sent
 * ----------------------------------------------------------------------------------------- */

static const MilterRecordedCommand *
find_command (const MilterRecordedMessage *message, guint8 letter)
{
  for (guint i = message->commands->len; i > 0; i--)
    {
      const MilterRecordedCommand *command = g_ptr_array_index (message->commands, i - 1);

      if (command->letter == letter)
        return command;
    }
  return NULL;
}

static bool
both_wanted (const MilterCompare *compare, guint32 step)
{
  return ((compare->messages[0]->steps | compare->messages[1]->steps) & step) == 0;
}

/* A body of which the milter wanted no more is known in part. */
static bool
has_body (const MilterRecordedMessage *message)
{
  for (guint i = 0; i < message->commands->len; i++)
    {
      const MilterRecordedCommand *command = g_ptr_array_index (message->commands, i);

      if (command->letter == MILTER_COMMAND_BODY && command->reply == MILTER_REPLY_SKIP)
        return false;
    }
  return (message->steps & MILTER_STEP_NO_BODY) == 0;
}

static bool
are_whole (const MilterCompare *compare)
{
  return find_command (compare->messages[0], MILTER_COMMAND_END_OF_MESSAGE) != NULL
         && find_command (compare->messages[1], MILTER_COMMAND_END_OF_MESSAGE) != NULL;
}

/* so many recipients were sent in both; in a message that was decided early not all were */
static guint
count_recipients (const MilterCompare *compare, bool whole)
{
  guint n = compare->messages[0]->mail->recipients->len;
  guint m = compare->messages[1]->mail->recipients->len;

  return whole ? MAX (n, m) : MIN (n, m);
}

void
milter_compare_sent (MilterCompare *compare)
{
  const MilterRecordedMessage *a = compare->messages[0], *b = compare->messages[1];
  bool whole = are_whole (compare);

  if (both_wanted (compare, MILTER_STEP_NO_ENVELOPE_FROM))
    compare_strings (compare,
                     MILTER_DIFFERENCE_SENT,
                     "sender",
                     text_of_address (&a->mail->sender),
                     text_of_address (&b->mail->sender));
  if (both_wanted (compare, MILTER_STEP_NO_ENVELOPE_RECIPIENT))
    {
      guint n = count_recipients (compare, whole);
      g_autoptr (GPtrArray) one = list_recipients (a->mail, n, /* sorted= */ false);
      g_autoptr (GPtrArray) other = list_recipients (b->mail, n, /* sorted= */ false);

      compare_strings (compare,
                       MILTER_DIFFERENCE_SENT,
                       "recipients",
                       text_of_recipients (one),
                       text_of_recipients (other));
    }
  if (whole && both_wanted (compare, MILTER_STEP_NO_HEADERS))
    compare_headers (compare, MILTER_DIFFERENCE_SENT, a->mail, b->mail);
  if (whole && has_body (a) && has_body (b))
    milter_compare_bodies (compare,
                           MILTER_DIFFERENCE_SENT,
                           "body as it was sent",
                           &a->body,
                           &b->body,
                           &a->ended,
                           &b->ended);
}

/* --- what became of it
 * --------------------------------------------------------------------------------------- */

static bool
is_taken (const MilterRecordedMessage *message)
{
  return message->verdict_command == MILTER_COMMAND_END_OF_MESSAGE
         && (message->verdict == MILTER_REPLY_CONTINUE || message->verdict == MILTER_REPLY_ACCEPT);
}

/* Whether all of the edits were kept: then the mail that they make has its whole body. */
static bool
are_edits_kept (const MilterRecordedMessage *message)
{
  for (guint i = 0; i < message->edits->len; i++)
    {
      const MilterRecordedEdit *edit = g_ptr_array_index (message->edits, i);

      if (!milter_recorded_body_is_kept (&edit->body))
        return false;
    }
  return true;
}

/* The body of a mail, of which too little may have been kept to tell it from others. FALSE: it was
 * not seen. */
static bool
get_final_body (const MilterRecordedMessage *message,
                const MilterMail *mail,
                MilterRecordedBody *body)
{
  const MilterRecordedBody *final = milter_recorded_message_get_final_body (message);

  if (final == &message->body && !has_body (message))
    return false;
  if (final != NULL)
    *body = *final;
  else
    /* made of several replacements, as far as the MTA takes them */
    *body = (MilterRecordedBody){
      .bytes = mail->body,
      .size = are_edits_kept (message) ? mail->body->len : G_MAXUINT64,
    };
  return true;
}

static void
compare_final_bodies (MilterCompare *compare, const MilterMail *mail_a, const MilterMail *mail_b)
{
  const MilterRecordedMessage *a = compare->messages[0], *b = compare->messages[1];
  MilterRecordedBody one, other;

  if (milter_compare_is_told (compare, "body") || !get_final_body (a, mail_a, &one)
      || !get_final_body (b, mail_b, &other))
    return;
  /* as it was sent it has been compared */
  if (one.bytes == a->body.bytes && other.bytes == b->body.bytes)
    return;
  milter_compare_bodies (
      compare, MILTER_DIFFERENCE_MAIL, "body of the mail", &one, &other, &a->ended, &b->ended);
}

/* whether the mail is held, and why */
static void
compare_quarantines (MilterCompare *compare, const MilterMail *a, const MilterMail *b)
{
  const GString *reasons[] = { a->quarantine, b->quarantine };
  MilterCompareText texts[2];
  char *words[2];

  for (guint side = 0; side < 2; side++)
    texts[side]
        = (MilterCompareText){ milter_compare_bytes (reasons[side]), compare->messages[side] };
  if (milter_compare_is_told (compare, "quarantine")
      || (reasons[0] != NULL && reasons[1] != NULL
          && milter_compare_texts_pass (
              compare->rules, milter_bytes (NULL, 0), &texts[0], &texts[1], /* by= */ NULL)))
    return;
  for (guint side = 0; side < 2; side++)
    words[side]
        = reasons[side] != NULL ? milter_compare_quote (texts[side].text) : g_strdup ("none");
  compare_strings (compare, MILTER_DIFFERENCE_MAIL, "quarantine of the mail", words[0], words[1]);
}

static void
compare_envelopes (MilterCompare *compare, const MilterMail *a, const MilterMail *b)
{
  g_autoptr (GPtrArray) one = list_recipients (a, G_MAXUINT, /* sorted= */ true);
  g_autoptr (GPtrArray) other = list_recipients (b, G_MAXUINT, /* sorted= */ true);
  char *sender_a = text_of_address (&a->sender), *sender_b = text_of_address (&b->sender);
  char *recipients_a = text_of_recipients (one), *recipients_b = text_of_recipients (other);
  bool tells_sender = both_wanted (compare, MILTER_STEP_NO_ENVELOPE_FROM)
                      && !milter_compare_is_told (compare, "mail")
                      && !was_sent_so (compare, sender_a, sender_b);
  bool tells_recipients = both_wanted (compare, MILTER_STEP_NO_ENVELOPE_RECIPIENT)
                          && !milter_compare_is_told (compare, "rcpt")
                          && !milter_compare_is_told (compare, "sent recipients");

  if (tells_sender)
    compare_strings (compare,
                     MILTER_DIFFERENCE_MAIL,
                     "sender of the mail",
                     g_steal_pointer (&sender_a),
                     g_steal_pointer (&sender_b));
  if (tells_recipients)
    compare_strings (compare,
                     MILTER_DIFFERENCE_MAIL,
                     "recipients of the mail",
                     g_steal_pointer (&recipients_a),
                     g_steal_pointer (&recipients_b));
  g_free (sender_a);
  g_free (sender_b);
  g_free (recipients_a);
  g_free (recipients_b);
}

void
milter_compare_mails (MilterCompare *compare)
{
  g_autoptr (MilterMail) a = NULL;
  g_autoptr (MilterMail) b = NULL;

  /* nobody gets a mail that was refused */
  if (!is_taken (compare->messages[0]) || !is_taken (compare->messages[1]))
    return;
  a = milter_recorded_message_build_after (compare->messages[0]);
  b = milter_recorded_message_build_after (compare->messages[1]);
  compare_envelopes (compare, a, b);
  compare_quarantines (compare, a, b);
  if (both_wanted (compare, MILTER_STEP_NO_HEADERS))
    compare_headers (compare, MILTER_DIFFERENCE_MAIL, a, b);
  compare_final_bodies (compare, a, b);
}
